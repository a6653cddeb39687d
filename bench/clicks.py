"""Clicks recorded a second, each durable before its answer, against a bare application that answers 302.

Both run on the same server (uvicorn, uvloop, httptools) in a process of their own; the load comes from
another process over 64 kept connections. The database has its default, durable settings.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

CLIENTS = 64
CONTACTS = 5_000
LINKS = [f"https://shop.example/product/{number}" for number in range(8)]
_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
)


async def run(*, seconds: float = 4.0, rounds: int = 3) -> dict[str, Any]:
    """One row of the table: clicks a second, the bare application's answers a second, their ratio."""
    from syncom.postgres.embedded import EmbeddedServer
    from syncom.postgres.migrate import migrate

    with tempfile.TemporaryDirectory(prefix="syncom-bench-") as folder:
        Path(folder).chmod(0o755)
        async with EmbeddedServer(Path(folder) / "data") as server:
            await migrate(server.dsn)
            paths = await _prepare(server.dsn)
            pairs: list[tuple[float, float]] = []
            for _ in range(rounds):
                bare = await _measure("bare", server.dsn, folder, paths, seconds)
                ours = await _measure("ours", server.dsn, folder, paths, seconds)
                pairs.append((ours, bare))
    return {
        "name": "clicks",
        "measured": round(statistics.median(ours for ours, _ in pairs)),
        "floor": round(statistics.median(bare for _, bare in pairs)),
        "unit": "clicks/s",
        "ratio": round(statistics.median(ours / bare for ours, bare in pairs), 3),
    }


async def _prepare(dsn: str) -> list[str]:
    """One account with one content, and the tracked links of a campaign's recipients."""
    import psycopg

    from syncom.ids import campaign_message_id
    from syncom.security import Keyring
    from syncom.tokens import MessageTokens

    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("INSERT INTO accounts (account_id, name) VALUES (1, 'Bench')")
        await connection.execute(
            "INSERT INTO contents (content_id, account_id, compiled, links) VALUES (1, 1, '{}', %s)", (LINKS,)
        )
    tokens = MessageTokens(Keyring(bytes(32)))
    return [
        f"/t/c/{tokens.track(1, 1, contact, campaign_message_id(1, contact))}/{contact % len(LINKS)}"
        for contact in range(1, CONTACTS + 1)
    ]


async def _measure(kind: str, dsn: str, folder: str, paths: list[str], seconds: float) -> float:
    """Answers a second of one application under load."""
    async with _serving(kind, dsn, folder) as port:
        load = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            "load",
            str(port),
            str(seconds),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        output, _ = await load.communicate(json.dumps(paths).encode())
    return float(output)


@asynccontextmanager
async def _serving(kind: str, dsn: str, folder: str) -> Any:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(kind, dsn, folder, port), daemon=True)
    process.start()
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        yield port
    finally:
        assert process.pid
        os.kill(process.pid, signal.SIGINT)
        await asyncio.to_thread(process.join)


def _serve(kind: str, dsn: str, folder: str, port: int) -> None:
    import uvicorn
    import uvloop

    async def main() -> None:
        if kind == "bare":
            await _run_server(uvicorn, _bare, port)
            return
        from syncom.activity.recorder import Recorder
        from syncom.activity.service import ActivityService
        from syncom.clock import SystemClock
        from syncom.http.tracking.app import TrackingApp
        from syncom.postgres.pool import Database
        from syncom.security import Keyring
        from syncom.tokens import MessageTokens

        async with Database(dsn) as database:

            async def load_links(account_id: int, content_id: int) -> list[str]:
                async with database.tenant(account_id) as connection:
                    cursor = await connection.execute("SELECT links FROM contents WHERE content_id = %s", (content_id,))
                    row = await cursor.fetchone()
                return row[0] if row else []

            clock = SystemClock()
            recorder = Recorder(dsn, ActivityService(database, clock), clock, spool_dir=Path(folder) / "spool")
            await recorder.start()
            app = TrackingApp(MessageTokens(Keyring(bytes(32))), recorder, load_links, clock)
            await _run_server(uvicorn, app, port)
            await recorder.close()

    uvloop.run(main())


async def _run_server(uvicorn: Any, app: Any, port: int) -> None:
    config = uvicorn.Config(
        app,
        port=port,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
        proxy_headers=False,
    )
    await uvicorn.Server(config).serve()


async def _bare(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"location", LINKS[0].encode()), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer. Answers here have no body."""

    answers = 0
    wrong = 0

    def __init__(self, requests: list[bytes], first: int) -> None:
        self._requests = requests
        self._next = first
        self._seen = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self._seen.endswith(b"\r\n\r\n"):
            return
        if self._seen.startswith(b"HTTP/1.1 302"):
            _Client.answers += 1
        else:
            _Client.wrong += 1
        self._seen = b""
        self._ask()

    def _ask(self) -> None:
        self._next = (self._next + CLIENTS) % len(self._requests)
        self._transport.write(self._requests[self._next])


async def _load(port: int, seconds: float) -> None:
    requests = [
        f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: {_AGENT}\r\naccept: text/html\r\n"
        "accept-language: en\r\n\r\n".encode()
        for path in json.load(sys.stdin)
    ]
    loop = asyncio.get_running_loop()
    for number in range(CLIENTS):
        await loop.create_connection(lambda number=number: _Client(requests, number), "127.0.0.1", port)
    await asyncio.sleep(1.0)
    before, start = _Client.answers, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (_Client.answers - before) / (time.perf_counter() - start)
    if _Client.wrong:
        raise SystemExit(f"{_Client.wrong} wrong answers")
    print(rate)


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        import uvloop

        uvloop.run(_load(int(sys.argv[2]), float(sys.argv[3])))
    else:
        print(json.dumps(asyncio.run(run()), indent=2))

"""Clicks recorded a second, each durable before its answer, against a bare application that answers 302.

Both run on the same server (uvicorn, uvloop, httptools) in a process of their own; the load comes from
another process over 64 kept connections. The database has its default, durable settings, and counts the clicks
while they come: the figure is void when it falls behind, or when a counter is not what was answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # a child: its folder is on the path instead of the repository's
    sys.path[0] = str(Path(__file__).parents[1])

from bench.figures import Figure

CLIENTS = 64
CONTACTS = 5_000
LINKS = [f"https://shop.example/product/{number}" for number in range(8)]
#: Seconds a click may wait to be counted while the load lasts.
LAG = 2.0
_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
)


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the clients saw."""

    #: Answers a second in the measured time.
    rate: float
    #: All answers, those of the first second included.
    answers: int


async def run(*, seconds: float = 4.0, rounds: int = 3) -> list[Figure]:
    from syncom.postgres.embedded import EmbeddedServer
    from syncom.postgres.migrate import migrate

    with tempfile.TemporaryDirectory(prefix="syncom-bench-") as folder:
        Path(folder).chmod(0o755)
        async with EmbeddedServer(Path(folder) / "data") as server:
            await migrate(server.dsn)
            paths = await _prepare(server.dsn)
            pairs: list[tuple[float, float]] = []
            answered = 0
            for _ in range(rounds):
                bare = await _measure("bare", server.dsn, folder, paths, seconds)
                ours = await _measure("ours", server.dsn, folder, paths, seconds)
                answered += ours.answers
                await _check(server.dsn, answered)
                pairs.append((ours.rate, bare.rate))
    # The round in the middle by its ratio: its two halves ran under the same neighbours.
    ours_rate, bare_rate = sorted(pairs, key=lambda pair: pair[0] / pair[1])[rounds // 2]
    return [
        Figure(
            issue="01",
            name="record clicks, each durable before its answer",
            measured=ours_rate,
            floor=bare_rate,
            unit="clicks/s",
            must=0.25,
            aim=0.45,
        )
    ]


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


async def _check(dsn: str, answered: int) -> None:
    """Every answered click is there and counted once."""
    import psycopg

    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        row = await (
            await connection.execute(
                "SELECT (SELECT count(*) FROM activity), (SELECT count(*) FROM activity_journal),"
                " (SELECT sum(count)::bigint FROM campaign_statistics WHERE kind IN ('clicked', 'clicked.unknown',"
                " 'clicked.machine'))"
            )
        ).fetchone()
        await connection.execute("CHECKPOINT")
    assert row is not None
    raw, waiting, counted = row
    assert waiting == 0, f"{waiting} batches are still to be counted"
    assert counted == raw, f"{counted} clicks counted of {raw}"
    assert raw == answered, f"{raw} clicks written, {answered} answered"


async def _measure(kind: str, dsn: str, folder: str, paths: list[str], seconds: float) -> Load:
    """One application under load."""
    async with _child("serve", kind, dsn, folder) as server:
        port = (await _line(server)).decode()
        async with _child("load", port, str(seconds)) as load:
            assert load.stdin is not None
            load.stdin.write(json.dumps(paths).encode())
            load.stdin.write_eof()
            seen = Load(**json.loads(await _line(load)))
        if kind == "ours":
            await _caught_up(dsn)
    return seen


async def _caught_up(dsn: str) -> None:
    """Fails when the counters are further behind than a report may be."""
    import psycopg

    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        deadline = time.monotonic() + LAG
        while True:
            row = await (await connection.execute("SELECT count(*) FROM activity_journal")).fetchone()
            if row == (0,):
                return
            assert time.monotonic() < deadline, f"{row} batches wait to be counted after {LAG} s"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _child(*arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """This file as a process of its own, ended by SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a process of the bench ended early; its words are above")
    return line


# ---------------------------------------------------------------- the servers


async def _serve(kind: str, dsn: str, folder: str) -> None:
    if kind == "bare":
        await _run_server(_bare)
        return
    from syncom.activity.recorder import Recorder
    from syncom.activity.service import ActivityService
    from syncom.clock import SystemClock
    from syncom.errors import NotFound
    from syncom.http.tracking.app import TrackingApp
    from syncom.postgres.pool import Database
    from syncom.security import Keyring
    from syncom.tokens import MessageRef, MessageTokens

    async with Database(dsn) as database:

        async def load_links(account_id: int, content_id: int) -> list[str]:
            async with database.tenant(account_id) as connection:
                cursor = await connection.execute("SELECT links FROM contents WHERE content_id = %s", (content_id,))
                row = await cursor.fetchone()
            return row[0] if row else []

        async def no_page(message: MessageRef) -> str:
            raise NotFound("message", str(message.message_id))

        clock = SystemClock()
        recorder = Recorder(dsn, ActivityService(database, clock), clock, spool_dir=Path(folder) / "spool")
        await recorder.start()
        await _run_server(TrackingApp(MessageTokens(Keyring(bytes(32))), recorder, load_links, no_page, clock))
        await recorder.close()


async def _run_server(app: Any) -> None:
    """Serve until SIGTERM. The port is told when clients may come."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = uvicorn.Server(
        uvicorn.Config(app, http="httptools", lifespan="off", access_log=False, log_level="error", proxy_headers=False)
    )

    def stop() -> None:
        server.should_exit = True

    # uvicorn raises the signal that ended it once more: nothing but a clean end is left for it to do.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    server.capture_signals = contextlib.nullcontext
    print(listener.getsockname()[1], flush=True)
    await server.serve(sockets=[listener])


async def _bare(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"location", LINKS[0].encode()), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


# ---------------------------------------------------------------- the clients


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer. Answers here have no body."""

    answers = 0
    wrong = 0
    waiting = 0
    stopped = False

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
        _Client.waiting -= 1
        if not _Client.stopped:
            self._ask()

    def _ask(self) -> None:
        self._next = (self._next + CLIENTS) % len(self._requests)
        _Client.waiting += 1
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
    _Client.stopped = True
    while _Client.waiting:
        await asyncio.sleep(0.01)
    if _Client.wrong:
        raise SystemExit(f"{_Client.wrong} wrong answers")
    print(json.dumps(asdict(Load(rate=rate, answers=_Client.answers))), flush=True)


if __name__ == "__main__":
    import uvloop

    if sys.argv[1] == "load":
        uvloop.run(_load(int(sys.argv[2]), float(sys.argv[3])))
    else:
        uvloop.run(_serve(*sys.argv[2:]))

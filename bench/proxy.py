"""Calls to an app through the proxy, against the same calls on the app directly.

The app is a bare ASGI application in a process of its own, on the server that the product runs on. It answers 1 kB of
JSON, gives a body of any length, and takes one. The product's web process stands between: it checks the token, finds
the connection, puts its credentials on, and streams. The load comes from this process over kept connections; runs
alternate and the median counts. For streams the memory of the web process is read from the system while 1 GiB goes
through it, to a reader, or from a writer to an app, that pauses again and again.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from bench.figures import Figure
from bench.house import bare, product, web_process

CLIENTS = 32
SECONDS = 4.0
ROUNDS = 3
ONE_BY_ONE = 1500
STREAM = 1024 * 1024 * 1024
_MIB = 1024 * 1024
_PIECE = b"x" * (256 * 1024)
_DOCUMENT = b"""{"openapi": "3.1.0", "info": {"title": "Bench", "version": "1"}, "paths": {"/small": {"get": {
    "operationId": "small", "responses": {"200": {"description": "ok"}}}}}}"""
_BODY = b'{"text":"' + b"x" * 1013 + b'"}'


async def run(*, seconds: float = SECONDS, rounds: int = ROUNDS) -> list[Figure]:
    """Three figures."""
    async with _installation() as (app_port, port, path, key, process):
        direct = f"GET /small HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        through = f"GET {path}/small HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        for warm_port, request in ((app_port, direct), (port, through)):
            await _load(warm_port, request, seconds / 2)
        ours: list[float] = []
        floor: list[float] = []
        added: list[float] = []
        for _ in range(rounds):
            floor.append(await _load(app_port, direct, seconds))
            ours.append(await _load(port, through, seconds))
            added.append(await _p50(port, through) - await _p50(app_port, direct))
        growth = await _streamed(port, path, key, process)
    return [
        Figure(
            issue="03",
            name="proxy, 32 clients, 1 kB JSON",
            measured=statistics.median(ours),
            floor=statistics.median(floor),
            unit="requests/s",
            must=0.25,
            aim=0.5,
        ),
        Figure(
            issue="03",
            name="proxy, added latency p50, one client",
            measured=statistics.median(added) * 1000,
            floor=None,
            unit="ms",
            must=2.0,
            aim=0.6,
            better="lower",
        ),
        Figure(
            issue="03",
            name="proxy, memory growth, 1 GiB both ways, slow reader",
            measured=growth / _MIB,
            floor=None,
            unit="MiB",
            must=64.0,
            aim=32.0,
            better="lower",
        ),
    ]


@asynccontextmanager
async def _installation() -> AsyncGenerator[tuple[int, int, str, str, psutil.Process]]:
    """Ports of the app and of the product, the proxy's path to the app, an API key, the product's process."""
    from syncom.accounts.service import machine_principal
    from syncom.app import open_app
    from syncom.connect.catalogue.model import ConnectorSettings
    from syncom.connect.connections.model import ConnectionWish
    from syncom.connect.model import AuthKind, AuthOption
    from syncom.postgres.embedded import EmbeddedServer
    from syncom.postgres.migrate import migrate
    from syncom.settings import Settings

    os.environ["SYNCOM_OUTBOUND_ALLOW"] = "127.0.0.1/32"
    with TemporaryDirectory(prefix="syncom-bench-", dir="/tmp") as folder:  # a short path: it holds a socket
        Path(folder).chmod(0o755)
        async with EmbeddedServer(Path(folder) / "data") as server:
            dsn = server.dsn
            await migrate(dsn)
            async with (
                open_app(Settings(data_dir=Path(folder), outbound_allow="127.0.0.1/32"), dsn=dsn) as app,
                web_process("bench.proxy", "app", dsn, folder) as app_port,
            ):
                account = await app.accounts.create_account(machine_principal(0), name="Bench")
                by = machine_principal(account.account_id)
                key = (await app.accounts.create_api_key(by, name="bench")).key
                option = AuthOption(key="key", kind=AuthKind.BEARER, headers={"Authorization": "Bearer {token}"})
                settings = ConnectorSettings(
                    key="bench",
                    name="Bench",
                    base_url=f"http://127.0.0.1:{app_port}",
                    auth=(option,),
                    test="GET /small",
                )
                await app.catalogue.add(account.account_id, document=_DOCUMENT, settings=settings)
                caller = await app.tenants.authenticate(key)
                wish = ConnectionWish(connector="bench", credentials={"token": "secret-of-the-bench"})
                connection = await app.connections.create(caller, wish)
                async with web_process("bench.proxy", "product", dsn, folder) as port:
                    path = f"/membrane/connections/{connection.connection_id}/proxy"
                    yield app_port, port, path, key, _process_of("product")


def _process_of(kind: str) -> psutil.Process:
    return next(child for child in psutil.Process().children() if kind in child.cmdline())


# ------------------------------------------------------------ load


async def _load(port: int, request: bytes, seconds: float) -> float:
    """Requests a second of connections that each wait for their answer."""
    until = time.monotonic() + seconds
    return sum(await asyncio.gather(*(_client(port, request, until) for _ in range(CLIENTS)))) / seconds


async def _client(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.monotonic() < until:
        await _ask(reader, writer, request)
        count += 1
    writer.close()
    return count


async def _p50(port: int, request: bytes) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: list[float] = []
    for _ in range(ONE_BY_ONE):
        began = time.perf_counter()
        await _ask(reader, writer, request)
        took.append(time.perf_counter() - began)
    writer.close()
    return statistics.median(took)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode("latin-1"))
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    if length != len(_BODY):
        raise RuntimeError(f"{length} bytes instead of {len(_BODY)}")
    await reader.readexactly(length)


async def _streamed(port: int, path: str, key: str, process: psutil.Process) -> float:
    """Bytes by which the process grew at most while 1 GiB went down, and 1 GiB up."""
    begun = process.memory_info().rss
    most = begun
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await _download(port, path, key)
    await _upload(port, path, key)
    done.set()
    await watching
    return float(most - begun)


async def _download(port: int, path: str, key: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path}/large HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    size = 0
    pause = 0
    while size < STREAM:
        piece = await reader.read(_MIB)
        if not piece:
            raise RuntimeError(f"the answer ended after {size} bytes")
        size += len(piece)
        if size >= pause:
            # A slow reader: what is read ahead of it has time to pile up.
            await asyncio.sleep(0.1)
            pause += 32 * _MIB
    writer.close()


async def _upload(port: int, path: str, key: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {path}/large HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Length: {STREAM}\r\n\r\n"
    )
    writer.write(head.encode())
    for _ in range(STREAM // len(_PIECE)):
        writer.write(_PIECE)
        await writer.drain()
    answer = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(len(str(STREAM)))
    if not answer.startswith(b"HTTP/1.1 200") or int(body) != STREAM:
        raise RuntimeError((answer + body).decode("latin-1"))
    writer.close()


# ------------------------------------------------------------ the app


async def _app(port: int) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/small":
            await _answer(send, _BODY)
        elif scope["method"] == "POST":
            size, pause, more = 0, 0, True
            while more:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)
                if size >= pause:
                    await asyncio.sleep(0.1)
                    pause += 32 * _MIB
            await _answer(send, str(size).encode())
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % STREAM)]})
            for _ in range(STREAM // len(_PIECE)):
                await send({"type": "http.response.body", "body": _PIECE, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    await bare(application, port)


async def _answer(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    import uvloop

    kind, dsn, folder, port, _ = sys.argv[1:]
    uvloop.run(product(dsn, folder, int(port)) if kind == "product" else _app(int(port)))

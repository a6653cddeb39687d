"""Upserts of one contact a second over HTTP, 64 clients, against a bare application that does the same SQL.

The floor is an ASGI application on the same server (uvicorn, uvloop, httptools) whose account is fixed: no key, no
checks, no normalising, no routing. It decodes the body with the same library and hands the rows to the same grouped
statements, so the difference is what our edge adds. Both run in a process of their own on a database with its
default, durable settings; the load comes from this process over kept connections. Half of the requests create a
contact and half meet one that is there. Runs alternate; the median counts.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.figures import Figure
from bench.house import bare, product, web_process
from syncom.app import App

CLIENTS = 64
SECONDS = 4.0
ROUNDS = 3
#: Contacts of each account before the first request.
FILLED = 50_000
_PATH = "/syncom/v1/contacts"


async def run(*, seconds: float = SECONDS, rounds: int = ROUNDS) -> list[Figure]:
    """One figure."""
    from syncom.accounts.service import machine_principal
    from syncom.app import open_app
    from syncom.postgres.embedded import EmbeddedServer
    from syncom.postgres.migrate import migrate
    from syncom.settings import Settings

    with TemporaryDirectory(prefix="syncom-bench-", dir="/tmp") as folder:  # a short path: it holds a socket
        Path(folder).chmod(0o755)
        async with EmbeddedServer(Path(folder) / "data") as server:
            dsn = server.dsn
            await migrate(dsn)
            async with open_app(Settings(data_dir=Path(folder)), dsn=dsn) as app:
                account = await app.accounts.create_account(machine_principal(0), name="Bench")
                by = machine_principal(account.account_id)
                floor_account = await app.accounts.create_account(machine_principal(0), name="Floor")
                for filled in (account, floor_account):
                    await _fill(app, filled.account_id)
                async with app.database.autocommit() as connection:
                    # The planner of a young database knows nothing; neither side shall pay for that.
                    await connection.execute("ANALYZE")
                key = (await app.accounts.create_api_key(by, name="bench")).key
            ours: list[float] = []
            bare: list[float] = []
            async with (
                web_process("bench.upsert", "product", dsn, folder) as port,
                web_process("bench.upsert", "floor", dsn, folder, floor_account.account_id) as floor_port,
            ):
                for warm, warm_key in ((floor_port, ""), (port, key)):
                    await _load(warm, warm_key, seconds / 2, rounds)
                for number in range(rounds):
                    bare.append(await _load(floor_port, "", seconds, number))
                    ours.append(await _load(port, key, seconds, number))
    return [
        Figure(
            issue="01",
            name="upsert one contact over HTTP, 64 clients",
            measured=statistics.median(ours),
            floor=statistics.median(bare),
            unit="requests/s",
            must=0.5,
            aim=0.8,
        )
    ]


async def _fill(app: App, account_id: int) -> None:
    """Contacts that were there before."""
    from syncom.contacts.model import ContactInput, UpsertOptions

    for start in range(0, FILLED, 10_000):
        rows = [ContactInput(email=f"old{number}@example.com") for number in range(start, start + 10_000)]
        await app.contacts.upsert(account_id, rows, UpsertOptions())


# ------------------------------------------------------------ load


async def _load(port: int, key: str, seconds: float, number: int) -> float:
    """Requests a second of 64 connections that each wait for their answer."""
    until = time.monotonic() + seconds
    counts = await asyncio.gather(*(_client(port, key, until, f"{number}-{client}") for client in range(CLIENTS)))
    return sum(counts) / seconds


async def _client(port: int, key: str, until: float, name: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"PUT {_PATH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    if key:
        head += f"Authorization: Bearer {key}\r\n"
    count = 0
    while time.monotonic() < until:
        body = (
            f'{{"email":"c{name}-{count // 2}@example.com","first_name":"Anna{count % 2}",'
            '"last_name":"Shevchenko","city":"Kyiv","language":"uk"}'
        )
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise RuntimeError(answer.decode("latin-1"))
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count


# ------------------------------------------------------------ servers


async def _floor(dsn: str, port: int, account_id: int) -> None:
    """The bare application: body in, grouped statements, answer out."""
    import msgspec

    from syncom.clock import SystemClock
    from syncom.contacts.model import PreparedRow, UpsertOptions
    from syncom.contacts.prepare import STANDARD
    from syncom.contacts.service import ContactsService
    from syncom.postgres.group_commit import GroupCommit
    from syncom.postgres.pool import Database

    decode = msgspec.json.Decoder(dict[str, str]).decode
    options = UpsertOptions()
    async with Database(dsn) as database:
        contacts = ContactsService(database, SystemClock())

        async def write(rows: Any) -> Any:
            numbered = [row._replace(row=place) for place, row in enumerate(rows)]
            async with database.tenant(account_id) as connection:
                return (await contacts.merge_prepared(connection, account_id, numbered, options)).contact_ids

        group: GroupCommit[PreparedRow, int] = GroupCommit(write)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            given = decode((await receive())["body"])
            values = tuple([given.get(name) for name in STANDARD])
            contact_id = await group.submit(PreparedRow(0, values, None, (), ()))
            body = b'{"contact_id":%d}' % contact_id
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        await bare(application, port)


if __name__ == "__main__":
    import uvloop

    kind, dsn, folder, port, account_id = sys.argv[1:]
    if kind == "product":
        uvloop.run(product(dsn, folder, int(port)))
    else:
        uvloop.run(_floor(dsn, int(port), int(account_id)))

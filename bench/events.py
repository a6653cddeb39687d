"""Events a second, single, 64 clients: through `POST /v1/event` and through `POST /syncom/v1/events`.

The floor of the native route is a bare ASGI application on the same server (uvicorn, uvloop, httptools) that reads the
body and answers as much, without a database and without looking at what it got.

The floor of eSputnik's route is one on the same server whose account, type and contact are fixed: no key, no checks, no
routing, nobody to be found, nothing that must not come twice. It decodes the body with the same library and inserts the
same rows into the same table with the same grouped commits, so the difference is what the API adds: who asks, what is
read, whom the event is about, and the 409 of the same event within a minute.

Each runs in a process of its own on a database with its default, durable settings; the load comes from another process
over kept connections. Half of the events are of contacts that are there. Runs of a row and its floor alternate; the
round in the middle by its ratio counts, since its two halves ran under the same neighbours.
"""

from __future__ import annotations

import asyncio
import sys
import time
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from bench.figures import Figure
from bench.house import bare, product, web_process

CLIENTS = 64
SECONDS = 3.0
ROUNDS = 3
#: Contacts of the account before the first event.
FILLED = 50_000
_ESPUTNIK = "/api/v1/event"
_NATIVE = "/syncom/v1/events"


async def run(*, seconds: float = SECONDS, rounds: int = ROUNDS) -> list[Figure]:
    """Two figures."""
    from syncom.accounts.service import machine_principal
    from syncom.app import open_app
    from syncom.contacts.model import ContactInput, UpsertOptions
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
                floor_account = await app.accounts.create_account(machine_principal(0), name="Floor")
                for start in range(0, FILLED, 10_000):
                    rows = [ContactInput(email=f"old{n}@example.com") for n in range(start, start + 10_000)]
                    await app.contacts.upsert(account.account_id, rows, UpsertOptions())
                async with app.database.autocommit() as connection:
                    # The planner of a young database knows nothing; neither side shall pay for that.
                    await connection.execute("ANALYZE")
                key = (await app.accounts.create_api_key(machine_principal(account.account_id), name="bench")).key
            async with (
                web_process("bench.events", "product", dsn, folder) as port,
                web_process("bench.events", "floor", dsn, folder, floor_account.account_id) as floor_port,
                web_process("bench.events", "answering", dsn, folder) as answering_port,
            ):
                compat = await _compare(_ESPUTNIK, port, floor_port, key, seconds, rounds)
                native = await _compare(_NATIVE, port, answering_port, key, seconds, rounds)
    return [
        Figure(
            issue="02",
            name="record an event by POST /v1/event, 64 clients",
            measured=compat[0],
            floor=compat[1],
            unit="requests/s",
            must=0.5,
            aim=0.8,
        ),
        Figure(
            issue="04",
            name="events in, single, 64 HTTP clients",
            measured=native[0],
            floor=native[1],
            unit="requests/s",
            must=0.2,
            aim=0.4,
        ),
    ]


async def _compare(path: str, port: int, floor_port: int, key: str, seconds: float, rounds: int) -> tuple[float, float]:
    """Requests a second of the product and of the floor, in the round in the middle by its ratio."""
    pairs: list[tuple[float, float]] = []
    for number in range(-1, rounds):
        bare = await _load(path, floor_port, "", seconds, number)
        ours = await _load(path, port, key, seconds, number)
        if number >= 0:
            pairs.append((ours, bare))
    return sorted(pairs, key=lambda pair: pair[0] / pair[1])[rounds // 2]


# ------------------------------------------------------------ load


async def _load(path: str, port: int, key: str, seconds: float, number: int) -> float:
    """Requests a second, from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.events", "load", str(port), key or "-", str(seconds), str(number), path),
        cwd=Path(__file__).parent.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the load ended early; its words are above")
    return float(output)


class _Client(asyncio.Protocol):
    """One connection that sends the next event as soon as it has its answer: a head alone, or an object in JSON."""

    answers = 0
    stopped = False
    wrong = b""

    def __init__(self, path: str, head: str, name: str, first: int) -> None:
        self._path = path
        self._head = head
        self._name = name
        self._count = first * 1000
        self._seen = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self._seen.endswith(b"}" if self._path == _NATIVE else b"\r\n\r\n"):
            return
        if not self._seen.startswith(b"HTTP/1.1 200"):
            _Client.wrong = self._seen
        self._seen = b""
        _Client.answers += 1
        if not _Client.stopped:
            self._send()

    def _send(self) -> None:
        self._count += 1
        who = f"old{self._count % FILLED}" if self._count % 2 else f"new{self._count}"
        if self._path == _NATIVE:
            body = (
                f'{{"type_key":"invoicePaid","key":"inv-{self._name}-{self._count}","params":{{'
                f'"EmailAddress":"{who}@example.com","sum":"120.50","currency":"UAH","city":"Kyiv"}}}}'
            )
        else:
            body = (
                f'{{"eventTypeKey":"invoicePaid","keyValue":"inv-{self._name}-{self._count}","params":['
                f'{{"name":"EmailAddress","value":"{who}@example.com"}},{{"name":"sum","value":"120.50"}},'
                '{"name":"currency","value":"UAH"},{"name":"city","value":"Kyiv"}]}'
            )
        self._transport.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode())


async def _clients(port: int, key: str, seconds: float, number: str, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json; charset=UTF-8\r\n"
    if key != "-":
        bearer = f"Bearer {key}" if path == _NATIVE else ""
        head += (
            f"Authorization: {bearer}\r\n"
            if bearer
            else f"Authorization: Basic {b64encode(f'shop:{key}'.encode()).decode()}\r\n"
        )
    loop = asyncio.get_running_loop()
    for client in range(CLIENTS):
        await loop.create_connection(
            lambda client=client: _Client(path, head, f"{number}-{client}", client), "127.0.0.1", port
        )
    await asyncio.sleep(0.5)
    before, start = _Client.answers, time.perf_counter()
    await asyncio.sleep(seconds)
    print((_Client.answers - before) / (time.perf_counter() - start))
    _Client.stopped = True
    await asyncio.sleep(0.5)
    if _Client.wrong:
        raise SystemExit(f"a wrong answer: {_Client.wrong!r}")


# ------------------------------------------------------------ servers


class _Param(msgspec.Struct):
    name: str
    value: str


class _Body(msgspec.Struct, rename="camel"):
    event_type_key: str
    key_value: str
    params: list[_Param]


async def _floor(dsn: str, port: int, account_id: int) -> None:
    """The bare application: body in, grouped inserts, answer out."""

    from syncom.ids import single_message_id
    from syncom.postgres.columns import texts
    from syncom.postgres.group_commit import GroupCommit
    from syncom.postgres.pool import Database

    decode = msgspec.json.Decoder(_Body).decode
    encode = msgspec.json.Encoder().encode
    insert = (
        "INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at)"
        " SELECT %(account_id)s, 1, 1, 1, event_id, key, params::jsonb, now()"
        r" FROM unnest(%(ids)s::uuid[], string_to_array(%(keys)s, E'\x1f'), string_to_array(%(params)s, E'\x1f'))"
        " AS k (event_id, key, params) WHERE event_id IS NOT NULL"
    )
    async with Database(dsn) as database:

        async def write(events: Any) -> Any:
            values = {
                "account_id": account_id,
                "ids": f"{{{','.join([single_message_id(1).hex for _ in events])}}}",
                "keys": texts(event.key_value for event in events),
                "params": texts(
                    encode({param.name: param.value for param in event.params}).decode() for event in events
                ),
            }
            async with database.autocommit() as connection:
                await connection.execute(insert, values)
            return [None] * len(events)

        group: GroupCommit[_Body, None] = GroupCommit(write)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await group.submit(decode((await receive())["body"]))
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

        await bare(application, port)


async def _answering(port: int) -> None:
    """The barest application: the body is read, and as much is answered as the product does."""
    body = b'{"event_id":"019dc6b2-7f00-7000-8000-000000000000","contact_id":1024}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    await bare(application, port)


if __name__ == "__main__":
    import uvloop

    if sys.argv[1] == "load":
        uvloop.run(_clients(int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), sys.argv[5], sys.argv[6]))
    elif sys.argv[1] == "product":
        uvloop.run(product(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    elif sys.argv[1] == "answering":
        uvloop.run(_answering(int(sys.argv[4])))
    else:
        uvloop.run(_floor(sys.argv[2], int(sys.argv[4]), int(sys.argv[5])))

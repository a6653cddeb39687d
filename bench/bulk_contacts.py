"""Contacts a second by POST /v1/contacts, 3,000 a call, 4 clients, against our own import of the same people from CSV.

Both create the same contacts, of twelve members, in an account of their own on one durable embedded server. The API
runs in a process of its own, as in production; the load comes from this one, over kept connections with bodies made
before. The import has its reading process beside it, as in production. Runs alternate; the median counts.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import statistics
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.figures import Figure
from bench.house import web_process
from syncom.app import App

CLIENTS = 4
CALL = 3_000
CALLS = 40
ROUNDS = 3
_FIRST = ("Олена", "Іван", "Марія", "Anna", "John", "Тарас", "Оксана", "Peter")
_LAST = ("Коваленко", "Шевченко", "Smith", "Бондар", "Nowak", "Мельник")
_CITIES = (("Київ", "Київська"), ("Львів", "Львівська"), ("Одеса", "Одеська"), ("Харків", "Харківська"))
_HEADER = (
    "email", "phone", "external id", "first name", "last name", "country", "region", "city", "address", "postcode",
    "language", "points",
)  # fmt: skip


async def run(*, calls: int = CALLS, rounds: int = ROUNDS) -> list[Figure]:
    """One figure."""
    from syncom.app import open_app
    from syncom.postgres.embedded import EmbeddedServer
    from syncom.postgres.migrate import migrate
    from syncom.settings import Settings

    rows = [_person(number) for number in range(calls * CALL)]
    with TemporaryDirectory(prefix="syncom-bench-", dir="/tmp") as folder:  # a short path: it holds a socket
        Path(folder).chmod(0o755)
        async with EmbeddedServer(Path(folder) / "data") as server:
            await migrate(server.dsn)
            ours: list[float] = []
            imported: list[float] = []
            async with (
                open_app(Settings(data_dir=Path(folder)), dsn=server.dsn) as app,
                web_process("bench.upsert", "product", server.dsn, folder) as port,
            ):
                for _ in range(rounds):
                    imported.append(await _import(app, rows))
                    ours.append(await _post(app, port, rows))
    return [
        Figure(
            issue="02",
            name="POST /v1/contacts, 3,000 a call, 4 clients, against the CSV import",
            measured=statistics.median(ours),
            floor=statistics.median(imported),
            unit="contacts/s",
            must=0.5,
            aim=0.8,
        )
    ]


def _person(number: int) -> tuple[str, ...]:
    city, region = _CITIES[number % 4]
    return (
        f"person{number}@example.com",
        f"+38067{number:07}",
        f"C-{number}",
        _FIRST[number % 8],
        _LAST[number % 6],
        "UA",
        region,
        city,
        f"вул. Шевченка {number % 300}",
        f"{number % 99999:05}",
        "uk",
        str(number % 1000),
    )


async def _account(app: App) -> tuple[int, int, str]:
    """A fresh account, the number of its field, its key."""
    from syncom.accounts.service import machine_principal
    from syncom.contacts.model import FieldType

    account_id = (await app.accounts.create_account(machine_principal(0), name="Bench")).account_id
    field = await app.contacts.fields.create(account_id, key="points", name="Points", type=FieldType.NUMBER)
    key = (await app.accounts.create_api_key(machine_principal(account_id), name="bench")).key
    return account_id, field.field_id, key


async def _import(app: App, rows: list[tuple[str, ...]]) -> float:
    """Rows a second of the import, from the moment it is created."""
    from syncom.contacts.imports.model import ImportOptions, ImportState

    account_id, _, _ = await _account(app)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    writer.writerows(rows)
    data = text.getvalue().encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    file = await app.imports.store(account_id, "people.csv", pieces())
    started = time.monotonic()
    created = await app.imports.create(account_id, file, ImportOptions())
    done = await app.imports.run(created.import_id)
    if (done.state, done.created) != (ImportState.FINISHED, len(rows)):
        raise RuntimeError(f"the import ended {done.state} with {done.created} contacts: {done.problem}")
    return len(rows) / (time.monotonic() - started)


async def _post(app: App, port: int, rows: list[tuple[str, ...]]) -> float:
    """Contacts a second of four clients that each wait for their answers."""
    account_id, field_id, key = await _account(app)
    bodies = [_body(rows[start : start + CALL], field_id) for start in range(0, len(rows), CALL)]
    started = time.monotonic()
    await asyncio.gather(*(_client(port, key, bodies) for _ in range(CLIENTS)))
    seconds = time.monotonic() - started
    async with app.database.system() as connection:
        cursor = await connection.execute("SELECT count(*) FROM contacts WHERE account_id = %s", (account_id,))
        if await cursor.fetchone() != (len(rows),):
            raise RuntimeError("not every contact was written")
    return len(rows) / seconds


def _body(rows: list[tuple[str, ...]], field_id: int) -> bytes:
    contacts = [
        {
            "channels": [{"type": "email", "value": email}, {"type": "sms", "value": phone[1:]}],
            "externalCustomerId": own_id,
            "firstName": first,
            "lastName": last,
            "address": {
                "countryCode": country,
                "region": region,
                "town": city,
                "address": street,
                "postcode": postcode,
            },
            "languageCode": language,
            "fields": [{"id": field_id, "value": points}],
        }
        for email, phone, own_id, first, last, country, region, city, street, postcode, language, points in rows
    ]
    return json.dumps(
        {"contacts": contacts, "dedupeOn": "email", "customFieldsIDs": [field_id]}, ensure_ascii=False
    ).encode()


async def _client(port: int, key: str, bodies: list[bytes]) -> None:
    """Takes bodies from the common heap until there are none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    basic = b64encode(f"any:{key}".encode()).decode()
    while bodies:
        body = bodies.pop()
        writer.write(
            (
                f"POST /api/v1/contacts HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                f"Authorization: Basic {basic}\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            + body
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        said: dict[str, Any] = json.loads(await reader.readexactly(length))
        if not answer.startswith(b"HTTP/1.1 200") or said["failedContacts"]:
            raise RuntimeError(f"{answer!r} {str(said)[:300]}")
    writer.close()

"""Files that the server is told to get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from syncom.contacts.imports.fetch import FileFetcher, FileRequest
from syncom.contacts.model import FieldType, SubscriptionState
from syncom.outbound import OutboundClient
from tests.http.esputnik.conftest import Shop
from tests.http.esputnik.test_bulk import count, events, person, save
from tests.http.esputnik.test_contacts import read

FILE = (
    "externalCustomerId,firstName,email,sms,town,languageCode\n"
    "C-1,Ann,ann@example.org,380671112233,Lviv,uk\n"
    "C-2,Bob,bob@example.org,,Kyiv,en-us\n"
    ",Eve,not-an-address,,,\n"
)


@asynccontextmanager
async def a_host(body: str = FILE, *, status: str = "200 OK", heads: list[str] | None = None) -> AsyncIterator[str]:
    """A web server with one file; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if heads is not None:
            heads.append(head)
        data = body.encode()
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def work(shop: Shop) -> AsyncIterator[Callable[[], Any]]:
    """Does what a worker does with the file that was queued last, reaching this machine."""
    clients = {True: OutboundClient("127.0.0.1"), False: OutboundClient()}
    files = {
        inside: FileFetcher(shop.app.imports, shop.app.contacts.sessions, client) for inside, client in clients.items()
    }

    async def run(*, inside: bool = True) -> None:
        async with shop.app.database.system() as connection:
            rows = await connection.execute(
                "SELECT args FROM procrastinate_jobs WHERE task_name = 'imports.fetch' ORDER BY id DESC LIMIT 1"
            )
            row = await rows.fetchone()
        assert row is not None
        request = msgspec.convert(row[0]["request"], FileRequest)
        for _ in range(2):  # a worker that died is followed by another one
            import_id = await files[inside].fetch(request)
            if import_id is not None:
                await shop.app.imports.run(import_id)

    yield run
    for client in clients.values():
        await client.close()


async def upload(shop: Shop, link: str, dedupe: str = "email", **more: Any) -> str:
    answer = await shop.post("/v1/contacts/upload", {"link": link, "dedupeOn": dedupe, **more})
    assert answer.status == 200, answer.body
    body = answer.json()
    assert (body["id"], body["failedContacts"]) == (0, [])
    return str(body["asyncSessionId"])


async def session(shop: Shop, ident: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await shop.get(f"/v1/importstatus/{ident}")).json()
    return shown


async def test_a_file_is_downloaded_and_imported_and_its_session_follows(shop: Shop, work: Any) -> None:
    heads: list[str] = []
    async with a_host(heads=heads) as host:
        ident = await upload(
            shop, f"http://me:secret@{host}/people.csv", groupNames=["File"], eventKeyForNewContacts="fromFile"
        )
        assert (await session(shop, ident))["status"] == "STARTED"
        await work()
    found = await session(shop, ident)
    assert (found["status"], found["description"]) == ("FINISHED", "2 created, 0 updated, 0 unchanged, 1 refused")
    assert "Authorization: Basic" in heads[0]
    assert len(heads) == 1
    rows = {one["externalCustomerId"]: one for one in (await shop.get("/v1/contacts")).json()}
    assert rows["C-1"]["channels"] == [
        {"type": "email", "value": "ann@example.org"},
        {"type": "sms", "value": "380671112233"},
    ]
    assert (rows["C-1"]["address"]["town"], rows["C-2"]["languageCode"]) == ("Lviv", "en-US")
    detail = await read(shop, rows["C-2"]["id"])
    assert [group["name"] for group in detail["groups"]] == ["File"]
    assert sorted(row[1] for row in await events(shop)) == ["ann@example.org", "bob@example.org"]
    stored = await shop.app.contacts.get(shop.account_id, rows["C-1"]["id"])
    assert stored.email_state is SubscriptionState.SUBSCRIBED


async def test_known_people_are_updated_groups_left_and_deleted_ones_restored(shop: Shop, work: Any) -> None:
    ann, bob = await save(
        shop, [person("ann@example.org"), person("x@example.org", externalCustomerId="C-2")], groupNames=["Leads"]
    )
    await shop.delete(f"/v1/contact/{bob}")
    async with a_host() as host:
        ident = await upload(
            shop,
            f"http://{host}/people.csv",
            groupNamesExclude=["Leads"],
            restoreDeleted=True,
            eventKeyForNewContacts="fromFile",
        )
        await work()
    assert (await session(shop, ident))["description"] == "0 created, 2 updated, 0 unchanged, 1 refused"
    assert ((await read(shop, ann))["externalCustomerId"], "groups" in await read(shop, ann)) == ("C-1", False)
    assert (await read(shop, bob))["channels"][0]["value"] == "bob@example.org"
    assert await events(shop) == []


async def test_a_file_is_recognised_by_a_field(shop: Shop, work: Any) -> None:
    card = await shop.app.contacts.fields.create(shop.account_id, key="card", name="Card", type=FieldType.NUMBER)
    async with a_host("card,first name\n7,Ann\n7,Anna\n8,Bob\n,Eve\n") as host:
        ident = await upload(shop, f"http://{host}/cards.csv", "fieldId", fieldId=card.field_id)
        await work()
    assert (await session(shop, ident))["description"] == "2 created, 1 updated, 0 unchanged, 1 refused"
    names = [one["firstName"] for one in (await shop.get("/v1/contacts")).json()]
    assert names == ["Anna", "Bob"]


async def test_what_cannot_be_downloaded_or_read_ends_the_session_with_the_reason(shop: Shop, work: Any) -> None:
    async with a_host() as host:
        ident = await upload(shop, f"http://{host}/inside.csv")
        await work(inside=False)
        found = await session(shop, ident)
        assert (found["status"], "private network" in found["description"]) == ("ERROR", True)
    async with a_host(status="403 Forbidden") as host:
        ident = await upload(shop, f"http://{host}/forbidden.csv")
        await work()
        assert "answered 403" in (await session(shop, ident))["description"]
    async with a_host("a,b\n1,2\n") as host:
        ident = await upload(shop, f"http://{host}/strange.csv")
        await work()
        found = await session(shop, ident)
        assert (found["status"], "no column goes to" in found["description"]) == ("ERROR", True)
    assert await count(shop) == "0"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"dedupeOn": "email"}, "Required field 'link' is missing"),
        ({"link": "http://host.example/a.csv"}, "Required field 'dedupeOn' is missing"),
        ({"link": "ftp://host.example/a.csv", "dedupeOn": "email"}, "Field 'link'"),
        ({"link": "people.csv", "dedupeOn": "email"}, "Field 'link'"),
        ({"link": "http://host.example/a.csv", "dedupeOn": "shoe"}, "dedupeOn"),
        ({"link": "http://host.example/a.csv", "dedupeOn": "push"}, "dedupeOn"),
        ({"link": "http://host.example/a.csv", "dedupeOn": "fieldId"}, "fieldId"),
        ({"link": "http://host.example/a.csv", "dedupeOn": "fieldId", "fieldId": 999_999}, "Additional field"),
        ({"link": "http://host.example/a.csv", "dedupeOn": "email", "eventKeyForNewContacts": "<"}, "eventKey"),
    ],
)
async def test_a_wrong_request_is_refused_and_nothing_is_queued(shop: Shop, body: dict[str, Any], message: str) -> None:
    answer = await shop.post("/v1/contacts/upload", body)
    assert answer.status == 400, answer.body
    assert message in answer.message
    async with shop.app.database.system() as connection:
        rows = await connection.execute("SELECT count(*) FROM api_sessions WHERE account_id = %s", (shop.account_id,))
        assert await rows.fetchone() == (0,)

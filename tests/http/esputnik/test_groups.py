"""Segments as eSputnik's clients know them: lists and conditions under one range of numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.postgres import migrate as migration
from tests.http.esputnik.conftest import Shop


async def people(shop: Shop, count: int, **more: str) -> list[int]:
    rows = [ContactInput(email=f"p{n}@example.org", external_id=f"C-{n}", **more) for n in range(count)]
    found = (await shop.app.contacts.upsert(shop.account_id, rows, UpsertOptions())).contact_ids
    return [contact_id for contact_id in found if contact_id is not None]


async def a_list(shop: Shop, name: str = "Customers", members: list[int] | None = None) -> int:
    made = await shop.app.contacts.lists.create(shop.account_id, name)
    if members:
        await shop.app.contacts.lists.add(shop.account_id, made.list_id, members)
    return made.list_id


async def a_segment(shop: Shop, name: str = "Lviv") -> int:
    condition = {"field": "city", "op": "equals", "value": "Lviv"}
    return (await shop.app.segments.create(shop.account_id, name, condition)).segment_id


async def size(shop: Shop, group_id: int) -> str:
    return (await shop.get(f"/v1/group/{group_id}/contacts")).headers["totalcount"]


async def test_lists_and_segments_are_groups_with_different_numbers(shop: Shop) -> None:
    one, two = await a_list(shop), await a_segment(shop)
    assert one != two
    answer = await shop.get("/v1/groups")
    assert answer.json() == [
        {"id": one, "name": "Customers", "type": "Static"},
        {"id": two, "name": "Lviv", "type": "Dynamic"},
    ]
    assert answer.headers["totalcount"] == "2"
    assert (await shop.other.get("/v1/groups")).json() == []


async def test_groups_are_found_by_a_part_of_the_name_and_paged(shop: Shop) -> None:
    ids = [await a_list(shop, f"Customers {n}") for n in range(3)]
    await a_segment(shop, "Other")
    named = await shop.get("/v1/groups", name="USTOM", startindex=2, maxrows=1)
    assert ([one["id"] for one in named.json()], named.headers["totalcount"]) == ([ids[1]], "3")
    beyond = await shop.get("/v1/groups", startindex=99)
    assert (beyond.json(), beyond.headers["totalcount"]) == ([], "4")
    assert (await shop.get("/v1/groups", startindex=0)).status == 400


async def test_contacts_of_a_list_are_paged_with_a_true_count(shop: Shop) -> None:
    ids = await people(shop, 7)
    group_id = await a_list(shop, members=ids)
    seen: list[int] = []
    for start in (1, 4, 7):
        answer = await shop.get(f"/v1/group/{group_id}/contacts", startindex=start, maxrows=3)
        assert answer.headers["totalcount"] == "7"
        seen += [one["id"] for one in answer.json()]
    assert sorted(seen) == sorted(ids)
    assert (await shop.get(f"/v1/group/{group_id}/contacts", startindex=8)).json() == []


async def test_contacts_of_a_segment_are_those_that_match(shop: Shop) -> None:
    ids = await people(shop, 4, city="Lviv")
    await people(shop.other, 2, city="Lviv")
    group_id = await a_segment(shop)
    answer = await shop.get(f"/v1/group/{group_id}/contacts", startindex=2, maxrows=2)
    assert ([one["id"] for one in answer.json()], answer.headers["totalcount"]) == (sorted(ids)[1:3], "4")


@pytest.mark.parametrize("verb", ["attach", "detach"])
async def test_unknown_and_foreign_groups_are_not_found(shop: Shop, verb: str) -> None:
    (theirs,) = await people(shop.other, 1)
    foreign = await a_list(shop.other, members=[theirs])
    mine = await people(shop, 1)
    for group_id in (999_999_999, foreign):
        assert (await shop.get(f"/v1/group/{group_id}/contacts")).status == 404
        answer = await shop.post(f"/v1/group/{group_id}/contacts/{verb}", {"contactIds": mine})
        assert (answer.status, "not found" in answer.message) == (404, True)
    assert await size(shop.other, foreign) == "1"
    assert (await shop.get("/v1/group/abc/contacts")).status == 400


@pytest.mark.parametrize("form", ["contactIds", "externalCustomerIds", "ids", "contacts", "external", "one"])
async def test_contacts_join_and_leave_in_every_form(shop: Shop, form: str) -> None:
    ids = await people(shop, 3)
    group_id = await a_list(shop)
    bodies: dict[str, Any] = {
        "contactIds": {"contactIds": ids[:2]},
        "externalCustomerIds": {"externalCustomerIds": ["C-0", "C-1"]},
        "ids": ids[:2],
        "contacts": [{"contactId": ids[0]}, {"contactId": str(ids[1])}],
        "external": [{"externalCustomerId": "C-0"}, {"externalCustomerId": "C-1"}],
        "one": {"contactIds": [str(ids[0]), str(ids[1])]},
    }
    answer = await shop.post(f"/v1/group/{group_id}/contacts/attach", bodies[form])
    assert (answer.status, answer.body) == (200, b"Contacts were attached")
    assert {one["id"] for one in (await shop.get(f"/v1/group/{group_id}/contacts")).json()} == set(ids[:2])
    await shop.app.contacts.lists.add(shop.account_id, group_id, ids)
    answer = await shop.post(f"/v1/group/{group_id}/contacts/detach", bodies[form])
    assert (answer.status, answer.body) == (200, b"Contacts were detached")
    assert [one["id"] for one in (await shop.get(f"/v1/group/{group_id}/contacts")).json()] == [ids[2]]


async def test_detaching_without_a_body_empties_the_group(shop: Shop) -> None:
    for n, raw in enumerate((b"", b"{}")):
        group_id = await a_list(shop, f"List {n}", await people(shop, 3))
        answer = await shop.call("POST", f"/v1/group/{group_id}/contacts/detach", raw=raw)
        assert answer.status == 200
        assert await size(shop, group_id) == "0"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"contactIds": []}, "empty"),
        ([], "empty"),
        ({"externalCustomerIds": []}, "empty"),
        ({"contactIds": [1], "externalCustomerIds": ["a"]}, "either"),
        ({"contactIds": ["many"]}, "contactIds.0"),
        ({"contactIds": list(range(1, 502))}, "Maximum 500"),
        ([{"id": 1}], "contactId"),
        ("x", "body"),
    ],
)
async def test_wrong_bodies_of_attach_and_detach_change_nothing(shop: Shop, body: Any, message: str) -> None:
    group_id = await a_list(shop, members=await people(shop, 2))
    for verb in ("attach", "detach"):
        answer = await shop.post(f"/v1/group/{group_id}/contacts/{verb}", body)
        assert answer.status == 400, answer.body
        assert message.lower() in answer.message.lower()
    assert (await shop.post(f"/v1/group/{group_id}/contacts/attach", {})).status == 400
    assert (await shop.post(f"/v1/group/{group_id}/contacts/attach")).status == 400
    assert await size(shop, group_id) == "2"


async def test_unknown_contacts_are_passed_over_and_others_cannot_be_attached(shop: Shop) -> None:
    (mine,) = await people(shop, 1)
    (theirs,) = await people(shop.other, 1)
    group_id = await a_list(shop)
    answer = await shop.post(f"/v1/group/{group_id}/contacts/attach", {"contactIds": [mine, theirs, 999_999_999, -1]})
    assert answer.status == 200
    assert await size(shop, group_id) == "1"


async def test_a_condition_has_no_members_of_its_own(shop: Shop) -> None:
    group_id = await a_segment(shop)
    for verb in ("attach", "detach"):
        answer = await shop.post(f"/v1/group/{group_id}/contacts/{verb}", {"contactIds": [1]})
        assert (answer.status, "not static" in answer.message) == (400, True)


async def test_an_old_segment_with_a_lists_number_gets_another_one(server_dsn: str) -> None:
    """Lists and segments made before they shared a sequence."""
    name = f"syncom_old_groups_{os.getpid()}"
    async with await psycopg.AsyncConnection.connect(server_dsn, autocommit=True) as connection:
        database = sql.Identifier(name)
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(database))
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        dsn = make_conninfo(server_dsn, dbname=name)
        folder = Path(migration.__file__).parent / "migrations"
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as old:
            for path in sorted(folder.glob("000*.sql")):
                if path.name < "0009":
                    await old.execute(path.read_text("utf-8").encode())
            await old.execute("INSERT INTO accounts (name) VALUES ('Old')")
            for n in range(2):
                await old.execute("INSERT INTO lists (account_id, name) VALUES (1, %s)", (f"L{n}",))
            for n in range(3):
                await old.execute("INSERT INTO segments (account_id, name, condition) VALUES (1, %s, '{}')", (f"S{n}",))
            text = (folder / "0010_contacts_api.sql").read_bytes()
            for _ in range(2):  # a second run changes nothing
                await old.execute(text)
                rows = await (
                    await old.execute("SELECT segment_id, coalesce(group_id, segment_id) FROM segments ORDER BY 1")
                ).fetchall()
                assert rows == [(1, 4), (2, 5), (3, 3)]
            row = await (
                await old.execute("INSERT INTO lists (account_id, name) VALUES (1, 'new') RETURNING list_id")
            ).fetchone()
            assert row == (6,)
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))

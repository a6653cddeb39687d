"""The table of contacts: conditions, typed words, orders, pages."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import sql

from syncom.segments.table import Order, page_statement
from tests.http.running_site import Site

PEOPLE = [
    {"email": "zoe@example.com", "first_name": "Zoe", "last_name": "Adams", "city": "Lviv", "phone": "+380501112233"},
    {"email": "adam.smith@example.com", "first_name": "Adam", "last_name": "Smith", "city": "Kyiv"},
    {"email": "olena@example.com", "first_name": "Олена", "last_name": "Коваль", "city": "Lviv", "external_id": "X-77"},
    {"phone": "+380671234567", "first_name": "Kim", "last_name": "", "city": "Lviv"},
    {"email": "nobody@example.com", "city": "Kyiv", "fields": {"tier": "gold"}},
    {"email": "anna.adams@example.com", "first_name": "Anna", "last_name": "Adams", "city": "Lviv"},
]


@pytest.fixture(scope="module", autouse=True)
async def people(site: Site) -> None:
    async with site.client() as client:
        await client.post("/syncom/v1/fields", json={"key": "tier", "name": "Tier", "type": "text"})
        for one in PEOPLE:
            key = "email" if "email" in one else "phone"
            answer = await client.put("/syncom/v1/contacts", json=one, params={"key": key})
            assert answer.status_code == 201, answer.text


async def table(site: Site, query: str = "", key: str = "", **question: Any) -> Any:
    async with site.client(key) as client:
        answer = await client.post(f"/syncom/v1/contacts/table{query}", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(answer: dict[str, Any]) -> list[str]:
    return [one["email"] or one["phone"] for one in answer["items"]]


ORDERS = {
    "newest": ["anna.adams", "nobody", "+380671234567", "olena", "adam.smith", "zoe"],
    "oldest": ["zoe", "adam.smith", "olena", "+380671234567", "nobody", "anna.adams"],
    "email": ["adam.smith", "anna.adams", "nobody", "olena", "zoe", "+380671234567"],
    "-email": ["+380671234567", "zoe", "olena", "nobody", "anna.adams", "adam.smith"],
    "name": ["+380671234567", "anna.adams", "zoe", "adam.smith", "olena", "nobody"],
    "-name": ["nobody", "olena", "adam.smith", "zoe", "anna.adams", "+380671234567"],
}


@pytest.mark.parametrize("order", ORDERS)
async def test_an_order_holds_over_pages_of_any_size(site: Site, order: str) -> None:
    wanted = [one if one.startswith("+") else f"{one}@example.com" for one in ORDERS[order]]
    for limit in (1, 2, 4, 6, 100):
        found: list[str] = []
        cursor = ""
        while True:
            answer = await table(site, f"?limit={limit}&cursor={cursor}", order=order)
            found += names(answer)
            if answer["next_cursor"] is None:
                break
            cursor = answer["next_cursor"]
        assert found == wanted, (order, limit)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("ADAM", ["anna.adams@example.com", "adam.smith@example.com", "zoe@example.com"]),
        ("anna adams", ["anna.adams@example.com"]),
        ("adams anna", ["anna.adams@example.com"]),
        ("Anna A", ["anna.adams@example.com"]),
        ("кова", ["olena@example.com"]),
        ("олена", ["olena@example.com"]),
        ("X-77", ["olena@example.com"]),
        ("+380 (50) 111", ["zoe@example.com"]),
        ("38067", ["+380671234567"]),
        ("zoe@", ["zoe@example.com"]),
        ("smith@", []),
        ("100%", []),
        ("'; DROP TABLE contacts; --", []),
        ("�", []),
    ],
    ids=[
        "beginning-of-anything",
        "first-and-last",
        "last-and-first",
        "first-and-a-letter",
        "cyrillic-last",
        "cyrillic-first",
        "external-id",
        "phone-with-signs",
        "digits",
        "address",
        "middle-of-an-address",
        "per-cent",
        "sql",
        "no-letter",
    ],
)
async def test_a_few_typed_words_find_whom_they_mean(site: Site, words: str, wanted: list[str]) -> None:
    answer = await table(site, search=words, total=True)
    assert names(answer) == wanted
    assert answer["total"] == {"contacts": len(wanted), "is_exact": True, "error": 0}
    assert answer["is_complete"]


async def test_a_contact_is_found_by_its_number(site: Site) -> None:
    [zoe] = (await table(site, search="zoe@"))["items"]
    assert names(await table(site, search=str(zoe["contact_id"]))) == ["zoe@example.com"]


async def test_words_condition_and_order_hold_together(site: Site) -> None:
    lviv = {"field": "city", "op": "equals", "value": "Lviv"}
    answer = await table(site, condition=lviv, search="adam", order="email", total=True)
    assert names(answer) == ["anna.adams@example.com", "zoe@example.com"]
    assert answer["total"]["contacts"] == 2
    assert (await table(site, condition=lviv, total=True))["total"] == {"contacts": 4, "is_exact": True, "error": 0}
    assert (await table(site))["total"] is None


async def test_only_chosen_fields_come_along(site: Site) -> None:
    assert (await table(site, search="nobody"))["items"][0]["fields"] == {"tier": "gold"}
    assert (await table(site, search="nobody", fields=[]))["items"][0]["fields"] == {}


async def test_another_account_sees_none_of_them(site: Site) -> None:
    assert (await table(site, key=site.other_key))["items"] == []
    assert (await table(site, key=site.other_key, search="adam"))["items"] == []


@pytest.mark.parametrize(
    ("order", "place", "index"),
    [
        (Order.NAME, "name 3", "contacts_name"),
        (Order.NAME_REVERSED, "name 3", "contacts_name"),
        (Order.EMAIL, "p3@example.com", "contacts_email"),
    ],
    ids=["name", "-name", "email"],
)
async def test_a_page_in_the_middle_reads_none_of_the_rows_before_it(
    site: Site, order: Order, place: str, index: str
) -> None:
    account_id = site.other.account_id
    async with site.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO contacts (account_id, bucket, contact_id, email, last_name) "
            "SELECT %s, (n & 255)::smallint, n, 'p' || n || '@example.com', 'Name ' || n "
            "FROM generate_series(10000000, 10005000) AS n ON CONFLICT DO NOTHING",
            (account_id,),
        )
        await connection.execute("ANALYZE contacts")
    async with site.app.database.system() as connection:
        predicate = await site.app.segments.compile(connection, account_id, {"all": []})
        statement, values = page_statement(predicate, order, (place, 0), None)
        cursor = await connection.execute(
            sql.SQL("EXPLAIN ANALYZE ") + statement, values | {"account_id": account_id, "limit": 50}, prepare=False
        )
        plan = "\n".join(row[0] for row in await cursor.fetchall())
    assert index in plan, plan
    assert "Sort" not in plan, plan
    assert "Removed by Filter" not in plan, plan


@pytest.mark.parametrize(
    ("question", "query", "field"),
    [
        ({"order": "sideways"}, "", "order"),
        ({"condition": {"field": "nothing", "op": "equals", "value": 1}}, "", "condition.field"),
        ({"search": "x" * 201}, "", "search"),
        ({}, "?cursor=nonsense", "cursor"),
    ],
    ids=["order", "condition", "words", "cursor"],
)
async def test_a_wrong_question_names_the_part(site: Site, question: dict[str, Any], query: str, field: str) -> None:
    async with site.client() as client:
        answer = await client.post(f"/syncom/v1/contacts/table{query}", json=question)
    assert answer.status_code == 422, answer.text
    assert field in answer.text

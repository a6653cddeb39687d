"""Segments as they are saved, paged and used by each other, and what the compiler refuses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from syncom.clock import SystemClock
from syncom.contacts.model import CustomField, FieldType
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, Invalid
from syncom.postgres.pool import Database
from syncom.segments import store
from syncom.segments.compile import Compiler
from syncom.segments.model import Segment
from syncom.segments.service import SegmentsService

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIELDS = [
    CustomField(field_id=1, key="shoe_size", name="Shoe size", type=FieldType.NUMBER),
    CustomField(field_id=2, key="vip", name="VIP", type=FieldType.BOOLEAN),
    CustomField(field_id=3, key="tags", name="Tags", type=FieldType.MULTICHOICE, choices=("a", "b")),
    CustomField(field_id=4, key="birthday", name="Birthday", type=FieldType.DATE),
]
WORDS = ["", "Kyiv", "kyiv'; DROP TABLE contacts; --", "Львів", "%_\\", "100%", "{}", "a"]

#: Contacts as the tests' model knows them: a few of everything.
PEOPLE: list[dict[str, Any]] = [
    {
        "contact_id": number,
        "city": WORDS[number % len(WORDS)],
        "email": f"p{number}@example.com" if number % 3 else None,
        "email_state": number % 4,
        "lists": [lst for lst in (1, 2) if number % (lst + 1) == 0],
        "opened": number % 5,
        "fields": {
            **({"1": number % 50} if number % 2 else {}),
            **({"2": number % 3 == 0} if number % 5 else {}),
            **({"3": ["a", "b"][: number % 3]} if number % 7 else {}),
            **({"4": f"19{60 + number % 40}-0{1 + number % 9}-15"} if number % 4 else {}),
        },
    }
    for number in range(1, 301)
]


@pytest.fixture
async def people(database: Database, account_id: int) -> int:
    """The account with PEOPLE in it."""
    async with database.system() as connection:
        for person in PEOPLE:
            contact_id = person["contact_id"]
            await connection.execute(
                "INSERT INTO contacts (account_id, bucket, contact_id, city, email, email_state, fields)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    account_id,
                    contact_id & 255,
                    contact_id,
                    person["city"],
                    person["email"],
                    person["email_state"],
                    Jsonb(person["fields"]),
                ),
            )
            for list_id in person["lists"]:
                await connection.execute(
                    "INSERT INTO list_members (account_id, bucket, list_id, contact_id) VALUES (%s, %s, %s, %s)",
                    (account_id, contact_id & 255, list_id, contact_id),
                )
            if person["opened"]:
                await connection.execute(
                    "INSERT INTO contact_statistics (account_id, bucket, contact_id, opened) VALUES (%s, %s, %s, %s)",
                    (account_id, contact_id & 255, contact_id, person["opened"]),
                )
    return account_id


async def test_pages_of_a_condition_are_complete_and_without_repeats(database: Database, people: int) -> None:
    service = SegmentsService(database, SystemClock())
    condition = {"field": "city", "op": "is_set"}
    seen: list[int] = []
    while page := await service.page(people, condition, after=seen[-1] if seen else 0, limit=17):
        seen += page
    assert len(seen) == len(set(seen)) == await service.count(people, condition)


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        ({}, "condition"),
        ("x", "condition"),
        ({"all": "x"}, "condition.all"),
        ({"all": [{"field": "nope", "op": "equals", "value": "x"}]}, "condition.all.0.field"),
        ({"field": "city", "op": "like", "value": "x"}, "condition.op"),
        ({"field": "city", "op": "equals", "value": 5}, "condition.value"),
        ({"field": "city", "op": "equals", "value": "a\0b"}, "condition.value"),
        ({"field": "city", "op": "equals", "value": "x", "or": "1=1"}, "condition.or"),
        ({"field": "shoe_size", "op": "greater", "value": "1; DROP TABLE contacts"}, "condition.value"),
        ({"field": "birthday", "op": "less", "value": "tomorrow"}, "condition.value"),
        ({"field": ["city"], "op": "equals", "value": "x"}, "condition.field"),
        ({"list": "1 OR TRUE"}, "condition.list"),
        ({"list": -1}, "condition.list"),
        ({"list": True}, "condition.list"),
        ({"segment": 7}, "condition.segment"),
        ({"subscription": "fax", "is": "subscribed"}, "condition.subscription"),
        ({"activity": "sneezed"}, "condition.activity"),
        ({"activity": "opened", "in_last_days": 1.5}, "condition.in_last_days"),
        ({"activity": "opened", "in_last_days": 10**9}, "condition.in_last_days"),
        ({"activity": "opened", "at_least": 0}, "condition.at_least"),
        ({"activity": "opened", "at_least": 3, "at_most": 2}, "condition.at_most"),
        ({"activity": "opened", "in_last_days": 3, "to": "2026-01-01T00:00:00Z"}, "condition.in_last_days"),
        ({"activity": "opened", "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "condition.to"),
        ({"activity": "opened", "from": "2026-01-02"}, "condition.from"),
        ({"activity": "opened", "channel": "pigeon"}, "condition.channel"),
        ({"activity": "opened", "link": 1}, "condition.link"),
        ({"activity": "ordered", "campaign": 1}, "condition.campaign"),
        ({"activity": []}, "condition.activity"),
        ({"event": "never"}, "condition.event"),
        (
            {"event": "known", "where": [{"param": "on", "op": "less", "value": "2026-02-30"}]},
            "condition.where.0.value",
        ),
        ({"category": "nope"}, "condition.category"),
        ({"email_domain": 5}, "condition.email_domain"),
        ({"email_domain": []}, "condition.email_domain"),
        ({"orders": "median"}, "condition.orders"),
        ({"orders": "sum", "value": 5}, "condition.op"),
        ({"orders": "sum", "op": "at_least", "value": "5; --"}, "condition.value"),
        ({"orders": "sum", "op": "at_least", "value": float("nan")}, "condition.value"),
        ({"orders": "sum", "op": "is_set"}, "condition.op"),
        ({"orders": "sum", "op": "at_least", "value": 5, "at_least": 2}, "condition.at_least"),
        ({"orders": "last_at", "op": "less", "value": "2026-01-01T00:00:00Z", "in_last_days": 5}, "condition.orders"),
        ({"orders": "count", "where": {"colour": "red"}}, "condition.where.colour"),
        ({"orders": "count", "where": {"status": "DELIVERED"}}, "condition.where.status"),
        ({"orders": "count", "where": []}, "condition.where"),
        ({"field": "birthday", "op": "anniversary_in_next_days", "value": "7"}, "condition.value"),
        ({"field": "city", "op": "in_last_days", "value": 7}, "condition.op"),
        ({"rfm": "champions"}, "condition.rfm"),
        ({"rfm": {}}, "condition.rfm"),
        ({"rfm": {"class": ["best"]}}, "condition.rfm.class.0"),
        ({"rfm": {"recency": {"at_least": 6}}}, "condition.rfm.recency.at_least"),
        ({"rfm": {"recency": {}}}, "condition.rfm.recency"),
        ({"rfm": {"age": {"at_least": 1}}}, "condition.rfm.age"),
    ],
)
def test_a_wrong_tree_is_refused_with_its_place(tree: Any, place: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Compiler(FIELDS, {}, now=NOW, account_id=1, event_types={"known": 1}).compile(tree)
    assert refusal.value.fields[0].field == place


def test_no_byte_of_a_value_becomes_sql() -> None:
    hostile = "x' OR 1=1 --"
    predicate = Compiler(FIELDS, {}, now=NOW, account_id=1).compile(
        {"field": "city", "op": "contains", "value": hostile}
    )
    assert hostile not in predicate.text.as_string(None)
    assert hostile in predicate.values.values()


def test_deep_and_wide_trees_are_refused() -> None:
    deep: dict[str, Any] = {"list": 1}
    for _ in range(30):
        deep = {"not": deep}
    wide = {"any": [{"list": number} for number in range(600)]}
    for tree in (deep, wide):
        with pytest.raises(Invalid):
            Compiler(FIELDS, {}, now=NOW, account_id=1).compile(tree)


async def test_a_segment_may_use_another_but_not_itself(database: Database, people: int) -> None:
    service = SegmentsService(database, SystemClock())
    inner = await service.create(people, "Kyiv", {"field": "city", "op": "equals", "value": "Kyiv"})
    outer = await service.create(
        people,
        "Kyiv, subscribed",
        {"all": [{"segment": inner.segment_id}, {"subscription": "email", "is": "subscribed"}]},
    )
    assert await service.count(people, {"segment": outer.segment_id}) < await service.count(people, inner.condition)
    with pytest.raises(Invalid, match="itself"):
        await service.update(people, inner.segment_id, "Kyiv", {"segment": outer.segment_id})
    with pytest.raises(Conflict, match="used by segment 'Kyiv, subscribed'"):
        await service.delete(people, inner.segment_id)
    await service.delete(people, outer.segment_id)
    await service.delete(people, inner.segment_id)


async def test_of_two_segments_that_begin_to_use_each_other_at_once_one_is_refused(
    database: Database, people: int
) -> None:
    service = SegmentsService(database, SystemClock())
    for round_ in range(5):
        one = await service.create(people, f"One {round_}", {"all": []})
        two = await service.create(people, f"Two {round_}", {"all": []})
        found = await asyncio.gather(
            service.update(people, one.segment_id, one.name, {"segment": two.segment_id}),
            service.update(people, two.segment_id, two.name, {"segment": one.segment_id}),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in found) == ["Invalid", "Segment"]


async def test_nothing_is_deleted_while_a_segment_begins_to_use_it(database: Database, people: int) -> None:
    contacts = ContactsService(database, SystemClock())
    service = SegmentsService(database, SystemClock(), contacts.usage)
    for round_ in range(5):
        made = await contacts.lists.create(people, f"Customers {round_}")
        inner = await service.create(people, f"Inner {round_}", {"all": []})
        saved, *gone = await asyncio.gather(
            service.create(people, f"Outer {round_}", {"all": [{"list": made.list_id}, {"segment": inner.segment_id}]}),
            contacts.lists.delete(people, made.list_id),
            service.delete(people, inner.segment_id),
            return_exceptions=True,
        )
        if isinstance(saved, Segment):
            assert isinstance(gone[1], Conflict)
        else:
            assert isinstance(saved, Invalid)


async def test_a_segment_of_another_account_is_not_there(
    database: Database, people: int, other_account_id: int
) -> None:
    service = SegmentsService(database, SystemClock())
    segment = await service.create(people, "All", {"all": []})
    with pytest.raises(Exception, match="not found"):
        await service.get(other_account_id, segment.segment_id)
    with pytest.raises(Invalid, match="no segment"):
        await service.create(other_account_id, "Theirs", {"segment": segment.segment_id})
    assert await service.count(other_account_id, {"all": []}) == 0


async def test_a_condition_is_explained_with_names_indexes_and_a_plan(database: Database, people: int) -> None:
    service = SegmentsService(database, SystemClock())
    contacts = ContactsService(database, SystemClock())
    made = await contacts.lists.create(people, "Customers")
    tree = {"all": [{"list": made.list_id}, {"activity": "opened", "campaign": 7, "in_last_days": 30}]}
    found = await service.explain(people, tree)
    assert found.sentence == 'is in the list "Customers" and opened the campaign 7 in the last 30 days'
    assert [(leaf.at, leaf.index, leaf.moves) for leaf in found.leaves] == [
        ("condition.all.0", "list_members_pkey", False),
        ("condition.all.1", "activity_contact, activity_campaign", True),
    ]
    assert "contact_activity" in found.statement
    assert str(made.list_id) in found.values.values()
    assert any("contacts" in line for line in found.plan)


async def test_what_a_segment_uses_cannot_be_deleted(database: Database, people: int) -> None:
    contacts = ContactsService(database, SystemClock())
    service = SegmentsService(database, SystemClock(), contacts.usage)
    field = await contacts.fields.create(people, key="points", name="Points", type=FieldType.NUMBER)
    made = await contacts.lists.create(people, "Customers")
    category = await contacts.categories.put(people, "News", "News")
    leaves = [
        {"field": "points", "op": "at_least", "value": 5},
        {"not": {"list": made.list_id}},
        {"any": [{"category": "news"}]},
    ]
    segment = await service.create(people, "Users", {"all": leaves})
    for delete in (
        lambda: contacts.fields.delete(people, field.field_id),
        lambda: contacts.lists.delete(people, made.list_id),
        lambda: contacts.categories.delete(people, category.category_id),
    ):
        with pytest.raises(Conflict, match="used by segment 'Users'"):
            await delete()
    assert (await contacts.lists.get(people, made.list_id)).name == "Customers"
    assert [one.key for one in await contacts.categories.all(people)] == ["News"]
    await service.delete(people, segment.segment_id)
    await contacts.fields.delete(people, field.field_id)
    await contacts.lists.delete(people, made.list_id)
    await contacts.categories.delete(people, category.category_id)


def test_statistics_beside_each_other_are_one_look_at_them() -> None:
    tree = {
        "all": [
            {"any": [{"activity": "opened", "in_last_days": 30}, {"activity": "clicked", "at_most": 2}]},
            {"not": {"any": [{"activity": "ordered"}, {"activity": "sent", "at_least": 5}]}},
            {"activity": "clicked"},
            {"field": "city", "op": "is_set"},
        ]
    }
    text = Compiler(FIELDS, {}, now=NOW, account_id=1).compile(tree).text.as_string(None)
    # The one in `any` asks for a row or for none, which is two looks.
    assert text.count("contact_statistics") == 3
    del tree["all"][0]
    text = Compiler(FIELDS, {}, now=NOW, account_id=1).compile(tree).text.as_string(None)
    assert text.count("contact_statistics") == 1


async def test_plans_of_conditions_are_made_for_their_values(database: Database, people: int) -> None:
    """A plan that is kept knows nothing of the window of time, and can be a thousand times slower."""
    tree = {"activity": "opened", "at_least": 3, "in_last_days": 30}
    async with database.system() as connection:
        for _ in range(8):
            predicate = Compiler(FIELDS, {}, now=NOW, account_id=people).compile(tree)
            await store.count(connection, people, predicate)
            await store.page(connection, people, predicate, after=0, limit=10)
            await store.part(connection, people, predicate, offset=0, limit=10)
        rows = await (await connection.execute("SELECT statement FROM pg_prepared_statements")).fetchall()
    assert not [row for row in rows if "contact_activity" in row[0]]


async def test_a_list_that_is_not_there_is_refused_where_it_is_named(database: Database, account_id: int) -> None:
    segments = SegmentsService(database, SystemClock())
    with pytest.raises(Invalid, match=r"condition\.all\.1\.not\.list: there is no list 404"):
        await segments.create(account_id, "Nobody", {"all": [{"all": []}, {"not": {"list": 404}}]})

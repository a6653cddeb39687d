"""The compiler against a naive reading of the same trees, on real rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from syncom.clock import SystemClock
from syncom.contacts.model import CustomField, FieldType
from syncom.errors import Invalid
from syncom.postgres.pool import Database
from syncom.segments import store
from syncom.segments.compile import Compiler
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

_text_leaf = st.builds(
    lambda field, op, value: {"field": field, "op": op, **({} if op.startswith("is_") else {"value": value})},
    st.sampled_from(["city", "email"]),
    st.sampled_from(["equals", "not_equals", "contains", "starts_with", "is_set", "is_empty"]),
    st.sampled_from(WORDS),
)
_number_leaf = st.builds(
    lambda op, value: {"field": "shoe_size", "op": op, **({} if op.startswith("is_") else {"value": value})},
    st.sampled_from(["equals", "not_equals", "greater", "at_least", "less", "at_most", "is_set", "is_empty"]),
    st.integers(-5, 60),
)
_day_leaf = st.builds(
    lambda op, year: {"field": "birthday", "op": op, "value": f"{year}-03-15"},
    st.sampled_from(["equals", "not_equals", "greater", "at_least", "less", "at_most"]),
    st.integers(1955, 2005),
)
_leaf = st.one_of(
    _text_leaf,
    _number_leaf,
    _day_leaf,
    st.builds(lambda value: {"field": "vip", "op": "equals", "value": value}, st.booleans()),
    st.builds(lambda value: {"field": "tags", "op": "contains", "value": value}, st.sampled_from("ab")),
    st.sampled_from([{"field": "tags", "op": "is_set"}, {"field": "tags", "op": "is_empty"}]),
    st.builds(
        lambda values: {"field": "city", "op": "in", "value": values}, st.lists(st.sampled_from(WORDS), min_size=1)
    ),
    st.builds(lambda number: {"list": number}, st.integers(1, 3)),
    st.builds(
        lambda state: {"subscription": "email", "is": state}, st.sampled_from(["none", "subscribed", "unsubscribed"])
    ),
    st.builds(lambda times: {"activity": "opened", "at_least": times}, st.integers(0, 6)),
)
_tree = st.recursive(
    _leaf,
    lambda children: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(children, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(children, max_size=3)),
        st.builds(lambda part: {"not": part}, children),
    ),
    max_leaves=8,
)


def holds(tree: dict[str, Any], person: dict[str, Any]) -> bool:
    """What the language means, said in the plainest Python."""
    if "all" in tree:
        return all(holds(part, person) for part in tree["all"])
    if "any" in tree:
        return any(holds(part, person) for part in tree["any"])
    if "not" in tree:
        return not holds(tree["not"], person)
    if "list" in tree:
        return tree["list"] in person["lists"]
    if "subscription" in tree:
        return person["email_state"] == {"none": 0, "subscribed": 2, "unsubscribed": 3}[tree["is"]]
    if "activity" in tree:
        # Nobody without a statistics row has done anything, not even zero times.
        return person["opened"] > 0 and person["opened"] >= tree["at_least"]
    return _field_holds(tree, person)


def _field_holds(tree: dict[str, Any], person: dict[str, Any]) -> bool:
    operator, wanted = tree["op"], tree.get("value")
    if tree["field"] in ("city", "email"):
        value = person[tree["field"]] or ""
        return {
            "equals": lambda: value == wanted,
            "not_equals": lambda: value != wanted,
            "contains": lambda: wanted.lower() in value.lower(),
            "starts_with": lambda: value.lower().startswith(wanted.lower()),
            "in": lambda: value in wanted,
            "is_set": lambda: value != "",
            "is_empty": lambda: value == "",
        }[operator]()
    field = next(field for field in FIELDS if field.key == tree["field"])
    value = person["fields"].get(str(field.field_id))
    if operator == "is_set":
        return value not in (None, [])
    if operator == "is_empty":
        return value in (None, [])
    if operator == "contains":
        return value is not None and wanted in value
    if operator == "not_equals":
        return value != wanted
    if value is None:
        return False
    return {
        "equals": lambda: value == wanted,
        "greater": lambda: value > wanted,
        "at_least": lambda: value >= wanted,
        "less": lambda: value < wanted,
        "at_most": lambda: value <= wanted,
    }[operator]()


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


async def test_every_tree_selects_whom_a_plain_reading_selects(database: Database, people: int) -> None:
    trees: list[dict[str, Any]] = []

    @settings(max_examples=150, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(_tree)
    def collect(tree: dict[str, Any]) -> None:
        trees.append(tree)

    collect()
    async with database.system() as connection:
        for tree in trees:
            predicate = Compiler(FIELDS, {}, now=NOW).compile(tree)
            found = await store.page(connection, people, predicate, after=0, limit=1000)
            expected = {person["contact_id"] for person in PEOPLE if holds(tree, person)}
            assert set(found) == expected, tree
            assert await store.count(connection, people, predicate) == len(expected), tree


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
    ],
)
def test_a_wrong_tree_is_refused_with_its_place(tree: Any, place: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Compiler(FIELDS, {}, now=NOW).compile(tree)
    assert refusal.value.fields[0].field == place


def test_no_byte_of_a_value_becomes_sql() -> None:
    hostile = "x' OR 1=1 --"
    predicate = Compiler(FIELDS, {}, now=NOW).compile({"field": "city", "op": "contains", "value": hostile})
    assert hostile not in predicate.text.as_string(None)
    assert hostile in predicate.values.values()


def test_deep_and_wide_trees_are_refused() -> None:
    deep: dict[str, Any] = {"list": 1}
    for _ in range(30):
        deep = {"not": deep}
    wide = {"any": [{"list": number} for number in range(600)]}
    for tree in (deep, wide):
        with pytest.raises(Invalid):
            Compiler(FIELDS, {}, now=NOW).compile(tree)


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
    with pytest.raises(Exception, match="uses this one"):
        await service.delete(people, inner.segment_id)


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

"""Parameters of events: what they are is discovered, in whatever order values come, or declared."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.events.parameters import Kind, Parameter, conflicts, fits, kind_of, type_of
from tests.events.conftest import EventHouse, ago, paid


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, Kind.BOOLEAN),
        ("false", Kind.BOOLEAN),
        (5, Kind.NUMBER),
        (-0.5, Kind.NUMBER),
        ("120.50", Kind.NUMBER),
        ("-3", Kind.NUMBER),
        ("1e5", Kind.STRING),
        ("9" * 101, Kind.STRING),
        ("٣", Kind.STRING),
        ("2026-11-26", Kind.DATETIME),
        ("2026-11-26T12:00:00.5+02:00", Kind.DATETIME),
        ("2026-11-26 12:00Z", Kind.DATETIME),
        ("2026-02-31", Kind.STRING),
        ("2026-13-01", Kind.STRING),
        ("26.11.2026", Kind.STRING),
        ("True", Kind.STRING),
        (" ", Kind.STRING),
        ([], Kind.ARRAY),
        ({}, Kind.OBJECT),
        ("", None),
        (None, None),
    ],
)
def test_what_a_value_is(value: object, kind: Kind | None) -> None:
    assert kind_of(value) is kind
    assert kind is None or fits(value, kind)


def test_types_widen_to_what_all_values_can_be_read_as() -> None:
    assert type_of({}) == ""
    assert type_of({Kind.NUMBER: 3}) == "number"
    assert type_of({Kind.NUMBER: 3, Kind.STRING: 0}) == "number"
    assert type_of({Kind.NUMBER: 3, Kind.DATETIME: 1}) == type_of({Kind.BOOLEAN: 3, Kind.STRING: 1}) == "string"
    assert type_of({Kind.ARRAY: 3, Kind.OBJECT: 1}) == type_of({Kind.ARRAY: 1, Kind.STRING: 1}) == "mixed"
    assert conflicts({Kind.NUMBER: 8, Kind.STRING: 1, Kind.OBJECT: 1}) == 2


async def told(house: EventHouse, type_key: str = "paid") -> dict[str, Parameter]:
    return {one.name: one for one in await house.events.parameters(house.account_id, type_key)}


async def test_parameters_are_discovered_with_examples_and_conflicts(house: EventHouse) -> None:
    await house.events.record(
        house.account_id, [paid("1", sum="1.50", email="a@example.org", empty="", at="2026-11-26")]
    )
    await house.events.record_each(house.account_id, [paid("2", sum=2), paid("3", sum="two", items=[1])])
    await house.events.import_past(house.account_id, [paid_at("4", 3, sum="7")] * 2)
    found = await told(house)
    assert {name: one.type for name, one in found.items()} == {
        "sum": "string",
        "email": "string",
        "at": "datetime",
        "items": "array",
    }
    assert found["sum"].seen == {Kind.NUMBER: 3, Kind.STRING: 1}
    assert (found["sum"].conflicts, found["items"].conflicts) == (1, 0)
    assert found["items"].example == [1]
    assert found["email"].example is None, "who a person is, is no example"


async def test_what_objects_hold_is_discovered_under_dotted_names(house: EventHouse) -> None:
    products = [{"price": "5.50", "on": "2026-11-26"}, {"price": 7}, "gift"]
    basket = {"total": 12.5, "products": products, "buyer": {"email": "a@example.org"}}
    await house.events.record(house.account_id, [paid("1", basket=basket, **{"basket.total": "all"})])
    found = await told(house)
    assert {name: (one.type, sum(one.seen.values())) for name, one in found.items()} == {
        "basket": ("object", 1),
        "basket.total": ("string", 2),
        "basket.products": ("array", 1),
        "basket.products.price": ("number", 2),
        "basket.products.on": ("datetime", 1),
        "basket.buyer": ("object", 1),
        "basket.buyer.email": ("string", 1),
    }
    examples = {name: one.example for name, one in found.items() if one.example is not None}
    assert examples == {
        "basket.total": "all",
        "basket.products": products,
        "basket.products.price": "5.50",
        "basket.products.on": "2026-11-26",
    }, "nothing that holds who a person is"


async def test_names_in_objects_that_are_values_leave_room_for_parameters(house: EventHouse) -> None:
    for start in range(0, 300, 30):
        await house.events.record(house.account_id, [paid(f"{start}", by_id={f"{start + n}": 1 for n in range(30)})])
        await house.events.types.discovery.flush()
    await house.events.record(house.account_id, [paid("last", late=1)])
    found = await told(house)
    assert "late" in found
    assert len(found) < 150


async def test_a_declared_type_in_an_object_is_kept_to(house: EventHouse) -> None:
    await house.events.types.change(house.account_id, "paid", declared={"basket.items.price": Kind.NUMBER})
    await house.events.record(
        house.account_id, [paid("1", basket={"items": [{"price": "5"}, {}]}), paid("2", basket=5)]
    )
    with pytest.raises(Invalid, match=r"params\.basket\.items\.price: must be a number"):
        await house.events.record(house.account_id, [paid("3", basket={"items": [{"price": 5}, {"price": "five"}]})])


def paid_at(key: str, hours: int, **params: Any) -> EventInput:
    return EventInput(type_key="paid", key=key, params=params, occurred_at=ago(hours=hours))


async def test_what_is_not_recorded_is_not_counted(house: EventHouse) -> None:
    await house.events.record(house.account_id, [paid(sum=1)], once=True)
    await house.events.record(house.account_id, [paid(sum=1)], once=True)
    with pytest.raises(Invalid):
        await house.events.record(house.account_id, [paid(sum=1), paid("x" * 301, sum=1)])
    assert (await told(house))["sum"].seen == {Kind.NUMBER: 1}


async def test_a_declared_type_is_kept_to(house: EventHouse) -> None:
    declared = {"sum": Kind.NUMBER, "note": Kind.STRING, "items": Kind.ARRAY}
    await house.events.types.change(house.account_id, "paid", declared=declared)
    for number, params in enumerate(
        ({"sum": 5, "note": "7"}, {"sum": "5.0"}, {"sum": None, "items": [1]}, {"sum": ""}, {})
    ):
        await house.events.record(house.account_id, [paid(f"{number}", **params)])
    wrong: dict[str, Any] = {"sum": "five", "note": 7, "items": "[1]"}
    for name, value in wrong.items():
        with pytest.raises(Invalid, match=rf"params\.{name}: must be an? {declared[name]}"):
            await house.events.record(house.account_id, [paid("w", **{name: value})])
    [outcome] = await house.events.record_each(house.account_id, [paid("w", sum="five")])
    assert isinstance(outcome, Invalid)
    changed = await house.events.types.change(house.account_id, "paid", declared={"sum": None})
    assert changed.declared == {"note": Kind.STRING, "items": Kind.ARRAY}
    await house.events.record(house.account_id, [paid("w", sum="five")])
    assert (await told(house))["note"].declared


async def test_names_that_are_values_do_not_fill_the_table(house: EventHouse) -> None:
    for start in range(0, 400, 40):
        params = {f"name {n}": 1 for n in range(start, start + 40)}
        await house.events.record(house.account_id, [paid(f"{start}", **params)])
        await house.events.types.discovery.flush()
    assert len(await told(house)) == 200


_TODAY = ago().replace(hour=0, minute=0, second=0, microsecond=0)
values = st.sampled_from([1, "2", "2026-11-26", "word", True, "", None, [1], {"a": 1}])
reports = st.lists(
    st.builds(
        EventInput,
        type_key=st.just("paid"),
        key=st.sampled_from(["a", "b"]),
        dedupe_key=st.sampled_from([f"e-{n}" for n in range(6)]),
        occurred_at=st.integers(1, 120).map(lambda days: _TODAY - timedelta(days=days)),
        params=st.dictionaries(st.sampled_from(["sum", "email"]), values),
    ),
    unique_by=lambda event: event.dedupe_key,
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=reports, seed=st.integers(0, 99), by=st.lists(st.integers(0, 2), min_size=20, max_size=20))
async def test_events_late_twice_and_in_any_order_end_in_the_same_state(
    house: EventHouse, other_account_id: int, events: list[EventInput], seed: int, by: list[int]
) -> None:
    """Whatever the order, the way in and the repeats: the same events, the same types with the same counts."""
    shuffled = events * 2
    random.Random(seed).shuffle(shuffled)
    await forget(house)
    await report(house, house.account_id, events, [0])
    await report(house, other_account_id, shuffled, by)
    assert await state(house, house.account_id) == await state(house, other_account_id)


async def report(house: EventHouse, account_id: int, events: Sequence[EventInput], by: Sequence[int]) -> None:
    for place, event in enumerate(events):
        way = by[place % len(by)]
        if way == 0:
            await house.events.record(account_id, [event], once=True)
        elif way == 1:
            await house.events.record_each(account_id, [event, event])
        else:
            await house.events.import_past(account_id, [event])


async def state(house: EventHouse, account_id: int) -> object:
    types = await house.events.types.all(account_id)
    events = [
        (event.type_key, event.key, event.params, event.occurred_at)
        for one in types
        for event in (await house.events.of_type(account_id, one.key, limit=1000)).events
    ]
    seen = [
        (one.name, one.type, one.seen, one.conflicts, one.last_seen_at)
        for event_type in types
        for one in await house.events.types.parameters(account_id, event_type)
    ]
    return sorted(events, key=repr), seen


async def forget(house: EventHouse) -> None:
    await house.events.types.discovery.flush()
    async with house.database.system() as connection:
        for table in ("events", "event_keys", "recent_events", "event_parameters"):
            await connection.execute(f"DELETE FROM {table}")

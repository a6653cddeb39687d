"""Recording events: whom they are about, what is recorded once, what is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import ContactInput, TimelineKind, UpsertOptions
from syncom.contacts.service import hold_contacts
from syncom.errors import Conflict, Invalid, NotFound
from syncom.events import types
from syncom.events.model import EventInput, TypeParameter, UnexpectedParameters
from syncom.events.service import EventsService
from syncom.ids import bucket_of
from syncom.postgres.pool import Database
from tests.events.conftest import EventHouse, ago, paid


async def test_a_type_appears_with_its_first_event(house: EventHouse) -> None:
    assert await house.events.types.all(house.account_id) == []
    [recorded] = await house.events.record(house.account_id, [paid(sum="120.50")])
    [found] = await house.events.types.all(house.account_id)
    assert (found.key, found.creates_contacts, found.parameters) == ("paid", False, None)
    [stored] = await house.stored()
    assert stored.event_id == recorded.event_id
    assert (stored.key, stored.params, stored.contact_id) == ("inv-1", {"sum": "120.50"}, None)
    assert abs((stored.occurred_at - ago()).total_seconds()) < 60


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EmailAddress", " Olena@Example.org "),
        ("email", "olena@example.org"),
        ("USEREMAIL", "olena@example.org"),
        ("contactEmail", "olena@example.org"),
        ("Phone", "+380 44 123 45 67"),
        ("sms", "380441234567"),
        ("PhoneNumber", 380441234567),
        ("externalCustomerId", "C-1001"),
        ("ContactKey", "k-7"),
        ("contact_key", "k-7"),
    ],
)
async def test_an_event_is_of_whom_its_parameters_name(house: EventHouse, name: str, value: object) -> None:
    contact_id = await house.add_contact(
        email="olena@example.org", phone="+380441234567", external_id="C-1001", contact_key="k-7"
    )
    [recorded] = await house.events.record(house.account_id, [paid(**{name: value})])
    assert recorded.contact_id == contact_id
    page = await house.events.of_contact(house.account_id, contact_id)
    assert [event.event_id for event in page.events] == [recorded.event_id]
    assert recorded.event_id is not None
    assert bucket_of(recorded.event_id.int) == bucket_of(contact_id)


@pytest.mark.parametrize("name", ["ContactId", "contact_id", "CONTACTID"])
async def test_a_contact_is_named_by_its_id(house: EventHouse, name: str) -> None:
    contact_id = await house.add_contact(email="olena@example.org")
    for value in (contact_id, str(contact_id)):
        [recorded] = await house.events.record(house.account_id, [paid(**{name: value})])
        assert recorded.contact_id == contact_id


async def test_the_surest_name_is_believed(house: EventHouse) -> None:
    anna = await house.add_contact(email="anna@example.org")
    boris = await house.add_contact(email="boris@example.org", external_id="C-2")
    names: list[tuple[dict[str, Any], int]] = [
        ({"Email": "anna@example.org", "externalCustomerId": "C-2"}, boris),
        ({"Email": "boris@example.org", "ContactId": anna}, anna),
        ({"Email": "anna@example.org", "externalCustomerId": "C-unknown", "ContactId": 999_999_999}, anna),
        ({"Email": "anna@", "Phone": "x", "UserEmail": "boris@example.org"}, boris),
    ]
    for params, expected in names:
        [recorded] = await house.events.record(house.account_id, [paid(**params)])
        assert recorded.contact_id == expected, params


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"Email": ""},
        {"Email": "nobody@example.org"},
        {"externalCustomerId": "c-1001"},
        {"ContactId": "7x"},
        {"ContactId": "9" * 40},
        {"ContactId": True},
        {"Email": ["olena@example.org"]},
        {"mail": "olena@example.org"},
    ],
)
async def test_an_event_of_nobody_who_is_known_stays_without_a_contact(
    house: EventHouse, params: dict[str, Any]
) -> None:
    await house.add_contact(email="olena@example.org", external_id="C-1001")
    [recorded] = await house.events.record(house.account_id, [paid(**params)])
    assert recorded.event_id is not None
    assert recorded.contact_id is None
    assert [event.contact_id for event in await house.stored()] == [None]


async def test_contacts_of_another_account_are_unknown(
    house: EventHouse, account_id: int, other_account_id: int
) -> None:
    theirs = (
        await house.contacts.upsert_one(other_account_id, ContactInput(email="olena@example.org"), UpsertOptions())
    ).contact_id
    for params in ({"Email": "olena@example.org"}, {"ContactId": theirs}):
        [recorded] = await house.events.record(account_id, [paid(**params)])
        assert recorded.contact_id is None
    with pytest.raises(NotFound, match=f"contact {theirs}"):
        await house.events.record(account_id, [EventInput(type_key="paid", contact_id=theirs)])
    assert len((await house.events.of_type(account_id, "paid")).events) == 2
    assert (await house.events.of_contact(other_account_id, theirs)).events == []
    with pytest.raises(NotFound):
        await house.events.of_type(other_account_id, "paid")


async def test_the_same_event_within_a_minute_is_recorded_once(house: EventHouse) -> None:
    async def record(event: EventInput) -> bool:
        [recorded] = await house.events.record(house.account_id, [event], once=True)
        return not recorded.repeated

    assert await record(paid(a=1, b={"x": 1, "y": 2}))
    assert not await record(paid(b={"y": 2, "x": 1}, a=1))
    assert await record(paid(a=2, b={"x": 1, "y": 2}))
    assert await record(paid("inv-2", a=1, b={"x": 1, "y": 2}))
    assert await record(paid("inv-1", "unpaid", a=1, b={"x": 1, "y": 2}))
    assert len(await house.stored()) == 3
    await house.minute_later()
    assert await record(paid(a=1, b={"x": 1, "y": 2}))
    assert not await record(paid(a=1, b={"x": 1, "y": 2}))
    assert len(await house.stored()) == 4


async def test_the_same_event_of_two_contacts_who_are_named_by_number_is_two(house: EventHouse) -> None:
    anna, boris = [await house.add_contact(email=f"{name}@example.org") for name in ("anna", "boris")]
    for contact_id, repeated in ((anna, False), (boris, False), (anna, True)):
        event = EventInput(type_key="paid", contact_id=contact_id)
        [recorded] = await house.events.record(house.account_id, [event], once=True)
        assert recorded.repeated is repeated
    assert len(await house.stored()) == 2


async def test_of_the_same_event_from_many_requests_at_once_one_is_recorded(house: EventHouse) -> None:
    """Also when they come in by several processes."""
    other = EventsService(house.database, house.contacts, house.events._clock)
    results = await asyncio.gather(
        *(
            service.record(house.account_id, [paid(f"inv-{number}")], once=True)
            for _ in range(20)
            for number in range(10)
            for service in (house.events, other)
        )
    )
    await other.close()
    assert sum(not recorded.repeated for [recorded] in results) == 10
    assert sorted(event.key for event in await house.stored()) == [f"inv-{number}" for number in range(10)]


async def test_what_may_come_again_is_forgotten(house: EventHouse) -> None:
    await house.events.record(house.account_id, [paid()], once=True)
    await house.minute_later()
    await house.events.record(house.account_id, [paid("inv-2")], once=True)
    house.events._forget_at = 0
    await house.events.record(house.account_id, [paid("inv-3")], once=True)
    await house.events.close()
    assert await house.count("recent_events") == 2


async def test_several_events_are_recorded_all_or_none(house: EventHouse) -> None:
    contact_id = await house.add_contact(email="olena@example.org")
    with pytest.raises(NotFound):
        await house.events.record(
            house.account_id, [paid(), EventInput(type_key="paid", contact_id=contact_id + 1_000_000)]
        )
    with pytest.raises(Invalid, match=r"events\.1\.key"):
        await house.events.record(house.account_id, [paid(), paid("x" * 301)])
    assert await house.count("events") == 0
    recorded = await house.events.record(
        house.account_id, [EventInput(type_key="paid", contact_id=contact_id), paid(), paid()], once=True
    )
    assert [one.contact_id for one in recorded] == [contact_id, None, None]
    assert [one.repeated for one in recorded] == [False, False, True]


async def test_one_request_that_cannot_be_written_does_not_fail_its_neighbours(house: EventHouse) -> None:
    results = await asyncio.gather(
        *(house.events.record(house.account_id, [paid(f"k{number}")]) for number in range(20)),
        house.events.record(house.account_id, [EventInput(type_key="paid", contact_id=77)]),
        *(house.events.record(house.account_id, [paid(f"l{number}")]) for number in range(20)),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results].count("NotFound") == 1
    assert len(await house.stored()) == 40


async def test_a_type_that_makes_contacts_does_so_where_that_is_allowed(house: EventHouse) -> None:
    params = {"Email": "New@example.org", "externalCustomerId": "C-9", "city": "Lviv"}
    [recorded] = await house.events.record(house.account_id, [paid(**params)], create_contacts=True)
    assert recorded.contact_id is None
    await house.events.types.change(house.account_id, "paid", creates_contacts=True)
    [recorded] = await house.events.record(house.account_id, [paid("b", **params)])
    assert recorded.contact_id is None
    [recorded] = await house.events.record(house.account_id, [paid("c", **params)], create_contacts=True)
    assert recorded.contact_id is not None
    contact = await house.contacts.get(house.account_id, recorded.contact_id)
    assert (contact.email, contact.external_id) == ("new@example.org", "C-9")
    [again] = await house.events.record(house.account_id, [paid("d", **params)], create_contacts=True)
    assert again.contact_id == recorded.contact_id


async def test_many_events_of_a_new_person_at_once_make_one_contact(house: EventHouse) -> None:
    await house.events.types.change(house.account_id, "paid", creates_contacts=True)
    results = await asyncio.gather(
        *(
            house.events.record(house.account_id, [paid(f"k{number}", Email="new@example.org")], create_contacts=True)
            for number in range(30)
        )
    )
    assert len({recorded.contact_id for [recorded] in results}) == 1
    assert await house.count("contacts") == 1


@pytest.mark.parametrize("params", [{"PushToken": "t"}, {"ContactId": 5}, {"Email": "bad"}, {}])
async def test_what_names_nobody_makes_no_contact(house: EventHouse, params: dict[str, Any]) -> None:
    await house.events.types.change(house.account_id, "paid", creates_contacts=True)
    [recorded] = await house.events.record(house.account_id, [paid(**params)], create_contacts=True)
    assert recorded.event_id is not None
    assert recorded.contact_id is None
    assert await house.count("contacts") == 0


async def test_a_type_may_say_what_its_events_bring(house: EventHouse) -> None:
    wanted = [TypeParameter(name="sum"), TypeParameter(name="note", required=False)]
    await house.events.types.change(house.account_id, "paid", parameters=wanted)
    await house.events.record(house.account_id, [paid(sum=1, Email="a@example.org")])
    for params in ({}, {"note": "x"}, {"sum": 1, "other": 2}, {"Sum": 1}):
        with pytest.raises(UnexpectedParameters) as caught:
            await house.events.record(house.account_id, [paid(**params)])
        assert caught.value.parameters == tuple(wanted)
    await house.events.types.change(house.account_id, "paid", parameters=None)
    await house.events.record(house.account_id, [paid(other=1)])
    assert len(await house.stored()) == 2


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (paid("k", ""), "type_key"),
        (paid("k", "x" * 101), "type_key"),
        *((paid("k", f"a{mark}b"), "type_key") for mark in "<>;’\\/|\"`'^?!,\n\0"),
        (paid("x" * 301), "key"),
        (paid("a\x1fb"), "key"),
        (paid(**{"": 1}), "params"),
        (paid(**{"x" * 101: 1}), "params"),
        (paid(**{"a\0": 1}), "params"),
        (paid(note="a\0b"), "params"),
        (paid(Email="x" * 301), "params.Email"),
        (paid(note="x" * 300_000), "params"),
    ],
)
async def test_bad_events_are_refused_by_name_and_leave_nothing(
    house: EventHouse, event: EventInput, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await house.events.record(house.account_id, [event])
    assert caught.value.fields[0].field == field
    assert await house.count("events") + await house.count("event_types") == 0


async def test_an_account_has_only_so_many_types(house: EventHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "TYPES_LIMIT", 3)
    for number in range(3):
        await house.events.record(house.account_id, [paid("k", f"t{number}")])
    with pytest.raises(Conflict, match="at most 3 event types"):
        await house.events.record(house.account_id, [paid("k", "t3")])
    await house.events.record(house.account_id, [paid("k", "t1")])


async def test_events_are_written_in_a_callers_transaction_or_not_at_all(house: EventHouse) -> None:
    contact_id = await house.add_contact(email="olena@example.org")
    async with house.database.tenant(house.account_id) as connection:
        await house.events.write(connection, house.account_id, [paid()])
        raise psycopg.Rollback
    assert await house.count("events") + await house.count("event_types") == 0
    async with house.database.tenant(house.account_id) as connection:
        recorded = await house.events.write(
            connection,
            house.account_id,
            [EventInput(type_key="orderDELIVERED", key="A-1", contact_id=contact_id, occurred_at=ago(days=2)), paid()],
        )
    assert [one.contact_id for one in recorded] == [contact_id, None]
    [order] = await house.stored("orderDELIVERED")
    assert abs((order.occurred_at - ago(days=2)).total_seconds()) < 60


async def test_followed_events_are_in_the_change_log_and_others_are_not(house: EventHouse) -> None:
    await house.events.record(house.account_id, [paid("before")])
    event_type = await house.events.types.get(house.account_id, "paid")
    async with house.database.tenant(house.account_id) as connection:
        await house.events.types.follow(connection, house.account_id, event_type.event_type_id, followed=True)
    [one] = await house.events.record(house.account_id, [paid("one")], once=True)
    await house.events.record(house.account_id, [paid("one")], once=True)
    await house.events.record(house.account_id, [paid("other", "unpaid")])
    async with house.database.tenant(house.account_id) as connection:
        [two] = await house.events.write(connection, house.account_id, [paid("two")])
    await house.events.import_past(house.account_id, [EventInput(type_key="paid", key="past", occurred_at=ago(days=1))])
    async with house.database.system() as connection:
        rows = await (await connection.execute("SELECT event_id FROM followed_events ORDER BY followed_id")).fetchall()
    assert [row[0] for row in rows] == [one.event_id, two.event_id]


# ------------------------------------------------------------ past events


async def test_past_events_have_their_time_and_come_once(house: EventHouse) -> None:
    contact_id = await house.add_contact(email="olena@example.org")
    past = [
        EventInput(
            type_key="paid", key=f"k{number}", params={"Email": "olena@example.org"}, occurred_at=ago(days=number * 20)
        )
        for number in range(10)
    ]
    assert await house.events.import_past(house.account_id, past) == 10
    assert await house.events.import_past(house.account_id, past[::-1]) == 0
    page = await house.events.of_contact(house.account_id, contact_id, limit=4)
    assert [event.key for event in page.events] == ["k0", "k1", "k2", "k3"]
    rest = await house.events.of_contact(house.account_id, contact_id, limit=100, cursor=page.cursor)
    assert [event.key for event in rest.events] == ["k4", "k5", "k6", "k7", "k8", "k9"]
    assert rest.cursor is None


async def test_a_past_event_of_nobody_is_not_recorded_again_for_a_later_contact(house: EventHouse) -> None:
    event = EventInput(type_key="paid", params={"Email": "olena@example.org"}, occurred_at=ago(days=1))
    assert await house.events.import_past(house.account_id, [event]) == 1
    await house.add_contact(email="olena@example.org")
    assert await house.events.import_past(house.account_id, [event]) == 0


async def test_past_events_without_a_time_or_of_the_future_are_refused_and_leave_nothing(house: EventHouse) -> None:
    good = EventInput(type_key="paid", occurred_at=ago(days=1))
    for when in (None, ago(days=-1), ago(days=30_000), ago(days=1).replace(tzinfo=None)):
        with pytest.raises((Invalid, TypeError)):
            await house.events.import_past(
                house.account_id, [good, EventInput(type_key="paid", key="bad", occurred_at=when)]
            )
    with pytest.raises(Invalid):
        await house.events.import_past(house.account_id, [])
    assert await house.count("events") == 0


async def test_events_are_deleted_by_key_and_by_time(house: EventHouse, other_account_id: int) -> None:
    past = [EventInput(type_key="paid", key=f"k{number % 2}", occurred_at=ago(days=number)) for number in range(1, 7)]
    await house.events.import_past(house.account_id, past)
    await house.events.import_past(other_account_id, past)
    with pytest.raises(Invalid):
        await house.events.delete(house.account_id, "paid")
    with pytest.raises(NotFound):
        await house.events.delete(house.account_id, "unknown", key="k0")
    assert await house.events.delete(house.account_id, "paid", key="k0", since=ago(days=4.5)) == 2
    assert await house.events.delete(house.account_id, "paid", until=ago(days=4.5)) == 2
    assert [event.key for event in await house.stored()] == ["k1", "k1"]
    assert await house.events.delete(house.account_id, "paid", key="k1") == 2
    assert len((await house.events.of_type(other_account_id, "paid")).events) == 6


_PAST = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["", "k"]), st.sampled_from([1, 2]), st.sampled_from([1, 30])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=st.lists(_PAST, min_size=1, max_size=4), data=st.data())
async def test_past_events_in_any_order_and_any_number_of_times_leave_the_same(
    house: EventHouse, calls: list[list[tuple[str, str, int, int]]], data: st.DataObject
) -> None:
    """Against a model: a set."""
    async with house.database.system() as connection:
        await connection.execute("DELETE FROM events")
    expected = {row for call in calls for row in call}
    for call in data.draw(st.permutations(calls + calls[:2])):
        past = [
            EventInput(type_key=kind, key=key, params={"n": n}, occurred_at=datetime(2026, 3, day, tzinfo=UTC))
            for kind, key, n, day in call
        ]
        await house.events.import_past(house.account_id, past)
    found = [
        (kind, event.key, event.params["n"], event.occurred_at.day)
        for kind in {row[0] for row in expected}
        for event in await house.stored(kind)
    ]
    assert sorted(found) == sorted(expected)


# ------------------------------------------------------------ with their contacts


async def test_events_are_on_the_timeline_of_their_contact(house: EventHouse) -> None:
    contact_id = await house.add_contact(email="olena@example.org")
    await house.events.record(house.account_id, [paid("inv-1", Email="olena@example.org", sum=5)])
    page = await house.contacts.timeline(house.account_id, contact_id)
    [entry] = [entry for entry in page.entries if entry.kind is TimelineKind.EVENT]
    assert (entry.detail["type"], entry.detail["key"]) == ("paid", "inv-1")
    assert entry.detail["params"] == {"Email": "olena@example.org", "sum": 5}


async def test_events_of_a_merged_contact_are_read_with_the_kept_one(house: EventHouse) -> None:
    kept = await house.add_contact(email="olena@example.org")
    dropped = await house.add_contact(email="lena@example.org")
    await house.events.record(house.account_id, [paid("a", Email="lena@example.org")])
    await house.contacts.merge(house.account_id, kept, dropped)
    await house.events.record(house.account_id, [paid("b", ContactId=dropped)])
    page = await house.events.of_contact(house.account_id, kept)
    assert [event.key for event in page.events] == ["b", "a"]
    timeline = await house.contacts.timeline(house.account_id, kept)
    assert [entry.kind for entry in timeline.entries].count(TimelineKind.EVENT) == 2


async def test_an_erased_contact_takes_its_events_along(house: EventHouse) -> None:
    contact_id = await house.add_contact(email="olena@example.org")
    await house.events.record(house.account_id, [paid("a", Email="olena@example.org"), paid("b")])
    await house.contacts.erase(house.account_id, contact_id)
    assert [event.key for event in await house.stored()] == ["b"]


async def test_nobody_but_the_system_changes_an_event(database: Database, house: EventHouse) -> None:
    await house.events.record(house.account_id, [paid()])
    for statement in ("DELETE FROM events", "UPDATE events SET key = 'x'", "SELECT * FROM followed_events"):
        with pytest.raises(Exception, match="permission denied"):
            async with database.tenant(house.account_id) as connection:
                await connection.execute(statement)


async def test_contacts_are_held_until_their_events_are_committed(house: EventHouse) -> None:
    """Two statements of one pipeline are one transaction: an erasure cannot come between looking and writing."""
    async with house.database.autocommit() as connection, connection.pipeline():
        await hold_contacts(connection, (house.account_id,))
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        held = await cursor.fetchone()
    assert held == (1,)
    contact_id = await house.add_contact(email="olena@example.org")

    async def record(number: int) -> None:
        await house.events.record(house.account_id, [paid(f"k{number}", Email="olena@example.org")])

    await asyncio.gather(*(record(number) for number in range(40)), house.contacts.erase(house.account_id, contact_id))
    assert (await house.events.of_contact(house.account_id, contact_id)).events == []
    assert all(event.contact_id is None for event in await house.stored())

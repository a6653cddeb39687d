"""Events that say which one they are: recorded once, wherever and whenever they come again."""

from __future__ import annotations

import asyncio

from syncom.events.model import EventInput, Recorded
from tests.events.conftest import EventHouse, ago


def keyed(dedupe_key: str, type_key: str = "paid", **members: object) -> EventInput:
    return EventInput(type_key=type_key, dedupe_key=dedupe_key, **members)  # pyright: ignore[reportArgumentType]


async def test_a_key_is_of_one_event_in_whatever_month_it_is_said_to_lie(house: EventHouse) -> None:
    first, second = [keyed("e-1", occurred_at=ago(days=days), params={"n": days}) for days in (1, 70)]
    [recorded] = await house.events.record(house.account_id, [first])
    await house.minute_later()
    for again in (first, second):
        [repeated] = await house.events.record(house.account_id, [again])
        assert repeated.repeated
    assert await house.events.import_past(house.account_id, [second]) == 0
    assert [event.event_id for event in await house.stored()] == [recorded.event_id]


async def test_a_key_is_one_of_its_type_and_its_account(house: EventHouse, other_account_id: int) -> None:
    for account_id, event in (
        (house.account_id, keyed("e-1")),
        (house.account_id, keyed("e-2")),
        (house.account_id, keyed("e-1", "refunded")),
        (other_account_id, keyed("e-1")),
    ):
        [recorded] = await house.events.record(account_id, [event])
        assert not recorded.repeated


async def test_an_imported_event_has_its_key_too(house: EventHouse) -> None:
    past = [keyed("e-1", occurred_at=ago(days=3)), keyed("e-1", occurred_at=ago(days=2))]
    assert await house.events.import_past(house.account_id, past) == 1
    [repeated] = await house.events.record(house.account_id, [keyed("e-1")])
    assert repeated.repeated
    [kept] = await house.stored()
    assert kept.occurred_at == past[0].occurred_at


async def test_of_many_at_once_one_is_recorded(house: EventHouse) -> None:
    outcomes = await asyncio.gather(
        *(house.events.record(house.account_id, [keyed("e-1", params={"n": n})]) for n in range(50)),
        house.events.record(house.account_id, [keyed("e-1"), keyed("e-1", params={"n": 99})]),
    )
    assert sum(not one.repeated for outcome in outcomes for one in outcome) == 1
    assert len(await house.stored()) == 1


async def test_a_refused_event_leaves_its_key_to_others(house: EventHouse) -> None:
    refused = keyed("e-1", contact_id=99_999_999)
    outcomes = await house.events.record_each(house.account_id, [refused, keyed("e-1")])
    assert [isinstance(outcome, Recorded) and not outcome.repeated for outcome in outcomes] == [False, True]


async def test_an_event_without_a_key_is_its_moment_too(house: EventHouse) -> None:
    """Each of a batch of the same reading at different times is an event."""
    events = [EventInput(type_key="read", params={"value": 5}, occurred_at=ago(hours=n)) for n in range(5)]
    outcomes = await house.events.record_each(house.account_id, [*events, *events])
    assert [isinstance(one, Recorded) and one.repeated for one in outcomes] == [False] * 5 + [True] * 5


async def test_keys_are_forgotten_when_their_time_is_over(house: EventHouse) -> None:
    await house.events.record(house.account_id, [keyed("old"), keyed("new")])
    async with house.database.system() as connection:
        await connection.execute(
            "UPDATE event_keys SET recorded_at = recorded_at - interval '91 days'"
            " WHERE dedupe_hash = (SELECT dedupe_hash FROM event_keys LIMIT 1)"
        )
    await house.events.forget_keys()
    assert await house.count("event_keys") == 1


async def test_events_that_make_contacts_are_each_recorded_with_theirs(house: EventHouse) -> None:
    await house.events.types.change(house.account_id, "joined", creates_contacts=True)
    events = [keyed(f"e-{n % 20}", "joined", params={"email": f"person{n % 20}@example.org"}) for n in range(30)] + [
        keyed("e-x", "joined", contact_id=99_999_999)
    ]
    outcomes = await house.events.record_each(house.account_id, events, create_contacts=True)
    found = [one for one in outcomes if isinstance(one, Recorded)]
    assert len(found) == 30
    assert [one.repeated for one in found] == [False] * 20 + [True] * 10
    assert all(one.contact_id for one in found[:20])

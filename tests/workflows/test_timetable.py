"""Contacts come in at times: on days of their own and by a schedule, each once, whatever the clocks do meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.clock import SystemClock
from syncom.contacts.model import ContactInput, FieldType, UpsertOptions
from syncom.errors import Invalid
from syncom.workflows import timetable
from syncom.workflows.model import Workflow
from tests.workflows.conftest import Journeys, another_keeper
from tests.workflows.test_killed_keeper import keeper_process

BIRTHDAY = {"type": "date", "field": "birthday"}
STOP = {"type": "stop"}
KYIV = ZoneInfo("Europe/Kyiv")
_numbers = itertools.count()
#: Contacts of one batch, where tests want several.
FEW = 7


async def be(journeys: Journeys, moment: datetime) -> None:
    """It is this moment now, and everything due is done."""
    journeys.clock.ahead = moment - SystemClock().now()
    await journeys.settle()


def kyiv(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=KYIV)


async def born(journeys: Journeys, *days: str, **more: Any) -> list[int]:
    """A contact of each birthday; the field is made."""
    known = await journeys.sending.contacts.fields.by_key(journeys.account_id, wanted={"birthday"})
    if "birthday" not in known:
        await journeys.sending.contacts.fields.create(
            journeys.account_id, key="birthday", name="Birthday", type=FieldType.DATE
        )
    rows = [ContactInput(email=f"b{next(_numbers)}@example.com", fields={"birthday": day}, **more) for day in days]
    found = await journeys.sending.contacts.upsert(journeys.account_id, rows, UpsertOptions())
    assert not found.problems
    return [one for one in found.contact_ids if one is not None]


async def rebirth(journeys: Journeys, contact_id: int, **members: Any) -> None:
    contact = (await journeys.sending.contacts.get_many(journeys.account_id, [contact_id]))[0]
    found = await journeys.sending.contacts.upsert(
        journeys.account_id, [ContactInput(email=contact.email or "", **members)], UpsertOptions()
    )
    assert found.contact_ids == [contact_id]


async def zone_of_account(journeys: Journeys, name: str) -> None:
    async with journeys.database.system() as connection:
        await connection.execute("UPDATE accounts SET time_zone = %s", (name,))


async def came(journeys: Journeys, workflow: Workflow) -> dict[int, list[str]]:
    """The days for which each contact came in."""
    async with journeys.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT contact_id, params ->> 'date' FROM enrolments WHERE workflow_id = %s ORDER BY contact_id, 2",
                (workflow.workflow_id,),
            )
        ).fetchall()
    found: dict[int, list[str]] = {}
    for contact_id, day in rows:
        found.setdefault(contact_id, []).append(day)
    return found


# ---------------------------------------------------------------- days of contacts


async def test_who_has_its_day_comes_in_at_the_time_of_its_own_zone_else_of_the_accounts(journeys: Journeys) -> None:
    await zone_of_account(journeys, "Europe/Kyiv")
    [here] = await born(journeys, "1990-06-15")
    [tokyo, new_york] = await born(journeys, "1991-06-15", "1992-06-15")
    await rebirth(journeys, tokyo, time_zone="Asia/Tokyo")
    await rebirth(journeys, new_york, time_zone="America/New_York")
    [_tomorrow, _, _] = await born(journeys, "1990-06-16", "1990-06-14", "1990-12-15")
    await be(journeys, datetime(2027, 6, 14, 12, tzinfo=UTC))
    workflow = await journeys.started_by(BIRTHDAY, STOP)
    order: list[int] = []
    for hour in range(12, 48):
        await be(journeys, datetime(2027, 6, 14, tzinfo=UTC) + timedelta(hours=hour, minutes=1))
        found = await came(journeys, workflow)
        order += [one for one in found if one not in order]
    assert order[:3] == [tokyo, here, new_york], "09:00 there, 09:00 here, 09:00 over there"
    assert (await came(journeys, workflow))[tokyo] == ["2027-06-15"]
    await be(journeys, datetime(2028, 6, 15, 20, tzinfo=UTC))
    assert (await came(journeys, workflow))[here] == ["2027-06-15", "2028-06-15"]


async def test_so_many_days_before_and_after_and_only_once_unless_it_is_yearly(journeys: Journeys) -> None:
    await zone_of_account(journeys, "UTC")
    [one] = await born(journeys, "2027-03-01")
    await be(journeys, datetime(2027, 2, 1, tzinfo=UTC))
    before = await journeys.started_by({**BIRTHDAY, "days": -3, "yearly": False}, STOP)
    after = await journeys.started_by({**BIRTHDAY, "days": 2}, STOP)
    for year in (2027, 2028):
        for day in range(59):
            await be(journeys, datetime(year, 2, 1, 9, 0, 30, tzinfo=UTC) + timedelta(days=day))
    assert await came(journeys, before) == {one: ["2027-02-26"]}
    assert await came(journeys, after) == {one: ["2027-03-03", "2028-03-03"]}


async def test_the_day_of_sign_up_and_moments_count_as_the_local_day_they_are_on(journeys: Journeys) -> None:
    await journeys.sending.contacts.fields.create(
        journeys.account_id, key="visit", name="Visit", type=FieldType.DATETIME
    )
    await zone_of_account(journeys, "Asia/Tokyo")
    # The next day there.
    made = await journeys.sending.contacts.upsert(
        journeys.account_id,
        [ContactInput(email="v@example.com", fields={"visit": "2027-05-09T20:00:00Z"})],
        UpsertOptions(),
    )
    one = made.contact_ids[0]
    async with journeys.database.system() as connection:
        await connection.execute("UPDATE contacts SET created_at = '2027-05-09T20:00:00Z'")
    await be(journeys, datetime(2027, 5, 9, 20, 30, tzinfo=UTC))
    visit = await journeys.started_by({"type": "date", "field": "visit", "days": 1, "yearly": False}, STOP)
    joined = await journeys.started_by({"type": "date", "field": "created_at", "days": 7, "yearly": False}, STOP)
    year = await journeys.started_by({"type": "date", "field": "created_at", "at": "00:00:00"}, STOP)
    for moment in (datetime(2027, 5, 11, 0, 1, tzinfo=UTC), datetime(2027, 5, 17, 0, 1, tzinfo=UTC)):
        await be(journeys, moment)
    assert await came(journeys, visit) == {one: ["2027-05-11"]}
    assert await came(journeys, joined) == {one: ["2027-05-17"]}
    await be(journeys, datetime(2028, 5, 9, 15, 1, tzinfo=UTC))
    assert await came(journeys, year) == {one: ["2028-05-10"]}


async def test_the_29th_of_february_is_the_28th_in_common_years(journeys: Journeys) -> None:
    await zone_of_account(journeys, "UTC")
    [leap, plain] = await born(journeys, "1992-02-29", "1992-02-28")
    await be(journeys, datetime(2027, 2, 27, tzinfo=UTC))
    workflow = await journeys.started_by(BIRTHDAY, STOP)
    for year in (2027, 2028):
        for day in range(4):
            await be(journeys, datetime(year, 2, 27, 9, 1, tzinfo=UTC) + timedelta(days=day))
    assert await came(journeys, workflow) == {
        leap: ["2027-02-28", "2028-02-29"],
        plain: ["2027-02-28", "2028-02-28"],
    }


@pytest.mark.parametrize(
    ("day", "at", "before", "after"),
    [
        # 03:30 is left out on 28 March 2027: it is 04:30. 03:30 comes twice on 31 October: the second.
        ("1990-03-28", "03:30:00", (3, 29), (4, 31)),
        ("1990-10-31", "03:30:00", (2, 59), (4, 1)),
        ("1990-03-28", "09:00:00", (8, 59), (9, 1)),
        ("1990-10-31", "09:00:00", (8, 59), (9, 1)),
    ],
)
async def test_changes_of_the_clocks_lose_and_double_nobody(
    journeys: Journeys, day: str, at: str, before: tuple[int, int], after: tuple[int, int]
) -> None:
    await zone_of_account(journeys, "Europe/Kyiv")
    [one] = await born(journeys, day)
    month, number = int(day[5:7]), int(day[8:])
    await be(journeys, kyiv(2027, month, number))
    workflow = await journeys.started_by({**BIRTHDAY, "at": at}, STOP)
    await be(journeys, kyiv(2027, month, number, *before))
    assert await came(journeys, workflow) == {}
    await be(journeys, kyiv(2027, month, number, *after))
    assert await came(journeys, workflow) == {one: [f"2027-{day[5:]}"]}
    for hour in range(10, 48):
        await be(journeys, kyiv(2027, month, number).astimezone(UTC) + timedelta(hours=hour))
    assert await came(journeys, workflow) == {one: [f"2027-{day[5:]}"]}


async def test_a_day_that_is_written_before_its_time_counts_and_after_it_does_not(journeys: Journeys) -> None:
    await zone_of_account(journeys, "UTC")
    [early, late, gone, moved] = await born(journeys, "1990-01-01", "1990-01-01", "1990-06-15", "1990-06-15")
    await be(journeys, datetime(2027, 6, 15, 8, 50, tzinfo=UTC))
    workflow = await journeys.started_by(BIRTHDAY, STOP)
    await rebirth(journeys, early, fields={"birthday": "1990-06-15"})
    await rebirth(journeys, gone, fields={"birthday": ""})
    await be(journeys, datetime(2027, 6, 15, 9, 1, tzinfo=UTC))
    await rebirth(journeys, late, fields={"birthday": "1990-06-15"})
    # Somewhere else it is not nine yet: the day is the same, and it has come in for it.
    await rebirth(journeys, moved, time_zone="America/New_York")
    for hour in range(10, 24):
        await be(journeys, datetime(2027, 6, 15, hour, 1, tzinfo=UTC))
    assert await came(journeys, workflow) == {early: ["2027-06-15"], moved: ["2027-06-15"]}


async def test_a_value_that_is_no_date_keeps_nobody_else_out(journeys: Journeys) -> None:
    await zone_of_account(journeys, "UTC")
    [odd, one] = await born(journeys, "1990-02-28", "1990-02-28")
    async with journeys.database.system() as connection:
        await connection.execute(
            "UPDATE contacts SET fields = (SELECT jsonb_build_object(field_id, '1990-02-29') FROM custom_fields)"
            " WHERE contact_id = %s",
            (odd,),
        )
    await be(journeys, datetime(2027, 2, 28, tzinfo=UTC))
    workflow = await journeys.started_by(BIRTHDAY, STOP)
    await be(journeys, datetime(2027, 2, 28, 9, 1, tzinfo=UTC))
    assert await came(journeys, workflow) == {one: ["2027-02-28"]}


async def test_what_comes_due_in_a_pause_or_more_than_a_day_ago_is_not_made_up_for(journeys: Journeys) -> None:
    await zone_of_account(journeys, "UTC")
    [first, second, third, fourth] = await born(journeys, "1990-06-15", "1990-06-16", "1990-06-17", "1990-06-18")
    await be(journeys, datetime(2027, 6, 15, 10, tzinfo=UTC))
    workflow = await journeys.started_by(BIRTHDAY, STOP)
    await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
    await be(journeys, datetime(2027, 6, 16, 10, tzinfo=UTC))
    await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
    # Starting what is started changes nothing.
    await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
    await be(journeys, datetime(2027, 6, 16, 11, tzinfo=UTC))
    assert await came(journeys, workflow) == {}, "started after the first one's time, paused over the second's"
    # No keeper ran for two days.
    await be(journeys, datetime(2027, 6, 18, 10, tzinfo=UTC))
    assert await came(journeys, workflow) == {fourth: ["2027-06-18"]}, (first, second, third)


async def test_a_new_version_goes_on_where_the_old_one_was_unless_its_time_is_another(journeys: Journeys) -> None:
    await zone_of_account(journeys, "UTC")
    [one, other] = await born(journeys, "1990-06-15", "1990-06-16")
    await be(journeys, datetime(2027, 6, 15, 8, tzinfo=UTC))
    workflow = await journeys.started_by(BIRTHDAY, STOP)
    journeys.clock.ahead += timedelta(hours=2)
    # The time has come, and nobody has looked yet.
    definition = {"trigger": BIRTHDAY, "steps": [{"type": "wait", "days": 1}, STOP]}
    await journeys.workflows.change(journeys.account_id, workflow.workflow_id, definition=definition)
    await journeys.settle()
    assert await came(journeys, workflow) == {one: ["2027-06-15"]}
    definition = {"trigger": {**BIRTHDAY, "at": "07:00:00"}, "steps": [STOP]}
    await be(journeys, datetime(2027, 6, 16, 8, tzinfo=UTC))
    await journeys.workflows.change(journeys.account_id, workflow.workflow_id, definition=definition)
    await be(journeys, datetime(2027, 6, 16, 12, tzinfo=UTC))
    assert await came(journeys, workflow) == {one: ["2027-06-15"]}, "its seven o'clock was over"
    assert other not in await came(journeys, workflow)


async def test_rules_of_entry_hold_for_times_too(journeys: Journeys) -> None:
    await zone_of_account(journeys, "UTC")
    [one] = await born(journeys, "1990-06-15")
    await be(journeys, datetime(2027, 6, 15, 8, tzinfo=UTC))
    definition = {
        "trigger": BIRTHDAY,
        "rules": {"entry": {"again": "after", "days": 300}},
        "steps": [STOP],
    }
    made = await journeys.workflows.create(journeys.account_id, "Birthday", definition)
    workflow = await journeys.workflows.start(journeys.account_id, made.workflow_id)
    await be(journeys, datetime(2027, 6, 15, 9, 1, tzinfo=UTC))
    await rebirth(journeys, one, fields={"birthday": "1990-06-16"})
    await be(journeys, datetime(2027, 6, 16, 9, 1, tzinfo=UTC))
    assert await came(journeys, workflow) == {one: ["2027-06-15"]}


async def test_two_keepers_let_everybody_in_once_in_batches(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timetable, "_CONTACTS", FEW)
    await zone_of_account(journeys, "UTC")
    people = await born(journeys, *["1990-06-15"] * 60)
    await be(journeys, datetime(2027, 6, 15, 8, tzinfo=UTC))
    workflow = await journeys.started_by(BIRTHDAY, STOP)
    journeys.clock.ahead += timedelta(hours=2)
    other = another_keeper(journeys.database, journeys.events, journeys.sending, journeys.clock)
    for _ in range(40):
        await asyncio.gather(journeys.keeper.step(), other.step())
    assert await came(journeys, workflow) == {one: ["2027-06-15"] for one in people}


@pytest.mark.timeout(300)
async def test_keepers_killed_in_the_midst_of_a_look_lose_nobody_and_double_nobody(journeys: Journeys) -> None:
    """Batches of 5,000: they are killed after the first."""
    count = 8_000
    await zone_of_account(journeys, "UTC")
    now = journeys.clock.now()
    await born(journeys, f"1990-{now:%m-%d}")
    async with journeys.database.system() as connection:
        await connection.execute(
            "INSERT INTO contacts (account_id, bucket, contact_id, fields)"
            " SELECT account_id, (n & 255)::smallint, n, fields"
            " FROM contacts, generate_series(1000000, 1000000 + %s - 2) AS n",
            (count,),
        )
    at = (now + timedelta(seconds=4)).time().replace(microsecond=0)
    if at < now.time():
        pytest.skip("it is midnight")
    workflow = await journeys.started_by({**BIRTHDAY, "at": at.isoformat()}, {"type": "wait", "days": 1})

    async def inside() -> int:
        async with journeys.database.system() as connection:
            row = await (await connection.execute("SELECT count(*) FROM enrolments")).fetchone()
        return int(row[0]) if row else 0

    for wanted in (1, count):
        async with keeper_process(journeys) as one, keeper_process(journeys) as other, asyncio.timeout(120):
            while await inside() < wanted:
                await asyncio.sleep(0.005)
            one.kill()
            other.kill()
            await asyncio.gather(one.wait(), other.wait())
    assert len(await came(journeys, workflow)) == await inside() == count


#: Days after the one on which it begins.
DAYS = st.integers(0, 3)
ZONES = st.sampled_from(["", "Europe/Kyiv", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"])
PASSES = st.tuples(st.just("passes"), st.one_of(st.integers(1, 23 * 60), st.sampled_from([1, 5, 15, 60])))
#: To so many minutes around the next moment of anybody.
NEAR = st.tuples(st.just("near"), st.sampled_from([-8, -1, 1, 8]))
DAY = st.tuples(st.just("day"), st.integers(0, 2), DAYS)
PAUSE = st.tuples(st.just("pause"), st.sampled_from([NEAR, PASSES]).flatmap(lambda one: one))
CHANGES = st.one_of(NEAR, NEAR, NEAR, PASSES, DAY, PAUSE)


@settings(
    max_examples=int(os.environ.get("SYNCOM_TIMETABLE_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    begins=st.sampled_from([datetime(2027, 3, 26, 20, tzinfo=UTC), datetime(2027, 10, 30, 3, tzinfo=UTC)]),
    zones=st.tuples(ZONES, ZONES, ZONES),
    days=st.tuples(DAYS, DAYS, DAYS),
    at=st.sampled_from([time(9), time(0), time(3, 30), time(23, 50)]),
    ahead=st.sampled_from([0, -1, 3]),
    changes=st.lists(CHANGES, min_size=6, max_size=25),
)
async def test_every_occurrence_lets_in_once_whatever_the_clock_and_the_fields_do(
    journeys: Journeys,
    begins: datetime,
    zones: tuple[str, ...],
    days: tuple[int, ...],
    at: time,
    ahead: int,
    changes: list[tuple[Any, ...]],
) -> None:
    """Against a model: who has its moment between two looks by what its field says at the second one."""
    await zone_of_account(journeys, "Europe/Kyiv")
    birthdays = [f"{begins + timedelta(days=day):1990-%m-%d}" for day in range(4)]
    people = await born(journeys, *(birthdays[day] for day in days))
    known = dict(zip(people, (birthdays[day] for day in days), strict=True))
    where = dict(zip(people, [ZoneInfo(zone or "Europe/Kyiv") for zone in zones], strict=True))
    for one, zone in zip(people, zones, strict=True):
        await rebirth(journeys, one, time_zone=zone)
    moment = begins
    await be(journeys, moment)
    trigger = {**BIRTHDAY, "at": at.isoformat(), "days": ahead}
    workflow = await journeys.started_by(trigger, STOP)
    expected = Counter[tuple[int, str]]()
    for change in changes:
        paused = change[0] == "pause"
        if change[0] == "day":
            place, day = int(change[1]), int(change[2])
            known[people[place]] = birthdays[day]
            await rebirth(journeys, people[place], fields={"birthday": birthdays[day]})
            continue
        if paused:
            await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
        how, minutes = change[1] if paused else change
        before = moment
        if how == "near":
            to_come = [due for _, _, due in _moments(known, where, at, ahead, moment) if due > moment]
            moment = min(to_come, default=moment)
        moment = max(before, moment + timedelta(minutes=minutes))
        await be(journeys, moment)
        if paused:
            await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
        else:
            came_due = _moments(known, where, at, ahead, moment)
            expected |= Counter((one, day) for one, day, due in came_due if before < due <= moment)
        # A test takes milliseconds: they are before the next minute.
        journeys.clock.ahead = moment - SystemClock().now()
    found = Counter((one, day) for one, found in (await came(journeys, workflow)).items() for day in found)
    await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
    assert {key: count for key, count in found.items() if key[0] in people} == dict(expected)


def _moments(
    known: Mapping[int, str], where: Mapping[int, ZoneInfo], at: time, ahead: int, around: datetime
) -> list[tuple[int, str, datetime]]:
    """By plain words: of each day near, whose it is, and the moment at which that comes in."""
    found: list[tuple[int, str, datetime]] = []
    for one, birthday in known.items():
        for place in range(-3, 4):
            day = around.date() + timedelta(days=place)
            base = day - timedelta(days=ahead)
            if f"{base:%m-%d}" == birthday[5:]:
                # Of a time that comes twice the second; of one that is left out, an hour later.
                both = [datetime.combine(day, at.replace(fold=fold), where[one]).astimezone(UTC) for fold in (0, 1)]
                found.append((one, day.isoformat(), max(both)))
    return found


# ---------------------------------------------------------------- schedules


async def segment(journeys: Journeys, condition: dict[str, Any]) -> int:
    return (await journeys.sending.segments.create(journeys.account_id, "Them", condition)).segment_id


async def test_everybody_in_a_segment_comes_in_at_each_time_of_its_zone(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timetable, "_CONTACTS", FEW)
    people = await journeys.sending.people(20)
    chosen = await segment(journeys, {"field": "first_name", "op": "starts_with", "value": "Name1"})
    await be(journeys, kyiv(2027, 6, 15, 9, 30))
    workflow = await journeys.started_by(
        {"type": "schedule", "segment_id": chosen, "time_zone": "Europe/Kyiv", "at": "09:30:00"}, STOP
    )
    await be(journeys, kyiv(2027, 6, 16, 9, 29))
    assert await came(journeys, workflow) == {}, "nothing is made up for the time before it was started"
    await be(journeys, kyiv(2027, 6, 16, 9, 31))
    ones = [people[0], *people[9:19]]
    assert await came(journeys, workflow) == {one: ["2027-06-16"] for one in ones}
    # Who is in it now.
    await rebirth(journeys, people[1], first_name="Name1, later")
    await rebirth(journeys, people[0], first_name="Another")
    await be(journeys, kyiv(2027, 6, 17, 9, 31))
    found = await came(journeys, workflow)
    assert found[people[0]] == ["2027-06-16"]
    assert found[people[1]] == ["2027-06-17"]
    assert found[people[9]] == ["2027-06-16", "2027-06-17"]


@pytest.mark.parametrize(
    ("members", "days"),
    [
        ({"every": "week", "weekday": "thu"}, ["2027-01-07", "2027-01-14", "2027-01-21", "2027-01-28"]),
        ({"every": "month", "day": 31}, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        ({"every": "month", "day": 5}, ["2027-01-05", "2027-02-05", "2027-03-05", "2027-04-05"]),
        ({"every": "once", "on": "2027-02-14"}, ["2027-02-14"]),
    ],
)
async def test_weeks_months_and_one_day(journeys: Journeys, members: dict[str, Any], days: list[str]) -> None:
    people = await journeys.sending.people(2)
    everybody = await segment(journeys, {"field": "email", "op": "is_set"})
    await be(journeys, datetime(2027, 1, 1, tzinfo=UTC))
    workflow = await journeys.started_by({"type": "schedule", "segment_id": everybody, **members}, STOP)
    for day in range(121 if members["every"] != "week" else 31):
        await be(journeys, datetime(2027, 1, 1, 9, 0, 30, tzinfo=UTC) + timedelta(days=day))
    assert await came(journeys, workflow) == dict.fromkeys(people, days)


@pytest.mark.parametrize(
    ("begins", "days"),
    [
        (kyiv(2027, 3, 26, 12), ["2027-03-27", "2027-03-28", "2027-03-29"]),
        (kyiv(2027, 10, 30, 1), ["2027-10-30", "2027-10-31", "2027-11-01"]),
    ],
)
async def test_each_local_day_has_its_time_once_when_the_clocks_change(
    journeys: Journeys, begins: datetime, days: list[str]
) -> None:
    [one] = await journeys.sending.people(1)
    everybody = await segment(journeys, {"field": "email", "op": "is_set"})
    await be(journeys, begins)
    workflow = await journeys.started_by(
        {"type": "schedule", "segment_id": everybody, "time_zone": "Europe/Kyiv", "at": "03:30:00"}, STOP
    )
    for half_hours in range(2 * 24 * 3):
        await be(journeys, begins.astimezone(UTC) + half_hours * timedelta(minutes=30))
    assert await came(journeys, workflow) == {one: days}


async def test_a_day_that_is_over_is_refused_at_the_start_and_does_not_keep_those_inside(journeys: Journeys) -> None:
    [one] = await journeys.sending.people(1)
    everybody = await segment(journeys, {"field": "email", "op": "is_set"})
    await be(journeys, datetime(2027, 6, 1, tzinfo=UTC))
    over = {"type": "schedule", "segment_id": everybody, "every": "once", "on": "2027-05-01"}
    with pytest.raises(Invalid, match=r"2027-05-01 09:00 in UTC is over: choose a moment to come"):
        await journeys.started_by(over, STOP)
    workflow = await journeys.started_by({**over, "on": "2027-06-02"}, {"type": "wait", "days": 1})
    await be(journeys, datetime(2027, 6, 2, 9, 1, tzinfo=UTC))
    await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
    await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
    await be(journeys, datetime(2027, 6, 4, tzinfo=UTC))
    assert await came(journeys, workflow) == {one: ["2027-06-02"]}


async def test_a_workflow_that_cannot_let_in_stops_no_other(journeys: Journeys) -> None:
    people = await journeys.sending.people(2)
    first = await segment(journeys, {"field": "email", "op": "is_set"})
    second = (await journeys.sending.segments.create(journeys.account_id, "Too", {"segment": first})).segment_id
    await be(journeys, datetime(2027, 6, 1, tzinfo=UTC))
    broken = await journeys.started_by({"type": "schedule", "segment_id": first}, STOP)
    whole = await journeys.started_by({"type": "schedule", "segment_id": second}, STOP)
    async with journeys.database.system() as connection:
        await connection.execute(
            """UPDATE segments SET condition = '{"field": "gone", "op": "is_set"}' WHERE segment_id = %s""", (first,)
        )
        await connection.execute(
            """UPDATE segments SET condition = '{"field": "email", "op": "is_set"}' WHERE segment_id = %s""", (second,)
        )
    await be(journeys, datetime(2027, 6, 1, 9, 1, tzinfo=UTC))
    assert await came(journeys, broken) == {}
    assert await came(journeys, whole) == {one: ["2027-06-01"] for one in people}
    async with journeys.database.system() as connection:
        await connection.execute(
            """UPDATE segments SET condition = '{"field": "email", "op": "is_set"}' WHERE segment_id = %s""", (first,)
        )
    await be(journeys, datetime(2027, 6, 1, 9, 10, tzinfo=UTC))
    assert await came(journeys, broken) == {one: ["2027-06-01"] for one in people}, "it was mended within a day"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("trigger", "refusal"),
    [
        ({"type": "date", "field": "birthday"}, r"definition.trigger.field: there is no field 'birthday'"),
        ({"type": "date", "field": "nick"}, r"definition.trigger.field: 'nick' is no field of dates"),
        ({"type": "date", "field": "created_at", "at": "09:00:00+02:00"}, r"definition.trigger.at: .*no zone"),
        ({"type": "schedule", "segment_id": 7}, r"definition.trigger.segment_id: there is no segment 7"),
        (
            {"type": "schedule", "segment_id": 7, "time_zone": "Kyiv"},
            r"definition.trigger.time_zone: is not a time zone such as Europe/Kyiv",
        ),
        ({"type": "schedule", "segment_id": 7, "every": "once"}, r"definition.trigger.on: must be a day"),
    ],
)
async def test_triggers_of_time_are_checked(journeys: Journeys, trigger: dict[str, Any], refusal: str) -> None:
    await journeys.sending.contacts.fields.create(journeys.account_id, key="nick", name="Nick", type=FieldType.TEXT)
    with pytest.raises(Invalid, match=refusal):
        await journeys.workflows.create(journeys.account_id, "Refused", {"trigger": trigger, "steps": [STOP]})


async def test_fields_and_segments_of_triggers_are_in_use(journeys: Journeys) -> None:
    await born(journeys, "1990-01-01")
    everybody = await segment(journeys, {"field": "email", "op": "is_set"})
    for trigger in (BIRTHDAY, {"type": "schedule", "segment_id": everybody}):
        await journeys.workflows.create(journeys.account_id, "Timed", {"trigger": trigger, "steps": [STOP]})
    async with journeys.database.tenant(journeys.account_id) as connection:
        assert await journeys.workflows.users(connection, journeys.account_id, "field", "birthday")
        assert await journeys.workflows.users(connection, journeys.account_id, "segment", everybody)

"""What each step does, and each rule: one by one, where it is not obvious."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.contacts.model import FieldType
from syncom.content.model import Dialect
from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.workflows.model import EnrolmentState, Outcome, Workflow
from tests.workflows.conftest import Journeys

FINISHED, WAITING, FAILED = EnrolmentState.FINISHED, EnrolmentState.WAITING, EnrolmentState.FAILED
JOINED = {"type": "event", "event_type": "joined"}
WAIT_A_DAY = {"type": "wait", "days": 1}


def send(template_id: int, **members: Any) -> dict[str, Any]:
    return {"type": "send_email", "template_id": template_id, **members}


async def ruled(journeys: Journeys, rules: dict[str, Any], *steps: dict[str, Any]) -> Workflow:
    definition = {"trigger": JOINED, "rules": rules, "steps": list(steps)}
    made = await journeys.workflows.create(journeys.account_id, "Ruled", definition)
    return await journeys.workflows.start(journeys.account_id, made.workflow_id)


async def rows(journeys: Journeys, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with journeys.database.system() as connection:
        return await (await connection.execute(statement.encode(), values)).fetchall()


async def act(journeys: Journeys, statement: str, *values: Any) -> None:
    async with journeys.database.system() as connection:
        await connection.execute(statement.encode(), values)


async def mailed(journeys: Journeys) -> list[int]:
    return sorted(mail["contact"] for mail in await journeys.queued())


async def paths(journeys: Journeys) -> dict[int, list[tuple[int, int]]]:
    """Steps and outcomes of each contact's journey."""
    found = await rows(journeys, "SELECT contact_id, path FROM enrolments")
    return {contact_id: list(zip(path[::3], path[1::3], strict=True)) for contact_id, path in found}


async def birthday(journeys: Journeys, values: dict[int, str]) -> None:
    """A custom field of dates, with what each contact has in it, as it may have been stored by anything."""
    fields = journeys.sending.contacts.fields
    field = await fields.create(journeys.account_id, key="birthday", name="Birthday", type=FieldType.DATE)
    for contact_id, value in values.items():
        await act(
            journeys,
            "UPDATE contacts SET fields = jsonb_build_object(%s::text, %s::text) WHERE contact_id = %s",
            str(field.field_id),
            value,
            contact_id,
        )


# ---------------------------------------------------------------- moments


@pytest.mark.parametrize(
    ("moment", "begins", "ends", "days", "expected"),
    [
        # Over midnight, in Kyiv, where summer is three hours ahead.
        ("2026-06-01T20:30Z", "22:00", "02:00", [], "2026-06-01T20:30Z"),
        ("2026-06-01T22:00Z", "22:00", "02:00", [], "2026-06-01T22:00Z"),
        ("2026-06-01T23:00Z", "22:00", "02:00", [], "2026-06-02T19:00Z"),
        ("2026-06-01T09:00Z", "22:00", "02:00", [], "2026-06-01T19:00Z"),
        # The night of a Monday goes on until Tuesday's small hours.
        ("2026-06-01T22:00Z", "22:00", "02:00", [1], "2026-06-01T22:00Z"),
        ("2026-06-02T00:00Z", "22:00", "02:00", [1], "2026-06-08T19:00Z"),
        # The whole of a day.
        ("2026-06-02T09:00Z", "00:00", "00:00", [3], "2026-06-02T21:00Z"),
        # 03:30 is left out on 29 March: an hour later.
        ("2026-03-28T23:00Z", "03:30", "05:00", [], "2026-03-29T01:30Z"),
        # 09:00 is so many hours from midnight whatever the clocks do.
        ("2026-03-28T22:30Z", "09:00", "18:00", [], "2026-03-29T06:00Z"),
        ("2026-10-24T22:30Z", "09:00", "18:00", [], "2026-10-25T07:00Z"),
    ],
)
async def test_a_window_opens_by_the_clock_of_the_contact(
    journeys: Journeys, moment: str, begins: str, ends: str, days: list[int], expected: str
) -> None:
    statement = "SELECT next_in_window(%s, 'Europe/Kyiv', %s, %s, %s::smallint[])"
    [(found,)] = await rows(journeys, statement, moment, begins, ends, days)
    assert found == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("value", "moment", "days", "expected"),
    [
        ("2024-02-29", "2026-01-01T00:00Z", 0, "2026-02-28T09:00Z"),
        ("2024-02-29", "2028-02-28T12:00Z", 0, "2028-02-29T09:00Z"),
        ("2024-02-29", "2026-02-28T09:00Z", 0, "2027-02-28T09:00Z"),
        ("2024-02-29", "2026-02-28T12:00Z", 1, "2026-03-01T09:00Z"),
        ("1990-01-02", "2026-12-27T00:00Z", -7, "2027-12-26T09:00Z"),
        ("1990-12-31", "2027-01-01T00:00Z", 3, "2027-01-03T09:00Z"),
        (None, "2026-01-01T00:00Z", 0, None),
        ("soon", "2026-01-01T00:00Z", 0, None),
    ],
)
async def test_an_anniversary_comes_every_year(
    journeys: Journeys, value: str | None, moment: str, days: int, expected: str | None
) -> None:
    [(found,)] = await rows(journeys, "SELECT day_of_field(%s, %s, 'UTC', %s, '09:00', true)", value, moment, days)
    assert found == (None if expected is None else datetime.fromisoformat(expected))


async def test_waits_end_by_the_zone_of_the_contact_or_else_of_the_account(journeys: Journeys) -> None:
    tokyo, other = await journeys.sending.people(2)
    await act(journeys, "UPDATE contacts SET time_zone = 'Asia/Tokyo' WHERE contact_id = %s", tokyo)
    await act(journeys, "UPDATE accounts SET time_zone = 'America/New_York'")
    await journeys.started({"type": "wait_until", "at": "10:00:00", "weekdays": ["sun"]})
    await journeys.happen(tokyo, other)
    await journeys.settle()
    for zone, contact_id in (("Asia/Tokyo", tokyo), ("America/New_York", other)):
        [found] = await rows(
            journeys,
            "SELECT to_char(wake_at AT TIME ZONE %s, 'ID HH24:MI'), wake_at > now(),"
            " wake_at <= now() + interval '8 days' FROM enrolments WHERE contact_id = %s",
            zone,
            contact_id,
        )
        assert found == ("7 10:00", True, True)


async def test_a_date_that_is_over_lets_on_and_one_that_is_missing_has_a_way_of_its_own(journeys: Journeys) -> None:
    past, coming, without = await journeys.sending.people(3)
    await birthday(journeys, {past: "2020-05-05", coming: "2099-05-05"})
    template = await journeys.template()
    await journeys.started(
        {"type": "wait_until", "field": "birthday", "missing": "ask"},
        {"type": "stop"},
        send(template, id="ask"),
    )
    await journeys.happen(past, coming, without)
    await journeys.settle()
    assert await mailed(journeys) == [without]
    assert await paths(journeys) == {
        past: [(0, Outcome.PASSED), (1, Outcome.PASSED)],
        coming: [(0, Outcome.WAITS)],
        without: [(0, Outcome.HAS_NO_VALUE), (2, Outcome.PASSED)],
    }


# ---------------------------------------------------------------- failures


async def test_a_step_that_fails_for_one_of_many_parks_that_one(journeys: Journeys) -> None:
    people = await journeys.sending.people(7)
    broken = people[3]
    await birthday(journeys, {one: "2026-13-45" if one == broken else "2020-05-05" for one in people})
    workflow = await journeys.started(
        {"type": "wait_until", "id": "day", "field": "birthday"}, send(await journeys.template())
    )
    await journeys.happen(*people)
    await journeys.settle()
    assert await mailed(journeys) == sorted(set(people) - {broken})
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 6, FAILED: 1}
    [(contact_id, reason)] = await rows(journeys, "SELECT contact_id, reason FROM enrolments WHERE state = 4")
    assert contact_id == broken
    assert reason.startswith("step 'day': ")
    assert "2026-13-45" in reason
    ways = await rows(
        journeys, "SELECT from_step, to_step, sum(contacts)::int FROM workflow_ways GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert ways == [(-1, 0, 7), (0, -3, 1), (0, 1, 6), (1, -1, 6)]


async def test_a_loop_without_a_wait_is_refused_and_shown(journeys: Journeys) -> None:
    template = await journeys.template()
    with pytest.raises(Invalid, match=r"one → two → one is a loop without a wait"):
        await journeys.started(send(template, id="one"), send(template, id="two", next="one"))
    await journeys.started(send(template, id="one"), {"type": "wait", "id": "rest", "days": 1, "next": "one"})


async def test_a_goal_that_is_behind_whoever_records_its_event_makes_no_loop(journeys: Journeys) -> None:
    goal: dict[str, Any] = {"type": "goal", "id": "aim", "event_type": "told", "next": "tell"}
    tell: dict[str, Any] = {"type": "generate_event", "id": "tell", "event_type": "told", "params": {}}
    await journeys.started(WAIT_A_DAY, goal, tell)
    with pytest.raises(Invalid, match=r"tell → tell is a loop without a wait"):
        await journeys.started(tell, WAIT_A_DAY, goal)


# ---------------------------------------------------------------- events, goals, exits


async def test_an_event_that_comes_before_the_contact_reaches_the_step_has_come(journeys: Journeys) -> None:
    soon, early, never = await journeys.sending.people(3)
    await journeys.started(
        WAIT_A_DAY,
        {"type": "wait_for", "event_type": "bought", "where": {"sum": {"gte": 5}}, "days": 1, "timeout": "end"},
        send(await journeys.template()),
    )
    await journeys.happen(soon, early, never)
    await journeys.settle()
    await journeys.happen(early, event="bought", sum=9)
    await act(journeys, "UPDATE enrolments SET wake_at = clock_timestamp()")
    await journeys.happen(soon, event="bought", sum=9)
    await journeys.happen(never, event="bought", sum=1)
    await journeys.settle()
    assert [(mail["contact"], mail["params"]) for mail in await journeys.queued()] == [
        (soon, {"data": {"awaited": {"sum": 9}}})
    ]
    await journeys.happen(early, event="bought", key="again", sum=5)
    await journeys.settle()
    assert await mailed(journeys) == sorted([soon, early])
    await journeys.time_passes(86_401)
    assert await mailed(journeys) == sorted([soon, early])
    assert [path[-1] for _, path in sorted((await paths(journeys)).items()) if path[-1][0] == 1] == [
        (1, Outcome.TIMED_OUT)
    ]


async def test_velocity_names_what_led_to_the_mail_as_it_does_elsewhere(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    source = "<p>$!data.get('city') $!city</p>"
    made = await journeys.template(source=source, dialect=Dialect.VELOCITY)
    workflow = await journeys.started(send(made))
    await journeys.happen(anna, city="Lviv")
    await journeys.settle()
    [mail] = await journeys.queued()
    shown = await journeys.sending.content.preview(journeys.account_id, made, {}, mail["params"])
    assert "Lviv Lviv" in shown.html
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_an_event_of_somebody_merged_before_it_is_heard_wakes_the_kept_one(journeys: Journeys) -> None:
    anna, lena = await journeys.sending.people(2)
    workflow = await journeys.started({"type": "wait_for", "event_type": "bought", "days": 1})
    await journeys.happen(anna)
    await journeys.settle()
    await journeys.happen(lena, event="bought")
    await journeys.sending.contacts.merge(journeys.account_id, anna, lena)
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_an_event_of_a_clock_that_is_ahead_wakes_once(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    waits = [{"type": "wait_for", "id": name, "event_type": "bought", "days": 1} for name in ("one", "two")]
    workflow = await journeys.started(*waits)
    await journeys.happen(anna)
    await journeys.settle()
    ahead = EventInput(
        type_key="bought", key="k", params={}, contact_id=anna, occurred_at=journeys.clock.now() + timedelta(minutes=2)
    )
    await journeys.events.record(journeys.account_id, [ahead])
    await journeys.settle()
    await journeys.time_passes(300)
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1}
    await journeys.happen(anna, event="bought", key="another")
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


@pytest.mark.parametrize("again", ["rest", "hello"])
async def test_an_event_that_came_before_wakes_a_loop_once(journeys: Journeys, again: str) -> None:
    [anna] = await journeys.sending.people(1)
    rest = {"type": "wait_for", "id": "rest", "event_type": "bought", "days": 1, "timeout": "end", "next": again}
    hello = send(await journeys.template(), id="hello", next="rest")
    workflow = await journeys.started(WAIT_A_DAY, rest, *([hello] if again == "hello" else []))
    await journeys.happen(anna)
    await journeys.settle()
    await act(journeys, "UPDATE enrolments SET wake_at = clock_timestamp()")
    for key in ("one", "two"):
        await journeys.happen(anna, event="bought", key=key)
    async with asyncio.timeout(20):
        await journeys.settle()
    assert await mailed(journeys) == ([anna, anna] if again == "hello" else [])
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1}


async def test_segments_that_a_workflow_keeps_for_itself_are_in_no_list(journeys: Journeys) -> None:
    goal = {"type": "goal", "condition": {"field": "city", "op": "equals", "value": "Kyiv"}}
    await journeys.started(WAIT_A_DAY, goal)
    assert await rows(journeys, "SELECT count(*) FROM segments WHERE hidden") == [(1,)]
    assert await journeys.sending.segments.list(journeys.account_id) == []


async def test_a_goal_is_reached_from_a_wait_and_from_where_one_is_parked(journeys: Journeys) -> None:
    parked, waits, bystander = await journeys.sending.people(3)
    await birthday(journeys, {parked: "2026-13-45", waits: "2099-05-05", bystander: "2099-05-05"})
    workflow = await journeys.started(
        {"type": "wait_until", "field": "birthday"},
        {"type": "goal", "id": "sale", "event_type": "bought", "next": "thanks"},
        send(await journeys.template(), id="thanks"),
    )
    await journeys.happen(parked, waits, bystander)
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {WAITING: 2, FAILED: 1}
    await journeys.happen(parked, waits, event="bought")
    await journeys.settle()
    assert await mailed(journeys) == sorted([parked, waits])
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1, FINISHED: 2}
    await journeys.happen(parked, event="bought", key="again")
    await journeys.settle()
    assert len(await mailed(journeys)) == 2, "who is behind a goal is not brought to it again"
    converted = await rows(journeys, "SELECT contact_id FROM enrolments WHERE converted_at IS NOT NULL ORDER BY 1")
    assert [one for (one,) in converted] == sorted([parked, waits])


async def test_who_does_what_lets_out_leaves_at_once(journeys: Journeys) -> None:
    leaves, stays = await journeys.sending.people(2)
    rules = {"exits": [{"event_type": "bought", "where": {"sum": {"gt": 5}}}]}
    workflow = await ruled(journeys, rules, WAIT_A_DAY, send(await journeys.template()))
    await journeys.happen(leaves, stays)
    await journeys.settle()
    await journeys.happen(leaves, event="bought", sum=6)
    await journeys.happen(stays, event="bought", sum=5)
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1, EnrolmentState.EXITED: 1}
    await journeys.time_passes(86_401)
    assert await mailed(journeys) == [stays]


async def test_a_journey_that_ends_in_the_same_pass_keeps_no_jump_out(journeys: Journeys) -> None:
    [who] = await journeys.sending.people(1)
    other = await journeys.workflows.create(
        journeys.account_id,
        "Other",
        {
            "trigger": {"type": "event", "event_type": "came"},
            "rules": {"entry": {"one_active": True}},
            "steps": [WAIT_A_DAY],
        },
    )
    await journeys.workflows.start(journeys.account_id, other.workflow_id)
    await journeys.started(WAIT_A_DAY, {"type": "jump", "workflow_id": other.workflow_id})
    await journeys.happen(who)
    await journeys.happen(who, event="came")
    await journeys.settle()
    # After an outage both are due at once: the one that is over lets the other in.
    await act(journeys, "UPDATE enrolments SET wake_at = clock_timestamp()")
    await journeys.settle()
    assert await journeys.states(other.workflow_id) == {FINISHED: 1, WAITING: 1}


async def test_a_jump_begins_the_other_workflow_with_the_same_parameters(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    other = await journeys.started_by({"type": "api"}, send(await journeys.template()))
    first = await journeys.started({"type": "jump", "workflow_id": other.workflow_id})
    await journeys.happen(anna, city="Lviv")
    await journeys.settle()
    await journeys.settle()
    assert await journeys.states(first.workflow_id) == {FINISHED: 1}
    assert await journeys.states(other.workflow_id) == {FINISHED: 1}
    assert [mail["params"] for mail in await journeys.queued()] == [{"data": {"city": "Lviv"}}]


async def test_who_was_merged_into_another_is_woken_by_the_others_event(journeys: Journeys) -> None:
    kept, merged = await journeys.sending.people(2)
    workflow = await journeys.started(
        {"type": "wait_for", "event_type": "bought", "days": 1, "timeout": "end"}, send(await journeys.template())
    )
    await journeys.happen(merged)
    await journeys.settle()
    await journeys.sending.contacts.merge(journeys.account_id, kept, merged)
    await journeys.happen(kept, event="bought")
    await journeys.settle()
    assert await mailed(journeys) == [kept]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_who_unsubscribes_while_it_waits_goes_on_without_the_message(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    workflow = await journeys.started(WAIT_A_DAY, send(await journeys.template()))
    await journeys.happen(anna, boris)
    await journeys.settle()
    await journeys.unsubscribe(anna)
    await journeys.time_passes(86_401)
    assert await mailed(journeys) == [boris]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 2}
    found = await paths(journeys)
    assert (found[anna][-1], found[boris][-1]) == ((1, Outcome.NOT_SENT), (1, Outcome.PASSED))


# ---------------------------------------------------------------- entry


async def test_never_again_means_once_and_for_each_value_of_a_key(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    once = await ruled(journeys, {"entry": {"again": "never"}}, WAIT_A_DAY)
    keyed = await ruled(journeys, {"entry": {"again": "never", "key": "cart.id"}}, WAIT_A_DAY)
    for number, cart in enumerate((1, 1, 2)):
        await journeys.happen(anna, key=f"k{number}", cart={"id": cart})
    await journeys.happen(boris, cart={"id": 1})
    await journeys.settle()
    assert await journeys.states(once.workflow_id) == {WAITING: 2}
    assert await journeys.states(keyed.workflow_id) == {WAITING: 3}


async def test_again_after_days_and_not_while_one_is_active(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    after = await ruled(journeys, {"entry": {"again": "after", "days": 7}}, {"type": "stop"})
    single = await ruled(journeys, {"entry": {"one_active": True}}, WAIT_A_DAY)
    for number in range(2):
        await journeys.happen(anna, key=f"k{number}")
    await journeys.settle()
    assert await journeys.states(after.workflow_id) == {FINISHED: 1}
    assert await journeys.states(single.workflow_id) == {WAITING: 1}
    await act(journeys, "UPDATE enrolments SET entered_at = entered_at - interval '7 days 1 second'")
    await journeys.time_passes(86_401)
    await journeys.happen(anna, key="later")
    await journeys.settle()
    assert await journeys.states(after.workflow_id) == {FINISHED: 2}
    assert await journeys.states(single.workflow_id) == {FINISHED: 1, WAITING: 1}


# ---------------------------------------------------------------- sends in quiet hours, and what is refused


async def test_in_quiet_hours_of_its_own_zone_a_contact_waits_before_the_send(journeys: Journeys) -> None:
    here, there = await journeys.sending.people(2)
    now = datetime.now(UTC)
    quiet = {
        "begin": (now - timedelta(hours=1)).strftime("%H:%M:00"),
        "end": (now + timedelta(hours=2)).strftime("%H:%M:00"),
    }
    await act(journeys, "UPDATE contacts SET time_zone = 'Etc/GMT-12' WHERE contact_id = %s", there)
    workflow = await ruled(journeys, {"quiet_hours": quiet}, send(await journeys.template()))
    await journeys.happen(here, there)
    await journeys.settle()
    assert await mailed(journeys) == [there]
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1, FINISHED: 1}
    [(wake_at, resting)] = await rows(journeys, "SELECT wake_at, resting FROM enrolments WHERE state = 1")
    assert timedelta(hours=1, minutes=58) < wake_at - now <= timedelta(hours=2)
    assert resting is False
    await act(journeys, "UPDATE accounts SET time_zone = 'Etc/GMT-12'")
    await journeys.time_passes(2 * 3600 + 60)
    assert await mailed(journeys) == [here, there]


async def test_a_workflow_that_starts_itself_at_once_is_refused(journeys: Journeys) -> None:
    again = {"type": "generate_event", "event_type": "joined"}
    with pytest.raises(Invalid, match=r"definition\.steps\.0\.event_type: starts this workflow again"):
        await ruled(journeys, {}, again)
    await ruled(journeys, {}, WAIT_A_DAY, again)
    await ruled(journeys, {"entry": {"again": "never"}}, again)


# ---------------------------------------------------------------- steps that change and branch


async def test_contacts_get_values_and_lists(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    fields = journeys.sending.contacts.fields
    points = await fields.create(journeys.account_id, key="points", name="Points", type=FieldType.NUMBER)
    vip = await journeys.sending.contacts.lists.create(journeys.account_id, "VIP")
    await journeys.sending.contacts.lists.add(journeys.account_id, vip.list_id, [anna, boris])
    await ruled(
        journeys,
        {},
        {"type": "update_contact", "set": {"city": " Lviv "}, "fields": {"points": 7}},
        {"type": "add_to_list", "tag": "Welcomed"},
        {"type": "remove_from_list", "list_id": vip.list_id},
    )
    await journeys.happen(anna)
    await journeys.settle()
    found = await rows(
        journeys, "SELECT contact_id, city, fields ->> %s FROM contacts ORDER BY 1", str(points.field_id)
    )
    assert found[0] == (anna, "Lviv", "7")
    assert found[1][2] is None
    sizes = {one.name: one.size for one in await journeys.sending.contacts.lists.all(journeys.account_id)}
    assert sizes == {"VIP": 1, "Welcomed": 1}


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({"set": {"email": "a@example.com"}}, "definition.steps.0.set.email"),
        ({"set": {"country": "Atlantis"}}, "definition.steps.0.set.country"),
        ({"fields": {"unknown": 1}}, "definition.steps.0.fields.unknown"),
    ],
)
async def test_values_that_cannot_be_are_refused(journeys: Journeys, step: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await ruled(journeys, {}, {"type": "update_contact", **step})
    assert caught.value.fields[0].field == field


async def test_an_event_that_a_step_records_has_its_texts_filled_in_and_starts_others(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    params = {"place": "{{ data.city|upper }}", "total": "{{ data.total }}", "who": "{{ contact.email }}", "plain": 1}
    await ruled(journeys, {}, {"type": "generate_event", "event_type": "welcomed", "params": params})
    await journeys.started(send(await journeys.template()), event="welcomed", where={"total": {"gte": 5}})
    await journeys.happen(anna, city="Lviv", total=7)
    await journeys.settle()
    await journeys.settle()
    [mail] = await journeys.queued()
    [(email,)] = await rows(journeys, "SELECT email FROM contacts WHERE contact_id = %s", anna)
    assert mail["params"] == {"data": {"place": "LVIV", "total": 7, "who": email, "plain": 1}}


async def test_a_switch_takes_the_first_case_and_a_split_takes_everybody_somewhere(journeys: Journeys) -> None:
    people = await journeys.sending.people(60)
    await act(journeys, "UPDATE contacts SET city = 'Kyiv' WHERE contact_id = %s", people[0])
    await act(journeys, "UPDATE contacts SET city = 'Lviv' WHERE contact_id = %s", people[1])

    def lives_in(*cities: str) -> dict[str, Any]:
        return {"any": [{"field": "city", "op": "equals", "value": city} for city in cities]}

    await ruled(
        journeys,
        {},
        {
            "type": "switch",
            "cases": [
                {"condition": lives_in("Kyiv"), "next": "end"},
                {"condition": lives_in("Kyiv", "Lviv"), "next": "rest"},
            ],
        },
        {"type": "split", "branches": [{"weight": 1, "next": "rest"}, {"weight": 3, "next": "end"}]},
        {"type": "wait", "id": "rest", "days": 1},
    )
    await journeys.happen(*people)
    await journeys.settle()
    found = await paths(journeys)
    assert found[people[0]] == [(0, Outcome.BRANCH)]
    assert found[people[1]] == [(0, Outcome.BRANCH + 1), (2, Outcome.WAITS)]
    others = [found[one][:2] for one in people[2:]]
    assert all(one[0] == (0, Outcome.DID_NOT_MATCH) for one in others)
    chosen = [one[1] for one in others]
    assert set(chosen) == {(1, Outcome.BRANCH), (1, Outcome.BRANCH + 1)}
    assert chosen.count((1, Outcome.BRANCH + 1)) > chosen.count((1, Outcome.BRANCH))

"""What goes wrong, one thing at a time: clocks, zones, what a step needs, and the database itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncom.contacts.model import FieldType
from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.postgres.pool import Database
from syncom.workflows.model import EnrolmentState
from syncom.workflows.passing import Pass
from tests.clocks import TurnedClock
from tests.workflows.conftest import Journeys

FINISHED, WAITING, FAILED = EnrolmentState.FINISHED, EnrolmentState.WAITING, EnrolmentState.FAILED
WAIT_A_DAY = {"type": "wait", "days": 1}
HOUR = 3600


def send(template_id: int, **members: Any) -> dict[str, Any]:
    return {"type": "send_email", "template_id": template_id, **members}


async def rows(journeys: Journeys, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with journeys.database.system() as connection:
        return await (await connection.execute(statement.encode(), values)).fetchall()


async def mailed(journeys: Journeys) -> list[int]:
    return sorted(mail["contact"] for mail in await journeys.queued())


# ---------------------------------------------------------------- clocks


async def test_a_clock_that_leaps_ahead_takes_everybody_on_once(journeys: Journeys) -> None:
    people = await journeys.sending.people(20)
    workflow = await journeys.started(WAIT_A_DAY, send(await journeys.template()), WAIT_A_DAY)
    await journeys.happen(*people)
    await journeys.settle()
    await journeys.time_passes(400 * 24 * HOUR)
    assert await mailed(journeys) == sorted(people)
    assert await journeys.states(workflow.workflow_id) == {WAITING: 20}, "the second day begins when they come to it"
    await journeys.time_passes(24 * HOUR)
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 20}
    assert len(await mailed(journeys)) == 20


async def test_a_clock_that_is_put_back_makes_nobody_go_twice(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    template = await journeys.template()
    workflow = await journeys.started(send(template), WAIT_A_DAY, send(template))
    await journeys.happen(anna)
    await journeys.settle()
    await journeys.time_passes(-5 * HOUR)
    # By a clock that is behind, this one comes in now, whatever the event says of its time.
    await journeys.happen(boris)
    await journeys.settle()
    assert await mailed(journeys) == sorted([anna, boris])
    await journeys.time_passes(24 * HOUR + 1)
    assert await mailed(journeys) == sorted([anna, boris, boris])
    await journeys.time_passes(5 * HOUR)
    assert await mailed(journeys) == sorted([anna, anna, boris, boris])
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 2}


@pytest.mark.parametrize(
    ("step", "begins", "wakes"),
    [
        # Clocks in Kyiv go ahead on 28 March 2027 at three, and back on 31 October at four.
        ({"type": "wait_until", "at": "09:00"}, "2027-03-27T20:00Z", "2027-03-28T06:00Z"),
        ({"type": "wait_until", "at": "09:00"}, "2027-10-30T20:00Z", "2027-10-31T07:00Z"),
        ({"type": "wait_until", "at": "03:30"}, "2027-03-27T20:00Z", "2027-03-28T01:30Z"),
        ({"type": "wait_until", "at": "03:30"}, "2027-10-30T20:00Z", "2027-10-31T01:30Z"),
        ({"type": "wait", "days": 1}, "2027-03-27T20:00Z", "2027-03-28T20:00Z"),
        (
            {"type": "wait", "hours": 1, "within": {"begin": "03:15", "end": "03:45"}},
            "2027-03-27T20:00Z",
            "2027-03-28T01:15Z",
        ),
        (
            {"type": "wait", "hours": 1, "within": {"begin": "09:00", "end": "18:00", "weekdays": ["sun"]}},
            "2027-10-30T20:00Z",
            "2027-10-31T07:00Z",
        ),
        (
            {"type": "wait", "hours": 1, "within": {"begin": "23:00", "end": "05:00"}},
            "2027-10-31T00:10Z",
            "2027-10-31T01:10Z",
        ),
    ],
)
async def test_waits_hold_by_the_clock_on_the_wall_when_clocks_change(
    emptied_database: Database, account_id: int, data_dir: Path, step: dict[str, Any], begins: str, wakes: str
) -> None:
    clock = TurnedClock(datetime.fromisoformat(begins))
    journeys = Journeys.on(emptied_database, account_id, data_dir, clock)
    [anna] = await journeys.sending.people(1, time_zone="Europe/Kyiv")
    workflow = await journeys.started(step, send(await journeys.template()))
    event = EventInput(type_key="joined", contact_id=anna, occurred_at=clock.time)
    await journeys.events.record(journeys.account_id, [event])
    await journeys.settle()
    [[until]] = await rows(journeys, "SELECT wake_at FROM enrolments")
    assert until == datetime.fromisoformat(wakes)
    clock.time = datetime.fromisoformat(wakes).astimezone(UTC)
    await journeys.settle()
    assert await mailed(journeys) == [anna]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}
    await journeys.events.close()
    await journeys.sending.contacts.close()


# ---------------------------------------------------------------- some of many


async def test_two_kinds_of_failure_in_one_batch_park_those_two_with_their_reasons(journeys: Journeys) -> None:
    people = await journeys.sending.people(40)
    worse, bad = people[7], people[31]
    fields = journeys.sending.contacts.fields
    field = await fields.create(journeys.account_id, key="ends", name="Ends", type=FieldType.DATETIME)
    for contact_id, value in ((worse, "2026-13-45T10:00:00Z"), (bad, "2026-12-24Tnoon")):
        await rows(
            journeys,
            "UPDATE contacts SET fields = jsonb_build_object(%s::text, %s::text) WHERE contact_id = %s RETURNING 1",
            str(field.field_id),
            value,
            contact_id,
        )
    workflow = await journeys.started({"type": "wait_until", "field": "ends"}, send(await journeys.template()))
    await journeys.happen(*people)
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 38, FAILED: 2}
    assert await mailed(journeys) == sorted(set(people) - {worse, bad})
    reasons = dict(await rows(journeys, "SELECT contact_id, reason FROM enrolments WHERE state = 4"))
    assert "2026-13-45T10:00:00Z" in reasons[worse]
    assert "2026-12-24Tnoon" in reasons[bad]


async def test_a_template_that_goes_while_they_wait_parks_only_those_who_come_to_it(journeys: Journeys) -> None:
    kyiv = await journeys.sending.people(3, city="Kyiv")
    template, other = await journeys.template(), await journeys.template()
    condition = {"field": "city", "op": "equals", "value": "Kyiv"}
    workflow = await journeys.started(
        WAIT_A_DAY,
        {"type": "condition", "condition": condition, "next": "gone", "otherwise": "there"},
        send(template, id="gone", next="end"),
        send(other, id="there"),
    )
    await rows(journeys, "UPDATE contacts SET city = 'Lviv' WHERE contact_id = %s RETURNING 1", kyiv[0])
    await journeys.happen(*kyiv)
    await journeys.settle()
    await journeys.sending.content.delete(journeys.account_id, template)
    await journeys.time_passes(24 * HOUR + 1)
    assert await mailed(journeys) == [kyiv[0]]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1, FAILED: 2}
    reasons = await rows(journeys, "SELECT DISTINCT reason FROM enrolments WHERE state = 4")
    assert [reason for (reason,) in reasons] == [f"step 'gone': template {template} was not found"]


# ---------------------------------------------------------------- the database


def in_the_midst(monkeypatch: pytest.MonkeyPatch, act: Callable[[Pass], Awaitable[None]]) -> None:
    """Have this happen once, when a pass has done its steps and has yet to write its journeys."""
    put_back = Pass.put_back
    left = [act]

    async def held(self: Pass, picked: int, shard: int) -> None:
        if left:
            await left.pop()(self)
        await put_back(self, picked, shard)

    monkeypatch.setattr(Pass, "put_back", held)


async def test_a_connection_that_breaks_in_the_midst_of_a_pass_leaves_nothing_half_done(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await journeys.sending.people(5)
    workflow = await journeys.started(
        send(await journeys.template()), {"type": "update_contact", "set": {"city": "Kyiv"}}, WAIT_A_DAY
    )
    await journeys.happen(*people)

    async def breaks(broken: Pass) -> None:
        await rows(journeys, "SELECT pg_terminate_backend(%s)", broken.connection.info.backend_pid)

    in_the_midst(monkeypatch, breaks)
    with pytest.raises(psycopg.OperationalError):
        await journeys.settle()
    assert await mailed(journeys) == []
    assert await rows(journeys, "SELECT count(*) FROM contacts WHERE city = 'Kyiv'") == [(0,)]
    await journeys.settle()
    assert await mailed(journeys) == sorted(people)
    assert await rows(journeys, "SELECT count(*) FROM contacts WHERE city = 'Kyiv'") == [(5,)]
    assert await journeys.states(workflow.workflow_id) == {WAITING: 5}


# ---------------------------------------------------------------- what has no end


def workflow_of(event: str, *steps: dict[str, Any], **trigger: Any) -> dict[str, Any]:
    return {"trigger": {"type": "event", "event_type": event, **trigger}, "steps": list(steps)}


def record(event: str, **members: Any) -> dict[str, Any]:
    return {"type": "generate_event", "event_type": event, **members}


async def started(journeys: Journeys, name: str, definition: dict[str, Any]) -> int:
    made = await journeys.workflows.create(journeys.account_id, name, definition)
    return (await journeys.workflows.start(journeys.account_id, made.workflow_id)).workflow_id


@pytest.mark.parametrize(
    "steps",
    [
        [
            {"type": "wait_for", "id": "rest", "event_type": "said", "days": 1},
            record("said", id="say", next="rest"),
        ],
        [
            record("said", id="rest"),
            {"type": "wait", "days": 1},
            {"type": "goal", "id": "say", "event_type": "said", "next": "rest"},
        ],
    ],
)
async def test_a_loop_in_which_a_workflow_wakes_itself_is_refused(
    journeys: Journeys, steps: list[dict[str, Any]]
) -> None:
    with pytest.raises(Invalid, match=r"definition\.steps: rest → .*is a loop without a wait"):
        await journeys.workflows.create(journeys.account_id, "Round", workflow_of("joined", *steps))


async def test_workflows_that_start_each_other_without_a_wait_are_refused_with_the_circle(journeys: Journeys) -> None:
    third = await started(journeys, "Third", {"trigger": {"type": "api"}, "steps": [record("first")]})
    second = await started(journeys, "Second", workflow_of("second", {"type": "jump", "workflow_id": third}))
    with pytest.raises(Invalid, match=rf"workflows (\d+) → {second} → {third} → \1 start each other without a wait"):
        await started(journeys, "First", workflow_of("first", record("second")))
    rested = await started(journeys, "Rests", workflow_of("first", WAIT_A_DAY, record("second")))
    with pytest.raises(Invalid, match="start each other without a wait"):
        await journeys.workflows.change(
            journeys.account_id, rested, definition=workflow_of("first", record("second"), WAIT_A_DAY)
        )
    await started(journeys, "Once", {**workflow_of("first", record("second")), "rules": {"entry": {"again": "never"}}})


async def test_a_circle_that_nobody_could_foresee_ends_with_a_reason(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    # What is recorded decides: no reading of the definitions tells that it always fits.
    again = {"n": {"exists": True}}
    first = await started(journeys, "Ping", workflow_of("ping", record("pong", params={"n": 1}), where=again))
    second = await started(journeys, "Pong", workflow_of("pong", record("ping", params={"n": 1}), where=again))
    await journeys.happen(anna, event="ping", n=0)
    await journeys.happen(boris, event="ping")
    await journeys.settle()
    states = [await journeys.states(workflow_id) for workflow_id in (first, second)]
    assert states == [{FINISHED: 10, FAILED: 1}, {FINISHED: 10}]
    reasons = await rows(journeys, "SELECT reason FROM enrolments WHERE state = 4")
    assert reasons == [
        ("step 'step-1': events of workflows led to it 20 times in a row, without a wait: put a wait between them",)
    ]


async def test_a_circle_in_which_time_passes_goes_on(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    ping = workflow_of("ping", {"type": "wait", "hours": 1}, record("pong"))
    workflow_id = await started(journeys, "Ping", ping)
    await started(journeys, "Pong", workflow_of("pong", record("ping")))
    await journeys.happen(anna, event="ping")
    await journeys.settle()
    for _ in range(25):
        await journeys.time_passes(HOUR + 1)
        await journeys.settle()
    assert await journeys.states(workflow_id) == {FINISHED: 25, WAITING: 1}


async def test_a_jump_back_goes_nowhere(journeys: Journeys) -> None:
    """The same cause lets its contact in once."""
    [anna] = await journeys.sending.people(1)
    first = await started(journeys, "First", workflow_of("joined", {"type": "stop"}))
    back = {"trigger": {"type": "api"}, "steps": [WAIT_A_DAY, {"type": "jump", "workflow_id": first}]}
    second = await started(journeys, "Second", back)
    jumps = workflow_of("joined", {"type": "jump", "workflow_id": second})
    await journeys.workflows.change(journeys.account_id, first, definition=jumps)
    await journeys.happen(anna)
    await journeys.settle()
    await journeys.time_passes(24 * HOUR + 1)
    await journeys.settle()
    assert await journeys.states(first) == {FINISHED: 1}
    assert await journeys.states(second) == {FINISHED: 1}

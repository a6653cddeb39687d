"""The life of a workflow: what each verb does in each status, and how it comes to its end."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.errors import Conflict
from syncom.workflows.journeys import JourneysService
from syncom.workflows.model import EnrolmentState, Workflow, WorkflowStatus
from tests.workflows.conftest import Journeys, another_keeper
from tests.workflows.test_killed_keeper import keeper_process

DAY = 24 * 3600
WAIT = {"type": "wait", "id": "rest", "days": 1}
EXITED, FINISHED, WAITING = EnrolmentState.EXITED, EnrolmentState.FINISHED, EnrolmentState.WAITING


def send(template_id: int) -> dict[str, Any]:
    return {"type": "send_email", "id": "mail", "template_id": template_id}


async def status(journeys: Journeys, workflow: Workflow) -> str:
    return (await journeys.workflows.get(journeys.account_id, workflow.workflow_id)).status.value


async def does(journeys: Journeys, verb: str, workflow: Workflow) -> Workflow:
    return await getattr(journeys.workflows, verb)(journeys.account_id, workflow.workflow_id)


async def counts_add_up(journeys: Journeys, workflow: Workflow) -> bool:
    """The counts of ways say of each state what the journeys say."""
    found = await JourneysService(journeys.database, journeys.clock).figures(journeys.account_id, workflow.workflow_id)
    states = await journeys.states(workflow.workflow_id)
    inside = states.get(WAITING, 0) + states.get(EnrolmentState.PAUSED, 0)
    return (
        sum(one.waiting for one in found.steps) == inside
        and sum(one.failed for one in found.steps) == states.get(EnrolmentState.FAILED, 0)
        and sum(one.exited for one in found.steps) == states.get(EXITED, 0)
    )


async def test_a_drained_workflow_lets_nobody_in_and_is_stopped_when_all_have_come_to_their_end(
    journeys: Journeys,
) -> None:
    anna, boris = await journeys.sending.people(2)
    workflow = await journeys.started(WAIT, send(await journeys.template()))
    await journeys.happen(anna)
    await journeys.settle()
    assert (await does(journeys, "drain", workflow)).status is WorkflowStatus.DRAINING
    await journeys.happen(boris)
    await journeys.time_passes(60)
    assert (await status(journeys, workflow), await journeys.states(workflow.workflow_id)) == ("draining", {WAITING: 1})
    await journeys.time_passes(DAY)
    assert [mail["contact"] for mail in await journeys.queued()] == [anna]
    await journeys.time_passes(31)
    assert (await status(journeys, workflow), await journeys.states(workflow.workflow_id)) == (
        "stopped",
        {FINISHED: 1},
    )
    await does(journeys, "start", workflow)
    await journeys.happen(boris, key="again")
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1, WAITING: 1}


async def test_a_drained_workflow_looks_for_its_end_by_the_clock(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    workflow = await journeys.started({"type": "wait", "seconds": 45})
    await journeys.happen(anna)
    await journeys.settle()
    await does(journeys, "drain", workflow)
    await journeys.time_passes(20)  # the first look
    await journeys.time_passes(26)
    assert (await status(journeys, workflow), await journeys.states(workflow.workflow_id)) == (
        "draining",
        {FINISHED: 1},
    )
    await journeys.time_passes(5)
    assert await status(journeys, workflow) == "stopped"


async def test_a_workflow_without_anybody_inside_is_drained_at_once(journeys: Journeys) -> None:
    workflow = await journeys.started(WAIT)
    assert (await does(journeys, "drain", workflow)).status is WorkflowStatus.STOPPED


async def test_who_was_held_by_a_pause_goes_on_when_it_is_drained(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    workflow = await journeys.started(WAIT, send(await journeys.template()))
    await journeys.happen(anna)
    await journeys.settle()
    await does(journeys, "pause", workflow)
    await journeys.time_passes(DAY + 1)
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.PAUSED: 1}
    await does(journeys, "drain", workflow)
    await journeys.settle()
    assert len(await journeys.queued()) == 1


async def test_a_drained_workflow_still_hears_what_those_inside_wait_for(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    await journeys.happen(anna, event="paid", key="early")  # its type is there
    workflow = await journeys.started({"type": "wait_for", "event_type": "paid", "days": 7})
    await journeys.happen(anna)
    await journeys.settle()
    await does(journeys, "drain", workflow)
    await journeys.happen(anna, event="paid")
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_everybody_leaves_a_stopped_workflow_and_the_counts_say_so(journeys: Journeys) -> None:
    anna, boris, clara = await journeys.sending.people(3)
    template = await journeys.template()
    workflow = await journeys.started(WAIT, send(template), {**WAIT, "id": "then"})
    await journeys.happen(anna, boris)
    await journeys.settle()
    await journeys.sending.content.delete(journeys.account_id, template)
    await journeys.time_passes(DAY + 1)  # they are parked
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FAILED: 2}
    await journeys.happen(clara)
    await journeys.settle()
    assert (await does(journeys, "stop", workflow)).status is WorkflowStatus.STOPPED
    await journeys.happen(anna, key="late")
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {EXITED: 3}
    assert await counts_add_up(journeys, workflow)
    [one] = await JourneysService(journeys.database, journeys.clock).of_contact(journeys.account_id, clara)
    assert (one.state, one.reason, one.path[-1].what) == ("exited", "the workflow was stopped", "exited")
    await journeys.time_passes(2 * DAY)
    assert await journeys.states(workflow.workflow_id) == {EXITED: 3}


async def test_a_stopped_workflow_starts_anew_when_all_have_left(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    workflow = await journeys.started(WAIT)
    await journeys.happen(anna)
    await journeys.settle()
    await does(journeys, "stop", workflow)
    with pytest.raises(Conflict, match="when they have left"):
        await does(journeys, "start", workflow)
    await journeys.settle()
    await does(journeys, "start", workflow)
    await journeys.happen(boris)
    await journeys.settle()
    await journeys.time_passes(DAY + 1)
    assert await journeys.states(workflow.workflow_id) == {EXITED: 1, FINISHED: 1}


async def test_a_stop_of_many_goes_on_after_its_keeper_is_killed(journeys: Journeys) -> None:
    workflow = await journeys.started(WAIT)
    people = 20_000
    async with journeys.database.system() as connection:
        values = {"account": journeys.account_id, "workflow": workflow.workflow_id, "people": people}
        await connection.execute(
            "INSERT INTO enrolments (account_id, bucket, workflow_id, contact_id, event_id, version, step, state,"
            " resting, wake_at, params)"
            " SELECT %(account)s, (n & 255)::smallint, %(workflow)s, n, gen_random_uuid(), 1, 0, 1, true,"
            " now() + interval '1 day', '{}' FROM generate_series(1, %(people)s) AS n",
            values,
        )
        await connection.execute(
            "INSERT INTO workflow_ways VALUES (%(account)s, %(workflow)s, 1, -1, 0, 0, %(people)s)", values
        )
    await does(journeys, "stop", workflow)
    async with keeper_process(journeys) as keeper, asyncio.timeout(60):
        while EXITED not in await journeys.states(workflow.workflow_id):
            await asyncio.sleep(0.002)
        keeper.kill()
        await keeper.wait()
    others = [another_keeper(journeys.database, journeys.events, journeys.sending, journeys.clock) for _ in range(2)]

    async def work(step: Any) -> None:
        while await step():
            pass

    await asyncio.gather(*(work(one.step) for one in others))
    await journeys.settle()
    assert await journeys.states(workflow.workflow_id) == {EXITED: people}
    assert await counts_add_up(journeys, workflow)
    assert (await does(journeys, "start", workflow)).status is WorkflowStatus.ACTIVE


#: What docs/workflows.md says: the status after each verb; empty: it is refused.
TABLE = {
    "draft": {"start": "active", "pause": "", "drain": "", "stop": ""},
    "active": {"start": "active", "pause": "paused", "drain": "draining", "stop": "stopped"},
    "paused": {"start": "active", "pause": "paused", "drain": "draining", "stop": "stopped"},
    "draining": {"start": "active", "pause": "paused", "drain": "draining", "stop": "stopped"},
    "stopped": {"start": "active", "pause": "", "drain": "", "stop": "stopped"},
}


@pytest.mark.parametrize("before", TABLE)
async def test_each_verb_does_in_each_status_what_is_written(journeys: Journeys, before: str) -> None:
    [anna] = await journeys.sending.people(1)
    for verb, after in TABLE[before].items():
        definition = {"trigger": {"type": "event", "event_type": f"joined-{verb}"}, "steps": [WAIT]}
        workflow = await journeys.workflows.create(journeys.account_id, verb, definition)
        if before != "draft":
            await does(journeys, "start", workflow)
            await journeys.happen(anna, event=f"joined-{verb}")
            await journeys.settle()
            way = {"paused": ["pause"], "draining": ["drain"], "stopped": ["stop"], "active": []}[before]
            for step in way:
                await does(journeys, step, workflow)
            await journeys.settle()
        assert await status(journeys, workflow) == before
        if after:
            assert (await does(journeys, verb, workflow)).status.value == after
        else:
            with pytest.raises(Conflict, match=r"was never started|start it"):
                await does(journeys, verb, workflow)
        with pytest.raises(Conflict, match="start it") if after != "active" else nullcontext():
            await journeys.workflows.run(journeys.account_id, workflow.workflow_id, [anna])


_DID = st.sampled_from(["happens", "happens", "day", "pass", "start", "pause", "drain", "stop"])


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(did=st.lists(_DID, max_size=14))
async def test_a_life_goes_as_in_a_model(journeys: Journeys, did: list[str]) -> None:
    """Against a small interpreter: the status, and how many are where."""
    [anna] = await journeys.sending.people(1)
    definition = {"trigger": {"type": "event", "event_type": "joined"}, "steps": [WAIT, {**WAIT, "id": "more"}]}
    workflow = await journeys.workflows.create(journeys.account_id, "Life", definition)
    model = _Model()
    for number, action in enumerate(did):
        if action == "happens":
            await journeys.happen(anna, key=f"{workflow.workflow_id}-{number}")
            await journeys.settle()
            model.happens()
        elif action == "day":
            await journeys.time_passes(DAY + 1)
            await journeys.time_passes(31)
            model.day()
        elif action == "pass":
            await journeys.time_passes(31)
            model.settle()
        elif TABLE[model.status][action]:
            await does(journeys, action, workflow)
            await journeys.settle()
            model.does(action)
        else:
            with pytest.raises(Conflict):
                await does(journeys, action, workflow)
        assert await status(journeys, workflow) == model.status
        states = await journeys.states(workflow.workflow_id)
        inside = states.get(WAITING, 0) + states.get(EnrolmentState.PAUSED, 0)
        assert (inside, states.get(FINISHED, 0), states.get(EXITED, 0)) == (
            len(model.inside),
            model.finished,
            model.exited,
        )
    assert await counts_add_up(journeys, workflow)
    if model.status not in ("draft", "stopped"):
        await does(journeys, "stop", workflow)
        await journeys.settle()


class _Model:
    """What should be, one journey at a time."""

    def __init__(self) -> None:
        self.status = "draft"
        #: Of each inside: days to wait at the step, and whether another wait follows.
        self.inside: list[tuple[int, bool]] = []
        self.finished = 0
        self.exited = 0

    def happens(self) -> None:
        if self.status == "active":
            self.inside.append((1, True))

    def does(self, verb: str) -> None:
        self.status = TABLE[self.status][verb]
        if self.status == "stopped":
            self.exited += len(self.inside)
            self.inside = []
        self.settle()

    def day(self) -> None:
        self.inside = [(days - 1, more) for days, more in self.inside]
        self.settle()

    def settle(self) -> None:
        if self.status in ("active", "draining"):
            gone_on = [(1, False) if days <= 0 and more else (days, more) for days, more in self.inside]
            self.inside = [one for one in gone_on if one[0] > 0]
            self.finished += len(gone_on) - len(self.inside)
        if self.status == "draining" and not self.inside:
            self.status = "stopped"

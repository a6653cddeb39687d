"""Replays of events: what would have been started is started, once, whatever is killed when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.errors import Conflict, Invalid
from syncom.events.model import EventInput
from syncom.events.replays import Replay, ReplayStatus
from syncom.workflows.model import EnrolmentState
from tests.workflows.conftest import Journeys

NOW = datetime.now(UTC)
SPAN: dict[str, datetime] = {"since": NOW - timedelta(days=3), "until": NOW + timedelta(hours=1)}


async def hello(journeys: Journeys, **members: Any) -> int:
    step = {"type": "send_email", "template_id": await journeys.template()}
    return (await journeys.started(step, **members)).workflow_id


async def replay(journeys: Journeys, **members: Any) -> Replay:
    started = await journeys.events.replays.start(journeys.account_id, "joined", **{**SPAN, **members})
    await finish(journeys)
    return await journeys.events.replays.get(journeys.account_id, started.replay_id)


async def finish(journeys: Journeys) -> None:
    """The keeper does what can be done, and the pace of replays is waited for."""
    for _ in range(20):
        await journeys.settle()
        async with journeys.database.system() as connection:
            found = await connection.execute("UPDATE event_replays SET next_at = now() WHERE status = 'running'")
        if not found.rowcount:
            return
    raise AssertionError("the replay does not end")


async def past(journeys: Journeys, *contact_ids: int) -> None:
    events = [
        EventInput(
            type_key="joined", key=f"{place}", contact_id=contact_id, occurred_at=NOW - timedelta(hours=place + 1)
        )
        for place, contact_id in enumerate(contact_ids)
    ]
    await journeys.events.import_past(journeys.account_id, events)


async def test_past_events_start_what_they_would_have_started(journeys: Journeys) -> None:
    contacts = await journeys.sending.people(25)
    await past(journeys, *contacts)
    workflow_id = await hello(journeys)
    done = await replay(journeys, rate=10)
    assert (done.status, done.events, done.replayed) == (ReplayStatus.DONE, 25, 25)
    assert await journeys.states(workflow_id) == {EnrolmentState.FINISHED: 25}
    assert sorted(one["contact"] for one in await journeys.queued()) == sorted(contacts)


async def test_what_was_started_before_is_not_started_again_unless_that_is_asked(journeys: Journeys) -> None:
    first, second = await journeys.sending.people(2)
    await past(journeys, second)
    workflow_id = await hello(journeys)
    await journeys.happen(first)
    await journeys.settle()
    [told] = await journeys.workflows.rehearse(journeys.account_id, "joined", SPAN["since"], SPAN["until"])
    assert (told.workflow_id, told.events, told.started_before) == (workflow_id, 2, 1)
    for expected in (2, 2):
        await replay(journeys)
        assert await journeys.states(workflow_id) == {EnrolmentState.FINISHED: expected}
    await replay(journeys, anew=True)
    assert await journeys.states(workflow_id) == {EnrolmentState.FINISHED: 4}
    assert sorted(one["contact"] for one in await journeys.queued()) == sorted([first, second] * 2)


async def test_a_replay_goes_on_where_it_was_and_at_its_pace(journeys: Journeys) -> None:
    contacts = await journeys.sending.people(7)
    await past(journeys, *contacts)
    workflow_id = await hello(journeys)
    started = await journeys.events.replays.start(journeys.account_id, "joined", rate=3, anew=True, **SPAN)
    await journeys.settle()
    assert (await journeys.events.replays.get(journeys.account_id, started.replay_id)).replayed == 3
    another = Journeys.on(journeys.database, journeys.account_id, journeys.sending.data_dir)
    await finish(another)
    assert await journeys.states(workflow_id) == {EnrolmentState.FINISHED: 7}
    await another.events.close()


async def test_a_killed_step_leaves_nothing_half_done(journeys: Journeys, monkeypatch: pytest.MonkeyPatch) -> None:
    await past(journeys, *await journeys.sending.people(3))
    workflow_id = await hello(journeys)
    started = await journeys.events.replays.start(journeys.account_id, "joined", anew=True, **SPAN)
    from syncom.events import replays

    broken = {**replays._SQL, "go_on": "SELECT 1 / 0 WHERE %(count)s IS NOT NULL"}
    with monkeypatch.context() as patched:
        patched.setattr(replays, "_SQL", broken)
        with pytest.raises(Exception, match="division by zero"):
            await journeys.events.replays.step()
    assert (await journeys.events.replays.get(journeys.account_id, started.replay_id)).replayed == 0
    await finish(journeys)
    assert await journeys.states(workflow_id) == {EnrolmentState.FINISHED: 3}


async def test_a_replay_that_was_cancelled_puts_no_more_in(journeys: Journeys) -> None:
    await past(journeys, *await journeys.sending.people(5))
    workflow_id = await hello(journeys)
    started = await journeys.events.replays.start(journeys.account_id, "joined", rate=2, **SPAN)
    await journeys.settle()
    assert (await journeys.events.replays.cancel(journeys.account_id, started.replay_id)).status == "cancelled"
    await finish(journeys)
    assert await journeys.states(workflow_id) == {EnrolmentState.FINISHED: 2}


async def test_replays_that_could_do_nothing_are_refused(journeys: Journeys, other_account_id: int) -> None:
    await past(journeys, *await journeys.sending.people(1))
    with pytest.raises(Conflict, match="no workflow"):
        await journeys.events.replays.start(journeys.account_id, "joined", **SPAN)
    await hello(journeys)
    for wrong in ({"rate": 0}, {"rate": 1_001}, {"until": SPAN["since"]}, {"since": datetime(2026, 1, 1)}):  # noqa: DTZ001
        with pytest.raises(Invalid):
            await journeys.events.replays.start(journeys.account_id, "joined", **{**SPAN, **wrong})
    await replay(journeys)
    assert await journeys.events.replays.all(other_account_id) == []

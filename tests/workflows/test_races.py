"""Keepers at the same time, each held where the other could miss what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.events.model import EventInput
from syncom.workflows.model import EnrolmentState
from syncom.workflows.passing import Pass
from tests.workflows.conftest import Journeys, another_keeper

FINISHED, WAITING, EXITED = EnrolmentState.FINISHED, EnrolmentState.WAITING, EnrolmentState.EXITED
WAIT_A_DAY = {"type": "wait", "days": 1}
WAIT_FOR_SALE = {"type": "wait_for", "id": "rest", "event_type": "bought", "days": 1, "timeout": "end"}


def in_the_midst(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[None]]) -> None:
    """Have this happen once, when a pass has done its steps and has yet to write its journeys."""
    put_back = Pass.put_back
    left = [act]

    async def held(self: Pass, picked: int, shard: int) -> None:
        if left:
            await left.pop()()
        await put_back(self, picked, shard)

    monkeypatch.setattr(Pass, "put_back", held)


async def heard_meanwhile(journeys: Journeys, contact_id: int, event: str) -> asyncio.Task[bool]:
    """An event that another keeper hears now: it has heard, or it waits for the pass."""
    await journeys.happen(contact_id, event=event)
    other = another_keeper(journeys.database, journeys.events, journeys.sending, journeys.clock)
    listening = asyncio.create_task(other.step())
    async with journeys.database.autocommit() as connection, asyncio.timeout(20):
        while not listening.done():
            found = await connection.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if found.rowcount:
                break
            await asyncio.sleep(0.01)
    return listening


async def test_an_event_that_is_heard_while_a_pass_brings_its_contact_to_the_wait_wakes_it(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    [anna] = await journeys.sending.people(1)
    workflow = await journeys.started(WAIT_FOR_SALE, {"type": "send_email", "template_id": await journeys.template()})
    heard: list[asyncio.Task[bool]] = []

    async def meanwhile() -> None:
        heard.append(await heard_meanwhile(journeys, anna, "bought"))

    await journeys.happen(anna)
    in_the_midst(monkeypatch, meanwhile)
    await journeys.settle()
    await asyncio.gather(*heard)
    await journeys.settle()
    assert [mail["contact"] for mail in await journeys.queued()] == [anna]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_what_lets_out_is_heard_by_who_jumps_in_at_that_moment(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    [anna] = await journeys.sending.people(1)
    definition = {
        "trigger": {"type": "api"},
        "rules": {"exits": [{"event_type": "bought"}]},
        "steps": [WAIT_A_DAY],
    }
    other = await journeys.workflows.create(journeys.account_id, "Other", definition)
    await journeys.workflows.start(journeys.account_id, other.workflow_id)
    await journeys.started(WAIT_A_DAY, {"type": "jump", "workflow_id": other.workflow_id})
    await journeys.happen(anna)
    await journeys.settle()
    heard: list[asyncio.Task[bool]] = []

    async def meanwhile() -> None:
        heard.append(await heard_meanwhile(journeys, anna, "bought"))

    in_the_midst(monkeypatch, meanwhile)
    await journeys.time_passes(86_401)
    await asyncio.gather(*heard)
    assert await journeys.states(other.workflow_id) == {EXITED: 1}


async def test_an_event_that_lets_out_while_a_pass_is_under_way_lets_out_after_it(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    [anna] = await journeys.sending.people(1)
    definition = {
        "trigger": {"type": "event", "event_type": "joined"},
        "rules": {"exits": [{"event_type": "bought"}]},
        "steps": [{"type": "send_email", "template_id": await journeys.template()}, WAIT_A_DAY],
    }
    workflow = await journeys.workflows.create(journeys.account_id, "Left", definition)
    await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
    heard: list[asyncio.Task[bool]] = []

    async def meanwhile() -> None:
        heard.append(await heard_meanwhile(journeys, anna, "bought"))

    await journeys.happen(anna)
    in_the_midst(monkeypatch, meanwhile)
    await journeys.settle()
    await asyncio.gather(*heard)
    assert len(await journeys.queued()) == 1
    assert await journeys.states(workflow.workflow_id) == {EXITED: 1}


async def test_an_event_of_which_workflows_have_still_to_hear_counts_once(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    rest = {**WAIT_FOR_SALE, "next": "hello"}
    hello = {"type": "send_email", "id": "hello", "template_id": await journeys.template(), "next": "rest"}
    workflow = await journeys.started(WAIT_A_DAY, rest, hello)
    await journeys.happen(anna)
    await journeys.settle()
    journeys.clock.ahead += timedelta(days=1)
    await journeys.happen(anna, event="bought")
    await journeys.keeper.advance()
    await journeys.settle()
    assert len(await journeys.queued()) == 1
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1}


@pytest.mark.parametrize(("hours", "mails"), [(23, 1), (25, 0)])
async def test_a_keeper_that_was_away_tells_an_event_in_time_from_one_that_came_too_late(
    journeys: Journeys, hours: int, mails: int
) -> None:
    [anna] = await journeys.sending.people(1)
    workflow = await journeys.started(WAIT_FOR_SALE, {"type": "send_email", "template_id": await journeys.template()})
    await journeys.happen(anna)
    await journeys.settle()
    bought: dict[str, Any] = {"type_key": "bought", "occurred_at": datetime.now(UTC) + timedelta(hours=hours)}
    journeys.clock.ahead += timedelta(hours=26)
    await journeys.events.record(journeys.account_id, [EventInput(contact_id=anna, **bought)])
    # Also when it moves on who is due before it has heard of everything that waits to be heard.
    await journeys.keeper.advance()
    await journeys.settle()
    assert len(await journeys.queued()) == mails
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}

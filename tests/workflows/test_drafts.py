"""Drafts beside what runs, and the versions that ran before."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.contacts import lists
from syncom.errors import Conflict, Invalid, NotFound
from syncom.workflows.drafts import DraftsService
from syncom.workflows.model import EnrolmentState
from tests.workflows.conftest import Journeys

TRIGGER = {"type": "event", "event_type": "joined"}
WAIT = {"type": "wait", "id": "rest", "days": 1}
DAY = 24 * 3600


def drafts_of(journeys: Journeys) -> DraftsService:
    return DraftsService(journeys.database, journeys.workflows, journeys.clock)


def written(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"trigger": TRIGGER, "steps": list(steps), **more}


async def test_a_draft_is_kept_beside_what_runs_and_published_as_a_version(journeys: Journeys) -> None:
    account_id, drafts = journeys.account_id, drafts_of(journeys)
    [anna, boris] = await journeys.sending.people(2)
    workflow = await journeys.started(WAIT)
    number = workflow.workflow_id
    await journeys.happen(anna)
    await journeys.settle()
    draft = await drafts.save(account_id, number, written(WAIT, {**WAIT, "id": "more"}))
    assert (draft.from_version, draft.newest_version, draft.problems) == (1, 1, [])
    running = await journeys.workflows.get(account_id, number)
    assert (running.version, len(running.definition.steps)) == (1, 1)
    published = await drafts.publish(account_id, number)
    assert (published.version, published.status, len(published.definition.steps)) == (2, workflow.status, 2)
    with pytest.raises(NotFound, match="draft"):
        await drafts.get(account_id, number)
    await journeys.happen(boris)
    await journeys.settle()
    await journeys.time_passes(DAY + 1)
    assert await journeys.states(number) == {EnrolmentState.FINISHED: 1, EnrolmentState.WAITING: 1}
    assert [one.version for one in await drafts.versions(account_id, number)] == [2, 1]
    assert [step.id for step in (await drafts.version(account_id, number, 1)).definition.steps] == ["rest"]
    back = await drafts.revert(account_id, number, 1)
    assert (back.version, [step.id for step in back.definition.steps]) == (3, ["rest"])


async def test_everything_that_is_wrong_with_a_draft_is_told_and_nothing_is_made(journeys: Journeys) -> None:
    account_id, drafts = journeys.account_id, drafts_of(journeys)
    number = (await journeys.started(WAIT)).workflow_id
    unread = written(
        {"type": "wait"}, {"type": "teleport"}, WAIT, {"type": "split", "branches": []}, rules={"holdout": 200}
    )
    draft = await drafts.save(account_id, number, unread)
    assert draft.definition == unread
    assert [one.field for one in draft.problems] == [
        "definition.rules.holdout",
        "definition.steps.0",
        "definition.steps.1.type",
        "definition.steps.3.branches",
    ]
    with pytest.raises(Invalid, match=r"definition\.rules\.holdout"):
        await drafts.publish(account_id, number)
    gone = written(
        {"type": "send_email", "template_id": 999_999},
        {"type": "add_to_list", "tag": "fresh"},
        {"type": "condition", "condition": {"list": 999_999}},
        {"type": "jump", "workflow_id": 999_999},
    )
    draft = await drafts.save(account_id, number, {**gone, "trigger": {"type": "segment", "segment_id": 999_999}})
    assert [one.field.removeprefix("definition.") for one in draft.problems] == [
        "trigger.segment_id",
        "steps.0.template_id",
        "steps.2.condition.list",
        "steps.3.workflow_id",
    ]
    async with journeys.database.tenant(account_id) as connection:
        rows = await (await connection.execute("SELECT name FROM lists")).fetchall()
        assert rows == []
        assert await lists.ensure_named(connection, account_id, ["fresh"])
    nowhere = await drafts.save(account_id, number, written(WAIT, WAIT))
    assert [one.field for one in nowhere.problems] == ["definition.steps.1.id"]
    loop = await drafts.save(
        account_id, number, written({"type": "split", "branches": [{"weight": 1, "next": "x"}] * 2})
    )
    assert [one.field for one in loop.problems] == ["definition.steps.0.branches.0.next"]


async def test_a_draft_is_not_published_over_a_version_that_came_meanwhile(journeys: Journeys) -> None:
    account_id, drafts = journeys.account_id, drafts_of(journeys)
    number = (await journeys.started(WAIT)).workflow_id
    await drafts.save(account_id, number, written({**WAIT, "id": "mine"}))
    await journeys.workflows.change(account_id, number, definition=written({**WAIT, "id": "theirs"}))
    draft = await drafts.save(account_id, number, written({**WAIT, "id": "mine"}, {**WAIT, "id": "too"}))
    assert (draft.from_version, draft.newest_version) == (1, 2)
    with pytest.raises(Conflict, match="version 2 was published after this draft was begun from version 1"):
        await drafts.publish(account_id, number)
    await drafts.save(account_id, number, draft.definition, from_version=2)
    assert (await drafts.publish(account_id, number)).version == 3
    await drafts.save(account_id, number, written({**WAIT, "id": "late"}), from_version=1)
    published = await drafts.publish(account_id, number, overwrite=True)
    assert (published.version, published.definition.steps[0].id) == (4, "late")


async def test_drafts_that_cannot_be_kept_are_refused_and_those_of_others_unknown(
    journeys: Journeys, other_account_id: int
) -> None:
    account_id, drafts = journeys.account_id, drafts_of(journeys)
    number = (await journeys.started(WAIT)).workflow_id
    for wrong, more in (
        ({"steps": "\0"}, {}),
        ({"steps": "x" * 1_100_000}, {}),
        (written(WAIT), {"from_version": 2}),
    ):
        with pytest.raises(Invalid):
            await drafts.save(account_id, number, wrong, **more)
    await drafts.save(account_id, number, written(WAIT))
    for act in (drafts.get, drafts.drop, drafts.publish, drafts.versions):
        with pytest.raises(NotFound):
            await act(other_account_id, number)
    with pytest.raises(NotFound):
        await drafts.save(other_account_id, number, written(WAIT))
    for version in (0, 2, 2**40):
        with pytest.raises(NotFound):
            await drafts.version(account_id, number, version)
        with pytest.raises(NotFound):
            await drafts.revert(account_id, number, version)
    await drafts.drop(account_id, number)
    with pytest.raises(NotFound, match="draft"):
        await drafts.drop(account_id, number)

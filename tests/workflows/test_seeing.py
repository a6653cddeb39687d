"""Looking at journeys: counts by step, paths in words, and moving to another version."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.clock import SystemClock
from syncom.errors import Invalid, NotFound
from syncom.workflows.drafts import DraftsService
from syncom.workflows.journeys import JourneysService, Migrated
from syncom.workflows.model import EnrolmentState
from tests.workflows.conftest import Journeys

KYIV = {"field": "city", "op": "equals", "value": "Kyiv"}
TRIGGER = {"type": "event", "event_type": "joined"}


def wait(name: str, **members: Any) -> dict[str, Any]:
    return {"type": "wait", "id": name, "days": 1, **members}


def seeing(journeys: Journeys) -> JourneysService:
    return JourneysService(journeys.database, SystemClock())


async def live_in(journeys: Journeys, contact_id: int, city: str) -> None:
    async with journeys.database.system() as connection:
        await connection.execute("UPDATE contacts SET city = %s WHERE contact_id = %s", (city, contact_id))


async def test_counts_by_step_are_those_of_the_journeys(journeys: Journeys) -> None:
    kyiv, lviv, late = await journeys.sending.people(3)
    await live_in(journeys, kyiv, "Kyiv")
    workflow = await journeys.started(
        wait("first"),
        {"type": "condition", "id": "where", "condition": KYIV, "otherwise": "last"},
        wait("second"),
        wait("last"),
    )
    await journeys.happen(kyiv, lviv)
    await journeys.settle()
    await journeys.time_passes(86_401)
    await journeys.happen(late)
    await journeys.settle()
    found = await seeing(journeys).figures(journeys.account_id, workflow.workflow_id)
    assert [(one.step_id, one.waiting, one.passed) for one in found.steps] == [
        ("first", 1, 2),
        ("where", 0, 2),
        ("second", 1, 0),
        ("last", 1, 0),
    ]
    assert found.entered == 3
    assert {(one.from_step, one.to_step): one.contacts for one in found.ways} == {
        (None, "first"): 3,
        ("first", "where"): 2,
        ("where", "second"): 1,
        ("where", "last"): 1,
    }
    await journeys.sending.contacts.erase(journeys.account_id, lviv)
    found = await seeing(journeys).figures(journeys.account_id, workflow.workflow_id)
    assert [(one.waiting, one.exited) for one in found.steps] == [(1, 0), (0, 0), (1, 0), (0, 1)]


async def test_the_path_of_a_contact_is_told_in_words(journeys: Journeys) -> None:
    anna, boris, kept = await journeys.sending.people(3)
    await live_in(journeys, anna, "Kyiv")
    template = await journeys.template()
    workflow = await journeys.started(
        {"type": "condition", "id": "where", "condition": KYIV},
        {"type": "send_email", "id": "hello", "template_id": template},
        wait("rest"),
    )
    await journeys.happen(anna, boris, city="Lviv")
    await journeys.settle()
    [one] = await seeing(journeys).of_contact(journeys.account_id, anna)
    assert [(entry.step_id, entry.what) for entry in one.path] == [
        ("where", "matched"),
        ("hello", "passed"),
        ("rest", "waits"),
    ]
    assert (one.state, one.step_id, one.params) == ("waiting", "rest", {"city": "Lviv"})
    assert one.wakes_at is not None
    [other] = await seeing(journeys).of_contact(journeys.account_id, boris, workflow.workflow_id)
    assert [(entry.step_id, entry.what) for entry in other.path] == [("where", "did not match")]
    assert (other.state, other.wakes_at) == ("finished", None)
    await journeys.sending.contacts.merge(journeys.account_id, kept, anna)
    [merged] = await seeing(journeys).of_contact(journeys.account_id, kept)
    assert (merged.contact_id, merged.event_id) == (kept, one.event_id)


async def test_a_number_opens_those_it_counts_also_of_an_older_version(journeys: Journeys) -> None:
    kyiv, lviv = await journeys.sending.people(2)
    await live_in(journeys, kyiv, "Kyiv")
    where = {"type": "condition", "id": "where", "condition": KYIV}
    workflow = await journeys.started(where, wait("rest"))
    await journeys.happen(kyiv, lviv)
    await journeys.settle()
    await journeys.workflows.change(
        journeys.account_id,
        workflow.workflow_id,
        definition={"trigger": TRIGGER, "steps": [wait("rest"), wait("more")]},
    )
    sight = seeing(journeys)

    async def found(**asked: Any) -> set[int]:
        page = await sight.page(journeys.account_id, workflow.workflow_id, **asked)
        return {one.contact_id for one in page.journeys}

    assert await found(version=1, through="where") == {kyiv, lviv}
    assert await found(version=1, through="rest") == set()
    assert await found(version=1, step="rest") == {kyiv}
    assert await found(through="rest") == set()
    with pytest.raises(NotFound, match="step"):
        await found(through="where")
    with pytest.raises(NotFound, match="version"):
        await found(version=3)
    await sight.migrate(journeys.account_id, workflow.workflow_id, 1, do=True)
    await journeys.time_passes(86_401)
    assert await found(through="rest") == {kyiv}
    assert await found(version=1, through="where") == {lviv}


async def test_figures_of_all_workflows_and_versions_say_who_came_in_is_inside_and_went(journeys: Journeys) -> None:
    people = await journeys.sending.people(3)
    await live_in(journeys, people[0], "Kyiv")
    where = {"type": "condition", "id": "where", "condition": KYIV}
    workflow = await journeys.started(where, wait("rest"))
    await journeys.happen(*people)
    await journeys.settle()
    [one] = await journeys.workflows.figures(journeys.account_id)
    assert (one.workflow_id, one.entered, one.waiting, one.failed) == (workflow.workflow_id, 3, 1, 0)
    assert (one.finished, one.exited) == (2, 0)
    await journeys.workflows.change(
        journeys.account_id, workflow.workflow_id, definition={"trigger": TRIGGER, "steps": [where, wait("rest")]}
    )
    versions = await DraftsService(journeys.database, journeys.workflows, SystemClock()).versions(
        journeys.account_id, workflow.workflow_id
    )
    assert [(each.version, each.inside) for each in versions] == [(2, 0), (1, 1)]


async def test_journeys_of_a_workflow_come_in_pages(journeys: Journeys) -> None:
    people = await journeys.sending.people(7)
    workflow = await journeys.started(wait("rest"))
    await journeys.happen(*people)
    await journeys.settle()
    sight = seeing(journeys)
    found: list[int] = []
    cursor = None
    for _ in range(4):
        page = await sight.page(journeys.account_id, workflow.workflow_id, step="rest", cursor=cursor, limit=2)
        found += [one.contact_id for one in page.journeys]
        cursor = page.cursor
    assert sorted(found) == sorted(people)
    assert cursor is None
    failed = await sight.page(journeys.account_id, workflow.workflow_id, state=EnrolmentState.FAILED)
    assert failed.journeys == []
    with pytest.raises(NotFound, match="step"):
        await sight.page(journeys.account_id, workflow.workflow_id, step="nowhere")


async def test_who_is_inside_moves_to_the_newest_version_by_a_mapping_that_is_shown_first(journeys: Journeys) -> None:
    anna, boris, carl = await journeys.sending.people(3)
    template = await journeys.template()
    mail = {"type": "send_email", "template_id": template}
    workflow = await journeys.started(wait("a"), wait("b"), {"type": "stop", "id": "c"})
    number, account_id = workflow.workflow_id, journeys.account_id
    await journeys.happen(anna, boris)
    await journeys.settle()
    await journeys.time_passes(86_401)
    await journeys.happen(carl)
    await journeys.settle()
    steps = [wait("a", days=3), mail | {"id": "hello"}, wait("d")]
    await journeys.workflows.change(account_id, number, definition={"trigger": TRIGGER, "steps": steps})
    sight = seeing(journeys)
    shown = await sight.migrate(account_id, number, 1)
    assert shown == [
        Migrated(from_step="a", to_step="a", contacts=1),
        Migrated(from_step="b", to_step=None, contacts=2, reason="the new version has no such step: map it to another"),
    ]
    for wrong in ({"x": "a"}, {"a": "x"}):
        with pytest.raises(Invalid, match=r"mapping\.[xa]"):
            await sight.migrate(account_id, number, 1, wrong, do=True)
    with pytest.raises(Invalid, match="newest"):
        await sight.migrate(account_id, number, 2)
    await sight.migrate(account_id, number, 1, {"b": "hello"}, do=True)
    await journeys.settle()
    assert sorted(one["contact"] for one in await journeys.queued()) == [anna, boris]
    old, new = await sight.figures(account_id, number, 1), await sight.figures(account_id, number)
    assert [one.waiting for one in old.steps] == [0, 0, 0]
    assert [(one.step_id, one.waiting) for one in new.steps] == [("a", 1), ("hello", 0), ("d", 2)]
    [one] = await sight.of_contact(account_id, anna)
    assert [(entry.step_id, entry.what) for entry in one.path] == [
        ("a", "waits"),
        ("a", "passed"),
        ("b", "waits"),
        (None, "moved to version 2"),
        ("hello", "passed"),
        ("d", "waits"),
    ]

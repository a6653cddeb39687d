"""Journeys: events let contacts in, steps are done in their order, and each of them once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.errors import Invalid, NotFound
from syncom.events.model import EventInput
from syncom.messages.planned import PlannedSends
from syncom.workflows.model import EnrolmentState, Outcome, WorkflowStatus
from tests.messages.email.smtp_peer import running_peer
from tests.messages.house import sending
from tests.workflows.conftest import Journeys, another_keeper

FINISHED, WAITING, PAUSED = EnrolmentState.FINISHED, EnrolmentState.WAITING, EnrolmentState.PAUSED


def send(template_id: int) -> dict[str, Any]:
    return {"type": "send_email", "template_id": template_id}


WAIT_A_DAY = {"type": "wait", "hours": 24}


async def test_an_event_becomes_a_mail_then_a_rest_then_another_mail(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    first, second = await journeys.template(), await journeys.template(subject="Again")
    workflow = await journeys.started(send(first), WAIT_A_DAY, send(second))
    await journeys.happen(anna, city="Lviv")
    await journeys.settle()
    [mail] = await journeys.queued()
    assert (mail["contact"], mail["lane"], mail["params"]) == (anna, 1, {"data": {"city": "Lviv"}})
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1}
    await journeys.time_passes(23 * 3600)
    assert len(await journeys.queued()) == 1
    await journeys.happen(boris, city="Kyiv")
    await journeys.time_passes(3601)
    mails = [(mail["contact"], mail["params"]["data"]["city"]) for mail in await journeys.queued()]
    assert sorted(mails) == [(anna, "Lviv"), (anna, "Lviv"), (boris, "Kyiv")]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1, WAITING: 1}


async def test_the_mail_arrives_with_what_the_event_said(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        await journeys.started(send(await journeys.template(subject="Welcome to {{ data.city }}")))
        await journeys.happen(anna, city="Lviv")
        await journeys.settle()
        async with sending(journeys.express()), asyncio.timeout(30):
            while not peer.accepted:
                await asyncio.sleep(0.02)
    [mail] = peer.accepted
    assert b"Subject: Welcome to Lviv" in mail.data
    assert b"List-Unsubscribe:" in mail.data


async def test_only_events_of_the_type_with_the_values_start_it(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    await journeys.happen(anna, city="Lviv", key="before")
    workflow = await journeys.started(send(await journeys.template()), where={"city": "Lviv"})
    await journeys.happen(anna, city="Kyiv")
    await journeys.happen(anna, event="left", city="Lviv")
    await journeys.happen(boris, city="Lviv")
    await journeys.events.record(journeys.account_id, [EventInput(type_key="joined", params={"city": "Lviv"})])
    await journeys.settle()
    assert [mail["contact"] for mail in await journeys.queued()] == [boris]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_each_event_is_a_journey_of_its_own_in_each_workflow(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    template = await journeys.template()
    workflows = [await journeys.started(send(template)) for _ in range(2)]
    for number in range(3):
        await journeys.happen(anna, key=f"k{number}")
    await journeys.settle()
    assert len(await journeys.queued()) == 6
    for workflow in workflows:
        assert await journeys.states(workflow.workflow_id) == {FINISHED: 3}


async def test_a_paused_workflow_lets_nobody_in_and_nobody_on(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    workflow = await journeys.started(send(await journeys.template()), WAIT_A_DAY, send(await journeys.template()))
    await journeys.happen(anna)
    await journeys.settle()
    paused = await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
    assert paused.status is WorkflowStatus.PAUSED
    await journeys.happen(boris)
    await journeys.time_passes(25 * 3600)
    assert len(await journeys.queued()) == 1
    assert await journeys.states(workflow.workflow_id) == {PAUSED: 1}
    await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
    await journeys.settle()
    assert [mail["contact"] for mail in await journeys.queued()] == [anna, anna]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_who_is_inside_stays_on_the_version_they_entered(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    old, new = await journeys.template(), await journeys.template(subject="New")
    workflow = await journeys.started(WAIT_A_DAY, send(old))
    await journeys.happen(anna)
    await journeys.settle()
    changed = await journeys.workflows.change(
        journeys.account_id,
        workflow.workflow_id,
        definition={"trigger": {"type": "event", "event_type": "joined"}, "steps": [send(new)]},
    )
    assert (changed.version, changed.status) == (2, WorkflowStatus.ACTIVE)
    await journeys.happen(boris)
    await journeys.time_passes(25 * 3600)
    contents = {mail["contact"]: mail["content"] for mail in await journeys.queued()}
    found = {
        template: (await journeys.sending.content.get(journeys.account_id, template)).content_id
        for template in (old, new)
    }
    assert contents == {anna: found[old], boris: found[new]}


async def test_another_trigger_takes_effect_at_once(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    template = await journeys.template()
    workflow = await journeys.started(send(template))
    await journeys.workflows.change(
        journeys.account_id,
        workflow.workflow_id,
        definition={"trigger": {"type": "event", "event_type": "bought"}, "steps": [send(template)]},
    )
    await journeys.happen(anna)
    await journeys.happen(anna, event="bought")
    await journeys.settle()
    assert len(await journeys.queued()) == 1


async def test_who_unsubscribed_gets_nothing_and_the_ledger_says_why(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    workflow = await journeys.started(send(await journeys.template()))
    await journeys.unsubscribe(anna)
    await journeys.happen(anna, boris)
    await journeys.settle()
    assert [mail["contact"] for mail in await journeys.queued()] == [boris]
    async with journeys.database.system() as connection:
        rows = await (await connection.execute("SELECT contact_id, state, reason FROM ledger")).fetchall()
    assert rows == [(anna, 3, "unsubscribed")]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 2}


async def test_who_unsubscribes_while_the_mail_waits_does_not_get_it(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        await journeys.started(send(await journeys.template()))
        await journeys.happen(anna)
        await journeys.settle()
        async with journeys.database.system() as connection:
            await connection.execute("UPDATE contacts SET email_state = 3 WHERE contact_id = %s", (anna,))
        async with sending(journeys.express()), asyncio.timeout(30):
            while await journeys.queued():
                await asyncio.sleep(0.02)
        assert not peer.accepted


async def test_a_contact_without_an_address_goes_on_and_one_that_is_gone_leaves(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    outcome = await journeys.sending.contacts.upsert(
        journeys.account_id,
        [_only_phone()],
        _by_phone(),
    )
    phone_only = outcome.contact_ids[0] or 0
    workflow = await journeys.started(WAIT_A_DAY, send(await journeys.template()))
    await journeys.happen(anna, boris, phone_only)
    await journeys.settle()
    async with journeys.database.system() as connection:
        await connection.execute("DELETE FROM contacts WHERE contact_id = %s", (boris,))
    await journeys.time_passes(25 * 3600)
    assert [mail["contact"] for mail in await journeys.queued()] == [anna]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 2, EnrolmentState.LEFT: 1}


async def test_a_merged_contact_goes_on_as_the_kept_one_and_an_erased_one_is_forgotten(journeys: Journeys) -> None:
    anna, lena, boris = await journeys.sending.people(3)
    workflow = await journeys.started(WAIT_A_DAY, send(await journeys.template()))
    await journeys.happen(lena, boris)
    await journeys.settle()
    await journeys.sending.contacts.merge(journeys.account_id, anna, lena)
    await journeys.sending.contacts.delete(journeys.account_id, boris)
    await journeys.sending.contacts.erase(journeys.account_id, boris)
    await journeys.time_passes(25 * 3600)
    assert [mail["contact"] for mail in await journeys.queued()] == [anna]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


async def test_a_contact_that_is_erased_in_the_midst_of_a_pass_is_erased_after_it(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, boris = await journeys.sending.people(2)
    workflow = await journeys.started(send(await journeys.template()), WAIT_A_DAY)
    await journeys.happen(anna, boris)
    queue = PlannedSends.queue
    erasures: list[asyncio.Task[None]] = []

    async def erase_meanwhile(self: PlannedSends, *arguments: Any, **named: Any) -> Any:
        erasures.append(asyncio.create_task(journeys.sending.contacts.erase(journeys.account_id, boris)))
        await asyncio.sleep(0.05)
        return await queue(self, *arguments, **named)

    monkeypatch.setattr(PlannedSends, "queue", erase_meanwhile)
    await journeys.settle()
    await asyncio.gather(*erasures)
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1}
    async with journeys.database.system() as connection:
        rows = await (
            await connection.execute("SELECT from_step, to_step, sum(contacts)::int FROM workflow_ways GROUP BY 1, 2")
        ).fetchall()
    assert sorted(rows) == sorted([(-1, 0, 2), (0, 1, 2), (1, -4, 1)])


async def test_a_template_that_is_gone_parks_those_who_come_to_it_and_a_start_tries_again(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    template, other = await journeys.template(), await journeys.template()
    workflow = await journeys.started(send(other), WAIT_A_DAY, send(template))
    await journeys.happen(anna)
    await journeys.settle()
    await journeys.sending.content.delete(journeys.account_id, template)
    await journeys.time_passes(25 * 3600)
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FAILED: 1}
    with pytest.raises(Invalid, match=r"definition\.steps\.2\.template_id"):
        await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
    assert len(await journeys.queued()) == 1


async def test_workflows_of_another_account_are_unknown(journeys: Journeys, other_account_id: int) -> None:
    template = await journeys.template()
    workflow = await journeys.started(send(template))
    for act in (journeys.workflows.get, journeys.workflows.start, journeys.workflows.pause, journeys.workflows.counts):
        with pytest.raises(NotFound):
            await act(other_account_id, workflow.workflow_id)
    with pytest.raises(Invalid, match=r"definition\.steps\.0\.template_id"):
        await journeys.workflows.create(
            other_account_id, "x", {"trigger": {"type": "event", "event_type": "a"}, "steps": [send(template)]}
        )
    assert await journeys.workflows.page(other_account_id) == ([], 0)


async def test_two_keepers_at_once_do_everything_once(journeys: Journeys) -> None:
    people = await journeys.sending.people(300)
    workflow = await journeys.started(send(await journeys.template()), WAIT_A_DAY, send(await journeys.template()))
    keepers = [
        journeys.keeper,
        *(another_keeper(journeys.database, journeys.events, journeys.sending, journeys.clock) for _ in range(2)),
    ]

    async def work(keeper: Any) -> None:
        for _ in range(15):
            await keeper.step()

    for chunk in range(0, 300, 50):
        await journeys.happen(*people[chunk : chunk + 50])
    await asyncio.gather(*(work(keeper) for keeper in keepers))
    await journeys.settle()
    async with journeys.database.system() as connection:
        await connection.execute("UPDATE enrolments SET wake_at = now()")
    await asyncio.gather(*(work(keeper) for keeper in keepers))
    await journeys.settle()
    mails = [mail["contact"] for mail in await journeys.queued()]
    assert sorted(mails) == sorted([*people, *people])
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 300}


_DID = st.sampled_from(["a happens", "b happens", "pass", "day", "stop", "start"])


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.sampled_from(["send", "wait"]), min_size=1, max_size=4), did=st.lists(_DID, max_size=14))
async def test_journeys_go_as_in_a_model_whatever_happens_in_between(
    journeys: Journeys, steps: list[str], did: list[str]
) -> None:
    """Against a small interpreter: who got how many mails."""
    async with journeys.database.system() as connection:
        for table in ("messages", "enrolments", "followed_events", "events", "workflow_versions", "workflows"):
            await connection.execute(f"DELETE FROM {table}")
        await connection.execute("DELETE FROM contacts")
        await connection.execute("DELETE FROM identities")
    people = dict(zip("ab", await journeys.sending.people(2), strict=True))
    template = await journeys.template()
    workflow = await journeys.started(*(send(template) if step == "send" else WAIT_A_DAY for step in steps))
    model = _Model(steps)
    for number, action in enumerate(did):
        who = action[0]
        if action.endswith("happens"):
            await journeys.happen(people[who], key=f"k{number}")
            model.happens(who)
        elif action == "pass":
            await journeys.settle()
            model.settle()
        elif action == "day":
            await journeys.settle()
            model.settle()
            await journeys.time_passes(24 * 3600 + 1)
            model.day()
        elif action == "stop":
            await journeys.settle()
            model.settle()
            await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
            model.active = False
        else:
            await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
            model.active = True
    await journeys.settle()
    model.settle()
    names = {contact_id: name for name, contact_id in people.items()}
    found = sorted(names[mail["contact"]] for mail in await journeys.queued())
    assert found == sorted(model.mails)


class _Model:
    """What should happen, one contact and step at a time."""

    def __init__(self, steps: list[str]) -> None:
        self._steps = steps
        self._inside: list[list[Any]] = []  # who, step, days left
        self.active = True
        self.mails: list[str] = []

    def happens(self, who: str) -> None:
        if self.active:
            self._inside.append([who, 0, 0])

    def settle(self) -> None:
        if not self.active:
            return
        for one in self._inside:
            while one[1] < len(self._steps) and one[2] <= 0:
                if self._steps[one[1]] == "send":
                    self.mails.append(one[0])
                else:
                    one[2] = 1
                one[1] += 1

    def day(self) -> None:
        for one in self._inside:
            one[2] -= 1
        self.settle()


def _only_phone() -> Any:
    from syncom.contacts.model import ContactInput

    return ContactInput(phone="+380671112233")


def _by_phone() -> Any:
    from syncom.contacts.model import IdentityKind, UpsertOptions

    return UpsertOptions(key=IdentityKind.PHONE)


# ---------------------------------------------------------------- segments


async def test_who_enters_or_leaves_a_segment_comes_in_once_for_each_move(journeys: Journeys) -> None:
    one, two, three = await journeys.sending.people(3)
    segments, keeper = journeys.sending.segments, journeys.membership_keeper()
    kyiv = await segments.create(journeys.account_id, "Kyiv", {"field": "city", "op": "equals", "value": "Kyiv"})
    await _live_in(journeys, three, "Kyiv")
    await keeper.settle()
    entered, left = [
        await journeys.started_by({"type": "segment", "segment_id": kyiv.segment_id, "when": when}, WAIT_A_DAY)
        for when in ("enters", "leaves")
    ]
    await _live_in(journeys, one, "Kyiv")
    await _live_in(journeys, two, "Lviv")
    await keeper.settle()
    await journeys.settle()
    assert await journeys.states(entered.workflow_id) == {WAITING: 1}
    assert await journeys.states(left.workflow_id) == {}
    for city in ("Lviv", "Kyiv", "Lviv"):
        await _live_in(journeys, one, city)
        await keeper.settle()
    await journeys.settle()
    assert await journeys.states(entered.workflow_id) == {WAITING: 2}
    assert await journeys.states(left.workflow_id) == {WAITING: 2}
    await segments.update(
        journeys.account_id, kyiv.segment_id, "Lviv", {"field": "city", "op": "equals", "value": "Lviv"}
    )
    await keeper.settle()
    await journeys.settle()
    assert await journeys.states(entered.workflow_id) == {WAITING: 2}, "a new condition moves nobody of themselves"
    for workflow in (entered, left):
        await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
    await _live_in(journeys, two, "Kyiv")
    await keeper.settle()
    async with journeys.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM followed_moves")).fetchone()
    assert row == (0,)


async def test_a_workflow_on_a_segment_that_is_not_there_is_refused_and_keeps_the_one_that_is(
    journeys: Journeys,
) -> None:
    trigger = {"type": "segment", "segment_id": 404}
    with pytest.raises(Invalid, match=r"definition.trigger.segment_id: there is no segment 404"):
        await journeys.started_by(trigger, WAIT_A_DAY)
    made = await journeys.sending.segments.create(journeys.account_id, "All", {"all": []})
    await journeys.started_by({"type": "segment", "segment_id": made.segment_id}, WAIT_A_DAY)
    async with journeys.database.system() as connection:
        users = await journeys.workflows.users(connection, journeys.account_id, "segment", made.segment_id)
        assert users == ["workflow 'Welcome'"]
        assert await journeys.workflows.users(connection, journeys.account_id, "segment", 404) == []


async def test_only_who_matches_a_condition_goes_on_and_what_it_names_is_kept(journeys: Journeys) -> None:
    kyiv, lviv = await journeys.sending.people(2)
    await _live_in(journeys, kyiv, "Kyiv")
    template = await journeys.template()
    condition = {"type": "condition", "id": "in Kyiv", "condition": {"field": "city", "op": "equals", "value": "Kyiv"}}
    workflow = await journeys.started(WAIT_A_DAY, condition, send(template))
    await journeys.happen(kyiv, lviv)
    await journeys.settle()
    await journeys.time_passes(86_401)
    assert [mail["contact"] for mail in await journeys.queued()] == [kyiv]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 2}
    async with journeys.database.system() as connection:
        rows = await (await connection.execute("SELECT contact_id, path[8] FROM enrolments")).fetchall()
        assert await journeys.workflows.users(connection, journeys.account_id, "field", "city") == [
            "workflow 'Welcome'"
        ]
    assert dict(rows) == {kyiv: Outcome.MATCHED, lviv: Outcome.DID_NOT_MATCH}
    wrong = {"type": "condition", "condition": {"all": [{"field": "moon", "op": "is_set"}]}}
    with pytest.raises(Invalid, match=r"definition.steps.0.condition.all.0.field: there is no contact field 'moon'"):
        await journeys.started(wrong)


async def _live_in(journeys: Journeys, contact_id: int, city: str) -> None:
    async with journeys.database.system() as connection:
        await connection.execute("UPDATE contacts SET city = %s WHERE contact_id = %s", (city, contact_id))

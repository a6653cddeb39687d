"""The cap: who got enough lately is passed over, whoever sent it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from syncom.campaigns.model import CampaignState
from syncom.messages.policy.model import Cap, Policy, QuietHours
from syncom.messages.service import MessageRecipient, SendRequest
from syncom.workflows.journeys import JourneysService
from syncom.workflows.model import Outcome, Workflow
from tests.messages.email.smtp_peer import SmtpPeer, running_peer
from tests.messages.house import sending
from tests.workflows.conftest import Journeys, another_keeper

DAY = 86_400


async def capped(journeys: Journeys, messages: int, *, event: str = "joined", days: int = 7) -> Workflow:
    """A workflow that sends one mail, with a cap."""
    template = await journeys.template(name=f"Letter of {event}")
    definition = {
        "trigger": {"type": "event", "event_type": event},
        "rules": {"cap": {"messages": messages, "days": days}},
        "steps": [{"type": "send_email", "template_id": template}],
    }
    made = await journeys.workflows.create(journeys.account_id, event, definition)
    return await journeys.workflows.start(journeys.account_id, made.workflow_id)


async def outcomes(journeys: Journeys, workflow: Workflow) -> list[int]:
    """What the step did to each journey, in the order in which they came in."""
    async with journeys.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT path[2] FROM enrolments WHERE workflow_id = %s ORDER BY entered_at, event_id",
                (workflow.workflow_id,),
            )
        ).fetchall()
    return [row[0] for row in rows]


async def mails(journeys: Journeys) -> dict[int, int]:
    """Queued ones, by contact."""
    found: dict[int, int] = {}
    for mail in await journeys.queued():
        found[mail["contact"]] = found.get(mail["contact"], 0) + 1
    return found


async def test_mails_of_all_workflows_count_and_only_for_so_many_days(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    plain = await journeys.started({"type": "send_email", "template_id": await journeys.template()}, event="signed up")
    workflow = await capped(journeys, 2)
    await journeys.happen(anna, event="signed up")
    await journeys.settle()
    for _ in range(3):
        await journeys.happen(anna)
        await journeys.settle()
    await journeys.happen(boris)
    await journeys.settle()
    assert await outcomes(journeys, workflow) == [Outcome.PASSED, Outcome.CAPPED, Outcome.CAPPED, Outcome.PASSED]
    assert await mails(journeys) == {anna: 2, boris: 1}
    # One without a cap sends in any case.
    await journeys.happen(anna, event="signed up")
    await journeys.settle()
    assert await outcomes(journeys, plain) == [Outcome.PASSED, Outcome.PASSED]
    await journeys.time_passes(7 * DAY + 60)
    await journeys.happen(anna)
    await journeys.settle()
    assert (await outcomes(journeys, workflow))[-1] == Outcome.PASSED


async def test_of_several_journeys_at_once_no_more_than_the_cap_send(journeys: Journeys) -> None:
    people = await journeys.sending.people(30)
    workflow = await capped(journeys, 3)
    for _ in range(5):
        await journeys.happen(*people)
    await journeys.settle()
    assert await mails(journeys) == dict.fromkeys(people, 3)
    found = await outcomes(journeys, workflow)
    assert (found.count(Outcome.PASSED), found.count(Outcome.CAPPED)) == (90, 60)


async def test_a_capped_journey_goes_on_and_its_path_says_why(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    workflow = await capped(journeys, 1)
    await journeys.happen(anna)
    await journeys.settle()
    await journeys.happen(anna)
    await journeys.settle()
    seen = JourneysService(journeys.database, journeys.clock)
    found = await seen.of_contact(journeys.account_id, anna, workflow.workflow_id)
    assert [(one.state, [step.what for step in one.path]) for one in found] == [
        ("finished", ["capped"]),
        ("finished", ["passed"]),
    ]


async def test_campaigns_count_once_they_are_sent_and_transactional_mails_do_not(journeys: Journeys) -> None:
    house = journeys.sending
    async with running_peer() as peer:
        await house.sender(peer.port)
        anna, *_ = await house.people(2)
        template = await journeys.template(name="Receipt")
        recipients = tuple(MessageRecipient(contact_id=anna, params={"data": {"city": "Lviv"}}) for _ in range(3))
        await house.messages.send(journeys.account_id, SendRequest(template_id=template, recipients=recipients))
        async with sending(journeys.express(), house.loop()):
            campaign = await house.campaign()
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
            async with asyncio.timeout(30):
                while await journeys.queued():
                    await asyncio.sleep(0.02)
    assert len(peer.accepted) == 5
    lenient, strict = await capped(journeys, 2, event="joined"), await capped(journeys, 1, event="left")
    await journeys.happen(anna, event="left")
    await journeys.settle()
    await journeys.happen(anna)
    await journeys.settle()
    assert await outcomes(journeys, strict) == [Outcome.CAPPED]
    assert await outcomes(journeys, lenient) == [Outcome.PASSED]


async def test_a_cap_of_the_account_counts_campaigns_and_workflows_together(journeys: Journeys) -> None:
    house = journeys.sending
    await house.policies.put(house.account_id, Policy(caps=(Cap(messages=2, days=7),)))
    async with running_peer() as peer:
        await house.sender(peer.port)
        anna, _ = await house.people(2)
        template = await journeys.template(name="Uncapped")
        workflow = await journeys.started({"type": "send_email", "template_id": template})
        await journeys.happen(anna, city="Lviv")
        await journeys.settle()
        async with sending(journeys.express(), house.loop()):
            first, second = await house.campaign(), await house.campaign()
            await house.until(first.campaign_id, CampaignState.FINISHED)
            await house.until(second.campaign_id, CampaignState.FINISHED)
    await journeys.happen(anna, city="Lviv")
    await journeys.settle()
    assert await outcomes(journeys, workflow) == [Outcome.PASSED, Outcome.CAPPED]
    got = Counter(mail.rcpt_to for mail in peer.accepted)
    assert got == {"p1@example.com": 2, "p2@example.com": 2}
    rows = [*await house.ledger(first.campaign_id), *await house.ledger(second.campaign_id)]
    assert [(row.contact_id, row.reason) for row in rows if row.state == "excluded"] == [(anna, "frequency cap")]


async def test_what_a_workflow_sends_waits_for_the_end_of_the_accounts_quiet_hours(journeys: Journeys) -> None:
    house = journeys.sending
    now = datetime.now(UTC)
    night = QuietHours(begin=f"{now - timedelta(hours=1):%H:%M}", end=f"{now + timedelta(hours=2):%H:%M}")
    async with running_peer() as peer:
        await house.sender(peer.port)
        [anna] = await house.people(1)
        workflow = await journeys.started({"type": "send_email", "template_id": await journeys.template()})
        await house.policies.put(house.account_id, Policy(quiet_hours=(night,)))
        await journeys.happen(anna, city="Lviv")
        await journeys.settle()
        async with sending(journeys.express()), asyncio.timeout(30):
            due_at = now
            while due_at - now < timedelta(hours=1):
                await asyncio.sleep(0.02)
                async with house.database.system() as connection:
                    row = await (await connection.execute("SELECT due_at FROM messages")).fetchone()
                assert row is not None
                due_at = row[0]
            assert not peer.accepted
            await house.policies.put(house.account_id, Policy())
            await house.retries_are_due()
            while not peer.accepted:
                await asyncio.sleep(0.02)
    assert due_at - now <= timedelta(hours=2, minutes=1)
    assert await outcomes(journeys, workflow) == [Outcome.PASSED]


async def test_what_failed_does_not_count(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with running_peer(SmtpPeer(unknown=re.compile("p1@"))) as peer:
        await journeys.sending.sender(peer.port)
        workflow = await capped(journeys, 1)
        await journeys.happen(anna)
        await journeys.settle()
        async with sending(journeys.express()), asyncio.timeout(30):
            while await journeys.queued():
                await asyncio.sleep(0.02)
    await journeys.happen(anna)
    await journeys.settle()
    assert await outcomes(journeys, workflow) == [Outcome.PASSED, Outcome.PASSED]


async def test_what_a_merged_contact_got_counts_for_the_one_it_is_now(journeys: Journeys) -> None:
    anna, ann = await journeys.sending.people(2)
    workflow = await capped(journeys, 1)
    await journeys.happen(ann)
    await journeys.settle()
    await journeys.sending.contacts.merge(journeys.account_id, anna, ann)
    await journeys.happen(anna)
    await journeys.settle()
    assert sorted(await outcomes(journeys, workflow)) == [Outcome.PASSED, Outcome.CAPPED]


async def test_two_keepers_do_not_slip_past_it(journeys: Journeys) -> None:
    people = await journeys.sending.people(200)
    workflows: list[Any] = [await capped(journeys, 1, event=name) for name in ("a", "b", "c")]
    for name in ("a", "b", "c"):
        await journeys.happen(*people, event=name)
    other = another_keeper(journeys.database, journeys.events, journeys.sending, journeys.clock)
    for _ in range(20):
        await asyncio.gather(journeys.keeper.step(), other.step())
    await journeys.settle()
    assert await mails(journeys) == dict.fromkeys(people, 1)
    found = [outcome for workflow in workflows for outcome in await outcomes(journeys, workflow)]
    assert (found.count(Outcome.PASSED), found.count(Outcome.CAPPED)) == (200, 400)

"""A new sender sends a few messages a day, more each day, and says what it waits for."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from syncom.campaigns.model import CampaignState
from syncom.contacts.model import Channel
from syncom.content.model import TemplateInput
from syncom.errors import Invalid, NotFound
from syncom.messages.model import SenderRole
from syncom.messages.service import MessageRecipient, SendRequest
from syncom.messages.warming.model import Plan, Standing, WarmUp
from syncom.messages.warming.service import WarmUpsService
from tests.messages.email.smtp_peer import running_peer
from tests.messages.house import SendingHouse, sending

PLANS = some.builds(
    Plan, first=some.integers(1, 10_000), growth=some.floats(1.01, 10), target=some.integers(10_001, 10**8)
)


@given(PLANS)
def test_each_day_allows_no_less_than_the_one_before_until_the_target_ends_it(plan: Plan) -> None:
    allowed = [plan.allowance(number) for number in range(plan.days + 3)]
    limits = [one for one in allowed if one is not None]
    assert allowed[0] == plan.first
    assert limits == sorted(limits)
    assert all(one < plan.target for one in limits)
    assert allowed == [*limits, *([None] * (len(allowed) - len(limits)))]
    assert abs(len(limits) - plan.days) <= 1
    assert plan.allowance(10**6) is None


def test_the_usual_plan() -> None:
    plan = Plan(first=50, growth=2, target=400)
    assert [plan.allowance(number) for number in range(5)] == [50, 100, 200, None, None]
    assert plan.days == 3


def test_days_are_those_of_the_accounts_zone() -> None:
    found = WarmUp(
        sender_id=1,
        plan=Plan(first=10, growth=2, target=100),
        started_on=datetime(2026, 3, 28, tzinfo=UTC).date(),
        time_zone="Europe/Kyiv",
        day=None,
        taken=0,
    )
    assert found.allowed(datetime(2026, 3, 28, 21, 59, tzinfo=UTC)) == 10
    assert found.allowed(datetime(2026, 3, 28, 22, 0, tzinfo=UTC)) == 20
    # The next night is an hour shorter.
    assert found.tomorrow(datetime(2026, 3, 29, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 21, tzinfo=UTC)


@pytest.fixture
def warm_ups(house: SendingHouse) -> WarmUpsService:
    return WarmUpsService(house.database, house.senders, house.clock)


async def a_day_passes(house: SendingHouse, warm_ups: WarmUpsService, sender_id: int) -> Standing:
    async with house.database.system() as connection:
        await connection.execute("UPDATE warm_ups SET started_on = started_on - 1, day = day - 1")
    return await warm_ups.get(house.account_id, sender_id)


async def test_a_days_allowance_is_sent_and_the_rest_waits_and_says_so(
    house: SendingHouse, warm_ups: WarmUpsService
) -> None:
    people = await house.people(100)
    async with running_peer() as peer:
        sender_id = await house.sender(peer.port)
        await warm_ups.put(house.account_id, sender_id, Plan(first=30, growth=1.5, target=60))
        campaign = await house.campaign()
        template = await house.content.create(house.account_id, TemplateInput(name="R", subject="R", source="<p>R</p>"))
        # Two bulk processes share the allowance.
        async with sending(house.loop(), house.loop(), house.loop(SenderRole.EXPRESS)):
            async with asyncio.timeout(30):
                while not (await house.senders.get(house.account_id, sender_id)).problem:
                    await asyncio.sleep(0.05)
                while (await house.campaigns.report(house.account_id, campaign.campaign_id)).sent < 30:
                    await asyncio.sleep(0.05)
            report = await house.campaigns.report(house.account_id, campaign.campaign_id)
            assert (report.sent, report.waiting, report.failed) == (30, 70, 0)
            assert report.sender_problem.startswith("warm-up: today's 30 messages are sent; it goes on at ")
            # What cannot wait goes on top, and counts.
            request = SendRequest(
                template_id=template.template_id, recipients=(MessageRecipient(contact_id=people[0]),)
            )
            await house.messages.send(house.account_id, request)
            async with asyncio.timeout(30):
                while len(peer.accepted) < 31:
                    await asyncio.sleep(0.05)
            assert (await warm_ups.get(house.account_id, sender_id)).sent_today >= 31

            standing = await a_day_passes(house, warm_ups, sender_id)
            assert (standing.allowed_today, standing.sent_today) == (45, 0)
            async with asyncio.timeout(30):
                while (await house.campaigns.report(house.account_id, campaign.campaign_id)).sent < 75:
                    await asyncio.sleep(0.05)

            standing = await a_day_passes(house, warm_ups, sender_id)
            assert standing.allowed_today is None
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    assert Counter(mail.rcpt_to for mail in peer.accepted) - Counter(["p1@example.com"]) == {
        f"p{number}@example.com": 1 for number in range(1, 101)
    }


async def test_what_a_process_did_not_use_is_given_back_when_it_stops(
    house: SendingHouse, warm_ups: WarmUpsService
) -> None:
    await house.people(60)
    async with running_peer() as peer:
        sender_id = await house.sender(peer.port, rate_per_second=20, max_connections=1)
        await warm_ups.put(house.account_id, sender_id, Plan(first=50, growth=2, target=1000))
        campaign = await house.campaign()
        async with sending(house.loop()):
            while len(peer.accepted) < 5:
                await asyncio.sleep(0.01)
        sent = (await house.campaigns.report(house.account_id, campaign.campaign_id)).sent
        assert (await warm_ups.get(house.account_id, sender_id)).sent_today == sent == len(peer.accepted)


async def test_a_plan_is_changed_ended_and_refused_by_the_field(house: SendingHouse, warm_ups: WarmUpsService) -> None:
    sender_id = await house.sender(25)
    account = house.account_id
    with pytest.raises(NotFound):
        await warm_ups.get(account, sender_id)
    for field, plan in (
        ("first", Plan(first=0)),
        ("growth", Plan(growth=1)),
        ("growth", Plan(growth=float("nan"))),
        ("target", Plan(first=100, target=100)),
    ):
        with pytest.raises(Invalid, match=f"{field}: must"):
            await warm_ups.put(account, sender_id, plan)
    made = await warm_ups.put(account, sender_id, Plan(first=10, growth=2, target=100))
    assert made.ends_on - made.started_on == timedelta(days=4)
    await a_day_passes(house, warm_ups, sender_id)
    changed = await warm_ups.put(account, sender_id, Plan(first=20, growth=3, target=100))
    assert (changed.started_on, changed.allowed_today) == (made.started_on - timedelta(days=1), 60)
    await warm_ups.delete(account, sender_id)
    with pytest.raises(NotFound):
        await warm_ups.delete(account, sender_id)
    texts = await house.senders.default(account, Channel.SMS)
    with pytest.raises(Invalid, match="sender of email"):
        await warm_ups.put(account, texts.sender_id, Plan())

"""Campaigns over web push: everybody's browsers, one row of the ledger a contact."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from syncom.campaigns.model import Audience, Campaign, CampaignInput, CampaignState, LedgerRow
from syncom.contacts.model import Channel
from syncom.postgres.pool import Database
from tests.messages.house import SendingHouse, sending, states
from tests.messages.push.browser import Browser, took
from tests.messages.push.test_sending import push, remaining
from tests.messages.sms.gateway_peer import Asked, GatewayPeer, Reply, running_gateway
from tests.messages.test_faults import sender_process


@pytest.fixture
def house(database: Database, account_id: int, tmp_path: Path) -> SendingHouse:
    return SendingHouse.on(database, account_id, tmp_path)


async def subscribed(house: SendingHouse, peer: GatewayPeer, *names: str, contact_id: int) -> list[Browser]:
    browsers = [Browser(peer, name) for name in names]
    for browser in browsers:
        await browser.subscribe(house.contacts, house.account_id, contact_id)
    return browsers


async def started(house: SendingHouse) -> Campaign:
    return await house.campaign(letter=push("Hello {{ first_name }}", link="https://shop.example/sale"))


async def finished(house: SendingHouse, campaign: Campaign) -> list[LedgerRow]:
    """The ledger at the end, retries being due at once."""
    async with sending(house.loop()), asyncio.timeout(30):
        while True:
            await house.keeper_rests()
            if (await house.campaigns.get(house.account_id, campaign.campaign_id)).state is CampaignState.FINISHED:
                return await house.ledger(campaign.campaign_id)
            await house.retries_are_due()
            await asyncio.sleep(0.05)


async def test_it_goes_to_every_browser_of_those_who_want_it_and_has_one_row_for_each(house: SendingHouse) -> None:
    async with running_gateway(took) as peer:
        two, one, gone, nobody = await house.people(4)
        browsers = await subscribed(house, peer, "a", "b", contact_id=two)
        browsers += await subscribed(house, peer, "c", contact_id=one)
        left = await subscribed(house, peer, "d", contact_id=gone)
        await house.contacts.consents.unsubscribe(house.account_id, [gone], Channel.WEBPUSH, source="page")
        count = await house.campaigns.count_audience(
            house.account_id, Audience(everyone=True), channels=(Channel.WEBPUSH,)
        )
        rows = {row.contact_id: row for row in await finished(house, await started(house))}
    assert count.recipients == 2
    assert count.excluded == {"no push subscription": 1, "unsubscribed": 1}
    assert [len(browser.got) for browser in browsers] == [1, 1, 1]
    assert not left[0].asked
    assert {number: (row.state, row.reason) for number, row in rows.items() if row.state != "sent"} == {
        gone: ("excluded", "unsubscribed"),
        nobody: ("excluded", "no push subscription"),
    }
    assert rows[two].address == peer.url, "the browser's own address is not kept"
    assert "2 of 2 browsers" in rows[two].reason
    assert browsers[0].shown[0]["body"] == "Hello Name1"
    assert browsers[0].shown[0]["url"] == browsers[1].shown[0]["url"], "a click is the contact's, whatever it was on"


async def test_it_is_sent_when_one_browser_took_it_and_those_that_are_gone_are_forgotten(house: SendingHouse) -> None:
    def behave(asked: Asked, number: int) -> Reply:
        return Reply(status=410) if asked.path.endswith("dead") else took(asked, number)

    async with running_gateway(behave) as peer:
        lucky, unlucky = await house.people(2)
        alive, dead = await subscribed(house, peer, "alive", "first-dead", contact_id=lucky)
        await subscribed(house, peer, "other-dead", contact_id=unlucky)
        rows = {row.contact_id: row for row in await finished(house, await started(house))}
        assert (rows[lucky].state, rows[unlucky].state) == ("sent", "failed")
        assert (len(alive.got), len(dead.asked)) == (1, 1)
        assert await remaining(house) == [alive.endpoint]
        again = {row.contact_id: row for row in await finished(house, await started(house))}
    assert (again[lucky].state, again[unlucky].reason) == ("sent", "no push subscription")


async def test_who_cannot_be_reached_now_is_tried_again_wherever_it_is_then(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: Reply(status=503)) as busy, running_gateway(took) as peer:
        [contact_id] = await house.people(1)
        [old] = await subscribed(house, busy, "old", contact_id=contact_id)
        campaign = await started(house)
        async with sending(house.loop()), asyncio.timeout(20):
            while not (await house.campaigns.report(house.account_id, campaign.campaign_id)).retrying:
                await asyncio.sleep(0.02)
        [new] = await subscribed(house, peer, "new", contact_id=contact_id)
        [row] = await finished(house, campaign)
    assert (row.state, row.attempts) == ("sent", 2)
    assert (len(old.got), len(new.got)) == (0, 1)


async def test_who_unsubscribes_after_the_audience_was_frozen_gets_nothing(house: SendingHouse) -> None:
    async with running_gateway(took) as peer:
        stays, leaves, switches_off = await house.people(3)
        await subscribed(house, peer, "stays", contact_id=stays)
        [left] = await subscribed(house, peer, "leaves", contact_id=leaves)
        [off] = await subscribed(house, peer, "off", contact_id=switches_off)
        campaign = await started(house)
        await house.contacts.consents.unsubscribe(house.account_id, [leaves], Channel.WEBPUSH, source="page")
        await off.subscribe(house.contacts, house.account_id, switches_off, active=False)
        rows = {row.contact_id: row for row in await finished(house, campaign)}
    assert rows[stays].state == "sent"
    assert (rows[leaves].state, rows[leaves].reason) == ("excluded", "unsubscribed")
    assert (rows[switches_off].state, rows[switches_off].reason) == ("excluded", "no push subscription")
    assert not left.asked
    assert not off.asked


async def test_failed_ones_are_tried_again_by_hand_with_the_browsers_of_that_moment(house: SendingHouse) -> None:
    verdict = [Reply(status=400, body=b"no")]
    async with running_gateway(lambda asked, number: verdict[0]) as peer:
        [contact_id] = await house.people(1)
        [browser] = await subscribed(house, peer, "one", contact_id=contact_id)
        campaign = await started(house)
        assert states(await finished(house, campaign)) == {"failed": 1}
        verdict[0] = Reply(status=201)
        assert await house.campaigns.retry_failed(house.account_id, campaign.campaign_id) == 1
        [row] = await finished(house, campaign)
    assert row.state == "sent"
    assert len(browser.got) == 1


async def test_what_a_killed_process_had_sent_is_settled_and_not_sent_twice(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: Reply(status=201, wait=0.05)) as peer:
        people = await house.people(40)
        browsers = [
            (await subscribed(house, peer, f"b{contact_id}", contact_id=contact_id))[0] for contact_id in people
        ]
        campaign = await started(house)
        async with sender_process(house) as child:
            async with asyncio.timeout(30):
                while len(peer.accepted) < 10:
                    await asyncio.sleep(0.01)
            child.kill()
            await child.wait()
        rows = await finished(house, campaign)
    assert states(rows) == {"sent": 40}
    doubled = sum(len(browser.got) > 1 for browser in browsers)
    assert doubled <= sum(row.uncertain for row in rows), "a second copy is possible, and marked"


async def test_the_accounts_sender_of_web_push_is_made_when_the_first_campaign_needs_it(house: SendingHouse) -> None:
    template = await house.content.create(house.account_id, push())
    given = CampaignInput(name="Push", template_id=template.template_id, audience=Audience(everyone=True))
    made = await house.campaigns.create(house.account_id, given)
    sender = await house.senders.get(house.account_id, made.sender_id)
    assert (made.channel, sender.channel) == (Channel.WEBPUSH, Channel.WEBPUSH)

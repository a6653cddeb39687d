"""Consent is asked just before a message is sent, and can be shown for every message ever after."""

from __future__ import annotations

import asyncio
import re
from uuid import UUID

import msgspec
import pytest

from syncom.campaigns.model import Audience, CampaignState
from syncom.contacts.model import Channel, ConsentChange, SubscriptionState
from syncom.contacts.service import set_consents
from syncom.errors import Conflict, NotFound
from syncom.ids import campaign_message_id, single_message_id
from syncom.messages.batch import BatchRecipient, BatchSend
from syncom.messages.consents import MessageConsents
from syncom.messages.model import LedgerState, MessageState, MessageStatus, SenderRole
from syncom.messages.planned import PlannedSend, PlannedSends
from syncom.tokens import MessageTokens
from tests.messages.email.smtp_peer import running_peer
from tests.messages.house import LETTER, SendingHouse, sending


async def _decline(house: SendingHouse, contact_id: int, key: str) -> None:
    (category_id,) = await house.contacts.categories.ids(house.account_id, [key])
    change = ConsentChange(
        account_id=house.account_id,
        contact_id=contact_id,
        channel=Channel.EMAIL,
        state=SubscriptionState.UNSUBSCRIBED,
        source="page",
        occurred_at=house.clock.now(),
        category_id=category_id,
    )
    async with house.database.system() as connection:
        assert await set_consents(connection, [change]) == [True]


async def _settled(house: SendingHouse, message_id: UUID) -> MessageStatus:
    async with asyncio.timeout(20):
        while True:
            (status,) = await house.messages.status(house.account_id, [message_id])
            if status.state is not MessageState.QUEUED:
                return status
            await asyncio.sleep(0.02)


async def test_who_declines_the_category_after_the_start_gets_nothing_of_it_and_the_ledger_says_why(
    house: SendingHouse,
) -> None:
    async with running_peer() as peer:
        await house.sender(peer.port)
        one, two, three = await house.people(3)
        await house.contacts.categories.put(house.account_id, "news", "Big news")
        await _decline(house, three, "news")
        campaign = await house.campaign(audience=Audience(everyone=True, categories=("News",)))
        await _decline(house, one, "news")
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
        rows = {row.contact_id: (row.state, row.reason) for row in await house.ledger(campaign.campaign_id)}
        assert rows[one] == rows[three] == ("excluded", "unsubscribed from Big news")
        assert rows[two][0] == "sent"
        (mail,) = peer.accepted
        assert b"/t/u/" in mail.data


async def test_the_link_of_a_mail_names_the_categories_it_was_sent_under(house: SendingHouse) -> None:
    async with running_peer() as peer:
        await house.sender(peer.port)
        await house.people(1)
        await house.contacts.categories.put(house.account_id, "news", "News")
        ids = await house.contacts.categories.ids(house.account_id, ["news"])
        campaign = await house.campaign(audience=Audience(everyone=True, categories=("news",)))
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
        found = re.search(rb"List-Unsubscribe: <[^>]*/t/u/([^>]+)>", peer.accepted[0].data.replace(b"\r\n ", b" "))
        assert found is not None
        token = found[1].decode()
        reference = MessageTokens(house.keyring).read_unsubscribe(token)
        assert reference is not None
        assert list(reference.category_ids) == ids


async def test_a_single_message_of_a_category_is_held_back_when_it_was_declined_meanwhile(house: SendingHouse) -> None:
    async with running_peer() as peer:
        await house.sender(peer.port)
        (contact_id,) = await house.people(1)
        await house.contacts.categories.put(house.account_id, "news", "News")
        template = await house.content.create(house.account_id, LETTER)
        send = BatchSend(
            recipients=(BatchRecipient(contact_id=contact_id),),
            template_id=template.template_id,
            categories=("news",),
        )
        (queued,) = await house.messages.send_each(house.account_id, send)
        await _decline(house, contact_id, "news")
        (refused,) = await house.messages.send_each(house.account_id, send)
        async with sending(house.loop(SenderRole.EXPRESS)):
            assert queued.message_id is not None
            status = await _settled(house, queued.message_id)
        assert (status.state.value, status.reason) == ("excluded", "unsubscribed from News")
        assert refused.message_id is not None
        (status,) = await house.messages.status(house.account_id, [refused.message_id])
        assert status.reason == "unsubscribed from News"
        assert peer.accepted == []


async def test_for_any_message_the_consent_of_that_second_is_shown(house: SendingHouse, other_account_id: int) -> None:
    consents = MessageConsents(house.database, house.contacts)
    async with running_peer() as peer:
        await house.sender(peer.port)
        one, two = await house.people(2)
        campaign = await house.campaign(audience=Audience(everyone=True, categories=()))
        message_id = campaign_message_id(campaign.campaign_id, one)
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    await house.contacts.consents.unsubscribe(house.account_id, [one], Channel.EMAIL, source="page")
    found = await consents.of(house.account_id, message_id)
    assert (found.outcome, found.state) == (LedgerState.SENT, SubscriptionState.SUBSCRIBED)
    assert [entry.source for entry in found.decisions] == ["api"]
    assert found.decisions[0].occurred_at <= found.settled_at
    # Who it was then is remembered when the contact is another one now.
    await house.contacts.merge(house.account_id, two, one)
    assert (await consents.of(house.account_id, message_id)).decisions == found.decisions
    with pytest.raises(NotFound):
        await consents.of(other_account_id, message_id)
    with pytest.raises(NotFound):
        await consents.of(house.account_id, single_message_id(one))


async def test_a_message_that_still_waits_has_no_such_second(house: SendingHouse) -> None:
    await house.sender(25)
    (contact_id,) = await house.people(1)
    template = await house.content.create(house.account_id, LETTER)
    send = BatchSend(recipients=(BatchRecipient(contact_id=contact_id),), template_id=template.template_id)
    (queued,) = await house.messages.send_each(house.account_id, send)
    assert queued.message_id is not None
    with pytest.raises(Conflict, match="still waits"):
        await MessageConsents(house.database, house.contacts).of(house.account_id, queued.message_id)


async def test_what_is_made_from_a_template_of_a_category_belongs_to_it(house: SendingHouse) -> None:
    async with running_peer() as peer:
        await house.sender(peer.port)
        one, two = await house.people(2)
        await house.contacts.categories.put(house.account_id, "news", "News")
        await _decline(house, one, "news")
        letter = msgspec.structs.replace(LETTER, categories=("news", " news "))
        campaign = await house.campaign(letter=letter)
        assert campaign.audience.categories == ("news",)
        template = await house.content.create(house.account_id, letter)
        assert template.categories == ("news",)
        effects = [single_message_id(contact_id) for contact_id in (one, two)]
        async with house.database.tenant(house.account_id) as connection:
            plans = [
                PlannedSend(message_id=message_id, contact_id=contact_id, data={})
                for message_id, contact_id in zip(effects, (one, two), strict=True)
            ]
            sends = PlannedSends(house.content, house.senders)
            await sends.queue(connection, house.account_id, template.template_id, plans, now=house.clock.now())
        async with sending(house.loop(), house.loop(SenderRole.EXPRESS)):
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
            statuses = [await _settled(house, message_id) for message_id in effects]
    assert statuses[0].reason == "unsubscribed from News"
    assert [status.state.value for status in statuses] == ["excluded", "sent"]
    rows = {row.contact_id: row.reason for row in await house.ledger(campaign.campaign_id) if row.state == "excluded"}
    assert rows == {one: "unsubscribed from News"}


async def test_a_single_message_keeps_the_categories_it_was_sent_under_whatever_becomes_of_them(
    house: SendingHouse,
) -> None:
    consents = MessageConsents(house.database, house.contacts)
    odd = 'a "b" \\ {c,d}'
    async with running_peer() as peer:
        await house.sender(peer.port)
        one, two, three = await house.people(3)
        for key in ("news", odd):
            await house.contacts.categories.put(house.account_id, key, key)
        await _decline(house, two, "news")
        template = await house.content.create(house.account_id, msgspec.structs.replace(LETTER, categories=("news",)))
        recipients = tuple(BatchRecipient(contact_id=contact_id) for contact_id in (one, two, three))
        by_template, refused, other = await house.messages.send_each(
            house.account_id, BatchSend(recipients=recipients, template_id=template.template_id)
        )
        (named, *_) = await house.messages.send_each(
            house.account_id,
            BatchSend(recipients=recipients[:1], template_id=template.template_id, categories=("news", odd)),
        )
        plain = await house.content.create(house.account_id, LETTER)
        (receipt,) = await house.messages.send_each(
            house.account_id, BatchSend(recipients=recipients[:1], template_id=plain.template_id)
        )
        planned = single_message_id(one)
        async with house.database.tenant(house.account_id) as connection:
            sends = PlannedSends(house.content, house.senders)
            plan = PlannedSend(message_id=planned, contact_id=one, data={})
            await sends.queue(connection, house.account_id, template.template_id, [plan], now=house.clock.now())
        # Whoever leaves everything meanwhile gets nothing that belongs to a category.
        await house.contacts.consents.unsubscribe(house.account_id, [three], Channel.EMAIL, source="page")
        async with sending(house.loop(SenderRole.EXPRESS)):
            for result in (by_template, other, named, receipt):
                assert result.message_id is not None
                await _settled(house, result.message_id)
            await _settled(house, planned)
    changed = msgspec.structs.replace(LETTER, categories=())
    await house.content.update(house.account_id, template.template_id, changed)
    for key in ("news", odd):
        (category_id,) = await house.contacts.categories.ids(house.account_id, [key])
        await house.contacts.categories.delete(house.account_id, category_id)

    async def shown(message_id: UUID | None) -> tuple[str, tuple[str, ...], str]:
        assert message_id is not None
        found = await consents.of(house.account_id, message_id)
        return found.outcome.name, found.categories, found.rule.partition(":")[0]

    assert await shown(by_template.message_id) == ("SENT", ("news",), "of news")
    assert await shown(named.message_id) == ("SENT", ("news", odd), f"of news, {odd}")
    assert await shown(planned) == ("SENT", ("news",), "of news")
    assert await shown(receipt.message_id) == ("SENT", (), "of no category")
    assert await shown(refused.message_id) == ("EXCLUDED", ("news",), "of news")
    assert await shown(other.message_id) == ("EXCLUDED", ("news",), "of news")
    assert other.message_id is not None
    assert (await consents.of(house.account_id, other.message_id)).reason == "unsubscribed"


async def test_who_unsubscribed_gets_no_single_message_of_a_templates_category(house: SendingHouse) -> None:
    await house.sender(25)
    (contact_id,) = await house.people(1)
    await house.contacts.categories.put(house.account_id, "news", "News")
    await house.contacts.consents.unsubscribe(house.account_id, [contact_id], Channel.EMAIL, source="page")
    template = await house.content.create(house.account_id, msgspec.structs.replace(LETTER, categories=("news",)))
    send = BatchSend(recipients=(BatchRecipient(contact_id=contact_id),), template_id=template.template_id)
    (refused,) = await house.messages.send_each(house.account_id, send)
    assert refused.message_id is not None
    (status,) = await house.messages.status(house.account_id, [refused.message_id])
    assert (status.state.value, status.reason) == ("excluded", "unsubscribed")

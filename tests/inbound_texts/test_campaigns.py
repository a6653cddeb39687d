"""Campaigns of texts: charged parts and their cost, and the STOPs that they led to."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from syncom.campaigns.model import Audience, Campaign, CampaignInput, CampaignState, PartsCost, Report
from syncom.contacts.model import Channel
from syncom.content.model import TemplateInput
from syncom.errors import Invalid
from syncom.messages.model import PartPrice, SenderRole
from tests.inbound_texts.house import ANN, BOB, EVE, TextHouse
from tests.messages.house import sending

LONG = "Sale, {{ first_name }}! " + "x" * 150


async def start(texts: TextHouse, sender_id: int) -> Campaign:
    house = texts.house
    letter = TemplateInput(name="Sale", subject="", source=LONG, channel=Channel.SMS)
    template = await house.content.create(texts.account_id, letter)
    given = CampaignInput(
        name="Sale", template_id=template.template_id, audience=Audience(everyone=True), sender_id=sender_id
    )
    campaign = await house.campaigns.create(texts.account_id, given)
    await house.campaigns.start(texts.account_id, campaign.campaign_id)
    await house.keeper_rests()
    return campaign


async def report(texts: TextHouse, campaign: Campaign) -> Report:
    async with texts.house.database.autocommit() as connection:
        await texts.house.activity.settle(connection)
    return await texts.house.campaigns.report(texts.account_id, campaign.campaign_id)


async def test_a_report_has_the_charged_parts_and_what_they_cost(texts: TextHouse) -> None:
    priced = await texts.sender("Priced", price=PartPrice(amount=Decimal("0.045"), currency="EUR"))
    await texts.person(ANN, first_name="Ann")
    await texts.person(BOB, first_name="Богдан")
    async with sending(texts.house.loop(SenderRole.BULK)):
        campaign = await start(texts, priced)
        await texts.house.until(campaign.campaign_id, CampaignState.FINISHED)
    found = await report(texts, campaign)
    # 161 characters of GSM are 2 parts, 164 of UCS-2 are 3.
    assert (found.sent, found.parts) == (2, 5)
    assert found.cost == PartsCost(amount=Decimal("0.225"), currency="EUR")
    async with texts.house.database.system() as connection:
        rows = await (await connection.execute("SELECT address, parts FROM ledger ORDER BY address")).fetchall()
    assert rows == [(ANN, 2), (BOB, 3)]


async def test_a_campaign_without_a_price_costs_nothing_that_is_known(texts: TextHouse) -> None:
    await texts.person(ANN, first_name="Ann")
    async with sending(texts.house.loop(SenderRole.BULK)):
        campaign = await start(texts, texts.sender_id)
        await texts.house.until(campaign.campaign_id, CampaignState.FINISHED)
    found = await report(texts, campaign)
    assert (found.parts, found.cost) == (2, None)


@pytest.mark.parametrize(
    "price",
    [
        PartPrice(amount=Decimal(-1), currency="EUR"),
        PartPrice(amount=Decimal("NaN"), currency="EUR"),
        PartPrice(amount=Decimal(1), currency="euro"),
    ],
)
async def test_a_price_that_is_none_is_refused(texts: TextHouse, price: PartPrice) -> None:
    with pytest.raises(Invalid, match="part_price"):
        await texts.sender("Wrong", price=price)


async def test_a_stop_counts_for_the_campaign_whose_text_came_before_it(texts: TextHouse) -> None:
    await texts.person(ANN)
    await texts.person(BOB)
    async with sending(texts.house.loop(SenderRole.BULK)):
        campaign = await start(texts, texts.sender_id)
        await texts.house.until(campaign.campaign_id, CampaignState.FINISHED)
    other = await texts.sender("Other")
    for _ in range(2):
        await texts.say("STOP", ANN)
    await texts.say("STOP", BOB, sender_id=other)
    await texts.say("STOP", EVE)
    assert (await report(texts, campaign)).unsubscribed == 1


async def test_who_says_stop_while_a_campaign_waits_does_not_get_it(texts: TextHouse) -> None:
    """Consent that is withdrawn between the freezing of the audience and the sending."""
    people = [f"+38067111{number:04d}" for number in range(40)]
    await asyncio.gather(*(texts.person(phone) for phone in people))
    campaign = await start(texts, texts.sender_id)
    for phone in people[:20]:
        await texts.say("STOP", phone)
    async with sending(texts.house.loop(SenderRole.BULK)):
        await texts.house.until(campaign.campaign_id, CampaignState.FINISHED)
    rows = await texts.house.ledger(campaign.campaign_id)
    assert {row.address for row in rows if row.state == "sent"} == set(people[20:])
    assert {row.reason for row in rows if row.state == "excluded"} == {"unsubscribed"}

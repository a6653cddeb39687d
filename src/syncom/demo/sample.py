"""Fills an account with the sample shop and sends its campaign through real SMTP into the dev inbox."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta

from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.app import App
from syncom.campaigns.model import Audience, Campaign, CampaignInput, CampaignState, Report
from syncom.contacts.model import Channel, FieldType, IdentityKind, UpsertOptions
from syncom.demo import people
from syncom.demo.letter import LETTER
from syncom.errors import Unavailable
from syncom.ids import single_message_id

CONTACTS = 1000
_UNSUBSCRIBED = 25
_SUPPRESSED = 10
_PATIENCE = 180.0
_NAME = "Autumn letter to customers"


async def load(app: App, account_id: int, *, say: Callable[[str], None]) -> Campaign:
    """Sample contacts, products, orders, history, a template, a segment, a campaign; returns the campaign, a draft.

    A second call finds what is there and makes one more campaign.
    """
    await _fields(app, account_id)
    customers = await _list(app, account_id)
    options = UpsertOptions(key=IdentityKind.EMAIL, list_ids=(customers,), source="demo")
    result = await app.contacts.upsert(account_id, people.contacts(CONTACTS), options)
    contact_ids = [contact_id for contact_id in result.contact_ids if contact_id is not None]
    say(f"{len(contact_ids)} contacts in the list Customers")
    await app.products.put(account_id, people.products())
    if result.created:
        await _past(app, account_id, contact_ids, say)
    segment_id = await _segment(app, account_id)
    template_id = await _template(app, account_id)
    return await app.campaigns.create(
        account_id,
        CampaignInput(
            name=_NAME,
            template_id=template_id,
            audience=Audience(lists=(customers,), exclude_segments=(segment_id,)),
        ),
    )


async def send(app: App, account_id: int, campaign: Campaign) -> Report:
    """Start the campaign and wait until the running senders have finished it. Raises Unavailable after 3 minutes."""
    await app.campaigns.start(account_id, campaign.campaign_id)
    waited = 0.0
    while waited < _PATIENCE:
        now = await app.campaigns.get(account_id, campaign.campaign_id)
        if now.state in (CampaignState.FINISHED, CampaignState.FAILED):
            return await app.campaigns.report(account_id, campaign.campaign_id)
        await asyncio.sleep(0.25)
        waited += 0.25
    raise Unavailable("the campaign is not finished after 3 minutes: is a sender running? `syncom doctor` says more")


async def _fields(app: App, account_id: int) -> None:
    present = {field.key for field in await app.contacts.fields.all(account_id)}
    if "favourite" not in present:
        choices = ("Coffee", "Tea", "Ceramics")
        await app.contacts.fields.create(
            account_id, key="favourite", name="Favourite", type=FieldType.CHOICE, choices=choices
        )
    if "points" not in present:
        await app.contacts.fields.create(account_id, key="points", name="Points", type=FieldType.NUMBER)


async def _list(app: App, account_id: int) -> int:
    for found in await app.contacts.lists.all(account_id):
        if found.name == "Customers":
            return found.list_id
    return (await app.contacts.lists.create(account_id, "Customers")).list_id


async def _segment(app: App, account_id: int) -> int:
    name = "Ordered this week"
    for found in await app.segments.list(account_id):
        if found.name == name:
            return found.segment_id
    condition = {"activity": "ordered", "at_least": 1, "in_last_days": 7}
    return (await app.segments.create(account_id, name, condition)).segment_id


async def _template(app: App, account_id: int) -> int:
    for found in (await app.content.list(account_id)).templates:
        if found.name == LETTER.name:
            return found.template_id
    return (await app.content.create(account_id, LETTER)).template_id


async def _past(app: App, account_id: int, contact_ids: Sequence[int], say: Callable[[str], None]) -> None:
    """Orders of a year, opens and clicks of a quarter, some who left and some whose address died."""
    now = app.clock.now()
    orders = people.orders(contact_ids, now)
    for start in range(0, len(orders), 1000):
        await app.orders.add(account_id, orders[start : start + 1000])
    say(f"{len(orders)} orders of the last year")
    hits = _hits(account_id, contact_ids, app)
    async with app.database.autocommit() as connection:
        await app.activity.record(connection, hits)
        await app.activity.settle(connection)
    say(f"{len(hits)} opens and clicks of the last three months")
    await app.contacts.consents.unsubscribe(
        account_id, contact_ids[:_UNSUBSCRIBED], Channel.EMAIL, source="demo", detail={"note": "sample data"}
    )
    gone = await app.contacts.get_many(account_id, contact_ids[_UNSUBSCRIBED : _UNSUBSCRIBED + _SUPPRESSED])
    addresses = [contact.email for contact in gone if contact.email]
    await app.contacts.consents.suppress(
        account_id, Channel.EMAIL, addresses, reason="hard bounce", detail="550 5.1.1 sample data"
    )


def _hits(account_id: int, contact_ids: Sequence[int], app: App) -> list[Hit]:
    dice = random.Random(7)  # noqa: S311 - sample data
    readers = dice.choices(contact_ids, k=2500)
    hits: list[Hit] = []
    for contact_id, moment in zip(readers, people.moments(2500, app.clock.now(), 90, 7), strict=True):
        message_id = single_message_id(contact_id)
        kinds = [ActivityKind.OPENED] + [ActivityKind.CLICKED] * (dice.random() < 0.25)
        machine = dice.random() < 0.2
        hits += [
            Hit(
                account_id=account_id,
                contact_id=contact_id,
                message_id=message_id,
                campaign_id=0,
                kind=kind,
                occurred_at=min(moment + timedelta(minutes=number), app.clock.now()),
                hit_class=HitClass.MACHINE if machine else HitClass.HUMAN,
                detail="sample data",
            )
            for number, kind in enumerate(kinds)
        ]
    return hits

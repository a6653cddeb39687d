"""What the audience of a campaign names stays as long as it is to be chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import pytest

from syncom.campaigns.model import Audience, CampaignInput, CampaignState
from syncom.contacts.model import Channel, ConsentChange, FieldType, SubscriptionState
from syncom.contacts.service import set_consents
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Database
from tests.messages.house import LETTER, SendingHouse


async def test_a_campaign_that_is_still_to_choose_its_recipients_keeps_what_its_audience_names(
    database: Database, account_id: int, tmp_path: Path
) -> None:
    house = SendingHouse.on(database, account_id, tmp_path)
    await house.sender(25)
    field = await house.contacts.fields.create(account_id, key="points", name="Points", type=FieldType.NUMBER)
    lists = [await house.contacts.lists.create(account_id, name) for name in ("In", "Out")]
    category = await house.contacts.categories.put(account_id, "News", "News")
    segments = [await house.segments.create(account_id, name, {"all": []}) for name in ("Yes", "No")]
    template = await house.content.create(account_id, LETTER)

    async def draft(name: str, audience: Audience) -> int:
        given = CampaignInput(name=name, template_id=template.template_id, audience=audience)
        return (await house.campaigns.create(account_id, given)).campaign_id

    asked = await draft("First", Audience(everyone=True))
    campaign = await draft(
        "Second",
        Audience(
            lists=(lists[0].list_id,),
            exclude_lists=(lists[1].list_id,),
            segments=(segments[0].segment_id,),
            exclude_segments=(segments[1].segment_id,),
            categories=("news",),
            condition={
                "any": [{"field": "points", "op": "is_set"}, {"not": {"activity": "opened", "campaign": asked}}]
            },
        ),
    )
    deletions: list[Callable[[], Awaitable[None]]] = [
        partial(house.contacts.fields.delete, account_id, field.field_id),
        *(partial(house.contacts.lists.delete, account_id, one.list_id) for one in lists),
        partial(house.contacts.categories.delete, account_id, category.category_id),
        *(partial(house.segments.delete, account_id, one.segment_id) for one in segments),
        partial(house.campaigns.delete, account_id, asked),
    ]
    for delete in deletions:
        with pytest.raises(Conflict, match="used by campaign 'Second'"):
            await delete()
    await house.campaigns.delete(account_id, campaign)
    for delete in deletions:
        await delete()


async def test_what_a_sent_campaign_named_may_go(database: Database, account_id: int, tmp_path: Path) -> None:
    house = SendingHouse.on(database, account_id, tmp_path)
    await house.sender(25)
    made = await house.contacts.lists.create(account_id, "In")
    await house.campaign(audience=Audience(lists=(made.list_id,)))
    await house.contacts.lists.delete(account_id, made.list_id)


async def test_an_audience_that_nobody_can_be_in_is_refused(
    database: Database, account_id: int, tmp_path: Path
) -> None:
    house = SendingHouse.on(database, account_id, tmp_path)
    await house.sender(25)
    nobody = Audience(condition={"any": [{"list": 3}, {"all": [{"list": 1}, {"not": {"list": 1}}]}]})
    with pytest.raises(Invalid, match=r"audience\.condition\.any\.1"):
        await house.campaign(audience=nobody)


async def _choose_at_random(house: SendingHouse, ids: list[int], keys: list[str], random: Random) -> None:
    """Contacts that chose categories, declined some, left everything, or are suppressed."""
    numbers = {key: (await house.contacts.categories.ids(house.account_id, [key]))[0] for key in keys}
    for contact_id in ids:
        if random.random() < 0.4:
            chosen = random.sample(keys, random.randint(1, len(keys)))
            await house.contacts.categories.replace(house.account_id, contact_id, chosen)
        decided = [numbers[key] for key in keys if random.random() < 0.3]
        decided += [0] if random.random() < 0.15 else []
        changes = [
            ConsentChange(
                account_id=house.account_id,
                contact_id=contact_id,
                channel=Channel.EMAIL,
                state=SubscriptionState.UNSUBSCRIBED,
                source="page",
                occurred_at=house.clock.now(),
                category_id=category_id,
            )
            for category_id in decided
        ]
        for change in changes:
            async with house.database.system() as connection:
                await set_consents(connection, [change])
    stopped = [f"p{place}@example.com" for place in range(len(ids)) if random.random() < 0.1]
    if stopped:
        await house.contacts.consents.suppress(house.account_id, Channel.EMAIL, stopped, reason="manual")


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_shown_before_is_what_is_frozen_whoever_names_the_categories(
    database: Database, account_id: int, tmp_path: Path, seed: int
) -> None:
    house = SendingHouse.on(database, account_id, tmp_path)
    await house.sender(25)
    random = Random(seed)
    keys = ["news", "sales", "tips"]
    for key in keys:
        await house.contacts.categories.put(account_id, key, key.title())
    ids = await house.people(40)
    await _choose_at_random(house, ids, keys, random)
    left_out = await house.contacts.lists.create(account_id, "Not these")
    await house.contacts.lists.add(account_id, left_out.list_id, random.sample(ids, 5))
    # By turns the template's alone, the audience's over those of the template, and none.
    of_template = tuple(random.sample(keys, random.randint(1, 3))) if seed % 3 < 2 else ()
    of_audience = tuple(random.sample(keys, random.randint(1, 2))) if seed % 3 == 1 else ()
    template = await house.content.create(account_id, msgspec.structs.replace(LETTER, categories=of_template))
    audience = Audience(everyone=True, exclude_lists=(left_out.list_id,), categories=of_audience)
    given = CampaignInput(name="Any", template_id=template.template_id, audience=audience)
    campaign_id = (await house.campaigns.create(account_id, given)).campaign_id

    shown = await house.campaigns.preview(account_id, campaign_id)
    assert shown == await house.campaigns.count_template_audience(account_id, audience, template.template_id)
    await house.campaigns.start(account_id, campaign_id)
    while (await house.campaigns.get(account_id, campaign_id)).state is CampaignState.EXPANDING:
        await house.keeper.step()

    frozen = await house.campaigns.get(account_id, campaign_id)
    assert frozen.audience.categories == shown.categories == (of_audience or of_template)
    excluded = Counter(row.reason for row in await house.ledger(campaign_id))
    assert excluded == shown.excluded
    assert (await house.campaigns.report(account_id, campaign_id)).waiting == shown.recipients
    assert frozen.audience_size == shown.matched == len(ids)
    if seed == 0:
        # A control: counted without the template's categories it is another number.
        assert (await house.campaigns.count_audience(account_id, audience)).excluded != shown.excluded


async def test_the_preview_of_a_template_that_campaigns_do_not_send_is_refused(
    database: Database, account_id: int, tmp_path: Path
) -> None:
    house = SendingHouse.on(database, account_id, tmp_path)
    with pytest.raises(NotFound):
        await house.campaigns.count_template_audience(account_id, Audience(everyone=True), 404)
    with pytest.raises(NotFound):
        await house.campaigns.preview(account_id, 404)

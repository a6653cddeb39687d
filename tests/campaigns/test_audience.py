"""What the audience of a campaign names stays as long as it is to be chosen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from syncom.campaigns.model import Audience, CampaignInput
from syncom.contacts.model import FieldType
from syncom.errors import Conflict, Invalid
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

"""Broadcasts (eSputnik reference, 5.9): one message to groups. A broadcast is a campaign that was started at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from syncom.campaigns.model import Audience, Campaign, CampaignInput, CampaignState
from syncom.campaigns.service import NAME_LIMIT
from syncom.errors import NotFound
from syncom.http.esputnik.method import EMPTY, PAGING, Answer, Call, Method, Refused, Scope
from syncom.http.esputnik.moments import account_zone, required_moment, write_moment

_MAX_GROUPS = 500
_MAX_CATEGORIES = 100
_MAX_PAGE = 500
_MOST_GROUPS = 100_000
_MAX_ID = 2**63 - 1
_STATUS = {
    CampaignState.DRAFT: "PLANNED",
    CampaignState.SCHEDULED: "PLANNED",
    CampaignState.EXPANDING: "SENDING",
    CampaignState.SENDING: "SENDING",
    CampaignState.PAUSED: "SENDING",
    CampaignState.FINISHED: "FINISHED",
    CampaignState.CANCELLED: "CANCELLED",
    CampaignState.FAILED: "ERROR",
}


class BroadcastBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What to send to whom. Ids are numbers or texts of digits."""

    title: str
    message_id: int | str
    groups: list[int]
    excluded_groups: list[int] = []
    #: `YYYY-MM-DDTHH:mm` in the account's zone; absent: at once.
    start_date: str = ""
    #: Categories: who chose others gets nothing.
    subscriptions_keys: list[str] = []
    track_urls: bool = True
    from_name: str = ""


class BroadcastId(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The broadcast's id, as a text."""

    broadcast_id: str


class Broadcast(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A broadcast. ``status``: PLANNED, SENDING, FINISHED, CANCELLED, or ERROR when it cannot go on."""

    broadcast_id: str
    id: int
    title: str
    name: str
    message_id: int
    groups: list[int]
    excluded_groups: list[int]
    status: str
    #: In the account's zone; null for a draft.
    start_date: str | None


async def add_broadcast(call: Call[BroadcastBody]) -> BroadcastId:
    body = call.body
    title = body.title.strip()
    if not title or len(title) > NAME_LIMIT:
        raise Refused(400, f"Field 'title' must have 1 to {NAME_LIMIT} characters")
    message_id = _number("messageId", body.message_id)
    zone = await account_zone(call)
    given = CampaignInput(
        name=title,
        template_id=message_id,
        audience=await _audience(call, body),
        from_name=body.from_name,
        track_links=body.track_urls,
    )
    at = required_moment("startDate", body.start_date, zone) if body.start_date.strip() else None
    now = call.app.clock.now()
    if at is not None and at <= now:
        if at <= now - timedelta(minutes=1):
            raise Refused(400, "'startDate' is in the past: leave it out to send at once")
        # A time is written to the minute, and this minute has begun.
        at = None
    try:
        broadcast = await call.app.campaigns.broadcast(call.account_id, given, at)
    except NotFound as error:
        raise Refused(404, f"Message with id='{message_id}' not found") if error.what == "template" else error from None
    return BroadcastId(broadcast_id=str(broadcast.campaign_id))


async def get_broadcast(call: Call[None]) -> Broadcast:
    campaign = await _found(call)
    return _shown(campaign, await account_zone(call), await _numbers(call, [campaign]))


async def cancel_broadcast(call: Call[None]) -> object:
    campaign = await _found(call)
    if campaign.state is CampaignState.DRAFT:
        await call.app.campaigns.delete(call.account_id, campaign.campaign_id)
        return EMPTY
    # In one statement with the check of its state: it may start at this moment.
    if not await call.app.campaigns.call_off(call.account_id, campaign.campaign_id):
        status = _STATUS[campaign.state]
        raise Refused(
            400, f"Broadcast with id='{campaign.campaign_id}' is {status}: only a planned one can be cancelled"
        )
    return EMPTY


async def list_broadcasts(call: Call[None]) -> Answer:
    start = call.query.number("startindex", default=1, least=1, clamp=10**9)
    limit = call.query.number("maxrows", default=_MAX_PAGE, least=1, clamp=_MAX_PAGE)
    zone = await account_zone(call)
    found, total = await call.app.campaigns.part(call.account_id, offset=start - 1, limit=limit)
    numbers = await _numbers(call, found)
    return Answer([_shown(campaign, zone, numbers) for campaign in found], {"TotalCount": str(total)})


async def start_campaign(call: Call[None]) -> object:
    campaign = await _found(call)
    await call.app.campaigns.start(call.account_id, campaign.campaign_id)
    return EMPTY


async def _found(call: Call[Any]) -> Campaign:
    try:
        return await call.app.campaigns.get(call.account_id, call.path["id"])
    except NotFound:
        raise Refused(404, f"Broadcast with id='{call.path['id']}' not found") from None


async def _audience(call: Call[Any], body: BroadcastBody) -> Audience:
    if not body.groups:
        raise Refused(400, "Field 'groups' must name one group at least")
    if len(body.groups) > _MAX_GROUPS or len(body.excluded_groups) > _MAX_GROUPS:
        raise Refused(400, f"Maximum {_MAX_GROUPS} groups per request")
    keys = tuple(dict.fromkeys(key.strip() for key in body.subscriptions_keys if key.strip()))
    if len(keys) > _MAX_CATEGORIES:
        raise Refused(400, f"Maximum {_MAX_CATEGORIES} subscriptionsKeys per request")
    lists, segments = await _groups(call, body.groups)
    exclude_lists, exclude_segments = await _groups(call, body.excluded_groups)
    return Audience(
        lists=lists,
        segments=segments,
        exclude_lists=exclude_lists,
        exclude_segments=exclude_segments,
        categories=keys,
    )


async def _groups(call: Call[Any], ids: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lists and segments of these numbers, each once. Raises Refused (404) for one that is neither."""
    wanted = list(dict.fromkeys(_number("groups", group_id) for group_id in ids))
    try:
        lists, segments = await call.app.segments.groups.resolve(call.account_id, wanted)
    except NotFound as error:
        raise Refused(404, f"Group with id='{error.ident}' not found") from None
    return tuple(lists), tuple(segments)


async def _numbers(call: Call[Any], campaigns: Sequence[Campaign]) -> dict[int, int]:
    """The API's numbers of the segments that these campaigns name."""
    if not any(campaign.audience.segments or campaign.audience.exclude_segments for campaign in campaigns):
        return {}
    groups, _ = await call.app.segments.groups.page(call.account_id, offset=0, limit=_MOST_GROUPS)
    return {group.segment_id: group.group_id for group in groups if group.segment_id is not None}


def _number(name: str, value: int | str) -> int:
    text = str(value).strip()
    if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= _MAX_ID:
        return int(text)
    raise Refused(400, f"Field '{name}' must be a positive whole number")


def _shown(campaign: Campaign, zone: ZoneInfo, numbers: Mapping[int, int]) -> Broadcast:
    waits = campaign.state is CampaignState.PAUSED and campaign.launched_at is None
    moment = campaign.launched_at or campaign.scheduled_at
    audience = campaign.audience
    return Broadcast(
        broadcast_id=str(campaign.campaign_id),
        id=campaign.campaign_id,
        title=campaign.name,
        name=campaign.name,
        message_id=campaign.template_id,
        groups=[*audience.lists, *(numbers.get(one, one) for one in audience.segments)],
        excluded_groups=[*audience.exclude_lists, *(numbers.get(one, one) for one in audience.exclude_segments)],
        status="PLANNED" if waits else _STATUS[campaign.state],
        start_date=write_moment(moment, zone) if moment else None,
    )


METHODS = [
    Method(
        "POST",
        "/v1/broadcast",
        add_broadcast,
        scope=Scope.SENDING,
        body=BroadcastBody,
        summary="Send a message to groups, at once or at a time",
        answer=BroadcastId,
    ),
    Method(
        "GET",
        "/v1/broadcast/{id}",
        get_broadcast,
        scope=Scope.READ_CAMPAIGNS,
        summary="One broadcast",
        answer=Broadcast,
    ),
    Method(
        "DELETE",
        "/v1/broadcast/{id}",
        cancel_broadcast,
        scope=Scope.SENDING,
        summary="Call off a planned broadcast",
    ),
    Method(
        "GET",
        "/v1/broadcasts",
        list_broadcasts,
        scope=Scope.READ_CAMPAIGNS,
        summary="Broadcasts, newest first",
        query=PAGING,
        answer=list[Broadcast],
    ),
    Method(
        "POST",
        "/v1/campaigns/{id}/start",
        start_campaign,
        scope=Scope.SENDING,
        summary="Start a campaign that is a draft or planned (2018)",
    ),
]

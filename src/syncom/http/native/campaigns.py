"""/campaigns: one mail to many, now or at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from syncom.accounts.model import Permission
from syncom.activity.model import ActivityFilter, TimelineEvent
from syncom.campaigns.ledger_file import ledger_csv
from syncom.campaigns.model import (
    CAMPAIGN_CHANNELS,
    Audience,
    AudienceCount,
    Campaign,
    CampaignFigure,
    CampaignInput,
    CampaignState,
    Compared,
    Late,
    LedgerRow,
    LinkHeat,
    OutcomeReason,
    Report,
)
from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.http.native.contacts import choice
from syncom.http.native.given import Activity, By, Campaigns
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import Edited, needs
from syncom.messages.model import LedgerState

_TAGS = ["Campaigns"]
_CHANNELS = {channel.name.lower(): channel for channel in CAMPAIGN_CHANNELS}
_LIFE = {state.value: state for state in CampaignState}
_STATES = {state.name.lower(): state for state in LedgerState}

Ended = Annotated[
    str | None, QueryParameter(name="state", description="sent, failed, excluded, cancelled or uncertain.")
]
Reason = Annotated[str, QueryParameter(description="Words in the reason.")]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to start: one of ``at`` and ``local_at``."""

    #: One moment for all, with its offset, such as 2026-03-01T09:00:00+02:00.
    at: datetime | None = None
    #: A time in each contact's own zone, without an offset, such as 2026-03-01T09:00:00.
    local_at: datetime | None = None
    #: Of local_at: what becomes of contacts for whom it has passed when the campaign starts.
    late: Late = Late.SEND


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """How many recipients are tried again."""

    retried: int


@get("/campaigns", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_campaigns(
    by: By,
    campaigns: Campaigns,
    life: Annotated[
        list[str] | None, QueryParameter(name="state", description="Only in this state; may be repeated.")
    ] = None,
    search: Annotated[str, QueryParameter(description="Part of the name, in upper or lower case.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Campaign]:
    """Campaigns, newest first."""
    found = await campaigns.list(
        by.account_id,
        before=read_cursor(cursor, int),
        limit=limit + 1,
        states=[choice("state", one, _LIFE) for one in life or ()],
        words=search,
    )
    return page_of(found, limit, lambda campaign: campaign.campaign_id)


@post("/campaigns", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.CAMPAIGN))
async def create_campaign(by: By, campaigns: Campaigns, data: JSONBody[CampaignInput]) -> Campaign:
    """Save a draft. Nothing is sent until it is started or scheduled."""
    return await campaigns.create(by.account_id, data)


@post("/campaigns/audience", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CAMPAIGNS, replay=False))
async def count_audience(
    by: By,
    campaigns: Campaigns,
    data: JSONBody[Audience],
    over: Annotated[
        list[str] | None,
        QueryParameter(
            name="channel",
            description="email, sms, viber or webpush; repeated: each for those whom the ones before do not reach. "
            "That of the template, or email, unless given.",
        ),
    ] = None,
    template: Annotated[
        int | None,
        QueryParameter(description="The message: an audience that names no categories is counted for those of it."),
    ] = None,
) -> AudienceCount:
    """Who would get it: how many, and how many would not, by reason. Changes nothing."""
    channels = tuple(choice("channel", one, _CHANNELS) for one in over or ()) or None
    if template is not None:
        return await campaigns.count_template_audience(by.account_id, data, template, channels=channels)
    return await campaigns.count_audience(by.account_id, data, channels=channels or (Channel.EMAIL,))


@get("/campaigns/{campaign_id:int}/audience", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def preview_audience(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> AudienceCount:
    """Who would get this campaign if it started now, by its channels, and who would not, by reason."""
    return await campaigns.preview(by.account_id, campaign_id)


@get("/campaigns/{campaign_id:int}", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS, edits=Edited.CAMPAIGN))
async def get_campaign(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Campaign:
    """One campaign and its state."""
    return await campaigns.get(by.account_id, campaign_id)


@put("/campaigns/{campaign_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.CAMPAIGN))
async def update_campaign(
    by: By, campaigns: Campaigns, campaign_id: FromPath[int], data: JSONBody[CampaignInput]
) -> Campaign:
    """Replace a draft."""
    return await campaigns.update(by.account_id, campaign_id, data)


@delete("/campaigns/{campaign_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def delete_campaign(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> None:
    """Remove a draft."""
    await campaigns.delete(by.account_id, campaign_id)


@post("/campaigns/{campaign_id:int}/start", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def start_campaign(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Campaign:
    """Send it now."""
    return await campaigns.start(by.account_id, campaign_id)


@post("/campaigns/{campaign_id:int}/schedule", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def schedule_campaign(
    by: By, campaigns: Campaigns, campaign_id: FromPath[int], data: JSONBody[Schedule]
) -> Campaign:
    """Send it at a time: to all at once, or to each contact at that time of the own zone."""
    if (data.at is None) == (data.local_at is None):
        raise Invalid("at", "or local_at must be given, and not both")
    if data.local_at is not None:
        return await campaigns.schedule_locally(by.account_id, campaign_id, data.local_at, data.late)
    assert data.at is not None, "one of them is there"
    return await campaigns.schedule(by.account_id, campaign_id, data.at)


@post("/campaigns/{campaign_id:int}/pause", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def pause_campaign(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Campaign:
    """Stop sending until it is resumed. Mails on the wire are finished."""
    return await campaigns.pause(by.account_id, campaign_id)


@post("/campaigns/{campaign_id:int}/resume", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def resume_campaign(
    by: By, campaigns: Campaigns, campaign_id: FromPath[int], note: FromQuery[str] = ""
) -> Campaign:
    """Go on where it was paused. One that paused itself needs a note that says why it may."""
    return await campaigns.resume(by.account_id, campaign_id, note=note)


@post("/campaigns/{campaign_id:int}/cancel", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def cancel_campaign(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Campaign:
    """End it. Who was not reached yet gets nothing."""
    return await campaigns.cancel(by.account_id, campaign_id)


@post("/campaigns/{campaign_id:int}/retry-failed", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def retry_failed(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Retried:
    """Try those again whose mail failed."""
    return Retried(retried=await campaigns.retry_failed(by.account_id, campaign_id))


@get("/campaigns/{campaign_id:int}/report", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_report(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Report:
    """What came of it: counts, rates, links, hours."""
    return await campaigns.report(by.account_id, campaign_id)


@get("/campaigns/calendar", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_campaign_calendar(
    by: By,
    campaigns: Campaigns,
    since: Annotated[datetime | None, QueryParameter(description="30 days ago unless given.")] = None,
    until: Annotated[datetime | None, QueryParameter(description="60 days later than since unless given.")] = None,
) -> Page[Campaign]:
    """Campaigns that begin, or began, in a period, in that order; a thousand at most."""
    begin = since or datetime.now(UTC) - timedelta(days=30)
    found = await campaigns.calendar(by.account_id, since=begin, until=until or begin + timedelta(days=60))
    return Page(items=found, next_cursor=None)


@get("/campaigns/comparison", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def compare_campaigns(
    by: By,
    campaigns: Campaigns,
    ids: Annotated[list[int] | None, QueryParameter(name="id", description="A campaign; repeat it for each.")] = None,
) -> Page[Compared]:
    """Several campaigns side by side, in the order given; ten at most."""
    found = await campaigns.compare(by.account_id, ids) if ids else []
    return Page(items=found, next_cursor=None)


@get("/campaigns/{campaign_id:int}/links", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_link_heat(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Page[LinkHeat]:
    """Every link of the mail in its place: clicks, people, and the condition that finds them."""
    return Page(items=await campaigns.link_heat(by.account_id, campaign_id), next_cursor=None)


@get("/campaigns/{campaign_id:int}/figures", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_campaign_figures(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Page[CampaignFigure]:
    """Figures of the report, each with the condition that finds its people: to show them, or to keep as a segment."""
    return Page(items=await campaigns.figures(by.account_id, campaign_id), next_cursor=None)


@get("/campaigns/{campaign_id:int}/reasons", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_outcome_reasons(by: By, campaigns: Campaigns, campaign_id: FromPath[int]) -> Page[OutcomeReason]:
    """Why recipients did not get it, the commonest first."""
    return Page(items=await campaigns.reasons(by.account_id, campaign_id), next_cursor=None)


@get("/campaigns/{campaign_id:int}/timeline", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_campaign_timeline(
    by: By,
    campaigns: Campaigns,
    activity: Activity,
    campaign_id: FromPath[int],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TimelineEvent]:
    """What happened to its messages, newest first."""
    await campaigns.get(by.account_id, campaign_id)
    chosen = ActivityFilter(campaign_id=campaign_id)
    page = await activity.activity(by.account_id, chosen, cursor=cursor or None, limit=limit)
    return Page(items=page.events, next_cursor=page.next_cursor)


@get("/campaigns/{campaign_id:int}/recipients", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_recipients(
    by: By,
    campaigns: Campaigns,
    campaign_id: FromPath[int],
    ended: Ended = None,
    reason: Reason = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[LedgerRow]:
    """The ledger: how it ended for each recipient, and why."""
    found = await campaigns.recipients(
        by.account_id,
        campaign_id,
        state=None if ended is None else choice("state", ended, _STATES),
        reason=reason,
        after=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return page_of(found, limit, lambda row: row.message_id)


@get(
    "/campaigns/{campaign_id:int}/recipients.csv",
    tags=["Exports"],
    media_type="text/csv",
    opt=needs(Permission.EXPORT_CONTACTS),
)
async def export_recipients(
    by: By, campaigns: Campaigns, campaign_id: FromPath[int], ended: Ended = None, reason: Reason = ""
) -> Stream:
    """The same as CSV, streamed, guarded against formula injection."""
    await campaigns.get(by.account_id, campaign_id)
    state = None if ended is None else choice("state", ended, _STATES)
    pieces = ledger_csv(campaigns, by.account_id, campaign_id, state=state, reason=reason)
    disposition = {"Content-Disposition": f'attachment; filename="campaign-{campaign_id}-people.csv"'}
    return Stream(pieces, media_type="text/csv; charset=utf-8", headers=disposition)


HANDLERS: list[Any] = [
    list_campaigns,
    create_campaign,
    count_audience,
    preview_audience,
    get_campaign,
    update_campaign,
    delete_campaign,
    start_campaign,
    schedule_campaign,
    pause_campaign,
    resume_campaign,
    cancel_campaign,
    retry_failed,
    get_report,
    get_campaign_calendar,
    compare_campaigns,
    get_link_heat,
    get_campaign_figures,
    list_outcome_reasons,
    get_campaign_timeline,
    list_recipients,
    export_recipients,
]

"""/reports: what happened over time, when, where mail is read, and how receiving domains take it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.activity.model import Cohort, CohortActive, CohortBy
from syncom.activity.rollups.model import (
    SINGLE_MESSAGES,
    WHOLE_ACCOUNT,
    Check,
    Coverage,
    DomainCounts,
    Heat,
    Series,
    Share,
    Span,
)
from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.http.native.contacts import choice
from syncom.http.native.given import Activity, By, Campaigns, Rollups
from syncom.http.native.routing import needs

_TAGS = ["Reports"]
_CHANNELS = {channel.name.lower(): channel for channel in Channel}
_BEGUN = {one.value: one for one in CohortBy}
_ACTIVE = {one.value: one for one in CohortActive}
_SPANS = {span.value: span for span in Span}
#: Days that one request may recount.
_MOST_DAYS = 31

Since = Annotated[datetime | None, QueryParameter(description="From this moment on; 30 days ago unless given.")]
Until = Annotated[datetime | None, QueryParameter(description="Before this moment.")]
SinceDay = Annotated[date | None, QueryParameter(description="The first day (UTC); 30 days ago unless given.")]
UntilDay = Annotated[date | None, QueryParameter(description="The last day (UTC), included.")]
Zone = Annotated[str, QueryParameter(description="Whose days and hours, such as Europe/Kyiv.")]
OfChannel = Annotated[str | None, QueryParameter(description="email, sms, viber, ...; all unless given.")]
OfCampaign = Annotated[
    int | None, QueryParameter(description="Of this campaign, all of its life unless days are given.")
]


class Rebuild(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day (UTC) whose rollups are to be made anew."""

    day: date


@get("/reports/series", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_series(
    by: By,
    rollups: Rollups,
    campaigns: Campaigns,
    since: Since = None,
    until: Until = None,
    span: Annotated[str, QueryParameter(description="hour, day, week or month.")] = "day",
    zone: Zone = "UTC",
    channel: OfChannel = None,
    single: Annotated[bool, QueryParameter(description="Only messages that belong to no campaign.")] = False,
    campaign_id: OfCampaign = None,
) -> Series:
    """Messages and reactions by hour, day, week or month: of the account, or of one campaign."""
    await _known(by, campaigns, campaign_id)
    if campaign_id is not None and (single or channel is not None):
        raise Invalid("campaign_id", "cannot be given together with single or channel: leave them out")
    return await rollups.series(
        by.account_id,
        since=since,
        until=until,
        span=choice("span", span, _SPANS),
        zone=zone,
        channel=None if channel is None else choice("channel", channel, _CHANNELS),
        campaign_id=campaign_id or (SINGLE_MESSAGES if single else WHOLE_ACCOUNT),
    )


@get("/reports/heat", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_heat(
    by: By,
    rollups: Rollups,
    campaigns: Campaigns,
    counter: Annotated[str, QueryParameter(description="opened, clicked, sent, opened.first, ...")] = "opened",
    zone: Zone = "UTC",
    since: Since = None,
    until: Until = None,
    channel: OfChannel = None,
    campaign_id: OfCampaign = None,
) -> Heat:
    """One counter by weekday and hour of the day."""
    await _known(by, campaigns, campaign_id)
    if campaign_id is not None and channel is not None:
        raise Invalid("campaign_id", "cannot be given together with channel: leave one out")
    return await rollups.heat(
        by.account_id,
        counter=counter,
        zone=zone,
        since=since,
        until=until,
        channel=None if channel is None else choice("channel", channel, _CHANNELS),
        campaign_id=campaign_id,
    )


@get("/reports/audience", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_audience(
    by: By,
    rollups: Rollups,
    campaigns: Campaigns,
    dimension: Annotated[str, QueryParameter(name="by", description="device, client, os or country.")] = "client",
    since: SinceDay = None,
    until: UntilDay = None,
    campaign_id: OfCampaign = None,
) -> list[Share]:
    """Where mail is read: hits by device, mail client, system or country, most first."""
    await _known(by, campaigns, campaign_id)
    return await rollups.audience(by.account_id, dimension, since=since, until=until, campaign_id=campaign_id)


@get("/reports/domains", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_domains(
    by: By,
    rollups: Rollups,
    campaigns: Campaigns,
    since: SinceDay = None,
    until: UntilDay = None,
    campaign_id: OfCampaign = None,
    limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 100,
) -> list[DomainCounts]:
    """How mail fared by receiving domain, those with most messages first."""
    await _known(by, campaigns, campaign_id)
    return await rollups.domains(by.account_id, since=since, until=until, campaign_id=campaign_id, limit=limit)


@get("/reports/coverage", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_coverage(by: By, rollups: Rollups) -> Coverage:
    """Days that reports do not show yet, while they are made of facts from before an update. Both null: none."""
    return await rollups.coverage(by.account_id)


@get("/reports/check", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def check_rollups(
    by: By,
    rollups: Rollups,
    since: Annotated[date | None, QueryParameter(description="The first day (UTC); a week ago unless given.")] = None,
    until: Annotated[date | None, QueryParameter(description="The last day (UTC); today unless given.")] = None,
) -> Check:
    """Recount the facts of up to 31 days (UTC, both included) and compare. Changes nothing."""
    if since and until and (until - since).days >= _MOST_DAYS:
        raise Invalid("until", f"is more than {_MOST_DAYS} days after since; `syncom report verify` takes any span")
    return await rollups.verify(by.account_id, since, until)


@post("/reports/rebuild", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CAMPAIGNS))
async def rebuild_rollups(by: By, rollups: Rollups, data: JSONBody[Rebuild]) -> None:
    """Make the rollups of a day anew of its facts. Others go on writing."""
    await rollups.rebuild(by.account_id, data.day)


async def _known(by: By, campaigns: Campaigns, campaign_id: int | None) -> None:
    if campaign_id is not None:
        await campaigns.get(by.account_id, campaign_id)


@get("/reports/cohorts", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_cohorts(
    by: By,
    activity: Activity,
    begun: Annotated[str, QueryParameter(description="created or first_order: what makes a cohort.")] = "created",
    active: Annotated[str, QueryParameter(description="engaged or ordered: what counts as being there.")] = "engaged",
    months: Annotated[int, QueryParameter(description="So many, this one included; 36 at most.")] = 12,
    zone: Zone = "UTC",
) -> list[Cohort]:
    """Contacts by the month in which they began, and how many of them were there in each month since."""
    return await activity.cohorts(
        by.account_id,
        by=choice("begun", begun, _BEGUN),
        active=choice("active", active, _ACTIVE),
        months=months,
        zone=zone,
    )


HANDLERS: list[Any] = [
    get_cohorts,
    get_series,
    get_heat,
    get_audience,
    get_domains,
    get_coverage,
    check_rollups,
    rebuild_rollups,
]

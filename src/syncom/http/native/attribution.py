"""/attribution: what campaigns, workflows and single messages led to."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import get, put
from litestar.params import FromPath, FromQuery, JSONBody

from syncom.accounts.model import Permission
from syncom.attribution.model import (
    AttributionSettings,
    AttributionState,
    DayRevenue,
    Model,
    Source,
    SourceDayRevenue,
    SourceRevenue,
    Touch,
)
from syncom.errors import NotFound
from syncom.http.native.given import Attribution, By, Campaigns, Orders, Workflows
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs

_TAGS = ["Attribution"]


@get("/attribution/settings", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_attribution_settings(by: By, attribution: Attribution) -> AttributionState:
    """How orders are led back to messages, and whether that holds for all orders yet."""
    return await attribution.state(by.account_id)


@put("/attribution/settings", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def put_attribution_settings(
    by: By, attribution: Attribution, data: JSONBody[AttributionSettings]
) -> AttributionState:
    """Change it. The model counts at once; orders of before are looked at anew in the background for other windows."""
    return await attribution.configure(by.account_id, data)


@get("/attribution", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_attribution(
    by: By,
    attribution: Attribution,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    all_models: FromQuery[bool] = False,
) -> Page[SourceRevenue]:
    """Orders and revenue of every source on days of orders (UTC, both included), by the account's model or by all."""
    models = tuple(Model) if all_models else None
    found = await attribution.report(by.account_id, since=since, until=until, models=models)
    return Page(items=found, next_cursor=None)


@get("/attribution/days", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_attribution_days(
    by: By,
    attribution: Attribution,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    model: FromQuery[Model | None] = None,
) -> Page[SourceDayRevenue]:
    """The same by day and kind of source: by the account's model, unless one is given."""
    found = await attribution.source_days(by.account_id, since=since, until=until, model=model)
    return Page(items=found, next_cursor=None)


@get("/orders/{external_id:str}/attribution", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_order_attribution(
    by: By, attribution: Attribution, orders: Orders, external_id: FromPath[str]
) -> Page[Touch]:
    """The messages that an order is led back to, each with the models that say so; none: it came by itself."""
    order = await orders.find(by.account_id, external_id)
    if order is None:
        raise NotFound("order", "of this number")
    found = await attribution.touches(by.account_id, order.contact_id, order.order_id)
    return Page(items=found, next_cursor=None)


@get("/campaigns/{campaign_id:int}/revenue", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_campaign_revenue(
    by: By, attribution: Attribution, campaigns: Campaigns, campaign_id: FromPath[int]
) -> Page[DayRevenue]:
    """What a campaign led to, by day of the order and currency."""
    await campaigns.get(by.account_id, campaign_id)
    return Page(items=await attribution.days(by.account_id, Source.CAMPAIGN, campaign_id), next_cursor=None)


@get("/workflows/{workflow_id:int}/revenue", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_workflow_revenue(
    by: By, attribution: Attribution, workflows: Workflows, workflow_id: FromPath[int]
) -> Page[DayRevenue]:
    """What a workflow led to, by day of the order and currency."""
    await workflows.get(by.account_id, workflow_id)
    return Page(items=await attribution.days(by.account_id, Source.WORKFLOW, workflow_id), next_cursor=None)


HANDLERS: list[Any] = [
    get_attribution_settings,
    put_attribution_settings,
    get_attribution,
    get_attribution_days,
    get_order_attribution,
    get_campaign_revenue,
    get_workflow_revenue,
]

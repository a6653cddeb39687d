"""/activity: what happened to messages, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import get
from litestar.params import FromPath, QueryParameter

from syncom.accounts.model import Permission
from syncom.activity.model import BandSize, Engagement, TimelineEvent
from syncom.http.native.given import Activity, By, Contacts
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs


@get("/activity", tags=["Activity"], opt=needs(Permission.READ_CAMPAIGNS))
async def list_activity(
    by: By,
    activity: Activity,
    since: Annotated[datetime | None, QueryParameter(description="From this moment on.")] = None,
    until: Annotated[datetime | None, QueryParameter(description="Before this moment.")] = None,
    contact_id: Annotated[int | None, QueryParameter(description="Of this contact.")] = None,
    campaign_id: Annotated[int | None, QueryParameter(description="Of this campaign.")] = None,
    kind: Annotated[
        list[str] | None, QueryParameter(description="sent, failed, opened, clicked, ...; may be repeated.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TimelineEvent]:
    """The life of messages: sent, failed, delivered, bounced, opened, clicked, unsubscribed, complained."""
    page = await activity.activity(
        by.account_id,
        since=since,
        until=until,
        contact_id=contact_id,
        campaign_id=campaign_id,
        kinds=kind or (),
        cursor=cursor or None,
        limit=limit,
    )
    return Page(items=page.events, next_cursor=page.next_cursor)


@get("/contacts/{contact_id:int}/engagement", tags=["Activity"], opt=needs(Permission.READ_CONTACTS))
async def get_contact_engagement(
    by: By, activity: Activity, contacts: Contacts, contact_id: FromPath[int]
) -> Engagement:
    """The engagement score of a contact and its band: messages opened and clicked, recent ones for more."""
    await contacts.get(by.account_id, contact_id)
    return await activity.engagement(by.account_id, contact_id)


@get("/activity/engagement-bands", tags=["Activity"], opt=needs(Permission.READ_CONTACTS))
async def list_engagement_bands(by: By, activity: Activity) -> Page[BandSize]:
    """How many contacts are active, warm, cooling and inactive at this moment."""
    return Page(items=await activity.engagement_bands(by.account_id), next_cursor=None)


HANDLERS: list[Any] = [list_activity, get_contact_engagement, list_engagement_bands]

"""/activity: what happened to messages, newest first, as pages and as files; how engaged contacts are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from syncom.accounts.model import Permission
from syncom.activity.export import ExportForm
from syncom.activity.model import ActivityFilter, BandSize, Engagement, TimelineEvent
from syncom.http.native.contacts import CHANNELS, choice
from syncom.http.native.given import Activity, By, Contacts
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_JSON_LINES = "application/jsonl"
_EXPORTS = needs(Permission.EXPORT_CONTACTS)


async def activity_filter(
    since: Annotated[datetime | None, QueryParameter(description="From this moment on.")] = None,
    until: Annotated[datetime | None, QueryParameter(description="Before this moment.")] = None,
    contact_id: Annotated[int | None, QueryParameter(description="Of this contact and those merged into it.")] = None,
    message_id: Annotated[UUID | None, QueryParameter(description="Of this message.")] = None,
    campaign_id: Annotated[int | None, QueryParameter(description="Of this campaign; 0: single messages.")] = None,
    kind: Annotated[
        list[str] | None, QueryParameter(description="sent, failed, opened, clicked, ...; may be repeated.")
    ] = None,
    channel: Annotated[list[str] | None, QueryParameter(description="email, sms, ...; may be repeated.")] = None,
    machines: Annotated[bool, QueryParameter(description="Also what machines did.")] = True,
) -> ActivityFilter:
    """What is asked for, of the list and of the file."""
    return ActivityFilter(
        since=since,
        until=until,
        contact_id=contact_id,
        message_id=message_id,
        campaign_id=campaign_id,
        kinds=frozenset(kind or ()),
        channels=frozenset(choice("channel", name, CHANNELS) for name in channel or ()),
        machines=machines,
    )


_CHOSEN = {"chosen": Provide(activity_filter)}
Chosen = NamedDependency[ActivityFilter]


@get("/activity", tags=["Activity"], opt=needs(Permission.READ_CAMPAIGNS), dependencies=_CHOSEN)
async def list_activity(
    by: By, activity: Activity, chosen: Chosen, limit: Limit = 100, cursor: Cursor = None
) -> Page[TimelineEvent]:
    """The life of messages, newest first: sent, failed, opened, clicked, unsubscribed, complained and so on."""
    page = await activity.activity(by.account_id, chosen, cursor=cursor or None, limit=limit)
    return Page(items=page.events, next_cursor=page.next_cursor)


@get("/exports/activity.csv", tags=["Exports"], media_type="text/csv", opt=_EXPORTS, dependencies=_CHOSEN)
async def export_activity_csv(
    by: By,
    activity: Activity,
    chosen: Chosen,
    mark: Annotated[bool, QueryParameter(description="Begin with a byte order mark, for Excel.")] = False,
) -> Stream:
    """The same as CSV, newest first, streamed, guarded against formula injection."""
    pieces = await activity.export(by.account_id, chosen, with_mark=mark)
    disposition = {"Content-Disposition": 'attachment; filename="activity.csv"'}
    return Stream(pieces, media_type="text/csv; charset=utf-8", headers=disposition)


@get("/exports/activity.jsonl", tags=["Exports"], media_type=_JSON_LINES, opt=_EXPORTS, dependencies=_CHOSEN)
async def export_activity_json_lines(by: By, activity: Activity, chosen: Chosen) -> Stream:
    """The same as JSON, an object a line, newest first, streamed."""
    pieces = await activity.export(by.account_id, chosen, ExportForm.JSON_LINES)
    disposition = {"Content-Disposition": 'attachment; filename="activity.jsonl"'}
    return Stream(pieces, media_type=_JSON_LINES, headers=disposition)


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


HANDLERS: list[Any] = [
    list_activity,
    export_activity_csv,
    export_activity_json_lines,
    get_contact_engagement,
    list_engagement_bands,
]

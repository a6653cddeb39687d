"""/events and /event-types: what other systems say has happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.events.model import Event, EventFilter, EventInput, EventType, ListedEvent, TypeFigures, TypeParameter
from syncom.events.parameters import Kind, Parameter
from syncom.events.service import MAX_EACH
from syncom.http.headers import header
from syncom.http.native.event_record import (
    JSON,
    LINES,
    MAX_BATCH,
    EventBatchResult,
    RecordedEvent,
    record,
    record_batch,
)
from syncom.http.native.given import By, Contacts, Events
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_TAGS = ["Events"]
_Days = Annotated[int, QueryParameter(ge=1, le=366, description="Of so many days.")]
_ParameterName = Annotated[
    str | None,
    QueryParameter(max_length=500, description="A parameter by its name, or by a dotted path: `basket.total`."),
]
_Value = Annotated[str, QueryParameter(max_length=2000, description="The parameter's value, as a text.")]
_Contact = Annotated[int | None, QueryParameter(ge=1, description="Of this contact.")]
_Since = Annotated[datetime | None, QueryParameter(description="Happened from then on.")]
_Until = Annotated[datetime | None, QueryParameter(description="Happened before then.")]


class EventTypeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a type of events. What is left out stays as it is."""

    key: str
    #: Whoever an event names and nobody knows becomes a contact.
    creates_contacts: bool | None = None
    #: What events must or may bring beside what says whom they are about; null: anything.
    parameters: list[TypeParameter] | msgspec.UnsetType | None = msgspec.UNSET
    #: What parameters are: `{"sum": "number"}`. Events that bring anything else in them are refused. Those that are not
    #: named stay as they are; null: whatever comes.
    declared: dict[str, Kind | None] = {}


@post("/events", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_EVENTS))
async def record_event(by: By, events: Events, data: JSONBody[EventInput]) -> RecordedEvent:
    """Record one event. Answered once it is stored.

    The same event within a minute is recorded once; one with a `dedupe_key` once in 90 days.
    """
    return await record(events, by.account_id, data)


@dataclass
class _BatchOperation(Operation):
    """How the body of a batch is described: it may be read in two ways."""

    def __post_init__(self) -> None:
        event = Schema(type=OpenAPIType.OBJECT, description="An event, as `POST /events` takes it.")
        lines = Schema(type=OpenAPIType.STRING, description="An event in JSON on each line.")
        self.request_body = RequestBody(
            required=True,
            content={
                JSON: OpenAPIMediaType(schema=Schema(type=OpenAPIType.ARRAY, items=event, max_items=MAX_EACH)),
                LINES: OpenAPIMediaType(schema=lines),
            },
        )


@post(
    "/events/batch",
    tags=_TAGS,
    status_code=200,
    request_max_body_size=MAX_BATCH,
    operation_class=_BatchOperation,
    opt=needs(Permission.WRITE_EVENTS, media=None, replay=False),
)
async def record_events(request: Request[Any, Any, Any], by: By, events: Events) -> EventBatchResult:
    """Record up to 10,000 events (20 MB), each by itself: bad ones are reported and never stop the rest.

    The body is an array, or an event a line (`application/x-ndjson`). Answered once all are stored. A batch that had no
    answer may be sent again: events with a `dedupe_key` are not recorded twice.
    """
    media = header(request.scope, b"content-type").partition(";")[0].strip().lower()
    return await record_batch(events, by.account_id, await request.body(), media)


@get("/contacts/{contact_id:int}/events", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_contact_events(
    by: By, events: Events, contacts: Contacts, contact_id: FromPath[int], limit: Limit = 100, cursor: Cursor = None
) -> Page[Event]:
    """A contact's events, newest first."""
    await contacts.get(by.account_id, contact_id)
    page = await events.of_contact(by.account_id, contact_id, cursor=cursor, limit=limit)
    return Page(items=page.events, next_cursor=page.cursor)


@get("/event-types", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_event_types(by: By, events: Events) -> Page[EventType]:
    """All types of events, by key."""
    return Page(items=await events.types.all(by.account_id), next_cursor=None)


@post("/event-types", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def set_event_type(by: By, events: Events, data: JSONBody[EventTypeInput]) -> EventType:
    """Set what events of a type bring and do. The type may have had no event yet."""
    return await events.types.change(
        by.account_id,
        data.key,
        creates_contacts=data.creates_contacts,
        parameters=data.parameters,
        declared=data.declared,
    )


@get("/event-types/{event_type_id:int}/parameters", tags=_TAGS, opt=needs(Permission.READ_ACTIVITY))
async def list_type_parameters(by: By, events: Events, event_type_id: FromPath[int]) -> Page[Parameter]:
    """What events of a type bring, by name: types, values that do not fit them, the newest time, an example."""
    event_type = await events.types.by_id(by.account_id, event_type_id)
    return Page(items=await events.parameters(by.account_id, event_type.key), next_cursor=None)


@get("/event-types/figures", tags=_TAGS, opt=needs(Permission.READ_ACTIVITY))
async def get_type_figures(by: By, events: Events, days: _Days = 7) -> Page[TypeFigures]:
    """How many events of each type came lately, up to 10,000 of each; types of which the newest came last first."""
    return Page(items=await events.figures(by.account_id, days=days), next_cursor=None)


@get("/event-types/{event_type_id:int}/events", tags=_TAGS, opt=needs(Permission.READ_ACTIVITY))
async def list_type_events(
    by: By,
    events: Events,
    event_type_id: FromPath[int],
    parameter: _ParameterName = None,
    value: _Value = "",
    contact: _Contact = None,
    since: _Since = None,
    until: _Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ListedEvent]:
    """A type's events, newest first, with whom they are of.

    A page looks through 10,000 events at most: with a filter that few fit it may be
    empty and still have a `next_cursor`.
    """
    event_type = await events.types.by_id(by.account_id, event_type_id)
    chosen = EventFilter(parameter=parameter or None, value=value, contact_id=contact, since=since, until=until)
    page = await events.browse(by.account_id, event_type, chosen, cursor=cursor, limit=limit)
    return Page(items=page.events, next_cursor=page.cursor)


HANDLERS: list[Any] = [
    record_event,
    record_events,
    list_contact_events,
    list_event_types,
    set_event_type,
    list_type_parameters,
    get_type_figures,
    list_type_events,
]

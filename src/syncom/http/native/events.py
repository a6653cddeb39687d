"""/events and /event-types: what other systems say has happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.events.model import Event, EventInput, EventType, TypeParameter
from syncom.http.native.given import By, Contacts, Events
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_TAGS = ["Events"]


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event. Whom it is about: `contact_id`, or whoever its parameters name (`EmailAddress`, `Phone`, ...)."""

    type_key: str
    key: str = ""
    params: dict[str, Any] = {}
    contact_id: int | None = None
    #: Now, unless it is given.
    occurred_at: datetime | None = None


class EventBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 events."""

    events: list[NewEvent]


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event."""

    #: None: it was recorded within the last minute, and so not again.
    event_id: UUID | None
    #: None: nobody is known by it.
    contact_id: int | None


class RecordedEvents(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each event of a batch."""

    events: list[RecordedEvent]


class EventTypeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a type of events. What is left out stays as it is."""

    key: str
    #: Whoever an event names and nobody knows becomes a contact.
    creates_contacts: bool | None = None
    #: What events must or may bring beside what says whom they are about; null: anything.
    parameters: list[TypeParameter] | msgspec.UnsetType | None = msgspec.UNSET


@post("/events", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_EVENTS))
async def record_events(by: By, events: Events, data: JSONBody[EventBatch]) -> RecordedEvents:
    """Record events: all of them, or none when one is wrong. The same event within a minute is recorded once."""
    given = [EventInput(**msgspec.structs.asdict(event)) for event in data.events]
    found = await events.record(by.account_id, given, once=True, create_contacts=True)
    return RecordedEvents(events=[RecordedEvent(event_id=one.event_id, contact_id=one.contact_id) for one in found])


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
        by.account_id, data.key, creates_contacts=data.creates_contacts, parameters=data.parameters
    )


@get("/event-types/{event_type_id:int}/events", tags=_TAGS, opt=needs(Permission.READ_ACTIVITY))
async def list_type_events(
    by: By, events: Events, event_type_id: FromPath[int], limit: Limit = 100, cursor: Cursor = None
) -> Page[Event]:
    """A type's events, newest first."""
    event_type = await events.types.by_id(by.account_id, event_type_id)
    page = await events.of_type(by.account_id, event_type.key, cursor=cursor, limit=limit)
    return Page(items=page.events, next_cursor=page.cursor)


HANDLERS: list[Any] = [
    record_events,
    list_contact_events,
    list_event_types,
    set_event_type,
    list_type_events,
]

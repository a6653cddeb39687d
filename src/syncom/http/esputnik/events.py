"""Events (eSputnik reference, 5.7): taken in one by one at a high rate, in bulk from the past, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from syncom.errors import Invalid
from syncom.events.model import EventInput, UnexpectedParameters
from syncom.events.service import MAX_EVENTS, key_of
from syncom.http.esputnik.method import EMPTY, Call, Method, Parameter, Refused, Scope
from syncom.http.esputnik.moments import account_zone, read_moment, required_moment
from syncom.http.esputnik.order_events import ORDER_EVENTS, take_order_event
from syncom.http.esputnik.repeats import DUPLICATED

#: eSputnik reference, 2.7: 20 kB.
_MAX_BODY: Final = 20 * 1024
#: 1,000 past events.
_MAX_BULK: Final = 10 * 1024 * 1024

_encode = msgspec.json.Encoder().encode


class Param(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One parameter of an event."""

    name: str
    value: Any


class KeyedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """An event of version 1: with a key."""

    event_type_key: str
    key_value: str
    params: list[Param] = []


class ListedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """An event of version 2: its key may be one of its parameters."""

    event_type_key: str
    key_value: str = ""
    params: list[Param] = []


class MappedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """An event of version 3: its parameters are an object."""

    event_type_key: str
    key_value: str = ""
    params: dict[str, Any] = {}


class PastEvent(ListedEvent, frozen=True, kw_only=True):
    """An event that happened before. ``occurred``: ISO 8601; without an offset it is in the account's zone."""

    occurred: str


class PastEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Events that happened before."""

    events: list[PastEvent]


#: The array may come bare.
_Past = PastEvents | list[PastEvent]


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """How many events were deleted."""

    deleted: int


# ---------------------------------------------------------------- one event


async def event_v1(call: Call[KeyedEvent]) -> object:
    given = call.body
    if not given.key_value.strip():
        raise Refused(400, "Required field 'keyValue' is missing")
    return await _record(call, given.event_type_key, given.key_value, _texts(_listed(given.params)), creates=False)


async def event_v2(call: Call[ListedEvent]) -> object:
    given = call.body
    return await _record(call, given.event_type_key, given.key_value, _listed(given.params), creates=True)


async def event_v3(call: Call[MappedEvent]) -> object:
    given = call.body
    params = {name: value for name, value in given.params.items() if value is not None}
    return await _record(call, given.event_type_key, given.key_value, params, creates=True)


async def _record(call: Call[Any], type_key: str, key: str, params: dict[str, Any], *, creates: bool) -> object:
    event = EventInput(type_key=type_key.strip(), key=_key(key, params), params=params)
    try:
        if event.type_key in ORDER_EVENTS:
            # The order first: a caller that gets no answer sends the event again, and an order may come twice.
            await call.app.events.check(call.account_id, (event,))
            await take_order_event(call.app, call.account_id, event.type_key, params)
        [recorded] = await call.app.events.record(call.account_id, (event,), once=True, create_contacts=creates)
    except Invalid as error:
        raise _refused(error) from None
    if recorded.repeated:
        raise Refused(409, DUPLICATED)
    if event.type_key in ORDER_EVENTS:
        await take_order_event(call.app, call.account_id, event.type_key, params)
    return EMPTY


def _key(key: str, params: dict[str, Any]) -> str:
    """The event's key: given, or else the first identifier among its parameters."""
    key = key.strip() or key_of(params) or ""
    if not key:
        raise Refused(
            400,
            "Required field 'keyValue' is missing, and no parameter stands in for it: "
            "contactId, externalCustomerId, email, phone or pushToken",
        )
    return key


def _listed(params: Sequence[Param], at: str = "params") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, param in enumerate(params):
        if param.value is None:
            raise Refused(400, f"Required field '{at}.{place}.value' is missing")
        if param.name in found:
            raise Refused(400, f"Field '{at}.{place}.name' is wrong: there is '{param.name}' already")
        found[param.name] = param.value
    return found


def _texts(params: dict[str, Any]) -> dict[str, Any]:
    """Values of version 1 are texts: what arrives as something else is kept as its JSON."""
    return {name: value if isinstance(value, str) else _encode(value).decode() for name, value in params.items()}


#: Our names of members and theirs.
_NAMES: Final = {"type_key": "eventTypeKey", "key": "keyValue", "occurred_at": "occurred"}


def _refused(error: Invalid) -> Refused:
    if isinstance(error, UnexpectedParameters):
        wanted = ", ".join(_encode(parameter).decode() for parameter in error.parameters)
        return Refused(400, f"The event should have the following params: [{wanted}]", plain=True)
    *path, last = error.fields[0].field.split(".")
    return Refused(400, f"Field '{'.'.join([*path, _NAMES.get(last, last)])}' {error.fields[0].reason}")


# ---------------------------------------------------------------- past events


async def past_events_v1(call: Call[_Past]) -> object:
    return await _import(call, texts=True)


async def past_events_v2(call: Call[_Past]) -> object:
    return await _import(call, texts=False)


async def _import(call: Call[_Past], *, texts: bool) -> object:
    given = call.body if isinstance(call.body, list) else call.body.events
    if not given:
        raise Refused(400, "'events' must have at least one event")
    if len(given) > MAX_EVENTS:
        raise Refused(400, f"Maximum {MAX_EVENTS} events per request")
    zone = await account_zone(call)
    events = [_past_event(place, event, zone, texts=texts) for place, event in enumerate(given)]
    try:
        await call.app.events.import_past(call.account_id, events)
    except Invalid as error:
        raise _refused(error) from None
    return EMPTY


def _past_event(place: int, event: PastEvent, zone: ZoneInfo, *, texts: bool) -> EventInput:
    params = _listed(event.params, f"events.{place}.params")
    key = event.key_value.strip()
    if texts:
        params = _texts(params)
        if not key:
            raise Refused(400, f"Required field 'events.{place}.keyValue' is missing")
    return EventInput(
        type_key=event.event_type_key.strip(),
        key=key or _key("", params),
        params=params,
        occurred_at=required_moment(f"events.{place}.occurred", event.occurred, zone),
    )


async def delete_past_events(call: Call[None]) -> Deleted:
    type_key = call.query.required("eventTypeKey")
    key = call.query.text("keyValue")
    zone = await account_zone(call)
    since, until = _moment(call, "from", zone), _moment(call, "to", zone)
    if key is None and (since is None or until is None):
        raise Refused(400, "Either keyValue or from and to must be given")
    if since is not None and until is not None and since >= until:
        raise Refused(400, "'from' must be before 'to'")
    return Deleted(deleted=await call.app.events.delete(call.account_id, type_key, key=key, since=since, until=until))


def _moment(call: Call[None], name: str, zone: ZoneInfo) -> datetime | None:
    text = call.query.text(name)
    if text is None:
        return None
    try:
        return read_moment(text, zone)
    except ValueError as error:
        raise Refused(400, f"'{name}' {error}") from None


METHODS = [
    *(
        Method(
            "POST",
            f"/{version}/event",
            handler,
            scope=Scope.EVENTS,
            body=body,
            max_body=_MAX_BODY,
            refusals=("409",),
            summary=summary,
        )
        for version, handler, body, summary in (
            ("v1", event_v1, KeyedEvent, "Record an event; values are texts"),
            ("v2", event_v2, ListedEvent, "Record an event; values may be objects and lists"),
            ("v3", event_v3, MappedEvent, "Record an event; its parameters are an object"),
        )
    ),
    *(
        Method(
            "POST",
            f"/{version}/past_events",
            handler,
            scope=Scope.EVENTS,
            body=_Past,
            max_body=_MAX_BULK,
            summary=f"Record up to {MAX_EVENTS} events that happened before",
        )
        for version, handler in (("v1", past_events_v1), ("v2", past_events_v2))
    ),
    Method(
        "DELETE",
        "/v1/past_events",
        delete_past_events,
        scope=Scope.EVENTS,
        summary="Delete events of a type, by key or by time",
        query=(
            Parameter(name="eventTypeKey", text="Type of the events.", required=True),
            Parameter(name="keyValue", text="Their key."),
            Parameter(name="from", text="First moment, ISO 8601."),
            Parameter(name="to", text="Moment behind the last, ISO 8601."),
        ),
        answer=Deleted,
    ),
]

"""Values of the events domain."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from syncom.errors import Invalid
from syncom.events.parameters import Kind


class EventInput(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An event. Whom it is about: `contact_id`, or whoever its parameters name (`EmailAddress`, `Phone`, ...)."""

    #: Key of its type; the type is made when there is none.
    type_key: str
    #: The reporter's own name for what it is about, such as an invoice's number. Several events may have one.
    key: str = ""
    #: Names this one event: another event of its type with this key is not recorded. Empty: none.
    dedupe_key: str = ""
    params: dict[str, Any] = {}
    #: Whom it is about; None: whoever the parameters name (``identity.py``), or nobody.
    contact_id: int | None = None
    #: None: now.
    occurred_at: datetime | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one event."""

    #: None: the same event was recorded before (within the last minute, or with its key), so this one was not.
    event_id: UUID | None
    #: None: nobody is known by what the event says.
    contact_id: int | None = None

    @property
    def repeated(self) -> bool:
        return self.event_id is None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event as stored."""

    event_id: UUID
    type_key: str
    key: str
    params: dict[str, Any]
    #: None: of nobody who is known.
    contact_id: int | None
    occurred_at: datetime
    recorded_at: datetime


class ListedEvent(Event, frozen=True, kw_only=True):
    """An event as lists show it, with whom it is of. What is not known of the contact is empty."""

    contact_name: str
    email: str
    phone: str


class FollowedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a type that somebody follows, out of the change log."""

    account_id: int
    event_type_id: int
    type_key: str
    key: str
    #: 0: of nobody who is known.
    contact_id: int
    occurred_at: datetime
    #: Whether who follows has had it before.
    is_replayed: bool
    #: Whether it was recorded, and followed, before it was known whose it is.
    is_joined: bool = False
    #: How many events that workflows recorded led to it, one from the other, without time passing; itself included.
    chain: int = 0
    #: What follows from it has an effect id made of this one. Replayed anew, it is one of that replay.
    event_id: UUID
    params: dict[str, Any]


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of events, newest first; ``cursor`` asks for the older ones, None: there are none."""

    events: list[Event]
    cursor: str | None


class ListedEventPage(msgspec.Struct, frozen=True, kw_only=True):
    """The same of events with whom they are of."""

    events: list[ListedEvent]
    cursor: str | None


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of a type somebody looks for. What is None does not matter."""

    #: A parameter's name, or a dotted path to it, and its value as a text.
    parameter: str | None = None
    value: str = ""
    #: Of this contact, those of contacts merged into it included.
    contact_id: int | None = None
    #: Happened from then on, and before then.
    since: datetime | None = None
    until: datetime | None = None


class TypeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many events of a type came lately."""

    event_type_id: int
    key: str
    events: int
    #: False: there are more, and counting stopped.
    is_exact: bool
    #: When the newest one happened; None: there is none.
    last_at: datetime | None
    #: How many in each 24 hours up to now, oldest first; null: so far back it was not counted.
    by_day: list[int | None]


class TypeParameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that events of a type may or must bring."""

    name: str
    required: bool = True


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of events of an account."""

    event_type_id: int
    key: str
    #: An event that names somebody nobody knows makes a contact, when its way in allows that.
    creates_contacts: bool = False
    #: What events must bring, and beside it nothing but what says whom they are about; None: anything.
    parameters: tuple[TypeParameter, ...] | None = None
    #: What some parameters are. An event that brings anything else in one of them is refused.
    declared: dict[str, Kind] = {}


class UnexpectedParameters(Invalid):
    """The event's parameters are not those its type asks for."""

    def __init__(self, parameters: tuple[TypeParameter, ...]) -> None:
        names = ", ".join(parameter.name if parameter.required else f"{parameter.name}?" for parameter in parameters)
        super().__init__("params", f"must be those of the event's type: {names}")
        self.parameters = parameters

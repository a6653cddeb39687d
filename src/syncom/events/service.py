"""Use cases of events: the only module of this room that others import, besides ``model``.

>>> events = EventsService(database, contacts, clock)
>>> [recorded] = await events.record(account_id, [EventInput(type_key="invoicePaid", key="inv-9001",
...     params={"EmailAddress": "olena@example.org", "sum": "120.50"})])

Kinds of events, with their settings, are at ``events.types``; replays at ``events.replays``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from syncom.clock import Clock
from syncom.contacts.model import ContactInput, MergeMode, NewContact, UpsertOptions
from syncom.contacts.service import ContactsService, hold_contacts
from syncom.errors import Conflict, Invalid, NotFound, SyncomError, Unavailable
from syncom.events import store
from syncom.events.identity import KINDS, Named, Naming, is_name, key_of
from syncom.events.model import (
    Event,
    EventFilter,
    EventInput,
    EventPage,
    EventType,
    FollowedEvent,
    ListedEventPage,
    Recorded,
    TypeFigures,
    UnexpectedParameters,
)
from syncom.events.parameters import Parameter, kind_of, nested, values_at
from syncom.events.prepare import PreparedEvent, checked_type_key, prepare, repeat_hash
from syncom.events.replays import Replays
from syncom.events.types import EventTypes
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.own_connection import OwnConnection
from syncom.postgres.pool import Connection, Database

__all__ = ["MAX_EACH", "MAX_EVENTS", "EventsService", "UnexpectedParameters", "checked_type_key", "key_of"]

_log = logging.getLogger(__name__)

#: Events of one call that are recorded all or none, and of one transaction of a call that records each by itself.
MAX_EVENTS: Final = 1_000
#: Events of one call that records each by itself.
MAX_EACH: Final = 10_000
#: Keys of events are kept for this long after they were recorded.
KEYS_KEPT: Final = timedelta(days=90)
_FORGOTTEN_AT_ONCE: Final = 10_000
_JOINED_AT_ONCE: Final = 1_000
#: Newest events of a type that examples are taken from.
_EXAMPLES: Final = 100
#: Requests of one transaction. One request has a single event as a rule, and 1,000 at most.
_BATCH: Final = 500
_PAGE_LIMIT: Final = 1_000
#: Events that one page of a filtered list is looked for among, and that are counted of one type.
_MOST_LOOKED_AT: Final = 10_000
#: Clocks of other systems may be ahead by this much.
_AHEAD: Final = timedelta(minutes=5)
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_FIRST_ID: Final = UUID(int=0)
_LAST_ID: Final = UUID(int=(1 << 128) - 1)
#: What may become a contact, the surest first.
_CREATABLE: Final = (Naming.EXTERNAL_ID, Naming.CONTACT_KEY, Naming.EMAIL, Naming.PHONE)


_CREATED: Final = UpsertOptions(
    key=KINDS[_CREATABLE[0]],
    fallback_keys=tuple(KINDS[naming] for naming in _CREATABLE[1:]),
    mode=MergeMode.FILL_BLANKS,
    source="event",
)


#: Stands in for a type that is not known yet.
_ANY_TYPE: Final = EventType(event_type_id=0, key="")


class _Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The events of one call, on their way into a grouped commit."""

    events: list[PreparedEvent]
    #: Leave out what was recorded within the last minute.
    once: bool
    #: For each event: somebody it names and nobody knows is made a contact before it is written.
    creating: list[bool]
    #: Each event is written by itself; otherwise all of them are, or none.
    each: bool = False


class _NotYet(Enum):
    """Why an event was not written, but will be."""

    #: The contact it names has to be made first.
    LACKING = 1
    #: The one of its neighbours has to be.
    HELD = 2


_Result = list[Recorded | NotFound | _NotYet]


class EventsService:
    """Events of an account."""

    def __init__(self, database: Database, contacts: ContactsService, clock: Clock) -> None:
        self._database = database
        self._contacts = contacts
        self._clock = clock
        self._requests: GroupCommit[_Request, _Result] = GroupCommit(self._write, max_batch=_BATCH)
        #: Written on by one batch at a time.
        self._connection = OwnConnection(database.dsn, "syncom events", store.prepare_recording)
        self._forgetting: asyncio.Task[None] | None = None
        self._forget_at = clock.monotonic() + store.REPEAT_SECONDS
        self.types = EventTypes(database, clock)
        self.replays = Replays(database, self.types)

    async def close(self) -> None:
        """Finish the writes that were accepted."""
        await self._requests.close()
        await self.types.discovery.close()
        if self._forgetting is not None:
            await self._forgetting
        await self._connection.close()

    # ------------------------------------------------------------ recording

    async def record(
        self, account_id: int, events: Sequence[EventInput], *, once: bool = False, create_contacts: bool = False
    ) -> list[Recorded]:
        """Record up to 1,000 events, all or none; returns what became of each, in order, once they are committed.

        ``once``: an event with the type, key and parameters of one that was recorded so within the last minute is
        not recorded again. ``create_contacts``: an event that names somebody nobody knows makes a contact, when its
        type says so. Raises Invalid for a bad event (UnexpectedParameters when its type asks for others), NotFound
        when ``contact_id`` is nobody's, Conflict for too many types.
        """
        if len(events) > MAX_EVENTS:
            raise Invalid("events", f"must be at most {MAX_EVENTS:,} at a time")
        if not events:
            return []
        prepared, types = await self._prepare(account_id, events)
        creating = [create_contacts and types[event.type_key].creates_contacts for event in events]
        results = await self._record(account_id, _Request(events=prepared, once=once, creating=creating))
        for result in results:
            if isinstance(result, NotFound):
                raise result
        self._observe(account_id, events, prepared, results)
        return [result for result in results if isinstance(result, Recorded)]

    async def record_each(
        self, account_id: int, events: Sequence[EventInput], *, create_contacts: bool = False
    ) -> list[Recorded | SyncomError]:
        """Record up to 10,000 events, each by itself; returns what became of each, or why it was refused, in order.

        An event without a ``dedupe_key`` that says the same (of the same moment, if it says one) as one recorded within
        the last minute is not recorded again. Raises Invalid for too many.
        """
        if len(events) > MAX_EACH:
            raise Invalid("events", f"must be at most {MAX_EACH:,} at a time")
        outcomes: dict[int, Recorded | SyncomError] = {}
        prepared, types = await self._prepare_each(account_id, events, outcomes)
        sound = list(prepared)
        for start in range(0, len(sound), MAX_EVENTS):
            places = sound[start : start + MAX_EVENTS]
            creating = [create_contacts and types[events[place].type_key].creates_contacts for place in places]
            request = _Request(events=[prepared[n] for n in places], once=True, creating=creating, each=True)
            results = await self._record(account_id, request)
            self._observe(account_id, [events[place] for place in places], request.events, results)
            outcomes.update(zip(places, results, strict=True))
        return [outcomes[place] for place in range(len(events))]

    def _observe(
        self,
        account_id: int,
        events: Sequence[EventInput],
        prepared: Sequence[PreparedEvent],
        results: Sequence[Recorded | NotFound],
    ) -> None:
        """Learn from what was recorded what parameters are."""
        for event, row, result in zip(events, prepared, results, strict=True):
            if isinstance(result, Recorded) and not result.repeated:
                self.types.discovery.observe(account_id, row.event_type_id, event.params, event.occurred_at)

    async def _record(self, account_id: int, request: _Request) -> list[Recorded | NotFound]:
        """Write a request; contacts it needs are made in between."""
        results = await self._requests.submit(request)
        late = [place for place, result in enumerate(results) if isinstance(result, _NotYet)]
        if late:
            for place in late:
                if results[place] is _NotYet.LACKING:
                    await self._create_contact(account_id, request.events[place].named)
            again = _Request(
                events=[request.events[place] for place in late],
                once=request.once,
                creating=[False] * len(late),
                each=request.each,
            )
            for place, result in zip(late, await self._requests.submit(again), strict=True):
                results[place] = result
        return [result for result in results if not isinstance(result, _NotYet)]

    async def check(self, account_id: int, events: Sequence[EventInput]) -> None:
        """Raises what :meth:`record` would for bad events, and records nothing."""
        await self._prepare(account_id, events)

    async def write(
        self, connection: Connection, account_id: int, events: Sequence[EventInput], *, chains: Sequence[int] = ()
    ) -> list[Recorded]:
        """Record events inside the caller's transaction of this account. Raises like :meth:`record`.

        ``chains``: :attr:`FollowedEvent.chain` of each, for those that workflows record.
        """
        if not events:
            return []
        _check(account_id, events)
        types = await self.types.ensure_in(connection, account_id, {event.type_key for event in events})
        prepared = [prepare(account_id, event, types[event.type_key]) for event in events]
        contact_ids = await store.find_contacts(connection, prepared)
        missing = _missing(prepared, contact_ids)
        if missing is not None:
            raise missing
        rows = [store.Row(event, contact_id) for event, contact_id in zip(prepared, contact_ids, strict=True)]
        event_ids = await store.insert(connection, rows, chains or [0] * len(rows))
        for event, row in zip(events, rows, strict=True):
            self.types.discovery.observe(account_id, row.event.event_type_id, event.params, event.occurred_at)
        return [
            Recorded(event_id=event_id, contact_id=row.contact_id or None)
            for event_id, row in zip(event_ids, rows, strict=True)
        ]

    async def take_followed(self, connection: Connection, limit: int) -> tuple[list[FollowedEvent], int]:
        """Events out of the change log, oldest first, for good when the caller's transaction commits; and how many were
        taken in all. For a system transaction.
        """
        return await store.take_followed(connection, limit)

    async def write_new_contacts(
        self, connection: Connection, account_id: int, type_key: str, contacts: Sequence[NewContact]
    ) -> None:
        """An event of this type for each new contact, inside the caller's transaction.

        Its key is the address, else the number; its parameters are ``contactId``, ``EmailAddress`` and ``SMS``.
        """
        await self.write(connection, account_id, [_new_contact(type_key, contact) for contact in contacts])

    async def import_past(self, account_id: int, events: Sequence[EventInput]) -> int:
        """Record up to 1,000 events that happened before; returns how many were not there yet.

        Nothing starts because of them. The same event (type, key, parameters, time) again changes nothing. Raises
        Invalid naming the event; nothing is recorded then.
        """
        if not 0 < len(events) <= MAX_EVENTS:
            raise Invalid("events", f"must be 1 to {MAX_EVENTS:,} at a time")
        latest = self._clock.now() + _AHEAD
        for place, event in enumerate(events):
            if event.occurred_at is None:
                raise Invalid(f"events.{place}.occurred_at", "is missing")
            if not _EARLIEST <= event.occurred_at <= latest:
                raise Invalid(f"events.{place}.occurred_at", "must be a time in the past, and not before 1970")
        prepared, _ = await self._prepare(account_id, events)
        async with self._database.system() as connection:
            await hold_contacts(connection, (account_id,))
            contact_ids = await store.find_contacts(connection, prepared)
            missing = _missing(prepared, contact_ids)
            if missing is not None:
                raise missing
            rows = [store.Row(*row) for row in zip(prepared, contact_ids, strict=True)]
            recorded = await store.insert_past(connection, rows)
        for event, _ in recorded:
            params = msgspec.json.decode(event.params)
            self.types.discovery.observe(account_id, event.event_type_id, params, event.occurred_at)
        return len(recorded)

    async def join_visits(
        self, account_id: int, site_id: UUID, visitor: str, contact_id: int, *, since: datetime
    ) -> int:
        """Events of nobody that this visitor of a site reported, from ``since`` on, become the contact's; how many.

        They start no workflow, and carts among them become the contact's carts. A contact that was merged gives them to
        the kept one; of one that is gone they stay with nobody.
        """
        joined = 0
        while True:
            async with self._database.system() as connection:
                await hold_contacts(connection, (account_id,))
                found = await store.join_visits(
                    connection, account_id, site_id, visitor, contact_id, since=since, limit=_JOINED_AT_ONCE
                )
            joined += found
            if found < _JOINED_AT_ONCE:
                return joined

    async def delete(
        self,
        account_id: int,
        type_key: str,
        *,
        key: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Delete events of a type, by key, by time (from ``since``, before ``until``) or both; returns how many.

        Raises NotFound for an unknown type, Invalid when neither is given.
        """
        if key is None and since is None and until is None:
            raise Invalid("key", "is missing: name the event's key, or a time")
        event_type = await self.types.get(account_id, type_key)
        # Tenants may not change append-only tables, so this is a system transaction; the statement names the account.
        async with self._database.system() as connection:
            return await store.delete_events(
                connection,
                account_id,
                event_type.event_type_id,
                key=key,
                since=since or _EARLIEST,
                until=until or _NEVER,
            )

    async def _prepare(
        self, account_id: int, events: Sequence[EventInput]
    ) -> tuple[list[PreparedEvent], Mapping[str, EventType]]:
        """Check events, and then find or make their types: an event that is refused leaves none behind."""
        if len(events) == 1:
            known = self.types.known(account_id, events[0].type_key)
            if known is not None:
                return [prepare(account_id, events[0], known)], {known.key: known}
        _check(account_id, events)
        types = await self.types.ensure(account_id, {event.type_key for event in events})
        return [prepare(account_id, event, types[event.type_key]) for event in events], types

    async def _prepare_each(
        self, account_id: int, events: Sequence[EventInput], outcomes: dict[int, Recorded | SyncomError]
    ) -> tuple[dict[int, PreparedEvent], Mapping[str, EventType]]:
        """The events that may be recorded, by place, and their types; why the others may not goes into ``outcomes``."""
        wanted: set[str] = set()
        for place, event in enumerate(events):
            if event.type_key in wanted:
                continue
            try:
                # An event that is refused leaves no type behind.
                if self.types.known(account_id, event.type_key) is None:
                    _check_one(account_id, event)
                wanted.add(event.type_key)
            except Invalid as error:
                outcomes[place] = error
        full: Conflict | None = None
        try:
            types = await self.types.ensure(account_id, wanted)
        except Conflict as error:
            full = error
            types = {event_type.key: event_type for event_type in await self.types.all(account_id)}
        prepared: dict[int, PreparedEvent] = {}
        for place, event in enumerate(events):
            if place in outcomes:
                continue
            event_type = types.get(event.type_key)
            if event_type is None:
                assert full is not None
                outcomes[place] = full
                continue
            try:
                prepared[place] = prepare(account_id, event, event_type)
            except Invalid as error:
                outcomes[place] = error
        return prepared, types

    async def _create_contact(self, account_id: int, named: Sequence[Named]) -> None:
        """Make the contact an event names. When somebody else is quicker, that one is found."""
        values: dict[Naming, str] = {}
        for naming, value in named:
            values.setdefault(naming, value)
        row = ContactInput(
            external_id=values.get(Naming.EXTERNAL_ID, msgspec.UNSET),
            contact_key=values.get(Naming.CONTACT_KEY, msgspec.UNSET),
            email=values.get(Naming.EMAIL, msgspec.UNSET),
            phone=values.get(Naming.PHONE, msgspec.UNSET),
        )
        try:
            await self._contacts.upsert_one(account_id, row, _CREATED)
        except (Conflict, Invalid) as error:
            _log.info("an event of account %d is recorded without a contact: %s", account_id, error.message)

    async def _write(self, requests: Sequence[_Request]) -> Sequence[_Result | BaseException]:
        """One transaction for all that is waiting, and one round trip."""
        waiting, places = _waiting(requests)
        connection = await self._connection.get()
        try:
            recorded, unready = await store.record(connection, waiting)
        except BaseException:
            # Nothing of it may stay, and the connection may be in the midst of anything.
            await self._connection.close()
            raise
        self._forget_now_and_then()
        return [_result(request, mine, recorded, unready) for request, mine in zip(requests, places, strict=True)]

    def _forget_now_and_then(self) -> None:
        """Once a minute, beside the writing: what may come again need not be remembered."""
        now = self._clock.monotonic()
        if now >= self._forget_at and (self._forgetting is None or self._forgetting.done()):
            self._forget_at = now + store.REPEAT_SECONDS
            self._forgetting = asyncio.create_task(self._forget_recent())

    async def _forget_recent(self) -> None:
        try:
            async with self._database.autocommit() as connection:
                await store.forget_recent(connection)
            await self.forget_keys()
        except (psycopg.Error, Unavailable) as error:
            _log.warning("old hashes of events stay for now: %s", error)

    async def forget_keys(self) -> None:
        """Forget keys of events whose time is over."""
        while True:
            async with self._database.system() as connection:
                found = await store.forget_keys(connection, self._clock.now() - KEYS_KEPT, _FORGOTTEN_AT_ONCE)
            if found < _FORGOTTEN_AT_ONCE:
                return

    # ------------------------------------------------------------ reading

    async def parameters(self, account_id: int, type_key: str) -> list[Parameter]:
        """What events of a type bring, by name, with examples out of the newest ones. Raises NotFound.

        Values that name people, or hold what does, are no examples.
        """
        event_type = await self.types.get(account_id, type_key)
        found = await self.types.parameters(account_id, event_type)
        newest = (await self.of_type(account_id, type_key, limit=_EXAMPLES)).events
        return [msgspec.structs.replace(one, example=_example(one.name, newest)) for one in found]

    async def of_contact(
        self, account_id: int, contact_id: int, *, cursor: str | None = None, limit: int = 50
    ) -> EventPage:
        """A contact's events, those of contacts merged into it included, newest first; at most 1,000 a page.

        A contact nobody knows has none. Raises Invalid for a bad cursor.
        """
        before, before_id = _moment(cursor)
        limit = max(1, min(limit, _PAGE_LIMIT))
        async with self._database.tenant(account_id) as connection:
            found = await store.of_contact(
                connection, account_id, contact_id, before=before, before_id=before_id, limit=limit
            )
        return _page(found, limit)

    async def of_type(self, account_id: int, type_key: str, *, cursor: str | None = None, limit: int = 50) -> EventPage:
        """A type's events, newest first; at most 1,000 a page. Raises NotFound, and Invalid for a bad cursor."""
        before, before_id = _moment(cursor)
        limit = max(1, min(limit, _PAGE_LIMIT))
        event_type = await self.types.get(account_id, type_key)
        async with self._database.tenant(account_id) as connection:
            found = await store.of_type(
                connection,
                account_id,
                event_type.event_type_id,
                type_key,
                before=before,
                before_id=before_id,
                limit=limit,
            )
        return _page(found, limit)

    async def browse(
        self, account_id: int, event_type: EventType, chosen: EventFilter, *, cursor: str | None = None, limit: int = 50
    ) -> ListedEventPage:
        """A type's events that fit, newest first; a page looks through 10,000 at most, so that one with an empty page
        may have a cursor. Raises Invalid for a bad cursor."""
        before, before_id = _moment(cursor)
        if chosen.until is not None and chosen.until <= before:
            before, before_id = chosen.until, _FIRST_ID
        limit = max(1, min(limit, _PAGE_LIMIT))
        async with self._database.tenant(account_id) as connection:
            found, looked = await store.browse(
                connection,
                account_id,
                event_type,
                chosen,
                before=before,
                before_id=before_id,
                look=_MOST_LOOKED_AT,
                limit=limit,
            )
        if len(found) == limit:
            looked = (found[-1].occurred_at, found[-1].event_id)
        end = f"{looked[0].astimezone(UTC).isoformat()}|{looked[1]}" if looked is not None else None
        return ListedEventPage(events=found, cursor=end)

    async def figures(self, account_id: int, *, days: int) -> list[TypeFigures]:
        """How many events of each type came in the last days, up to 10,000 of each; the newest first."""
        async with self._database.tenant(account_id) as connection:
            return await store.figures(connection, account_id, self._clock.now(), days=days, most=_MOST_LOOKED_AT)

    async def between(
        self, account_id: int, type_key: str, since: datetime, until: datetime
    ) -> AsyncGenerator[list[Event]]:
        """A type's events of a time (from ``since``, before ``until``), newest first, in batches. Raises NotFound."""
        cursor: str | None = f"{until.isoformat()}|{_FIRST_ID}"
        while cursor is not None:
            page = await self.of_type(account_id, type_key, cursor=cursor, limit=_PAGE_LIMIT)
            found = [event for event in page.events if event.occurred_at >= since]
            if found:
                yield found
            cursor = page.cursor if len(found) == len(page.events) else None


def _check(account_id: int, events: Sequence[EventInput]) -> None:
    """All that can be said without the types. Of several events, an error says which is meant. Raises Invalid."""
    for place, event in enumerate(events):
        try:
            _check_one(account_id, event)
        except Invalid as error:
            if len(events) == 1:
                raise
            raise Invalid(f"events.{place}.{error.fields[0].field}", error.fields[0].reason) from None


def _check_one(account_id: int, event: EventInput) -> None:
    if checked_type_key(event.type_key) != event.type_key:
        raise Invalid("type_key", "must not have blanks around it")
    prepare(account_id, event, _ANY_TYPE)


def _waiting(requests: Sequence[_Request]) -> tuple[list[store.Waiting], list[list[int]]]:
    """The events of the requests; and for each request the places of its events.

    An event that is in the batch already has that one's place, negative and counted from 1.
    """
    waiting: list[store.Waiting] = []
    places: list[list[int]] = []
    seen: dict[tuple[int, int], int] = {}
    number = 0
    for request in requests:
        mine: list[int] = []
        number += 1
        for event, creating in zip(request.events, request.creating, strict=True):
            place = len(waiting)
            # Who names an event says by that what is a repeat of it.
            repeat = repeat_hash(event) if request.once and event.dedupe_hash is None else None
            if repeat is not None and seen.setdefault((event.account_id, repeat), place) != place:
                mine.append(~seen[event.account_id, repeat])
                continue
            needs = event.contact_id is not None or (creating and _is_creatable(event))
            waiting.append(store.Waiting(event, number, repeat, needs))
            mine.append(place)
            number += request.each
        places.append(mine)
    return waiting, places


def _result(
    request: _Request, places: Sequence[int], recorded: Sequence[Recorded], unready: Collection[int]
) -> _Result | NotFound:
    """What became of a request's events; the error, when one of them is about nobody and all of them were wanted."""
    if not unready:
        return [Recorded(event_id=None) if place < 0 else recorded[place] for place in places]
    found: _Result = []
    for event, place in zip(request.events, places, strict=True):
        if (~place if place < 0 else place) not in unready:
            found.append(Recorded(event_id=None) if place < 0 else recorded[place])
        elif event.contact_id is None:
            found.append(_NotYet.LACKING)
        elif request.each:
            found.append(NotFound("contact", event.contact_id))
        else:
            return NotFound("contact", event.contact_id)
    if not request.each and _NotYet.LACKING in found:
        return [one if one is _NotYet.LACKING else _NotYet.HELD for one in found]
    return found


def _is_creatable(event: PreparedEvent) -> bool:
    """Whether a contact can be made of whom the event names."""
    return any(naming in _CREATABLE for naming, _ in event.named)


def _missing(events: Sequence[PreparedEvent], contact_ids: Sequence[int]) -> NotFound | None:
    """The error when an event is about a contact that is not there."""
    for event, contact_id in zip(events, contact_ids, strict=True):
        if event.contact_id is not None and not contact_id:
            return NotFound("contact", event.contact_id)
    return None


def _moment(cursor: str | None) -> tuple[datetime, UUID]:
    if not cursor:
        return _NEVER, _LAST_ID
    when, _, event_id = cursor.partition("|")
    try:
        moment, last = datetime.fromisoformat(when), UUID(event_id)
    except ValueError:
        moment, last = None, _LAST_ID
    if moment is None or moment.tzinfo is None:
        raise Invalid("cursor", "is not one that this list gave")
    return moment, last


def _example(name: str, newest: Sequence[Event]) -> Any:
    """A value of this name out of the newest event that has one; None: there is none, or it names a person."""
    if any(is_name(step) for step in (name, *name.split("."))):
        return None
    values = (value for event in newest for value in values_at(event.params, name) if kind_of(value) is not None)
    value = next(values, None)
    if any(is_name(step) for inner, _ in nested("", value) for step in inner.split(".")):
        return None
    return value


def _page(events: list[Event], limit: int) -> EventPage:
    last = events[-1] if len(events) == limit else None
    cursor = f"{last.occurred_at.astimezone(UTC).isoformat()}|{last.event_id}" if last else None
    return EventPage(events=events, cursor=cursor)


def _new_contact(type_key: str, contact: NewContact) -> EventInput:
    phone = contact.phone.removeprefix("+")
    params: dict[str, Any] = {"contactId": contact.contact_id}
    if contact.email:
        params["EmailAddress"] = contact.email
    if phone:
        params["SMS"] = phone
    return EventInput(
        type_key=type_key,
        key=contact.email or phone or str(contact.contact_id),
        params=params,
        contact_id=contact.contact_id,
    )

"""``POST /events``: record one event, straight (``straight.py``); and ``POST /events/batch``, many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.accounts.model import Permission
from syncom.accounts.service import AccountsService
from syncom.errors import Invalid, NotFound, SyncomError
from syncom.events.model import EventInput, Recorded
from syncom.events.service import MAX_EACH, EventsService
from syncom.http.authentication import Authentication
from syncom.http.native.straight import Straight, answer, decoded
from syncom.http.problems import Malformed, UnsupportedMedia, wrong_field

#: Bytes of a batch.
MAX_BATCH: Final = 20_000_000
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event."""

    #: null: it was recorded before (within the last minute, or with its `dedupe_key`), and so not again.
    event_id: UUID | None
    #: null: nobody is known by it.
    contact_id: int | None


class WrongEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event of a batch was refused."""

    #: Its place in the array, or its line, from 0.
    index: int
    #: A dotted path into the event; empty: the event as a whole.
    field: str
    reason: str


class EventBatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch did. Each event is in one of the three counts."""

    recorded: int
    #: They were recorded before.
    repeated: int
    failed: int
    #: One for each that failed.
    errors: list[WrongEvent]


class EventRecord:
    """The ASGI application."""

    def __init__(self, accounts: AccountsService, events: EventsService, authentication: Authentication) -> None:
        self._events = events
        self._straight = Straight(accounts, authentication, Permission.WRITE_EVENTS)
        self._decoder = msgspec.json.Decoder(EventInput)
        self._encode = msgspec.json.Encoder().encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal, body = await self._straight.read(scope, receive)
        event = decoded(self._decoder, body)
        await answer(send, 200, self._encode(await record(self._events, principal.account_id, event)))


async def record(events: EventsService, account_id: int, event: EventInput) -> RecordedEvent:
    """Record one event, as the API does. Raises like ``EventsService.record``."""
    [found] = await events.record(account_id, (event,), once=True, create_contacts=True)
    return RecordedEvent(event_id=found.event_id, contact_id=found.contact_id)


async def record_batch(events: EventsService, account_id: int, body: bytes, media: str) -> EventBatchResult:
    """Record each event of a batch that can be. Raises Malformed, UnsupportedMedia, and Invalid for too many."""
    given = list(_entries(body, media))
    if len(given) > MAX_EACH:
        raise Invalid("events", f"must be at most {MAX_EACH:,} at a time")
    decode = msgspec.json.Decoder(EventInput).decode
    sound: dict[int, EventInput] = {}
    errors: list[WrongEvent] = []
    for index, raw in given:
        try:
            sound[index] = decode(raw)
        except msgspec.DecodeError as error:
            errors += _wrong(index, error)
    recorded = repeated = 0
    outcomes = await events.record_each(account_id, list(sound.values()), create_contacts=True)
    for index, outcome in zip(sound, outcomes, strict=True):
        if not isinstance(outcome, Recorded):
            errors += _wrong(index, outcome)
        elif outcome.repeated:
            repeated += 1
        else:
            recorded += 1
    errors.sort(key=lambda wrong: wrong.index)
    return EventBatchResult(
        recorded=recorded, repeated=repeated, failed=len(given) - recorded - repeated, errors=errors
    )


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


def _entries(body: bytes, media: str) -> Iterator[tuple[int, msgspec.Raw | bytes]]:
    if media == LINES:
        yield from ((number, line) for number, line in enumerate(body.split(b"\n")) if line.strip())
    elif media == JSON:
        try:
            found = msgspec.json.decode(body, type=list[msgspec.Raw] | _Batch)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(f"the body is not JSON: {error}") from None
        except RecursionError:
            raise Malformed("the body is nested too deeply to be read") from None
        yield from enumerate(found.events if isinstance(found, _Batch) else found)
    else:
        raise UnsupportedMedia(f"send {JSON} or {LINES} (header `Content-Type`), not {media or 'an unnamed type'}")


def _wrong(index: int, error: Exception) -> list[WrongEvent]:
    if isinstance(error, Invalid):
        return [WrongEvent(index=index, field=wrong.field, reason=wrong.reason) for wrong in error.fields]
    if isinstance(error, NotFound):
        return [WrongEvent(index=index, field="contact_id", reason=error.message)]
    if isinstance(error, SyncomError):
        return [WrongEvent(index=index, field="", reason=error.message)]
    if isinstance(error, msgspec.ValidationError):
        wrong = wrong_field(error)
        return [WrongEvent(index=index, field=wrong.field, reason=wrong.reason)]
    return [WrongEvent(index=index, field="", reason=f"is not JSON: {error}")]

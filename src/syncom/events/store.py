"""The events' rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from syncom.contacts.service import contact_locks
from syncom.events.identity import KINDS, Naming
from syncom.events.model import Event, EventFilter, EventType, FollowedEvent, ListedEvent, Recorded, TypeFigures
from syncom.events.prepare import PreparedEvent, past_ids
from syncom.ids import bucket_of, replayed_event_id, single_message_id, single_message_ids
from syncom.postgres.columns import booleans, moments, numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.events", "events.sql")
#: eSputnik reference, 9: the same event again within this time is refused.
REPEAT_SECONDS: Final = 60
_REPEATED: Final = Recorded(event_id=None)


class Row(NamedTuple):
    """An event that is about to be written."""

    event: PreparedEvent
    #: 0: of nobody who is known.
    contact_id: int


async def find_contacts(connection: Connection, events: Sequence[PreparedEvent]) -> list[int]:
    """Whom each event is about: what its caller says, or else the surest name that leads to somebody; 0: nobody."""
    by_id: list[tuple[int, int, int]] = []  # place of the event, rank, contact id
    by_name: list[tuple[int, int, int, str]] = []  # place of the event, rank, kind, value
    for place, event in enumerate(events):
        if event.contact_id is not None:
            by_id.append((place, 0, event.contact_id))
            continue
        for rank, (naming, value) in enumerate(event.named):
            if naming is Naming.CONTACT_ID:
                by_id.append((place, rank, int(value)))
            else:
                by_name.append((place, rank, int(KINDS[naming]), value))
    found: list[tuple[int, int, int]] = []  # place, rank, contact id
    if by_name:
        columns = {
            "account_ids": numbers(events[row[0]].account_id for row in by_name),
            "kinds": numbers(row[2] for row in by_name),
            "values": texts(row[3] for row in by_name),
        }
        rows = await (await connection.execute(_SQL["find_named"], columns)).fetchall()
        found += [(*by_name[row[0] - 1][:2], row[1]) for row in rows]
    if by_id:
        columns = {
            "account_ids": numbers(events[row[0]].account_id for row in by_id),
            "buckets": numbers(bucket_of(row[2]) for row in by_id),
            "contact_ids": numbers(row[2] for row in by_id),
        }
        rows = await (await connection.execute(_SQL["find_contacts"], columns)).fetchall()
        found += [(*by_id[row[0] - 1][:2], row[1]) for row in rows]
    contact_ids = [0] * len(events)
    for place, _, contact_id in sorted(found, reverse=True):
        contact_ids[place] = contact_id  # the surest name comes last
    return contact_ids


class Waiting(NamedTuple):
    """An event on its way in, and what it takes to be recorded."""

    event: PreparedEvent
    #: Events with the same number are recorded all or none.
    request: int
    #: Not when one with this hash was recorded within the last minute; None: whatever was recorded.
    repeat: int | None
    #: Not while nobody is known by it.
    needs_contact: bool


async def prepare_recording(connection: Connection) -> None:
    """What a session needs for :func:`record`."""
    await connection.execute(_SQL["make_record"])


async def record(connection: Connection, waiting: Sequence[Waiting]) -> tuple[list[Recorded], set[int]]:
    """Find whom events are about, and record those that may be, all in one transaction of its own.

    Returns what became of each event, and the places of those that lack the contact they need. No event that is to be
    recorded once may come twice.
    """
    # Columns of a batch are made by turning its rows round in C: this runs for every event that comes in.
    events, requests, repeats, needs = zip(*waiting, strict=True)
    account_ids, type_ids, keys, params, _, _, occurred, _, dedupes = zip(*events, strict=True)
    names, ids = _named(events)
    event_ids = single_message_ids(len(waiting))
    columns = {
        "locks": contact_locks(set(account_ids)),
        "account_ids": numbers(account_ids),
        "type_ids": numbers(type_ids),
        "requests": numbers(requests),
        "needs": booleans(needs),
        "hashes": _nullable_uuids(repeats),
        "dedupes": _nullable_uuids(dedupes),
        "occurred": moments(occurred),
        "event_ids": texts(event_ids),
        "keys": texts(keys),
        "params": texts(params),
        "name_places": numbers(names[0]),
        "name_ranks": numbers(names[1]),
        "name_accounts": numbers(names[2]),
        "name_kinds": numbers(names[3]),
        "name_values": texts(names[4]),
        "id_places": numbers(ids[0]),
        "id_ranks": numbers(ids[1]),
        "id_accounts": numbers(ids[2]),
        "id_buckets": numbers(map(bucket_of, ids[3])),
        "ids": numbers(ids[3]),
        "distinct_types": numbers(set(type_ids)),
        "seconds": REPEAT_SECONDS,
    }
    found: dict[str, Recorded] = {}
    unready: set[int] = set()
    for event_id, contact_id, place in await (await connection.execute(_SQL["record"], columns)).fetchall():
        if place is not None:
            unready.add(place - 1)
        else:
            found[event_id.hex[:30]] = Recorded(event_id=event_id, contact_id=contact_id or None)
    return [found.get(event_id[:30], _REPEATED) for event_id in event_ids], unready


#: Numbers of the kinds as they are stored: plain ones print several times faster than members of an enumeration.
_KIND_NUMBERS: Final = {naming: int(kind) for naming, kind in KINDS.items()}


def _named(events: Sequence[PreparedEvent]) -> tuple[Sequence[Sequence[Any]], Sequence[Sequence[Any]]]:
    """Columns of the names: place from 1, rank, account, kind, value; and of ids: place, rank, account, contact id."""
    names: list[tuple[int, int, int, int, str]] = []
    ids: list[tuple[int, int, int, int]] = []
    for place, event in enumerate(events, 1):
        if event.contact_id is not None:
            ids.append((place, 0, event.account_id, event.contact_id))
        for rank, (naming, value) in enumerate(event.named):
            kind = _KIND_NUMBERS.get(naming)
            if kind is None:
                ids.append((place, rank, event.account_id, int(value)))
            else:
                names.append((place, rank, event.account_id, kind, value))
    nothing: tuple[Any, ...] = ()
    return tuple(zip(*names, strict=True)) or (nothing,) * 5, tuple(zip(*ids, strict=True)) or (nothing,) * 4


async def insert(connection: Connection, rows: Sequence[Row], chains: Sequence[int]) -> list[UUID]:
    """Record events, whether they were recorded before or not."""
    columns, event_ids = _columns(rows)
    columns["chains"] = numbers(chains)
    await connection.execute(_SQL["insert"], columns)
    return event_ids


async def insert_past(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Record past events that were not recorded before; returns those."""
    rows = await _unclaimed(connection, rows)
    if not rows:
        return []
    columns, _ = _columns(rows)
    ids = [past_ids(row.event, row.contact_id) for row in rows]
    columns["event_ids"] = _uuids([named for named, _ in ids])
    columns["unnamed_ids"] = _uuids([unnamed for _, unnamed in ids])
    by_id = {named: row for (named, _), row in zip(ids, rows, strict=True)}
    return [by_id[row[0]] for row in await (await connection.execute(_SQL["insert_past"], columns)).fetchall()]


async def _unclaimed(connection: Connection, rows: Sequence[Row]) -> Sequence[Row]:
    """Rows without a key of their own, and of each key that no event had the first; now it has one."""
    claims = {(row.event.account_id, row.event.dedupe_hash): row for row in reversed(rows) if row.event.dedupe_hash}
    if not claims:
        return rows
    columns = {
        "account_ids": numbers(account_id for account_id, _ in claims),
        "dedupes": _nullable_uuids([dedupe_hash for _, dedupe_hash in claims]),
    }
    claimed = {row[0].int for row in await (await connection.execute(_SQL["claim_keys"], columns)).fetchall()}
    firsts = {id(row) for (_, dedupe_hash), row in claims.items() if dedupe_hash in claimed}
    return [row for row in rows if row.event.dedupe_hash is None or id(row) in firsts]


async def forget_keys(connection: Connection, before: datetime, limit: int) -> int:
    """Forget a batch of keys that were claimed before this moment; returns how many there were."""
    return (await connection.execute(_SQL["forget_keys"], {"before": before, "limit": limit})).rowcount


async def take_followed(connection: Connection, limit: int) -> tuple[list[FollowedEvent], int]:
    """Events out of the change log, those of the erased left out; and how many were taken."""
    rows = await (await connection.execute(_SQL["take_followed"], {"limit": limit})).fetchall()
    found = [
        FollowedEvent(
            account_id=row[0],
            event_type_id=row[1],
            type_key=row[6],
            key=row[7],
            contact_id=row[2],
            occurred_at=row[8],
            is_replayed=row[5] is not None,
            event_id=row[3] if row[5] is None else replayed_event_id(row[3], row[5]),
            params=row[4],
            is_joined=row[9],
            chain=row[10],
        )
        for row in rows
        if row[4] is not None
    ]
    return found, len(rows)


async def join_visits(
    connection: Connection,
    account_id: int,
    site_id: UUID,
    visitor: str,
    contact_id: int,
    *,
    since: datetime,
    limit: int,
) -> int:
    """Give a visitor's events of nobody to a contact; returns how many."""
    values = {
        "account_id": account_id,
        "site_id": str(site_id),
        "visitor": visitor,
        "contact_id": contact_id,
        "since": since,
        "limit": limit,
    }
    row = await (await connection.execute(_SQL["join_visits"], values)).fetchone()
    return 0 if row is None else row[0]


async def forget_recent(connection: Connection) -> None:
    """Let events be recorded again that were recorded more than a minute ago."""
    await connection.execute(_SQL["forget_recent"])


async def of_contact(
    connection: Connection, account_id: int, contact_id: int, *, before: datetime, before_id: UUID, limit: int
) -> list[Event]:
    """A contact's events behind the cursor, newest first."""
    values = {
        "account_id": account_id,
        "bucket": bucket_of(contact_id),
        "contact_id": contact_id,
        "before": before,
        "before_id": before_id,
        "limit": limit,
    }
    return [_event(row) for row in await (await connection.execute(_SQL["of_contact"], values)).fetchall()]


async def of_type(
    connection: Connection,
    account_id: int,
    event_type_id: int,
    type_key: str,
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[Event]:
    """A type's events behind the cursor, newest first."""
    values = {
        "account_id": account_id,
        "event_type_id": event_type_id,
        "type_key": type_key,
        "before": before,
        "before_id": before_id,
        "limit": limit,
    }
    return [_event(row) for row in await (await connection.execute(_SQL["of_type"], values)).fetchall()]


#: Before all events.
_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)


async def browse(
    connection: Connection,
    account_id: int,
    event_type: EventType,
    chosen: EventFilter,
    *,
    before: datetime,
    before_id: UUID,
    look: int,
    limit: int,
) -> tuple[list[ListedEvent], tuple[datetime, UUID] | None]:
    """Of the next ``look`` events those that fit; and the last that was looked at, None: all were."""
    contact_id = chosen.contact_id
    values = {
        "account_id": account_id,
        "event_type_id": event_type.event_type_id,
        "type_key": event_type.key,
        "since": chosen.since or _EARLIEST,
        "before": before,
        "before_id": before_id,
        "parameter": chosen.parameter,
        "value": chosen.value,
        "look": look,
        "limit": limit,
    }
    whose = ""
    if contact_id is not None:
        whose = "_of_contact"
        values |= {"bucket": bucket_of(contact_id), "contact_id": contact_id}
    rows = await (await connection.execute(_SQL[f"browse{whose}"], values)).fetchall()
    last = await (await connection.execute(_SQL[f"looked_until{whose}"], values)).fetchone()
    return [_listed(row) for row in rows], last


async def figures(connection: Connection, account_id: int, now: datetime, *, days: int, most: int) -> list[TypeFigures]:
    """How many events of each type came in the last days, ``most`` being counted at most; the liveliest first."""
    values = {"account_id": account_id, "now": now, "since": now - timedelta(days=days), "most": most}
    return [
        TypeFigures(
            event_type_id=row[0],
            key=row[1],
            events=row[2],
            is_exact=row[3],
            last_at=row[4],
            by_day=_by_day(dict(zip(row[5] or (), row[6] or (), strict=True)), days, is_exact=row[3]),
        )
        for row in await (await connection.execute(_SQL["figures"], values)).fetchall()
    ]


def _by_day(counts: Mapping[int, int], days: int, *, is_exact: bool) -> list[int | None]:
    """Counts by age as a list, oldest first. Where counting stopped, that day and those before it are not known."""
    known = days if is_exact else max(counts)
    return [counts.get(age, 0) if age < known else None for age in reversed(range(days))]


async def delete_events(
    connection: Connection, account_id: int, event_type_id: int, *, key: str | None, since: datetime, until: datetime
) -> int:
    """Delete events of a type; returns how many there were."""
    values = {
        "account_id": account_id,
        "event_type_id": event_type_id,
        "key": key,
        "since": since,
        "until": until,
    }
    return (await connection.execute(_SQL["delete_events"], values)).rowcount


def _columns(rows: Sequence[Row]) -> tuple[dict[str, Any], list[UUID]]:
    """Columns of the rows, and the fresh ids among them."""
    contact_ids = [row.contact_id for row in rows]
    event_ids = [single_message_id(contact_id) for contact_id in contact_ids]
    columns = {
        "account_ids": numbers([row.event.account_id for row in rows]),
        "buckets": numbers(map(bucket_of, contact_ids)),
        "contact_ids": numbers(contact_ids),
        "type_ids": numbers([row.event.event_type_id for row in rows]),
        "event_ids": _uuids(event_ids),
        "occurred": moments([row.event.occurred_at for row in rows]),
        "keys": texts([row.event.key for row in rows]),
        "params": texts([row.event.params for row in rows]),
    }
    return columns, event_ids


def _uuids(values: Sequence[UUID]) -> str:
    return f"{{{','.join([f'{value.int:032x}' for value in values])}}}"


def _nullable_uuids(values: Sequence[int | None]) -> str:
    return f"{{{','.join(['NULL' if value is None else f'{value:032x}' for value in values])}}}"


def _listed(row: TupleRow) -> ListedEvent:
    members = msgspec.structs.asdict(_event(row))
    return ListedEvent(**members, contact_name=row[7], email=row[8], phone=row[9])


def _event(row: TupleRow) -> Event:
    params: Mapping[str, Any] = row[3]
    return Event(
        event_id=row[0],
        type_key=row[1],
        key=row[2],
        params=dict(params),
        contact_id=row[4] or None,
        occurred_at=row[5],
        recorded_at=row[6],
    )

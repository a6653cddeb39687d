"""Kinds of events: discovered with their first event, remembered for a few seconds, with settings of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from psycopg.rows import TupleRow

from syncom.clock import Clock
from syncom.errors import Conflict, Invalid, NotFound
from syncom.events.discovery import Discovery
from syncom.events.model import EventType, TypeParameter
from syncom.events.parameters import Kind, Parameter, conflicts, type_of
from syncom.events.prepare import NAME_LIMIT, checked_type_key
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.events", "events.sql")

#: A type for every value of something is a mistake of the sender, and would fill every list of types.
TYPES_LIMIT: Final = 10_000
PARAMETERS_LIMIT: Final = 100
#: Seconds for which another process's change of a type may be unknown here.
_REMEMBERED: Final = 5.0
#: Seconds given to the question.
_ASKING: Final = 1.0


class EventTypes:
    """The event types of an account."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._remembered: dict[int, tuple[float, dict[str, EventType]]] = {}
        self.discovery = Discovery(database, clock)

    async def all(self, account_id: int) -> list[EventType]:
        """Every type, by key."""
        async with self._database.tenant(account_id) as connection:
            cursor = await connection.execute(_SQL["list_types"], {"account_id": account_id})
            return [_type(row) for row in await cursor.fetchall()]

    async def get(self, account_id: int, key: str) -> EventType:
        """One type. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            found = await self.find_in(connection, account_id, (key,))
        if key not in found:
            raise NotFound("event type", key)
        return found[key]

    async def by_id(self, account_id: int, event_type_id: int) -> EventType:
        """One type. Raises NotFound."""
        for event_type in await self.all(account_id):
            if event_type.event_type_id == event_type_id:
                return event_type
        raise NotFound("event type", event_type_id)

    def known(self, account_id: int, key: str) -> EventType | None:
        """A type this process remembers: the way that costs nothing."""
        remembered = self._remembered.get(account_id)
        if remembered is None or remembered[0] <= self._clock.monotonic():
            return None
        return remembered[1].get(key)

    async def ensure(self, account_id: int, keys: Collection[str]) -> Mapping[str, EventType]:
        """The types with these keys, which are checked; those that are missing are made. Raises Conflict when the
        account has too many.
        """
        remembered = self._remembered.get(account_id)
        if remembered is None or remembered[0] <= self._clock.monotonic():
            if remembered is not None:
                # One of the requests that come meanwhile asks; the others go by what was known a moment ago.
                self._remembered[account_id] = self._clock.monotonic() + _ASKING, remembered[1]
            types = {event_type.key: event_type for event_type in await self.all(account_id)}
            self._remembered[account_id] = remembered = self._clock.monotonic() + _REMEMBERED, types
        if not remembered[1].keys() >= set(keys):
            async with self._database.tenant(account_id) as connection:
                remembered[1].update(await self.ensure_in(connection, account_id, keys))
        return remembered[1]

    async def ensure_in(
        self, connection: Connection, account_id: int, keys: Collection[str]
    ) -> Mapping[str, EventType]:
        """The same inside a caller's transaction, which may still roll back: nothing is remembered."""
        found = await self.find_in(connection, account_id, keys)
        missing = sorted(key for key in set(keys) if key not in found)
        if not missing:
            return found
        values = {"account_id": account_id, "keys": missing, "count": len(missing), "limit": TYPES_LIMIT}
        await connection.execute(_SQL["add_types"], values)
        found = await self.find_in(connection, account_id, keys)
        if len(found) < len(set(keys)):
            raise Conflict(f"an account has at most {TYPES_LIMIT:,} event types: put what differs into the parameters")
        return found

    async def made_in(self, connection: Connection, account_id: int, key: str) -> EventType:
        """The type with this key, made when there is none, inside a caller's transaction. Raises Invalid, Conflict."""
        if checked_type_key(key) != key:
            raise Invalid("type_key", "must not have blanks around it")
        return (await self.ensure_in(connection, account_id, (key,)))[key]

    async def change(
        self,
        account_id: int,
        key: str,
        *,
        creates_contacts: bool | None = None,
        parameters: Sequence[TypeParameter] | msgspec.UnsetType | None = msgspec.UNSET,
        declared: Mapping[str, Kind | None] | None = None,
    ) -> EventType:
        """Set whether events of a type make contacts, what they must bring (None: anything), and what parameters are.

        Of the latter those that are named are changed; None: whatever comes, as at first. A type that has had no event
        yet is made. Raises Invalid.
        """
        if declared:
            _check_names("declared", list(declared))
        before = (await self.ensure(account_id, (checked_type_key(key),)))[key]
        wanted = before.parameters if parameters is msgspec.UNSET else _checked(parameters)
        values = {
            "account_id": account_id,
            "event_type_id": before.event_type_id,
            "creates_contacts": before.creates_contacts if creates_contacts is None else creates_contacts,
            "parameters": None if wanted is None else msgspec.json.encode(wanted).decode(),
            "declared": msgspec.json.encode(declared or {}).decode(),
        }
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["change_type"], values)).fetchone()
        self._remembered.pop(account_id, None)
        if row is None:
            raise NotFound("event type", key)
        return _type(row)

    async def parameters(self, account_id: int, event_type: EventType) -> list[Parameter]:
        """What events of a type brought so far, and what is declared of it, by name. Without examples."""
        await self.discovery.flush()
        values = {"account_id": account_id, "event_type_id": event_type.event_type_id}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["parameters"], values)).fetchall()
        seen = {row[0]: (dict(zip(Kind, row[1:7], strict=True)), row[7]) for row in rows}
        names = sorted({*seen, *event_type.declared})
        return [_parameter(name, event_type, *seen.get(name, ({}, None))) for name in names]

    async def follow(self, connection: Connection, account_id: int, event_type_id: int, *, followed: bool) -> None:
        """Say whether events of a type go into the change log, from the moment the caller's transaction commits."""
        values = {"account_id": account_id, "event_type_id": event_type_id, "followed": followed}
        await connection.execute(_SQL["follow_type"], values)

    async def find_in(self, connection: Connection, account_id: int, keys: Collection[str]) -> dict[str, EventType]:
        """Those of these types that there are, inside a caller's transaction."""
        cursor = await connection.execute(_SQL["find_types"], {"account_id": account_id, "keys": list(keys)})
        return {row[1]: _type(row) for row in await cursor.fetchall()}


def _type(row: TupleRow) -> EventType:
    parameters = None if row[3] is None else tuple(msgspec.convert(row[3], list[TypeParameter]))
    declared = {name: Kind(kind) for name, kind in row[4].items()}
    return EventType(
        event_type_id=row[0], key=row[1], creates_contacts=row[2], parameters=parameters, declared=declared
    )


def _parameter(name: str, event_type: EventType, seen: dict[Kind, int], last_seen_at: datetime | None) -> Parameter:
    declared = event_type.declared.get(name)
    counts = {kind: count for kind, count in seen.items() if count}
    return Parameter(
        name=name,
        type=declared or type_of(counts),
        declared=declared is not None,
        seen=counts,
        conflicts=conflicts(counts),
        last_seen_at=last_seen_at,
    )


def _checked(parameters: Sequence[TypeParameter] | None) -> tuple[TypeParameter, ...] | None:
    if parameters is None:
        return None
    _check_names("parameters", [parameter.name for parameter in parameters])
    return tuple(parameters)


def _check_names(field: str, names: Sequence[str]) -> None:
    if len(names) > PARAMETERS_LIMIT:
        raise Invalid(field, f"must be at most {PARAMETERS_LIMIT}")
    for place, name in enumerate(names):
        if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
            raise Invalid(f"{field}.{place}.name", f"must be 1 to {NAME_LIMIT} printable characters")
        if name in names[:place]:
            raise Invalid(f"{field}.{place}.name", "is there twice")

"""Replays: what events would have started is started now.

Events are put into the change log again, a second's worth at a time, in the transaction that says how far the replay
has come: a killed process leaves nothing out and puts nothing in twice. What an event started before is known by its
effect id, so it does not start again; a replay ``anew`` gives every event an id of its own for what follows from it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from psycopg.rows import TupleRow

from syncom.errors import Conflict, Invalid, NotFound
from syncom.events.types import EventTypes
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.events", "replays.sql")

RATE_LIMIT: Final = 1_000
_PAGE_LIMIT: Final = 500


class ReplayStatus(StrEnum):
    """Where a replay is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a type that are put into the change log again."""

    replay_id: int
    type_key: str
    #: Events that happened from here on, before ``until``.
    since: datetime
    until: datetime
    #: Starts also what these events started before.
    anew: bool
    #: Events a second.
    rate: int
    status: ReplayStatus
    #: Events of known contacts when it began.
    events: int
    replayed: int
    created_at: datetime
    finished_at: datetime | None


class Replays:
    """The replays of an account."""

    def __init__(self, database: Database, types: EventTypes) -> None:
        self._database = database
        self._types = types

    async def start(
        self, account_id: int, type_key: str, *, since: datetime, until: datetime, anew: bool = False, rate: int = 100
    ) -> Replay:
        """Begin to replay. Raises NotFound for an unknown type, Conflict when its events start nothing, Invalid."""
        check_span(since, until)
        if not 1 <= rate <= RATE_LIMIT:
            raise Invalid("rate", f"must be 1 to {RATE_LIMIT:,} events a second")
        event_type = await self._types.get(account_id, type_key)
        values = {
            "account_id": account_id,
            "event_type_id": event_type.event_type_id,
            "since": since,
            "until": until,
            "anew": anew,
            "rate": rate,
        }
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["is_followed"], values)).fetchone()
            if row is None or not row[0]:
                raise Conflict(f"no workflow that is started begins with events {type_key}: start one first")
            row = await (await connection.execute(_SQL["add"], values)).fetchone()
        assert row is not None
        return await self.get(account_id, row[0])

    async def get(self, account_id: int, replay_id: int) -> Replay:
        """Raises NotFound."""
        found = await self._list(account_id, replay_id)
        if not found:
            raise NotFound("replay", replay_id)
        return found[0]

    async def all(self, account_id: int) -> list[Replay]:
        """The newest 500, newest first."""
        return await self._list(account_id, None)

    async def cancel(self, account_id: int, replay_id: int) -> Replay:
        """Put no more in; what was started goes on. Raises NotFound."""
        values = {"account_id": account_id, "replay_id": replay_id}
        async with self._database.tenant(account_id) as connection:
            await connection.execute(_SQL["cancel"], values)
        return await self.get(account_id, replay_id)

    async def step(self) -> bool:
        """Put in the next second's worth of the replay whose turn it is; False: it is nobody's."""
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["due"])).fetchone()
            if row is None:
                return False
            replay_id, account_id, event_type_id, until, anew, rate, last_at, last_id = row
            values = {
                "account_id": account_id,
                "event_type_id": event_type_id,
                "until": until,
                "last_at": last_at,
                "last_id": last_id,
                "anew_by": replay_id if anew else None,
                "limit": rate,
            }
            newest = await (await connection.execute(_SQL["put"], values)).fetchone()
            count, last_at, last_id = newest or (0, last_at, last_id)
            progress = {
                "replay_id": replay_id,
                "count": count,
                "last_at": last_at,
                "last_id": last_id,
                "pause": count / rate,
                "done": count < rate,
            }
            await connection.execute(_SQL["go_on"], progress)
        return True

    async def _list(self, account_id: int, replay_id: int | None) -> list[Replay]:
        values = {"account_id": account_id, "replay_id": replay_id, "limit": _PAGE_LIMIT}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["list"], values)).fetchall()
        return [_replay(row) for row in rows]


def check_span(since: datetime, until: datetime) -> None:
    """Raises Invalid."""
    for field, moment in (("from", since), ("to", until)):
        if moment.tzinfo is None:
            raise Invalid(field, "must say its offset, such as Z or +03:00")
    if since >= until:
        raise Invalid("from", "must be before 'to'")


def _replay(row: TupleRow) -> Replay:
    replay_id, type_key, since, until, anew, rate, status, events, replayed, created_at, finished_at = row
    return Replay(
        replay_id=replay_id,
        type_key=type_key,
        since=since,
        until=until,
        anew=anew,
        rate=rate,
        status=ReplayStatus(status),
        events=events,
        replayed=replayed,
        created_at=created_at,
        finished_at=finished_at,
    )

"""Parameters are discovered in passing: values are counted in memory, and what was counted is written now and then.

No event waits for it, and none is written twice. A process that is killed loses what it counted in the last seconds;
types and counts are knowledge about events, and never what decides about one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from syncom.clock import Clock
from syncom.errors import Unavailable
from syncom.events.parameters import NESTED_KINDS, Kind, kind_of, nested
from syncom.postgres.columns import moments, numbers, texts
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.events", "events.sql")

#: Names of one type that are counted. A sender who puts values into names must not fill the table.
NAMES_LIMIT: Final = 200
#: Of them, names in objects: an object whose names are values must not fill it either.
NESTED_LIMIT: Final = 100
_NAME_LIMIT: Final = 100
#: Seconds until what this process sees for the first time is written, and what it sees again.
_SOON: Final = 0.5
_LATER: Final = 10.0
_KNOWN_LIMIT: Final = 100_000
_PLACES: Final = {kind: place for place, kind in enumerate(Kind)}


class _Seen:
    """What was seen of one parameter since the last writing."""

    __slots__ = ("counts", "last")

    def __init__(self) -> None:
        self.counts = [0] * len(Kind)
        self.last: float = 0.0


class Discovery:
    """Counts kinds of values by account, type and parameter."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[tuple[int, int], dict[str, _Seen]] = {}
        #: What this process wrote before.
        self._known: set[tuple[int, str, Kind]] = set()
        self._due = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def observe(self, account_id: int, event_type_id: int, params: Mapping[str, Any], at: datetime | None) -> None:
        """Count the values of an event that was recorded and happened then; None: now."""
        if not params:
            return
        moment = self._clock.now().timestamp()
        if at is not None:
            moment = min(moment, at.timestamp())
        names = self._seen.get((account_id, event_type_id))
        if names is None:
            names = self._seen[account_id, event_type_id] = {}
        fresh = False
        holders: list[tuple[str, Any]] = []
        for name, value in params.items():
            kind = kind_of(value)
            if kind is None:
                continue
            if kind in NESTED_KINDS:
                holders.append((name, value))
            fresh = self._count(names, event_type_id, name, kind, moment, NAMES_LIMIT) or fresh
        for holder, value in holders:
            for name, inner in nested(holder, value):
                kind = kind_of(inner)
                if kind is not None and len(name) <= _NAME_LIMIT and name.isprintable():
                    fresh = self._count(names, event_type_id, name, kind, moment, NESTED_LIMIT) or fresh
        self._plan(fresh=fresh)

    def _count(
        self, names: dict[str, _Seen], event_type_id: int, name: str, kind: Kind, moment: float, limit: int
    ) -> bool:
        """Whether this process sees such a value for the first time."""
        seen = names.get(name)
        if seen is None:
            if len(names) >= limit:
                return False
            seen = names[name] = _Seen()
        seen.counts[_PLACES[kind]] += 1
        if moment > seen.last:
            seen.last = moment
        return (event_type_id, name, kind) not in self._known

    async def flush(self) -> None:
        """Write what was counted. When that fails it is kept for the next time."""
        seen, self._seen = self._seen, {}
        rows = [
            (account_id, event_type_id, name, one)
            for (account_id, event_type_id), names in sorted(seen.items())
            for name, one in sorted(names.items())
        ]
        if not rows:
            return
        columns = {
            "account_ids": numbers(row[0] for row in rows),
            "type_ids": numbers(row[1] for row in rows),
            "names": texts(row[2] for row in rows),
            "last": moments([datetime.fromtimestamp(row[3].last, UTC) for row in rows]),
            "limit": NAMES_LIMIT,
            "nested_limit": NESTED_LIMIT,
        }
        for kind, place in _PLACES.items():
            columns[f"{kind}s"] = numbers(row[3].counts[place] for row in rows)
        try:
            async with self._database.system() as connection:
                await connection.execute(_SQL["count_values"], columns)
        except (psycopg.Error, Unavailable) as error:
            logging.getLogger(__name__).warning("kinds of parameters are written later: %s", error)
            self._put_back(seen)
            return
        if len(self._known) > _KNOWN_LIMIT:
            self._known.clear()
        self._known.update((row[1], row[2], kind) for row in rows for kind in Kind if row[3].counts[_PLACES[kind]])

    async def close(self) -> None:
        """Write what is left."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing
        await self.flush()

    def _plan(self, *, fresh: bool) -> None:
        if self._timer is not None and (self._due or not fresh):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = fresh
        self._timer = asyncio.get_running_loop().call_later(_SOON if fresh else _LATER, self._start)

    def _start(self) -> None:
        self._timer = None
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self.flush())
        else:
            self._plan(fresh=False)

    def _put_back(self, seen: Mapping[tuple[int, int], Mapping[str, _Seen]]) -> None:
        for place, names in seen.items():
            mine = self._seen.setdefault(place, {})
            for name, old in names.items():
                new = mine.setdefault(name, _Seen())
                new.counts = [one + two for one, two in zip(new.counts, old.counts, strict=True)]
                new.last = max(new.last, old.last)

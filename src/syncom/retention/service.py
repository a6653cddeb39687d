"""How long facts are kept: those whose account does not keep them any longer go, month by month.

A month of all accounts goes as a table. While another account keeps it, the rows of those that do not go in small
batches, bucket by bucket. Counters, statistics and what is known of each message (`engagements`) stay: they were
written with the facts and do not ask for them again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString

import msgspec

from syncom.clock import Clock
from syncom.postgres.months import Month, accounts_in, delete_before, drop_month, has_before, months
from syncom.postgres.pool import Connection, Database
from syncom.retention import store

#: Facts and their times, by which they are partitioned.
_TABLES: Final[Mapping[str, LiteralString]] = {
    "ledger": "launched_at",
    "activity": "occurred_at",
    "events": "occurred_at",
    "segment_moves": "moved_at",
}
_BUCKETS: Final = 256
#: How long every account sees what its workflows called.
_CALLS_KEPT: Final = timedelta(days=30)
#: Rows of one transaction: some ten milliseconds.
_BATCH: Final = 2_000


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """What one round took away."""

    #: Partitions that were dropped.
    months: list[str]
    #: Rows that were deleted one by one, by table.
    rows: dict[str, int]


class RetentionService:
    """Takes away what is not kept any longer."""

    def __init__(
        self, database: Database, clock: Clock, *, forgotten: Callable[[int], Awaitable[object]] | None = None
    ) -> None:
        """``forgotten`` hears of each account whose facts went: what was worked out from them may be otherwise now."""
        self._database = database
        self._clock = clock
        self._forgotten = forgotten

    async def apply(self) -> Gone:
        """One round over all accounts. Safe to repeat, and to be killed: what is left goes in the next round."""
        dropped: list[str] = []
        rows: dict[str, int] = {}
        touched: set[int] = set()
        async with self._database.autocommit() as connection:
            for table, time in _TABLES.items():
                kept_from = await self._kept_from(connection, table)
                if not kept_from:
                    continue
                if table == "ledger":
                    await store.note_ledger(connection, kept_from)
                for month in await months(connection, table):
                    leaving = {account_id for account_id, moment in kept_from.items() if moment >= month.end}
                    if not leaving:
                        break
                    present = leaving.intersection(await accounts_in(connection, month.name))
                    gone = await _leave(connection, table, month, leaving)
                    if gone is None:
                        dropped.append(month.name)
                    else:
                        rows[table] = rows.get(table, 0) + gone
                    if gone != 0:
                        touched |= present
                rest = f"{table}_default"
                for account_id, moment in kept_from.items():
                    if await has_before(connection, rest, time, account_id, moment):
                        gone = await _delete(connection, rest, time, account_id, moment)
                        rows[table] = rows.get(table, 0) + gone
                        touched.add(account_id)
            rows |= {
                "workflow_messages": await self._trim_messages(connection),
                "carts": await self._trim_carts(connection),
                "workflow_calls": await self._trim_calls(connection),
            }
        if self._forgotten is not None:
            for account_id in sorted(touched):
                await self._forgotten(account_id)
        return Gone(months=dropped, rows={table: count for table, count in rows.items() if count})

    async def _trim_messages(self, connection: Connection) -> int:
        table, time, deleted = "workflow_messages", "queued_at", 0
        for account_id, moment in (await self._kept_from(connection, table)).items():
            if await has_before(connection, table, time, account_id, moment):
                deleted += await _delete(connection, table, time, account_id, moment)
        return deleted

    async def _trim_carts(self, connection: Connection) -> int:
        deleted = 0
        for account_id, moment in (await self._kept_from(connection, "carts")).items():
            count = _BATCH
            while count == _BATCH:
                count = await store.delete_carts(connection, account_id, moment, limit=_BATCH)
                deleted += count
        return deleted

    async def _trim_calls(self, connection: Connection) -> int:
        deleted, count = 0, _BATCH
        while count == _BATCH:
            count = await store.delete_calls(connection, self._clock.now() - _CALLS_KEPT, limit=_BATCH)
            deleted += count
        return deleted

    async def _kept_from(self, connection: Connection, table: str) -> dict[int, datetime]:
        """The first moment that each account keeps, if it does not keep everything: the first of a month."""
        now = self._clock.now()
        found = {
            account_id: _month_of(now - timedelta(days=days))
            for account_id, days in (await store.keeping(connection, table)).items()
        }
        if table == "ledger":
            # What a campaign that is under way has sent must be known until it ends, or somebody gets it twice.
            for account_id, launched_at in (await store.oldest_under_way(connection)).items():
                if account_id in found:
                    found[account_id] = min(found[account_id], _month_of(launched_at))
        return found


async def _leave(connection: Connection, table: str, month: Month, leaving: set[int]) -> int | None:
    """Take accounts out of a month that they do not keep; returns the rows deleted, None: the month is gone."""
    present = await accounts_in(connection, month.name)
    if leaving.issuperset(present):
        # When the table is busy, the next round tries again: to delete the rows would be a hundred times the work.
        return None if await drop_month(connection, table, month, leaving) else 0
    deleted = 0
    for account_id in present:
        if account_id in leaving:
            deleted += await _delete(connection, month.name, _TABLES[table], account_id, month.end)
    return deleted


async def _delete(
    connection: Connection, partition: str, time: LiteralString, account_id: int, before: datetime
) -> int:
    deleted = 0
    for bucket in range(_BUCKETS):
        while True:
            count = await delete_before(connection, partition, time, account_id, bucket, before, limit=_BATCH)
            deleted += count
            if count < _BATCH:
                break
    return deleted


def _month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

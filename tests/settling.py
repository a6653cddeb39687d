"""What a reader of counters does in tests: wait until everything answered is counted."""

from __future__ import annotations

import asyncio

from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.postgres.pool import Database


async def settle(database: Database) -> None:
    """Count what is in the journal, and wait for what others are counting at the moment."""
    async with database.autocommit() as connection:
        while True:
            await ActivityService(database, SystemClock(), shard=99).settle(connection)
            row = await (
                await connection.execute("SELECT count(*) FROM activity_journal WHERE refused IS NULL")
            ).fetchone()
            if row == (0,):
                return
            await asyncio.sleep(0.01)

"""Pulls that are due, one after another."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import psycopg

from syncom.clock import Clock
from syncom.jobs.keeping import keep
from syncom.postgres.pool import Database
from syncom.pulls import store
from syncom.pulls.service import LEASE, PullsService

_log = logging.getLogger(__name__)

#: Seconds between looks.
_LOOK: Final = 5.0
#: Pulls at a time.
_AT_ONCE: Final = 2


class PullKeeper:
    """Pulls for the whole installation. Any number may run: a pull is one's at a time."""

    def __init__(self, database: Database, pulls: PullsService, clock: Clock) -> None:
        self._database = database
        self._pulls = pulls
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("pulls", self.step, stop, rest=_LOOK)

    async def step(self) -> int:
        """Those that are due; returns how many there were."""
        now = self._clock.now()
        async with self._database.system() as connection:
            leased = await store.lease(connection, now=now, until=now + LEASE, limit=_AT_ONCE)
        results = await asyncio.gather(
            *(self._pulls.perform(owned.account_id, owned.pull) for owned in leased), return_exceptions=True
        )
        for owned, result in zip(leased, results, strict=True):
            if isinstance(result, BaseException):
                if isinstance(result, (psycopg.OperationalError, psycopg.InterfaceError)):
                    # The lease ends by itself, and a later look tries again.
                    _log.warning("pull %d waits for the database: %s", owned.pull.pull_id, result)
                else:
                    _log.error("pull %d failed", owned.pull.pull_id, exc_info=result)
        return len(leased)

"""Counts in the background what the recorder made durable.

To answer a click it has to be durable; to count it can wait a moment, and costs less in company: thousands of
hits share the statement, and none of their visitors waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import psycopg

from syncom.activity.service import ActivityService
from syncom.clock import Clock
from syncom.postgres.own_connection import AWAY, OwnConnection

_log = logging.getLogger(__name__)

#: Seconds between two rounds under load. Reports are behind by about as much.
_PAUSE = 0.25
#: Seconds until another try after one that failed.
_TRY_AGAIN = 1.0
#: Seconds between looks for what processes left behind that are gone.
_LOOK_ANYWAY = 10.0


class Tally:
    """Settles a lane of the journal soon after each :meth:`wake`, and what others left, at the start and at times."""

    def __init__(self, dsn: str, activity: ActivityService, clock: Clock, lane: int) -> None:
        self._connection = OwnConnection(dsn, "syncom hits")
        self._activity = activity
        self._lane = lane
        self._clock = clock
        self._woken = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._work = asyncio.create_task(self._keep_settling(), name="hit tally")

    def wake(self) -> None:
        """There is something new in the journal."""
        self._woken.set()

    async def close(self) -> None:
        """Settle what there is, if the database lets us. What is left waits in the journal for the next start."""
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._work
            # Cancelling may have left the connection in the midst of a statement.
            await self._connection.close()
            await self._settle()
        await self._connection.close()

    async def _keep_settling(self) -> None:
        while True:
            self._woken.clear()
            if not await self._settle():
                self._woken.set()
                await self._clock.sleep(_TRY_AGAIN)
            await self._clock.sleep(_PAUSE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _LOOK_ANYWAY)

    async def _settle(self) -> bool:
        """Whether it went well."""
        try:
            await self._activity.settle(await self._connection.get(), lane=self._lane)
        except AWAY as error:
            _log.info("hits of the journal wait for the database: %s", error)
            await self._connection.close()
        except psycopg.Error:
            # Nothing is lost: the batches stay in the journal, and the next round tries again.
            _log.exception("hits of the journal could not be counted")
            await self._connection.close()
        else:
            return True
        return False

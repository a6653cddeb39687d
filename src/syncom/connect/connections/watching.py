"""Waits for the end of connection requests: one question a second to the database, for all who wait in this process."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import psycopg

from syncom.clock import Clock
from syncom.connect.connections import store
from syncom.connect.connections.model import ConnectionRequest
from syncom.errors import Unavailable
from syncom.postgres.pool import Database

_log = logging.getLogger(__name__)

#: Seconds between looks.
_LOOK: Final = 1.0


class RequestWatch:
    """Requests that somebody waits for."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: dict[asyncio.Future[ConnectionRequest], tuple[int, str, str]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def settled(self, account_id: int, tenant_id: str, name: str) -> ConnectionRequest:
        """The tenant's request once it has ended, by its id or the name its browser gave it; it may come to be later.

        One whose time has passed is still pending in the answer. Waits for ever: the caller sets the limit.
        """
        future: asyncio.Future[ConnectionRequest] = asyncio.get_running_loop().create_future()
        self._waiting[future] = (account_id, tenant_id, name)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="watch connection requests")
        try:
            return await future
        finally:
            self._waiting.pop(future, None)

    async def close(self) -> None:
        """Let nobody wait any longer: whoever does is cancelled."""
        for future in self._waiting:
            future.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while self._waiting:
            try:
                await self._ask()
            except (psycopg.Error, Unavailable) as error:
                _log.warning("the end of connection requests is looked for later: %s", error)
            await self._clock.sleep(_LOOK)

    async def _ask(self) -> None:
        waiting = list(self._waiting.items())
        async with self._database.system() as connection:
            ended = await store.ended_requests(connection, [wanted for _, wanted in waiting], self._clock.now())
        for place, request in ended:
            future = waiting[place][0]
            if not future.done():
                future.set_result(request)

"""Renews credentials before they end, and clears away what had its time, in the background."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

import psycopg

from syncom.clock import Clock
from syncom.connect.connections.service import ConnectionsService
from syncom.errors import SyncomError

_log = logging.getLogger(__name__)

#: Seconds between looks for what is due.
_LOOK: Final = 5.0
_TIDY: Final = 60.0


class ConnectionKeeper:
    """Looks after the connections of every account. Any number may run: each renewal is one's at a time."""

    def __init__(self, connections: ConnectionsService, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        tidied = float("-inf")
        while not stop.is_set():
            done = 0
            try:
                done = await self._connections.renew_due()
                if self._clock.monotonic() - tidied >= _TIDY:
                    tidied = self._clock.monotonic()
                    await self._connections.tidy()
            except (psycopg.Error, SyncomError) as error:
                _log.warning("looking after connections is tried again later: %s", error)
            if not done:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK)

"""Renews credentials before they end, and clears away what had its time, in the background."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.clock import Clock
from syncom.connect.connections.service import ConnectionsService
from syncom.jobs.keeping import keep

#: Seconds between looks for what is due.
_LOOK: Final = 5.0
_TIDY: Final = 60.0


class ConnectionKeeper:
    """Looks after the connections of every account. Any number may run: each renewal is one's at a time."""

    def __init__(self, connections: ConnectionsService, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._tidied = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("connections", self.step, stop, rest=_LOOK)

    async def step(self) -> int:
        """Renew what is due, and once a minute clear away; returns how many were renewed."""
        done = await self._connections.renew_due()
        if self._clock.monotonic() - self._tidied >= _TIDY:
            self._tidied = self._clock.monotonic()
            await self._connections.tidy()
        return done

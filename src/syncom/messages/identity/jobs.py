"""The daily look at what DNS says about sending domains."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.jobs.keeping import keep
from syncom.messages.identity.service import DomainsService

#: Seconds between looks for domains that are due.
_LOOK: Final = 30.0
_AT_ONCE: Final = 4


class DomainKeeper:
    """Checks every domain once a day, and new ones more often. Any number may run: a check is one's at a time."""

    def __init__(self, domains: DomainsService) -> None:
        self._domains = domains

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("domains", self.step, stop, rest=_LOOK)

    async def step(self) -> int:
        """Those that are due; returns how many there were."""
        return await self._domains.check_due(_AT_ONCE)

"""Reads in the background what came to our return paths."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.jobs.keeping import keep
from syncom.messages.bounces.spool import SpoolReader

#: Seconds between looks at the spool.
_LOOK: Final = 1.0


class BounceKeeper:
    """Takes in what waits. Any number may run: each mail is one's."""

    def __init__(self, spool: SpoolReader) -> None:
        self._spool = spool

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("bounces", self._spool.step, stop, rest=_LOOK)

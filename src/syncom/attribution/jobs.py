"""The keeper of attribution: looks anew at orders whose hits came late."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.attribution.service import AttributionService
from syncom.jobs.keeping import keep

#: Seconds between looks while nothing happens.
_POLL: Final = 1.0


class AttributionKeeper:
    """Keeps attributions right in the background. Any number may run: what one takes, the others leave to it."""

    def __init__(self, attribution: AttributionService) -> None:
        self._attribution = attribution

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("attribution", self._attribution.catch_up, stop, rest=_POLL)

"""The keeper of bulk actions."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.bulk.service import BulkService
from syncom.jobs.keeping import keep

#: Seconds between looks when there is nothing to do: a person waits for the first batch.
_POLL: Final = 0.5


class BulkKeeper:
    """Does what was begun, in the background. Any number may run: a batch is one's at a time."""

    def __init__(self, bulk: BulkService) -> None:
        self._bulk = bulk

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("bulk actions", self._bulk.work, stop, rest=_POLL)

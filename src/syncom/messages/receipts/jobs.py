"""Finds the messages of receipts that came too early, in the background."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.jobs.keeping import keep
from syncom.messages.receipts.service import ReceiptsService

#: Seconds between looks: a receipt that overtakes its message's settlement waits about so long.
_LOOK: Final = 1.0


class ReceiptKeeper:
    """Any number may run: a receipt that waits is one's at a time."""

    def __init__(self, receipts: ReceiptsService) -> None:
        self._receipts = receipts

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("delivery receipts", self._receipts.look_again, stop, rest=_LOOK)

"""The keeper of carts: tells of those that were abandoned."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.carts.service import CartsService
from syncom.jobs.keeping import keep

#: Seconds between looks: an idle time is minutes at least.
_POLL: Final = 5.0


class CartKeeper:
    """Tells of abandoned carts in the background. Any number may run: a cart is one's at a time."""

    def __init__(self, carts: CartsService) -> None:
        self._carts = carts

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("carts", self._carts.abandon_due, stop, rest=_POLL)

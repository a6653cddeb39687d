"""The keeper of carts: tells of those that were abandoned."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

import psycopg

from syncom.carts.service import CartsService
from syncom.errors import Unavailable

_log = logging.getLogger(__name__)

#: Seconds between looks: an idle time is minutes at least.
_POLL: Final = 5.0


class CartKeeper:
    """Tells of abandoned carts in the background. Any number may run: a cart is one's at a time."""

    def __init__(self, carts: CartsService) -> None:
        self._carts = carts

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        while not stop.is_set():
            try:
                while not stop.is_set() and await self._carts.abandon_due():
                    pass
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                _log.warning("carts wait for the database: %s", error)
            except Exception:  # noqa: BLE001 - one pass was undone; the keeper must outlive whatever it was
                _log.exception("abandoned carts could not be told")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _POLL)

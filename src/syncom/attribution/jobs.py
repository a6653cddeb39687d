"""The keeper of attribution: looks anew at orders whose hits came late."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

import psycopg

from syncom.attribution.service import AttributionService
from syncom.errors import Unavailable

_log = logging.getLogger(__name__)

#: Seconds between looks while nothing happens.
_POLL: Final = 1.0


class AttributionKeeper:
    """Keeps attributions right in the background. Any number may run: what one takes, the others leave to it."""

    def __init__(self, attribution: AttributionService) -> None:
        self._attribution = attribution

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        while not stop.is_set():
            try:
                while not stop.is_set() and await self._attribution.catch_up():
                    pass
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                _log.warning("attribution waits for the database: %s", error)
            except Exception:  # noqa: BLE001 - one pass was undone; the keeper must outlive whatever it was
                _log.exception("orders could not be led back to messages")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _POLL)

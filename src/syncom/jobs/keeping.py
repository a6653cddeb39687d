"""The loop of every keeper: what a room does in the background, pass after pass, until the process ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import psycopg

from syncom.errors import Unavailable

_log = logging.getLogger(__name__)


async def keep(
    what: str,
    step: Callable[[], Awaitable[int | bool]],
    stop: asyncio.Event,
    *,
    rest: float,
    wake: asyncio.Event | None = None,
) -> None:
    """Do ``step`` until ``stop`` is set: at once again while it says there may be more, else after ``rest`` seconds, or
    sooner, when ``wake`` is set.

    A pass that fails is undone by its own transaction, told in the log under ``what``, and tried again after the rest.
    """
    while not stop.is_set():
        if wake is not None:
            wake.clear()
        more: int | bool = False
        try:
            more = await step()
        except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
            _log.warning("%s: waiting for the database: %s", what, error)
        except Exception:  # noqa: BLE001 - one pass was undone; the keeper must outlive whatever it was
            _log.exception("%s: a pass failed", what)
        if not more:
            await _first(rest, stop, *(() if wake is None else (wake,)))


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Return when one of them is set, or after so many seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()

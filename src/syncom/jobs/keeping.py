"""The loop of every keeper: what a room does in the background, pass after pass, until the process ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import psycopg
from psycopg import sql

from syncom.errors import Unavailable

_log = logging.getLogger(__name__)
#: Seconds until a lost connection of a listener is made anew.
_RECONNECT: Final = 1.0


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


@asynccontextmanager
async def woken_by(dsn: str, channel: str, wake: asyncio.Event) -> AsyncGenerator[None]:
    """Set ``wake`` at every notification on a channel. They make a keeper quick; its rests make it certain."""
    listener = asyncio.create_task(_listen(dsn, channel, wake))
    try:
        yield
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


async def _listen(dsn: str, channel: str, wake: asyncio.Event) -> None:
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                wake.set()  # for what was told while nobody listened
                async for _ in connection.notifies():
                    wake.set()
        except psycopg.Error:
            await asyncio.sleep(_RECONNECT)


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Return when one of them is set, or after so many seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()

"""What credentials stand for, remembered for seconds, so that a busy one costs no query; forgotten when one changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import psycopg
from psycopg import sql

from syncom.clock import Clock

Kept = TypeVar("Kept")

#: How long an answer is believed when the notification does not come: the connection may be down.
BELIEVED_SECONDS = 5.0
_MAX_KEYS = 10_000

_log = logging.getLogger(__name__)


class Remembered(Generic[Kept]):
    """Values by the hash of a credential."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[bytes, tuple[Kept, float]] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        """Changes whenever something is forgotten. Read it before asking the database, and hand it to put."""
        return self._generation

    def get(self, key_hash: bytes) -> Kept | None:
        known = self._known.get(key_hash)
        if known is None:
            return None
        value, until = known
        if until <= self._clock.monotonic():
            self._known.pop(key_hash, None)
            return None
        return value

    def put(self, key_hash: bytes, value: Kept, *, generation: int, seconds: float = BELIEVED_SECONDS) -> None:
        """Remember, unless something was revoked between the question and its answer."""
        if generation != self._generation:
            return
        if len(self._known) >= _MAX_KEYS:
            self._known.clear()
        self._known[key_hash] = (value, self._clock.monotonic() + min(seconds, BELIEVED_SECONDS))

    def forget(self) -> None:
        """Forget everything: changes of credentials are rare, and a look-up is cheap."""
        self._generation += 1
        self._known.clear()


class Forgetful(Protocol):
    """What must not believe its memory when a credential changes."""

    def forget(self) -> None: ...


async def listen(dsn: str, channels: Sequence[str], cache: Forgetful, ready: asyncio.Event) -> None:
    """Forget at every notification of any process; runs until cancelled and reconnects by itself."""
    pause = 0.1
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                for channel in channels:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                # What was revoked while nobody listened.
                cache.forget()
                ready.set()
                pause = 0.1
                async for _ in connection.notifies():
                    cache.forget()
        except psycopg.Error as error:
            _log.warning("not listening for changed credentials: %s", error)
        cache.forget()
        await asyncio.sleep(pause)
        pause = min(5.0, pause * 2)

"""Recently seen API keys, so that a busy key costs no query; forgotten as soon as a credential changes."""

from __future__ import annotations

import asyncio
import logging

import psycopg

from syncom.accounts.model import Principal
from syncom.clock import Clock

#: How long an answer is believed when the notification does not come: the connection may be down.
_BELIEVED_SECONDS = 5.0
_MAX_KEYS = 10_000

_log = logging.getLogger(__name__)


class KeyCache:
    """Principals by key hash."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[bytes, tuple[Principal, float]] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        """Changes whenever something is forgotten. Read it before asking the database, and hand it to put."""
        return self._generation

    def get(self, key_hash: bytes) -> Principal | None:
        known = self._known.get(key_hash)
        if known is None:
            return None
        principal, until = known
        if until <= self._clock.monotonic():
            self._known.pop(key_hash, None)
            return None
        return principal

    def put(self, key_hash: bytes, principal: Principal, *, generation: int) -> None:
        """Remember, unless something was revoked between the question and its answer."""
        if generation != self._generation:
            return
        if len(self._known) >= _MAX_KEYS:
            self._known.clear()
        self._known[key_hash] = (principal, self._clock.monotonic() + _BELIEVED_SECONDS)

    def forget(self) -> None:
        """Forget everything: changes of credentials are rare, and a look-up is cheap."""
        self._generation += 1
        self._known.clear()


async def listen(dsn: str, cache: KeyCache, ready: asyncio.Event) -> None:
    """Forget at every notification of any process; runs until cancelled and reconnects by itself."""
    pause = 0.1
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute("LISTEN syncom_auth")
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

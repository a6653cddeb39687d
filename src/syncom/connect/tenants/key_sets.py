"""Keys that workspaces publish elsewhere: fetched rarely, remembered, and never waited for twice."""

from __future__ import annotations

import asyncio
from typing import Final

from joserfc.jwk import Key

from syncom.clock import Clock
from syncom.connect.tenants import jose
from syncom.connect.tenants.model import Fetch
from syncom.errors import Invalid, SyncomError, Unauthorized

#: Seconds that a set is used without asking again,
_KEPT: Final = 600.0
#: until a token names a key that is not in it, but not more often than this,
_AGAIN: Final = 60.0
#: and that a server is left alone after it failed.
_REST: Final = 30.0
_MAX_SETS: Final = 1000


class _Set:
    __slots__ = ("at", "failed", "keys", "lock")

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.at = float("-inf")
        self.failed = float("-inf")
        self.lock = asyncio.Lock()


class KeySets:
    """JWK sets (RFC 7517) by their address."""

    def __init__(self, fetch: Fetch | None, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._sets: dict[str, _Set] = {}

    async def keys(self, address: str, key_id: str | None) -> list[Key]:
        """The keys of a set. Raises Unauthorized when it cannot be had: whose token it is cannot be known then."""
        if address not in self._sets and len(self._sets) >= _MAX_SETS:
            self._sets.clear()
        found = self._sets.setdefault(address, _Set())
        async with found.lock:
            if self._is_due(found, key_id):
                await self._load(address, found)
        if not found.keys:
            raise Unauthorized("the workspace's keys cannot be fetched from its jwksUri")
        return found.keys

    def _is_due(self, found: _Set, key_id: str | None) -> bool:
        now = self._clock.monotonic()
        if now - found.failed < _REST:
            return False
        age = now - found.at
        missing = key_id is not None and all(key.kid != key_id for key in found.keys)
        return age >= _KEPT or (missing and age >= _AGAIN)

    async def _load(self, address: str, found: _Set) -> None:
        if self._fetch is None:
            return
        try:
            keys = jose.read_key_set(await self._fetch(address))
        except Invalid as error:
            found.failed, found.keys = self._clock.monotonic(), []
            raise Unauthorized(f"the workspace's keys cannot be fetched: {error.message}") from None
        except SyncomError:
            # Keys that were good a moment ago are good while their server is down.
            found.failed = self._clock.monotonic()
            return
        found.keys, found.at = keys, self._clock.monotonic()

"""Passwords: argon2id (RFC 9106, the low-memory profile of argon2-cffi), off the event loop."""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from syncom.errors import Invalid

#: NIST SP 800-63B: at least 8 characters, and no rules about which ones.
SHORTEST = 8
#: Argon2 reads any length; this only keeps a request from being a way to burn memory.
LONGEST = 1024

_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without the look-alikes
#: 20 characters of 57: 116 bits.
_MADE_LENGTH = 20
#: Each hash takes 64 MiB while it is made.
_AT_ONCE = 2


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._decoy = ""

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Invalid for a password that is too short or too long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise Invalid("password", f"must have {SHORTEST} to {LONGEST} characters")
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password fits. Without a stored hash a decoy is checked, so that both take equally long."""
        async with self._gate:
            if stored is None and not self._decoy:
                self._decoy = await asyncio.to_thread(self._hasher.hash, secrets.token_hex(16))
            fits = await asyncio.to_thread(self._fits, stored or self._decoy, password[:LONGEST])
        return fits and stored is not None

    def is_dated(self, stored: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def make_password() -> str:
    """A random password to print once."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_MADE_LENGTH))

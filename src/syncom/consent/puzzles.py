"""A proof of work: what a browser computes unseen while its visitor types, and what makes floods of forms dear.

Its seed is the SHA-256 of the form's token, a full stop and the address as typed, so one proof serves one address and
one showing of the form. The answer is eight numbers: SHA-256 of seed, place (one byte) and number (four bytes,
big-endian) begins with fourteen zero bits for each. Eight small puzzles instead of a large one take nearly the same
time whoever is lucky: 131,000 hashes, about half a second of a busy machine's script. Nothing is kept of it here.
"""

from __future__ import annotations

import hashlib
from typing import Final

PIECES: Final = 8
BITS: Final = 14
_LONGEST: Final = 100


def seed_of(token: str, address: str) -> bytes:
    """What the work is about."""
    return hashlib.sha256(f"{token}.{address}".encode()).digest()


def is_solved(token: str, address: str, answer: str) -> bool:
    """Whether an answer (numbers separated by full stops) is that of this form and address."""
    if len(answer) > _LONGEST:
        return False
    numbers = answer.split(".")
    if len(numbers) != PIECES or not all(one.isascii() and one.isdigit() and int(one) < 1 << 32 for one in numbers):
        return False
    seed = seed_of(token, address)
    return all(fits(seed, place, int(number)) for place, number in enumerate(numbers))


def fits(seed: bytes, place: int, number: int) -> bool:
    """Whether a number solves the puzzle at a place."""
    digest = hashlib.sha256(seed + bytes((place,)) + number.to_bytes(4, "big")).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - BITS) == 0

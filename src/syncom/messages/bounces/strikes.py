"""Refusals that count only when they repeat: how many an address has, and when that is too many.

Whatever says that a message was refused, a report that came back or the server's answer itself, counts here, by the
time at which the message was launched. So one message is one strike, however often and by whom it is told.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from syncom.messages.bounces import store
from syncom.messages.bounces.model import PASSING, STRIKE_WINDOW
from syncom.postgres.pool import Connection
from syncom.security import Keyring


class Strike(NamedTuple):
    """A message that an address refused."""

    account_id: int
    address: str
    #: ``BounceClass``, as it is stored.
    bounce_class: str
    launched_at: datetime
    #: The address is suppressed at so many within the window.
    most: int


class Strikes:
    """Counts them. Any number of processes may, side by side."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = keyring.key("bounce strikes")

    async def add(self, connection: Connection, strikes: Sequence[Strike]) -> dict[int, datetime]:
        """Note these, inside the caller's (system) transaction; safe to repeat.

        Returns until when addresses are suppressed that have too many now, by the place in ``strikes`` of the newest.
        """
        places: defaultdict[tuple[int, bytes, str], list[int]] = defaultdict(list)
        for place, strike in enumerate(strikes):
            places[strike.account_id, self._hash(strike.address), strike.bounce_class].append(place)
        known = await store.add_strikes(
            connection,
            [(*key, strikes[place].launched_at) for key, some in places.items() for place in some],
        )
        found: dict[int, datetime] = {}
        for key, some in places.items():
            newest = max(some, key=lambda place: strikes[place].launched_at)
            until = struck_until(known[key], strikes[newest].most)
            if until is not None:
                found[newest] = until
        return found

    def _hash(self, address: str) -> bytes:
        """It outlives the contact, so nobody may read the address out of it."""
        return hmac.digest(self._key, address.encode(), hashlib.sha256)[:16]


def struck_until(times: Sequence[datetime], most: int) -> datetime | None:
    """When a suppression ends that so many strikes within the window lead to; None: there are too few.

    ``times`` are in order. It is the same whatever order they were told in.
    """
    ends = [
        times[place] for place in range(most - 1, len(times)) if times[place] - times[place - most + 1] <= STRIKE_WINDOW
    ]
    return max(ends) + PASSING if ends else None

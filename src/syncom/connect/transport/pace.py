"""How often one connection may call its app: a queue in which everybody gets the next free place."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from syncom.clock import Clock
from syncom.connect.model import RateLimit
from syncom.errors import RateLimited

#: Seconds that a call waits for its turn before it is refused.
MAX_WAIT: Final = 20.0
_MAX_KEYS: Final = 20_000


class _Line(msgspec.Struct):
    #: When the bucket would be full again: calls that were let in push it on (generic cell rate algorithm).
    full_at: float = 0.0
    #: The app said: not before this.
    closed_until: float = 0.0


class Pace:
    """Calls of each connection of this process, first come, first served."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}

    async def turn(self, key: str, limit: RateLimit | None) -> None:
        """Wait for one's turn. Raises RateLimited when that would take longer than MAX_WAIT seconds."""
        line = self._lines.get(key)
        if line is None:
            if limit is None:
                return
            line = self._line(key)
        now = self._clock.monotonic()
        wait = max(0.0, line.closed_until - now)
        if limit is not None and limit.calls > 0:
            step = limit.seconds / limit.calls
            begin = max(line.full_at, now + wait)
            wait = max(wait, begin + step - limit.seconds - now)
            if wait <= MAX_WAIT:
                line.full_at = begin + step
        if wait > MAX_WAIT:
            seconds = math.ceil(wait)
            raise RateLimited(f"this connection has used up its calls; try again in {seconds} seconds", float(seconds))
        if wait > 0:
            await self._clock.sleep(wait)

    def closed(self, key: str, seconds: float) -> None:
        """The app asks for a rest (429 or 503 with Retry-After): nobody calls before it is over."""
        line = self._line(key)
        line.closed_until = max(line.closed_until, self._clock.monotonic() + seconds)

    def _line(self, key: str) -> _Line:
        line = self._lines.get(key)
        if line is None:
            if len(self._lines) >= _MAX_KEYS:
                del self._lines[next(iter(self._lines))]
            line = self._lines[key] = _Line()
        return line

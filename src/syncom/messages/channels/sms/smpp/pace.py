"""How fast and how much at once an SMSC is asked, after it said: slower.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681, 3.1), for the window; the rate is halved from what
went through and grows until nothing limits it any more.
"""

from __future__ import annotations

from typing import Final

from syncom.clock import Clock

#: Seconds of rest after a refusal: the first time, and at most when refusals go on.
_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 5.0
#: The rate grows by so much a second, and is forgotten when nothing was refused for so long.
_GROWTH: Final = 1.1
_FORGET: Final = 60.0
_LEAST_RATE: Final = 1.0
#: Refusals after each other, with a rest behind each, before people are told.
_BLOCKED_AFTER: Final = 3


class Pace:
    """The window and the rate of one sender's bind."""

    def __init__(self, window: int, clock: Clock) -> None:
        self._full = window
        self._clock = clock
        #: Unanswered submit_sm at most, at the moment.
        self.window = window
        self._accepted_in_window = 0
        self._rests = 0
        self._not_before = 0.0
        self._refused_at = 0.0
        #: submit_sm a second; 0: no limit.
        self._rate = 0.0
        self._tokens = 0.0
        self._tokens_at = 0.0
        self._counted_since = clock.monotonic()
        self._accepted = 0

    @property
    def is_blocked(self) -> bool:
        """Whether refusals go on and nothing is taken in between."""
        return self._rests >= _BLOCKED_AFTER

    def wait(self) -> float:
        """Seconds until the next submit_sm may go; 0: now."""
        now = self._clock.monotonic()
        if now < self._not_before:
            return self._not_before - now
        if not self._rate:
            return 0.0
        self._grow(now)
        return 0.0 if not self._rate or self._tokens >= 1 else (1 - self._tokens) / self._rate

    def sent(self) -> None:
        """One submit_sm goes."""
        self._tokens -= 1

    def accepted(self) -> None:
        """The SMSC took one."""
        self._accepted += 1
        self._rests = 0
        if self.window < self._full:
            self._accepted_in_window += 1
            if self._accepted_in_window >= self.window:
                self._accepted_in_window = 0
                self.window += 1

    def refused(self) -> None:
        """The SMSC said: slower. Refusals of one window are one refusal."""
        now = self._clock.monotonic()
        if now < self._not_before:
            return
        self.window = max(1, self.window // 2)
        self._accepted_in_window = 0
        went = self._accepted / max(1.0, now - self._counted_since)
        self._rate = max(_LEAST_RATE, min(went, self._rate or went) / 2)
        self._counted_since, self._accepted = now, 0
        rest = min(_LONGEST_REST, _FIRST_REST * 2 ** min(self._rests, 8)) * self._clock.jitter(0.8, 1.2)
        self._rests += 1
        self._not_before = now + rest
        self._refused_at = self._tokens_at = self._not_before
        self._tokens = 1.0

    def _grow(self, now: float) -> None:
        passed = max(0.0, now - self._tokens_at)
        self._tokens_at = now
        self._rate *= _GROWTH**passed
        self._tokens = min(max(1.0, self._rate * 0.1), self._tokens + passed * self._rate)
        if now - self._refused_at > _FORGET:
            self._rate = 0.0

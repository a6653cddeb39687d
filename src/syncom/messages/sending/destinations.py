"""What one sending process knows of the destinations of a sender: who may be sent to now, and who waits in its hands.

A destination that may not be sent to never keeps others waiting: a few of its recipients are held, the others go back
into the queue with a later time. What is held is sent within seconds, so that consent stays as fresh as for others.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from syncom.clock import Clock
from syncom.messages.channels.email.destinations import destination_of
from syncom.messages.destinations.model import Destination
from syncom.messages.destinations.store import PATIENCE
from syncom.messages.model import Sender
from syncom.messages.sending.work import Work

#: Seconds of sending that are held of a destination.
_HELD_SECONDS = 2.0
#: A destination that refuses its sender rests for so long.
REST = timedelta(minutes=15)
#: When so many destinations rest at once it is not about one of them.
_TOO_MANY = 3
#: Recipients come back from a rest over so many seconds.
_SPREAD = 60.0
_PACE_SECONDS = 10.0
#: What this process wrote down itself counts for so many seconds, until the database shows it.
_OWN = timedelta(seconds=5)


class Destinations:
    """Of one sender."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._limits = {limit.name: limit for limit in sender.config.destinations}
        self._pressed: dict[str, Destination] = {}
        self._held: dict[str, deque[Work]] = {}
        self._in_flight: Counter[str] = Counter()
        self._permits: dict[str, float] = {}
        self._asked_at: dict[str, float] = {}
        self._slots: dict[str, datetime] = {}
        self._answered: Counter[str] = Counter()
        self._since = clock.monotonic()
        self._told_at: dict[str, datetime] = {}

    @property
    def active(self) -> bool:
        """Whether any destination is limited, slowed or at rest; if not, nothing needs to be asked."""
        return bool(self._limits or self._pressed or self._held)

    @property
    def held(self) -> Iterator[Work]:
        """Recipients in hand that may not be sent to yet."""
        return (work for some in self._held.values() for work in some)

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    def clear(self) -> None:
        """Forget those in hand."""
        self._held.clear()

    def keep(self, works: Iterable[Work]) -> None:
        """Hold these and no others."""
        self._held.clear()
        for work in works:
            self._held.setdefault(destination_of(work.address), deque()).append(work)

    # ------------------------------------------------------------ who may go

    def next_held(self) -> Work | None:
        """Somebody who had to wait and may go now."""
        now = self._clock.now()
        for name, some in self._held.items():
            if self._is_open(name, now):
                work = some.popleft()
                if not some:
                    del self._held[name]
                return work
        return None

    def may_go(self, work: Work) -> bool:
        """Whether a recipient may go now."""
        return self._is_open(destination_of(work.address), self._clock.now())

    def hold(self, work: Work) -> datetime | None:
        """Take a recipient that may not go now into the hands; if these are full: when it is to be looked at again."""
        name, now = destination_of(work.address), self._clock.now()
        pressed = self._pressed.get(name)
        if pressed is not None and pressed.rests_until > now:
            return pressed.rests_until + timedelta(seconds=self._clock.jitter(0, _SPREAD))
        rate = self._rate(name, now) or float(self._connections(name, now) or 1)
        held = self._held.setdefault(name, deque())
        if len(held) < max(1, math.ceil(rate * _HELD_SECONDS)):
            held.append(work)
            return None
        slot = max(self._slots.get(name, now), now + timedelta(seconds=_HELD_SECONDS)) + timedelta(seconds=1 / rate)
        self._slots[name] = slot
        return slot

    def _is_open(self, name: str, now: datetime) -> bool:
        pressed = self._pressed.get(name)
        if pressed is not None and pressed.rests_until > now:
            return False
        if self._rate(name, now) is not None and self._permits.get(name, 0.0) < 1:
            return False
        connections = self._connections(name, now)
        return connections is None or self._in_flight[name] < connections

    def began(self, work: Work) -> None:
        """It is on its way."""
        name = destination_of(work.address)
        self._in_flight[name] += 1
        if self.active and self._rate(name, self._clock.now()) is not None:
            self._permits[name] = self._permits.get(name, 0.0) - 1

    def ended(self, work: Work, *, answered: bool) -> None:
        """It is not on its way any more."""
        name = destination_of(work.address)
        self._in_flight[name] -= 1
        if self._in_flight[name] <= 0:
            del self._in_flight[name]
        if answered:
            now = self._clock.monotonic()
            if now - self._since > _PACE_SECONDS:
                self._answered.clear()
                self._since = now
            self._answered[name] += 1

    # ------------------------------------------------------------ limits

    def _rate(self, name: str, now: datetime) -> float | None:
        limit, pressed = self._limits.get(name), self._pressed.get(name)
        own = limit.rate_per_second if limit is not None else None
        asked = pressed.rate_at(now) if pressed is not None else None
        return min((rate for rate in (own, asked) if rate is not None), default=None)

    def _connections(self, name: str, now: datetime) -> int | None:
        limit, pressed = self._limits.get(name), self._pressed.get(name)
        own = limit.connections if limit is not None else None
        asked = pressed.rate_at(now) if pressed is not None else None
        if pressed is None or asked is None or pressed.ceiling is None:
            return own
        most = own or self._sender.config.max_connections
        return max(1, math.ceil(most * asked / pressed.ceiling))

    def wanted(self) -> list[tuple[str, int, float]]:
        """Permits to take for those who wait: destination, how many, and its rate. Asked for not too often."""
        now, moment = self._clock.now(), self._clock.monotonic()
        found: list[tuple[str, int, float]] = []
        for name, some in self._held.items():
            rate = self._rate(name, now)
            if rate is None or self._permits.get(name, 0.0) >= 1 or self._asked_at.get(name, 0.0) > moment:
                continue
            self._asked_at[name] = moment + min(0.5, max(0.02, 0.5 / rate))
            found.append((name, min(len(some), max(1, int(rate * 0.2))), rate))
        return found

    def grant(self, name: str, permits: int) -> None:
        self._permits[name] = self._permits.get(name, 0.0) + permits

    # ------------------------------------------------------------ what destinations ask for

    def slow(self, work: Work, words: str) -> Destination | None:
        """A destination asks for less: it gets half. None: it got that a moment ago."""
        name, now = destination_of(work.address), self._clock.now()
        present = self._pressed.get(name) or Destination(sender_id=self._sender.sender_id, destination=name)
        if (now - present.slowed_at).total_seconds() < PATIENCE:
            return None
        seconds = max(self._clock.monotonic() - self._since, 1.0)
        self._pressed[name] = present.slowed(now, self._answered[name] / seconds, words)
        self._told_at[name] = now
        return self._pressed[name]

    def rest(self, work: Work, words: str) -> Destination | None:
        """A destination refuses the sender: nothing goes there for a while. None: it rests already."""
        name, now = destination_of(work.address), self._clock.now()
        present = self._pressed.get(name) or Destination(sender_id=self._sender.sender_id, destination=name)
        if present.rests_until > now:
            return None
        self._pressed[name] = msgspec.structs.replace(present, rests_until=now + REST, problem=words)
        self._told_at[name] = now
        return self._pressed[name]

    def refusal(self, work: Work) -> str:
        """What a recipient's destination said when it refused the sender, while it rests; empty: it does not."""
        pressed = self._pressed.get(destination_of(work.address))
        if pressed is None or pressed.rests_until <= self._clock.now():
            return ""
        return pressed.problem or "it refused the sender"

    @property
    def too_many_rest(self) -> bool:
        """Whether so many destinations rest that it must be about the sender, or its relay."""
        now = self._clock.now()
        return sum(one.rests_until > now for one in self._pressed.values()) >= _TOO_MANY

    def learn(self, found: Sequence[Destination]) -> None:
        """What all processes know."""
        recent = self._clock.now() - _OWN
        own = {name: one for name, one in self._pressed.items() if self._told_at.get(name, recent) > recent}
        self._pressed = {one.destination: one for one in found} | own

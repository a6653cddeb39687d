"""Hands: up to so many tasks that pull parcels from a source and carry each to its end.

For peers that are asked request by request. A peer that cannot be reached is left alone for a while, for longer each
time; when it works again, the hands come back one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from syncom.clock import Clock
from syncom.messages.channels.carrier import Source

ParcelType = TypeVar("ParcelType")

#: Seconds before the next attempt after trouble: the first wait, doubled each time up to the second.
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0


class Hands(Generic[ParcelType]):
    """Runs ``carry`` for each parcel, ``count`` of them at a time at most. Use it from one event loop."""

    def __init__(
        self,
        source: Source[ParcelType, object],
        carry: Callable[[ParcelType], Awaitable[None]],
        *,
        count: int,
        clock: Clock,
    ) -> None:
        """``carry`` tells the source what became of the parcel, and calls ``failed`` or ``worked``."""
        self._source = source
        self._carry = carry
        self._count = count
        self._clock = clock
        self._tasks: set[asyncio.Task[bool]] = set()
        self._closing = False
        self._failures = 0
        self._not_before = 0.0
        self._later: asyncio.TimerHandle | None = None
        #: Words about what is wrong; empty: it works; None: not tried yet.
        self.trouble: str | None = None

    def wake(self) -> None:
        """There may be work: let another hand look."""
        if self._closing or len(self._tasks) >= self._count:
            return
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            if self._later is None:
                self._later = asyncio.get_running_loop().call_later(wait, self._retry)
            return
        task = asyncio.get_running_loop().create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._put_down)

    def failed(self, words: str, *, wait: float | None = None) -> None:
        """The peer cannot be reached, or asks everybody to wait so many seconds."""
        now = self._clock.monotonic()
        # Twenty requests that fail at once are one failure, not twenty.
        if now >= self._not_before:
            self._failures += 1
        if wait is None:
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures - 1, 10)) * self._clock.jitter(0.5, 1.0)
        self._not_before = max(self._not_before, now + wait)
        self.trouble = words

    def worked(self) -> None:
        """The peer answered."""
        self._failures = 0
        self.trouble = ""

    async def drain(self) -> None:
        """Begin nothing new, finish what is in hand."""
        self._closing = True
        if self._later is not None:
            self._later.cancel()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _retry(self) -> None:
        self._later = None
        self.wake()

    def _put_down(self, task: asyncio.Task[bool]) -> None:
        """A hand is free. It looks again when it stopped though there may be more: here, where there is room for it."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is None and task.result():
            self.wake()

    async def _work(self) -> bool:
        """Carry until there is nothing (False), or until the peer is to be left alone."""
        first = True
        while not self._closing and self._clock.monotonic() >= self._not_before:
            parcel = self._source.next_parcel()
            if parcel is None:
                return False
            if first:
                # There was something: another hand may find more.
                first = False
                self._another()
            await self._carry(parcel)
        return True

    def _another(self) -> None:
        asyncio.get_running_loop().call_soon(self.wake)

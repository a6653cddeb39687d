"""Clocks that a test drives."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from syncom.clock import SystemClock


class StandingClock(SystemClock):
    """Stands where a test puts it."""

    def __init__(self, time: datetime) -> None:
        super().__init__()
        self.time = time

    def now(self) -> datetime:
        return self.time


class ShiftedClock(SystemClock):
    """Goes on, ahead of the machine's by what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


class TurnedClock(ShiftedClock):
    """Stands where a test turns it to."""

    def __init__(self, time: datetime) -> None:
        super().__init__()
        self.time = time

    def now(self) -> datetime:
        return self.time


class HurriedClock(SystemClock):
    """Waits for nothing, and keeps for how many seconds it was asked to. Its chance is always the same."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

"""Values of destinations: how fast a sender may send to each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

#: A slowed destination gets a tenth more each minute in which it does not ask again.
RECOVERY: Final = 1.1
#: Messages a second that even the slowest destination is offered: one in ten seconds.
SLOWEST: Final = 0.1
NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A destination that asked for less, or refused its sender."""

    sender_id: int
    destination: str
    #: Messages a second at ``slowed_at``; None: was not slowed.
    rate: float | None = None
    #: The pace at which it first asked: once recovered to that, it is not slowed any more.
    ceiling: float | None = None
    slowed_at: datetime = NEVER
    rests_until: datetime = NEVER
    #: The server's words.
    problem: str = ""

    def rate_at(self, now: datetime) -> float | None:
        """Messages a second that it is offered now; None: as many as the sender's limits allow."""
        if self.rate is None or self.ceiling is None:
            return None
        minutes = max((now - self.slowed_at).total_seconds(), 0.0) / 60
        # After a day anything has recovered; the power would overflow.
        rate = self.rate * RECOVERY ** min(minutes, 1440)
        return rate if rate < self.ceiling else None

    def slowed(self, now: datetime, pace: float, problem: str) -> Destination:
        """After it asked for less: half of what it is offered, or of the pace at which it was sent to."""
        present = self.rate_at(now)
        before = max(SLOWEST, pace if present is None else present)
        return msgspec.structs.replace(
            self,
            rate=max(SLOWEST, before / 2),
            ceiling=max(before, SLOWEST * 2) if present is None else self.ceiling,
            slowed_at=now,
            problem=problem,
        )

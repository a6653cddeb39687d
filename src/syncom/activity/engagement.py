"""The engagement score: how much a contact has done with messages lately, as one number.

Each message that a contact opened is worth :data:`OPEN_POINTS` on the day of its first open, each one it clicked
:data:`CLICK_POINTS` more on the day of its first click; points lose half of their worth in every :data:`HALF_LIFE`. A
score is the sum. Machines give no points; purchases neither, they are what RFM is about.

What is kept beside the contact is the sum as if everything were told at :data:`EPOCH`: points times
2^((moment - EPOCH) / HALF_LIFE). This number does not change with time. One hit adds to it without a look at others,
in any order; contacts that are merged add theirs up; and "the score is at least x now" is a comparison of the column
with one number, x * 2^((now - EPOCH) / HALF_LIFE), instead of a computation for every contact.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

#: As in `engagement_weight()` of the database.
HALF_LIFE: Final = timedelta(days=30)
EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
#: Of a message, as in `count` (activity.sql).
OPEN_POINTS: Final = 1
CLICK_POINTS: Final = 3
#: Half-lives from the epoch, either way, that a double has room for; beyond, time stands still.
_FARTHEST: Final = 1000.0
#: Sums of doubles differ in their last digits by the order in which they were made: nine digits count.
_SLACK: Final = 1e-9


class Band(Enum):
    """Levels of the score, the highest first."""

    #: 2 and more: a click in the last 30 days, or two opens in the last days.
    ACTIVE = "active"
    #: 0.5 and more: a click in the last 90 days, or an open in the last 30.
    WARM = "warm"
    #: 0.125 and more: a click in the last 150 days, or an open in the last 90.
    COOLING = "cooling"
    #: Less, or nothing ever.
    INACTIVE = "inactive"

    @property
    def floor(self) -> float:
        """The lowest score of the band; 0 for the last one."""
        return _FLOORS[self]


_FLOORS: Final = {Band.ACTIVE: 2.0, Band.WARM: 0.5, Band.COOLING: 0.125, Band.INACTIVE: 0.0}


def weight(moment: datetime) -> float:
    """What one point at this moment adds to the number that is kept."""
    return 2.0 ** max(-_FARTHEST, min(_FARTHEST, (moment - EPOCH) / HALF_LIFE))


def score_of(kept: float, now: datetime) -> float:
    """The score now, of the number that is kept."""
    return kept / weight(_told(now))


def band_of(kept: float, now: datetime) -> Band:
    """The band now, of the number that is kept."""
    return next(band for band in Band if kept >= at_least(band.floor, now))


def at_least(score: float, now: datetime) -> float:
    """The number that is kept is this or more exactly when the score is ``score`` or more now."""
    return score * weight(_told(now)) * (1 - _SLACK)


def above(score: float, now: datetime) -> float:
    """The number that is kept is more than this exactly when the score is more than ``score`` now."""
    return score * weight(_told(now)) * (1 + _SLACK)


def _told(now: datetime) -> datetime:
    """Scores sink once a second: so the moment at which one has sunk is known exactly."""
    return now.replace(microsecond=0)


def spans(bands: Collection[Band]) -> list[tuple[float, float | None]]:
    """These bands as spans of scores, from the first number on and below the second; neighbours are one span."""
    found: list[tuple[float, float | None]] = []
    ceiling: float | None = None
    for band in Band:
        if band in bands:
            begun = found.pop() if found and found[-1][0] == ceiling else (0.0, ceiling)
            found.append((band.floor, begun[1]))
        ceiling = band.floor
    return found

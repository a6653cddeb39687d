"""The named classes of RFM: stored numbers, names, and which class a contact's scores make.

Scores go from 1 to 5. The class follows from recency and from the mean of frequency and monetary value, a half
rounded up.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class RfmClass(IntEnum):
    """Numbers are stored and never change their meaning; 0 in the history is "no customer"."""

    #: Bought a moment ago, and again and again, and much.
    CHAMPIONS = 1
    #: Buy again and again.
    LOYAL = 2
    #: Bought lately, and more than once or much.
    POTENTIAL_LOYALIST = 3
    #: Bought a moment ago, little so far.
    NEW = 4
    #: Bought lately, little so far.
    PROMISING = 5
    #: Middling in all: the next purchase decides.
    NEED_ATTENTION = 6
    #: Bought little, and some time ago.
    ABOUT_TO_SLEEP = 7
    #: Bought a fair amount, and not lately.
    AT_RISK = 8
    #: Were among the best, and do not come any more.
    CANT_LOSE = 9
    #: Bought little, and not lately.
    HIBERNATING = 10
    #: Bought little, long ago.
    LOST = 11

    @property
    def word(self) -> str:
        """As conditions, the API and the command line write it."""
        return self.name.lower()


_C = RfmClass
#: Rows are recency 1 to 5, columns the mean of frequency and monetary value 1 to 5.
CLASS_GRID: Final = (
    (_C.LOST, _C.LOST, _C.AT_RISK, _C.CANT_LOSE, _C.CANT_LOSE),
    (_C.HIBERNATING, _C.HIBERNATING, _C.AT_RISK, _C.AT_RISK, _C.CANT_LOSE),
    (_C.ABOUT_TO_SLEEP, _C.NEED_ATTENTION, _C.NEED_ATTENTION, _C.LOYAL, _C.LOYAL),
    (_C.PROMISING, _C.POTENTIAL_LOYALIST, _C.LOYAL, _C.LOYAL, _C.CHAMPIONS),
    (_C.NEW, _C.POTENTIAL_LOYALIST, _C.POTENTIAL_LOYALIST, _C.CHAMPIONS, _C.CHAMPIONS),
)
#: The scores, as columns and conditions name them.
RFM_SCORES: Final = ("recency", "frequency", "monetary")
#: Names as conditions write them.
RFM_CLASSES: Final = {one.word: one for one in RfmClass}


def class_of(recency: int, frequency: int, monetary: int) -> RfmClass:
    """The class of these scores."""
    return CLASS_GRID[recency - 1][(frequency + monetary + 1) // 2 - 1]

"""Values of a move: what is pulled, how far it is."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

import msgspec


class Step(Enum):
    """What is moved, in this order: who must not get mail is known before anybody is."""

    FIELDS = "fields"
    UNSUBSCRIBED = "unsubscribed"
    CONTACTS = "contacts"
    SEGMENTS = "segments"
    TEMPLATES = "templates"


STEPS: Final = tuple(Step)


class MoveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to pull an account."""

    #: Fetch every contact's card: the list of contacts has no additional fields at eSputnik.
    cards: bool = True
    #: How far back unsubscriptions, complaints and hard bounces are looked for in the activity.
    history_months: int = 36
    #: Begin at the first step again, though the last move got further.
    restart: bool = False


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A move of one account, as stored. ``counts`` is by name: contacts, created, updated, unsubscribed, ..."""

    move_id: int
    source: str
    #: The step under way; None: all are done.
    step: Step | None
    counts: dict[str, int]
    started_at: datetime
    changed_at: datetime
    finished_at: datetime | None
    #: Things that could not be moved; ``syncom import esputnik-problems`` lists them.
    problems: int


class MoveProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was left out. ``what`` names it at the source: 'contact 60100200'."""

    what: str
    reason: str

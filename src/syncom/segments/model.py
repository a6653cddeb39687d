"""The segment language: one JSON condition tree for segments, campaign audiences and contact search.

A tree is made of groups (``all``, ``any``, ``not``) and leaves. docs/segments.md describes it for users; the leaves
are the structs below, told apart by the member that names them.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from syncom.contacts.model import STANDARD_FIELDS


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A saved condition. ``condition`` is the tree as given."""

    segment_id: int
    name: str
    condition: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class GroupKind(Enum):
    """What a group is; the names are eSputnik's."""

    #: A list.
    STATIC = "Static"
    #: A segment.
    DYNAMIC = "Dynamic"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A list or a segment, under the number that eSputnik's API knows it by."""

    group_id: int
    name: str
    kind: GroupKind
    #: None: it is a segment.
    list_id: int | None
    #: None: it is a list.
    segment_id: int | None


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """How many contacts are in each of two segments, and in both."""

    first: Count
    second: Count
    both: Count


#: Operators of text-like fields and what they read as.
TEXT_OPERATORS = {
    "equals": "is",
    "not_equals": "is not",
    "in": "is one of",
    "contains": "contains",
    "starts_with": "starts with",
    "is_set": "is set",
    "is_empty": "is empty",
}
#: Operators of numbers and dates.
ORDER_OPERATORS = {
    "equals": "is",
    "not_equals": "is not",
    "greater": "is greater than",
    "at_least": "is at least",
    "less": "is less than",
    "at_most": "is at most",
    "is_set": "is set",
    "is_empty": "is empty",
}
#: Dates, besides: near today, and the day of the year. Days are those of UTC.
DATE_OPERATORS = {
    **ORDER_OPERATORS,
    "in_last_days": "is within the last {} days",
    "in_next_days": "is within the next {} days",
    "more_than_days_ago": "is more than {} days ago",
    "anniversary_in_next_days": "has its anniversary within the next {} days",
}
#: Of a day that is foreseen.
NEXT_ORDER_OPERATORS = {name: word for name, word in DATE_OPERATORS.items() if not name.startswith("anniversary")}
#: Of a parameter of an event: text, or a number, also one written as text.
PARAMETER_OPERATORS = {**ORDER_OPERATORS, **{name: TEXT_OPERATORS[name] for name in ("in", "contains")}}

#: Standard text fields that conditions may name, as columns of ``contacts``.
TEXT_FIELDS = STANDARD_FIELDS
DATE_FIELDS = ("created_at", "updated_at")
#: Counters and times of ``contact_statistics``: messages, not clicks; a click is an open too.
STATISTICS: dict[str, tuple[LiteralString, LiteralString]] = {
    "sent": ("sent", "last_sent_at"),
    "opened": ("opened", "last_open_at"),
    "clicked": ("clicked", "last_click_at"),
    "ordered": ("orders", "last_order_at"),
}
#: What happened to messages, by the kinds of ``contact_activity`` that show it.
ACTIVITIES = {
    "sent": (),
    "delivered": (1,),
    "bounced": (2,),
    "opened": (3, 4),
    "clicked": (4,),
    "unsubscribed": (5,),
    "complained": (6,),
}
#: What can be asked of the engagement score: its band (``activity/engagement.py``) and the number.
ENGAGEMENT_PARTS = ("band", "at_least", "at_most")
#: What can be asked of orders, and whether the answer is a number.
ORDER_MEASURES = {"count": True, "sum": True, "average": True, "first_at": False, "last_at": False}
#: Orders that are no purchases, unless a condition names their status.
NO_PURCHASES = ("CANCELLED", "ABANDONED_SHOPPING_CART")
#: What is foreseen of a customer: columns of ``contact_predictions``, and how a sentence says them.
PREDICTIONS = {
    "churn": "churn probability",
    "orders_30_days": "expected orders in 30 days",
    "orders_90_days": "expected orders in 90 days",
    "order_value": "expected order value",
    "lifetime_value": "expected revenue of 12 months",
    "next_order": "predicted next order",
}
MESSAGE_CHANNELS = {"email": 1, "sms": 2, "webpush": 3, "mobilepush": 4, "viber": 5, "telegram": 6}
CHANNELS = {"email": "email_state", "sms": "sms_state", "webpush": "push_state"}
STATES = {"none": 0, "unconfirmed": 1, "subscribed": 2, "unsubscribed": 3}

MAX_DEPTH = 20
MAX_LEAVES = 500
#: Groups count too: segments that use each other could make millions of empty ones.
MAX_NODES = 2000
#: Days of a window at most: a hundred years.
MAX_DAYS = 36_525
#: Of the language this file describes. A tree does not carry it; the schema does (``schema.py``).
LANGUAGE_VERSION = 1


class Facet(Enum):
    """What a condition looks at: a change of anything else cannot change its answer."""

    FIELDS = "fields"
    LISTS = "lists"
    SUBSCRIPTIONS = "subscriptions"
    CATEGORIES = "categories"
    ACTIVITY = "activity"
    EVENTS = "events"
    ORDERS = "orders"
    RFM = "rfm"
    PREDICTIONS = "predictions"

    @property
    def bit(self) -> int:
        """Its bit in ``contact_changes.facets``."""
        return _BITS[self]


#: As the triggers of migrations 0046 and 0067 write them.
_BITS = {
    Facet.FIELDS: 1,
    Facet.LISTS: 2,
    Facet.SUBSCRIPTIONS: 4,
    Facet.CATEGORIES: 8,
    Facet.ACTIVITY: 16,
    Facet.EVENTS: 32,
    Facet.ORDERS: 64,
    Facet.RFM: 128,
    Facet.PREDICTIONS: 256,
}


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf of a compiled tree."""

    #: Its place, such as ``condition.all.2``.
    at: str
    facet: Facet
    #: What serves it.
    index: str
    #: Whether time alone changes its answer.
    moves: bool


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How a condition is understood and answered."""

    sentence: str
    leaves: list[Leaf]
    #: With ``%(v0)s`` where values are bound.
    statement: str
    values: dict[str, str]
    #: Lines of PostgreSQL's EXPLAIN.
    plan: list[str]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many contacts match."""

    contacts: int
    #: False: ``contacts`` is an estimate from a part of the account.
    is_exact: bool = True
    #: The true number is at most so far away, in 95 of 100 cases; 0 where it is exact.
    error: int = 0


class MoveCause(Enum):
    """Why a contact entered or left a segment."""

    #: The segment was new: nobody moved, they were there.
    FILLED = "filled"
    #: Something about the contact changed.
    CHANGE = "change"
    #: Time passed.
    TIME = "time"
    #: The segment's condition changed.
    DEFINITION = "definition"
    #: A rebuild found it otherwise.
    REBUILD = "rebuild"

    @property
    def code(self) -> int:
        """As ``segment_moves.cause`` and ``segment_states.cause`` keep it."""
        return CAUSES.index(self)


#: Why contacts move of themselves.
OF_LIFE = (MoveCause.CHANGE, MoveCause.TIME)
#: By the code that is kept.
CAUSES: tuple[MoveCause, ...] = (
    MoveCause.FILLED,
    MoveCause.CHANGE,
    MoveCause.TIME,
    MoveCause.DEFINITION,
    MoveCause.REBUILD,
)


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """How far the members of a segment are known, and how many there are."""

    segment_id: int
    #: Of those known so far.
    members: int
    #: False while they are worked out: the segment is new, was changed or is rebuilt.
    is_complete: bool
    #: How far that is, in percent.
    progress: int
    completed_at: datetime | None
    #: Why it is kept no longer: its condition cannot be answered.
    problem: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A contact who entered or left a segment."""

    contact_id: int
    segment_id: int
    entered: bool
    cause: MoveCause
    moved_at: datetime


class FollowedMove(msgspec.Struct, frozen=True, kw_only=True):
    """A move that somebody waits for."""

    account_id: int
    segment_id: int
    contact_id: int
    entered: bool
    #: Of this move alone.
    move_id: UUID
    moved_at: datetime


class GrowthDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day (UTC) in the life of a segment."""

    day: date
    entered: int
    left: int
    #: At its end, or now.
    members: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a plain count of a segment finds otherwise than its kept members."""

    segment_id: int
    missing: int
    surplus: int
    #: What the kept size is wrong by.
    size_off: int

"""The segment language: one JSON condition tree for segments, campaign audiences and contact search.

A tree is made of groups (``all``, ``any``, ``not``) and leaves. docs/segments.md describes it for users; the leaves
are the structs below, told apart by the member that names them.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

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
#: Dates, besides: within the last N days.
DATE_OPERATORS = {**ORDER_OPERATORS, "in_last_days": "is within the last days:"}

#: Standard text fields that conditions may name, as columns of ``contacts``.
TEXT_FIELDS = STANDARD_FIELDS
DATE_FIELDS = ("created_at", "updated_at")
#: Counters and times of ``contact_statistics``.
STATISTICS = {
    "sent": ("sent", "last_sent_at"),
    "opened": ("opened", "last_open_at"),
    "clicked": ("clicked", "last_click_at"),
    "ordered": ("orders", "last_order_at"),
}
CHANNELS = {"email": "email_state", "sms": "sms_state", "webpush": "push_state"}
STATES = {"none": 0, "unconfirmed": 1, "subscribed": 2, "unsubscribed": 3}

MAX_DEPTH = 20
MAX_LEAVES = 500

"""What kinds of values the parameters of events have: discovered from what comes, or declared.

A text that reads as a number, a moment or a truth is one, because shops write all values as texts. What was seen is
counted by kind, so that the type of a parameter is the same in whatever order its values came:

* one kind: that is the type;
* several of numbers, moments, truths and texts: ``string``, as which all of them can be read;
* lists or objects beside anything else: ``mixed``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec


class Kind(StrEnum):
    """What a value is. Members are in the order of the counters' columns."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    DATETIME = "datetime"
    STRING = "string"
    ARRAY = "array"
    OBJECT = "object"


#: Of a parameter whose values have nothing in common.
MIXED: Final = "mixed"
#: The same as conditions read: ``segments/history.py``.
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_NUMBER_LIMIT: Final = 100
#: ISO 8601: a day, or a day and a time with its offset, if any.
_MOMENT: Final = re.compile(
    r"[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?",
    re.ASCII,
)
_NESTED: Final = frozenset((Kind.ARRAY, Kind.OBJECT))


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a type of events, as it was seen."""

    name: str
    #: One of the kinds, or ``mixed``; as it was declared, if it was.
    type: str
    #: Events that bring anything else are refused.
    declared: bool
    #: How many values of each kind were seen.
    seen: dict[Kind, int]
    #: Values that are not of the commonest kind.
    conflicts: int
    #: When the newest event that brought it happened; null: none did yet.
    last_seen_at: datetime | None
    #: A value out of one of the newest events; null: they have none, or it names a person.
    example: Any = None


def kind_of(value: object) -> Kind | None:
    """What a value is; None for null and the empty text, which say nothing."""
    if isinstance(value, str):
        return _kind_of_text(value)
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, (int, float)):
        return Kind.NUMBER
    if isinstance(value, list):
        return Kind.ARRAY
    return Kind.OBJECT if isinstance(value, dict) else None


def _kind_of_text(value: str) -> Kind | None:
    if not value:
        return None
    if value[0] in "-0123456789":
        if len(value) <= _NUMBER_LIMIT and _NUMBER.fullmatch(value):
            return Kind.NUMBER
        return Kind.DATETIME if _is_moment(value) else Kind.STRING
    return Kind.BOOLEAN if value in ("true", "false") else Kind.STRING


def _is_moment(value: str) -> bool:
    if not _MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False  # 31 February
    return True


def fits(value: object, declared: Kind) -> bool:
    """Whether a value may stand where this kind is declared. What says nothing always may; any text is a string."""
    kind = kind_of(value)
    return kind is None or kind is declared or (declared is Kind.STRING and isinstance(value, str))


def type_of(seen: Mapping[Kind, int]) -> str:
    """The type of a parameter of which values of these kinds were seen; empty: none."""
    kinds = {kind for kind, count in seen.items() if count}
    if len(kinds) <= 1:
        return next(iter(kinds), "")
    return MIXED if kinds & _NESTED else Kind.STRING


def conflicts(seen: Mapping[Kind, int]) -> int:
    """How many values are not of the commonest kind."""
    return sum(seen.values()) - max(seen.values(), default=0)

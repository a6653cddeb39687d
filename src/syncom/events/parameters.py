"""What kinds of values the parameters of events have: discovered from what comes, or declared.

A text that reads as a number, a moment or a truth is one, because shops write all values as texts. What was seen is
counted by kind, so that the type of a parameter is the same in whatever order its values came:

* one kind: that is the type;
* several of numbers, moments, truths and texts: ``string``, as which all of them can be read;
* lists or objects beside anything else: ``mixed``.

What objects hold has names of its own, ``basket.total``, also in lists of them: ``products.price`` are the prices of
all products. A parameter that itself has a dotted name comes before such a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

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
#: The same as conditions read: ``segments/parameters.py``.
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_NUMBER_LIMIT: Final = 100
#: ISO 8601: a day that there is, or one and a time with its offset, if any. Python and PostgreSQL both read this.
MOMENT_PATTERN: Final = (
    r"(?:[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29)"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?)?"
)
_MOMENT: Final = re.compile(MOMENT_PATTERN, re.ASCII)
NESTED_KINDS: Final = frozenset((Kind.ARRAY, Kind.OBJECT))
#: Names in a dotted one, and elements of a list that are looked at to discover any.
_DEPTH_LIMIT: Final = 5
_ELEMENTS_LIMIT: Final = 50


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
        return Kind.DATETIME if is_moment(value) else Kind.STRING
    return Kind.BOOLEAN if value in ("true", "false") else Kind.STRING


def is_moment(value: str) -> bool:
    """Whether a text is a day or a time."""
    return _MOMENT.fullmatch(value) is not None


def values_at(params: Mapping[str, Any], name: str) -> list[Any]:
    """What a name, maybe a dotted one, leads to: none, one, or several where lists are on the way."""
    if name in params:
        return [params[name]]
    found: list[Any] = [params]
    for step in name.split("."):
        found = [one[step] for one in _objects(found) if step in one]
    return found


def nested(name: str, value: object) -> Iterator[tuple[str, Any]]:
    """Dotted names of what a parameter holds, with each value; of long lists and deep objects the beginning."""
    waiting: list[tuple[str, object, int]] = [(name, value, 1)]
    while waiting:
        above, holder, depth = waiting.pop()
        for one in _objects([holder], _ELEMENTS_LIMIT):
            for key, inner in one.items():
                dotted = f"{above}.{key}"
                yield dotted, inner
                if depth < _DEPTH_LIMIT - 1 and kind_of(inner) in NESTED_KINDS:
                    waiting.append((dotted, inner, depth + 1))


def _objects(values: list[Any], limit: int | None = None) -> Iterator[Mapping[str, Any]]:
    """The objects among values, and in lists that are among them."""
    for value in values:
        elements = cast("list[Any]", value)[:limit] if isinstance(value, list) else [value]
        yield from (one for one in elements if isinstance(one, dict))


def fits(value: object, declared: Kind) -> bool:
    """Whether a value may stand where this kind is declared. What says nothing always may; any text is a string."""
    kind = kind_of(value)
    return kind is None or kind is declared or (declared is Kind.STRING and isinstance(value, str))


def type_of(seen: Mapping[Kind, int]) -> str:
    """The type of a parameter of which values of these kinds were seen; empty: none."""
    kinds = {kind for kind, count in seen.items() if count}
    if len(kinds) <= 1:
        return next(iter(kinds), "")
    return MIXED if kinds & NESTED_KINDS else Kind.STRING


def conflicts(seen: Mapping[Kind, int]) -> int:
    """How many values are not of the commonest kind."""
    return sum(seen.values()) - max(seen.values(), default=0)

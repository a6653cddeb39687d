"""What an event's parameters must be: ``{"city": "Lviv", "total": {"gte": 100}}``. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from syncom.errors import Invalid
from syncom.events.parameters import values_at

WHERE_LIMIT: Final = 20
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
COMPARISONS: Final = (*_ORDER, "is", "not", "in", "contains", "exists")


def check_where(where: Mapping[str, Any], at: str) -> None:
    """Raises Invalid with the parameter's place."""
    if len(where) > WHERE_LIMIT:
        raise Invalid(at, f"must be at most {WHERE_LIMIT} parameters")
    for name, value in where.items():
        if isinstance(value, Mapping):
            _check_comparisons(cast("Mapping[str, Any]", value), f"{at}.{name}")
        elif not _is_plain(value):
            raise Invalid(f"{at}.{name}", "must be a text, a number, true or false, or comparisons")


def _check_comparisons(value: Mapping[str, Any], at: str) -> None:
    if not value:
        raise Invalid(at, f"must have one of {', '.join(COMPARISONS)}")
    for name, wanted in value.items():
        if name not in COMPARISONS:
            raise Invalid(f"{at}.{name}", f"is not known; there are {', '.join(COMPARISONS)}")
        if name == "in":
            if not isinstance(wanted, list) or not all(_is_plain(one) for one in cast("list[object]", wanted)):
                raise Invalid(f"{at}.in", "must be a list of texts and numbers")
        elif name == "exists":
            if not isinstance(wanted, bool):
                raise Invalid(f"{at}.exists", "must be true or false")
        elif not _is_plain(wanted):
            raise Invalid(f"{at}.{name}", "must be a text or a number")


def fits(where: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether parameters are as they must be.

    Names lead where those of conditions do: a dotted one into objects, and a list stands for each of its elements, one
    of which has to do.
    """
    return all(_passes(_values(params, name), wanted) for name, wanted in where.items())


def value_at(params: Mapping[str, Any], path: str) -> Any:
    """The first value that a name leads to; None where it leads to none."""
    return next(iter(_values(params, path)), None)


def _values(params: Mapping[str, Any], name: str) -> list[Any]:
    found: list[Any] = []
    for value in values_at(params, name):
        found += cast("list[Any]", value) if isinstance(value, list) else [value]
    return found


def _passes(values: Sequence[Any], wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return _is_any(values, wanted)
    return all(_compares(values, name, other) for name, other in cast("Mapping[str, Any]", wanted).items())


def _compares(values: Sequence[Any], name: str, wanted: Any) -> bool:
    match name:
        case "exists":
            return bool(values) == wanted
        case "is":
            return _is_any(values, wanted)
        case "not":
            return not _is_any(values, wanted)
        case "in":
            return any(_is_any(values, one) for one in cast("Sequence[Any]", wanted))
        case "contains":
            return any(_text(wanted) in _text(value) for value in values)
        case _:
            return any(_is_ordered(value, _ORDER[name], wanted) for value in values)


def _is_any(values: Sequence[Any], wanted: Any) -> bool:
    """A number equals its text: version 1 of eSputnik's method sends texts."""
    text = _text(wanted)
    return any(_text(value) == text for value in values)


def _is_ordered(value: Any, ordered: Callable[[Any, Any], bool], wanted: Any) -> bool:
    number, other = _number(value), _number(wanted)
    if number is not None and other is not None:
        return ordered(number, other)
    return isinstance(value, str) and isinstance(wanted, str) and ordered(value, wanted)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float, bool))

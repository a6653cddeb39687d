"""What an event's parameters must be: ``{"city": "Lviv", "total": {"gte": 100}}``. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from syncom.errors import Invalid

WHERE_LIMIT: Final = 20
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_COMPARISONS: Final = (*_ORDER, "is", "not", "in", "contains", "exists")


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
        raise Invalid(at, f"must have one of {', '.join(_COMPARISONS)}")
    for name, wanted in value.items():
        if name not in _COMPARISONS:
            raise Invalid(f"{at}.{name}", f"is not known; there are {', '.join(_COMPARISONS)}")
        if name == "in":
            if not isinstance(wanted, list) or not all(_is_plain(one) for one in cast("list[object]", wanted)):
                raise Invalid(f"{at}.in", "must be a list of texts and numbers")
        elif name == "exists":
            if not isinstance(wanted, bool):
                raise Invalid(f"{at}.exists", "must be true or false")
        elif not _is_plain(wanted):
            raise Invalid(f"{at}.{name}", "must be a text or a number")


def fits(where: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether parameters are as they must be. A dotted name reaches into objects, and into lists by place."""
    return all(_passes(_at(params, name), wanted) for name, wanted in where.items())


_MISSING: Final = object()


def value_at(params: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    found = _at(params, path)
    return None if found is _MISSING else found


def _at(params: Mapping[str, Any], path: str) -> Any:
    if path in params:
        return params[path]
    here: Any = params
    for part in path.split("."):
        if isinstance(here, Mapping) and part in here:
            here = cast("Mapping[str, Any]", here)[part]
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(cast("list[Any]", here)):
            here = cast("list[Any]", here)[int(part)]
        else:
            return _MISSING
    return here


def _passes(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return value is not _MISSING and _text(value) == _text(wanted)
    return all(_compares(value, name, other) for name, other in cast("Mapping[str, Any]", wanted).items())


def _compares(value: Any, name: str, wanted: Any) -> bool:
    if name == "exists":
        return (value is not _MISSING) == wanted
    if name == "not":
        return value is _MISSING or _text(value) != _text(wanted)
    if value is _MISSING:
        return False
    if name == "is":
        return _text(value) == _text(wanted)
    if name == "in":
        return _text(value) in {_text(one) for one in cast("Sequence[Any]", wanted)}
    if name == "contains":
        if isinstance(value, list):
            return _text(wanted) in [_text(one) for one in cast("list[Any]", value)]
        return _text(wanted) in _text(value)
    number, other = _number(value), _number(wanted)
    if number is not None and other is not None:
        return _ORDER[name](number, other)
    return isinstance(value, str) and isinstance(wanted, str) and _ORDER[name](value, wanted)


def _number(value: Any) -> float | None:
    """A number, also one that came as text: version 1 of eSputnik's method sends texts."""
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

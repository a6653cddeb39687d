"""Methods of numbers and of true and false."""

from __future__ import annotations

import math
from typing import Any

from syncom.content.velocity import java
from syncom.content.velocity.model import VelocityError
from syncom.content.velocity.run import Run
from syncom.content.velocity.signatures import ANY, INT, Methods


def _int_value(_run: Run, value: float) -> int:
    if isinstance(value, float):
        return max(-INT, min(INT - 1, java.whole(value)))
    return java.wrapped(value)


def _long_value(_run: Run, value: float) -> int:
    return java.whole(value) if isinstance(value, float) else value


def _double_value(_run: Run, value: float) -> float:
    return float(java.checked(value) if isinstance(value, int) else value)


def _compare_numbers(_run: Run, value: float, other: float) -> int:
    return (value > other) - (value < other)


def _parse_whole(_run: Run, _value: Any, text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isdecimal() and len(digits) < 20):
        raise VelocityError(f'"{text[:30]}" is not a whole number')
    return int(text)


def _parse_double(_run: Run, _value: Any, text: str) -> float:
    shown = text.strip()
    try:
        if len(shown) < 100 and "_" not in shown:
            return float(shown)
    except ValueError:
        pass
    raise VelocityError(f'"{text[:30]}" is not a number')


def _is_nan(_run: Run, value: float) -> bool:
    return math.isnan(value)


def _itself(_run: Run, value: bool) -> bool:
    return value


_NUMBER: Methods = ANY | {
    "compareTo": (("n", _compare_numbers),),
    "doubleValue": (("", _double_value),),
    "floatValue": (("", _double_value),),
    "intValue": (("", _int_value),),
    "longValue": (("", _long_value),),
    "parseDouble": (("s", _parse_double),),
    "parseInt": (("s", _parse_whole),),
    "parseLong": (("s", _parse_whole),),
}
WHOLE: Methods = _NUMBER | {"valueOf": (("s", _parse_whole), ("n", _long_value))}
DOUBLE: Methods = _NUMBER | {
    "isNaN": (("", _is_nan),),
    "valueOf": (("s", _parse_double),),
}
BOOLEAN: Methods = ANY | {"booleanValue": (("", _itself),)}

"""``$mathTool``, the MathTool of Velocity Tools 2. Texts count as numbers; without a number the result is missing."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from syncom.content.velocity import java
from syncom.content.velocity.run import Run

_Number = int | float


def number(value: Any) -> _Number | None:
    """A number, or None: a text is read as one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > 50 or "_" in value:
        return None
    shown = value.strip()
    try:
        return int(shown)
    except ValueError:
        pass
    try:
        return float(shown)
    except ValueError:
        return None


def _of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Numbers in, a number of the same kind out; None when that cannot be."""

    def called(_run: Run, _tool: Any, *arguments: Any) -> _Number | None:
        numbers = [number(argument) for argument in arguments]
        if None in numbers:
            return None
        try:
            result = function(*numbers)
        except (ArithmeticError, ValueError):
            return None
        if isinstance(result, complex) or result is None:
            return None
        return java.checked(result) if isinstance(result, int) else result

    return called


def _of_all(function: Callable[[list[_Number]], Any]) -> Callable[..., Any]:
    def called(run: Run, _tool: Any, members: list[Any]) -> Any:
        run.pay(10 * len(members))
        numbers = [found for member in members if (found := number(member)) is not None]
        return function(numbers) if numbers else None

    return called


def _divided(one: _Number, two: _Number) -> float:
    return one / two


def _mean(numbers: list[_Number]) -> float:
    return sum(numbers) / len(numbers)


def _power(base: _Number, exponent: _Number) -> _Number:
    result = math.pow(base, exponent)
    whole = isinstance(base, int) and isinstance(exponent, int) and result.is_integer()
    return int(result) if whole and abs(result) < 1 << 63 else result


def _quotient(one: _Number, two: _Number) -> int:
    return math.trunc(math.trunc(one) / math.trunc(two)) if abs(one) < 1 << 50 else math.trunc(one) // math.trunc(two)


def _remainder(one: _Number, two: _Number) -> int:
    return int(math.fmod(math.trunc(one), math.trunc(two)))


def _to_decimals(digits: _Number, value: _Number) -> float:
    return float(java.rounded(float(value), max(-15, min(15, int(digits)))))


MATH: dict[str, tuple[tuple[str, Callable[..., Any]], ...]] = {
    "abs": (("o", _of(abs)),),
    "add": (("oo", _of(operator.add)),),
    "ceil": (("o", _of(math.ceil)),),
    "div": (("oo", _of(_divided)),),
    "floor": (("o", _of(math.floor)),),
    "getAverage": (("l", _of_all(_mean)),),
    "getTotal": (("l", _of_all(sum)),),
    "idiv": (("oo", _of(_quotient)),),
    "max": (("oo", _of(max)),),
    "min": (("oo", _of(min)),),
    "mod": (("oo", _of(_remainder)),),
    "mul": (("oo", _of(operator.mul)),),
    "pow": (("oo", _of(_power)),),
    "round": (("o", _of(round)),),
    "roundTo": (("oo", _of(_to_decimals)),),
    "sub": (("oo", _of(operator.sub)),),
    "toDouble": (("o", _of(float)),),
    "toInteger": (("o", _of(math.trunc)),),
    "toNumber": (("o", _of(operator.pos)),),
}

"""How Java prints and formats: numbers, String.format, regular expressions, UTF-16 places."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, cast

import re2

from syncom.content.velocity.model import VelocityError

#: Whole numbers stay below this; Java would go on with BigInteger.
MAX_INTEGER = 1 << 200
_MAX_WIDTH = 1_000
_MAX_PATTERN = 500
_FORMAT = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
_UNREADABLE = cast("type[Exception]", re2.error)
_META = re.compile(r"[\\^$.|?*+()\[\]{}]")
_REPLACED = re.compile(r"\\(.)|\$(\d)|[\\$]", re.DOTALL)


def double(value: float) -> str:
    """A double as Java prints it: 12.0, 1.0E8."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(value)
        if "e" not in text:
            return text
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{power}"


def checked(number: int) -> int:
    """A whole number of a size that costs nothing."""
    if -MAX_INTEGER < number < MAX_INTEGER:
        return number
    raise VelocityError("a number becomes too large")


def whole(value: float) -> int:
    """(long) of a double: cut off, within 64 bits."""
    if math.isnan(value):
        return 0
    return max(-(1 << 63), min((1 << 63) - 1, int(value) if math.isfinite(value) else int(math.copysign(1e300, value))))


def wrapped(value: int) -> int:
    """(int) of a whole number."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def rounded(value: float, digits: int) -> Decimal:
    """Half up, of the digits that Java prints."""
    if not math.isfinite(value):
        raise VelocityError(f"{double(value)} cannot be rounded")
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


# --- places in UTF-16, as Java counts them


def length(text: str) -> int:
    return len(text) if _is_plain(text) else len(text.encode("utf-16-le", "surrogatepass")) // 2


def part(text: str, start: int, end: int) -> str:
    """substring. Raises VelocityError for a place outside of the text."""
    size = length(text)
    if not 0 <= start <= end <= size:
        raise VelocityError(f"there is no part from {start} to {end} in a text of {size} characters")
    if size == len(text):
        return text[start:end]
    units = text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end]
    return units.decode("utf-16-le", "replace")


def place(text: str, at: int) -> int:
    """A place as Python counts it, as Java counts it."""
    return at if at <= 0 or _is_plain(text) else length(text[:at])


def _is_plain(text: str) -> bool:
    return text.isascii() or max(text) <= "\uffff"


# --- regular expressions: RE2, because its time grows with the text and not with its powers


def pattern(source: str) -> Any:
    """Raises VelocityError for a pattern that cannot be read."""
    if len(source) > _MAX_PATTERN:
        raise VelocityError(f"a regular expression is longer than {_MAX_PATTERN} characters")
    compiled = _compiled(source)
    if isinstance(compiled, str):
        raise VelocityError(f"the regular expression {source[:40]} cannot be used: {compiled[:100]}")
    return compiled


@lru_cache(256)
def _compiled(source: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(source, options)
    except _UNREADABLE as error:
        cause = error.args[0]
        return cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)


def is_literal(source: str) -> bool:
    return not _META.search(source)


def replacement(source: str, match: Any) -> str:
    """The replacement of one match: ``$1`` is a group, a backslash takes the next sign as it is."""

    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        if found[2] and int(found[2]) <= match.re.groups:
            return match.group(int(found[2])) or ""
        raise VelocityError(f"{found.group()} is no group of the regular expression")

    return _REPLACED.sub(replaced, source)


# --- String.format


def formatted(form: str, values: Sequence[Any], text: Any) -> str:
    """Java's String.format in the US locale: %s %d %f %e %x %c %b %% %n with flags. ``text`` prints a value."""
    pieces: list[str] = []
    at = next_value = 0
    while (start := form.find("%", at)) >= 0:
        found = _FORMAT.match(form, start)
        if found is None:
            raise VelocityError(f"the format {form[start : start + 10]} cannot be read")
        pieces.append(form[at:start])
        at = found.end()
        kind = found[5]
        if kind in "%n":
            pieces.append("%" if kind == "%" else "\n")
            continue
        number = int(found[1]) - 1 if found[1] and len(found[1]) < 4 else next_value
        next_value += 0 if found[1] else 1
        if not 0 <= number < len(values):
            raise VelocityError(f"{found.group()} has no value")
        pieces.append(_field(found, values[number], text))
    pieces.append(form[at:])
    return "".join(pieces)


def _field(found: re.Match[str], value: Any, text: Any) -> str:
    flags, kind = found[2], found[5]
    width = _size(found[3])
    precision = None if found[4] is None else _size(found[4])
    if kind in "dxXfFeE" and value is not None:
        shown = _number(kind, value, flags, precision, found.group())
        sign = "-" if shown.startswith("-") else "+" if "+" in flags else " " if " " in flags else ""
        digits = shown.removeprefix("-")
        if "0" in flags and "-" not in flags:
            digits = digits.zfill(width - len(sign))
        if "(" in flags and sign == "-":
            return f"({digits})".rjust(width)
        return _padded(sign + digits, flags, width)
    if kind in "bB":
        shown = "true" if value is True or (value is not None and value is not False) else "false"
    elif kind in "sS" or value is None:
        shown = "null" if value is None else str(text(value))
    elif kind in "cC" and isinstance(value, str) and len(value) == 1:
        shown = value
    else:
        raise VelocityError(f"{found.group()} does not fit its value")
    if precision is not None:
        shown = shown[:precision]
    return _padded(shown.upper() if kind.isupper() else shown, flags, width)


def _number(kind: str, value: Any, flags: str, precision: int | None, shown: str) -> str:
    fits = isinstance(value, int) if kind in "dxX" else isinstance(value, float)
    if isinstance(value, bool) or not fits:
        raise VelocityError(f"{shown} does not fit its value")
    if kind == "d":
        return f"{value:,d}" if "," in flags else str(value)
    if kind in "xX":
        return format(cast("int", value) % (1 << 64) if value < 0 else value, kind)
    digits = 6 if precision is None else precision
    if kind in "eE":
        return format(value, f".{min(digits, 50)}{kind}")
    exact = rounded(value, min(digits, 50))
    return f"{exact:,f}" if "," in flags else f"{exact:f}"


def _size(digits: str | None) -> int:
    size = int(digits) if digits and len(digits) < 6 else 0 if not digits else _MAX_WIDTH + 1
    if size > _MAX_WIDTH:
        raise VelocityError(f"a format is wider than {_MAX_WIDTH:,} characters")
    return size


def _padded(shown: str, flags: str, width: int) -> str:
    return shown.ljust(width) if "-" in flags else shown.rjust(width)

"""What a template can reach: these functions and nothing else.

Every function that touches a value pays for it from the budget of the render, so that no template, whatever its
loops, costs more than a fraction of a second or a few megabytes. minijinja counts its own steps (fuel) besides.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from minijinja import Environment, TemplateError, safe

from syncom.content.language import (
    BLOCK_END,
    BLOCK_START,
    COMMENT_END,
    COMMENT_START,
    EXPRESSION_END,
    EXPRESSION_START,
)
from syncom.content.model import RenderError
from syncom.content.own import Link, Picked

#: Largest subject, HTML or text of one mail, in characters.
MAX_OUTPUT = 1_000_000
#: minijinja's steps for one part of a mail: a table of 1,000 rows takes some 20,000.
_FUEL = 100_000
#: Characters that one render may touch; every call costs some besides.
_BUDGET = 3_000_000
_CALL = 40
_MAX_LIST = 10_000
_MAX_INTEGER = 1 << 63


class Sandbox:
    """A minijinja environment with our functions only. One for each content; not for use by several threads."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        self._left = 0
        self._make_link: Link = _no_link
        self._picked: Picked = {}
        self._environment = _bare_environment()
        for name, function in self._functions().items():
            self._environment.add_global(name, function)
        for name, source in templates.items():
            self._environment.add_template(name, source)

    def render(
        self, templates: Sequence[str], values: Mapping[str, object], link: Link, picked: Picked | None = None
    ) -> list[str]:
        """Render the named templates with one budget. ``link`` makes the address of a personal link, ``picked`` are
        the products that were looked up for this recipient.

        Raises RenderError naming the merge field, or the template when it is too large or too slow.
        """
        self._left = _BUDGET
        self._make_link = link
        self._picked = picked or {}
        return [self._render(name, values) for name in templates]

    def _render(self, name: str, values: Mapping[str, object]) -> str:
        try:
            text = self._environment.render_template(name, **values)
        except TemplateError as error:
            if error.kind == "OutOfFuel":
                raise RenderError(name, "the template does too much; make its loops shorter") from None
            raise RenderError(name, f"the template fails: {error.message}") from None
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise RenderError(name, f"the template fails: {error}") from None
        if len(text) > MAX_OUTPUT:
            raise RenderError(name, f"is larger than {MAX_OUTPUT:,} characters")
        return text

    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {
            "_print": self._print,
            "_print_html": self._print_html,
            "_part": self._part,
            "_begin": self._print,
            "_begin_html": self._print_html,
            "_link": self._link,
            "_link_html": self._link_html,
            "_spend": self._spend,
            "_iterate": self._iterate,
            "_need": _need,
            "_get": _get,
            "_compare": self._compare,
            "_operate": self._operate,
            "_test": _test,
            "_range": self._range,
            "_products": self._products,
            "_safe": safe,
            "_default": _default,
            **{f"_{name}": self._paid(function) for name, function in _FILTERS.items()},
        }

    def _pay(self, *values: object) -> None:
        cost = _CALL
        for value in values:
            cost += _cost(value)
        self._left -= cost
        if self._left < 0:
            raise RenderError("template", "does too much; make its loops or its values smaller")

    def _spend(self, characters: int) -> str:
        self._left -= characters
        self._pay()
        return ""

    def _paid(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def paid(value: object, *arguments: object) -> Any:
            self._pay(value, *arguments)
            result = function(value, *arguments)
            self._pay(result)
            return result

        return paid

    def _print(self, value: object, label: str) -> str:
        text = printed(value, label)
        self._pay(text)
        return text

    def _print_html(self, value: object, label: str) -> str:
        text = printed(value, label)
        self._pay(text)
        return text if hasattr(value, "__html__") else escape(text)

    def _part(self, value: object, label: str) -> str:
        text = printed(value, label)
        self._pay(text)
        return url_part(text)

    def _link(self, number: int, target: str) -> str:
        return self._make_link(number, target)

    def _link_html(self, number: int, target: str) -> str:
        return self._make_link(number, html.unescape(target))

    def _iterate(self, value: object) -> list[Any]:
        self._pay(value)
        if isinstance(value, list | tuple):
            return list(cast("Sequence[Any]", value))
        if isinstance(value, dict):
            return list(cast("dict[str, Any]", value))
        if value is None or value == "":
            return []
        raise RenderError("template", f"a loop needs a list, not {_shown(value)}")

    def _range(self, start: object, end: object = None, step: object = 1) -> list[int]:
        if end is None:
            start, end = 0, start
        if not (_is_integer(start) and _is_integer(end) and _is_integer(step)) or step == 0:
            raise RenderError("template", "range takes whole numbers, and a step that is not 0")
        numbers = range(cast("int", start), cast("int", end), cast("int", step))
        # Not len(): that fails for a range beyond 64 bits.
        if numbers and abs(numbers[-1] - numbers[0]) // abs(numbers.step) >= _MAX_LIST:
            raise RenderError("template", f"range goes to {_MAX_LIST:,} at most")
        self._pay()
        self._left -= len(numbers)
        return list(numbers)

    def _products(self, key: str) -> list[Any]:
        found = list(self._picked.get(key, ()))
        self._pay(found)
        return found

    def _compare(self, sign: str, left: Any, right: Any) -> bool:
        self._pay(left, right)
        if sign == "==":
            return left == right
        if sign == "!=":
            return left != right
        if left is None or right is None:
            return False
        try:
            if sign == "in":
                return left in right
            if sign == "<":
                return left < right
            if sign == ">":
                return left > right
            return left <= right if sign == "<=" else left >= right
        except TypeError:
            raise RenderError(
                "template",
                f"{_shown(left)} and {_shown(right)} cannot be compared by {sign}; try |int or |float",
            ) from None

    def _operate(self, sign: str, left: Any, right: Any) -> Any:
        self._pay(left, right)
        if sign == "~" or (sign == "+" and isinstance(left, str) and isinstance(right, str)):
            return printed(left, "text") + printed(right, "text")
        if not (_is_number(left) and _is_number(right)):
            raise RenderError(
                "template", f"{_shown(left)} {sign} {_shown(right)} needs two numbers; try |int, |float or ~"
            )
        return _arithmetic(sign, cast("int | float", left), cast("int | float", right))


def printed(value: object, label: str) -> str:
    """A value as it stands in the mail. Raises RenderError when there is none."""
    if isinstance(value, str):
        return value
    if value is None:
        raise RenderError(label, 'has no value for this recipient; give it a default: |default("…")')
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # 12.0 is what JSON and spreadsheets make of 12.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list | tuple):
        members = cast("Sequence[object]", value)
        if all(isinstance(member, str | int | float) for member in members):
            return ", ".join(printed(member, label) for member in members)
    raise RenderError(label, "is not a text or a number; name one of its members")


def escape(text: str) -> str:
    """A value inside HTML text or a quoted attribute."""
    return html.escape(text, quote=True)


def url_part(text: str) -> str:
    """A value inside a URL: percent-encoded, so that it can neither end the address nor add to its parameters."""
    return quote(text, safe="")


def _bare_environment() -> Environment:
    environment = Environment(
        debug=False,
        fuel=_FUEL,
        pycompat=False,
        undefined_behavior="lenient",
        keep_trailing_newline=True,
        # Printing escapes by itself: one rule for the engine and for the fast path.
        auto_escape_callback=_never,
        variable_start_string=EXPRESSION_START,
        variable_end_string=EXPRESSION_END,
        block_start_string=BLOCK_START,
        block_end_string=BLOCK_END,
        comment_start_string=COMMENT_START,
        comment_end_string=COMMENT_END,
    )
    for name in ("range", "dict", "namespace", "debug"):
        environment.remove_global(name)
    return environment


def _never(name: str) -> bool:
    return False


def _no_link(number: int, target: str) -> str:
    raise RenderError("template", "a link stands where none can be")


def _need(value: object, path: str) -> object:
    if value is None:
        raise RenderError(path, 'has no value for this recipient; give it a default: |default("…")')
    return value


def _get(value: object, key: object) -> object:
    """A member of an object or of a list; None when there is none. Attributes of Python objects are out of reach."""
    if isinstance(value, dict):
        members = cast("dict[object, object]", value)
        if isinstance(key, str | int) and key in members:
            found = members[key]
            return "" if found is None else found
        return None
    if isinstance(value, list | tuple) and _is_integer(key):
        listed = cast("Sequence[object]", value)
        place = cast("int", key)
        return listed[place] if -len(listed) <= place < len(listed) else None
    return None


def _default(value: object, fallback: object = "", falsy: object = False) -> object:
    """The value, or the fallback when it is missing or empty (with a second argument: also 0 and false)."""
    if value is None or value == "" or (falsy and not value):
        return fallback
    return value


def _test(name: str, value: object) -> bool:
    match name:
        case "defined":
            return value is not None
        case "undefined" | "none":
            return value is None
        case "odd":
            return _is_integer(value) and cast("int", value) % 2 == 1
        case "even":
            return _is_integer(value) and cast("int", value) % 2 == 0
        case "number":
            return _is_number(value)
        case _:
            return isinstance(value, str)


def _arithmetic(sign: str, left: int | float, right: int | float) -> int | float:
    try:
        match sign:
            case "+":
                result = left + right
            case "-":
                result = left - right
            case "*":
                result = left * right
            case "/":
                result = left / right
            case "//":
                result = left // right
            case _:
                result = left % right
    except (ZeroDivisionError, OverflowError):
        raise RenderError("template", f"{left} {sign} {right} cannot be computed") from None
    if abs(result) >= _MAX_INTEGER:
        raise RenderError("template", f"{left} {sign} {right} is too large")
    # 0.1 + 0.2 is 0.3 for everybody who reads mail.
    return round(result, 10) if isinstance(result, float) else result


def _cost(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list | tuple | dict):
        return 20 * len(cast("Sequence[object]", value))
    return 0


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_INTEGER


def _is_number(value: object) -> bool:
    return isinstance(value, float) or _is_integer(value)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value[:20]}"'
    return str(value) if isinstance(value, int | float) else "a list or an object"


def _members(value: object, attribute: object) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, list | tuple | dict):
        raise RenderError("template", f"a list is needed, not {_shown(value)}")
    listed = list(cast("Sequence[Any]", value))
    if attribute is None:
        return listed
    members: list[Any] = []
    for member in listed:
        found: object = member
        for key in str(attribute).split("."):
            found = _get(found, key)
        members.append(found)
    return members


def _join(value: object, separator: object = "", attribute: object = None) -> str:
    members = _members(value, attribute)
    between = printed(separator, "separator")
    if len(between) * len(members) > MAX_OUTPUT:
        raise RenderError("template", "joins too much")
    return between.join(printed(member, "a member of the list") for member in members)


def _replace(value: object, old: object = None, new: object = None) -> str:
    text, what, by = printed(value, "text"), printed(old, "old"), printed(new, "new")
    if what and text.count(what) * len(by) > MAX_OUTPUT:
        raise RenderError("template", "replaces too much")
    return text.replace(what, by) if what else text


def _number(value: object, convert: Callable[[Any], int | float]) -> int | float:
    try:
        number = convert(value.strip().replace(",", ".")[:40] if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        raise RenderError("template", f"{_shown(value)} is not a number") from None
    if not abs(number) < _MAX_INTEGER:
        raise RenderError("template", f"{_shown(value)} is too large")
    return number


def _whole(value: Any) -> int:
    return int(float(value)) if isinstance(value, str) and "." in value else int(value)


def _rounded(value: object, precision: object = 0) -> int | float:
    number = _number(value, float)
    digits = precision if _is_integer(precision) else 0
    result = round(number, max(-15, min(15, cast("int", digits))))
    return int(result) if digits == 0 else result


def _ordered(value: object, attribute: object = None) -> list[Any]:
    members = _members(value, None)
    keys = _members(members, attribute)
    try:
        places = sorted(range(len(members)), key=keys.__getitem__)
    except TypeError:
        raise RenderError("template", "a list of different kinds of values cannot be sorted") from None
    return [members[place] for place in places]


def _extreme(choose: Callable[[list[Any]], Any]) -> Callable[[object], Any]:
    def extreme(value: object) -> Any:
        members = _members(value, None)
        try:
            return choose(members) if members else None
        except TypeError:
            raise RenderError("template", "different kinds of values cannot be compared") from None

    return extreme


def _sum(value: object, attribute: object = None) -> int | float:
    total: int | float = 0
    for member in _members(value, attribute):
        total = _arithmetic("+", total, _number(member, _as_number))
    return total


def _as_number(value: Any) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() and not isinstance(value, float) else number


def _end(place: int) -> Callable[[object], Any]:
    def end(value: object) -> Any:
        members = value if isinstance(value, str) else _members(value, None)
        return members[place] if members else None

    return end


def _length(value: object) -> int:
    if isinstance(value, str | list | tuple | dict):
        return len(cast("Sequence[object]", value))
    raise RenderError("template", f"{_shown(value)} has no length")


def _items(value: object) -> list[list[Any]]:
    if not isinstance(value, dict):
        raise RenderError("template", "items needs an object")
    return [[key, member] for key, member in cast("dict[str, Any]", value).items()]


def _reverse(value: object) -> str | list[Any]:
    return value[::-1] if isinstance(value, str) else _members(value, None)[::-1]


def _truncate(value: object, length: object = 255) -> str:
    text = printed(value, "text")
    limit = max(1, cast("int", length)) if _is_integer(length) else 255
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _title(value: object) -> str:
    # Not str.title(): that makes "O'Neill'S".
    return " ".join(word[:1].upper() + word[1:].lower() for word in printed(value, "text").split(" "))


def _of_text(change: Callable[[str], str]) -> Callable[[object], str]:
    def changed(value: object) -> str:
        return change(printed(value, "text"))

    return changed


def _absolute(value: object) -> int | float:
    return abs(_number(value, _as_number))


def _escaped(value: object) -> object:
    return value if hasattr(value, "__html__") else safe(escape(printed(value, "text")))


def _float(value: object) -> int | float:
    return _number(value, float)


def _int(value: object) -> int | float:
    return _number(value, _whole)


def _map(value: object, attribute: object = None) -> list[Any]:
    return _members(value, attribute)


_FILTERS: dict[str, Callable[..., Any]] = {
    "abs": _absolute,
    "capitalize": _of_text(str.capitalize),
    "escape": _escaped,
    "first": _end(0),
    "float": _float,
    "int": _int,
    "items": _items,
    "join": _join,
    "last": _end(-1),
    "length": _length,
    "lower": _of_text(str.lower),
    "map": _map,
    "max": _extreme(max),
    "min": _extreme(min),
    "replace": _replace,
    "reverse": _reverse,
    "round": _rounded,
    "safe": _of_text(safe),
    "sort": _ordered,
    "sum": _sum,
    "title": _title,
    "trim": _of_text(str.strip),
    "truncate": _truncate,
    "upper": _of_text(str.upper),
    "urlencode": _of_text(url_part),
}

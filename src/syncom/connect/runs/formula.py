"""Formulas: small JSON expressions that shape requests and outputs (membrane-api, 5.4).

A formula is plain JSON in which an object with one member that begins with ``$`` stands for a value made of others;
everything else stands for itself. Evaluating is pure and bounded: it reads the scope, touches nothing, and ends.

>>> evaluate({"title": {"$var": "$.input.name"}}, {"input": {"name": "Olena"}})
{'title': 'Olena'}

A member whose value is not there (``$var`` of something absent) is left out of its object or list; ``null`` stays.
``docs/agents.md`` lists the operators with examples.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import quote

from syncom.errors import Invalid, SyncomError

#: How deep a formula may be nested.
MAX_DEPTH: Final = 64
#: Values that one evaluation may make.
MAX_STEPS: Final = 200_000
#: Characters that all texts made by one evaluation may have together.
MAX_TEXT: Final = 16_000_000

Value = Any


class FormulaError(Invalid):
    """A formula that cannot be evaluated; the field is the place of the wrong part, such as ``$.body.title``."""

    code = "formula"


class GivenUp(SyncomError):
    """``$fail``: an action that cannot go on says why. ``code`` is its key, such as not_found."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.code = key


class _Missing:
    """What a path that leads nowhere gives."""

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


def evaluate(formula: Value, scope: Mapping[str, Any], *, place: str = "$") -> Value:
    """The value of a formula over the members of ``scope``. Raises FormulaError."""
    found = _Evaluation(scope, for_path=False).of(formula, place, 0)
    return None if found is MISSING else found


def evaluate_path(formula: Value, scope: Mapping[str, Any], *, place: str = "$.path") -> str:
    """A path of a URL. Whatever is put into a text is percent-encoded as one segment, so that a value can add no
    further segments, no query and no host; ``{name}`` in a plain text is a member of the input. A formula that is a
    value as a whole (``{"$var": "$.input.path"}``) is taken as it is: it is checked where the request is addressed.
    Raises FormulaError."""
    if isinstance(formula, str):
        return _filled_path(formula, scope, place)
    found = _Evaluation(scope, for_path=True).of(formula, place, 0)
    if not isinstance(found, str) or not found:
        raise FormulaError(place, "must give a path")
    return found


def is_empty(value: Value) -> bool:
    """Whether a value counts as nothing: absent, null, an empty text, list or object."""
    return value is None or value is MISSING or (isinstance(value, (str, list, dict)) and not value)


def is_true(value: Value) -> bool:
    """Whether a condition holds: anything but nothing, ``false`` and 0."""
    return not is_empty(value) and value is not False and value != 0


# ---------------------------------------------------------------- paths

_PIECE: Final = re.compile(r"""\.?([^.\[\]'"{}\s]+)|\[(-?\d{1,9}|\*)\]|\['([^']*)'\]|\["([^"]*)"\]""")
_EACH: Final = object()


@lru_cache(maxsize=4096)
def read_path(text: str) -> tuple[Any, ...]:
    """``$.steps.find.items[0].id`` as its pieces; ``$.`` may be left out. Raises ValueError."""
    text = text.strip()
    if text in ("$", ""):
        return ()
    at = 1 if text[0] == "$" and text[1:2] in (".", "[") else 0
    pieces: list[Any] = []
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None or match.end() == at:
            raise ValueError(f"{text[:100]!r} is not a path")
        name, number, single, double = match.groups()
        if name is not None:
            pieces.append(name)
        elif number is not None:
            pieces.append(_EACH if number == "*" else int(number))
        else:
            pieces.append(single if single is not None else double)
        at = match.end()
    return tuple(pieces)


def look_up(value: Value, pieces: Sequence[Any]) -> Value:
    """What a path leads to; MISSING when it leads nowhere."""
    for place, piece in enumerate(pieces):
        if piece is _EACH:
            if not isinstance(value, list):
                return MISSING
            rest = pieces[place + 1 :]
            found = (look_up(item, rest) for item in cast("list[Any]", value))
            return [item for item in found if item is not MISSING]
        if isinstance(value, Mapping):
            value = cast("Mapping[Any, Any]", value).get(str(piece), MISSING)
        elif isinstance(value, (list, tuple)):
            value = _item(cast("Sequence[Any]", value), piece)
        else:
            return MISSING
    return value


def _item(values: Sequence[Any], piece: Any) -> Value:
    if isinstance(piece, str):
        if not piece.isdecimal() or len(piece) > 9:
            return MISSING
        piece = int(piece)
    return values[piece] if -len(values) <= piece < len(values) else MISSING


# ---------------------------------------------------------------- evaluation


class _Evaluation:
    """One evaluation with what it may still use up."""

    def __init__(self, scope: Mapping[str, Any], *, for_path: bool) -> None:
        self.scope = scope
        self.for_path = for_path
        self._steps = MAX_STEPS
        self._text = MAX_TEXT

    def of(self, formula: Value, place: str, depth: int) -> Value:
        self._steps -= 1
        if self._steps < 0:
            raise FormulaError(place, f"makes more than {MAX_STEPS} values")
        if depth > MAX_DEPTH:
            raise FormulaError(place, f"is nested more than {MAX_DEPTH} deep")
        if isinstance(formula, Mapping):
            members = cast("Mapping[str, Any]", formula)
            if len(members) == 1:
                name, argument = next(iter(members.items()))
                if name.startswith("$"):
                    return self._operator(name, argument, place, depth)
            return self._object(members, place, depth)
        if isinstance(formula, (list, tuple)):
            items = [
                self.of(item, f"{place}[{number}]", depth + 1)
                for number, item in enumerate(cast("Sequence[Any]", formula))
            ]
            return [item for item in items if item is not MISSING]
        return formula

    def text(self, made: str, place: str) -> str:
        """A text that was made, counted."""
        self._text -= len(made)
        if self._text < 0:
            raise FormulaError(place, f"makes more than {MAX_TEXT} characters")
        return made

    def with_item(self, item: Value, index: int) -> _Evaluation:
        """The same evaluation for one item of a list: ``$.item`` and ``$.index`` are its own."""
        inner = _Evaluation({**self.scope, "item": item, "index": index}, for_path=self.for_path)
        inner._steps, inner._text = self._steps, self._text
        return inner

    def for_people(self) -> _Evaluation:
        """The same evaluation for a text that is read by people though it stands in a path: nothing is encoded."""
        inner = _Evaluation(self.scope, for_path=False)
        inner._steps, inner._text = self._steps, self._text
        return inner

    def take_over(self, inner: _Evaluation) -> None:
        """Count what an inner evaluation used."""
        self._steps, self._text = inner._steps, inner._text

    def _object(self, members: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, part in members.items():
            value = self.of(part, f"{place}.{name}", depth + 1)
            if value is not MISSING:
                found[name] = value
        return found

    def _operator(self, name: str, argument: Value, place: str, depth: int) -> Value:
        operator = _OPERATORS.get(name)
        if operator is None:
            raise FormulaError(
                place, f"there is no operator {name[:60]}; docs/agents.md lists them, and $plain keeps it"
            )
        return operator(self, argument, f"{place}.{name}", depth + 1)


Operator = Callable[[_Evaluation, Value, str, int], Value]


def _var(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    del depth
    if not isinstance(argument, str):
        raise FormulaError(place, "must be a path such as $.input.title")
    return _looked_up(run, argument, place)


def _looked_up(run: _Evaluation, path: str, place: str) -> Value:
    try:
        pieces = read_path(path)
    except ValueError as error:
        raise FormulaError(place, str(error)) from None
    return look_up(run.scope, pieces)


def _plain(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    del run, place, depth
    return argument


def _concat(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """Texts one after another; ``{"values": […], "delimiter": ", "}`` puts something between them."""
    between = ""
    values = argument
    if isinstance(argument, dict) and "values" in argument:
        members = cast("dict[str, Any]", argument)
        between, values = str(members.get("delimiter", "")), members["values"]
    parts: list[str] = []
    for number, part in enumerate(_list(values, place)):
        value = run.of(part, f"{place}[{number}]", depth)
        if not is_empty(value):
            made = as_text(value)
            parts.append(quote(made, safe="") if run.for_path and not isinstance(part, str) else made)
    return run.text(between.join(parts), place)


_HOLE: Final = re.compile(r"\{\{\s*([^{}]{1,300}?)\s*\}\}")


def _tpl(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """A text with ``{{$.input.name}}`` in it. What is not there is left out."""
    del depth
    if not isinstance(argument, str):
        raise FormulaError(place, "must be a text")

    def filled(match: re.Match[str]) -> str:
        value = _looked_up(run, match[1], place)
        made = "" if value is None or value is MISSING else as_text(value)
        return run.text(quote(made, safe="") if run.for_path else made, place)

    return run.text(_HOLE.sub(filled, argument), place)


def _first_not_empty(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    for number, part in enumerate(_list(argument, place)):
        value = run.of(part, f"{place}[{number}]", depth)
        if not is_empty(value):
            return value
    return MISSING


def _case(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """``{"value"?, "cases": [{"when", "then"}], "default"?}``: the first case whose ``when`` equals the value, or holds
    when there is none. ``filter`` and ``value`` are read as ``when`` and ``then``, ``else`` as ``default``."""
    if not isinstance(argument, dict) or not isinstance(argument.get("cases"), list):
        raise FormulaError(place, "must have a list of cases")
    members = cast("dict[str, Any]", argument)
    compared = "value" in members
    value = run.of(members["value"], f"{place}.value", depth) if compared else None
    for number, case in enumerate(cast("list[Any]", members["cases"])):
        here = f"{place}.cases[{number}]"
        parts = cast("dict[str, Any]", case) if isinstance(case, dict) else {}
        if "when" not in parts and "filter" not in parts:
            raise FormulaError(here, "must have when and then")
        when = run.of(parts.get("when", parts.get("filter")), f"{here}.when", depth)
        if same(when, value) if compared else is_true(when):
            return run.of(parts.get("then", parts.get("value")), f"{here}.then", depth)
    return run.of(members.get("default", members.get("else", MISSING)), f"{place}.default", depth)


def _if(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    if not isinstance(argument, dict) or "condition" not in argument:
        raise FormulaError(place, "must have condition, then and else")
    members = cast("dict[str, Any]", argument)
    branch = "then" if is_true(run.of(members["condition"], f"{place}.condition", depth)) else "else"
    return run.of(members.get(branch, MISSING), f"{place}.{branch}", depth)


def _map(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """``{"list": …, "item": formula}`` makes each item of a list anew (``$.item``, ``$.index``);
    ``{"value": …, "mapping": {"a": 1}, "default"?}`` translates a value."""
    if not isinstance(argument, dict):
        raise FormulaError(place, "must be an object")
    members = cast("dict[str, Any]", argument)
    if "mapping" in members:
        return _translated(run, members, place, depth)
    source = run.of(members.get("list", members.get("source")), f"{place}.list", depth)
    if is_empty(source):
        return [] if source is not MISSING else MISSING
    if not isinstance(source, list):
        raise FormulaError(f"{place}.list", "must give a list")
    shape = members.get("item", {"$var": "$.item"})
    made: list[Any] = []
    for index, item in enumerate(cast("list[Any]", source)):
        inner = run.with_item(item, index)
        value = inner.of(shape, f"{place}.item", depth)
        run.take_over(inner)
        if value is not MISSING:
            made.append(value)
    return made


def _translated(run: _Evaluation, members: dict[str, Any], place: str, depth: int) -> Value:
    value = run.of(members.get("value"), f"{place}.value", depth)
    mapping: Any = members["mapping"]
    if isinstance(mapping, dict):
        if isinstance(value, (str, int, float)) and as_text(value) in mapping:
            return run.of(mapping[as_text(value)], f"{place}.mapping", depth)
    elif isinstance(mapping, list):
        for row in cast("list[Any]", mapping):
            if isinstance(row, dict) and same(cast("dict[str, Any]", row).get("from"), value):
                return run.of(cast("dict[str, Any]", row).get("to"), f"{place}.mapping", depth)
    else:
        raise FormulaError(f"{place}.mapping", "must be an object, or a list of from and to")
    return run.of(members.get("default", MISSING), f"{place}.default", depth)


def _filter(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """``{"list": …, "where": condition}``: the items for which it holds."""
    if not isinstance(argument, dict) or "where" not in argument:
        raise FormulaError(place, "must have list and where")
    members = cast("dict[str, Any]", argument)
    source = run.of(members.get("list"), f"{place}.list", depth)
    if is_empty(source):
        return []
    if not isinstance(source, list):
        raise FormulaError(f"{place}.list", "must give a list")
    kept: list[Any] = []
    for index, item in enumerate(cast("list[Any]", source)):
        inner = run.with_item(item, index)
        if is_true(inner.of(members["where"], f"{place}.where", depth)):
            kept.append(item)
        run.take_over(inner)
    return kept


def _and(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    parts = enumerate(_list(argument, place))
    return all(is_true(run.of(part, f"{place}[{number}]", depth)) for number, part in parts)


def _or(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    parts = enumerate(_list(argument, place))
    return any(is_true(run.of(part, f"{place}[{number}]", depth)) for number, part in parts)


def _not(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    return not is_true(run.of(argument, place, depth))


def _compared(compare: Callable[[Any, Any], bool]) -> Operator:
    def operator(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
        parts = _list(argument, place)
        if len(parts) != 2:
            raise FormulaError(place, "must have two values")
        left, right = (run.of(part, f"{place}[{number}]", depth) for number, part in enumerate(parts))
        try:
            return compare(left, right)
        except TypeError:
            return False

    return operator


def same(left: Value, right: Value) -> bool:
    """Equal as JSON: 1 is not true, and what is absent equals null."""
    left, right = (None if value is MISSING else value for value in (left, right))
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    try:
        return bool(left == right)
    except RecursionError:
        return False


def _in(left: Value, right: Value) -> bool:
    if isinstance(right, list):
        return any(same(left, item) for item in cast("list[Any]", right))
    return isinstance(left, str) and isinstance(right, str) and left in right


def _merge_objects(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    merged: dict[str, Any] = {}
    for number, part in enumerate(_list(argument, place)):
        value = run.of(part, f"{place}[{number}]", depth)
        if is_empty(value):
            continue
        if not isinstance(value, dict):
            raise FormulaError(f"{place}[{number}]", "must give an object")
        merged |= cast("dict[str, Any]", value)
    return merged


def _of_text(change: Callable[[str], Value]) -> Operator:
    """An operator over one text; nothing stays nothing."""

    def operator(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
        value = run.of(argument, place, depth)
        if is_empty(value):
            return MISSING
        if isinstance(value, (dict, list)):
            raise FormulaError(place, "must give a text")
        try:
            made = change(as_text(value))
        except (ValueError, UnicodeError):
            raise FormulaError(place, "cannot be read as what it should be") from None
        return run.text(made, place) if isinstance(made, str) else made

    return operator


def _number(text: str) -> int | float:
    text = text.strip()
    if len(text) > 400:
        raise ValueError("too long")
    try:
        return int(text)
    except ValueError:
        found = float(text)
    if not math.isfinite(found):
        raise ValueError("not a number")
    return found


def _join(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """``{"list": …, "delimiter": ","}``."""
    if not isinstance(argument, dict) or "list" not in argument:
        raise FormulaError(place, "must have list and delimiter")
    members = cast("dict[str, Any]", argument)
    values = run.of(members["list"], f"{place}.list", depth)
    if is_empty(values):
        return MISSING
    if not isinstance(values, list):
        raise FormulaError(f"{place}.list", "must give a list")
    texts = [as_text(value) for value in cast("list[Any]", values) if value is not None]
    return run.text(str(members.get("delimiter", ",")).join(texts), place)


def _split(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    if not isinstance(argument, dict) or "value" not in argument or not argument.get("delimiter", ","):
        raise FormulaError(place, "must have value and delimiter")
    members = cast("dict[str, Any]", argument)
    value = run.of(members["value"], f"{place}.value", depth)
    if is_empty(value):
        return []
    return [part.strip() for part in as_text(value).split(str(members.get("delimiter", ",")))]


def _get(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """``{"from": formula, "path": "[0].id"}``: a path into a value that was made."""
    if not isinstance(argument, dict) or "from" not in argument or not isinstance(argument.get("path"), str):
        raise FormulaError(place, "must have from and path")
    members = cast("dict[str, Any]", argument)
    value = run.of(members["from"], f"{place}.from", depth)
    try:
        return look_up(value, read_path(members["path"]))
    except ValueError as error:
        raise FormulaError(f"{place}.path", str(error)) from None


def _as_object(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """``{"list": …, "key": formula, "value": formula}``: an object of the items of a list."""
    if not isinstance(argument, dict) or "key" not in argument or "value" not in argument:
        raise FormulaError(place, "must have list, key and value")
    members = cast("dict[str, Any]", argument)
    pairs = _map(run, {"list": members.get("list"), "item": [members["key"], members["value"]]}, place, depth)
    # A pair without its key or its value says nothing.
    return {as_text(pair[0]): pair[1] for pair in pairs if len(pair) == 2} if pairs is not MISSING else MISSING


def _fail(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    """``{"key": "not_found", "message": formula}``: give up, and say why."""
    if not isinstance(argument, dict) or "message" not in argument:
        raise FormulaError(place, "must have a message")
    members = cast("dict[str, Any]", argument)
    message = run.for_people().of(members["message"], f"{place}.message", depth)
    raise GivenUp(str(members.get("key", "failed"))[:60], "" if is_empty(message) else as_text(message)[:1000])


def _json(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    value = run.of(argument, place, depth)
    return MISSING if value is MISSING else run.text(as_text(value, plain=False), place)


def _length(run: _Evaluation, argument: Value, place: str, depth: int) -> Value:
    value = run.of(argument, place, depth)
    return len(cast("Any", value)) if isinstance(value, (str, list, dict)) else 0


def _list(argument: Value, place: str) -> list[Any]:
    if not isinstance(argument, list):
        raise FormulaError(place, "must be a list")
    return cast("list[Any]", argument)


def as_text(value: Value, *, plain: bool = True) -> str:
    """A value as text: texts as they are (unless ``plain`` is false), the rest as JSON."""
    if plain and isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (RecursionError, ValueError):
        raise FormulaError("$", "is nested too deep") from None


def _first_name(text: str) -> Value:
    return text.split()[0] if text.split() else MISSING


def _last_name(text: str) -> Value:
    return " ".join(text.split()[1:]) or MISSING


def _domain(text: str) -> Value:
    return text.rpartition("@")[2].strip().strip(">").lower() or MISSING if "@" in text else MISSING


_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_TIME: Final = re.compile(r"[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)")


def _date(text: str) -> Value:
    found = _DATE.match(text.strip())
    return found[0] if found else MISSING


def _time(text: str) -> Value:
    found = _TIME.search(text)
    return found[1] if found else MISSING


def _parsed(text: str) -> Value:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


_OPERATORS: Final[dict[str, Operator]] = {
    "$var": _var,
    "$copy": _var,
    "$plain": _plain,
    "$concat": _concat,
    "$tpl": _tpl,
    "$firstNotEmpty": _first_not_empty,
    "$case": _case,
    "$if": _if,
    "$map": _map,
    "$iterate": _map,
    "$filter": _filter,
    "$and": _and,
    "$or": _or,
    "$not": _not,
    "$eq": _compared(same),
    "$ne": _compared(lambda left, right: not same(left, right)),
    "$gt": _compared(lambda left, right: bool(left > right)),
    "$gte": _compared(lambda left, right: bool(left >= right)),
    "$lt": _compared(lambda left, right: bool(left < right)),
    "$lte": _compared(lambda left, right: bool(left <= right)),
    "$in": _compared(_in),
    "$mergeObjects": _merge_objects,
    "$firstName": _of_text(_first_name),
    "$lastName": _of_text(_last_name),
    "$domainFromEmail": _of_text(_domain),
    "$extractDate": _of_text(_date),
    "$extractTime": _of_text(_time),
    "$lower": _of_text(str.lower),
    "$upper": _of_text(str.upper),
    "$trim": _of_text(str.strip),
    "$text": _of_text(str),
    "$number": _of_text(_number),
    "$base64": _of_text(lambda text: base64.b64encode(text.encode()).decode()),
    "$base64url": _of_text(lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")),
    "$urlEncode": _of_text(lambda text: quote(text, safe="")),
    "$parseJson": _of_text(_parsed),
    "$join": _join,
    "$split": _split,
    "$json": _json,
    "$get": _get,
    "$object": _as_object,
    "$fail": _fail,
    "$length": _length,
}
#: What a formula may be made of, for checks of connectors and for the docs.
OPERATORS: Final = frozenset(_OPERATORS)

_NAMED: Final = re.compile(r"\{([^{}/]{1,200})\}")


def _filled_path(text: str, scope: Mapping[str, Any], place: str) -> str:
    given: Any = scope.get("input")

    def filled(match: re.Match[str]) -> str:
        try:
            pieces = read_path(match[1])
        except ValueError as error:
            raise FormulaError(place, str(error)) from None
        value = look_up(given, pieces)
        if is_empty(value):
            value = look_up(scope, pieces)
        if is_empty(value) or isinstance(value, (dict, list)):
            raise FormulaError(f"$.input.{match[1]}", "is needed for the path")
        return quote(as_text(value), safe="")

    return _NAMED.sub(filled, text)

"""Conditions on parameters of events: text, and whatever reads as a number or a time where it is compared with one.

A dotted name, ``basket.total``, leads into objects; on the way, and at its end, a list stands for each of its elements:
one of them has to do, and ``not_equals`` asks that none does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import sql

from syncom.errors import Invalid
from syncom.events.parameters import MOMENT_PATTERN, is_moment
from syncom.segments.given import SIGNS, given_list, given_number, given_object, given_operator, given_text, only
from syncom.segments.model import PARAMETER_OPERATORS
from syncom.segments.reading import Bind

#: Makes a value of an event one that is worked out once for all who ask for it.
Own = Callable[[sql.Composable], sql.Composable]
#: A test of a text, or of what is its own.
_Test = Callable[[sql.Composable, Own], sql.Composable]

#: Operators that say the contrary of another.
_CONTRARY: Final = {"not_equals": "equals", "is_empty": "is_set"}
# Shops write numbers as text; what is no number compares with none, and none has a hundred characters.
_NUMBER: Final = sql.SQL(
    "CASE WHEN {text} ~ '^-?[0-9]+([.][0-9]+)?$' AND length({text}) <= 100 THEN ({text})::numeric END"
)
#: Without an offset it is UTC, whatever the session's zone.
_MOMENT: Final = sql.SQL(
    "CASE WHEN {text} ~ {pattern} THEN (CASE WHEN {text} ~ '(Z|:[0-9.]+[+-][0-9:]+)$' THEN {text} ELSE {text} || ' Z'"
    " END)::timestamptz END"
)
_MOMENT_LITERAL: Final = sql.Literal(f"^(?:{MOMENT_PATTERN})$")


def parameter(given: object, at: str, bind: Bind, own: Own) -> sql.Composable:
    """``{"param": "basket.total", "op": "at_least", "value": 50}`` of an event ``f``: never NULL. Raises Invalid."""
    part = given_object(given, at, '{"param": "price", "op": "at_least", "value": 50}')
    only(part, at, "param", "op", "value")
    name = given_text(part.get("param"), f"{at}.param")
    operator = given_operator(part, at, PARAMETER_OPERATORS)
    test = _test(_CONTRARY.get(operator, operator), part, at, bind)
    holds = _nested(name, test, bind) if "." in name else _plain(name, test, bind, own)
    return sql.SQL("NOT ({})").format(holds) if operator in _CONTRARY else holds


def _plain(name: str, test: _Test, bind: Bind, own: Own) -> sql.Composable:
    value = bind(name)
    path = bind(f"$.{_quoted(name)}[*]")
    return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(
        own(sql.SQL("jsonb_typeof(f.params -> {}) = 'array'").format(value)),
        _any(sql.SQL("{}::jsonpath").format(path), test),
        test(sql.SQL("coalesce(f.params ->> {}, '')").format(value), own),
    )


def _nested(name: str, test: _Test, bind: Bind) -> sql.Composable:
    """A parameter that itself has this name comes first."""
    steps = "".join(f".{_quoted(step)}" for step in name.split("."))
    path = sql.SQL("CASE WHEN f.params ? {} THEN {}::jsonpath ELSE {}::jsonpath END").format(
        bind(name), bind(f"$.{_quoted(name)}[*]"), bind(f"${steps}[*]")
    )
    return _any(path, test)


def _any(path: sql.Composable, test: _Test) -> sql.Composable:
    """Of what a path leads to, one does; where it leads to nothing, the empty text is asked."""
    return sql.SQL(
        "EXISTS (SELECT FROM (SELECT coalesce(p.value #>> '{{}}', '') AS text FROM (SELECT) AS one"
        " LEFT JOIN jsonb_path_query(f.params, {}) AS p (value) ON true) AS v WHERE {})"
    ).format(path, test(sql.SQL("v.text"), lambda value: value))


def _quoted(step: str) -> str:
    return json.dumps(step, ensure_ascii=False)


def _test(operator: str, part: Any, at: str, bind: Bind) -> _Test:
    value, place = part.get("value"), f"{at}.value"
    if operator == "is_set":
        return lambda text, own: sql.SQL("{} <> ''").format(own(text))
    if operator == "in":
        wanted = bind([_spelled(one, f"{place}.{n}") for n, one in enumerate(given_list(part, at, "value"))])
        return lambda text, own: sql.SQL("{} = ANY({}::text[])").format(own(text), wanted)
    if operator == "contains":
        within = bind(given_text(value, place))
        return lambda text, own: sql.SQL("strpos(lower({}), lower({})) > 0").format(own(text), within)
    sign = sql.SQL(SIGNS[operator])
    if isinstance(value, str) and is_moment(value):
        moment = bind(_moment(value))
        return lambda text, own: sql.SQL("coalesce({} {} {}::timestamptz, false)").format(
            # The cast is not shared: it would be made for events of every type, also those that no condition asks for.
            _MOMENT.format(text=own(text), pattern=_MOMENT_LITERAL),
            sign,
            moment,
        )
    if operator == "equals" and not _is_number(value):
        spelled = bind(_spelled(value, place))
        return lambda text, own: sql.SQL("{} = {}::text").format(own(text), spelled)
    if isinstance(value, str):
        raise Invalid(place, "must be a number, or a time such as 2026-09-14 or 2026-09-14T08:30:00Z")
    number = bind(given_number(value, place))
    return lambda text, own: sql.SQL("coalesce({} {} {}::numeric, false)").format(
        own(_NUMBER.format(text=text)), sign, number
    )


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spelled(value: Any, at: str) -> str:
    """A parameter as its text form in JSON is read: ``true`` and numbers without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if _is_number(value) else given_text(value, at)

"""Compiles a condition tree to one SQL predicate over ``contacts c``. Every value is bound; no text of a user is SQL.

Which index serves a leaf: list membership and activity are looked up by the primary keys of ``list_members`` and
``contact_statistics`` (account, bucket, ...); fields are tested on the row that the bucket scan has read anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, LiteralString, cast

import msgspec
from psycopg import sql

from syncom.contacts.model import CustomField, FieldType
from syncom.errors import Invalid
from syncom.segments.model import (
    CHANNELS,
    DATE_FIELDS,
    DATE_OPERATORS,
    MAX_DEPTH,
    MAX_LEAVES,
    ORDER_OPERATORS,
    STATES,
    STATISTICS,
    TEXT_FIELDS,
    TEXT_OPERATORS,
)

Tree = Mapping[str, Any]


class Predicate(msgspec.Struct, frozen=True, kw_only=True):
    """A boolean SQL expression over ``contacts c`` and the values bound in it, by name."""

    text: sql.Composable
    values: dict[str, Any]
    #: Segments this one refers to.
    segment_ids: frozenset[int]


class Compiler:
    """Compiles trees of one account. ``segments`` gives the trees of other segments that a tree may refer to."""

    def __init__(self, fields: Sequence[CustomField], segments: Mapping[int, Tree], *, now: datetime) -> None:
        self._fields = {field.key: field for field in fields}
        self._segments = segments
        self._now = now
        self._values: dict[str, Any] = {}
        self._leaves = 0
        self._open: list[int] = []
        self._used: set[int] = set()

    def compile(self, tree: object, *, at: str = "condition") -> Predicate:
        """The predicate of a tree. Raises Invalid naming the place in the tree, such as ``condition.all.2.value``."""
        text = self._node(tree, at, 0)
        return Predicate(text=text, values=self._values, segment_ids=frozenset(self._used))

    def _node(self, node: object, at: str, depth: int) -> sql.Composable:
        if depth > MAX_DEPTH:
            raise Invalid(at, f"is nested deeper than {MAX_DEPTH} levels")
        if not isinstance(node, dict):
            raise Invalid(at, 'must be an object such as {"field": "city", "op": "equals", "value": "Kyiv"}')
        tree = cast("dict[str, Any]", node)
        for name, compile_node in self._kinds.items():
            if name in tree:
                return compile_node(tree, at, depth)
        raise Invalid(at, f"must have one of: {', '.join(self._kinds)}")

    @property
    def _kinds(self) -> dict[str, Callable[[Tree, str, int], sql.Composable]]:
        return {
            "all": self._all,
            "any": self._any,
            "not": self._not,
            "field": self._field,
            "list": self._list,
            "segment": self._segment,
            "subscription": self._subscription,
            "activity": self._activity,
        }

    # ------------------------------------------------------------ groups

    def _all(self, tree: Tree, at: str, depth: int) -> sql.Composable:
        return self._group(tree, "all", at, depth, empty=sql.SQL("TRUE"), joint=" AND ")

    def _any(self, tree: Tree, at: str, depth: int) -> sql.Composable:
        return self._group(tree, "any", at, depth, empty=sql.SQL("FALSE"), joint=" OR ")

    def _group(
        self, tree: Tree, name: str, at: str, depth: int, *, empty: sql.Composable, joint: LiteralString
    ) -> sql.Composable:
        _only(tree, at, name)
        if not isinstance(tree[name], list):
            raise Invalid(f"{at}.{name}", "must be a list of conditions")
        children = cast("list[object]", tree[name])
        if not children:
            return empty
        parts = [self._node(child, f"{at}.{name}.{place}", depth + 1) for place, child in enumerate(children)]
        return sql.SQL("({})").format(sql.SQL(joint).join(parts))

    def _not(self, tree: Tree, at: str, depth: int) -> sql.Composable:
        _only(tree, at, "not")
        return sql.SQL("NOT ({})").format(self._node(tree["not"], f"{at}.not", depth + 1))

    # ------------------------------------------------------------ leaves

    def _field(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        self._count(at)
        _only(tree, at, "field", "op", "value")
        name = tree["field"]
        if name in TEXT_FIELDS:
            # An absent identity is NULL; to a condition that is the same as empty.
            column = sql.SQL("coalesce(c.{}, '')").format(sql.Identifier(name))
            return self._text(column, tree, at)
        if name in DATE_FIELDS:
            return self._ordered(sql.SQL("c.{}").format(sql.Identifier(name)), tree, at, _moment, DATE_OPERATORS)
        field = self._fields.get(name) if isinstance(name, str) else None
        if field is None:
            raise Invalid(f"{at}.field", f"there is no contact field {name!r}")
        return self._custom(field, tree, at)

    def _custom(self, field: CustomField, tree: Tree, at: str) -> sql.Composable:
        key = self._bind(str(field.field_id))
        text = sql.SQL("coalesce(c.fields ->> {}, '')").format(key)
        if field.type is FieldType.NUMBER:
            number = sql.SQL("(c.fields ->> {})::numeric").format(key)
            return self._ordered(number, tree, at, _number, ORDER_OPERATORS)
        if field.type is FieldType.DATE:
            return self._ordered(sql.SQL("(c.fields ->> {})::date").format(key), tree, at, _day, DATE_OPERATORS)
        if field.type is FieldType.DATETIME:
            moment = sql.SQL("(c.fields ->> {})::timestamptz").format(key)
            return self._ordered(moment, tree, at, _moment, DATE_OPERATORS)
        if field.type is FieldType.BOOLEAN:
            return self._boolean(text, tree, at)
        if field.type is FieldType.MULTICHOICE:
            return self._multichoice(sql.SQL("c.fields -> {}").format(key), tree, at)
        return self._text(text, tree, at)

    def _text(self, column: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        operator = _operator(tree, at, TEXT_OPERATORS)
        if operator == "is_set":
            return sql.SQL("{} <> ''").format(column)
        if operator == "is_empty":
            return sql.SQL("{} = ''").format(column)
        if operator == "in":
            values = [_text(value, f"{at}.value.{place}") for place, value in enumerate(_list(tree, at))]
            return sql.SQL("{} = ANY({}::text[])").format(column, self._bind(values))
        value = _text(tree.get("value"), f"{at}.value")
        if operator == "contains":
            return sql.SQL("strpos(lower({}), lower({})) > 0").format(column, self._bind(value))
        if operator == "starts_with":
            return sql.SQL("starts_with(lower({}), lower({}))").format(column, self._bind(value))
        sign = sql.SQL("=" if operator == "equals" else "<>")
        return sql.SQL("{} {} {}::text").format(column, sign, self._bind(value))

    def _ordered(
        self,
        column: sql.Composable,
        tree: Tree,
        at: str,
        convert: Callable[[Any, str], Any],
        operators: Mapping[str, str],
    ) -> sql.Composable:
        operator = _operator(tree, at, operators)
        if operator == "is_set":
            return sql.SQL("{} IS NOT NULL").format(column)
        if operator == "is_empty":
            return sql.SQL("{} IS NULL").format(column)
        if operator == "in_last_days":
            days = _count(tree.get("value"), f"{at}.value")
            return sql.SQL("coalesce({} >= {}::timestamptz - make_interval(days => {}), false)").format(
                column, self._bind(self._now), self._bind(days)
            )
        signs: dict[str, LiteralString] = {
            "equals": "=",
            "not_equals": "IS DISTINCT FROM",
            "greater": ">",
            "at_least": ">=",
            "less": "<",
            "at_most": "<=",
        }
        value = self._bind(convert(tree.get("value"), f"{at}.value"))
        return sql.SQL("coalesce({} {} {}, false)").format(column, sql.SQL(signs[operator]), value)

    def _boolean(self, column: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        operator = _operator(tree, at, {"equals": "is", "is_set": "is set", "is_empty": "is empty"})
        if operator == "is_set":
            return sql.SQL("{} <> ''").format(column)
        if operator == "is_empty":
            return sql.SQL("{} = ''").format(column)
        if not isinstance(tree.get("value"), bool):
            raise Invalid(f"{at}.value", "must be true or false")
        return sql.SQL("{} = {}::text").format(column, self._bind("true" if tree["value"] else "false"))

    def _multichoice(self, column: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        operator = _operator(tree, at, {"contains": "contains", "is_set": "is set", "is_empty": "is empty"})
        if operator == "contains":
            value = _text(tree.get("value"), f"{at}.value")
            return sql.SQL("coalesce({} ? {}, false)").format(column, self._bind(value))
        empty = sql.SQL("coalesce({}, '[]') = '[]'").format(column)
        return empty if operator == "is_empty" else sql.SQL("NOT ({})").format(empty)

    def _list(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        self._count(at)
        _only(tree, at, "list")
        list_id = _count(tree["list"], f"{at}.list")
        return sql.SQL(
            "EXISTS (SELECT FROM list_members m WHERE m.account_id = c.account_id AND m.bucket = c.bucket"
            " AND m.list_id = {} AND m.contact_id = c.contact_id)"
        ).format(self._bind(list_id))

    def _segment(self, tree: Tree, at: str, depth: int) -> sql.Composable:
        _only(tree, at, "segment")
        segment_id = _count(tree["segment"], f"{at}.segment")
        if segment_id in self._open:
            raise Invalid(f"{at}.segment", f"segment {segment_id} refers to itself")
        inner = self._segments.get(segment_id)
        if inner is None:
            raise Invalid(f"{at}.segment", f"there is no segment {segment_id}")
        self._used.add(segment_id)
        self._open.append(segment_id)
        try:
            return self._node(inner, f"{at}.segment", depth + 1)
        finally:
            self._open.pop()

    def _subscription(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        self._count(at)
        _only(tree, at, "subscription", "is")
        column = CHANNELS.get(tree["subscription"])
        if column is None:
            raise Invalid(f"{at}.subscription", f"must be one of: {', '.join(CHANNELS)}")
        state = STATES.get(tree.get("is", ""))
        if state is None:
            raise Invalid(f"{at}.is", f"must be one of: {', '.join(STATES)}")
        return sql.SQL("c.{} = {}").format(sql.Identifier(column), self._bind(state))

    def _activity(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        """``{"activity": "opened", "at_least": 3, "in_last_days": 30}``: served by contact_statistics' key."""
        self._count(at)
        _only(tree, at, "activity", "at_least", "in_last_days")
        columns = STATISTICS.get(tree["activity"])
        if columns is None:
            raise Invalid(f"{at}.activity", f"must be one of: {', '.join(STATISTICS)}")
        counter, moment = columns
        times = _count(tree.get("at_least", 1), f"{at}.at_least")
        window: sql.Composable = sql.SQL("")
        if "in_last_days" in tree:
            window = sql.SQL(" AND s.{} >= {}::timestamptz - make_interval(days => {})").format(
                sql.Identifier(moment),
                self._bind(self._now),
                self._bind(_count(tree["in_last_days"], f"{at}.in_last_days")),
            )
        return sql.SQL(
            "EXISTS (SELECT FROM contact_statistics s WHERE s.account_id = c.account_id AND s.bucket = c.bucket"
            " AND s.contact_id = c.contact_id AND s.{} >= {}{})"
        ).format(sql.Identifier(counter), self._bind(times), window)

    # ------------------------------------------------------------ parts

    def _bind(self, value: Any) -> sql.Placeholder:
        name = f"v{len(self._values)}"
        self._values[name] = value
        return sql.Placeholder(name)

    def _count(self, at: str) -> None:
        self._leaves += 1
        if self._leaves > MAX_LEAVES:
            raise Invalid(at, f"the condition has more than {MAX_LEAVES} parts")


def _only(tree: Tree, at: str, *names: str) -> None:
    for name in tree:
        if name not in names:
            raise Invalid(f"{at}.{name}", f"is not known here; expected {', '.join(names)}")


def _operator(tree: Tree, at: str, operators: Mapping[str, str]) -> str:
    operator = tree.get("op")
    if not isinstance(operator, str) or operator not in operators:
        raise Invalid(f"{at}.op", f"must be one of: {', '.join(operators)}")
    return operator


def _list(tree: Tree, at: str) -> list[Any]:
    value = tree.get("value")
    if not isinstance(value, list) or not value:
        raise Invalid(f"{at}.value", "must be a list of values")
    return cast("list[Any]", value)


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise Invalid(at, "must be text")
    if "\0" in value:
        raise Invalid(at, "must not contain NUL")
    return value


def _count(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise Invalid(at, "must be a whole number, zero or more")
    return value


def _number(value: Any, at: str) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(at, "must be a number")
    return value


def _day(value: Any, at: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid(at, "must be a date such as 2026-09-14") from None


def _moment(value: Any, at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid(at, "must be a time such as 2026-09-14T08:30:00Z") from None
    if moment.tzinfo is None:
        raise Invalid(at, "must say its offset, such as Z or +03:00")
    return moment

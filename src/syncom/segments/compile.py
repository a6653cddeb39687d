"""Compiles a condition tree to one SQL predicate over ``contacts c``. Every value is bound; no text of a user is SQL.

Each leaf says which index serves it: fields are tested on the row that is read anyway; lists, categories and statistics
are looked up by their primary keys; what is in the history comes as a semi-join that PostgreSQL answers by an index of
contacts or, for many of them, by one pass over a window of time (:mod:`syncom.segments.history`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from math import log2
from typing import Any, Literal, cast

import msgspec
from psycopg import sql

from syncom.activity import engagement
from syncom.activity.engagement import EPOCH, HALF_LIFE, Band
from syncom.contacts.model import CustomField, FieldType
from syncom.errors import Invalid
from syncom.segments.anniversaries import days_of_year, turns_of_year
from syncom.segments.given import (
    SIGNS,
    Tree,
    given_count,
    given_day,
    given_days,
    given_id,
    given_list,
    given_moment,
    given_number,
    given_object,
    given_operator,
    given_text,
    only,
)
from syncom.segments.history import History, Statistic, merged
from syncom.segments.model import (
    CHANNELS,
    DATE_FIELDS,
    DATE_OPERATORS,
    ENGAGEMENT_PARTS,
    MAX_DEPTH,
    MAX_LEAVES,
    MAX_NODES,
    NEXT_ORDER_OPERATORS,
    ORDER_OPERATORS,
    PREDICTIONS,
    STATES,
    TEXT_FIELDS,
    TEXT_OPERATORS,
    Facet,
    Leaf,
)
from syncom.segments.possible import require_possible
from syncom.segments.reading import Later, Reading, Turning, WholeAccount, Yearly
from syncom.segments.rfm_classes import RFM_CLASSES, RFM_SCORES

#: What a part of a tree compiles to.
Node = sql.Composable | Statistic

_ROW = "the contact's row"
_Joint = Literal[" AND ", " OR "]
_MOVING = frozenset({"in_last_days", "in_next_days", "more_than_days_ago", "anniversary_in_next_days"})


class Predicate(msgspec.Struct, frozen=True, kw_only=True):
    """A boolean SQL expression over ``contacts c`` and the values bound in it, by name."""

    text: sql.Composable
    values: dict[str, Any]
    #: Segments this one refers to, directly or through others.
    segment_ids: frozenset[int]
    leaves: tuple[Leaf, ...] = ()

    @property
    def mentions(self) -> frozenset[Facet]:
        """What must change for the answer to change."""
        return frozenset(leaf.facet for leaf in self.leaves)

    @property
    def moves(self) -> bool:
        """Whether time alone changes the answer."""
        return any(leaf.moves for leaf in self.leaves)


class Compiler:
    """Compiles trees of one account. ``segments`` gives the trees of other segments that a tree may refer to."""

    def __init__(
        self,
        fields: Sequence[CustomField],
        segments: Mapping[int, Tree],
        *,
        now: datetime,
        account_id: int,
        categories: Mapping[str, int] | None = None,
        event_types: Mapping[str, int] | None = None,
        read: type[Reading] = WholeAccount,
    ) -> None:
        """``categories`` and ``event_types``: ids by key; keys of categories in lower case."""
        self._fields = {field.key: field for field in fields}
        self._segments = segments
        self._categories = categories or {}
        self._now = now
        self._values: dict[str, Any] = {}
        self._bound: dict[str, sql.Placeholder] = {}
        #: How leaves reach their rows.
        self.read = read(self._bind, self._bind(account_id))
        self._history = History(self._bind, now, self.read, event_types or {})
        self._leaves: list[Leaf] = []
        self._open: list[int] = []
        self._used: set[int] = set()
        self._nodes = 0

    @property
    def values(self) -> dict[str, Any]:
        """What is bound in all predicates compiled so far, by name."""
        return self._values

    def compile(self, tree: object, *, at: str = "condition") -> Predicate:
        """The predicate of a tree. Raises Invalid naming the place in the tree, such as ``condition.all.2.value``."""
        self._leaves, self._used, self._nodes = [], set(), 0
        text = self._text_of(self._node(tree, at, 0))
        return Predicate(text=text, values=self._values, segment_ids=frozenset(self._used), leaves=tuple(self._leaves))

    def require_possible(self, tree: Tree, *, at: str = "condition") -> None:
        """Raises Invalid with the place of a part of a tree that compiles, and that nobody can ever match."""
        require_possible(tree, {key: field.type for key, field in self._fields.items()}, at=at)

    def _node(self, node: object, at: str, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise Invalid(at, f"the condition has more than {MAX_NODES:,} groups and parts, used segments included")
        if depth > MAX_DEPTH:
            raise Invalid(at, f"is nested deeper than {MAX_DEPTH} levels")
        tree = given_object(node, at, '{"field": "city", "op": "equals", "value": "Kyiv"}')
        for name, compile_node in self._kinds.items():
            if name in tree:
                return compile_node(tree, at, depth)
        raise Invalid(at, f"must have one of: {', '.join(self._kinds)}")

    @property
    def _kinds(self) -> dict[str, Callable[[Tree, str, int], Node]]:
        return {
            "all": self._all,
            "any": self._any,
            "not": self._not,
            "field": self._field,
            "email_domain": self._email_domain,
            "list": self._list,
            "segment": self._segment,
            "subscription": self._subscription,
            "category": self._category,
            "activity": self._activity,
            "event": self._event,
            "orders": self._orders,
            "rfm": self._rfm,
            "engagement": self._engagement,
            "prediction": self._prediction,
        }

    # ------------------------------------------------------------ groups

    def _all(self, tree: Tree, at: str, depth: int) -> Node:
        return self._group(tree, "all", at, depth, empty=sql.SQL("TRUE"), joint=" AND ")

    def _any(self, tree: Tree, at: str, depth: int) -> Node:
        return self._group(tree, "any", at, depth, empty=sql.SQL("FALSE"), joint=" OR ")

    def _group(self, tree: Tree, name: str, at: str, depth: int, *, empty: sql.Composable, joint: _Joint) -> Node:
        only(tree, at, name)
        if not isinstance(tree[name], list):
            raise Invalid(f"{at}.{name}", "must be a list of conditions")
        children = cast("list[object]", tree[name])
        if not children:
            return empty
        parts = [self._node(child, f"{at}.{name}.{place}", depth + 1) for place, child in enumerate(children)]
        return self._joined(parts, joint)

    def _not(self, tree: Tree, at: str, depth: int) -> Node:
        only(tree, at, "not")
        inner = self._node(tree["not"], f"{at}.not", depth + 1)
        return inner.negated() if isinstance(inner, Statistic) else sql.SQL("NOT ({})").format(inner)

    # ------------------------------------------------------------ leaves

    def _field(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        self._leaf(at, Facet.FIELDS, _ROW, moves=tree.get("op") in _MOVING)
        only(tree, at, "field", "op", "value")
        name = tree["field"]
        if name in TEXT_FIELDS:
            # An absent identity is NULL; to a condition that is the same as empty.
            column = sql.SQL("coalesce(c.{}, '')").format(sql.Identifier(name))
            return self._text(column, tree, at)
        if name in DATE_FIELDS:
            return self._moment(sql.SQL("c.{}").format(sql.Identifier(name)), tree, at)
        field = self._fields.get(name) if isinstance(name, str) else None
        if field is None:
            raise Invalid(f"{at}.field", f"there is no contact field {name!r}")
        return self._custom(field, tree, at)

    def _custom(self, field: CustomField, tree: Tree, at: str) -> sql.Composable:
        key, own = self._bind(str(field.field_id)), self.read.of_contact
        text = sql.SQL("coalesce(c.fields ->> {}, '')").format(key)
        if field.type is FieldType.NUMBER:
            number = own(sql.SQL("(c.fields ->> {})::numeric").format(key))
            return self._ordered(number, tree, at, given_number, ORDER_OPERATORS)
        if field.type is FieldType.DATE:
            if tree.get("op") == "anniversary_in_next_days":
                return self._birthday(key, tree, at)
            return self._day(own(sql.SQL("(c.fields ->> {})::date").format(key)), tree, at)
        if field.type is FieldType.DATETIME:
            return self._moment(own(sql.SQL("(c.fields ->> {})::timestamptz").format(key)), tree, at)
        if field.type is FieldType.BOOLEAN:
            return self._boolean(own(text), tree, at)
        if field.type is FieldType.MULTICHOICE:
            return self._multichoice(own(sql.SQL("c.fields -> {}").format(key)), tree, at)
        return self._text(text, tree, at)

    def _text(self, text: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        """``text``: of the contact's row, never NULL."""
        operator = given_operator(tree, at, TEXT_OPERATORS)
        if operator in ("contains", "starts_with"):
            lowered = self.read.of_contact(sql.SQL("lower({})").format(text))
            wanted = self._bind(given_text(tree.get("value"), f"{at}.value"))
            test = sql.SQL("strpos({}, lower({})) > 0" if operator == "contains" else "starts_with({}, lower({}))")
            return test.format(lowered, wanted)
        column = self.read.of_contact(text)
        if operator == "is_set":
            return sql.SQL("{} <> ''").format(column)
        if operator == "is_empty":
            return sql.SQL("{} = ''").format(column)
        if operator == "in":
            values = [
                given_text(value, f"{at}.value.{place}") for place, value in enumerate(given_list(tree, at, "value"))
            ]
            return sql.SQL("{} = ANY({}::text[])").format(column, self._bind(values))
        value = given_text(tree.get("value"), f"{at}.value")
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
        operator = given_operator(tree, at, operators)
        if operator == "is_set":
            return sql.SQL("{} IS NOT NULL").format(column)
        if operator == "is_empty":
            return sql.SQL("{} IS NULL").format(column)
        value = self._bind(convert(tree.get("value"), f"{at}.value"))
        if operator == "not_equals":
            return sql.SQL("{} IS DISTINCT FROM {}").format(column, value)
        return sql.SQL("coalesce({} {} {}, false)").format(column, sql.SQL(SIGNS[operator]), value)

    def _day(self, column: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        operator = given_operator(tree, at, DATE_OPERATORS)
        if operator not in _MOVING:
            return self._ordered(column, tree, at, given_day, DATE_OPERATORS)
        window = timedelta(days=given_days(tree.get("value"), f"{at}.value"))
        midnight = sql.SQL("({}::timestamp AT TIME ZONE 'UTC')").format(column)
        self._turns_near(midnight, operator, window, whole_days=True)
        return self._near(column, operator, self._now.astimezone(UTC).date(), window)

    def _moment(self, column: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        operator = given_operator(tree, at, DATE_OPERATORS)
        if operator not in _MOVING:
            return self._ordered(column, tree, at, given_moment, DATE_OPERATORS)
        days = given_days(tree.get("value"), f"{at}.value")
        if operator == "anniversary_in_next_days":
            self._turn_of_year(sql.SQL("to_char({} AT TIME ZONE 'UTC', 'MM-DD')").format(column), days)
            return self._anniversary(
                sql.SQL("({} AT TIME ZONE 'UTC')").format(column), self._now.astimezone(UTC).date(), days
            )
        window = timedelta(days=days)
        self._turns_near(column, operator, window, whole_days=False)
        return self._near(column, operator, self._now, window)

    def _near(self, column: sql.Composable, operator: str, now: date | datetime, window: timedelta) -> sql.Composable:
        if operator == "more_than_days_ago":
            return sql.SQL("coalesce({} < {}, false)").format(column, self._bind(_shifted(now, -window)))
        first, last = (_shifted(now, -window), now) if operator == "in_last_days" else (now, _shifted(now, window))
        return sql.SQL("coalesce({} BETWEEN {} AND {}, false)").format(column, self._bind(first), self._bind(last))

    def _turns_near(self, moment: sql.Composable, operator: str, window: timedelta, *, whole_days: bool) -> None:
        """A window around a moment begins with it and ends just after it, or with its day."""

        def end(when: Turning, span: timedelta) -> Later:
            return when.by(moment, span + timedelta(days=1)) if whole_days else when.after(moment, span)

        if operator == "in_next_days":
            self.read.turn(lambda when: when.by(moment, -window))
            self.read.turn(lambda when: end(when, timedelta()))
            return
        if operator == "in_last_days":
            self.read.turn(lambda when: when.by(moment, timedelta()))
        self.read.turn(lambda when: end(when, window))

    def _birthday(self, key: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        """Of a date that is kept as text: its last five characters are month and day."""
        days = given_days(tree.get("value"), f"{at}.value")
        ends = [f"{day // 100:02}-{day % 100:02}" for day in days_of_year(self._now.astimezone(UTC).date(), days)]
        end = self.read.of_contact(sql.SQL("right(c.fields ->> {}, 5)").format(key))
        self._turn_of_year(end, days)
        return sql.SQL("coalesce({} = ANY({}::text[]), false)").format(end, self._bind(ends))

    def _anniversary(self, column: sql.Composable, today: date, days: int) -> sql.Composable:
        """Day and month as one number are among those of the next days."""
        number = sql.SQL("(extract(month FROM {0}) * 100 + extract(day FROM {0}))::int").format(column)
        return sql.SQL("coalesce({} = ANY({}::int[]), false)").format(number, self._bind(days_of_year(today, days)))

    def _turn_of_year(self, end: sql.Composable, days: int) -> None:
        """``end``: month and day, such as 02-28."""
        turns = turns_of_year(self._now.astimezone(UTC).date(), days)
        self.read.turn(lambda _: Yearly(day=end, moments=turns))

    def _boolean(self, column: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        operator = given_operator(tree, at, {"equals": "is", "is_set": "is set", "is_empty": "is empty"})
        if operator == "is_set":
            return sql.SQL("{} <> ''").format(column)
        if operator == "is_empty":
            return sql.SQL("{} = ''").format(column)
        if not isinstance(tree.get("value"), bool):
            raise Invalid(f"{at}.value", "must be true or false")
        return sql.SQL("{} = {}::text").format(column, self._bind("true" if tree["value"] else "false"))

    def _multichoice(self, column: sql.Composable, tree: Tree, at: str) -> sql.Composable:
        operator = given_operator(tree, at, {"contains": "contains", "is_set": "is set", "is_empty": "is empty"})
        if operator == "contains":
            value = given_text(tree.get("value"), f"{at}.value")
            return sql.SQL("coalesce({} ? {}, false)").format(column, self._bind(value))
        empty = sql.SQL("coalesce({}, '[]') = '[]'").format(column)
        return empty if operator == "is_empty" else sql.SQL("NOT ({})").format(empty)

    def _email_domain(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        self._leaf(at, Facet.FIELDS, _ROW)
        only(tree, at, "email_domain")
        given = tree["email_domain"]
        domains = given_list(tree, at, "email_domain") if isinstance(given, list) else [given]
        wanted = [given_text(domain, f"{at}.email_domain").lower().lstrip("@") for domain in domains]
        domain = self.read.of_contact(sql.SQL("split_part(c.email, '@', 2)"))
        return sql.SQL("coalesce({} = ANY({}::text[]), false)").format(domain, self._bind(wanted))

    def _list(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        self._leaf(at, Facet.LISTS, "list_members_pkey")
        only(tree, at, "list")
        list_id = given_id(tree["list"], f"{at}.list")
        return self.read.member("list_members", "list_id", self._bind(list_id))

    def _category(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        self._leaf(at, Facet.CATEGORIES, "contact_categories_pkey")
        only(tree, at, "category")
        key = given_text(tree["category"], f"{at}.category")
        category_id = self._categories.get(key.lower())
        if category_id is None:
            raise Invalid(f"{at}.category", f"there is no subscription category {key!r}")
        return self.read.member("contact_categories", "category_id", self._bind(category_id))

    def _segment(self, tree: Tree, at: str, depth: int) -> Node:
        only(tree, at, "segment")
        segment_id = given_id(tree["segment"], f"{at}.segment")
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
        self._leaf(at, Facet.SUBSCRIPTIONS, _ROW)
        only(tree, at, "subscription", "is")
        column = CHANNELS.get(given_text(tree["subscription"], f"{at}.subscription"))
        if column is None:
            raise Invalid(f"{at}.subscription", f"must be one of: {', '.join(CHANNELS)}")
        state = STATES.get(given_text(tree.get("is", ""), f"{at}.is"))
        if state is None:
            raise Invalid(f"{at}.is", f"must be one of: {', '.join(STATES)}")
        return sql.SQL("c.{} = {}").format(sql.Identifier(column), self._bind(state))

    def _activity(self, tree: Tree, at: str, _depth: int) -> Node:
        text, index, moves = self._history.activity(tree, at)
        self._leaf(at, Facet.ORDERS if tree["activity"] == "ordered" else Facet.ACTIVITY, index, moves=moves)
        return text

    def _event(self, tree: Tree, at: str, _depth: int) -> Node:
        text, index, moves = self._history.event(tree, at)
        self._leaf(at, Facet.EVENTS, index, moves=moves)
        return text

    def _orders(self, tree: Tree, at: str, _depth: int) -> Node:
        text, index, moves = self._history.orders(tree, at)
        self._leaf(at, Facet.ORDERS, index, moves=moves)
        return text

    def _rfm(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        """``{"rfm": {"class": ["champions"], "recency": {"at_least": 4}}}``: customers only, all of it."""
        self._leaf(at, Facet.RFM, "rfm_scores_pkey")
        only(tree, at, "rfm")
        given = given_object(tree["rfm"], f"{at}.rfm", '{"class": ["champions", "loyal"]}')
        only(given, f"{at}.rfm", "class", *RFM_SCORES)
        tests: list[sql.Composable] = []
        if "class" in given:
            words = given_list(given, f"{at}.rfm", "class")
            classes = [_rfm_class(word, f"{at}.rfm.class.{place}") for place, word in enumerate(words)]
            tests.append(sql.SQL("r.class = ANY({}::smallint[])").format(self._bind(classes)))
        for name in RFM_SCORES:
            if name in given:
                tests += self._score_bounds(name, given[name], f"{at}.rfm.{name}")
        if not tests:
            raise Invalid(f"{at}.rfm", f"must have one of: class, {', '.join(RFM_SCORES)}")
        return self.read.row("rfm_scores", "r", sql.SQL(" AND ").join(tests))

    def _prediction(self, tree: Tree, at: str, _depth: int) -> sql.Composable:
        """``{"prediction": "churn", "op": "at_least", "value": 0.7}``: customers of whom something is foreseen."""
        self._leaf(at, Facet.PREDICTIONS, "contact_predictions_pkey", moves=tree.get("op") in _MOVING)
        only(tree, at, "prediction", "op", "value")
        measure = given_text(tree["prediction"], f"{at}.prediction")
        if measure not in PREDICTIONS:
            raise Invalid(f"{at}.prediction", f"must be one of: {', '.join(PREDICTIONS)}")
        if measure == "next_order":
            given_operator(tree, at, NEXT_ORDER_OPERATORS)
            test = self._day(sql.SQL("p.next_order_on"), tree, at)
        else:
            column = sql.SQL("p.{}").format(sql.Identifier(measure))
            test = self._ordered(column, tree, at, given_number, ORDER_OPERATORS)
        return self.read.row("contact_predictions", "p", test)

    def _score_bounds(self, name: str, given: object, at: str) -> list[sql.Composable]:
        bounds = given_object(given, at, '{"at_least": 4}')
        only(bounds, at, "at_least", "at_most")
        if not bounds:
            raise Invalid(at, "must have at_least or at_most")
        tests: list[sql.Composable] = []
        for operator, value in bounds.items():
            score = given_count(value, f"{at}.{operator}")
            if not 1 <= score <= 5:
                raise Invalid(f"{at}.{operator}", "must be a score from 1 to 5")
            tests.append(
                sql.SQL("r.{} {} {}").format(sql.Identifier(name), sql.SQL(SIGNS[operator]), self._bind(score))
            )
        return tests

    def _engagement(self, tree: Tree, at: str, _depth: int) -> Node:
        """``{"engagement": {"band": ["active", "warm"]}}`` or ``{"at_least": 1.5}``; all of it."""
        self._leaf(at, Facet.ACTIVITY, "contact_statistics_pkey", moves=True)
        only(tree, at, "engagement")
        given = given_object(tree["engagement"], f"{at}.engagement", '{"band": ["active", "warm"]}')
        only(given, f"{at}.engagement", *ENGAGEMENT_PARTS)
        parts: list[Node] = []
        if "band" in given:
            words = given_list(given, f"{at}.engagement", "band")
            bands = {_band(word, f"{at}.engagement.band.{place}") for place, word in enumerate(words)}
            found = [self._score_within(low, high) for low, high in engagement.spans(bands)]
            parts.append(self._joined(found, " OR "))
        if "at_least" in given:
            score = given_number(given["at_least"], f"{at}.engagement.at_least")
            if score <= 0:
                raise Invalid(f"{at}.engagement.at_least", "must be more than 0, which everybody has")
            parts.append(self._score_within(score, None))
        if "at_most" in given:
            score = given_number(given["at_most"], f"{at}.engagement.at_most")
            if score < 0:
                raise Invalid(f"{at}.engagement.at_most", "must not be less than 0")
            parts.append(self._score(">", score, engagement.above).negated())
        if not parts:
            raise Invalid(f"{at}.engagement", f"must have one of: {', '.join(ENGAGEMENT_PARTS)}")
        return self._joined(parts, " AND ")

    def _score_within(self, low: float, high: float | None) -> Node:
        """At least ``low`` and less than ``high``; 0: whatever it is, also of contacts without statistics."""
        tests: list[Node] = []
        if low > 0:
            tests.append(self._score(">=", low, engagement.at_least))
        if high is not None:
            tests.append(self._score(">=", high, engagement.at_least).negated())
        return self._joined(tests, " AND ") if tests else sql.SQL("TRUE")

    def _score(self, sign: Literal[">", ">="], score: float, kept: Callable[[float, datetime], float]) -> Statistic:
        """The score compared with a number; it sinks to that number at a moment that is known."""
        limit = kept(score, self._now)
        if score > 0:
            self.read.turn(
                lambda when: self._sunk(when.of_row("contact_statistics", "s", "engagement"), kept(score, EPOCH))
            )
        return Statistic(sql.SQL("s.engagement {} {}::float8").format(sql.SQL(sign), self._bind(limit)))

    def _sunk(self, column: sql.Composable, limit: float) -> sql.Composable:
        """The first second in which the score has sunk below a number, which is ``limit`` as it was at the epoch."""
        return sql.SQL(
            "CASE WHEN {0} > 0 THEN interval '1 second'"
            " + date_trunc('second', {1} + make_interval(secs => (ln({0}) / ln(2::float8) - {2}::float8) * {3})) END"
        ).format(
            column,
            self._bind(EPOCH),
            self._bind(log2(limit)),
            self._bind(HALF_LIFE.total_seconds()),
        )

    # ------------------------------------------------------------ parts

    def _bind(self, value: Any) -> sql.Placeholder:
        """The same value is bound once."""
        key = f"{type(value).__name__} {value!r}"
        if key not in self._bound:
            name = f"v{len(self._values)}"
            self._values[name] = value
            self._bound[key] = sql.Placeholder(name)
        return self._bound[key]

    def _joined(self, parts: Sequence[Node], joint: _Joint) -> Node:
        """All or any of these; tests of statistics beside each other as one."""
        statistics = merged([part for part in parts if isinstance(part, Statistic)], every=joint == " AND ")
        others = [part for part in parts if not isinstance(part, Statistic)]
        if not others and len(statistics) == 1:
            return statistics[0]
        return sql.SQL("({})").format(sql.SQL(joint).join([*others, *(one.text(self.read) for one in statistics)]))

    def _text_of(self, node: Node) -> sql.Composable:
        return node.text(self.read) if isinstance(node, Statistic) else node

    def _leaf(self, at: str, facet: Facet, index: str, *, moves: bool = False) -> None:
        self._leaves.append(Leaf(at=at, facet=facet, index=index, moves=moves))
        if len(self._leaves) > MAX_LEAVES:
            raise Invalid(at, f"the condition has more than {MAX_LEAVES} parts")


def _rfm_class(word: Any, at: str) -> int:
    found = RFM_CLASSES.get(given_text(word, at))
    if found is None:
        raise Invalid(at, f"must be one of: {', '.join(RFM_CLASSES)}")
    return int(found)


def _band(word: Any, at: str) -> Band:
    try:
        return Band(given_text(word, at))
    except ValueError:
        raise Invalid(at, f"must be one of: {', '.join(band.value for band in Band)}") from None


def _shifted(moment: date | datetime, by: timedelta) -> date | datetime:
    return moment + by

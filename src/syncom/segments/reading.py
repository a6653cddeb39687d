"""How a condition reaches what it asks for: rows beside the contact, memberships, facts.

A leaf says what it wants, such as "an event like this" or "orders of 1,000 together"; where the SQL goes depends on who
asks. :class:`WholeAccount` makes semi-joins of it, which PostgreSQL answers by one pass over the window of time of a
whole account. :class:`FewContacts` serves many conditions on some contacts at once: each table is read once for all
of them, and every leaf becomes a column beside the contact; and it knows when time alone may change an answer.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import sql

Bind = Callable[[Any], sql.Placeholder]
#: Names an aggregate of the facts ``f`` that are asked for: ``aggregate("sum", "f.total")``.
Aggregate = Callable[[LiteralString, LiteralString], sql.Composable]
#: A test of the facts of one contact together; false or NULL where there is none.
Having = Callable[[Aggregate], sql.Composable]

_OF_CONTACT = sql.SQL("{0}.account_id = c.account_id AND {0}.bucket = c.bucket AND {0}.contact_id = c.contact_id")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts of a contact that a leaf asks for: rows ``f`` of a view or table."""

    view: LiteralString
    conditions: Sequence[sql.Composable]
    #: A column that must have this number, which differs from leaf to leaf: the campaign.
    key: tuple[LiteralString, sql.Placeholder] | None = None
    #: When they happened.
    column: LiteralString = "occurred_at"
    #: From then on.
    since: datetime | None = None
    #: Before then.
    until: datetime | None = None
    #: How far back ``since`` is, where it goes with the time.
    span: timedelta | None = None

    @property
    def what(self) -> list[sql.Composable]:
        """All that is asked of them but the time."""
        if self.key is None:
            return list(self.conditions)
        column, value = self.key
        return [sql.SQL("f.{} = {}::bigint").format(sql.Identifier(column), value), *self.conditions]


class Reading(ABC):
    """What leaves may ask for. Every answer is a predicate over ``contacts c`` that is never NULL."""

    def __init__(self, bind: Bind, account: sql.Placeholder) -> None:
        self._bind = bind
        self._account = account

    @abstractmethod
    def row(self, table: LiteralString, alias: LiteralString, test: sql.Composable) -> sql.Composable:
        """The contact's one row of a table passes a test over ``alias``."""

    @abstractmethod
    def member(self, table: LiteralString, column: LiteralString, value: sql.Placeholder) -> sql.Composable:
        """The contact has a row of a table with this number in a column."""

    @abstractmethod
    def exists(self, facts: Facts, *, until_first_leaves: bool = False) -> sql.Composable:
        """There is such a fact. ``until_first_leaves``: time may change more than that when the earliest grows old."""

    @abstractmethod
    def at_least(self, facts: Facts, times: int, of: LiteralString = "") -> sql.Composable:
        """There are so many of them; ``of``: different values of this column."""

    @abstractmethod
    def together(self, facts: Facts, having: Having, by: LiteralString = "") -> sql.Composable:
        """There are some, and together they pass a test; ``by``: those of any one value of this text column do, in
        whatever letters."""

    @abstractmethod
    def turn(self, moment: Callable[[Turning], Turn]) -> None:
        """When time alone may change the answer: a ``timestamptz``, or NULL for never. Earlier than that is allowed."""

    def of_contact(self, value: sql.Composable) -> sql.Composable:
        """A value made of the row ``c`` alone, which several leaves may ask for."""
        return value

    def of_fact(self, view: LiteralString, value: sql.Composable) -> sql.Composable:
        """A value made of one row ``f`` of a view alone, which several leaves may ask for."""
        return value

    def _all(self, facts: Facts) -> sql.Composable:
        """All that is asked of facts ``f``, time included."""
        conditions = facts.what
        column = sql.Identifier("f", facts.column)
        if facts.since is not None:
            conditions.append(sql.SQL("{} >= {}").format(column, self._bind(facts.since)))
        if facts.until is not None:
            conditions.append(sql.SQL("{} < {}").format(column, self._bind(facts.until)))
        return _every(conditions)


@dataclass(frozen=True, kw_only=True)
class Later:
    """So much later than a moment."""

    moment: sql.Composable
    span: timedelta


@dataclass(frozen=True, kw_only=True)
class Yearly:
    """The moment that belongs to a day of the year, such as 02-28."""

    day: sql.Composable
    moments: Mapping[str, str]


#: A ``timestamptz``, or one that is made like others.
Turn = sql.Composable | Later | Yearly


class Turning(ABC):
    """What the moment of a turn may be made of."""

    @abstractmethod
    def of_row(self, table: LiteralString, alias: LiteralString, column: LiteralString) -> sql.Composable:
        """A column of the contact's one row of a table."""

    def after(self, moment: sql.Composable, span: timedelta) -> Later:
        """So much later, and the shortest time more: what was true up to that moment is not any more."""
        return self.by(moment, span + timedelta(microseconds=1))

    def by(self, moment: sql.Composable, span: timedelta) -> Later:
        """Exactly so much later: what is true from that moment on."""
        return Later(moment=moment, span=span)


class WholeAccount(Reading):
    """Semi-joins: for one condition and everybody."""

    def row(self, table: LiteralString, alias: LiteralString, test: sql.Composable) -> sql.Composable:
        return sql.SQL("EXISTS (SELECT FROM {} {} WHERE {} AND {})").format(
            sql.Identifier(table), sql.SQL(alias), _OF_CONTACT.format(sql.SQL(alias)), test
        )

    def member(self, table: LiteralString, column: LiteralString, value: sql.Placeholder) -> sql.Composable:
        return self.row(table, "m", sql.SQL("m.{} = {}").format(sql.Identifier(column), value))

    def exists(self, facts: Facts, *, until_first_leaves: bool = False) -> sql.Composable:
        return sql.SQL(
            "EXISTS (SELECT FROM {} f WHERE f.account_id = {} AND f.bucket = c.bucket AND f.contact_id = c.contact_id"
            " AND {})"
        ).format(sql.Identifier(facts.view), self._account, self._all(facts))

    def at_least(self, facts: Facts, times: int, of: LiteralString = "") -> sql.Composable:
        number = self._bind(times)
        return self._grouped(facts, lambda of_facts: sql.SQL("{} >= {}").format(of_facts("count", "*"), number), of)

    def together(self, facts: Facts, having: Having, by: LiteralString = "") -> sql.Composable:
        return self._grouped(facts, having, by=by)

    def turn(self, moment: Callable[[Turning], Turn]) -> None:
        """Whoever asks for everybody asks for now."""

    def _grouped(self, facts: Facts, having: Having, of: LiteralString = "", by: LiteralString = "") -> sql.Composable:
        rows: sql.Composable = sql.Identifier(facts.view)
        where = sql.SQL("f.account_id = {} AND {}").format(self._account, self._all(facts))
        if of:
            # Hashed twice is faster than count(DISTINCT), which sorts. Never SELECT DISTINCT: of a parallel one the
            # results of the workers arrive in the order of their hashes, the table that takes them grows beyond its
            # memory, and from then on it spills after every group (PostgreSQL 15 to 18; ten minutes instead of five
            # seconds at a million contacts). Groups are hashed with another start in each worker.
            rows = sql.SQL(
                "(SELECT f.bucket, f.contact_id, f.{0} FROM {1} f WHERE {2} GROUP BY f.bucket, f.contact_id, f.{0})"
            ).format(sql.Identifier(of), rows, where)
            where = sql.SQL("true")
        groups = sql.SQL("f.bucket, f.contact_id")
        if by:
            groups = sql.SQL("{}, upper(f.{})").format(groups, sql.Identifier(by))
        return sql.SQL(
            "EXISTS (SELECT FROM (SELECT f.bucket, f.contact_id FROM {} f WHERE {} GROUP BY {}"
            " HAVING {}) g WHERE g.bucket = c.bucket AND g.contact_id = c.contact_id)"
        ).format(rows, where, groups, having(_plain_aggregate))


@dataclass(kw_only=True)
class _Look:
    """One look at the facts of a contact, for all that is wanted of them."""

    place: int
    view: LiteralString
    column: LiteralString
    #: Nothing older is wanted; None: everything is.
    since: datetime | None
    #: Different values of this column, each by the last time it was met, of facts that fulfil ``only``.
    of: LiteralString = ""
    only: sql.Composable = field(default_factory=lambda: sql.SQL("true"))
    #: Different values of this one too, with their last times: ``key`` and ``at``.
    keyed: LiteralString = ""
    #: Facts are taken together by this text column first: names and aggregates of groups, by the text of the aggregate.
    by: LiteralString = ""
    grouped: dict[str, tuple[str, sql.Composable]] = field(default_factory=dict[str, tuple[str, sql.Composable]])
    #: Names and aggregates, by the aggregate's text.
    columns: dict[str, tuple[str, sql.Composable]] = field(default_factory=dict[str, tuple[str, sql.Composable]])


class FewContacts(Reading, Turning):
    """Columns beside the contacts of a relation ``batch (bucket, contact_id)``: for many conditions at once.

    Windows of different length over the same facts share their columns: something happened since a moment where the
    last time is not before it, and N times where the N-th last one is not.

    ``joins`` goes behind ``FROM batch b LEFT JOIN contacts c …`` once all conditions are compiled.
    """

    def __init__(self, bind: Bind, account: sql.Placeholder) -> None:
        super().__init__(bind, account)
        self._rows: dict[LiteralString, LiteralString] = {}
        self._members: dict[LiteralString, LiteralString] = {}
        #: By what they look at.
        self._looks: dict[str, _Look] = {}
        #: Values of the contact's row, and of the facts of each view: names and values, by the value's text.
        self._of_contact: dict[str, tuple[str, sql.Composable]] = {}
        self._of_facts: dict[LiteralString, dict[str, tuple[str, sql.Composable]]] = {}
        #: By the text of the moment; of those that are made alike, by the text of what they are made of.
        self._turns: dict[str, sql.Composable] = {}
        self._later: dict[str, tuple[sql.Composable, set[timedelta]]] = {}
        self._yearly: dict[str, tuple[sql.Composable, dict[str, str]]] = {}

    # ------------------------------------------------------------ answers

    def row(self, table: LiteralString, alias: LiteralString, test: sql.Composable) -> sql.Composable:
        self._rows[table] = alias
        return sql.SQL("coalesce({}.contact_id IS NOT NULL AND ({}), false)").format(sql.SQL(alias), test)

    def member(self, table: LiteralString, column: LiteralString, value: sql.Placeholder) -> sql.Composable:
        self._members[table] = column
        return sql.SQL("coalesce({} = ANY (of_{}.members), false)").format(value, sql.SQL(table))

    def exists(self, facts: Facts, *, until_first_leaves: bool = False) -> sql.Composable:
        if until_first_leaves or facts.until is not None:
            self._turn_of_first(facts)
            found = self._aggregate(facts, sql.SQL("bool_or({})").format(self._all(facts)))
            return sql.SQL("coalesce({}, false)").format(found)
        if facts.key is not None:
            return self._not_before(self._last_of_key(facts, *facts.key), facts)
        text = sql.SQL("max(f.{}) FILTER (WHERE {})").format(sql.Identifier(facts.column), _every(facts.what))
        return self._not_before(self._aggregate(facts, text), facts)

    def at_least(self, facts: Facts, times: int, of: LiteralString = "") -> sql.Composable:
        if facts.until is not None:
            counted = sql.SQL("DISTINCT f.{}").format(sql.Identifier(of)) if of else sql.SQL("*")
            text = sql.SQL("count({}) FILTER (WHERE {})").format(counted, self._all(facts))
            return sql.SQL("coalesce({} >= {}, false)").format(self._aggregate(facts, text), self._bind(times))
        column = sql.Identifier("f", facts.column)
        if of:
            only = _every(facts.what)
            look = self._look(facts, f"{facts.view} {of} {only.as_string()}", of=of, only=only)
            found = _column(look, sql.SQL("array_agg(f.at ORDER BY f.at DESC)"))
        else:
            text = sql.SQL("array_agg({0} ORDER BY {0} DESC) FILTER (WHERE {1})").format(column, _every(facts.what))
            found = self._aggregate(facts, text)
        return self._not_before(sql.SQL("{}[{}]").format(found, sql.Literal(times)), facts)

    def together(self, facts: Facts, having: Having, by: LiteralString = "") -> sql.Composable:
        self._turn_of_first(facts)
        only = self._all(facts)
        look = self._look(facts, f"{facts.view} by {by}", by=by) if by else self._look(facts, facts.view)

        def aggregate(function: LiteralString, argument: LiteralString) -> sql.Composable:
            text = sql.SQL("{}({}) FILTER (WHERE {})").format(sql.SQL(function), sql.SQL(argument), only)
            found = _group_column(look, text) if by else _column(look, text)
            # Of none there is no sum, no first and no last; and no number either.
            return sql.SQL("nullif({}, 0)").format(found) if function == "count" else found

        test = having(aggregate)
        if by:
            test = _column(look, sql.SQL("bool_or({})").format(test))
        return sql.SQL("coalesce({}, false)").format(test)

    def of_contact(self, value: sql.Composable) -> sql.Composable:
        name, _ = self._of_contact.setdefault(value.as_string(), (f"v{len(self._of_contact)}", value))
        return sql.Identifier("own", name)

    def of_fact(self, view: LiteralString, value: sql.Composable) -> sql.Composable:
        known = self._of_facts.setdefault(view, {})
        name, _ = known.setdefault(value.as_string(), (f"v{len(known)}", value))
        return sql.Identifier("f", name)

    def turn(self, moment: Callable[[Turning], Turn]) -> None:
        found = moment(self)
        if isinstance(found, Later):
            self._later.setdefault(found.moment.as_string(), (found.moment, set()))[1].add(found.span)
        elif isinstance(found, Yearly):
            _, earliest = self._yearly.setdefault(found.day.as_string(), (found.day, {}))
            for day, one in found.moments.items():
                earliest[day] = min(one, earliest.get(day, one))
        else:
            self._turns[found.as_string()] = found

    def _last_of_key(self, facts: Facts, column: LiteralString, value: sql.Placeholder) -> sql.Composable:
        """The last time of a key: found in a list of all of the contact's, which all leaves of the kind share."""
        only = _every(facts.conditions)
        look = self._look(facts, f"{facts.view} {column} {only.as_string()}", keyed=column, only=only)
        keys, moments = (_column(look, sql.SQL(text)) for text in ("array_agg(f.key)", "array_agg(f.at)"))
        return sql.SQL("({})[array_position({}, {}::bigint)]").format(moments, keys, value)

    def _not_before(self, moment: sql.Composable, facts: Facts) -> sql.Composable:
        if facts.since is None:
            return sql.SQL("({} IS NOT NULL)").format(moment)
        if facts.span is not None:
            span = facts.span
            self.turn(lambda when: when.after(moment, span))
        return sql.SQL("coalesce({} >= {}, false)").format(moment, self._bind(facts.since))

    def _turn_of_first(self, facts: Facts) -> None:
        if facts.span is not None:
            span = facts.span
            text = sql.SQL("min(f.{}) FILTER (WHERE {})").format(sql.Identifier(facts.column), self._all(facts))
            first = self._aggregate(facts, text)
            self.turn(lambda when: when.after(first, span))

    # ------------------------------------------------------------ moments

    def of_row(self, table: LiteralString, alias: LiteralString, column: LiteralString) -> sql.Composable:
        self._rows[table] = alias
        return sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(column))

    # ------------------------------------------------------------ the statement

    def turns(self, now: sql.Composable) -> Sequence[sql.Composable]:
        """The next moments of all conditions compiled so far, as seen from ``now``: later than that, or NULL."""
        ahead = sql.SQL("nullif(greatest({}, {}), {})")
        found: list[sql.Composable] = [ahead.format(turn, now, now) for turn in self._turns.values()]
        for day, moments in self._yearly.values():
            moment = sql.SQL("({}::jsonb ->> {})::timestamptz").format(self._bind(json.dumps(moments)), day)
            found.append(ahead.format(moment, now, now))
        for moment, spans in self._later.values():
            found.append(self._next(moment, sorted(spans), now))
        return found

    def _next(self, moment: sql.Composable, spans: Sequence[timedelta], now: sql.Composable) -> sql.Composable:
        """The first of these spans after a moment that is still to come."""
        # Seconds, not days: a day of an interval has 23 hours where a session's clock goes forward.
        texts = [f"{span // timedelta(seconds=1)} seconds {span.microseconds} microseconds" for span in spans]
        if len(texts) == 1:
            later = sql.SQL("({} + {}::interval)").format(moment, self._bind(texts[0]))
            return sql.SQL("nullif(greatest({}, {}), {})").format(later, now, now)
        bound = self._bind("{" + ", ".join(f'"{text}"' for text in texts) + "}")
        return sql.SQL("({0} + ({1}::interval[])[width_bucket({2} - {0}, {1}::interval[]) + 1])").format(
            moment, bound, now
        )

    @property
    def joins(self) -> sql.Composable:
        """Everything that was asked for, each table once: by its primary key, or its index of contacts."""
        parts: list[sql.Composable] = []
        if self._of_contact:
            # Behind an OFFSET they are worked out once for all leaves, and not anew in each of them.
            parts.append(sql.SQL("LEFT JOIN LATERAL (SELECT {} OFFSET 0) own ON true").format(_named(self._of_contact)))
        parts += [
            sql.SQL(
                "LEFT JOIN {0} {1} ON {1}.account_id = {2} AND {1}.bucket = b.bucket AND {1}.contact_id = b.contact_id"
            ).format(sql.Identifier(table), sql.SQL(alias), self._account)
            for table, alias in self._rows.items()
        ]
        parts += [
            sql.SQL("LEFT JOIN LATERAL (SELECT array_agg(f.{}) AS members FROM {} f WHERE {}) of_{} ON true").format(
                sql.Identifier(column), sql.Identifier(table), self._theirs(), sql.SQL(table)
            )
            for table, column in self._members.items()
        ]
        parts += [self._joined(look) for look in self._looks.values()]
        return sql.SQL(" ").join(parts)

    def _joined(self, look: _Look) -> sql.Composable:
        # Per contact, as aggregates that cannot be moved: joined as a whole, PostgreSQL reads the view of a whole
        # account for a hundred contacts, since it cannot hand their numbers down into it.
        rows = sql.SQL("{} f WHERE {}").format(sql.Identifier(look.view), self._theirs())
        if look.since is not None:
            rows = sql.SQL("{} AND f.{} >= {}").format(rows, sql.Identifier(look.column), self._bind(look.since))
        if look.view in self._of_facts:
            values = _named(self._of_facts[look.view])
            rows = sql.SQL("(SELECT f.*, {} FROM {} OFFSET 0) f WHERE true").format(values, rows)
        if look.of:
            rows = sql.SQL("(SELECT max(f.{}) AS at FROM {} AND {} GROUP BY f.{}) f").format(
                sql.Identifier(look.column), rows, look.only, sql.Identifier(look.of)
            )
        if look.keyed:
            rows = sql.SQL("(SELECT f.{0} AS key, max(f.{1}) AS at FROM {2} AND {3} GROUP BY f.{0}) f").format(
                sql.Identifier(look.keyed), sql.Identifier(look.column), rows, look.only
            )
        if look.by:
            grouped = _named(look.grouped)
            rows = sql.SQL("(SELECT {} FROM {} GROUP BY upper(f.{})) f").format(grouped, rows, sql.Identifier(look.by))
        columns = _named(look.columns)
        return sql.SQL("LEFT JOIN LATERAL (SELECT {} FROM {}) look{} ON true").format(columns, rows, look.place)

    def _look(
        self,
        facts: Facts,
        key: str,
        *,
        of: LiteralString = "",
        only: sql.Composable | None = None,
        by: LiteralString = "",
        keyed: LiteralString = "",
    ) -> _Look:
        look = self._looks.get(key)
        if look is None:
            look = self._looks[key] = _Look(
                place=len(self._looks),
                view=facts.view,
                column=facts.column,
                since=facts.since,
                of=of,
                only=only or sql.SQL("true"),
                by=by,
                keyed=keyed,
            )
        elif look.since is not None:
            look.since = None if facts.since is None else min(look.since, facts.since)
        return look

    def _aggregate(self, facts: Facts, text: sql.Composable) -> sql.Composable:
        return _column(self._look(facts, facts.view), text)

    def _theirs(self) -> sql.Composable:
        return sql.SQL("f.account_id = {} AND f.bucket = b.bucket AND f.contact_id = b.contact_id").format(
            self._account
        )


def _column(look: _Look, text: sql.Composable) -> sql.Composable:
    name, _ = look.columns.setdefault(text.as_string(), (f"a{len(look.columns)}", text))
    return sql.SQL("look{}.{}").format(look.place, sql.Identifier(name))


def _group_column(look: _Look, text: sql.Composable) -> sql.Composable:
    name, _ = look.grouped.setdefault(text.as_string(), (f"g{len(look.grouped)}", text))
    return sql.SQL("f.{}").format(sql.Identifier(name))


def _named(columns: Mapping[str, tuple[str, sql.Composable]]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL("{} AS {}").format(text, sql.Identifier(name)) for name, text in columns.values())


def _plain_aggregate(function: LiteralString, argument: LiteralString) -> sql.Composable:
    return sql.SQL("{}({})").format(sql.SQL(function), sql.SQL(argument))


def _every(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" AND ").join(conditions)

"""Leaves over what happened: activity, events, orders.

They read the views ``contact_sends``, ``contact_activity``, ``contact_events`` (a contact's own facts and those of
contacts merged into it) and the tables ``contact_statistics`` and ``orders``. Once or never is a semi-join; at least N
times is one over facts grouped by contact, which PostgreSQL answers by one pass over the window when it wants all
contacts, and by the index of contacts when it wants few: conditions on the groups' keys go down into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from syncom.errors import Invalid
from syncom.segments.given import (
    SIGNS,
    Tree,
    Window,
    given_count,
    given_id,
    given_list,
    given_moment,
    given_number,
    given_object,
    given_operator,
    given_text,
    given_times,
    only,
)
from syncom.segments.model import (
    ACTIVITIES,
    MESSAGE_CHANNELS,
    NO_PURCHASES,
    ORDER_MEASURES,
    ORDER_OPERATORS,
    STATISTICS,
)
from syncom.segments.parameters import parameter
from syncom.segments.reading import Bind, Facts, Reading


@dataclass(frozen=True)
class Statistic:
    """A test of the contact's one row of ``contact_statistics s``: it holds, or it does not hold of any row there is.

    Several of them beside each other are one look at that row (``merged``): each as a look-up of its own, PostgreSQL
    joins the same table again and again, or asks it once a contact where they stand under an OR.
    """

    test: sql.Composable
    holds: bool = True

    def text(self, read: Reading) -> sql.Composable:
        """As a predicate over ``contacts c``."""
        found = read.row("contact_statistics", "s", self.test)
        return found if self.holds else sql.SQL("NOT {}").format(found)

    def negated(self) -> Statistic:
        return Statistic(self.test, not self.holds)


def merged(statistics: Sequence[Statistic], *, every: bool) -> list[Statistic]:
    """The same, all (``every``) or any of them, as one test; as two where one asks for a row and another for none."""
    yes = [one.test for one in statistics if one.holds]
    no = [one.test for one in statistics if not one.holds]
    if every and yes:
        refused = [sql.SQL("NOT coalesce({}, false)").format(test) for test in no]
        return [Statistic(_joined(yes + refused, " AND "))]
    found: list[Statistic] = []
    if yes:
        found.append(Statistic(_joined(yes, " OR ")))
    if no:
        # None of two is: no row of which either holds. One of two is not: no row of which both hold.
        found.append(Statistic(_joined(no, " OR " if every else " AND "), holds=False))
    return found


def _joined(tests: list[sql.Composable], joint: LiteralString) -> sql.Composable:
    return tests[0] if len(tests) == 1 else sql.SQL("({})").format(sql.SQL(joint).join(tests))


#: A predicate, the index that serves it, whether time alone changes it.
Compiled = tuple[sql.Composable | Statistic, str, bool]

_MAX_WHERE = 20
#: Aggregates of what can be asked of orders.
_MEASURED: dict[str, tuple[LiteralString, LiteralString]] = {
    "count": ("count", "*"),
    "sum": ("sum", "f.total - f.refunded"),
    "average": ("avg", "f.total - f.refunded"),
}


class History:
    """Compiles these leaves for one account."""

    def __init__(self, bind: Bind, now: datetime, read: Reading, event_types: Mapping[str, int]) -> None:
        self._bind = bind
        self._now = now
        self._read = read
        self._event_types = event_types

    # ------------------------------------------------------------ activity

    def activity(self, tree: Tree, at: str) -> Compiled:
        """``{"activity": "opened", "campaign": 7, "at_least": 3, "in_last_days": 30}``: counts messages."""
        only(tree, at, "activity", "campaign", "channel", "link", "at_least", "at_most", *Window.NAMES)
        kind = given_text(tree["activity"], f"{at}.activity")
        if kind not in ACTIVITIES and kind not in STATISTICS:
            known = ", ".join(dict.fromkeys([*ACTIVITIES, *STATISTICS]))
            raise Invalid(f"{at}.activity", f"must be one of: {known}")
        window = Window(tree, at, self._now)
        chosen = [name for name in ("campaign", "channel", "link") if name in tree]
        if kind == "ordered" and chosen:
            raise Invalid(f"{at}.{chosen[0]}", "does not go with ordered")
        if kind in STATISTICS and not chosen and window.end is None:
            compiled = self._from_statistics(kind, tree, at, window)
            if compiled is not None:
                return compiled
        if kind == "ordered":
            rest = {name: value for name, value in tree.items() if name != "activity"}
            return self._ordered({"orders": "count", **rest}, at, window)
        view, conditions, index = self._messages(kind, tree, at)
        facts = _facts(view, conditions, window)
        if "campaign" in tree:
            campaign = self._bind(given_id(tree["campaign"], f"{at}.campaign"))
            facts = replace(facts, key=("campaign_id", campaign))
        return self._times(facts, tree, at, of="message_id"), index, window.moves

    def _from_statistics(self, kind: str, tree: Tree, at: str, window: Window) -> Compiled | None:
        """Counted beside the contact: ever, or at least once since some day."""
        counter, moment = STATISTICS[kind]
        least, most = _bounds(tree, at)
        if window.start is None:
            test = sql.SQL("s.{} >= {}").format(sql.Identifier(counter), self._bind(least))
        elif least == 1 and most is None:
            test = sql.SQL("s.{} >= {}").format(sql.Identifier(moment), self._bind(window.start))
            if window.span is not None:
                span = window.span
                self._read.turn(lambda when: when.after(when.of_row("contact_statistics", "s", moment), span))
        else:
            return None
        found = Statistic(test)
        if most is not None:
            over = Statistic(sql.SQL("s.{} > {}").format(sql.Identifier(counter), self._bind(most)), holds=False)
            found = over if "at_least" not in tree else merged([found, over], every=True)[0]
        return found, "contact_statistics_pkey", window.moves

    def _messages(self, kind: str, tree: Tree, at: str) -> tuple[LiteralString, list[sql.Composable], str]:
        conditions: list[sql.Composable] = []
        index = "ledger_contact" if kind == "sent" else "activity_contact"
        if "campaign" in tree and kind != "sent":
            index += ", activity_campaign"
        if kind != "sent":
            conditions.append(sql.SQL("f.kind = ANY({}::smallint[])").format(self._bind(list(ACTIVITIES[kind]))))
        if "channel" in tree:
            channel = MESSAGE_CHANNELS.get(given_text(tree["channel"], f"{at}.channel"))
            if channel is None:
                raise Invalid(f"{at}.channel", f"must be one of: {', '.join(MESSAGE_CHANNELS)}")
            conditions.append(sql.SQL("f.channel = {}::smallint").format(self._bind(channel)))
        if "link" in tree:
            if kind != "clicked" or "campaign" not in tree:
                raise Invalid(f"{at}.link", "goes with clicked and a campaign: it is the link's place in its content")
            link = given_count(tree["link"], f"{at}.link")
            conditions.append(sql.SQL("f.link = {}::int").format(self._bind(link)))
        return "contact_sends" if kind == "sent" else "contact_activity", conditions, index

    # ------------------------------------------------------------ events

    def event(self, tree: Tree, at: str) -> Compiled:
        """``{"event": "productViewed", "where": [{"param": "price", "op": "at_least", "value": 50}]}``."""
        only(tree, at, "event", "where", "which", "at_least", "at_most", *Window.NAMES)
        key = given_text(tree["event"], f"{at}.event")
        type_id = self._event_types.get(key)
        if type_id is None:
            raise Invalid(f"{at}.event", f"there is no event type {key!r}; it appears with its first event")
        window = Window(tree, at, self._now)
        same = [sql.SQL("f.event_type_id = {}").format(self._bind(type_id)), *self._parameters(tree, at)]
        facts = _facts("contact_events", same, window)
        index = "events_contact, events_type"
        if "which" not in tree:
            return self._times(facts, tree, at), index, window.moves
        which = tree["which"]
        if which not in ("first", "last"):
            raise Invalid(f"{at}.which", "must be first or last")
        if window.is_open or "at_least" in tree or "at_most" in tree:
            raise Invalid(f"{at}.which", "goes with a window of time and without a count")
        text = self._read.exists(facts, until_first_leaves=which == "first")
        beyond: Facts | None = None
        if which == "first" and window.start is not None:
            beyond = Facts(view="contact_events", conditions=same, until=window.start)
        if which == "last" and window.end is not None:
            beyond = Facts(view="contact_events", conditions=same, since=window.end)
        if beyond is not None:
            text = sql.SQL("({} AND NOT {})").format(text, self._read.exists(beyond))
        return text, index, window.moves

    def _parameters(self, tree: Tree, at: str) -> list[sql.Composable]:
        if "where" not in tree:
            return []
        parts = given_list(tree, at, "where")
        if len(parts) > _MAX_WHERE:
            raise Invalid(f"{at}.where", f"has more than {_MAX_WHERE} parts")

        def own(value: sql.Composable) -> sql.Composable:
            return self._read.of_fact("contact_events", value)

        return [parameter(part, f"{at}.where.{place}", self._bind, own) for place, part in enumerate(parts)]

    # ------------------------------------------------------------ orders

    def orders(self, tree: Tree, at: str) -> Compiled:
        """``{"orders": "sum", "op": "at_least", "value": 1000, "in_last_days": 365}``."""
        only(tree, at, "orders", "op", "value", "at_least", "at_most", "where", *Window.NAMES)
        return self._ordered(tree, at, Window(tree, at, self._now))

    def _ordered(self, tree: Tree, at: str, window: Window) -> Compiled:
        index = "orders_time"
        measure = given_text(tree["orders"], f"{at}.orders")
        if measure not in ORDER_MEASURES:
            raise Invalid(f"{at}.orders", f"must be one of: {', '.join(ORDER_MEASURES)}")
        conditions = self._order_filters(tree, at)
        facts = _facts("orders", conditions, window, column="ordered_at")
        if measure == "count" and "op" not in tree:
            if "value" in tree:
                raise Invalid(f"{at}.value", "goes with op")
            return self._times(facts, tree, at), index, window.moves
        for name in ("at_least", "at_most"):
            if name in tree:
                raise Invalid(f"{at}.{name}", "goes with count alone; here it is an op")
        operators = {name: word for name, word in ORDER_OPERATORS.items() if name not in ("is_set", "is_empty")}
        operator = given_operator(tree, at, operators)
        sign = sql.SQL(SIGNS[operator])
        if not ORDER_MEASURES[measure]:
            if not window.is_open:
                raise Invalid(f"{at}.orders", "a first or last order has no window: compare its time")
            value = self._bind(given_moment(tree.get("value"), f"{at}.value"))
            function = "min" if measure == "first_at" else "max"
            text = self._read.together(
                facts, lambda of: sql.SQL("{} {} {}").format(of(function, "f.ordered_at"), sign, value)
            )
            return text, index, window.moves
        value = self._bind(given_number(tree.get("value"), f"{at}.value"))
        name, argument = _MEASURED[measure]
        # Amounts of different currencies are never added: those of any one have to do.
        by = "currency" if measure != "count" and "currency" not in tree.get("where", {}) else ""
        text = self._read.together(
            facts, lambda of: sql.SQL("{} {} {}::numeric").format(of(name, argument), sign, value), by
        )
        if measure != "average" and _zero_matches(operator, given_number(tree["value"], f"{at}.value")):
            # Who ordered nothing has a count and a sum of zero.
            text = sql.SQL("({} OR NOT {})").format(text, self._read.exists(facts))
        return text, index, window.moves

    def _order_filters(self, tree: Tree, at: str) -> list[sql.Composable]:
        where = given_object(tree.get("where", {}), f"{at}.where", '{"status": ["DELIVERED"], "category": "Shoes"}')
        only(where, f"{at}.where", "status", "item", "category", "currency")
        conditions: list[sql.Composable] = []
        if "status" in where:
            words = given_list(where, f"{at}.where", "status")
            wanted = [given_text(word, f"{at}.where.status.{n}").upper() for n, word in enumerate(words)]
            conditions.append(sql.SQL("upper(f.status) = ANY({}::text[])").format(self._bind(wanted)))
        else:
            conditions.append(sql.SQL("upper(f.status) <> ALL({}::text[])").format(self._bind(list(NO_PURCHASES))))
        for name, member in (("item", "external_id"), ("category", "category")):
            if name in where:
                value = self._bind(given_text(where[name], f"{at}.where.{name}"))
                conditions.append(
                    sql.SQL("f.items @> jsonb_build_array(jsonb_build_object({}::text, {}::text))").format(
                        self._bind(member), value
                    )
                )
        if "currency" in where:
            currency = given_text(where["currency"], f"{at}.where.currency").upper()
            conditions.append(sql.SQL("upper(f.currency) = {}::text").format(self._bind(currency)))
        return conditions

    def _times(self, facts: Facts, tree: Tree, at: str, of: LiteralString = "") -> sql.Composable:
        """At least and at most so many of these; ``of``: different values of this column."""
        least, most = _bounds(tree, at)
        parts: list[sql.Composable] = []
        if "at_least" in tree or most is None:
            parts.append(self._at_least(facts, least, of))
        if most is not None:
            parts.append(sql.SQL("NOT {}").format(self._at_least(facts, most + 1, of)))
        return parts[0] if len(parts) == 1 else sql.SQL("({} AND {})").format(*parts)

    def _at_least(self, facts: Facts, times: int, of: LiteralString) -> sql.Composable:
        return self._read.exists(facts) if times == 1 else self._read.at_least(facts, times, of)


def _facts(
    view: LiteralString, conditions: Sequence[sql.Composable], window: Window, column: LiteralString = "occurred_at"
) -> Facts:
    return Facts(
        view=view,
        conditions=conditions or [sql.SQL("true")],
        column=column,
        since=window.start,
        until=window.end,
        span=window.span,
    )


def _bounds(tree: Tree, at: str) -> tuple[int, int | None]:
    least = given_times(tree.get("at_least", 1), f"{at}.at_least")
    if "at_most" not in tree:
        return least, None
    most = given_count(tree["at_most"], f"{at}.at_most")
    if "at_least" in tree and most < least:
        raise Invalid(f"{at}.at_most", "must not be less than at_least")
    return least, most


def _zero_matches(operator: str, value: float) -> bool:
    return {
        "equals": value == 0,
        "not_equals": value != 0,
        "greater": value < 0,
        "at_least": value <= 0,
        "less": value > 0,
        "at_most": value >= 0,
    }[operator]

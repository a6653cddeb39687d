"""Members of a condition tree, read with the place in the tree that an error names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString, cast

from syncom.errors import Invalid
from syncom.segments.model import MAX_DAYS

Tree = Mapping[str, Any]

#: Operators that compare, as SQL writes them.
SIGNS: dict[str, LiteralString] = {
    "equals": "=",
    "not_equals": "<>",
    "greater": ">",
    "at_least": ">=",
    "less": "<",
    "at_most": "<=",
}


def only(tree: Tree, at: str, *names: str) -> None:
    """Raises Invalid for a member that is not one of these."""
    for name in tree:
        if name not in names:
            raise Invalid(f"{at}.{name}", f"is not known here; expected {', '.join(names)}")


def given_operator(tree: Tree, at: str, operators: Mapping[str, str]) -> str:
    operator = tree.get("op")
    if not isinstance(operator, str) or operator not in operators:
        raise Invalid(f"{at}.op", f"must be one of: {', '.join(operators)}")
    return operator


def given_list(tree: Tree, at: str, name: str) -> list[Any]:
    value = tree.get(name)
    if not isinstance(value, list) or not value:
        raise Invalid(f"{at}.{name}", "must be a list of values")
    return cast("list[Any]", value)


def given_object(value: Any, at: str, such_as: str) -> Tree:
    if not isinstance(value, dict):
        raise Invalid(at, f"must be an object such as {such_as}")
    return cast("Tree", value)


def given_text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise Invalid(at, "must be text")
    if "\0" in value:
        raise Invalid(at, "must not contain NUL")
    return value


def given_count(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise Invalid(at, "must be a whole number, zero or more")
    return value


def given_id(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise Invalid(at, "must be a whole number, zero or more")
    return value


def given_times(value: Any, at: str) -> int:
    count = given_count(value, at)
    if count == 0:
        raise Invalid(at, 'must be 1 or more; who did something never is {"not": ...}')
    return count


def given_days(value: Any, at: str) -> int:
    days = given_count(value, at)
    if days > MAX_DAYS:
        raise Invalid(at, f"must be at most {MAX_DAYS} days")
    return days


def given_number(value: Any, at: str) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
        raise Invalid(at, "must be a number")
    return value


def given_day(value: Any, at: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid(at, "must be a date such as 2026-09-14") from None


def given_moment(value: Any, at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid(at, "must be a time such as 2026-09-14T08:30:00Z") from None
    if moment.tzinfo is None:
        raise Invalid(at, "must say its offset, such as Z or +03:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(at, "is out of range") from None


class Window:
    """``in_last_days`` or ``from`` (inclusive) and ``to`` (exclusive), all optional."""

    NAMES = ("in_last_days", "from", "to")

    def __init__(self, tree: Tree, at: str, now: datetime) -> None:
        self.moves = "in_last_days" in tree
        self.start: datetime | None = None
        self.end: datetime | None = None
        #: How far back it reaches, where it goes with the time.
        self.span: timedelta | None = None
        if self.moves:
            if "from" in tree or "to" in tree:
                raise Invalid(f"{at}.in_last_days", "cannot stand beside from and to")
            self.span = timedelta(days=given_days(tree["in_last_days"], f"{at}.in_last_days"))
            self.start = now - self.span
        if "from" in tree:
            self.start = given_moment(tree["from"], f"{at}.from")
        if "to" in tree:
            self.end = given_moment(tree["to"], f"{at}.to")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise Invalid(f"{at}.to", "must be later than from")

    @property
    def is_open(self) -> bool:
        return self.start is None and self.end is None

"""Whether a condition can hold at all: plain contradictions, such as "points above 5 and below 3", are refused.

A contradiction is between parts that speak of the same thing: a field, a channel, a count, the classes of RFM, the
engagement score, or word for word the same question. Of each thing there are a few cases that the parts tell apart
(below 3, 3, between, 5, above 5): where every case makes the parts that must hold together false, nobody can match.
What a part says of another thing is unknown, and unknown is possible; so what is refused never matches anybody, and
what is let through may match nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import inf
from typing import Any, Final, cast

from syncom.activity import engagement
from syncom.activity.engagement import EPOCH, Band
from syncom.contacts.model import FieldType
from syncom.errors import Invalid
from syncom.segments.given import SIGNS, Tree, given_moment
from syncom.segments.model import DATE_FIELDS, STATES, TEXT_FIELDS
from syncom.segments.rfm_classes import RFM_CLASSES, RFM_SCORES, class_of

#: A case: what a thing may be, as its test understands it. None of a field: it has no value.
Case = Any
#: Whether a leaf holds in a case; None: that depends on something else.
Test = Callable[[Tree, Case], bool | None]

_MOVING: Final = ("in_last_days", "in_next_days", "more_than_days_ago")
_COUNT_MEMBERS: Final = ("op", "value", "at_least", "at_most")
#: More parts about one thing than this are not compared: each of them makes cases for all.
_MOST: Final = 60
_TICK: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
#: From here on not every whole number is a floating one.
_EXACT: Final = 2**52
_OTHER: Final = object()
#: Limits of scores that are closer to each other than this part of them may be in another order on another day.
_ROUNDED: Final = 1e-12


@dataclass(frozen=True, kw_only=True)
class Thing:
    """What a leaf speaks of, in one respect: its cases are found from the leaves, and leaves are tested on them."""

    cases: Callable[[Sequence[Tree]], list[Case]]
    test: Test


def require_possible(tree: Tree, fields: Mapping[str, FieldType], *, at: str) -> None:
    """Raises Invalid with the place of the first part that nobody can match. The tree is one that compiles."""
    _Search(fields).require(tree, at, wanted=True)


class _Search:
    def __init__(self, fields: Mapping[str, FieldType]) -> None:
        self._fields = fields
        self._leaves: dict[int, list[tuple[str, Tree]]] = {}

    def require(self, tree: Tree, at: str, *, wanted: bool) -> None:
        """``wanted``: whether the part must hold or must not."""
        if "not" in tree:
            self.require(tree["not"], f"{at}.not", wanted=not wanted)
            return
        name = "all" if "all" in tree else "any" if "any" in tree else ""
        if not name:
            self._require_case([(at, tree)], at, wanted=wanted)
            return
        parts = [(f"{at}.{name}.{place}", part) for place, part in enumerate(cast("list[Tree]", tree[name]))]
        for place, part in parts:
            self.require(part, place, wanted=wanted)
        if (name == "all") == wanted:  # they must all hold, or none of them may
            self._require_case(parts, at, wanted=wanted)

    def _require_case(self, parts: Sequence[tuple[str, Tree]], at: str, *, wanted: bool) -> None:
        """There is a case of each thing in which all parts hold (or none does)."""
        about: dict[str, tuple[dict[str, Tree], list[Tree]]] = {}
        for place, part in parts:
            for key, leaf in self._of(part):
                those, leaves = about.setdefault(key, ({}, []))
                those[place] = part
                leaves.append(leaf)
        for key, (those, leaves) in about.items():
            if len(leaves) > _MOST or len(those) < min(len(parts), 2):  # a part by itself has been looked at
                continue
            thing, meant = self._thing(key, leaves[0]), set(map(id, leaves))
            if not any(
                all(_holds(part, thing.test, case, meant) is not (not wanted) for part in those.values())
                for case in thing.cases(leaves)
            ):
                raise Invalid(at, _reason(list(those)))

    def _of(self, tree: Tree) -> list[tuple[str, Tree]]:
        """Every leaf under this part with each thing that it speaks of."""
        known = self._leaves.get(id(tree))
        if known is None:
            children = [tree["not"]] if "not" in tree else tree.get("all", tree.get("any"))
            if children is None:
                known = [(key, tree) for key in self._keys(tree)]
            else:
                known = [found for child in cast("list[Tree]", children) for found in self._of(child)]
            self._leaves[id(tree)] = known
        return known

    # ------------------------------------------------------------ what leaves speak of

    def _keys(self, leaf: Tree) -> list[str]:
        keys = ["= " + _canonical(leaf)]
        if "field" in leaf:
            keys.append(f"field {leaf['field']}")
            if self._kind(leaf) in (FieldType.DATE, FieldType.DATETIME):
                keys.append(f"days {leaf['field']}")
        elif "subscription" in leaf:
            keys.append(f"subscription {leaf['subscription']}")
        elif "rfm" in leaf:
            keys.append("rfm")
        elif "engagement" in leaf:
            keys.append("engagement")
        elif "email_domain" in leaf:
            keys.append("domain")
        elif leaf.get("orders") in ("sum", "average"):
            keys.append("amount " + _canonical(leaf, without=_COUNT_MEMBERS))
        elif leaf.get("prediction", "next_order") != "next_order":
            keys.append(f"foreseen {leaf['prediction']}")
        elif "activity" in leaf or leaf.get("orders") == "count" or ("event" in leaf and "which" not in leaf):
            keys.append("count " + _canonical(leaf, without=_COUNT_MEMBERS))
        return keys

    def _thing(self, key: str, leaf: Tree) -> Thing:
        kind = key.partition(" ")[0]
        if kind == "field":
            return _FIELDS[self._kind(leaf)]
        return _THINGS[kind]

    def _kind(self, leaf: Tree) -> FieldType:
        name = leaf["field"]
        if name in TEXT_FIELDS:
            return FieldType.TEXT
        return FieldType.DATETIME if name in DATE_FIELDS else self._fields[name]


def _holds(tree: Tree, test: Test, case: Case, about: set[int]) -> bool | None:
    """Three-valued: a leaf about something else is unknown."""
    if "not" in tree:
        inner = _holds(tree["not"], test, case, about)
        return None if inner is None else not inner
    for name, decides in (("all", False), ("any", True)):
        if name in tree:
            if not tree[name]:
                return None if decides else True  # nobody, said on purpose
            found = [_holds(part, test, case, about) for part in tree[name]]
            return decides if decides in found else None if None in found else not decides
    return test(tree, case) if id(tree) in about else None


def _reason(places: list[str]) -> str:
    if len(places) == 1:
        return "can never be so: nobody would match"
    said = f"{', '.join(places[:-1])} and {places[-1]}" if len(places) <= 4 else f"{', '.join(places[:4])} and others"
    return f"nobody can match: {said} exclude each other"


def _canonical(leaf: Tree, *, without: Sequence[str] = ()) -> str:
    kept = {name: value for name, value in leaf.items() if name not in without}
    return json.dumps(kept, sort_keys=True)


# ---------------------------------------------------------------- fields


def _presence(leaf: Tree, case: Case) -> bool | None:
    """What holds, or not, of having a value alone."""
    operator = leaf["op"]
    if operator in ("is_set", "is_empty"):
        return (case is None) == (operator == "is_empty")
    if case is None:
        return operator == "not_equals"
    return None


def _compares(value: Any, operator: str, wanted: Any) -> bool:
    return {
        "equals": value == wanted,
        "not_equals": value != wanted,
        "greater": value > wanted,
        "at_least": value >= wanted,
        "less": value < wanted,
        "at_most": value <= wanted,
    }[operator]


def _numbers(leaves: Sequence[Tree]) -> list[Case]:
    """Each number as itself and as the floating one that it is compared as: close beside such a one, it is that one."""
    values = [leaf["value"] for leaf in leaves if leaf["op"] in SIGNS]
    edges = sorted({_exact(value) for value in values})
    if not edges:
        return [None, (Fraction(0), Fraction(0))]
    between = [(one + two) / 2 for one, two in pairwise(edges)]
    beside = [edges[0] - 1, *between, edges[-1] + 1]
    found: list[Case] = [None, *((one, one) for one in (*edges, *beside))]
    for place, edge in enumerate(edges):
        if any(isinstance(value, float) and _exact(value) == edge for value in values):
            found += [(beside[place], edge), (beside[place + 1], edge)]
    return found


def _number_test(leaf: Tree, case: Case) -> bool | None:
    known = _presence(leaf, case)
    if known is not None or case is None:
        return known
    wanted = _exact(leaf["value"])
    if abs(wanted) > _EXACT:
        return None
    exact, floating = case
    return _compares(floating if isinstance(leaf["value"], float) else exact, leaf["op"], wanted)


def _exact(value: float) -> Fraction:
    """To as many digits as PostgreSQL keeps of a floating number."""
    return Fraction(f"{value:.15g}") if isinstance(value, float) else Fraction(value)


def _amount_test(leaf: Tree, case: Case) -> bool | None:
    """Of orders: the average of none is no number, which nothing holds of."""
    return False if case is None else _number_test(leaf, case)


def _foreseen_test(leaf: Tree, case: Case) -> bool | None:
    """Of a customer: nothing may be foreseen of them at all (None), or this is unknown."""
    if case is None:
        return False
    return _presence(leaf, None) if case is _OTHER else _number_test(leaf, case)


def _stepped(read: Callable[[Any], Any], step: timedelta) -> Thing:
    """Dates and moments: the values that are named, and the ones beside them."""

    def cases(leaves: Sequence[Tree]) -> list[Case]:
        found: list[Case] = [None]
        for leaf in leaves:
            if leaf["op"] in SIGNS:
                value = read(leaf["value"])
                found += [value]
                for by in (-step, step):
                    try:
                        found.append(value + by)
                    except OverflowError:
                        continue
        return found if len(found) > 1 else [None, _OTHER]

    def test(leaf: Tree, case: Case) -> bool | None:
        known = _presence(leaf, case)
        if known is not None or case is None:
            return known
        if leaf["op"] not in SIGNS or case is _OTHER:
            return None
        return _compares(case, leaf["op"], read(leaf["value"]))

    return Thing(cases=cases, test=test)


def _day_cases(leaves: Sequence[Tree]) -> list[Case]:
    """Distances from now in half days: those that are named, with a sign, and the ones beside them."""
    edges = {0, *(sign * 2 * leaf["value"] for leaf in leaves if leaf["op"] in _MOVING for sign in (1, -1))}
    return [None, *sorted({edge + by for edge in edges for by in (-1, 0, 1)})]


def _days_test(leaf: Tree, case: Case) -> bool | None:
    known = _presence(leaf, case)
    if known is not None or case is None:
        # An anniversary is one of a value, like every other test.
        return known
    if leaf["op"] not in _MOVING:
        return None
    days = 2 * leaf["value"]
    return {
        "in_last_days": -days <= case <= 0,
        "in_next_days": 0 <= case <= days,
        "more_than_days_ago": case < -days,
    }[leaf["op"]]


def _text_cases(leaves: Sequence[Tree]) -> list[Case]:
    named: list[Any] = []
    for leaf in leaves:
        if leaf["op"] in ("equals", "not_equals"):
            named.append(leaf["value"])
        elif leaf["op"] == "in":
            named += leaf["value"]
    return ["", _OTHER, *dict.fromkeys(named)]


def _text_test(leaf: Tree, case: Case) -> bool | None:
    operator, wanted = leaf["op"], leaf.get("value")
    if operator in ("is_set", "is_empty"):
        return (case == "") == (operator == "is_empty")
    if operator in ("equals", "not_equals"):
        return (case == wanted) == (operator == "equals")
    if operator == "in":
        return case in cast("list[str]", wanted)
    if case is _OTHER:
        return None
    # Which letters are one but for their case is the database's matter; it is not in doubt where they are the same.
    wanted = cast("str", wanted)
    within = case.startswith if operator == "starts_with" else case.__contains__
    if within(wanted):
        return True
    lowered = case.lower().startswith if operator == "starts_with" else case.lower().__contains__
    return None if lowered(wanted.lower()) or not (case.isascii() and wanted.isascii()) else False


def _boolean_test(leaf: Tree, case: Case) -> bool | None:
    known = _presence(leaf, case)
    return known if known is not None else case is leaf["value"]


def _choices_test(leaf: Tree, case: Case) -> bool | None:
    if leaf["op"] == "contains":
        return None if case is _OTHER else False
    return (case is None) == (leaf["op"] == "is_empty")


# ---------------------------------------------------------------- the rest


def _count_cases(leaves: Sequence[Tree]) -> list[Case]:
    found = {0, 1}
    for leaf in leaves:
        for name in ("value", "at_least", "at_most"):
            if name in leaf:
                edge = int(min(max(leaf[name], 0), 2**62))
                found |= {max(edge - 1, 0), edge, edge + 1}
    return sorted(found)


def _count_test(leaf: Tree, case: Case) -> bool | None:
    if "op" in leaf:
        return _compares(case, leaf["op"], leaf["value"])
    least = leaf.get("at_least", 0 if "at_most" in leaf else 1)
    return least <= case and ("at_most" not in leaf or case <= leaf["at_most"])


def _rfm_cases(_leaves: Sequence[Tree]) -> list[Case]:
    scores = range(1, 6)
    return [None, *((r, f, m) for r in scores for f in scores for m in scores)]


def _rfm_test(leaf: Tree, case: Case) -> bool | None:
    if case is None:  # no customer
        return False
    given = leaf["rfm"]
    if "class" in given and class_of(*case) not in {RFM_CLASSES[word] for word in given["class"]}:
        return False
    return all(
        _compares(score, operator, value)
        for name, score in zip(RFM_SCORES, case, strict=True)
        for operator, value in given.get(name, {}).items()
    )


def _score_limits(leaf: Tree) -> set[float]:
    """Scores at which the answer changes, as they are compared."""
    given = leaf["engagement"]
    limits = {engagement.at_least(band.floor, EPOCH) for band in Band if "band" in given}
    for name, compared in (("at_least", engagement.at_least), ("at_most", engagement.above)):
        if name in given:
            limits.add(compared(given[name], EPOCH))
    return limits


def _score_cases(leaves: Sequence[Tree]) -> list[Case]:
    """The limits of scores, and scores between and above them."""
    edges = sorted({0.0, *(limit for leaf in leaves for limit in _score_limits(leaf))})
    return [*edges, *((one + two) / 2 for one, two in pairwise(edges)), 2 * edges[-1] + 1]


def _score_test(leaf: Tree, case: Case) -> bool | None:
    if any(0 < abs(case - limit) <= _ROUNDED * limit for limit in _score_limits(leaf)):
        return None
    given = leaf["engagement"]
    if "band" in given and engagement.band_of(case, EPOCH).value not in given["band"]:
        return False
    least, most = given.get("at_least", 0), given.get("at_most", inf)
    return engagement.at_least(least, EPOCH) <= case <= engagement.above(most, EPOCH)


def _domains(leaf: Tree) -> list[str]:
    given = leaf["email_domain"]
    return [one.lower().lstrip("@") for one in (cast("list[str]", given) if isinstance(given, list) else [given])]


_FIELDS: Final[Mapping[FieldType, Thing]] = {
    FieldType.NUMBER: Thing(cases=_numbers, test=_number_test),
    FieldType.DATE: _stepped(date.fromisoformat, _DAY),
    FieldType.DATETIME: _stepped(lambda value: given_moment(value, ""), _TICK),
    FieldType.BOOLEAN: Thing(cases=lambda _: [None, True, False], test=_boolean_test),
    FieldType.MULTICHOICE: Thing(cases=lambda _: [None, _OTHER], test=_choices_test),
    **dict.fromkeys(
        [kind for kind in FieldType if kind.name not in ("NUMBER", "DATE", "DATETIME", "BOOLEAN", "MULTICHOICE")],
        Thing(cases=_text_cases, test=_text_test),
    ),
}
_THINGS: Final[Mapping[str, Thing]] = {
    "=": Thing(cases=lambda _: [True, False], test=lambda _, case: case),
    "days": Thing(cases=_day_cases, test=_days_test),
    "subscription": Thing(cases=lambda _: list(STATES), test=lambda leaf, case: leaf["is"] == case),
    "count": Thing(cases=_count_cases, test=_count_test),
    "amount": Thing(cases=_numbers, test=_amount_test),
    "foreseen": Thing(cases=lambda leaves: [_OTHER, *_numbers(leaves)], test=_foreseen_test),
    "rfm": Thing(cases=_rfm_cases, test=_rfm_test),
    "engagement": Thing(cases=_score_cases, test=_score_test),
    "domain": Thing(
        cases=lambda leaves: [_OTHER, *(one for leaf in leaves for one in _domains(leaf))],
        test=lambda leaf, case: case in _domains(leaf),
    ),
}

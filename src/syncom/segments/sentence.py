"""A condition tree as a sentence: "opened an email at least 3 times in the last 30 days and never ordered"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from syncom.segments.model import DATE_OPERATORS, ORDER_OPERATORS, PARAMETER_OPERATORS, PREDICTIONS, TEXT_OPERATORS
from syncom.segments.rfm_classes import RFM_SCORES

Tree = Mapping[str, Any]


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What things are called, by id or key. What is missing is called by its number or key."""

    fields: Mapping[str, str] = {}
    lists: Mapping[int, str] = {}
    segments: Mapping[int, str] = {}
    campaigns: Mapping[int, str] = {}
    categories: Mapping[str, str] = {}


_OPERATORS = {**PARAMETER_OPERATORS, **TEXT_OPERATORS, **ORDER_OPERATORS, **DATE_OPERATORS}
_DATE_WORDS = {"greater": "is after", "at_least": "is not before", "less": "is before", "at_most": "is not after"}
_STATES = {
    "none": "has no subscription to {}",
    "unconfirmed": "has not confirmed {}",
    "subscribed": "is subscribed to {}",
    "unsubscribed": "is unsubscribed from {}",
}
_CHANNELS = {"email": "email", "sms": "SMS", "webpush": "web push", "mobilepush": "mobile push", "viber": "Viber"}
#: What somebody did, and what nobody did to him.
_ACTIVITIES = {
    "sent": ("was sent", "was not sent"),
    "delivered": ("received", "did not receive"),
    "bounced": ("bounced", "did not bounce"),
    "opened": ("opened", "did not open"),
    "clicked": ("clicked", "did not click"),
    "unsubscribed": ("unsubscribed by", "did not unsubscribe by"),
    "complained": ("complained about", "did not complain about"),
    "ordered": ("ordered", "did not order"),
}
_MEASURES = {
    "count": "number of orders",
    "sum": "total of orders",
    "average": "average order",
    "first_at": "first order",
    "last_at": "last order",
}


def sentence(tree: Tree, names: Names) -> str:
    """What a compiled tree says. Only trees that the compiler took make sense here."""
    return _node(tree, names, within="")


def _node(tree: Tree, names: Names, *, within: str) -> str:
    for name, joint, empty in (("all", " and ", "everybody"), ("any", " or ", "nobody")):
        if name in tree:
            return _group(tree[name], names, joint, empty, within)
    if "not" in tree:
        return _negated(tree["not"], names)
    return _leaf(tree, names)


def _group(parts: Sequence[Tree], names: Names, joint: str, empty: str, within: str) -> str:
    if not parts:
        return empty
    if len(parts) == 1:
        return _node(parts[0], names, within=within)
    text = joint.join(_node(part, names, within=joint) for part in parts)
    return f"({text})" if within and within != joint else text


def _negated(tree: Tree, names: Names) -> str:
    if "activity" in tree:
        return _activity(tree, names, negated=True)
    if "event" in tree and "which" not in tree and "at_least" not in tree and "at_most" not in tree:
        return _event(tree, negated=True)
    if "list" in tree:
        return f"is not in the list {_called(names.lists, tree['list'])}"
    if "segment" in tree:
        return f"is not in the segment {_called(names.segments, tree['segment'])}"
    return f"not ({_node(tree, names, within='')})"


def _leaf(tree: Tree, names: Names) -> str:
    if "field" in tree:
        field = tree["field"]
        return f"{names.fields.get(field, field.replace('_', ' '))} {_compared(tree)}"
    if "email_domain" in tree:
        return f"has an email address at {_listed(tree['email_domain'], quote=False)}"
    if "list" in tree:
        return f"is in the list {_called(names.lists, tree['list'])}"
    if "segment" in tree:
        return f"is in the segment {_called(names.segments, tree['segment'])}"
    if "subscription" in tree:
        return _STATES[tree["is"]].format(_CHANNELS[tree["subscription"]])
    if "category" in tree:
        key = tree["category"].lower()
        return f"chose the category {_quoted(names.categories.get(key, tree['category']))}"
    if "activity" in tree:
        return _activity(tree, names, negated=False)
    if "event" in tree:
        return _event(tree, negated=False)
    if "rfm" in tree:
        return _rfm(tree["rfm"])
    if "engagement" in tree:
        return _engagement(tree["engagement"])
    if "prediction" in tree:
        return f"{PREDICTIONS[tree['prediction']]} {_compared(tree)}"
    return _orders(tree)


def _rfm(given: Tree) -> str:
    said = [f"is in the RFM class {_listed(given['class'], quote=False)}"] if "class" in given else []
    for name in RFM_SCORES:
        bounds = given.get(name, {})
        words = [f"{ORDER_OPERATORS[operator]} {score}" for operator, score in bounds.items()]
        if words:
            said.append(f"RFM {name} {' and '.join(words)}")
    return " and ".join(said)


def _engagement(given: Tree) -> str:
    said = [f"engagement is {_listed(given['band'], quote=False)}"] if "band" in given else []
    bounds = [f"{ORDER_OPERATORS[name]} {given[name]}" for name in ("at_least", "at_most") if name in given]
    if bounds:
        said.append(f"engagement score {' and '.join(bounds)}")
    return " and ".join(said)


def _activity(tree: Tree, names: Names, *, negated: bool) -> str:
    kind = tree["activity"]
    has_count = "at_least" in tree or "at_most" in tree
    did, did_not = _ACTIVITIES[kind]
    if kind == "ordered":
        thing = "" if has_count or not negated else "never ordered"
        if thing and _window(tree) == "":
            return thing
        thing = ""
    elif "campaign" in tree:
        thing = f" the campaign {_called(names.campaigns, tree['campaign'])}"
        if "link" in tree:
            thing = f" link {tree['link']} of{thing}"
    else:
        thing = f" any {_CHANNELS.get(tree.get('channel', ''), tree.get('channel', ''))} message".replace("  ", " ")
    said = f"{did_not if negated and not has_count else did}{thing}{_times(tree)}{_window(tree)}"
    return f"not ({said})" if negated and has_count else said


def _event(tree: Tree, *, negated: bool) -> str:
    what = f"the event {_quoted(tree['event'])}"
    if "where" in tree:
        parts = [f"{part['param']} {_compared(part)}" for part in tree["where"]]
        what += f" where {' and '.join(parts)}"
    if "which" in tree:
        return f"had {what} for the {tree['which']} time{_window(tree)}"
    return f"{'did not have' if negated else 'had'} {what}{_times(tree)}{_window(tree)}"


def _orders(tree: Tree) -> str:
    measure = tree["orders"]
    where = _order_filters(tree.get("where", {}))
    if measure == "count" and "op" not in tree:
        return f"ordered{where}{_times(tree)}{_window(tree)}"
    return f"{_MEASURES[measure]}{where}{_window(tree)} {_compared(tree)}"


def _order_filters(where: Tree) -> str:
    said = ""
    if "status" in where:
        said += f" with status {_listed(where['status'])}"
    if "item" in where:
        said += f" with the item {_quoted(where['item'])}"
    if "category" in where:
        said += f" from the category {_quoted(where['category'])}"
    if "currency" in where:
        said += f" in {where['currency'].upper()}"
    return said


def _times(tree: Tree) -> str:
    least, most = tree.get("at_least"), tree.get("at_most")
    if least is not None and most is not None:
        return f" {least} times" if least == most else f" {least} to {most} times"
    if most is not None:
        return f" at most {_count(most)}"
    return "" if least is None else f" at least {_count(least)}"


def _count(times: int) -> str:
    return "once" if times == 1 else f"{times} times"


def _window(tree: Tree) -> str:
    if "in_last_days" in tree:
        days = tree["in_last_days"]
        return " in the last day" if days == 1 else f" in the last {days} days"
    said = f" since {tree['from']}" if "from" in tree else ""
    return f"{said} before {tree['to']}" if "to" in tree else said


def _compared(tree: Tree) -> str:
    operator, value = tree["op"], tree.get("value")
    # Only dates and times are compared by a text.
    words = _DATE_WORDS.get(operator, _OPERATORS[operator]) if isinstance(value, str) else _OPERATORS[operator]
    if operator in ("is_set", "is_empty"):
        return words
    if "{}" in words:
        return words.format(value)
    if isinstance(value, bool):
        return f"{words} {'yes' if value else 'no'}"
    return f"{words} {_listed(value)}"


def _listed(given: Any, *, quote: bool = True) -> str:
    """One value, or several of which one is meant."""
    values = cast("list[object]", given) if isinstance(given, list) else [cast("object", given)]
    said = [_quoted(value) if quote else str(value) for value in values]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _called(names: Mapping[int, str], number: int) -> str:
    return _quoted(names[number]) if number in names else str(number)

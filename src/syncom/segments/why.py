"""Why a contact matches a condition or does not: every part of the tree with its answer, and what it looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from psycopg import sql

from syncom.contacts.model import Contact, SubscriptionState
from syncom.ids import bucket_of
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.segments.compile import Compiler
from syncom.segments.sentence import Names, sentence

_SQL = load_sql("syncom.segments", "why.sql")
_GROUPS = ("all", "any")
_STATES = {"email": "email_state", "sms": "sms_state", "viber": "sms_state", "webpush": "push_state"}
#: Members of the row of statistics that activities are counted in, and when the last was.
_COUNTED = {"sent": (0, 4), "opened": (1, 5), "clicked": (2, 6), "ordered": (3, 7)}


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a condition, whether it holds for the contact, and why."""

    #: Its place in the tree, such as `condition.all.0`.
    at: str
    #: all, any, not, segment, or leaf.
    kind: str
    #: The part in words.
    sentence: str
    holds: bool
    #: What the contact has, in words; empty for groups, and where nothing short can be said.
    value: str
    #: Parts of a group, and the condition of a segment that is named.
    parts: tuple[Reason, ...]


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a contact is in a segment now, and why."""

    contact_id: int
    is_in: bool
    reason: Reason


async def reason_of(
    connection: Connection,
    account_id: int,
    contact: Contact,
    condition: Mapping[str, Any],
    *,
    compiler: Compiler,
    segments: Mapping[int, Mapping[str, Any]],
    names: Names,
) -> Reason:
    """The tree with its answers at this moment: two or three statements, however large it is."""
    parts = list(_parts(condition, "condition", segments))
    answers = await _answers(connection, account_id, contact.contact_id, compiler, [tree for _, tree in parts])
    held = {at: answer for (at, _), answer in zip(parts, answers, strict=True)}
    facts = await _facts(connection, account_id, contact, [tree for _, tree in parts])
    return _reason(condition, "condition", held, facts, segments, names)


def _parts(
    tree: Mapping[str, Any], at: str, segments: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part with its place, groups before what is in them. The compiler has seen that it ends."""
    yield at, tree
    for place, part in _inside(tree, segments):
        yield from _parts(part, f"{at}.{place}", segments)


def _inside(
    tree: Mapping[str, Any], segments: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in _GROUPS:
        for place, part in enumerate(cast("list[Mapping[str, Any]]", tree.get(name, ()))):
            yield f"{name}.{place}", part
    if "not" in tree:
        yield "not", tree["not"]
    if "segment" in tree and tree["segment"] in segments:
        yield "segment", segments[tree["segment"]]


async def _answers(
    connection: Connection, account_id: int, contact_id: int, compiler: Compiler, trees: Sequence[Mapping[str, Any]]
) -> Sequence[bool]:
    predicates = [compiler.compile(tree).text for tree in trees]
    statement = sql.SQL(
        "SELECT ARRAY[{}] FROM contacts c WHERE c.account_id = {} AND c.bucket = {} AND c.contact_id = {}"
    ).format(
        sql.SQL(", ").join(sql.SQL("coalesce({}, false)").format(one) for one in predicates),
        sql.Placeholder("account_id"),
        sql.Placeholder("bucket"),
        sql.Placeholder("contact_id"),
    )
    values = {**compiler.values, "account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
    row = await (await connection.execute(statement, values, prepare=False)).fetchone()
    return row[0] if row else [False] * len(trees)


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    contact: Contact
    statistics: Sequence[Any]
    lists: Mapping[int, datetime]
    events: Mapping[str, tuple[int, datetime | None]]


async def _facts(
    connection: Connection, account_id: int, contact: Contact, trees: Sequence[Mapping[str, Any]]
) -> _Facts:
    values = {
        "account_id": account_id,
        "bucket": bucket_of(contact.contact_id),
        "contact_id": contact.contact_id,
        "lists": [tree["list"] for tree in trees if isinstance(tree.get("list"), int)],
        "types": [tree["event"] for tree in trees if isinstance(tree.get("event"), str)],
    }
    row = await (await connection.execute(_SQL["facts"], values)).fetchone()
    assert row is not None, "one row, whether there are statistics or not"
    events: dict[str, tuple[int, datetime | None]] = {}
    if values["types"]:
        cursor = await connection.execute(_SQL["events"], values)
        events = {key: (count, last) for key, count, last in await cursor.fetchall()}
    return _Facts(
        contact=contact,
        statistics=row[:9],
        lists={list_id: datetime.fromisoformat(since) for list_id, since in row[9]},
        events=events,
    )


def _reason(
    tree: Mapping[str, Any],
    at: str,
    held: Mapping[str, bool],
    facts: _Facts,
    segments: Mapping[int, Mapping[str, Any]],
    names: Names,
) -> Reason:
    kind = next((name for name in (*_GROUPS, "not", "segment") if name in tree), "leaf")
    return Reason(
        at=at,
        kind=kind,
        sentence=sentence(tree, names),
        holds=held[at],
        value=_value(tree, facts) if kind == "leaf" else "",
        parts=tuple(
            _reason(part, f"{at}.{place}", held, facts, segments, names) for place, part in _inside(tree, segments)
        ),
    )


def _value(tree: Mapping[str, Any], facts: _Facts) -> str:
    """What the contact has of that which a leaf looks at."""
    contact = facts.contact
    if "field" in tree:
        name = tree["field"]
        own = contact.fields.get(name) if name in contact.fields else getattr(contact, name, None)
        return _said(own)
    if "email_domain" in tree:
        return (contact.email or "").rpartition("@")[2] or "no email address"
    if "list" in tree:
        since = facts.lists.get(tree["list"])
        return f"on the list since {_day(since)}" if since else "not on the list"
    if "subscription" in tree:
        state = getattr(contact, _STATES.get(tree["subscription"], ""), None)
        return SubscriptionState(state).name.lower() if state is not None else ""
    if "event" in tree:
        count, last = facts.events.get(tree["event"], (0, None))
        return _times(count, last)
    if "activity" in tree or "orders" in tree:
        counted = _COUNTED.get("ordered" if "orders" in tree else tree["activity"])
        if counted is None:
            return ""
        return _times(facts.statistics[counted[0]] or 0, facts.statistics[counted[1]])
    if "engagement" in tree:
        return f"last open {_day(facts.statistics[5])}, last click {_day(facts.statistics[6])}"
    return ""


def _times(count: int, last: datetime | None) -> str:
    if not count:
        return "never"
    return f"{count:,} in all, last on {_day(last)}"


def _said(value: object) -> str:
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in cast("list[object]", value)) or "empty"
    if isinstance(value, datetime):
        return _day(value)
    return str(value)


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d}"

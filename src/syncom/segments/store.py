"""The segments' rows, and the statements that count and page the contacts of a condition.

Statements of conditions are never prepared: a plan that is kept for any values knows nothing of the window that they
ask for, and was found to take minutes where one for these values takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from psycopg import errors, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.contacts.model import Found
from syncom.errors import Conflict, NotFound
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.segments.compile import Predicate
from syncom.segments.evaluation import Statement
from syncom.segments.model import Segment

_SQL = load_sql("syncom.segments", "segments.sql")


async def insert(connection: Connection, account_id: int, name: str, condition: dict[str, Any]) -> Segment:
    return await _write(connection, "insert", account_id=account_id, name=name, condition=condition)


async def update(
    connection: Connection, account_id: int, segment_id: int, name: str, condition: dict[str, Any]
) -> Segment:
    return await _write(
        connection, "update", account_id=account_id, segment_id=segment_id, name=name, condition=condition
    )


async def _write(connection: Connection, statement: str, **values: Any) -> Segment:
    values["condition"] = Jsonb(values["condition"])
    cursor = connection.cursor(row_factory=dict_row)
    try:
        row = await (await cursor.execute(_SQL[statement], values)).fetchone()
    except errors.UniqueViolation:
        raise Conflict(f"there is a segment named {values['name']!r} already", field="name") from None
    if row is None:
        raise NotFound("segment", values["segment_id"])
    return msgspec.convert(row, Segment)


async def hide(connection: Connection, account_id: int, name: str, condition: dict[str, Any]) -> int | None:
    """Save a segment that only its keeper knows, under a name of its keeper's; None: the name is taken by another."""
    values = {"account_id": account_id, "name": name, "condition": Jsonb(condition)}
    await connection.execute(_SQL["hide"], values)
    row = await (await connection.execute(_SQL["hidden"], {"account_id": account_id, "name": name})).fetchone()
    return row[0] if row else None


async def unhide(connection: Connection, account_id: int, segment_ids: Sequence[int]) -> None:
    """Delete hidden segments."""
    await connection.execute(_SQL["unhide"], {"account_id": account_id, "ids": list(segment_ids)})


async def select(connection: Connection, account_id: int, ids: list[int] | None = None) -> list[Segment]:
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["select"], {"account_id": account_id, "ids": ids})).fetchall()
    return msgspec.convert(rows, list[Segment])


async def delete(connection: Connection, account_id: int, segment_id: int) -> bool:
    cursor = await connection.execute(_SQL["delete"], {"account_id": account_id, "segment_id": segment_id})
    return cursor.rowcount == 1


def count_statement(predicate: Predicate) -> sql.Composed:
    """Scans the account's contacts by primary key."""
    return sql.SQL("SELECT count(*) FROM contacts c WHERE c.account_id = {} AND {}").format(
        sql.Placeholder("account_id"), predicate.text
    )


async def count(connection: Connection, account_id: int, predicate: Predicate) -> int:
    """How many contacts match."""
    values = {**predicate.values, "account_id": account_id}
    row = await (await connection.execute(count_statement(predicate), values, prepare=False)).fetchone()
    return int(row[0]) if row else 0


async def count_within(connection: Connection, account_id: int, predicate: Predicate, seconds: float) -> int | None:
    """How many contacts match; None where that takes longer."""
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT set_config('statement_timeout', %s, true)", (f"{max(1, round(seconds * 1000))}ms",)
            )
            found = await count(connection, account_id, predicate)
            # What the savepoint set lasts beyond it.
            await connection.execute("SET LOCAL statement_timeout TO DEFAULT")
            return found
    except errors.QueryCanceled:
        return None


async def count_bucket(connection: Connection, account_id: int, predicate: Predicate, bucket: int) -> int:
    """How many contacts of one bucket match. The bucket as a constant reaches into the facts too, and their indexes."""
    statement = count_statement(predicate) + sql.SQL(" AND c.bucket = {}::smallint").format(sql.Literal(bucket))
    values = {**predicate.values, "account_id": account_id}
    row = await (await connection.execute(statement, values, prepare=False)).fetchone()
    return int(row[0]) if row else 0


async def matching(connection: Connection, account_id: int, made: Statement, contact_ids: Sequence[int]) -> set[int]:
    """Those of these contacts who match."""
    values = {**made.values, "account_id": account_id, "contact_ids": list(contact_ids)}
    return {row[0] for row in await (await connection.execute(made.text, values, prepare=False)).fetchall()}


async def plan(connection: Connection, account_id: int, predicate: Predicate) -> list[str]:
    """How PostgreSQL would count them: the lines of its EXPLAIN. Nothing is run."""
    statement = sql.SQL("EXPLAIN ") + count_statement(predicate)
    values = {**predicate.values, "account_id": account_id}
    return [row[0] for row in await (await connection.execute(statement, values)).fetchall()]


async def vocabulary(connection: Connection, account_id: int) -> tuple[dict[str, int], dict[str, int]]:
    """Ids of subscription categories by key in lower case, and of event types by key."""
    found: dict[str, dict[str, int]] = {"category": {}, "event": {}}
    rows = await connection.execute(_SQL["vocabulary"], {"account_id": account_id})
    for kind, key, number in await rows.fetchall():
        found[kind][key] = number
    return found["category"], found["event"]


async def names(connection: Connection, account_id: int, condition: dict[str, Any]) -> dict[str, Any]:
    """What is called how, of that which a condition refers to."""
    found: dict[str, set[int]] = {"list": set(), "segment": set(), "campaign": set()}
    _references(condition, found)
    cursor = connection.cursor(row_factory=dict_row)
    values = {
        "account_id": account_id,
        "lists": sorted(found["list"]),
        "segments": sorted(found["segment"]),
        "campaigns": sorted(found["campaign"]),
    }
    rows = await (await cursor.execute(_SQL["names"], values)).fetchall()
    named: dict[str, dict[Any, str]] = {"fields": {}, "lists": {}, "segments": {}, "campaigns": {}, "categories": {}}
    for row in rows:
        named[row["kind"]][row["key"] if row["id"] is None else row["id"]] = row["name"]
    return named


async def missing_lists(connection: Connection, account_id: int, condition: dict[str, Any]) -> list[int]:
    """Lists that a condition names itself and that are not there."""
    found: dict[str, set[int]] = {"list": set()}
    _references(condition, found)
    if not found["list"]:
        return []
    values = {"account_id": account_id, "lists": sorted(found["list"])}
    return [row[0] for row in await (await connection.execute(_SQL["missing_lists"], values)).fetchall()]


def _references(node: Any, found: dict[str, set[int]]) -> None:
    if isinstance(node, dict):
        for name, value in cast("dict[str, Any]", node).items():
            if name in found and isinstance(value, int):
                found[name].add(value)
            else:
                _references(value, found)
    elif isinstance(node, list):
        for part in cast("list[Any]", node):
            _references(part, found)


async def page(connection: Connection, account_id: int, predicate: Predicate, *, after: int, limit: int) -> list[int]:
    """Ids of matching contacts in the order of (bucket, id), after the contact ``after`` (0: from the start)."""
    statement = sql.SQL(
        "SELECT c.contact_id FROM contacts c WHERE c.account_id = {account} AND {predicate}"
        " AND (c.bucket, c.contact_id) > ({bucket}::smallint, {after}::bigint)"
        " ORDER BY c.bucket, c.contact_id LIMIT {limit}"
    ).format(
        account=sql.Placeholder("account_id"),
        predicate=predicate.text,
        bucket=sql.Placeholder("after_bucket"),
        after=sql.Placeholder("after"),
        limit=sql.Placeholder("limit"),
    )
    values = {
        **predicate.values,
        "account_id": account_id,
        "after_bucket": after & 255 if after else -1,
        "after": after,
        "limit": limit,
    }
    return [row[0] for row in await (await connection.execute(statement, values, prepare=False)).fetchall()]


async def part(connection: Connection, account_id: int, predicate: Predicate, *, offset: int, limit: int) -> Found:
    """Matching contacts from a place on in the order of their ids, and how many match: one walk over the account."""
    statement = sql.SQL(
        "WITH found AS MATERIALIZED ("
        "SELECT c.contact_id FROM contacts c WHERE c.account_id = {account} AND {predicate})"
        " SELECT (SELECT count(*) FROM found),"
        " ARRAY(SELECT contact_id FROM found ORDER BY contact_id OFFSET {offset} LIMIT {limit})"
    ).format(
        account=sql.Placeholder("account_id"),
        predicate=predicate.text,
        offset=sql.Placeholder("offset"),
        limit=sql.Placeholder("limit"),
    )
    values = {**predicate.values, "account_id": account_id, "offset": offset, "limit": limit}
    row = await (await connection.execute(statement, values, prepare=False)).fetchone()
    return Found(contact_ids=row[1], total=row[0]) if row else Found(contact_ids=[], total=0)

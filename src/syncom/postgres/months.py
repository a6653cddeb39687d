"""The months of a partitioned table: which there are, who has rows in them, and how they go."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql

from syncom.postgres.pool import Connection


class Month(NamedTuple):
    """One partition."""

    #: Its own table.
    name: str
    #: Rows are from this moment on ...
    start: datetime
    #: ... and before this one.
    end: datetime


async def months(connection: Connection, table: str) -> list[Month]:
    """The monthly partitions of a table, oldest first; the one for everything else is not among them."""
    cursor = await connection.execute(
        "SELECT c.relname, substring(c.relname FROM '([0-9]{4}_[0-9]{2})$') FROM pg_inherits i"
        " JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(%s)"
        " AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' ORDER BY 2",
        (table,),
    )
    found: list[Month] = []
    for name, month in await cursor.fetchall():
        year, number = map(int, month.split("_"))
        end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
        found.append(Month(name, datetime(year, number, 1, tzinfo=UTC), end))
    return found


async def accounts_in(connection: Connection, partition: str) -> list[int]:
    """The accounts with rows in it. One look into an index for each; all indexes of facts begin with the account."""
    statement = sql.SQL(
        "WITH RECURSIVE found AS ("
        " (SELECT account_id FROM {0} ORDER BY account_id LIMIT 1)"
        " UNION ALL"
        " SELECT (SELECT p.account_id FROM {0} p WHERE p.account_id > found.account_id ORDER BY p.account_id LIMIT 1)"
        " FROM found WHERE found.account_id IS NOT NULL)"
        " SELECT account_id FROM found WHERE account_id IS NOT NULL"
    ).format(sql.Identifier(partition))
    return [row[0] for row in await (await connection.execute(statement)).fetchall()]


async def drop_month(connection: Connection, table: str, month: Month, leaving: Collection[int]) -> bool:
    """Drop a partition, unless accounts besides ``leaving`` have rows in it; False: not now.

    Nobody can write to the table between the look and the drop, nor for longer than that: whoever reads or writes the
    table at this moment is waited for a second at most. ``connection`` is in autocommit mode.
    """
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '1s'")
            await connection.execute(
                sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table))
            )
            if not set(await accounts_in(connection, month.name)) <= set(leaving):
                return False
            await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(month.name)))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable):
        return False
    return True


async def delete_before(
    connection: Connection,
    partition: str,
    time: LiteralString,
    account_id: int,
    bucket: int,
    before: datetime,
    *,
    limit: int,
) -> int:
    """Delete up to ``limit`` rows of one bucket whose ``time`` is before a moment; returns how many.

    Index: one that begins with account and bucket. Found by their places in the table, which no other index has to be
    asked for.
    """
    statement = sql.SQL(
        "DELETE FROM {0} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {0} WHERE account_id = %(account_id)s"
        " AND bucket = %(bucket)s AND {1} < %(before)s LIMIT %(limit)s))"
    ).format(sql.Identifier(partition), sql.Identifier(time))
    values = {"account_id": account_id, "bucket": bucket, "before": before, "limit": limit}
    return (await connection.execute(statement, values)).rowcount


async def has_before(
    connection: Connection, partition: str, time: LiteralString, account_id: int, before: datetime
) -> bool:
    """Whether an account has rows before a moment in a partition."""
    statement = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE account_id = %s AND {} < %s)").format(
        sql.Identifier(partition), sql.Identifier(time)
    )
    row = await (await connection.execute(statement, (account_id, before))).fetchone()
    return bool(row and row[0])

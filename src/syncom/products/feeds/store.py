"""Everything product feeds say to the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.products.feeds.model import Feed, FeedInput, FeedResult, FileMark

_SQL = load_sql("syncom.products.feeds", "feeds.sql")


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """A feed, whose it is, and what only a run needs."""

    account_id: int
    feed: Feed
    secret: bytes | None
    applied: FileMark
    fence: int


async def add(connection: Connection, account_id: int, given: FeedInput, next_at: datetime | None) -> Owned | None:
    """None: there is one of this name."""
    return await _one(connection, "add", _definition(account_id, given, next_at))


async def update(
    connection: Connection, account_id: int, feed_id: int, given: FeedInput, next_at: datetime | None
) -> Owned | None:
    return await _one(connection, "update", _definition(account_id, given, next_at) | {"feed_id": feed_id})


async def save_secret(connection: Connection, account_id: int, feed_id: int, secret: bytes | None) -> None:
    values = {"account_id": account_id, "feed_id": feed_id, "secret": secret}
    await connection.execute(_SQL["save_secret"], values)


async def list_feeds(connection: Connection, account_id: int) -> list[Feed]:
    rows = await (await connection.execute(_SQL["list"], {"account_id": account_id})).fetchall()
    return [_owned(row).feed for row in rows]


async def get(connection: Connection, account_id: int, feed_id: int) -> Owned | None:
    return await _one(connection, "get", {"account_id": account_id, "feed_id": feed_id})


async def enable(
    connection: Connection, account_id: int, feed_id: int, *, enabled: bool, next_at: datetime | None
) -> Owned | None:
    values = {"account_id": account_id, "feed_id": feed_id, "enabled": enabled, "next_at": next_at}
    return await _one(connection, "enable", values)


async def remove(connection: Connection, account_id: int, feed_id: int) -> bool:
    values = {"account_id": account_id, "feed_id": feed_id}
    return bool((await connection.execute(_SQL["remove"], values)).rowcount)


async def lease_due(connection: Connection, *, now: datetime, until: datetime) -> Owned | None:
    """One that is due, for the caller alone until then."""
    return await _one(connection, "lease_due", {"now": now, "until": until})


async def lease(
    connection: Connection, account_id: int, feed_id: int, *, now: datetime, until: datetime
) -> Owned | None:
    """None: somebody else reads it."""
    values = {"account_id": account_id, "feed_id": feed_id, "now": now, "until": until}
    return await _one(connection, "lease", values)


async def hold(connection: Connection, owned: Owned, until: datetime) -> bool:
    """False: the lease was lost."""
    values = {"account_id": owned.account_id, "feed_id": owned.feed.feed_id, "fence": owned.fence, "until": until}
    return await (await connection.execute(_SQL["hold"], values)).fetchone() is not None


async def note_applied(connection: Connection, owned: Owned, mark: FileMark, *, removed: int) -> None:
    """What the applied file was. When products went, other feeds are read again: they may have them too."""
    values = {"account_id": owned.account_id, "feed_id": owned.feed.feed_id}
    await connection.execute(_SQL["applied"], values | {"applied": msgspec.json.encode(mark).decode()})
    if removed:
        await connection.execute(_SQL["read_others_again"], values)


async def finished(
    connection: Connection,
    owned: Owned,
    *,
    next_at: datetime | None,
    run_at: datetime,
    result: FeedResult | None = None,
    error: str | None = None,
) -> None:
    """How a run ended."""
    values: dict[str, Any] = {
        "account_id": owned.account_id,
        "feed_id": owned.feed.feed_id,
        "fence": owned.fence,
        "next_at": next_at,
        "run_at": run_at,
        "result": None if result is None else msgspec.json.encode(result).decode(),
        "error": error,
    }
    await connection.execute(_SQL["finished"], values)


def _definition(account_id: int, given: FeedInput, next_at: datetime | None) -> dict[str, Any]:
    kept = msgspec.structs.replace(given, password="")
    return {
        "account_id": account_id,
        "name": given.name,
        "definition": msgspec.json.encode(kept).decode(),
        "next_at": next_at,
    }


async def _one(connection: Connection, statement: str, values: dict[str, Any]) -> Owned | None:
    row = await (await connection.execute(_SQL[statement], values)).fetchone()
    return None if row is None else _owned(row)


def _owned(row: TupleRow) -> Owned:
    given = msgspec.convert(row[2], FeedInput)
    feed = Feed(
        feed_id=row[0],
        name=given.name,
        url=given.url,
        username=given.username,
        language=given.language,
        every=given.every,
        enabled=row[3],
        created_at=row[4],
        next_at=row[5],
        last_run_at=row[6],
        last_result=None if row[7] is None else msgspec.convert(row[7], FeedResult),
        last_error=row[8],
        failures=row[9],
    )
    applied = FileMark() if row[11] is None else msgspec.convert(row[11], FileMark)
    return Owned(account_id=row[1], feed=feed, secret=row[10], applied=applied, fence=row[12])

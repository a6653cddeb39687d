"""The pulls' rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.pulls.model import Pull, PullInput, PullResult

_SQL = load_sql("syncom.pulls", "pulls.sql")


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """A pull and whose it is."""

    account_id: int
    pull: Pull


async def add(connection: Connection, account_id: int, given: PullInput, next_at: datetime | None) -> Pull | None:
    """None when the name is taken."""
    values = {
        "account_id": account_id,
        "connection_id": given.connection_id,
        "name": given.name,
        "definition": msgspec.json.encode(given).decode(),
        "next_at": next_at,
    }
    row = await (await connection.execute(_SQL["add"], values)).fetchone()
    return None if row is None else _owned(row).pull


async def list_pulls(connection: Connection, account_id: int) -> list[Pull]:
    rows = await (await connection.execute(_SQL["list"], {"account_id": account_id})).fetchall()
    return [_owned(row).pull for row in rows]


async def get(connection: Connection, account_id: int, pull_id: int) -> Pull | None:
    values = {"account_id": account_id, "pull_id": pull_id}
    row = await (await connection.execute(_SQL["get"], values)).fetchone()
    return None if row is None else _owned(row).pull


async def enable(
    connection: Connection, account_id: int, pull_id: int, *, enabled: bool, next_at: datetime | None
) -> Pull | None:
    values = {"account_id": account_id, "pull_id": pull_id, "enabled": enabled, "next_at": next_at}
    row = await (await connection.execute(_SQL["enable"], values)).fetchone()
    return None if row is None else _owned(row).pull


async def remove(connection: Connection, account_id: int, pull_id: int) -> bool:
    values = {"account_id": account_id, "pull_id": pull_id}
    return bool((await connection.execute(_SQL["remove"], values)).rowcount)


async def lease(connection: Connection, *, now: datetime, until: datetime, limit: int) -> list[Owned]:
    """Pulls that are due, for the caller alone until then."""
    values = {"now": now, "until": until, "limit": limit}
    return [_owned(row) for row in await (await connection.execute(_SQL["lease"], values)).fetchall()]


async def lease_one(connection: Connection, account_id: int, pull_id: int, *, now: datetime, until: datetime) -> bool:
    """False when somebody else is pulling."""
    values = {"account_id": account_id, "pull_id": pull_id, "now": now, "until": until}
    return bool((await connection.execute(_SQL["lease_one"], values)).rowcount)


async def hold(connection: Connection, pull_id: int, until: datetime) -> None:
    await connection.execute(_SQL["hold"], {"pull_id": pull_id, "until": until})


async def finished(
    connection: Connection,
    account_id: int,
    pull_id: int,
    *,
    next_at: datetime | None,
    run_at: datetime,
    run_id: str | None,
    since: datetime | None = None,
    result: PullResult | None = None,
    error: str | None = None,
) -> None:
    """How a pull ended. ``since`` moves only when it went well."""
    values: dict[str, Any] = {
        "account_id": account_id,
        "pull_id": pull_id,
        "next_at": next_at,
        "since": since,
        "run_at": run_at,
        "run_id": run_id,
        "result": None if result is None else msgspec.json.encode(result).decode(),
        "error": error,
    }
    await connection.execute(_SQL["finished"], values)


def _owned(row: TupleRow) -> Owned:
    given = msgspec.convert(row[2], PullInput)
    return Owned(
        account_id=row[1],
        pull=Pull(
            **msgspec.structs.asdict(given),
            pull_id=row[0],
            enabled=row[3],
            created_at=row[4],
            next_at=row[5],
            since=row[6],
            last_run_at=row[7],
            last_run_id=row[8],
            last_result=None if row[9] is None else msgspec.convert(row[9], PullResult),
            last_error=row[10],
            failures=row[11],
        ),
    )

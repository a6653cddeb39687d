"""Numbered, forward-only migrations: each is one file, run once, in one transaction, under one lock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from syncom.errors import Conflict, Unavailable

OLDEST_SERVER, NEWEST_SERVER = 15, 18
#: Any number no other program uses; it serialises migrations of several processes.
_LOCK = 7_295_311_044
#: Tables of facts, partitioned by month.
PARTITIONED = ("ledger", "activity", "events", "segment_moves")

_FILE = re.compile(r"^(\d{4})_\w+\.sql$")


async def migrate(dsn: str, *, on_progress: Callable[[str], None] | None = None) -> list[int]:
    """Bring the database to this release's schema; returns the numbers that were run.

    Raises Conflict when the database is newer than this program, or the server's version is not 15-18.
    """
    done: list[int] = []
    try:
        connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable(f"cannot connect to the database: {error}") from error
    async with connection:
        _check_server(connection)
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations "
                "(number integer PRIMARY KEY, name text NOT NULL, run_at timestamptz NOT NULL DEFAULT now())"
            )
            rows = await (await connection.execute("SELECT number FROM schema_migrations")).fetchall()
            present = {row[0] for row in rows}
            files = _files()
            unknown = present - {number for number, _, _ in files}
            if unknown:
                raise Conflict(
                    f"the database has migration {max(unknown)}, which this release does not know: "
                    "install the newer release again"
                )
            for number, name, text in files:
                if number in present:
                    continue
                if on_progress:
                    on_progress(f"migrating: {name}")
                async with connection.transaction():
                    await connection.execute(text)
                    await connection.execute(
                        "INSERT INTO schema_migrations (number, name) VALUES (%s, %s)", (number, name)
                    )
                done.append(number)
            await _job_tables(connection)
            await ensure_partitions(connection, datetime.now(UTC))
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return done


async def ensure_partitions(
    connection: psycopg.AsyncConnection[TupleRow], now: datetime, *, before: int = 1, ahead: int = 2
) -> None:
    """Make the monthly partitions of every fact table from ``before`` months ago to ``ahead`` months from now.

    A month whose rows already sit in the default partition stays there.
    """
    for table in PARTITIONED:
        for offset in range(-before, ahead + 1):
            start, end = _month(now, offset)
            await _add_partition(connection, table, start, end)


async def _add_partition(
    connection: psycopg.AsyncConnection[TupleRow], table: str, start: datetime, end: datetime
) -> None:
    name = f"{table}_{start:%Y_%m}"
    existing = await (await connection.execute("SELECT to_regclass(%s)", (name,))).fetchone()
    if existing and existing[0]:
        return
    statement = sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
        sql.Identifier(name),
        sql.Identifier(table),
        sql.Literal(start.isoformat()),
        sql.Literal(end.isoformat()),
    )
    try:
        await connection.execute(statement)
    except psycopg.errors.CheckViolation:
        return


def _month(now: datetime, offset: int) -> tuple[datetime, datetime]:
    """First moment of the month ``offset`` months from now, and of the one after it."""
    index = now.year * 12 + now.month - 1 + offset
    start = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
    end = (start + timedelta(days=32)).replace(day=1)
    return start, end


def _files() -> list[tuple[int, str, LiteralString]]:
    folder = resources.files("syncom.postgres").joinpath("migrations")
    found: list[tuple[int, str, LiteralString]] = []
    for entry in folder.iterdir():
        match = _FILE.match(entry.name)
        if match:
            found.append((int(match[1]), entry.name, cast("LiteralString", entry.read_text("utf-8"))))
    return sorted(found)


def _check_server(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    major = connection.info.server_version // 10_000
    if not OLDEST_SERVER <= major <= NEWEST_SERVER:
        raise Conflict(f"the server is PostgreSQL {major}; Syncom works with {OLDEST_SERVER} to {NEWEST_SERVER}")


async def _job_tables(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """The job runner's own tables, from its own package."""
    present = await (await connection.execute("SELECT to_regclass('procrastinate_jobs')")).fetchone()
    if present and present[0]:
        return
    text = resources.files("procrastinate").joinpath("sql/schema.sql").read_text("utf-8")
    async with connection.transaction():
        await connection.execute(cast("LiteralString", text))

"""Everything retention says to the database, but for partitions (``postgres/months.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.retention", "retention.sql")


async def keeping(connection: Connection, table: str) -> dict[int, int]:
    """Days for which each account keeps this table, if not for ever."""
    return dict(await (await connection.execute(_SQL[f"keeping_{table}"])).fetchall())


async def delete_carts(connection: Connection, account_id: int, before: datetime, *, limit: int) -> int:
    """Delete carts that are done with and were last touched before a moment; returns how many."""
    values = {"account_id": account_id, "before": before, "limit": limit}
    return (await connection.execute(_SQL["delete_carts"], values)).rowcount


async def delete_calls(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete calls of workflows that are over and were written down before a moment; returns how many."""
    return (await connection.execute(_SQL["delete_calls"], {"before": before, "limit": limit})).rowcount


async def oldest_under_way(connection: Connection) -> dict[int, datetime]:
    """The launch of the oldest campaign that is not over, by account."""
    return dict(await (await connection.execute(_SQL["oldest_under_way"])).fetchall())


async def note_ledger(connection: Connection, kept_from: Mapping[int, datetime]) -> None:
    """Note what leaves the ledger, for those who must look elsewhere then."""
    values = {"account_ids": list(kept_from), "moments": list(kept_from.values())}
    await connection.execute(_SQL["ledger_kept_from"], values)

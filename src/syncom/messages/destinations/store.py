"""Everything the destinations say to the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import dict_row

from syncom.messages.destinations.model import Destination
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.destinations", "destinations.sql")

#: Refusals of so many seconds are one request to be slower.
PATIENCE = 10.0


async def pressed(connection: Connection, sender_ids: Sequence[int], now: datetime) -> list[Destination]:
    """Destinations of these senders that rest, or were slowed within a day."""
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["pressed"], {"sender_ids": list(sender_ids), "now": now})).fetchall()
    return [
        msgspec.convert({name: value for name, value in row.items() if value is not None}, Destination) for row in rows
    ]


async def slow(connection: Connection, found: Destination) -> None:
    """Write down that it asked for less."""
    await connection.execute(
        _SQL["slow"],
        {
            "sender_id": found.sender_id,
            "destination": found.destination,
            "rate": found.rate,
            "ceiling": found.ceiling,
            "now": found.slowed_at,
            "problem": found.problem,
            "patience": PATIENCE,
        },
    )


async def rest(connection: Connection, found: Destination) -> None:
    """Write down that nothing more is sent there for a while."""
    await connection.execute(
        _SQL["rest"],
        {
            "sender_id": found.sender_id,
            "destination": found.destination,
            "until": found.rests_until,
            "problem": found.problem,
        },
    )


async def take_permits(
    connection: Connection, sender_id: int, destination: str, *, wanted: int, rate: float, reserve_part: float
) -> int:
    """Take from the destination's bucket; returns how many were granted. ``reserve_part`` of it is left to others."""
    burst = max(1.0, rate * 0.5)
    values = {
        "sender_id": sender_id,
        "destination": destination,
        "wanted": wanted,
        "rate": rate,
        "burst": burst,
        "reserve": burst * reserve_part if burst >= 10 else 0.0,
    }
    await connection.execute(_SQL["open_bucket"], values)
    row = await (await connection.execute(_SQL["take_permits"], values)).fetchone()
    return row[0] if row else 0


async def wake(connection: Connection, account_id: int, sender_id: int) -> None:
    """End what slows a sender's destinations."""
    await connection.execute(_SQL["wake"], {"account_id": account_id, "sender_id": sender_id})

"""What the transport says to the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.connect.transport", "transport.sql")


async def note_activity(connection: Connection, connection_ids: Sequence[str], now: datetime) -> None:
    """These connections were used."""
    await connection.execute(_SQL["note_activity"], {"connection_ids": list(connection_ids), "now": now})

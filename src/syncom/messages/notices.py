"""Notifications between processes. They make reactions quick; polling makes them certain."""

from __future__ import annotations

from syncom.postgres.pool import Connection

#: There are new single messages.
MESSAGES = "syncom_messages"
#: A campaign was launched, expanded, paused, resumed or cancelled.
CAMPAIGNS = "syncom_campaigns"


async def announce_messages(connection: Connection) -> None:
    """Wake the express sender when this transaction commits."""
    await connection.execute("SELECT pg_notify(%s, '')", (MESSAGES,))


async def announce_campaigns(connection: Connection) -> None:
    """Wake the bulk senders and the keeper of campaigns when this transaction commits."""
    await connection.execute("SELECT pg_notify(%s, '')", (CAMPAIGNS,))

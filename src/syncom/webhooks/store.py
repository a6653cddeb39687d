"""Everything the webhooks room says to the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.rows import dict_row

from syncom.activity.news import count_news
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.webhooks.model import Leased, Webhook

_SQL = load_sql("syncom.webhooks", "webhooks.sql")


async def insert(connection: Connection, values: Mapping[str, Any]) -> int:
    row = await (await connection.execute(_SQL["insert"], values)).fetchone()
    assert row is not None
    return int(row[0])


async def update(connection: Connection, values: Mapping[str, Any]) -> bool:
    """False when there is no such webhook."""
    return await (await connection.execute(_SQL["update"], values)).fetchone() is not None


async def save_secret(connection: Connection, webhook_id: int, secret: bytes | None) -> None:
    await connection.execute(_SQL["save_secret"], {"webhook_id": webhook_id, "secret": secret})


async def secret_of(connection: Connection, account_id: int, webhook_id: int) -> bytes | None:
    values = {"account_id": account_id, "webhook_id": webhook_id}
    row = await (await connection.execute(_SQL["secret"], values)).fetchone()
    return row[0] if row else None


async def select(connection: Connection, account_id: int, webhook_id: int | None = None) -> list[Webhook]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["select"], {"account_id": account_id, "webhook_id": webhook_id})
    found = msgspec.convert(await cursor.fetchall(), list[Webhook])
    return [
        msgspec.structs.replace(webhook, waiting=await count_news(connection, webhook.webhook_id)) for webhook in found
    ]


async def count(connection: Connection, account_id: int) -> int:
    row = await (await connection.execute(_SQL["count"], {"account_id": account_id})).fetchone()
    return int(row[0]) if row else 0


async def set_active(connection: Connection, account_id: int, webhook_id: int, *, is_active: bool) -> bool:
    """False when there is no such webhook."""
    values = {"account_id": account_id, "webhook_id": webhook_id, "is_active": is_active}
    return await (await connection.execute(_SQL["set_active"], values)).fetchone() is not None


async def delete(connection: Connection, account_id: int, webhook_id: int) -> bool:
    """False when there is no such webhook."""
    values = {"account_id": account_id, "webhook_id": webhook_id}
    return await (await connection.execute(_SQL["delete"], values)).fetchone() is not None


async def lease(connection: Connection, *, now: datetime, until: datetime, rest: timedelta, limit: int) -> list[Leased]:
    """Webhooks with something to tell, for this process alone until a moment."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["lease"], {"now": now, "until": until, "rest": rest, "limit": limit})
    return msgspec.convert(await cursor.fetchall(), list[Leased])


async def delivered(connection: Connection, webhook: Leased, rows: int, now: datetime) -> bool:
    """Note a delivery that went well; False when the lease was lost."""
    values = {"webhook_id": webhook.webhook_id, "fence": webhook.fence, "rows": rows, "now": now}
    return await (await connection.execute(_SQL["delivered"], values)).fetchone() is not None


async def failed(
    connection: Connection, webhook: Leased, problem: str, *, now: datetime, next_attempt_at: datetime
) -> None:
    values = {
        "webhook_id": webhook.webhook_id,
        "fence": webhook.fence,
        "problem": problem,
        "now": now,
        "next_attempt_at": next_attempt_at,
    }
    await connection.execute(_SQL["failed"], values)

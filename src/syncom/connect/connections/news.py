"""What became of connections, kept for the workspace's owner in the transaction that did it (membrane-api, 12.1).

Who changes the state of a connection holds its row first (:func:`hold`) and tells afterwards (:func:`tell_change`): so
each change is told once, and those of a connection stand in the order of their transactions.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import dict_row

from syncom.connect.connections.model import Event, News, OwnerWebhook, WebhookLease
from syncom.postgres.pool import Connection as Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.connect.connections", "news.sql")


class Held(msgspec.Struct, frozen=True):
    """A connection as it was when this transaction began to change it."""

    worked: bool
    archived: bool


async def hold(database: Database, account_id: int, connection_id: str) -> Held | None:
    """Lock its row; None when there is none."""
    values = {"account_id": account_id, "connection_id": connection_id}
    row = await (await database.execute(_SQL["lock"], values)).fetchone()
    return Held(*row) if row is not None else None


async def tell(database: Database, account_id: int, connection_id: str, event: Event) -> None:
    """Keep an event for the owner, when the workspace has a webhook."""
    values = {"account_id": account_id, "connection_id": connection_id, "event": event.value}
    await database.execute(_SQL["tell"], values)


async def tell_change(database: Database, account_id: int, connection_id: str, before: Held | None) -> None:
    """Keep that it stopped working, or works again, when it did. What is archived was told as deleted."""
    if before is None or before.archived:
        return
    values = {"account_id": account_id, "connection_id": connection_id}
    row = await (await database.execute(_SQL["works"], values)).fetchone()
    if row is not None and row[0] is not before.worked:
        await tell(database, account_id, connection_id, Event.RECONNECTED if row[0] else Event.DISCONNECTED)


async def webhook(database: Database, account_id: int) -> OwnerWebhook | None:
    cursor = database.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["webhook"], {"account_id": account_id})
    row = await cursor.fetchone()
    return msgspec.convert(row, OwnerWebhook) if row is not None else None


async def set_webhook(database: Database, account_id: int, url: str | None) -> None:
    """None: nobody is told, and what waits is forgotten."""
    statement = "remove_webhook" if url is None else "set_webhook"
    await database.execute(_SQL[statement], {"account_id": account_id, "url": url})


async def lease(database: Database, *, now: datetime, until: datetime, limit: int) -> list[WebhookLease]:
    """Workspaces with something to be told, for this process alone until a moment."""
    cursor = database.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["lease"], {"now": now, "until": until, "limit": limit})
    return msgspec.convert(await cursor.fetchall(), list[WebhookLease])


async def oldest(database: Database, account_id: int, limit: int) -> list[News]:
    cursor = database.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["oldest"], {"account_id": account_id, "limit": limit})
    return msgspec.convert(await cursor.fetchall(), list[News])


async def delivered(database: Database, leased: WebhookLease, news_id: int, now: datetime) -> bool:
    """Forget what was taken; False when the lease was lost."""
    values = {"account_id": leased.account_id, "fence": leased.fence, "now": now}
    if await (await database.execute(_SQL["delivered"], values)).fetchone() is None:
        return False
    await database.execute(_SQL["forget"], {"account_id": leased.account_id, "news_id": news_id})
    return True


async def release(database: Database, leased: WebhookLease) -> None:
    await database.execute(_SQL["release"], {"account_id": leased.account_id, "fence": leased.fence})


async def failed(
    database: Database,
    leased: WebhookLease,
    problem: str,
    *,
    now: datetime,
    next_attempt_at: datetime,
    give_up_before: datetime,
) -> int:
    """Note it, and drop what happened before a moment; how many were dropped."""
    values = {
        "account_id": leased.account_id,
        "fence": leased.fence,
        "problem": problem,
        "now": now,
        "next_attempt_at": next_attempt_at,
    }
    if await (await database.execute(_SQL["failed"], values)).fetchone() is None:
        return 0
    dropped = {"account_id": leased.account_id, "before": give_up_before}
    return len(await (await database.execute(_SQL["give_up"], dropped)).fetchall())

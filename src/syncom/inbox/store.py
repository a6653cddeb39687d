"""The dev inbox's statements. It belongs to the installation, not to an account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncom.inbox.model import InboxEntry, ReceivedMail
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.inbox", "inbox.sql")


async def add(connection: Connection, mails: Sequence[ReceivedMail]) -> None:
    rows = [(mail.channel, mail.mail_from, mail.recipient, mail.subject, mail.message_id, mail.raw) for mail in mails]
    async with connection.cursor() as cursor:
        await cursor.executemany(_SQL["add"], rows)


async def page(connection: Connection, *, before: int | None, recipient: str | None, limit: int) -> list[InboxEntry]:
    cursor = await connection.execute(_SQL["page"], {"before": before, "recipient": recipient, "limit": limit})
    return [_entry(row) for row in await cursor.fetchall()]


async def entry(connection: Connection, inbox_id: int) -> InboxEntry | None:
    row = await (await connection.execute(_SQL["entry"], {"inbox_id": inbox_id})).fetchone()
    return _entry(row) if row else None


async def raw(connection: Connection, inbox_id: int) -> bytes | None:
    row = await (await connection.execute(_SQL["raw"], {"inbox_id": inbox_id})).fetchone()
    return bytes(row[0]) if row else None


async def count(connection: Connection) -> int:
    row = await (await connection.execute(_SQL["count"])).fetchone()
    return int(row[0]) if row else 0


async def clear(connection: Connection) -> int:
    return (await connection.execute(_SQL["clear"])).rowcount


async def trim(connection: Connection, keep: int) -> int:
    return (await connection.execute(_SQL["trim"], {"keep": keep})).rowcount


def _entry(row: tuple[Any, ...]) -> InboxEntry:
    inbox_id, received_at, channel, mail_from, recipient, subject, message_id = row
    return InboxEntry(
        inbox_id=inbox_id,
        received_at=received_at,
        channel=channel,
        mail_from=mail_from,
        to=recipient,
        subject=subject,
        message_id=message_id,
    )

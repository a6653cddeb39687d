"""The statements of texts that people send."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from syncom.contacts.model import SubscriptionState
from syncom.ids import bucket_of
from syncom.inbound_texts.model import InboundFilter, InboundText
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.inbound_texts", "inbound_texts.sql")

#: First half of the advisory lock of a number.
_LOCK: Final = 0x74787469


class Owner(NamedTuple):
    """Who has a number."""

    contact_id: int
    state: SubscriptionState
    language: str


class Decision(NamedTuple):
    """What was decided last about texts."""

    state: SubscriptionState
    source: str
    proof: dict[str, Any]


async def lock_number(connection: Connection, account_id: int, phone: str) -> None:
    values = {"kind": _LOCK, "account_id": account_id, "phone": phone}
    await connection.execute(_SQL["lock_number"], values)


async def claim_id(connection: Connection, account_id: int, sender_id: int, peer_id: str, at: datetime) -> bool:
    """Whether no text with this id of the gateway came before."""
    values = {"account_id": account_id, "sender_id": sender_id, "peer_id": peer_id, "received_at": at}
    return await (await connection.execute(_SQL["claim_id"], values)).fetchone() is not None


async def find_contact(connection: Connection, account_id: int, phone: str) -> Owner | None:
    row = await (await connection.execute(_SQL["find_contact"], {"account_id": account_id, "phone": phone})).fetchone()
    return None if row is None else Owner(row[0], SubscriptionState(row[1]), row[2] or "")


async def insert(connection: Connection, account_id: int, text: InboundText) -> None:
    contact_id = text.contact_id or 0
    await connection.execute(
        _SQL["insert"],
        {
            "account_id": account_id,
            "bucket": bucket_of(contact_id),
            "contact_id": contact_id,
            "inbound_text_id": text.inbound_text_id,
            "sender_id": text.sender_id,
            "phone": text.phone,
            "recipient": text.recipient,
            "text": text.text,
            "keyword": text.keyword,
            "is_answered": text.is_answered,
            "peer_id": text.peer_id,
            "sent_at": text.sent_at,
            "received_at": text.received_at,
        },
    )


async def suppression(connection: Connection, account_id: int, phone: str) -> tuple[str, str] | None:
    """Reason and detail of a number that nothing is sent to."""
    values = {"account_id": account_id, "phone": phone}
    return await (await connection.execute(_SQL["suppression"], values)).fetchone()


async def lift(connection: Connection, account_id: int, phone: str, reason: str) -> bool:
    """Take a number that is suppressed for this reason off the list."""
    values = {"account_id": account_id, "phone": phone, "reason": reason}
    return await (await connection.execute(_SQL["lift"], values)).fetchone() is not None


async def last_decision(connection: Connection, account_id: int, contact_id: int) -> Decision | None:
    values = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
    row = await (await connection.execute(_SQL["last_decision"], values)).fetchone()
    return None if row is None else Decision(SubscriptionState(row[0]), row[1], row[2] or {})


async def answered_since(connection: Connection, account_id: int, phone: str, keyword: str, since: datetime) -> bool:
    values = {"account_id": account_id, "phone": phone, "keyword": keyword, "since": since}
    row = await (await connection.execute(_SQL["answered_since"], values)).fetchone()
    return row is not None and row[0]


async def last_text(
    connection: Connection, account_id: int, contact_id: int, sender_id: int, since: datetime
) -> UUID | None:
    """The newest text that was sent by this sender to this contact."""
    values = {
        "account_id": account_id,
        "bucket": bucket_of(contact_id),
        "contact_id": contact_id,
        "sender_id": sender_id,
        "since": since,
    }
    row = await (await connection.execute(_SQL["last_text"], values)).fetchone()
    return None if row is None else row[0]


async def page(
    connection: Connection, account_id: int, wanted: InboundFilter, *, before: UUID | None, limit: int
) -> list[InboundText]:
    values = {
        "account_id": account_id,
        "before": before,
        "contact_id": wanted.contact_id,
        "phone": wanted.phone,
        "sender_id": wanted.sender_id,
        "keyword": wanted.keyword,
        "limit": limit,
    }
    cursor = connection.cursor(row_factory=class_row(InboundText))
    return await (await cursor.execute(_SQL["page"], values)).fetchall()


async def get(connection: Connection, account_id: int, inbound_text_id: UUID) -> InboundText | None:
    values = {"account_id": account_id, "inbound_text_id": inbound_text_id}
    cursor = connection.cursor(row_factory=class_row(InboundText))
    return await (await cursor.execute(_SQL["get"], values)).fetchone()


async def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Delete a batch of texts that came before a moment; returns how many there were."""
    return (await connection.execute(_SQL["forget"], {"before": before, "limit": limit})).rowcount


async def forget_ids(connection: Connection, before: datetime, limit: int) -> int:
    """The same for the gateways' ids of them."""
    return (await connection.execute(_SQL["forget_ids"], {"before": before, "limit": limit})).rowcount

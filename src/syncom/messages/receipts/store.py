"""The statements of delivery receipts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from syncom.contacts.model import Suppression
from syncom.ids import bucket_of_message
from syncom.messages.receipts.model import KnownPart, PeerMessage, Receipt
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.receipts", "receipts.sql")

PartKey = tuple[int, str]


async def remember(connection: Connection, messages: Sequence[PeerMessage]) -> None:
    """Write down whose ids these are, inside the caller's transaction."""
    rows = {(message.sender_id, peer_id): message for message in messages for peer_id in message.peer_ids}
    if not rows:
        return
    keys = sorted(rows)
    chosen = [rows[key] for key in keys]
    await connection.execute(
        _SQL["remember"],
        {
            "sender_ids": [key[0] for key in keys],
            "peer_ids": [key[1] for key in keys],
            "account_ids": [message.account_id for message in chosen],
            "contact_ids": [message.contact_id for message in chosen],
            "message_ids": [message.message_id for message in chosen],
            "campaign_ids": [message.campaign_id for message in chosen],
            "content_ids": [message.content_id for message in chosen],
            "channels": [message.channel.value for message in chosen],
            "parts": [len(set(message.peer_ids)) for message in chosen],
            "sent_ats": [message.sent_at for message in chosen],
        },
    )


async def recognise(connection: Connection, receipts: Sequence[Receipt]) -> None:
    """Remember the ids of messages that were left in doubt: that a receipt comes shows that the peer has them."""
    named = {(receipt.sender_id, receipt.peer_id): receipt.message_id for receipt in receipts if receipt.message_id}
    if not named:
        return
    keys = sorted(named)
    await connection.execute(_SQL["recognise"], _columns(keys) | {"message_ids": [named[key] for key in keys]})


async def lock(connection: Connection, keys: Sequence[PartKey]) -> list[KnownPart]:
    """The parts these ids name, and the other parts of their messages, locked until the transaction ends."""
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["lock"], _columns(keys))).fetchall()
    return msgspec.convert(rows, list[KnownPart])


async def note(connection: Connection, states: Mapping[PartKey, int]) -> None:
    keys = sorted(states)
    await connection.execute(_SQL["note"], {**_columns(keys), "states": [states[key] for key in keys]})


async def wait(connection: Connection, receipts: Sequence[Receipt], now: datetime) -> None:
    await connection.execute(
        _SQL["wait"],
        {
            "sender_ids": [receipt.sender_id for receipt in receipts],
            "peer_ids": [receipt.peer_id for receipt in receipts],
            "states": [receipt.state.value for receipt in receipts],
            "reasons": [receipt.reason for receipt in receipts],
            "invalid_numbers": [receipt.invalid_number for receipt in receipts],
            "occurred_ats": [receipt.occurred_at or now for receipt in receipts],
            "message_ids": [receipt.message_id for receipt in receipts],
        },
    )


async def due(connection: Connection, limit: int) -> tuple[list[Receipt], int]:
    """Receipts whose ids are known by now, which no longer wait; and how many were looked at."""
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["due"], {"limit": limit})).fetchall()
    known: list[Receipt] = []
    waiting: list[Receipt] = []
    for row in rows:
        (known if row.pop("known") else waiting).append(msgspec.convert(row, Receipt))
    await recognise(connection, waiting)
    return known, len(rows)


async def give_up(connection: Connection, life: timedelta) -> list[int]:
    """Drop what waited too long; returns the sender of each."""
    return [row[0] for row in await (await connection.execute(_SQL["give_up"], {"life": life})).fetchall()]


async def forget(connection: Connection, before: datetime, limit: int) -> int:
    return (await connection.execute(_SQL["forget"], {"before": before, "limit": limit})).rowcount


async def count(connection: Connection, counts: Mapping[tuple[int, str], int]) -> None:
    """Add to the counters; keys are sender and kind."""
    keys = sorted(counts)
    await connection.execute(
        _SQL["count"],
        {
            "sender_ids": [key[0] for key in keys],
            "kinds": [key[1] for key in keys],
            "counts": [counts[key] for key in keys],
        },
    )


async def forget_counts(connection: Connection, before: date) -> None:
    await connection.execute(_SQL["forget_counts"], {"before": before})


async def counts(connection: Connection, account_id: int, sender_id: int, since: date) -> dict[str, int]:
    values = {"account_id": account_id, "sender_id": sender_id, "since": since}
    return dict(await (await connection.execute(_SQL["counts"], values)).fetchall())


#: How an end begins, or what it contains, when there is no such number ...
INVALID_NUMBER: Final = "invalid number"
#: ... and two messages that end so within so long suppress it.
_STRIKES_WITHIN: Final = timedelta(days=30)


async def struck(connection: Connection, messages: Sequence[tuple[int, UUID]]) -> list[Suppression]:
    """Numbers of these messages (account, id) that another message found not to exist before, as suppressions."""
    values = {
        "account_ids": [account_id for account_id, _ in messages],
        "buckets": [bucket_of_message(message_id) for _, message_id in messages],
        "message_ids": [message_id for _, message_id in messages],
        "words": INVALID_NUMBER,
        "within": _STRIKES_WITHIN,
    }
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["struck"], values)).fetchall()
    again = [
        {**row, "reason": "hard bounce", "detail": INVALID_NUMBER, "source": "network"}
        for row in rows
        if row.pop("again")
    ]
    return msgspec.convert(again, list[Suppression])


def _columns(keys: Sequence[PartKey]) -> dict[str, Any]:
    return {"sender_ids": [key[0] for key in keys], "peer_ids": [key[1] for key in keys]}

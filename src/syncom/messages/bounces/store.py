"""What the bounces room says to the database about reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from syncom.contacts.model import Channel
from syncom.messages.bounces.model import MAX_UNMATCHED, Bounce, BounceFilter, ReportAction
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.bounces", "bounces.sql")


class Sent(NamedTuple):
    """What the ledger says of a message that was handed over."""

    message_id: UUID
    contact_id: int
    campaign_id: int
    content_id: int
    #: Empty: its contact was erased.
    address: str
    settled_at: datetime
    launched_at: datetime


async def sent(connection: Connection, wanted: Sequence[tuple[int, UUID]]) -> dict[tuple[int, UUID], Sent]:
    """Mails that were handed over, by account and message."""
    if not wanted:
        return {}
    values = {
        "account_ids": [account_id for account_id, _ in wanted],
        "message_ids": [message_id for _, message_id in wanted],
        "buckets": [message_id.int & 255 for _, message_id in wanted],
        "channel": Channel.EMAIL.value,
    }
    rows = await (await connection.execute(_SQL["sent"], values)).fetchall()
    return {(row[0], row[1]): Sent(*row[1:]) for row in rows}


async def last_sent(
    connection: Connection, wanted: Sequence[tuple[int, str, datetime]]
) -> dict[tuple[int, str, datetime], Sent]:
    """The last mail that was handed over to an address before a moment, by account, address and moment."""
    if not wanted:
        return {}
    values = {
        "account_ids": [one[0] for one in wanted],
        "addresses": [one[1] for one in wanted],
        "moments": [one[2] for one in wanted],
        "channel": Channel.EMAIL.value,
    }
    rows = await (await connection.execute(_SQL["last_sent"], values)).fetchall()
    return {wanted[row[0] - 1]: Sent(*row[1:]) for row in rows}


class Kept(NamedTuple):
    """A row to be written."""

    account_id: int
    bucket: int
    contact_id: int
    report_id: UUID
    kind: int
    bounce_class: str
    action: str
    message_id: UUID | None
    campaign_id: int
    recipient: str
    status: str
    words: str
    source: str
    occurred_at: datetime


async def insert(connection: Connection, rows: Sequence[Kept]) -> set[int]:
    """Keep reports; the places (from 0) of those that were not there before. Rows come in the order of the key."""
    columns = list(zip(*rows, strict=True))
    values = {f"{name}s": list(column) for name, column in zip(Kept._fields, columns, strict=True)}
    found = await (await connection.execute(_SQL["insert"], values)).fetchall()
    fresh = {(row[0], row[1]) for row in found}
    return {place for place, row in enumerate(rows) if (row.account_id, row.report_id) in fresh}


async def add_strikes(
    connection: Connection, rows: Sequence[tuple[int, bytes, str, datetime]]
) -> dict[tuple[int, bytes, str], list[datetime]]:
    """Note when addresses (hashed) refused mail; all the times that are known of each, in order.

    Whoever comes second waits for the first, so no count is missed.
    """
    if not rows:
        return {}
    names = ("account_ids", "address_hashes", "classes", "times")
    values = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    found = await (await connection.execute(_SQL["add_strikes"], values)).fetchall()
    return {(row[0], bytes(row[1]), row[2]): list(row[3]) for row in found}


async def note_actions(connection: Connection, rows: Sequence[Kept], action: ReportAction) -> None:
    """Correct what reports led to, once it is known."""
    if not rows:
        return
    values = {
        "account_ids": [row.account_id for row in rows],
        "buckets": [row.bucket for row in rows],
        "report_ids": [row.report_id for row in rows],
        "action": action.value,
    }
    await connection.execute(_SQL["note_actions"], values)


async def select(
    connection: Connection,
    account_id: int,
    chosen: BounceFilter,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Bounce]:
    """Newest first."""
    values: dict[str, Any] = {
        "account_id": account_id,
        "kind": None if chosen.kind is None else chosen.kind.value,
        "recipient": chosen.recipient or None,
        "matched": chosen.matched,
        "before": before[0] if before else None,
        "before_id": before[1] if before else None,
        "limit": limit,
    }
    cursor = connection.cursor(row_factory=dict_row)
    name = "select_of_recipient" if chosen.recipient else "select"
    rows = await (await cursor.execute(_SQL[name], values)).fetchall()
    return msgspec.convert(rows, list[Bounce])


async def counts(connection: Connection, account_id: int, since: datetime) -> list[tuple[int, str, bool, int]]:
    """Reports by kind, class, and whether they are about something we sent."""
    values = {"account_id": account_id, "since": since}
    return [
        (row[0], row[1], row[2], row[3]) for row in await (await connection.execute(_SQL["counts"], values)).fetchall()
    ]


async def commonest_refusal(
    connection: Connection, account_id: int, campaign_id: int, since: datetime, bounce_class: str
) -> tuple[str, str, str] | None:
    """Source, receiving domain and newest words of what most of a campaign's newest refusals of a class say."""
    values = {"account_id": account_id, "campaign_id": campaign_id, "since": since, "class": bounce_class}
    row = await (await connection.execute(_SQL["commonest_refusal"], values)).fetchone()
    return (row[0], row[1], row[2]) if row else None


async def forget(connection: Connection, *, before: datetime, unmatched_before: datetime, strikes: datetime) -> int:
    """Delete what had its time; how many reports went."""
    gone = (await connection.execute(_SQL["forget"], {"before": before})).rowcount
    values = {"before": unmatched_before, "most": MAX_UNMATCHED}
    gone += (await connection.execute(_SQL["forget_unmatched"], values)).rowcount
    await connection.execute(_SQL["forget_strikes"], {"before": strikes})
    return gone

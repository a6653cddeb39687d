"""The activity domain's statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from syncom.activity.model import (
    ActivityKind,
    Batch,
    Hit,
    HitClass,
    HourCount,
    LinkCount,
    TimelineEvent,
)
from syncom.contacts.model import Channel
from syncom.contacts.service import COUNTING_LOCK
from syncom.ids import bucket_of, bucket_of_message
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.activity", "activity.sql")
_encode = msgspec.json.Encoder().encode

#: Names of the states in the ledger, as the timeline shows them.
LEDGER_STATES = {1: "sent", 2: "failed", 3: "excluded", 4: "cancelled", 5: "uncertain"}


async def append(connection: Connection, hits: Sequence[Hit], batch: Batch | None) -> bool:
    """Put hits into the journal; False when this batch was there before."""
    even = [hit for hit in hits if not hit.contact_id & 1]
    odd = [hit for hit in hits if hit.contact_id & 1]
    cursor = await connection.execute(
        _SQL["append"],
        {
            "writer_id": batch.writer_id if batch else None,
            "batch": batch.number if batch else None,
            "even": _encode(even).decode() if even else None,
            "odd": _encode(odd).decode() if odd else None,
        },
        prepare=True,
    )
    return await cursor.fetchone() is not None


class SentMessage(NamedTuple):
    """What the ledger says of a message that was handed over."""

    contact_id: int
    campaign_id: int
    channel: Channel
    content_id: int
    settled_at: datetime


async def sent_message(connection: Connection, account_id: int, message_id: UUID) -> SentMessage | None:
    values = {"account_id": account_id, "bucket": bucket_of_message(message_id), "message_id": message_id}
    row = await (await connection.execute(_SQL["sent_message"], values)).fetchone()
    if row is None:
        return None
    contact_id, campaign_id, channel, content_id, settled_at = row
    return SentMessage(contact_id, campaign_id, Channel(channel), content_id, settled_at)


async def count(
    connection: Connection, *, limit: int, shard: int, lane: int | None = None, journal_id: int | None = None
) -> int:
    """Count up to ``limit`` batches of a lane of the journal, or of all, or only the one given.

    Returns how many were counted.
    """
    async with connection.transaction():
        await connection.execute(_SQL["may_count"], {"lock": COUNTING_LOCK}, prepare=True)
        cursor = await connection.execute(
            _SQL["count"],
            {"limit": limit, "shard": shard, "lane": lane, "journal_id": journal_id},
            prepare=True,
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def uncounted(connection: Connection, *, lane: int | None, limit: int) -> list[int]:
    cursor = await connection.execute(_SQL["uncounted"], {"lane": lane, "limit": limit})
    return [row[0] for row in await cursor.fetchall()]


async def split(connection: Connection, journal_id: int) -> bool:
    """Part a batch into its hits; False when it is a single one."""
    cursor = await connection.execute(_SQL["split"], {"journal_id": journal_id})
    return await cursor.fetchone() is not None


async def refuse(connection: Connection, journal_id: int, reason: str) -> None:
    await connection.execute(_SQL["refuse"], {"journal_id": journal_id, "reason": reason})


async def claim(connection: Connection, batch: Batch) -> bool:
    """Take a batch's number in this transaction; False when it was committed before."""
    cursor = await connection.execute(_SQL["claim"], {"writer_id": batch.writer_id, "batch": batch.number})
    return await cursor.fetchone() is not None


async def forget_writers(connection: Connection, writers: Sequence[UUID]) -> None:
    await connection.execute(_SQL["forget_writers"], {"writers": list(writers)})


async def forget_old_writers(connection: Connection) -> None:
    await connection.execute(_SQL["forget_old_writers"])


async def engagement(connection: Connection, account_id: int, contact_id: int) -> tuple[Any, ...] | None:
    """The number that is kept, and the counters beside it."""
    values = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
    return await (await connection.execute(_SQL["engagement"], values)).fetchone()


async def engagement_bands(connection: Connection, account_id: int, limits: Sequence[float]) -> dict[int, int]:
    """Contacts by how many of the rising limits they reach."""
    cursor = await connection.execute(_SQL["engagement_bands"], {"account_id": account_id, "limits": list(limits)})
    return dict(await cursor.fetchall())


async def cohorts(
    connection: Connection,
    account_id: int,
    *,
    by: str,
    active: str,
    since: datetime,
    zone: str,
) -> list[tuple[date, date | None, int]]:
    """Contacts by their first month and by a month in which they were there; None: all of them."""
    # A sort of millions of months on disk takes three times as long.
    await connection.execute("SET LOCAL work_mem = '64MB'")
    values = {"account_id": account_id, "by": by, "active": active, "since": since, "zone": zone}
    rows = await (await connection.execute(_SQL["cohorts"], values)).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


async def campaign_counts(connection: Connection, account_id: int, campaign_id: int) -> dict[str, int]:
    cursor = await connection.execute(_SQL["campaign_counts"], {"account_id": account_id, "campaign_id": campaign_id})
    return {kind: int(count) for kind, count in await cursor.fetchall()}


async def campaign_hours(connection: Connection, account_id: int, campaign_id: int) -> list[HourCount]:
    cursor = await connection.execute(_SQL["campaign_hours"], {"account_id": account_id, "campaign_id": campaign_id})
    return [HourCount(hour=hour, kind=kind, count=count) for hour, kind, count in await cursor.fetchall()]


async def links(connection: Connection, account_id: int, campaign_id: int) -> list[LinkCount]:
    cursor = await connection.execute(_SQL["links"], {"account_id": account_id, "campaign_id": campaign_id})
    return [
        LinkCount(link=link, clicks=clicks, machine_clicks=machine) for link, clicks, machine in await cursor.fetchall()
    ]


#: A line of the timeline with its place: (time, source, id) orders all lines of both tables.
Placed = tuple[tuple[datetime, int, int], TimelineEvent]

LEDGER_SOURCE, ACTIVITY_SOURCE = 0, 1


async def contact_of_message(connection: Connection, account_id: int, message_id: UUID) -> int | None:
    """Whose message it is; None: nobody's of this account."""
    values = {"account_id": account_id, "bucket": bucket_of_message(message_id), "message_id": message_id}
    row = await (await connection.execute(_SQL["contact_of_message"], values)).fetchone()
    return None if row is None else int(row[0])


async def ledger_lines(connection: Connection, where: dict[str, Any], at: datetime, message_id: UUID) -> list[Placed]:
    """Lines of the ledger before the given place. ``where`` holds the filters and the limit."""
    cursor = await connection.execute(_SQL[f"ledger_{_whose(where)}"], {**where, "at": at, "message_id": message_id})
    rows = await cursor.fetchall()
    return [
        (
            (settled_at, LEDGER_SOURCE, message.int),
            TimelineEvent(
                occurred_at=settled_at,
                kind=LEDGER_STATES[state],
                contact_id=contact_id,
                campaign_id=campaign_id,
                message_id=message,
                channel=Channel(channel),
                address=address,
                detail=reason or None,
            ),
        )
        for settled_at, state, contact_id, campaign_id, message, channel, address, reason in rows
    ]


async def activity_lines(connection: Connection, where: dict[str, Any], at: datetime, activity_id: int) -> list[Placed]:
    """Lines of the activity before the given place. ``where`` holds the filters and the limit."""
    cursor = await connection.execute(
        _SQL[f"activity_{_whose(where)}"], {**where, "at": at, "activity_id": activity_id}
    )
    return [_activity_line(row) for row in await cursor.fetchall()]


def _whose(where: dict[str, Any]) -> str:
    """The statement that begins with the narrowest filter."""
    if where["contact_ids"] is not None:
        return "of_contacts"
    return "of_account" if where["campaign_id"] is None else "of_campaign"


def _activity_line(row: tuple[Any, ...]) -> Placed:
    (
        at,
        activity_id,
        kind,
        hit_class,
        contact_id,
        campaign_id,
        message_id,
        channel,
        link,
        ip,
        agent,
        detail,
    ) = row
    return (
        (at, ACTIVITY_SOURCE, activity_id),
        TimelineEvent(
            occurred_at=at,
            kind=ActivityKind(kind).name.lower(),
            contact_id=contact_id,
            campaign_id=campaign_id,
            message_id=message_id,
            channel=Channel(channel),
            hit_class=HitClass(hit_class),
            link=link,
            ip=ip,
            user_agent=agent,
            detail=detail,
        ),
    )

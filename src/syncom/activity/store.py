"""The activity domain's statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

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
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.activity", "activity.sql")

#: Names of the states in the ledger, as the timeline shows them.
LEDGER_STATES = {1: "sent", 2: "failed", 3: "excluded", 4: "cancelled", 5: "uncertain"}


async def record(connection: Connection, hits: Sequence[Hit], *, shard: int, batch: Batch | None) -> int:
    """Write hits and counters; returns how many were written."""
    cursor = await connection.execute(
        _SQL["record"],
        {
            "writer_id": batch.writer_id if batch else None,
            "batch": batch.number if batch else None,
            "shard": shard,
            "account_id": _array([str(hit.account_id) for hit in hits]),
            "contact_id": _array([str(hit.contact_id) for hit in hits]),
            "message_id": _array([hit.message_id.hex for hit in hits]),
            "campaign_id": _array([str(hit.campaign_id) for hit in hits]),
            "kind": _array([_NUMERALS[hit.kind] for hit in hits]),
            "class": _array([_NUMERALS[hit.hit_class] for hit in hits]),
            "channel": _array([_NUMERALS[hit.channel] for hit in hits]),
            "occurred_at": _array([hit.occurred_at.isoformat() for hit in hits]),
            "link": _array(["NULL" if hit.link is None else str(hit.link) for hit in hits]),
            "ip": _array([_quoted(hit.ip) for hit in hits]),
            "user_agent": _array([_quoted(hit.user_agent) for hit in hits]),
            "detail": _array([_quoted(hit.detail) for hit in hits]),
        },
        prepare=True,
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


# Array literals are built here, because the driver would choose the type of a list by its largest number
# and by whether it holds a NULL: the same statement would be planned again and again under other types.

_NUMERALS = tuple(str(number) for number in range(16))


def _array(values: Iterable[str]) -> str:
    return "{" + ",".join(values) + "}"


@lru_cache(maxsize=4096)
def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def claim(connection: Connection, batch: Batch) -> bool:
    """Take a batch's number in this transaction; False when it was committed before."""
    cursor = await connection.execute(_SQL["claim"], {"writer_id": batch.writer_id, "batch": batch.number})
    return await cursor.fetchone() is not None


async def forget_writers(connection: Connection, writers: Sequence[UUID]) -> None:
    await connection.execute(_SQL["forget_writers"], {"writers": list(writers)})


async def forget_old_writers(connection: Connection) -> None:
    await connection.execute(_SQL["forget_old_writers"])


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


async def ledger_lines(connection: Connection, where: dict[str, Any], at: datetime, message_id: UUID) -> list[Placed]:
    """Lines of the ledger before the given place. ``where`` holds the filters and the limit."""
    name = "ledger_of_account" if where["contact_id"] is None else "ledger_of_contact"
    cursor = await connection.execute(_SQL[name], {**where, "at": at, "message_id": message_id})
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
    if where["contact_id"] is not None:
        name = "activity_of_contact"
    else:
        name = "activity_of_account" if where["campaign_id"] is None else "activity_of_campaign"
    cursor = await connection.execute(_SQL[name], {**where, "at": at, "activity_id": activity_id})
    return [_activity_line(row) for row in await cursor.fetchall()]


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

"""What the rollups say to the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from syncom.activity.rollups.model import (
    ENDED,
    REACTED,
    Coverage,
    Difference,
    Dimension,
    Ended,
    RollupKind,
    Span,
)
from syncom.contacts.service import COUNTING_LOCK
from syncom.postgres.columns import booleans, moments, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.activity.rollups", "rollups.sql")

#: In a recount: a campaign's own counters.
_CAMPAIGN: Final = -1
#: Rollups of which a campaign has counters of its own; one that waits for nobody's answer has none.
_IN_CAMPAIGNS: Final = tuple(kind for kind in RollupKind if kind is not RollupKind.DEFERRED)
_LABELLED: Final = {kind.label: kind for kind in _IN_CAMPAIGNS}


async def add_ended(connection: Connection, counts: Mapping[Ended, int], shard: int) -> None:
    keys = list(counts)
    await connection.execute(
        _SQL["add_ended"],
        {
            "account_ids": numbers(key.account_id for key in keys),
            "campaign_ids": numbers(key.campaign_id for key in keys),
            "channels": numbers(key.channel for key in keys),
            "hours": moments(key.hour for key in keys),
            "states": numbers(key.state for key in keys),
            "domains": [key.domain for key in keys],
            "deferreds": booleans(key.deferred for key in keys),
            "counts": numbers(counts.values()),
            "shard": shard,
        },
    )


# ------------------------------------------------------------------ recounts


async def recount_hits(connection: Connection, account_id: int, since: datetime, until: datetime) -> None:
    """Put into the transaction's recount what hits come to."""
    await connection.execute(_SQL["recount_hits"], {"account_id": account_id, "since": since, "until": until})


async def recount_ended(connection: Connection, account_id: int, since: datetime, until: datetime) -> None:
    """Put into the transaction's recount what the ledger comes to."""
    await connection.execute(_SQL["recount_ended"], {"account_id": account_id, "since": since, "until": until})


async def kept_from(connection: Connection, account_id: int, now: datetime) -> datetime | None:
    """The first day whose facts are certainly still there; None: all are."""
    row = await (await connection.execute(_SQL["kept_from"], {"account_id": account_id, "now": now})).fetchone()
    return row[0] if row else None


async def prepare_recount(connection: Connection) -> None:
    """Make the place of a recount, until the transaction ends."""
    await connection.execute(_SQL["prepare_recount"])


async def forget_recount(connection: Connection) -> None:
    """Make room for another one in the same transaction."""
    await connection.execute(_SQL["forget_recount"])


async def freeze(connection: Connection) -> None:
    """Let the transaction, which has just begun, see one moment only."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


async def hold_hits(connection: Connection) -> None:
    await connection.execute(_SQL["hold_hits"], {"lock": COUNTING_LOCK})


async def hold_ledger(connection: Connection) -> None:
    await connection.execute(_SQL["hold_ledger"])


async def name_domains(connection: Connection, account_id: int, since: datetime, until: datetime) -> None:
    await connection.execute(_SQL["name_domains"], {"account_id": account_id, "since": since, "until": until})


async def differences(
    connection: Connection, account_id: int, since: datetime, until: datetime, *, limit: int
) -> tuple[int, list[Difference]]:
    """How many rollups were compared with the transaction's recount, and those that differ."""
    values = {
        "account_id": account_id,
        "since": since,
        "until": until,
        "kinds": [kind.value for kind in _IN_CAMPAIGNS],
        "names": [kind.label for kind in _IN_CAMPAIGNS],
        "limit": limit,
    }
    rows = await (await connection.execute(_SQL["differences"], values)).fetchall()
    return int(rows[0][0]), [_difference(row[1:]) for row in rows if row[1] is not None]


def _difference(row: Sequence[Any]) -> Difference:
    dimension, campaign_id, hour, value, kind, counted, recounted = row
    return Difference(
        dimension="campaign" if dimension == _CAMPAIGN else Dimension(dimension).name.lower(),
        campaign_id=campaign_id,
        hour=hour,
        value=value,
        counter=RollupKind(kind).label,
        counted=counted,
        recounted=recounted,
    )


async def replace(connection: Connection, account_id: int, since: datetime, until: datetime, *, hits: bool) -> None:
    """Put the transaction's recount in the place of the rollups of hits, or of the ledger."""
    kinds = [kind.value for kind in (REACTED if hits else ENDED)]
    await connection.execute(
        _SQL["replace"], {"account_id": account_id, "since": since, "until": until, "kinds": kinds}
    )


async def next_rebuild(connection: Connection) -> tuple[int, date, date] | None:
    """Account, next day and last day of a rebuild that nobody is at, locked until the transaction ends."""
    row = await (await connection.execute(_SQL["next_rebuild"])).fetchone()
    return None if row is None else (row[0], row[1], row[2])


async def rebuilt(connection: Connection, account_id: int, day: date) -> None:
    await connection.execute(_SQL["rebuilt"], {"account_id": account_id, "day": day})
    await connection.execute(_SQL["all_rebuilt"], {"account_id": account_id})


async def coverage(connection: Connection, account_id: int) -> Coverage:
    row = await (await connection.execute(_SQL["coverage"], {"account_id": account_id})).fetchone()
    return Coverage(next_day=row[0], last_day=row[1]) if row else Coverage(next_day=None, last_day=None)


# ------------------------------------------------------------------ reports


async def series(
    connection: Connection,
    account_id: int,
    since: datetime,
    until: datetime,
    *,
    campaign_id: int,
    channel: int | None,
    span: Span,
    zone: str,
) -> list[tuple[datetime, RollupKind, int]]:
    values = {
        "account_id": account_id,
        "campaign_id": campaign_id,
        "since": since,
        "until": until,
        "channel": None if channel is None else str(channel),
        "span": span.value,
        "zone": zone,
    }
    if campaign_id > 0:
        rows = await (await connection.execute(_SQL["series_of_campaign"], values)).fetchall()
        return [(start, _LABELLED[kind], count) for start, kind, count in rows if kind in _LABELLED]
    rows = await (await connection.execute(_SQL["series"], values)).fetchall()
    return [(start, RollupKind(kind), count) for start, kind, count in rows]


async def heat(
    connection: Connection,
    account_id: int,
    since: datetime,
    until: datetime,
    *,
    campaign_id: int | None,
    channel: int | None,
    kind: RollupKind,
    zone: str,
) -> list[tuple[int, int, int]]:
    """Weekday (Monday is 1), hour, and count."""
    values = {
        "account_id": account_id,
        "campaign_id": campaign_id,
        "since": since,
        "until": until,
        "channel": None if channel is None else str(channel),
        "kind": kind.value,
        "name": kind.label,
        "zone": zone,
    }
    name = "heat_of_account" if campaign_id is None else "heat_of_campaign"
    return [(row[0], row[1], row[2]) for row in await (await connection.execute(_SQL[name], values)).fetchall()]


async def values_of(
    connection: Connection, account_id: int, since: datetime, until: datetime, *, dimension: Dimension, campaign_id: int
) -> list[tuple[str, RollupKind, int]]:
    """Value, counter, and count."""
    values = {
        "account_id": account_id,
        "dimension": dimension.value,
        "campaign_id": campaign_id,
        "since": since,
        "until": until,
    }
    rows = await (await connection.execute(_SQL["values"], values)).fetchall()
    return [(value, RollupKind(kind), count) for value, kind, count in rows]

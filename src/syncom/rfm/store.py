"""The rows of RFM."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from syncom.ids import bucket_of
from syncom.postgres.columns import buckets, by_bucket, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.rfm.model import (
    Bounds,
    ClassShare,
    GridCell,
    Revenue,
    RfmGrid,
    RfmScore,
    RfmSettings,
    RfmState,
    Thresholds,
    Transition,
)
from syncom.segments.rfm_classes import CLASS_GRID, RfmClass

_SQL = load_sql("syncom.rfm", "rfm.sql")
#: First half of the advisory lock under which scores are made.
_LOCK: Final = 44
_CLASSES: Final = [int(one) for row in CLASS_GRID for one in row]
_BEST_FIRST: Final = range(5, 0, -1)


async def state(connection: Connection, account_id: int) -> RfmState:
    """Settings and boundaries; the defaults where nothing was saved."""
    row = await (await connection.execute(_SQL["settings"], {"account_id": account_id})).fetchone()
    if row is None:
        return RfmState(settings=RfmSettings(), bounds=None, currency="", recomputed_at=None)
    statuses, currency, revenue, window_days, thresholds, bounded_at, recency, frequency, monetary, *rest = row
    recomputed_at, counted = rest
    return RfmState(
        settings=RfmSettings(
            statuses=tuple(statuses),
            currency=currency,
            revenue=Revenue(revenue),
            window_days=window_days,
            thresholds=None if thresholds is None else msgspec.convert(thresholds, Thresholds),
        ),
        bounds=None
        if bounded_at is None
        else Bounds(bounded_at=bounded_at, recency=recency, frequency=frequency, monetary=monetary),
        currency=counted,
        recomputed_at=recomputed_at,
    )


async def save_settings(connection: Connection, account_id: int, settings: RfmSettings) -> None:
    thresholds = settings.thresholds
    values = {
        "account_id": account_id,
        "statuses": [status.upper() for status in settings.statuses],
        "currency": settings.currency,
        "revenue": settings.revenue.value,
        "window_days": settings.window_days,
        "thresholds": None if thresholds is None else msgspec.json.encode(thresholds).decode(),
    }
    await connection.execute(_SQL["save_settings"], values)


async def hold_settings(connection: Connection, account_id: int) -> None:
    """Keep others from drawing boundaries until the transaction ends."""
    await connection.execute(_SQL["hold_settings"], {"account_id": account_id})


async def due(connection: Connection, before: datetime) -> list[int]:
    """Accounts with orders that were last scored as a whole before then."""
    return [row[0] for row in await (await connection.execute(_SQL["due"], {"before": before})).fetchall()]


async def choose_currency(connection: Connection, account_id: int, from_at: datetime | str) -> None:
    """Choose whose amounts are money where the settings name no currency."""
    await connection.execute(_SQL["choose_currency"], {"account_id": account_id, "from_at": from_at})


async def quintiles(connection: Connection, account_id: int, from_at: datetime | str, now: datetime) -> Bounds | None:
    """Boundaries between fifths of the customers; None: there are no customers."""
    values = {"account_id": account_id, "from_at": from_at}
    row = await (await connection.execute(_SQL["quintiles"], values)).fetchone()
    if row is None or not row[0]:
        return None
    return Bounds(bounded_at=now, recency=row[1], frequency=row[2], monetary=row[3])


async def bound(connection: Connection, account_id: int, bounds: Bounds | None, from_at: datetime | str) -> None:
    """Put boundaries into force."""
    values: dict[str, Any] = {"account_id": account_id, "from_at": from_at}
    if bounds is None:
        values |= {"bounded_at": None, "recency": None, "frequency": None, "monetary": None}
    else:
        values |= msgspec.structs.asdict(bounds)
    await connection.execute(_SQL["bound"], values)


async def recomputed(connection: Connection, account_id: int, now: datetime) -> None:
    await connection.execute(_SQL["recomputed"], {"account_id": account_id, "now": now})


async def score_bucket(connection: Connection, account_id: int, bucket: int, now: datetime) -> int:
    """Score everybody of a bucket, while no order of the account comes in; returns how many were looked at."""
    await connection.execute(_SQL["lock_scores"], {"kind": _LOCK, "account_id": account_id})
    rows = await connection.execute(_SQL["in_bucket"], {"account_id": account_id, "bucket": bucket})
    contact_ids = [row[0] for row in await rows.fetchall()]
    if contact_ids:
        await _score(connection, account_id, contact_ids, now)
    return len(contact_ids)


async def forget_history(connection: Connection, account_id: int, bucket: int, oldest: date) -> None:
    """Keep what moves from this day on are told by."""
    values = {"account_id": account_id, "bucket": bucket, "oldest": oldest}
    await connection.execute(_SQL["forget_history"], values)


async def score_some(connection: Connection, account_id: int, contact_ids: Sequence[int], now: datetime) -> None:
    """Score these contacts by the boundaries in force; nothing where there are none."""
    await connection.execute(_SQL["share_scores"], {"kind": _LOCK, "account_id": account_id})
    bounded = await connection.execute(_SQL["is_bounded"], {"account_id": account_id})
    if await bounded.fetchone() is not None:
        await _score(connection, account_id, contact_ids, now)


async def _score(connection: Connection, account_id: int, contact_ids: Sequence[int], now: datetime) -> None:
    ordered = by_bucket(set(contact_ids))
    values = {
        "account_id": account_id,
        "buckets": buckets(ordered),
        "contact_ids": numbers(ordered),
        "classes": _CLASSES,
        "now": now,
        "day": now.date(),
    }
    rows = await (await connection.execute(_SQL["score"], values)).fetchall()
    if rows:
        gone = [row[0] for row in rows]
        values |= {"buckets": buckets(gone), "contact_ids": numbers(gone)}
        await connection.execute(_SQL["drop_scores"], values)


async def of_contact(connection: Connection, account_id: int, contact_id: int) -> RfmScore | None:
    values = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
    row = await (await connection.execute(_SQL["of_contact"], values)).fetchone()
    if row is None:
        return None
    return RfmScore(
        contact_id=row[0],
        recency=row[1],
        frequency=row[2],
        monetary=row[3],
        rfm_class=RfmClass(row[4]).word,
        orders=row[5],
        revenue=row[6],
        last_order_at=row[7],
        computed_at=row[8],
    )


async def grid(connection: Connection, account_id: int) -> RfmGrid:
    """Customers and revenue by cell and class, empty ones too."""
    rows = await (await connection.execute(_SQL["grid"], {"account_id": account_id})).fetchall()
    cells: dict[tuple[int, int], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    classes: dict[int, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for recency, frequency, number, contacts, revenue in rows:
        count, money = cells[recency, frequency]
        cells[recency, frequency] = (count + contacts, money + revenue)
        count, money = classes[number]
        classes[number] = (count + contacts, money + revenue)
    return RfmGrid(
        cells=[
            GridCell(recency=r, frequency=f, contacts=cells[r, f][0], revenue=cells[r, f][1])
            for r in _BEST_FIRST
            for f in _BEST_FIRST
        ],
        classes=[ClassShare(rfm_class=one.word, contacts=classes[one][0], revenue=classes[one][1]) for one in RfmClass],
    )


async def transitions(connection: Connection, account_id: int, since: date, until: date) -> list[Transition]:
    """Moves between the ends of two days, in the order of the classes; who was a customer on neither is left out."""
    values = {"account_id": account_id, "since": since, "until": until}
    rows = await (await connection.execute(_SQL["transitions"], values)).fetchall()
    moves: dict[tuple[int, int], int] = defaultdict(int)
    for was, became, contacts in rows:
        if was or became:
            moves[was or 0, became or 0] += contacts
    return [
        Transition(was=_word(was), became=_word(became), contacts=contacts)
        for (was, became), contacts in sorted(moves.items())
    ]


def _word(number: int) -> str | None:
    return RfmClass(number).word if number else None

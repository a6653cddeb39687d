"""The rows of attribution."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from syncom.attribution.model import (
    AttributionSettings,
    AttributionState,
    DayRevenue,
    Model,
    Source,
    SourceDayRevenue,
    SourceRevenue,
    Touch,
)
from syncom.ids import bucket_of
from syncom.orders.model import OrderKey
from syncom.orders.service import lock_statistics
from syncom.postgres.columns import buckets, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.attribution", "attribution.sql")
_MODELS: Final[tuple[Model, ...]] = tuple(Model)
_SOURCES: Final[tuple[Source, ...]] = tuple(Source)
#: Rows of the sums that writers beside each other share out among themselves.
_SHARDS: Final = 16


class Stale(NamedTuple):
    """A bucket whose orders are to be looked at anew."""

    account_id: int
    bucket: int


async def state(connection: Connection, account_id: int) -> AttributionState:
    row = await (await connection.execute(_SQL["settings"], {"account_id": account_id})).fetchone()
    if row is None:
        return AttributionState(settings=AttributionSettings(), is_settled=True)
    settings = AttributionSettings(model=Model(row[0]), click_days=row[1], open_days=row[2])
    return AttributionState(settings=settings, is_settled=row[3] is None)


async def save_settings(connection: Connection, account_id: int, settings: AttributionSettings) -> None:
    values = {
        "account_id": account_id,
        "model": settings.model.value,
        "click_days": settings.click_days,
        "open_days": settings.open_days,
    }
    await connection.execute(_SQL["save_settings"], values)


async def attribute(connection: Connection, account_id: int, orders: Sequence[OrderKey]) -> None:
    """Lead these orders, which are distinct and whose contacts are locked, back to touches."""
    values = _contacts(account_id, [order.contact_id for order in orders]) | {
        "order_ids": numbers(order.order_id for order in orders),
        "external_ids": [order.external_id for order in orders],
        "shard": connection.info.backend_pid % _SHARDS,
    }
    await connection.execute(_SQL["attribute"], values)


async def attribute_all(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> None:
    """Lead every order of these contacts back to touches."""
    values = await lock_statistics(connection, account_id, contact_ids)
    rows = await (await connection.execute(_SQL["orders_of"], values)).fetchall()
    if rows:
        await attribute(connection, account_id, [OrderKey(*row) for row in rows])


async def contacts_in_bucket(connection: Connection, account_id: int, bucket: int) -> list[int]:
    values = {"account_id": account_id, "bucket": bucket}
    return [row[0] for row in await (await connection.execute(_SQL["contacts_in_bucket"], values)).fetchall()]


async def take_queue(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """Accounts and contacts to look at anew, gone from the queue when the transaction commits."""
    return [
        (row[0], row[1]) for row in await (await connection.execute(_SQL["take_queue"], {"limit": limit})).fetchall()
    ]


async def living(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> list[int]:
    """Who these contacts are now, without the erased."""
    rows = await (await connection.execute(_SQL["living"], _contacts(account_id, contact_ids))).fetchall()
    return [row[0] for row in rows]


async def stale(connection: Connection) -> Stale | None:
    """The next bucket of an account whose windows changed, held until the transaction ends."""
    row = await (await connection.execute(_SQL["stale"])).fetchone()
    return None if row is None else Stale(row[0], row[1])


async def looked_at(connection: Connection, account_id: int, next_bucket: int | None) -> None:
    await connection.execute(_SQL["looked_at"], {"account_id": account_id, "next_bucket": next_bucket})


async def totals(
    connection: Connection,
    account_id: int,
    models: Sequence[Model],
    *,
    since: date | None = None,
    until: date | None = None,
    source: Source | None = None,
    source_id: int | None = None,
) -> list[SourceRevenue]:
    """What sources led to, those that led to most first."""
    values = {
        "account_id": account_id,
        "models": [model.number for model in models],
        "since": since,
        "until": until,
        "source": None if source is None else source.number,
        "source_id": source_id,
    }
    return [
        SourceRevenue(
            model=_MODELS[int(row[0]) - 1],
            source=_SOURCES[int(row[1]) - 1],
            source_id=row[2],
            name=row[7],
            **_revenue(row[3], row[4], row[5], row[6]),
        )
        for row in await (await connection.execute(_SQL["totals"], values)).fetchall()
    ]


async def source_days(
    connection: Connection, account_id: int, model: Model, *, since: date | None, until: date | None
) -> list[SourceDayRevenue]:
    """What each kind of source led to, by day."""
    values = {"account_id": account_id, "model": model.number, "since": since, "until": until}
    return [
        SourceDayRevenue(day=row[0], source=_SOURCES[int(row[1]) - 1], **_revenue(row[2], row[3], row[4], row[5]))
        for row in await (await connection.execute(_SQL["source_days"], values)).fetchall()
    ]


async def touches(connection: Connection, account_id: int, contact_id: int, order_id: int) -> list[Touch]:
    """The last click and the last open before an order, as far as there are any; once where they are of one message."""
    values = {
        "account_id": account_id,
        "bucket": bucket_of(contact_id),
        "contact_id": contact_id,
        "order_id": order_id,
    }
    rows = await (await connection.execute(_SQL["touches"], values)).fetchall()
    is_clicked = any(row[0] for row in rows)
    found: list[Touch] = []
    for is_click, occurred_at, message_id, source, source_id, name in rows:
        models = (Model.LAST_CLICK, Model.LAST_CLICK_THEN_OPEN) if is_click else (Model.LAST_OPEN,)
        if not is_clicked:
            models += (Model.LAST_CLICK_THEN_OPEN,)
        if found and found[0].message_id == message_id:
            found[0] = msgspec.structs.replace(found[0], models=tuple(Model))
            continue
        found.append(
            Touch(
                models=models,
                is_click=is_click,
                occurred_at=occurred_at,
                message_id=message_id,
                source=_SOURCES[int(source) - 1],
                source_id=source_id,
                name=name,
            )
        )
    return found


async def days(
    connection: Connection, account_id: int, model: Model, source: Source, source_id: int
) -> list[DayRevenue]:
    """What one source led to, by day."""
    values = {"account_id": account_id, "model": model.number, "source": source.number, "source_id": source_id}
    return [
        DayRevenue(day=row[0], **_revenue(row[1], row[2], row[3], row[4]))
        for row in await (await connection.execute(_SQL["days"], values)).fetchall()
    ]


def _revenue(currency: str, orders: int, gross: Decimal, refunded: Decimal) -> dict[str, Any]:
    return {"currency": currency, "orders": orders, "gross": gross, "refunded": refunded, "net": gross - refunded}


def _contacts(account_id: int, contact_ids: Sequence[int]) -> dict[str, Any]:
    return {"account_id": account_id, "buckets": buckets(contact_ids), "contact_ids": numbers(contact_ids)}

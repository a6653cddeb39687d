"""The rows of predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np

from syncom.ids import bucket_of
from syncom.postgres.columns import buckets, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.rfm.predictions.model import Model, Prediction, PredictionState
from syncom.rfm.predictions.working import Customers, Expected

_SQL = load_sql("syncom.rfm.predictions", "predictions.sql")
#: Later than this nobody plans.
_LATEST: Final = timedelta(days=730)
_MOST_ORDERS: Final = 99_999.0
_MOST_MONEY: Final = 1e15


async def state(connection: Connection, account_id: int) -> PredictionState:
    """The model and what became of it."""
    row = await (await connection.execute(_SQL["state"], {"account_id": account_id})).fetchone()
    if row is None:
        return PredictionState(model=None, problem="", fitted_at=None, predicted_at=None)
    return PredictionState(
        model=None if row[0] is None else msgspec.convert(row[0], Model),
        problem=row[1],
        fitted_at=row[2],
        predicted_at=row[3],
    )


async def save_model(connection: Connection, account_id: int, model: Model | None, problem: str, now: datetime) -> None:
    """Put a model into force; None: there is none, and the problem says why."""
    values = {
        "account_id": account_id,
        "model": None if model is None else msgspec.json.encode(model).decode(),
        "problem": problem,
        "now": now,
    }
    await connection.execute(_SQL["save_model"], values)


async def predicted(connection: Connection, account_id: int, now: datetime) -> None:
    await connection.execute(_SQL["predicted"], {"account_id": account_id, "now": now})


async def due(connection: Connection, before: datetime) -> list[int]:
    """Accounts with customers whose predictions are from before then."""
    return [row[0] for row in await (await connection.execute(_SQL["due"], {"before": before})).fetchall()]


async def customers(connection: Connection, account_id: int, held: range, today: date) -> tuple[list[int], Customers]:
    """The customers of some buckets: their ids, and what the models need of them."""
    values = {"account_id": account_id, "from_bucket": held.start, "to_bucket": held.stop, "today": today}
    rows = await (await connection.execute(_SQL["customers"], values)).fetchall()
    columns = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 4).T.copy()
    return [row[0] for row in rows], Customers(*columns)


async def write(
    connection: Connection,
    account_id: int,
    held: range,
    contact_ids: Sequence[int],
    expected: Expected | None,
    now: datetime,
) -> int:
    """Keep what is expected of all customers of some buckets; returns how many rows were written."""
    values: dict[str, Any] = {
        "account_id": account_id,
        "from_bucket": held.start,
        "to_bucket": held.stop,
        "buckets": buckets(contact_ids),
        "contact_ids": numbers(contact_ids),
        "now": now,
        **_columns(expected, now.date()),
    }
    return (await connection.execute(_SQL["write"], values)).rowcount


def _columns(expected: Expected | None, today: date) -> dict[str, list[Any]]:
    if expected is None:
        names = ("orders_30_days", "orders_90_days", "churn", "next_order_on", "order_value", "lifetime_value")
        return {name: [] for name in names}
    orders = _rounded(4, _MOST_ORDERS)
    money = _rounded(2, _MOST_MONEY)
    share = _rounded(4, 1.0)
    return {
        "orders_30_days": [orders(one) for one in expected.orders_30_days],
        "orders_90_days": [orders(one) for one in expected.orders_90_days],
        "churn": [share(1 - one) for one in expected.alive],
        "next_order_on": [_day(one, today) for one in expected.next_order],
        "order_value": [money(one) for one in expected.order_value],
        "lifetime_value": [money(one) for one in expected.lifetime_value],
    }


def _rounded(digits: int, most: float) -> Callable[[float], Decimal | None]:
    def rounded(value: float) -> Decimal | None:
        if math.isnan(value):
            return None
        return Decimal(f"{min(max(float(value), 0.0), most):.{digits}f}")

    return rounded


def _day(weeks: float, today: date) -> date | None:
    if not math.isfinite(weeks) or weeks * 7 > _LATEST.days:
        return None
    return today + timedelta(days=math.ceil(weeks * 7))


async def of_contact(connection: Connection, account_id: int, contact_id: int) -> Prediction | None:
    values = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
    row = await (await connection.execute(_SQL["of_contact"], values)).fetchone()
    if row is None:
        return None
    return Prediction(
        contact_id=row[0],
        orders_30_days=row[1],
        orders_90_days=row[2],
        churn=row[3],
        next_order_on=row[4],
        order_value=row[5],
        lifetime_value=row[6],
        predicted_at=row[7],
    )

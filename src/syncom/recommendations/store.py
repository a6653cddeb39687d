"""What recommendations are made of: rules, and the lines of orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from syncom.ids import bucket_of
from syncom.orders.model import OrderItem
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.recommendations.model import Product, RecommendationKind, RecommendationSource

_SQL = load_sql("syncom.recommendations", "recommendations.sql")


async def add_source(
    connection: Connection, account_id: int, *, name: str, kind: RecommendationKind, days: int, size: int
) -> RecommendationSource | None:
    """None: there is one of this name."""
    values = {"account_id": account_id, "name": name, "kind": kind.value, "days": days, "size": size}
    row = await (await connection.execute(_SQL["add_source"], values)).fetchone()
    return None if row is None else _source(row)


async def sources(connection: Connection, account_id: int) -> list[RecommendationSource]:
    rows = await (await connection.execute(_SQL["sources"], {"account_id": account_id})).fetchall()
    return [_source(row) for row in rows]


async def source(connection: Connection, account_id: int, source_id: int) -> RecommendationSource | None:
    values = {"account_id": account_id, "source_id": source_id}
    row = await (await connection.execute(_SQL["source"], values)).fetchone()
    return None if row is None else _source(row)


async def delete_source(connection: Connection, account_id: int, source_id: int) -> bool:
    values = {"account_id": account_id, "source_id": source_id}
    return await (await connection.execute(_SQL["delete_source"], values)).fetchone() is not None


def _source(row: TupleRow) -> RecommendationSource:
    source_id, name, kind, days, size = row
    return RecommendationSource(source_id=source_id, name=name, kind=RecommendationKind(kind), days=days, size=size)


async def most_bought(
    connection: Connection,
    account_id: int,
    *,
    since: datetime,
    orders: int,
    limit: int,
    together: Sequence[str] | None = None,
    excluded: Sequence[str] = (),
    category: str | None = None,
) -> list[Product]:
    """Products in the order of how many of the newest ``orders`` have them."""
    values: dict[str, Any] = {
        "account_id": account_id,
        "since": since,
        "orders": orders,
        "limit": limit,
        "together": None if together is None else list(together),
        "excluded": list(excluded),
        "category": category,
    }
    rows = await (await connection.execute(_SQL["most_bought"], values)).fetchall()
    return [_product(product_id, item) for product_id, item in rows]


def _product(product_id: str, line: dict[str, Any]) -> Product:
    item = msgspec.convert(line, OrderItem)
    return Product(
        product_id=product_id,
        name=item.name,
        url=item.url,
        image_url=item.image_url,
        description=item.description,
        categories=(item.category,) if item.category else (),
        price=item.price,
    )


async def bought_by(
    connection: Connection, account_id: int, contact_id: int, *, since: datetime, limit: int
) -> list[str]:
    """Products a contact ordered or left in a cart, newest first."""
    values = {
        "account_id": account_id,
        "bucket": bucket_of(contact_id),
        "contact_id": contact_id,
        "since": since,
        "limit": limit,
    }
    return [row[0] for row in await (await connection.execute(_SQL["bought_by"], values)).fetchall()]

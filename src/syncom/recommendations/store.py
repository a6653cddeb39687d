"""What recommendations are made of: rules, and the lines of orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from syncom.orders.model import OrderItem
from syncom.postgres.columns import buckets, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.recommendations.model import Product, RecommendationKind, RecommendationSource
from syncom.recommendations.views import VIEWED, viewed_products

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
    connection: Connection, account_id: int, contact_ids: Sequence[int], *, since: datetime, limit: int
) -> dict[int, list[str]]:
    """Products that contacts ordered or left in a cart, newest first, so many of each."""
    values = _of_contacts(account_id, contact_ids) | {"since": since, "limit": limit}
    found: dict[int, list[str]] = {}
    for contact_id, product_id in await (await connection.execute(_SQL["bought_by"], values)).fetchall():
        found.setdefault(contact_id, []).append(product_id)
    return found


async def viewed_by(
    connection: Connection, account_id: int, contact_ids: Sequence[int], *, since: datetime, limit: int
) -> dict[int, list[Product]]:
    """Products that contacts looked at, newest first, out of so many views of each."""
    values = _of_contacts(account_id, contact_ids) | {"since": since, "limit": limit, "key": VIEWED}
    found: dict[int, list[Any]] = {}
    for contact_id, said in await (await connection.execute(_SQL["viewed_by"], values)).fetchall():
        found.setdefault(contact_id, []).append(said)
    return {contact_id: viewed_products(said) for contact_id, said in found.items()}


async def baskets(connection: Connection, account_id: int, *, since: datetime, orders: int) -> list[list[str]]:
    """Products of each of the newest orders, the newest order first."""
    values = {"account_id": account_id, "since": since, "orders": orders}
    return [row[0] for row in await (await connection.execute(_SQL["baskets"], values)).fetchall()]


def _of_contacts(account_id: int, contact_ids: Sequence[int]) -> dict[str, Any]:
    return {"account_id": account_id, "contact_ids": numbers(contact_ids), "buckets": buckets(contact_ids)}

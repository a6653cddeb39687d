"""The orders' rows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from psycopg.rows import dict_row

from syncom.orders.model import Order, OrderInput
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.orders", "orders.sql")


async def unknown_contacts(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> list[int]:
    values = {"account_id": account_id, "contact_ids": list(contact_ids)}
    return [row[0] for row in await (await connection.execute(_SQL["unknown"], values)).fetchall()]


async def upsert(connection: Connection, account_id: int, orders: Sequence[OrderInput]) -> None:
    """Write orders with distinct (contact, external id), and their contacts' statistics."""
    await connection.execute(
        _SQL["upsert"],
        {
            "account_id": account_id,
            "contact_ids": [order.contact_id for order in orders],
            "external_ids": [order.external_id for order in orders],
            "statuses": [order.status for order in orders],
            "totals": [order.total for order in orders],
            "currencies": [order.currency for order in orders],
            "ordered_ats": [order.ordered_at for order in orders],
            "items": [msgspec.json.encode(order.items).decode() for order in orders],
        },
    )
    contact_ids = sorted({order.contact_id for order in orders})
    await connection.execute(_SQL["recount"], {"account_id": account_id, "contact_ids": contact_ids})


async def of_contact(connection: Connection, account_id: int, contact_id: int, limit: int) -> list[Order]:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "contact_id": contact_id, "limit": limit}
    return msgspec.convert(await (await cursor.execute(_SQL["of_contact"], values)).fetchall(), list[Order])

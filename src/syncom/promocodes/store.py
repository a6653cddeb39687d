"""The promo codes' rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.promocodes.model import Promocode, PromocodeFilter, PromocodeInput, Taker

_SQL = load_sql("syncom.promocodes", "promocodes.sql")


async def upload(connection: Connection, account_id: int, codes: Sequence[PromocodeInput]) -> list[bool]:
    """Write distinct codes; whether each was new."""
    values = {
        "account_id": account_id,
        "codes": [code.code for code in codes],
        "types": [code.type for code in codes],
        "discounts": [code.discount for code in codes],
        "expires": [code.expires_at for code in codes],
        "in_use": [code.in_use for code in codes],
    }
    return [row[0] for row in await (await connection.execute(_SQL["upload"], values)).fetchall()]


async def search(
    connection: Connection, account_id: int, wanted: PromocodeFilter, offset: int, limit: int
) -> list[Promocode]:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "offset": offset, "limit": limit, **msgspec.structs.asdict(wanted)}
    return msgspec.convert(await (await cursor.execute(_SQL["search"], values)).fetchall(), list[Promocode])


async def count(connection: Connection, account_id: int, wanted: PromocodeFilter) -> int:
    values = {"account_id": account_id, **msgspec.structs.asdict(wanted)}
    row = await (await connection.execute(_SQL["count"], values)).fetchone()
    return 0 if row is None else row[0]


async def get(connection: Connection, account_id: int, promocode_id: int) -> Promocode | None:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "promocode_id": promocode_id}
    row = await (await cursor.execute(_SQL["get"], values)).fetchone()
    return None if row is None else msgspec.convert(row, Promocode)


async def switch_off(connection: Connection, account_id: int, promocode_id: int) -> bool:
    values = {"account_id": account_id, "promocode_id": promocode_id}
    return await (await connection.execute(_SQL["switch_off"], values)).fetchone() is not None


async def taken(connection: Connection, account_id: int, effect_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Codes that these effects have got."""
    values = {"account_id": account_id, "effect_ids": list(effect_ids)}
    return {row[0]: row[1] for row in await (await connection.execute(_SQL["taken"], values)).fetchall()}


async def take(
    connection: Connection,
    account_id: int,
    takers: Sequence[Taker],
    *,
    type_: str | None,
    discount: int | None,
    now: datetime,
) -> dict[UUID, str]:
    """Give each taker the next free code, as long as there are any."""
    values = {
        "account_id": account_id,
        "type": type_,
        "discount": discount,
        "now": now,
        "limit": len(takers),
        "effect_ids": [taker.effect_id for taker in takers],
        "contact_ids": [taker.contact_id for taker in takers],
    }
    return {row[0]: row[1] for row in await (await connection.execute(_SQL["take"], values)).fetchall()}

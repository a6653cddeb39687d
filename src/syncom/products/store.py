"""Everything the product catalogue says to the database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.products.model import Product, ProductCategory, ProductQuery
from syncom.products.prepare import category_key, read_details

_SQL = load_sql("syncom.products", "products.sql")
_WORD: Final = re.compile(r"\w+")


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge did. ``products`` is how many there were, each counted once."""

    products: int
    created: int
    changed: int


async def lock(connection: Connection, account_id: int) -> None:
    """Wait for one's turn to write the account's catalogue; held until the transaction ends."""
    await connection.execute(_SQL["lock"], {"account_id": account_id})


async def stage(connection: Connection, account_id: int, run_id: UUID, rows: bytes) -> None:
    """Put rows (``prepare.rows_json``) where nobody sees them yet."""
    values = {"account_id": account_id, "run_id": run_id, "rows": rows.decode()}
    await connection.execute(_SQL["stage"], values)


async def merge(connection: Connection, account_id: int, run_id: UUID, *, feed_id: int | None, now: datetime) -> Merged:
    """Everything staged in this run into the catalogue."""
    values = {"account_id": account_id, "run_id": run_id, "feed_id": feed_id, "now": now}
    row = await (await connection.execute(_SQL["merge"], values)).fetchone()
    assert row is not None
    return Merged(products=row[0], created=row[1], changed=row[2])


async def vanishing(connection: Connection, account_id: int, run_id: UUID, feed_id: int) -> tuple[int, int]:
    """How many products of a feed there are, and how many of them are not in this run."""
    values = {"account_id": account_id, "run_id": run_id, "feed_id": feed_id}
    row = await (await connection.execute(_SQL["vanishing"], values)).fetchone()
    assert row is not None
    return row[0], row[1]


async def remove_vanished(connection: Connection, account_id: int, run_id: UUID, feed_id: int) -> int:
    values = {"account_id": account_id, "run_id": run_id, "feed_id": feed_id}
    return (await connection.execute(_SQL["remove_vanished"], values)).rowcount


async def unstage(connection: Connection, account_id: int, run_id: UUID) -> None:
    await connection.execute(_SQL["unstage"], {"account_id": account_id, "run_id": run_id})


async def forget_staged(connection: Connection, account_id: int, before: datetime) -> None:
    await connection.execute(_SQL["forget_staged"], {"account_id": account_id, "before": before})


async def delete_of_feed(connection: Connection, account_id: int, feed_id: int) -> int:
    values = {"account_id": account_id, "feed_id": feed_id}
    return (await connection.execute(_SQL["of_feed"], values)).rowcount


async def delete(connection: Connection, account_id: int, product_ids: Sequence[str]) -> int:
    values = {"account_id": account_id, "product_ids": list(product_ids)}
    return (await connection.execute(_SQL["delete"], values)).rowcount


async def find(connection: Connection, account_id: int, product_ids: Sequence[str]) -> list[Product]:
    """These products, in all their languages."""
    return await _products(connection, _SQL["find"], {"account_id": account_id, "product_ids": list(product_ids)})


async def exists(connection: Connection, account_id: int) -> bool:
    row = await (await connection.execute(_SQL["exists"], {"account_id": account_id})).fetchone()
    return row is not None and bool(row[0])


async def search(
    connection: Connection, account_id: int, query: ProductQuery, *, after: tuple[str, str], limit: int
) -> list[Product]:
    """A page by id and language, after an id and language."""
    words = _WORD.findall(query.words.lower())
    values: dict[str, Any] = {
        "account_id": account_id,
        "after_id": after[0],
        "after_language": after[1],
        "words": " & ".join(f"{word}:*" for word in words) or None,
        "id": query.words.strip(),
        "category": category_key(query.category) or None,
        "available": query.available,
        "limit": limit,
    }
    return await _products(connection, _SQL["list"], values)


async def newest(connection: Connection, account_id: int, *, category: str = "", limit: int) -> list[Product]:
    """Those that can be had, the newest first, in all languages."""
    values = {"account_id": account_id, "category": category_key(category) or None, "limit": limit}
    return await _products(connection, _SQL["newest"], values)


async def categories(connection: Connection, account_id: int) -> list[ProductCategory]:
    rows = await (await connection.execute(_SQL["categories"], {"account_id": account_id})).fetchall()
    return [ProductCategory(path=tuple(path), products=count) for path, count in rows]


async def _products(connection: Connection, statement: LiteralString, values: dict[str, Any]) -> list[Product]:
    # Planned for these values: with a plan for any, a search for words would walk the catalogue.
    cursor = await connection.execute(statement, values, prepare=False)
    return [_product(row) for row in await cursor.fetchall()]


def _product(row: TupleRow) -> Product:
    details, feed_id, added_at, changed_at = row
    given = read_details(details)
    return Product(**msgspec.structs.asdict(given), feed_id=feed_id, added_at=added_at, changed_at=changed_at)

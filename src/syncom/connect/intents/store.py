"""Everything the intents room says to the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg.rows import dict_row

from syncom.connect.intents.shelves import Document, Product, ShelfKey
from syncom.connect.model import Action
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.connect.intents", "intents.sql")

Floats = NDArray[np.float32]


async def fingerprints(
    connection: Connection, connectors: Sequence[str] | None, connections: Sequence[str]
) -> dict[ShelfKey, int]:
    """Which shelves there are, as the tenant sees them, with the number that changes when they do."""
    values = {"connectors": connectors and list(connectors), "connections": list(connections)}
    rows = await (await connection.execute(_SQL["fingerprints"], values)).fetchall()
    return {ShelfKey(account_id=row[0], connector_id=row[1], connection_id=row[2]): row[3] for row in rows}


async def connector_of(connection: Connection, connection_id: str) -> str | None:
    row = await (await connection.execute(_SQL["connector_of"], {"connection_id": connection_id})).fetchone()
    return row[0] if row else None


async def documents(connection: Connection, key: ShelfKey) -> list[Document]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["shelf"], msgspec.structs.asdict(key))
    return msgspec.convert(await cursor.fetchall(), list[Document])


async def products(connection: Connection, connectors: Iterable[str]) -> dict[str, Product]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["connectors"], {"connectors": list(connectors)})
    found = [_without_nulls(row) for row in await cursor.fetchall()]
    return {product.connector_id: product for product in msgspec.convert(found, list[Product])}


async def vectors(connection: Connection, model: str, size: int, actions: Iterable[str]) -> dict[str, Floats]:
    """One row a place, for each action that has vectors of its text as it is now. Vectors of another size are none."""
    values = {"model": model, "actions": list(actions)}
    rows = await (await connection.execute(_SQL["vectors"], values)).fetchall()
    found: dict[str, Floats] = {}
    for action_id, places in groupby(rows, key=lambda row: row[0]):
        pieces = [np.frombuffer(row[2], dtype=np.float32) for row in places]
        if all(piece.size == size for piece in pieces):
            found[action_id] = np.stack(pieces)
    return found


async def actions(connection: Connection, wanted: Iterable[str]) -> dict[str, Action]:
    """Actions by id; those that are gone or archived are not among them."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["actions"], {"actions": list(wanted)})
    found: dict[str, Action] = {}
    for row in await cursor.fetchall():
        definition: dict[str, Any] = row.pop("definition")
        found[row["action_id"]] = msgspec.convert({**definition, **row}, Action)
    return found


async def without_vectors(
    connection: Connection, model: str, *, actions: Sequence[str] | None, limit: int
) -> list[Document]:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"model": model, "actions": actions and list(actions), "limit": limit}
    await cursor.execute(_SQL["without_vectors"], values)
    return msgspec.convert(await cursor.fetchall(), list[Document])


async def save_vectors(connection: Connection, model: str, made: Mapping[str, tuple[bytes, Floats]]) -> None:
    """Rows of each action with the hash of the text they were made of; no longer valid ones are left out."""
    rows = [
        (action_id, place, document_hash, vector.tobytes())
        for action_id, (document_hash, matrix) in sorted(made.items())
        for place, vector in enumerate(matrix)
    ]
    ids, places, hashes, pieces = (list(column) for column in zip(*rows, strict=True))
    await connection.execute(
        _SQL["save_vectors"],
        {"model": model, "actions": ids, "places": places, "hashes": hashes, "vectors": pieces},
    )
    await connection.execute(_SQL["forget_older"], {"actions": sorted(made)})


async def forget_other_models(connection: Connection, model: str) -> None:
    await connection.execute(_SQL["forget_other_models"], {"model": model})


async def elements(
    connection: Connection, types: Sequence[str], *, tenant_id: str | None, connections: Sequence[str] | None
) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"types": list(types), "tenant_id": tenant_id, "connections": connections and list(connections)}
    await cursor.execute(_SQL["elements"], values)
    return [_without_nulls(row) for row in await cursor.fetchall()]


def _without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}

"""Deleting contacts so that it can be taken back: they wait in tables of their own, out of everybody's way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncom.contacts.model import IdentityKind
from syncom.postgres.columns import buckets, by_bucket, numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "deletion.sql")


async def delete_contacts(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> list[int]:
    """Set contacts aside; returns the ids that existed. The account's lock is held exclusively."""
    cursor = await connection.execute(_SQL["delete_contacts"], _these(account_id, contact_ids))
    existed = [row[0] for row in await cursor.fetchall()]
    if existed:
        for statement in ("delete_identities", "leave_lists"):
            await connection.execute(_SQL[statement], _these(account_id, existed))
    return existed


async def restore_contacts(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> list[int]:
    """Bring deleted contacts back, but for identities and lists that are taken or gone; returns the ids.

    The account's lock is held exclusively.
    """
    cursor = await connection.execute(_SQL["restore_contacts"], _these(account_id, contact_ids))
    restored = [row[0] for row in await cursor.fetchall()]
    if restored:
        for statement in ("restore_identities", "drop_lost_identities"):
            await connection.execute(_SQL[statement], _these(account_id, restored))
    return restored


async def find_deleted(
    connection: Connection, account_id: int, identities: Sequence[tuple[IdentityKind, str]]
) -> Mapping[tuple[IdentityKind, str], int]:
    """The deleted contacts that had these normalised identities."""
    if not identities:
        return {}
    cursor = await connection.execute(
        _SQL["find_deleted"],
        {
            "account_id": account_id,
            "kinds": numbers(int(kind) for kind, _ in identities),
            "values": texts(value for _, value in identities),
        },
    )
    return {identities[place - 1]: contact_id for place, contact_id in await cursor.fetchall()}


async def forget_deleted(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> list[int]:
    """Erase what was kept of deleted contacts; returns their ids."""
    cursor = await connection.execute(_SQL["forget_deleted"], _these(account_id, contact_ids))
    return [row[0] for row in await cursor.fetchall()]


def _these(account_id: int, contact_ids: Sequence[int]) -> dict[str, Any]:
    chosen = by_bucket(contact_ids)
    return {"account_id": account_id, "buckets": buckets(chosen), "contact_ids": numbers(chosen)}

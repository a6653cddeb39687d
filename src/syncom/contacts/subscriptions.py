"""Web push subscriptions of contacts: where their browsers are reached, and the keys to write to them (RFC 8291)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from syncom.postgres.columns import buckets, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "subscriptions.sql")


class SubscriptionRef(msgspec.Struct, frozen=True, kw_only=True):
    """A browser of a contact."""

    account_id: int
    contact_id: int
    endpoint: str


class SubscriptionKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser gave out, in base64url: its public key (an uncompressed point) and a secret of 16 bytes."""

    p256dh: str
    auth: str


async def endpoints(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Addresses of the active subscriptions by contact, the oldest first; who has none is left out."""
    values = {"account_id": account_id, "buckets": buckets(contact_ids), "contact_ids": numbers(contact_ids)}
    found: dict[int, list[str]] = {}
    for contact_id, endpoint in await (await connection.execute(_SQL["endpoints"], values)).fetchall():
        found.setdefault(contact_id, []).append(endpoint)
    return {contact_id: tuple(addresses) for contact_id, addresses in found.items()}


async def keys(connection: Connection, wanted: Sequence[SubscriptionRef]) -> list[SubscriptionKeys | None]:
    """The keys of each, in order; None: it is not there any more, or is not to be used. For the system's connection."""
    found: list[SubscriptionKeys | None] = [None] * len(wanted)
    for place, p256dh, auth in await (await connection.execute(_SQL["keys"], _rows(wanted))).fetchall():
        found[place - 1] = SubscriptionKeys(p256dh=p256dh, auth=auth)
    return found


async def remove(connection: Connection, gone: Sequence[SubscriptionRef]) -> None:
    """Forget subscriptions that lead nowhere, whoever they belong to by now. For the system's connection."""
    await connection.execute(_SQL["remove"], _rows(sorted(gone, key=lambda one: (one.account_id, one.endpoint))))


def _rows(refs: Sequence[SubscriptionRef]) -> dict[str, object]:
    return {
        "account_ids": [ref.account_id for ref in refs],
        "contact_ids": [ref.contact_id for ref in refs],
        "endpoints": [ref.endpoint for ref in refs],
    }

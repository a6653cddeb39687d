"""The carts' rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from syncom.carts.events import CartFact
from syncom.carts.model import Cart, CartFigures, CartItem, CartSettings
from syncom.postgres.columns import numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.carts", "carts.sql")
_json: Final = msgspec.json.Encoder(decimal_format="number").encode


class Due(NamedTuple):
    """A cart whose time has come."""

    cart: str
    contact_id: int
    changed_at: datetime
    abandoned_at: datetime
    items: tuple[CartItem, ...]
    value: Decimal
    currency: str
    url: str
    email: str | None
    phone: str | None
    #: Nobody hears of it: its contact is gone, it was ordered meanwhile, or it is long ago.
    is_past: bool


async def settings(connection: Connection, account_id: int) -> CartSettings:
    row = await (await connection.execute(_SQL["settings"], {"account_id": account_id})).fetchone()
    return CartSettings() if row is None else CartSettings(idle_minutes=row[0], recovery_days=row[1])


async def save_settings(connection: Connection, account_id: int, given: CartSettings) -> None:
    await connection.execute(_SQL["save_settings"], {"account_id": account_id, **msgspec.structs.asdict(given)})


async def put(connection: Connection, facts: Sequence[CartFact]) -> None:
    """Fold facts into the carts, in whatever order they come. For a system transaction."""
    states, purchases, owners = (
        _newest([fact for fact in facts if fact.items is not None]),
        _newest([fact for fact in facts if fact.items is None]),
        _newest([fact for fact in facts if fact.contact_id]),
    )
    if states:
        values = _columns(states) | {
            "items": texts(_json(fact.items).decode() for fact in states),
            "values": [fact.value for fact in states],
            "currencies": [fact.currency for fact in states],
            "urls": [fact.url for fact in states],
        }
        await connection.execute(_SQL["put_states"], values)
    if purchases:
        await connection.execute(_SQL["put_purchases"], _columns(purchases))
    if owners:
        values = _columns(owners) | {"contact_ids": numbers(fact.contact_id for fact in owners)}
        await connection.execute(_SQL["put_owners"], values)
    await connection.execute(_SQL["set_due"], _columns(_newest(facts)))


def _newest(facts: Sequence[CartFact]) -> list[CartFact]:
    """Of each cart the newest, in the order in which every statement takes carts."""
    found: dict[tuple[int, str], CartFact] = {}
    for fact in facts:
        key = fact.account_id, fact.cart
        if key not in found or (fact.at, fact.event_id) > (found[key].at, found[key].event_id):
            found[key] = fact
    return [found[key] for key in sorted(found)]


def _columns(facts: Sequence[CartFact]) -> dict[str, Any]:
    return {
        "account_ids": numbers(fact.account_id for fact in facts),
        "carts": [fact.cart for fact in facts],
        "moments": [fact.at for fact in facts],
        "event_ids": [fact.event_id for fact in facts],
    }


async def due_accounts(connection: Connection, now: datetime) -> list[int]:
    return [row[0] for row in await (await connection.execute(_SQL["due_accounts"], {"now": now})).fetchall()]


async def take_due(connection: Connection, account_id: int, now: datetime, limit: int) -> list[Due]:
    """Carts whose time has come, held until the transaction ends."""
    values = {"account_id": account_id, "now": now, "limit": limit}
    return [
        Due(
            cart=row[0],
            contact_id=row[1],
            changed_at=row[2],
            abandoned_at=row[4],
            items=msgspec.convert(row[5], tuple[CartItem, ...]),
            value=row[6],
            currency=row[7],
            url=row[8],
            email=row[9],
            phone=row[10],
            is_past=row[11] or row[12],
        )
        for row in await (await connection.execute(_SQL["take_due"], values)).fetchall()
    ]


async def told(connection: Connection, account_id: int, due: Sequence[Due]) -> None:
    """These are done with; those that are not past are abandoned."""
    await connection.execute(_SQL["told"], {"account_id": account_id, "carts": [one.cart for one in due]})
    left = [one for one in due if not one.is_past]
    if not left:
        return
    values = {
        "account_id": account_id,
        "contact_ids": numbers(one.contact_id for one in left),
        "carts": [one.cart for one in left],
        "changed_ats": [one.changed_at for one in left],
        "abandoned_ats": [one.abandoned_at for one in left],
        "values": [one.value for one in left],
        "currencies": [one.currency for one in left],
    }
    await connection.execute(_SQL["add_abandoned"], values)


async def of_contact(connection: Connection, account_id: int, contact_id: int, limit: int) -> list[Cart]:
    values = {"account_id": account_id, "contact_id": contact_id, "limit": limit}
    return [
        Cart(
            cart=row[0],
            changed_at=row[1],
            items=msgspec.convert(row[2], tuple[CartItem, ...]),
            value=row[3],
            currency=row[4],
            url=row[5],
            ordered_at=row[6],
            due_at=row[7],
            is_told=row[8],
        )
        for row in await (await connection.execute(_SQL["of_contact"], values)).fetchall()
    ]


async def figures(connection: Connection, account_id: int, since: datetime, until: datetime) -> list[CartFigures]:
    """What became of carts that were abandoned in a span, by currency."""
    values = {"account_id": account_id, "since": since, "until": until}
    return [
        CartFigures(currency=row[0], abandoned=row[1], value=row[2], recovered=row[3], revenue=row[4])
        for row in await (await connection.execute(_SQL["figures"], values)).fetchall()
    ]

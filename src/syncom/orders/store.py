"""The orders' rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from psycopg.rows import DictRow, dict_row

from syncom.ids import bucket_of
from syncom.orders.model import (
    CurrencyRevenue,
    ListedOrder,
    Order,
    OrderDeletion,
    OrderFacts,
    OrderFilter,
    OrderKey,
    OrderPlace,
    OrderState,
    OrderStatus,
    OrderTotals,
    Refund,
    RefundedItem,
    RefundInput,
    StatusTotals,
)
from syncom.postgres.columns import buckets, by_bucket, numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.orders", "orders.sql")
_json = msgspec.json.Encoder().encode

#: Members of an order that are columns of their own; the others are its details.
_COLUMNS: Final = ("external_id", "status", "total", "ordered_at", "changed_at", "currency", "items")
_DETAILS: Final = tuple(field for field in OrderFacts.__struct_fields__ if field not in _COLUMNS)


class Claimed(NamedTuple):
    """The number of an order, and whose order it is so far."""

    order_id: int
    contact_id: int


class Reach(NamedTuple):
    """Primary addresses of a contact."""

    email: str | None
    phone: str | None


class Row(NamedTuple):
    """The newest state of an order, ready to be written."""

    order_id: int
    contact_id: int
    changed_at: datetime
    #: None: the order is new.
    created_at: datetime | None
    order: OrderFacts


async def known_contacts(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> dict[int, Reach]:
    """Those of the contacts that exist."""
    cursor = await connection.execute(_SQL["known_contacts"], _contacts(account_id, contact_ids))
    return {row[0]: Reach(row[1], row[2]) for row in await cursor.fetchall()}


async def lock_known(connection: Connection, account_id: int, external_ids: Sequence[str]) -> dict[str, Claimed]:
    """Hold the known ones of these numbers until the transaction ends."""
    values = {"account_id": account_id, "external_ids": sorted(set(external_ids))}
    return _claimed(await (await connection.execute(_SQL["lock_known"], values)).fetchall())


async def claim(connection: Connection, account_id: int, contacts: Mapping[str, int]) -> dict[str, Claimed]:
    """Claim new numbers, each for a contact, and hold them."""
    external_ids = sorted(contacts)
    values = {
        "account_id": account_id,
        "external_ids": external_ids,
        "contact_ids": [contacts[external_id] for external_id in external_ids],
    }
    return _claimed(await (await connection.execute(_SQL["claim"], values)).fetchall())


def _claimed(rows: Sequence[tuple[Any, ...]]) -> dict[str, Claimed]:
    return {external_id: Claimed(order_id, contact_id) for external_id, order_id, contact_id in rows}


async def states(connection: Connection, account_id: int, claimed: Mapping[str, Claimed]) -> dict[str, OrderState]:
    """What is stored of these orders."""
    values = _orders(account_id, [(one.contact_id, external_id) for external_id, one in claimed.items()])
    rows = await (await connection.execute(_SQL["states"], values)).fetchall()
    return {
        external_id: OrderState(contact_id=contact_id, status=status, changed_at=changed_at, created_at=created_at)
        for external_id, contact_id, status, changed_at, created_at in rows
    }


async def move(connection: Connection, account_id: int, moved: Mapping[str, tuple[int, int]]) -> None:
    """Take orders, and their refunds, away from one contact, each, for another one: (from, to) by number."""
    values = _orders(account_id, [(old, external_id) for external_id, (old, _) in moved.items()])
    await connection.execute(_SQL["take_away"], values)
    await connection.execute(_SQL["move_refunds"], values | {"new_ids": [new for _, new in moved.values()]})
    await connection.execute(
        _SQL["hand_over"],
        {
            "account_id": account_id,
            "external_ids": list(moved),
            "contact_ids": [new for _, new in moved.values()],
        },
    )


async def write(connection: Connection, account_id: int, rows: Sequence[Row]) -> None:
    """Write the newest states of distinct orders."""
    orders = [row.order for row in rows]
    await connection.execute(
        _SQL["write"],
        _orders(account_id, [(row.contact_id, row.order.external_id) for row in rows])
        | {
            "order_ids": [row.order_id for row in rows],
            "statuses": [order.status for order in orders],
            "totals": [order.total for order in orders],
            "currencies": [order.currency for order in orders],
            "ordered_ats": [order.ordered_at for order in orders],
            "changed_ats": [row.changed_at for row in rows],
            "items": texts(_json(order.items).decode() for order in orders),
            "details": texts(_json(_details(order)).decode() for order in orders),
            "created_ats": [row.created_at for row in rows],
        },
    )


def _details(order: OrderFacts) -> dict[str, Any]:
    """What the order says beside its columns."""
    return {name: value for name in _DETAILS if (value := getattr(order, name)) not in (None, "", {})}


async def lock_statistics(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> dict[str, Any]:
    """Whoever counts hits or orders of these contacts next waits for this transaction and sees what it wrote; what it
    reads from here on has all that was counted before. Returns the contacts as parameters."""
    values = _contacts(account_id, by_bucket(set(contact_ids)))
    await connection.execute(_SQL["lock_statistics"], values)
    return values


async def recount(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> None:
    """Count the orders of these contacts anew."""
    values = await lock_statistics(connection, account_id, contact_ids)
    await connection.execute(_SQL["recount"], values)


async def known_numbers(connection: Connection, account_id: int, external_ids: Sequence[str]) -> list[str]:
    values = {"account_id": account_id, "external_ids": list(external_ids)}
    return [row[0] for row in await (await connection.execute(_SQL["known_numbers"], values)).fetchall()]


async def numbers_between(connection: Connection, deletion: OrderDeletion, limit: int) -> list[str]:
    """Some orders of the range."""
    values = msgspec.structs.asdict(deletion) | {"limit": limit}
    return [row[0] for row in await (await connection.execute(_SQL["numbers_between"], values)).fetchall()]


async def delete(connection: Connection, deletion: OrderDeletion, claimed: Mapping[str, Claimed]) -> list[OrderKey]:
    """Delete those of the held orders that the deletion is about, and count anew; returns them."""
    account_id = deletion.account_id
    values = _orders(account_id, [(one.contact_id, external_id) for external_id, one in claimed.items()])
    values |= {"since": deletion.since, "until": deletion.until}
    gone = await (await connection.execute(_SQL["delete"], values)).fetchall()
    await connection.execute(_SQL["delete_refunds"], _orders(account_id, [(row[1], row[0]) for row in gone]))
    await connection.execute(
        _SQL["forget_numbers"], {"account_id": account_id, "external_ids": [row[0] for row in gone]}
    )
    await recount(connection, account_id, [row[1] for row in gone])
    return [OrderKey(contact_id, claimed[number].order_id, number) for number, contact_id in gone]


async def write_refunds(
    connection: Connection, account_id: int, refunds: Sequence[RefundInput], claimed: Mapping[str, Claimed]
) -> None:
    """Write the states of distinct refunds that are newer than what is stored, and settle their orders, whose numbers
    are held."""
    owners = [claimed[refund.order].contact_id for refund in refunds]
    await connection.execute(
        _SQL["write_refunds"],
        _contacts(account_id, owners)
        | {
            "order_numbers": [refund.order for refund in refunds],
            "external_ids": [refund.external_id for refund in refunds],
            "amounts": [refund.amount for refund in refunds],
            "refunded_ats": [refund.refunded_at for refund in refunds],
            "changed_ats": [refund.changed_at or refund.refunded_at for refund in refunds],
            "reasons": [refund.reason for refund in refunds],
            "items": texts(_json(refund.items).decode() for refund in refunds),
        },
    )
    orders = [(one.contact_id, number) for number, one in claimed.items() if one.contact_id]
    await connection.execute(_SQL["settle_refunds"], _orders(account_id, orders))


async def refunds(connection: Connection, account_id: int, external_id: str) -> list[Refund]:
    """What was refunded of an order, also of one that is not known yet, oldest first."""
    values = {"account_id": account_id, "external_id": external_id}
    found = await (await connection.execute(_SQL["contact_of"], values)).fetchone()
    if found is None:
        return []
    values |= {"bucket": bucket_of(found[0]), "contact_id": found[0]}
    rows = await (await connection.execute(_SQL["refunds"], values)).fetchall()
    return [
        Refund(
            order=row[0],
            external_id=row[1],
            amount=row[2],
            refunded_at=row[3],
            changed_at=row[4],
            reason=row[5],
            items=msgspec.convert(row[6], tuple[RefundedItem, ...]),
            created_at=row[7],
        )
        for row in rows
    ]


async def revenue(connection: Connection, account_id: int, contact_id: int) -> list[CurrencyRevenue]:
    """What a contact's purchases came to, by currency."""
    values = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
    return [
        CurrencyRevenue(
            currency=row[0],
            orders=row[1],
            gross=row[2],
            refunded=row[3],
            net=row[2] - row[3],
            first_order_at=row[4],
            last_order_at=row[5],
        )
        for row in await (await connection.execute(_SQL["revenue"], values)).fetchall()
    ]


async def of_contact(connection: Connection, account_id: int, contact_id: int, limit: int) -> list[Order]:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id, "limit": limit}
    return [_order(row) for row in await (await cursor.execute(_SQL["of_contact"], values)).fetchall()]


#: Before all orders, and after them.
_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
#: Statuses of what was not sold.
_NO_SALE: Final = frozenset((OrderStatus.CANCELLED.value, OrderStatus.ABANDONED_SHOPPING_CART.value))


async def browse(
    connection: Connection, account_id: int, chosen: OrderFilter, after: OrderPlace, *, look: int, limit: int
) -> tuple[list[ListedOrder], OrderPlace | None]:
    """Of the next ``look`` orders those that fit, ``limit`` at most; and the last that was looked at. With a contact or
    a number, all orders of the contact are looked at."""
    values = _chosen(account_id, chosen) | {
        "before": after.ordered_at,
        "before_number": after.external_id,
        "look": look,
        "limit": limit,
    }
    cursor = connection.cursor(row_factory=dict_row)
    whose = await _whose(connection, account_id, chosen)
    if whose is None:
        rows = await (await cursor.execute(_SQL["browse"], values)).fetchall()
        last = await (await connection.execute(_SQL["looked_until"], values)).fetchone()
    else:
        rows = await (await cursor.execute(_SQL["browse_of_contact"], values | whose)).fetchall()
        last = None
    found = [msgspec.convert(row | {"source": row["source"] or ""}, ListedOrder) for row in rows]
    return found, None if last is None else OrderPlace(*last)


async def totals(connection: Connection, account_id: int, chosen: OrderFilter, *, look: int) -> OrderTotals:
    """What those of the newest ``look`` orders that fit come to."""
    values = _chosen(account_id, chosen) | {"until": chosen.until or _LATEST, "look": look}
    whose = await _whose(connection, account_id, chosen)
    name = "totals" if whose is None else "totals_of_contact"
    rows = await (await connection.execute(_SQL[name], values | (whose or {}))).fetchall()
    items = [
        StatusTotals(
            status=row[0],
            is_sale=row[0] not in _NO_SALE,
            currency=row[1],
            orders=row[2],
            gross=row[3],
            refunded=row[4],
            net=row[3] - row[4],
        )
        for row in rows
        if row[2]
    ]
    return OrderTotals(items=items, is_exact=whose is not None or sum(row[5] for row in rows) <= look)


def _chosen(account_id: int, chosen: OrderFilter) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "since": chosen.since or _EARLIEST,
        "status": chosen.status,
        "least": chosen.least,
        "most": chosen.most,
        "source": chosen.source,
        "external_id": chosen.external_id,
    }


async def _whose(connection: Connection, account_id: int, chosen: OrderFilter) -> dict[str, Any] | None:
    """The contact whose orders are looked at; None: anybody's. A number that nobody has is nobody's: contact 0."""
    contact_id = chosen.contact_id
    if contact_id is None and chosen.external_id is not None:
        values = {"account_id": account_id, "external_id": chosen.external_id}
        row = await (await connection.execute(_SQL["contact_of"], values)).fetchone()
        contact_id = 0 if row is None else row[0]
    return None if contact_id is None else {"bucket": bucket_of(contact_id), "contact_id": contact_id}


async def find(connection: Connection, account_id: int, external_id: str) -> Order | None:
    """An order by its number."""
    values = {"account_id": account_id, "external_id": external_id}
    found = await (await connection.execute(_SQL["contact_of"], values)).fetchone()
    if found is None:
        return None
    cursor = connection.cursor(row_factory=dict_row)
    values |= {"bucket": bucket_of(found[0]), "contact_id": found[0]}
    row = await (await cursor.execute(_SQL["one"], values)).fetchone()
    return None if row is None else _order(row)


def _order(row: DictRow) -> Order:
    details = row.pop("details")
    return msgspec.convert(row | details, Order)


def _contacts(account_id: int, contact_ids: Sequence[int]) -> dict[str, Any]:
    return {"account_id": account_id, "buckets": buckets(contact_ids), "contact_ids": numbers(contact_ids)}


def _orders(account_id: int, keys: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """Orders named by contact and number."""
    return _contacts(account_id, [contact_id for contact_id, _ in keys]) | {
        "external_ids": [external_id for _, external_id in keys]
    }

"""/orders: what contacts bought."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.errors import Invalid, NotFound
from syncom.http.native.given import By, Contacts, Orders
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, read_cursor
from syncom.http.native.routing import needs
from syncom.orders.model import (
    CurrencyRevenue,
    ListedOrder,
    Order,
    OrderFilter,
    OrderInput,
    OrderPlace,
    OrderTotals,
    Refund,
    RefundInput,
)

_TAGS = ["Orders"]
_Status = Annotated[str | None, QueryParameter(max_length=100, description="In this status, in whatever case.")]
_Least = Annotated[Decimal | None, QueryParameter(description="Of the total.")]
_Most = Annotated[Decimal | None, QueryParameter(description="Of the total.")]
_Source = Annotated[str | None, QueryParameter(max_length=200, description="From this source of the shop.")]
_Number = Annotated[str | None, QueryParameter(max_length=300, description="With this number of the shop.")]
_Contact = Annotated[int | None, QueryParameter(ge=1, description="Of this contact.")]
_Since = Annotated[datetime | None, QueryParameter(description="Made from then on.")]
_Until = Annotated[datetime | None, QueryParameter(description="Made before then.")]


class OrderBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 orders. The same external id again updates an order."""

    orders: list[OrderInput]


class RefundBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 refunds. The same number again in the same order updates a refund."""

    refunds: list[RefundInput]


@post("/orders", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CONTACTS))
async def add_orders(by: By, orders: Orders, data: JSONBody[OrderBatch]) -> None:
    """Add or update orders: all of them, or none when one is wrong.

    Whose an order is: `contact_id`, or a `customer`, who becomes a contact when unknown. The newer state of an order is
    kept: by `changed_at` (`ordered_at` unless given), then by the step of its status.
    """
    await orders.add(by.account_id, data.orders)


@get("/orders", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def browse_orders(
    by: By,
    orders: Orders,
    status: _Status = None,
    least: _Least = None,
    most: _Most = None,
    source: _Source = None,
    number: _Number = None,
    contact: _Contact = None,
    since: _Since = None,
    until: _Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ListedOrder]:
    """Orders of the account, newest first.

    A page looks through 10,000 orders at most: with a filter that few fit it may be
    empty and still have a `next_cursor`.
    """
    chosen = _filter(status, least, most, source, number, contact, since, until)
    after = read_cursor(cursor, OrderPlace)
    found = await orders.browse(by.account_id, chosen, after=after, limit=limit)
    return Page(items=found.orders, next_cursor=None if found.end is None else cursor_for(found.end))


@get("/order-totals", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_order_totals(
    by: By,
    orders: Orders,
    status: _Status = None,
    least: _Least = None,
    most: _Most = None,
    source: _Source = None,
    number: _Number = None,
    contact: _Contact = None,
    since: _Since = None,
    until: _Until = None,
) -> OrderTotals:
    """What the orders of `GET /orders` come to, by status and currency: of the newest 100,000 in the time."""
    return await orders.totals(by.account_id, _filter(status, least, most, source, number, contact, since, until))


def _filter(
    status: str | None,
    least: Decimal | None,
    most: Decimal | None,
    source: str | None,
    number: str | None,
    contact: int | None,
    since: datetime | None,
    until: datetime | None,
) -> OrderFilter:
    if least is not None and most is not None and least > most:
        raise Invalid("most", "must not be less than least")
    return OrderFilter(
        status=status,
        least=least,
        most=most,
        source=source,
        external_id=number,
        contact_id=contact,
        since=since,
        until=until,
    )


@get("/orders/{external_id:str}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_order(by: By, orders: Orders, external_id: FromPath[str]) -> Order:
    """The order with this number of the shop."""
    found = await orders.find(by.account_id, external_id)
    if found is None:
        raise NotFound("order", "of this number")
    return found


@get("/contacts/{contact_id:int}/orders", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_orders(
    by: By, orders: Orders, contacts: Contacts, contact_id: FromPath[int], limit: Limit = 100
) -> Page[Order]:
    """A contact's newest orders."""
    await contacts.get(by.account_id, contact_id)
    return Page(items=await orders.of_contact(by.account_id, contact_id, limit=limit), next_cursor=None)


@post("/refunds", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CONTACTS))
async def add_refunds(by: By, orders: Orders, data: JSONBody[RefundBatch]) -> None:
    """Add or update refunds: all of them, or none when one is wrong.

    Without `amount` all of the order is refunded, and an `amount` of 0 takes the refund back. A refund may come before
    its order, and waits for it. The newer state of a refund is kept: by `changed_at` (`refunded_at` unless given).
    """
    await orders.refunds.add(by.account_id, data.refunds)


@get("/orders/{external_id:str}/refunds", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_refunds(by: By, orders: Orders, external_id: FromPath[str]) -> Page[Refund]:
    """What was refunded of an order, oldest first."""
    found = await orders.refunds.of_order(by.account_id, external_id)
    if not found and await orders.find(by.account_id, external_id) is None:
        raise NotFound("order", "of this number")
    return Page(items=found, next_cursor=None)


@get("/contacts/{contact_id:int}/revenue", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_revenue(by: By, orders: Orders, contacts: Contacts, contact_id: FromPath[int]) -> Page[CurrencyRevenue]:
    """What a contact's purchases came to in each currency: gross, refunded and net."""
    await contacts.get(by.account_id, contact_id)
    return Page(items=await orders.revenue(by.account_id, contact_id), next_cursor=None)


HANDLERS: list[Any] = [
    add_orders,
    browse_orders,
    get_order_totals,
    get_order,
    list_orders,
    add_refunds,
    list_refunds,
    get_revenue,
]

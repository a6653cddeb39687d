"""/orders: what contacts bought."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Contacts, Orders
from syncom.http.native.paging import Limit, Page
from syncom.http.native.routing import needs
from syncom.orders.model import Order, OrderInput

_TAGS = ["Orders"]


class OrderBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 orders. The same external id again replaces an order."""

    orders: list[OrderInput]


@post("/orders", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CONTACTS))
async def add_orders(by: By, orders: Orders, data: JSONBody[OrderBatch]) -> None:
    """Add or replace orders: all of them, or none when one is wrong."""
    await orders.add(by.account_id, data.orders)


@get("/contacts/{contact_id:int}/orders", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_orders(
    by: By, orders: Orders, contacts: Contacts, contact_id: FromPath[int], limit: Limit = 100
) -> Page[Order]:
    """A contact's newest orders."""
    await contacts.get(by.account_id, contact_id)
    return Page(items=await orders.of_contact(by.account_id, contact_id, limit=limit), next_cursor=None)


HANDLERS: list[Any] = [add_orders, list_orders]

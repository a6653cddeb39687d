"""Values of the orders domain."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class OrderItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of an order. ``price`` is of one piece, in the order's currency."""

    name: str
    quantity: Decimal = Decimal(1)
    price: Decimal = Decimal(0)
    external_id: str = ""
    category: str = ""


class OrderInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shop says about one order of a known contact. The same external id again replaces it."""

    contact_id: int
    external_id: str
    status: str
    total: Decimal
    ordered_at: datetime
    #: ISO 4217, or empty.
    currency: str = ""
    items: tuple[OrderItem, ...] = ()


class Order(OrderInput, frozen=True, kw_only=True):
    """An order as stored."""

    created_at: datetime

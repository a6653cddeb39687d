"""Values of carts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class CartItem(msgspec.Struct, frozen=True, kw_only=True):
    """A product in a cart."""

    product_id: str
    quantity: Decimal = Decimal(1)
    #: Of one piece.
    price: Decimal = Decimal(0)
    name: str = ""
    category: str = ""
    url: str = ""
    image_url: str = ""


class Cart(msgspec.Struct, frozen=True, kw_only=True):
    """A cart as it is now."""

    #: The shop's id of the cart; without one the visitor or the contact it is of.
    cart: str
    changed_at: datetime
    items: tuple[CartItem, ...]
    #: Sum of the items, in the cart's currency.
    value: Decimal
    currency: str
    url: str
    #: When it was ordered, as far as the shop said so of this cart.
    ordered_at: datetime | None
    #: When it is, or was, taken for abandoned; None: it is empty or was ordered.
    due_at: datetime | None
    #: Whether an event was made of this state.
    is_told: bool


class CartSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an account takes a cart for abandoned."""

    #: Minutes after its last change.
    idle_minutes: int = 60
    #: Days after its last change within which an order recovers it.
    recovery_days: int = 7


class CartFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of abandoned carts, in one currency. Amounts of different currencies are never added."""

    currency: str
    abandoned: int
    value: Decimal
    recovered: int
    #: What orders that recovered carts came to, after refunds.
    revenue: Decimal

"""What events say about carts (docs/events.md). Pure. What cannot be read is passed over: pages say anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import msgspec

from syncom.carts.model import CartItem
from syncom.events.model import FollowedEvent

UPDATED: Final = "cartUpdated"
PURCHASED: Final = "itemsPurchased"
_MAX_ITEMS: Final = 1000
_TEXT_LIMIT: Final = 2000
_KEY_LIMIT: Final = 300
_PLACES: Final = 6
_LARGEST: Final = Decimal("999999999999.99")


class CartFact(NamedTuple):
    """What one event says about one cart."""

    account_id: int
    cart: str
    #: 0: nobody who is known.
    contact_id: int
    at: datetime
    event_id: UUID
    #: None: it was ordered.
    items: tuple[CartItem, ...] | None
    currency: str = ""
    url: str = ""

    @property
    def value(self) -> Decimal:
        return min(sum((item.quantity * item.price for item in self.items or ()), Decimal(0)), _LARGEST)


def cart_fact(event: FollowedEvent) -> CartFact | None:
    """None: the event is not about a cart, does not say about which, or was heeded before it was replayed."""
    if event.is_replayed:
        return None
    cart = _cart(event)
    if not cart:
        return None
    if event.type_key == PURCHASED:
        return CartFact(event.account_id, cart, event.contact_id, event.occurred_at, event.event_id, None)
    if event.type_key != UPDATED:
        return None
    products = _list(event.params.get("products"))
    currency = _text(event.params.get("currencyCode"))
    currency = next((found for found in (_text(one.get("currencyCode")) for one in products) if found), currency)
    return CartFact(
        event.account_id,
        cart,
        event.contact_id,
        event.occurred_at,
        event.event_id,
        tuple(item for item in map(_item, products[:_MAX_ITEMS]) if item is not None),
        currency.upper() if len(currency) == 3 and currency.isascii() and currency.isalpha() else "",
        _text(event.params.get("cartUrl")),
    )


def _cart(event: FollowedEvent) -> str:
    named = _text(event.params.get("recycleStateId"), _KEY_LIMIT)
    if named:
        return named
    if event.type_key == PURCHASED:
        # Its key is the order's number. Without the cart's id it is the visitor's one cart.
        visitor = _text(event.params.get("sc"), _KEY_LIMIT)
    else:
        visitor = _text(event.params.get("sc"), _KEY_LIMIT) or _text(event.key, _KEY_LIMIT)
    if visitor:
        return f"visitor:{visitor}"
    return f"contact:{event.contact_id}" if event.contact_id else ""


def _item(product: Mapping[str, Any]) -> CartItem | None:
    product_id = _text(product.get("productId"))
    if not product_id:
        return None
    quantity = _amount(product.get("quantity"))
    return CartItem(
        product_id=product_id,
        quantity=Decimal(1) if quantity is None else quantity,
        price=_amount(product.get("price")) or Decimal(0),
        name=_text(product.get("name")),
        category=_text(product.get("category")),
        url=_text(product.get("url")),
        image_url=_text(product.get("imageUrl")),
    )


def _list(value: Any) -> list[Mapping[str, Any]]:
    """A list of objects, or its JSON in a text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return []
    members = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", one) for one in members if isinstance(one, dict)]


def _text(value: Any, limit: int = _TEXT_LIMIT) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return ""
    return str(value).replace("\0", "").strip()[:limit]


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(_text(value))
    except InvalidOperation:
        return None
    # Rounded: the database keeps no more than some thousand places.
    return round(amount, _PLACES) if amount.is_finite() and 0 <= amount <= _LARGEST else None

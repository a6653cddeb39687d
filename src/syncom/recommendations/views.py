"""Products that a person looked at, read out of events (eSputnik reference, 5.7: ``productViewed``). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

import msgspec

from syncom.events.model import Event
from syncom.recommendations.model import Product

VIEWED: Final = "productViewed"


def viewed_products(events: Iterable[Event]) -> list[Product]:
    """Each product once, in the order of the events. What is no view of a product is passed over."""
    found: dict[str, Product] = {}
    for event in events:
        if event.type_key == VIEWED:
            product = _product(event.params.get("product"))
            if product is not None:
                found.setdefault(product.product_id, product)
    return list(found.values())


def _product(value: Any) -> Product | None:
    """The member ``product``, an object or its JSON text; only the id is needed."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return None
    if not isinstance(value, dict):
        return None
    members = cast("dict[str, Any]", value)
    product_id = _text(members.get("productId"))
    if not product_id:
        return None
    category = members.get("category")
    categories = cast("list[Any]", category) if isinstance(category, list) else [category]
    stock = members.get("isInStock")
    return Product(
        product_id=product_id,
        name=_text(members.get("name")),
        url=_text(members.get("url")),
        image_url=_text(members.get("imageUrl")),
        description=_text(members.get("description")),
        categories=tuple(text for text in map(_text, categories) if text),
        price=_amount(members.get("price")),
        brand=_text(members.get("brand")) or None,
        is_in_stock=None if stock is None else _text(stock).lower() in ("1", "true"),
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(_text(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None

"""Products as reports of a shop name them (docs/events.md). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

import msgspec

from syncom.recommendations.model import Product

#: Type of the event that says that somebody looked at a product.
VIEWED: Final = "productViewed"
#: What the id of a product is called in events, in orders of eSputnik's API, and in ours.
_ID_NAMES: Final = ("productId", "product_id", "externalItemId", "external_id", "id")


def viewed_products(values: Iterable[Any]) -> list[Product]:
    """Each product once, in the order of the reports. What is no product is passed over."""
    found: dict[str, Product] = {}
    for value in values:
        product = _product(value)
        if product is not None:
            found.setdefault(product.product_id, product)
    return list(found.values())


def named_products(value: Any) -> list[tuple[str, Any]]:
    """Products that a list in the data of a message names, by ids or by lines with ids in them; the list may be text.

    Each with the line it stands in.
    """
    listed: Any = _decoded(value)
    found: dict[str, Any] = {}
    for line in cast("list[Any]", listed) if isinstance(listed, list) else [listed]:
        product_id = _text(line)
        if isinstance(line, dict):
            members = cast("dict[str, Any]", line)
            product_id = next(filter(None, (_text(members.get(name)) for name in _ID_NAMES)), "")
        if product_id:
            found.setdefault(product_id, line)
    return list(found.items())


def _decoded(value: Any) -> Any:
    """JSON in a text as the value that it stands for."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return None
    return value


def _product(value: Any) -> Product | None:
    """The member ``product``, an object or its JSON text; only the id is needed."""
    value = _decoded(value)
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

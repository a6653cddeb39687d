"""Products as the catalogue knows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from syncom.products import model as catalogue
from syncom.products.prepare import category_key, category_keys
from syncom.recommendations.model import Product


def of_catalogue(found: catalogue.Product, now: datetime) -> Product:
    """A product of the catalogue, with what it costs now."""
    price, old_price = found.price_at(now)
    return Product(
        product_id=found.product_id,
        name=found.name,
        url=found.url,
        image_url=found.image_url,
        description=found.description,
        categories=found.categories,
        price=price,
        old_price=old_price,
        currency=found.currency,
        brand=found.brand or None,
        is_in_stock=found.is_available,
        images=found.images,
        group_id=found.group_id,
        availability=found.availability.value,
        attributes=found.attributes,
    )


def in_stock(products: Iterable[Product], known: Mapping[str, catalogue.Product], now: datetime) -> list[Product]:
    """Those that can be had, as the catalogue knows them; what it does not have is no longer sold."""
    versions = (known.get(product.product_id) for product in products)
    return [of_catalogue(found, now) for found in versions if found is not None and found.is_available]


def is_of(product: Product, category: str) -> bool:
    """Whether it is in a category (empty: any), by name or by path."""
    return not category or category_key(category) in category_keys(product.categories)


def shown(product: Product, item: Any = None) -> dict[str, Any]:
    """A product as templates see it. ``item`` is the line of the message's data that named it."""
    price, old_price = product.price, product.old_price
    return {
        "id": product.product_id,
        "name": product.name,
        "url": product.url,
        "image_url": product.image_url,
        "images": list(product.images),
        "description": product.description,
        "brand": product.brand or "",
        "category": product.categories[-1] if product.categories else "",
        "categories": list(product.categories),
        "price": _number(price),
        "price_text": _written(price),
        "old_price": _number(old_price),
        "old_price_text": _written(old_price),
        "discount": _discount(price, old_price),
        "currency": product.currency,
        "availability": product.availability,
        "group_id": product.group_id,
        "attributes": product.attributes,
        "item": item,
    }


def _number(amount: Decimal | None) -> int | float | str:
    if amount is None:
        return ""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _written(amount: Decimal | None) -> str:
    """Whole amounts without cents, others with two digits."""
    if amount is None:
        return ""
    return str(int(amount)) if amount == amount.to_integral_value() else f"{amount:.2f}"


def _discount(price: Decimal | None, old_price: Decimal | None) -> int | str:
    """Per cent."""
    if price is None or not old_price:
        return ""
    return int(100 * (old_price - price) / old_price)

"""Product data of Google Merchant Center as products: items of RSS, entries of Atom, rows of a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from syncom.errors import Invalid
from syncom.products.feeds.values import moment, money, text_of
from syncom.products.feeds.xml import Element
from syncom.products.model import Availability, ProductInput
from syncom.products.prepare import MAX_IMAGES
from syncom.targets import web_address

ITEMS: Final = ("item", "entry")
_AVAILABILITY: Final = {
    "in_stock": Availability.IN_STOCK,
    "out_of_stock": Availability.OUT_OF_STOCK,
    "preorder": Availability.PREORDER,
    "backorder": Availability.BACKORDER,
    "available_for_order": Availability.IN_STOCK,
    "limited_availability": Availability.IN_STOCK,
}
#: Members that have a place of their own, and those that are about something else than the product.
_KNOWN: Final = frozenset(
    {
        *("id", "title", "link", "description", "summary", "content", "image_link", "additional_image_link", "price"),
        *("sale_price", "sale_price_effective_date", "availability", "brand", "product_type", "item_group_id"),
        *("google_product_category", "product_detail", "shipping", "tax", "guid", "pubdate", "updated", "published"),
        *("author", "mobile_link", "category"),
    }
)


def product_of(item: Element, language: str) -> ProductInput:
    """Raises Invalid naming the member."""
    texts: dict[str, str] = {}
    images: list[str] = []
    details: dict[str, str] = {}
    for member in item.members:
        name = member.name.lower()
        if name == "additional_image_link":
            images.append(member.text)
        elif name == "product_detail":
            details.setdefault(member.inner.get("attribute_name", ""), member.inner.get("attribute_value", ""))
        elif name == "link" and not member.text:
            # Atom has the address in an attribute; `g:link` may stand beside it.
            if member.attributes.get("rel", "alternate") == "alternate":
                texts.setdefault(name, member.attributes.get("href", ""))
        elif not member.inner:
            texts.setdefault(name, member.text)
    return _product(texts, images, details, language)


def product_of_row(row: Mapping[str, str], language: str) -> ProductInput:
    """A row of a table by its column names (:func:`column_name`). Raises Invalid naming the column."""
    return _product(row, row.get("additional_image_link", "").split(","), {}, language)


def column_name(text: str) -> str:
    """``Image Link``, ``g:image_link`` and ``image link`` are one."""
    return text.strip().lower().removeprefix("g:").replace(" ", "_").replace("-", "_")


def _product(texts: Mapping[str, str], images: Iterable[str], details: dict[str, str], language: str) -> ProductInput:
    others = {name: text for name, text in texts.items() if name not in _KNOWN and text}
    price, currency = _money(texts, "price")
    sale_price, sale_currency = _money(texts, "sale_price")
    begins, ends = _period(texts.get("sale_price_effective_date", ""))
    addresses = [address for address in map(web_address, (texts.get("image_link", ""), *images)) if address]
    return ProductInput(
        product_id=texts.get("id", ""),
        name=texts.get("title", ""),
        language=language,
        url=texts.get("link", ""),
        image_url=addresses[0] if addresses else "",
        images=tuple(addresses[1 : MAX_IMAGES + 1]),
        description=text_of(texts.get("description") or texts.get("summary") or texts.get("content") or ""),
        brand=texts.get("brand", ""),
        categories=_categories(texts),
        price=price,
        sale_price=sale_price,
        sale_from=begins if sale_price is not None else None,
        sale_until=ends if sale_price is not None else None,
        currency=currency or sale_currency,
        availability=_availability(texts.get("availability", "")),
        group_id=texts.get("item_group_id", ""),
        attributes=details | others,
    )


def _money(texts: Mapping[str, str], name: str) -> tuple[Decimal | None, str]:
    try:
        return money(texts.get(name, ""))
    except ValueError as error:
        raise Invalid(name, str(error)) from None


def _period(text: str) -> tuple[datetime | None, datetime | None]:
    begins, _, ends = text.partition("/")
    try:
        return moment(begins), moment(ends)
    except ValueError:
        example = "2026-11-24T09:00Z/2026-11-30T09:00Z"
        reason = f'"{text[:60]}" is no period; it looks like {example}'
        raise Invalid("sale_price_effective_date", reason) from None


def _categories(texts: Mapping[str, str]) -> tuple[str, ...]:
    """The shop's own path, else Google's when it is written out (it may be a number)."""
    path = texts.get("product_type") or texts.get("google_product_category") or ""
    return () if path.strip().isdigit() else tuple(path.split(">"))


def _availability(text: str) -> Availability:
    said = text.strip().lower().replace(" ", "_").replace("-", "_")
    if not said:
        return Availability.IN_STOCK
    found = _AVAILABILITY.get(said)
    if found is None:
        raise Invalid("availability", f'"{text[:40]}" is not known; known are {", ".join(_AVAILABILITY)}')
    return found

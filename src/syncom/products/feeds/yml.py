"""Offers of YML (``yml_catalog``) as products. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from syncom.errors import Invalid
from syncom.products.feeds.values import known_currency, money, text_of
from syncom.products.feeds.xml import Element
from syncom.products.model import Availability, ProductInput
from syncom.products.prepare import MAX_CATEGORIES, MAX_IMAGES
from syncom.targets import web_address

OFFER: Final = "offer"
CATEGORY: Final = "category"
_NO: Final = frozenset({"false", "no", "0", "-"})
#: Members that have a place of their own, up to a low line; of the others the simple ones are attributes.
_KNOWN: Final = frozenset(
    {
        *("url", "price", "oldprice", "old", "currencyId", "categoryId", "picture", "name", "description", "vendor"),
        *("model", "typePrefix", "available", "param", "group", "promo", "delivery", "pickup", "store"),
    }
)


class Categories:
    """The tree of a file's categories."""

    def __init__(self, elements: Iterable[Element] = ()) -> None:
        self._named: dict[str, tuple[str, str]] = {}
        for element in elements:
            ident = element.attributes.get("id", "").strip()
            parent = element.attributes.get("parentId", "").strip()
            if ident and len(self._named) < 200_000:
                self._named[ident] = (parent, element.text)

    def path(self, ident: str) -> tuple[str, ...]:
        """Names from the root to this category; a parent that is its own child ends the path."""
        names: list[str] = []
        seen: set[str] = set()
        while ident in self._named and ident not in seen and len(names) < MAX_CATEGORIES:
            seen.add(ident)
            ident, name = self._named[ident]
            if name:
                names.append(name)
        return tuple(reversed(names))


def product_of(offer: Element, categories: Categories, language: str) -> ProductInput:
    """Raises Invalid naming the member."""
    texts: dict[str, str] = {}
    pictures: list[str] = []
    attributes: dict[str, str] = {}
    for member in offer.members:
        if member.name == "picture":
            pictures.append(member.text)
        elif member.name == "param":
            unit = member.attributes.get("unit", "")
            attributes.setdefault(member.attributes.get("name", ""), f"{member.text} {unit}".strip())
        elif not member.inner:
            texts.setdefault(member.name, member.text)
    price, sale_price, currency = _prices(texts)
    addresses = [address for address in map(web_address, pictures) if address]
    attributes |= {name: value for name, value in texts.items() if name.partition("_")[0] not in _KNOWN}
    return ProductInput(
        product_id=offer.attributes.get("id", ""),
        name=_in_language(texts, "name", language) or _made_name(texts),
        language=language,
        url=texts.get("url", ""),
        image_url=addresses[0] if addresses else "",
        images=tuple(addresses[1 : MAX_IMAGES + 1]),
        description=text_of(_in_language(texts, "description", language)),
        brand=texts.get("vendor", ""),
        categories=categories.path(texts.get("categoryId", "")),
        price=price,
        sale_price=sale_price,
        currency=currency,
        availability=_availability(offer.attributes, texts),
        group_id=offer.attributes.get("group_id", "") or texts.get("group_id", ""),
        attributes=attributes,
    )


def _in_language(texts: Mapping[str, str], name: str, language: str) -> str:
    """Shops that write two languages put the second one beside the first: ``name_ua``."""
    short = language.partition("-")[0]
    for ending in ("ua", "uk") if short == "uk" else (short,):
        found = texts.get(f"{name}_{ending}", "") if ending else ""
        if found:
            return found
    return texts.get(name, "")


def _made_name(texts: Mapping[str, str]) -> str:
    """Offers of the type ``vendor.model`` have their name in pieces."""
    return " ".join(filter(None, (texts.get(name, "") for name in ("typePrefix", "vendor", "model"))))


def _prices(texts: Mapping[str, str]) -> tuple[Decimal | None, Decimal | None, str]:
    """The price without a discount, the price with it, the currency. ``price`` is what is paid now."""
    currency = known_currency(texts.get("currencyId", ""))
    now, named = _amount("price", texts.get("price", ""))
    for name in ("oldprice", "price_old", "old_price"):
        before, _ = _amount(name, texts.get(name, ""))
        if before is not None and now is not None and before > now:
            return before, now, currency or named
    return now, None, currency or named


def _amount(field: str, text: str) -> tuple[Decimal | None, str]:
    try:
        return money(text)
    except ValueError as error:
        raise Invalid(field, str(error)) from None


def _availability(attributes: Mapping[str, str], texts: Mapping[str, str]) -> Availability:
    said = attributes.get("available", texts.get("available", "")).strip().lower()
    if said in _NO:
        return Availability.OUT_OF_STOCK
    if not said:
        for name in ("quantity_in_stock", "stock_quantity", "count"):
            if texts.get(name, "").strip() == "0":
                return Availability.OUT_OF_STOCK
    return Availability.IN_STOCK

"""A product as it is stored: checked, tidied, with what it is found by. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import msgspec

from syncom.contacts.normalise import normalise_language
from syncom.errors import Invalid
from syncom.products.model import Availability, ProductInput
from syncom.targets import web_address

MAX_ID: Final = 200
MAX_NAME: Final = 500
MAX_DESCRIPTION: Final = 5_000
MAX_CATEGORIES: Final = 12
MAX_IMAGES: Final = 20
MAX_ATTRIBUTES: Final = 100
_MAX_WORD: Final = 250
_MAX_VALUE: Final = 1_000
_MAX_PRICE: Final = Decimal(10) ** 12
#: What no text of ours may hold: PostgreSQL takes no NUL, mails no other control characters.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_BLANKS: Final = re.compile(r"\s+")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
#: Stands between the names of a path of categories.
STEP: Final = " > "
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")


class StagedProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A row on its way into the catalogue."""

    place: int
    product_id: str
    language: str
    name: str
    is_available: bool
    categories: tuple[str, ...]
    category_keys: tuple[str, ...]
    details: msgspec.Raw
    digest: str


def staged(product: ProductInput, place: int) -> StagedProduct:
    """The row of a product that was checked."""
    details = _ENCODER.encode(product)
    return StagedProduct(
        place=place,
        product_id=product.product_id,
        language=product.language,
        name=product.name,
        is_available=product.availability is not Availability.OUT_OF_STOCK,
        categories=product.categories,
        category_keys=category_keys(product.categories),
        details=msgspec.Raw(details),
        digest=blake2b(details, digest_size=16).hexdigest(),
    )


def category_key(text: str) -> str:
    """What a category is looked up by: its name, or its path, however it is spelled."""
    return STEP.join(_line(name).lower() for name in text.split(STEP.strip()))


def checked(given: ProductInput) -> ProductInput:
    """The product as it is kept. Raises Invalid naming the member."""
    product_id = given.product_id.strip()
    if not product_id or len(product_id) > MAX_ID or not product_id.isprintable():
        raise Invalid("product_id", f"must be printable text of 1 to {MAX_ID} characters")
    name = _line(given.name)
    if not name or len(name) > MAX_NAME:
        raise Invalid("name", f"must have 1 to {MAX_NAME} characters")
    currency = given.currency.strip().upper()
    if currency and not _CURRENCY.fullmatch(currency):
        raise Invalid("currency", "must be a code of three letters, such as EUR")
    return ProductInput(
        product_id=product_id,
        name=name,
        language=clean_language(given.language),
        url=_address("url", given.url),
        image_url=_address("image_url", given.image_url),
        images=tuple(_address("images", one) for one in given.images[:MAX_IMAGES]),
        description=_CONTROL.sub("", given.description).strip()[:MAX_DESCRIPTION],
        brand=_line(given.brand)[:_MAX_WORD],
        categories=_categories(given.categories),
        price=_price("price", given.price),
        sale_price=_price("sale_price", given.sale_price),
        sale_from=given.sale_from,
        sale_until=given.sale_until,
        currency=currency,
        availability=given.availability,
        group_id=_line(given.group_id)[:MAX_ID],
        attributes=_attributes(given.attributes),
    )


def category_keys(categories: Sequence[str]) -> tuple[str, ...]:
    """Names of all categories above it, and the paths to them."""
    names = [name.lower() for name in categories]
    paths = [STEP.join(names[: depth + 1]) for depth in range(len(names))]
    return tuple(dict.fromkeys([*names, *paths]))


def _line(text: str) -> str:
    return _BLANKS.sub(" ", _CONTROL.sub("", text)).strip()


def clean_language(text: str) -> str:
    """A language tag in its usual form, or nothing. Raises Invalid."""
    if not text.strip():
        return ""
    try:
        return normalise_language(text.strip())
    except ValueError as error:
        raise Invalid("language", str(error)) from None


def _address(field: str, text: str) -> str:
    if not text.strip():
        return ""
    address = web_address(text.strip())
    if address is None:
        raise Invalid(field, f'"{text.strip()[:80]}" is no web address; it looks like https://shop.example/path')
    return address


def _categories(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) > MAX_CATEGORIES:
        raise Invalid("categories", f"a path has {MAX_CATEGORIES} steps at most")
    found = tuple(line for line in (_line(name) for name in names) if line)
    if any(len(name) > _MAX_WORD for name in found):
        raise Invalid("categories", f"a name has {_MAX_WORD} characters at most")
    return found


def _price(field: str, price: Decimal | None) -> Decimal | None:
    if price is None:
        return None
    if not price.is_finite() or not 0 <= price < _MAX_PRICE:
        raise Invalid(field, "must be a number from 0 on")
    return price.quantize(Decimal("0.01"))


def _attributes(attributes: dict[str, str]) -> dict[str, str]:
    """In the order of their names, so that the same ones are the same."""
    if len(attributes) > MAX_ATTRIBUTES:
        raise Invalid("attributes", f"must be {MAX_ATTRIBUTES} at most")
    found: dict[str, str] = {}
    for name in sorted(attributes):
        key, value = _line(name), _line(attributes[name])
        if key and value:
            found[key[:_MAX_WORD]] = value[:_MAX_VALUE]
    return found


def problem_of(error: Invalid | msgspec.ValidationError) -> tuple[str, str]:
    """The member that is wrong, and the reason."""
    if isinstance(error, Invalid):
        return error.fields[0].field, error.fields[0].reason
    reason, _, at = str(error).partition(" - at `$")
    return at.rstrip("`").lstrip(".") or "product", reason


def rows_json(rows: Sequence[StagedProduct]) -> bytes:
    """Rows as the statement that stages them takes them."""
    return _ENCODER.encode(rows)


def read_details(details: Any) -> ProductInput:
    """A product out of its row."""
    return msgspec.convert(details, ProductInput, strict=False)

"""Values of the product catalogue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum

import msgspec


class Availability(Enum):
    """Whether a product can be had."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    #: Not yet there, and can be ordered.
    PREORDER = "preorder"
    BACKORDER = "backorder"


class ProductInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a shop says of a product. The same id (and language) again replaces it."""

    #: The shop's own id: what orders and views name it by.
    product_id: str
    name: str
    #: BCP 47; empty: for everybody. A product may be there in several languages.
    language: str = ""
    url: str = ""
    image_url: str = ""
    #: Further pictures.
    images: tuple[str, ...] = ()
    description: str = ""
    brand: str = ""
    #: Names from the root to the leaf.
    categories: tuple[str, ...] = ()
    #: Without a discount. None: nobody has said.
    price: Decimal | None = None
    #: What it costs while the sale lasts.
    sale_price: Decimal | None = None
    #: When the sale begins and ends; None: it has begun, it has no end.
    sale_from: datetime | None = None
    sale_until: datetime | None = None
    #: ISO 4217.
    currency: str = ""
    availability: Availability = Availability.IN_STOCK
    #: What variants of one product have in common.
    group_id: str = ""
    #: Everything else, by the shop's own names.
    attributes: dict[str, str] = {}


class Product(ProductInput, frozen=True, kw_only=True, omit_defaults=False):
    """A product as stored."""

    #: The feed that wrote it last; None: a program did.
    feed_id: int | None
    added_at: datetime
    changed_at: datetime

    @property
    def is_available(self) -> bool:
        return self.availability is not Availability.OUT_OF_STOCK

    def price_at(self, moment: datetime) -> tuple[Decimal | None, Decimal | None]:
        """What it costs then, and what it cost before, when that is less now."""
        begun = self.sale_from is None or self.sale_from <= moment
        over = self.sale_until is not None and self.sale_until < moment
        if self.sale_price is None or not begun or over:
            return self.price, None
        cheaper = self.price is not None and self.sale_price < self.price
        return self.sale_price, self.price if cheaper else None


class ProductProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why one product of a batch was not taken: its place, the member, the reason."""

    index: int
    field: str
    reason: str


class ProductsPut(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch of products did."""

    created: int
    changed: int
    unchanged: int
    problems: list[ProductProblem]


class ProductQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which products somebody looks for."""

    #: Words that begin words of the name, or a whole id.
    words: str = ""
    #: A category's name, or its path: ``Clothes > Shoes``.
    category: str = ""
    #: Whether only those that can be had.
    available: bool = False


class ProductCategory(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the tree of categories, and how many products are right there."""

    path: tuple[str, ...]
    products: int


class BlockSource(Enum):
    """Where the products of a block in a mail come from."""

    #: What the reader looked at last.
    VIEWED = "viewed"
    #: What others bought together with what the reader bought, left in a cart or looked at.
    RECOMMENDED = "recommended"
    #: What most orders have.
    BESTSELLERS = "bestsellers"
    #: What came into the catalogue last.
    NEW = "new"
    #: Named by the template, or by the data of the message.
    IDS = "ids"


class ProductBlock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Products that a template asks for: ``products("viewed", limit=3)``."""

    source: BlockSource
    #: Products at most.
    limit: int = 3
    #: Only of this category: its name, or its path.
    category: str = ""
    #: How far back orders and views count.
    days: int = 90
    ids: tuple[str, ...] = ()
    #: Where in the data of the message the products are named: ``("order", "items")``.
    path: tuple[str, ...] = ()
    #: What the block is filled up from when there is too little.
    fallback: BlockSource | None = None

    @property
    def key(self) -> str:
        """The same for blocks that ask for the same."""
        return msgspec.json.encode(self).decode()

"""Values of the recommendations domain."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import msgspec


class RecommendationKind(Enum):
    """What products are recommended by."""

    #: What others bought together with what this person bought, left in a cart or looked at.
    BOUGHT_TOGETHER = "bought_together"
    MOST_BOUGHT = "most_bought"
    #: What this person looked at last.
    LAST_VIEWED = "last_viewed"


class RecommendationSource(msgspec.Struct, frozen=True, kw_only=True):
    """A named rule."""

    source_id: int
    name: str
    kind: RecommendationKind
    #: How far back orders and views count.
    days: int
    #: Products of an answer, at most.
    size: int


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a product, from the newest order or view of it."""

    product_id: str
    name: str = ""
    url: str = ""
    image_url: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()
    #: None: nobody has said.
    price: Decimal | None = None
    brand: str | None = None
    is_in_stock: bool | None = None

"""Values of the recommendations domain."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

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
    """What is known of a product: from the catalogue, else from the newest order or view of it."""

    product_id: str
    name: str = ""
    url: str = ""
    image_url: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()
    #: None: nobody has said.
    price: Decimal | None = None
    #: What it cost before it was reduced.
    old_price: Decimal | None = None
    currency: str = ""
    brand: str | None = None
    is_in_stock: bool | None = None
    #: The rest is known of the catalogue only.
    images: tuple[str, ...] = ()
    group_id: str = ""
    availability: str = ""
    attributes: dict[str, str] = {}


class BlockReader(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose mail has products in it."""

    contact_id: int
    #: BCP 47, or nothing.
    language: str = ""
    #: What comes with the message.
    data: Mapping[str, Any] = {}

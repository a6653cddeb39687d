"""Use cases of recommendations: name a rule, ask it for products.

A plain form on what is known from orders and events; the same data gives the same answer. A product is what an order's
line or a view says of it, until the account has a catalogue: then it is what the catalogue says, and what is not there,
or cannot be had, is not recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from syncom.clock import Clock
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Database
from syncom.products.service import ProductsService
from syncom.recommendations import store
from syncom.recommendations.blocks import ORDERS
from syncom.recommendations.model import Product, RecommendationKind, RecommendationSource
from syncom.recommendations.stock import in_stock, is_of

MAX_DAYS: Final = 3650
MAX_SIZE: Final = 100
MAX_NAME: Final = 200
#: Products of a person that others' orders are searched for.
_SEEDS: Final = 50
_VIEWS: Final = 500
#: Candidates for each product of an answer: some may not be had.
_SPARE: Final = 3
#: Candidates when a category is asked for: which ones are of it, the catalogue says.
_OF_CATEGORY: Final = 300


class RecommendationsService:
    """Recommended products of an account."""

    def __init__(self, database: Database, products: ProductsService, clock: Clock) -> None:
        self._database = database
        self._products = products
        self._clock = clock

    async def add_source(
        self, account_id: int, *, name: str, kind: RecommendationKind, days: int = 90, size: int = 10
    ) -> RecommendationSource:
        """Name a rule. Raises Invalid, and Conflict for a name that is taken."""
        name = name.strip()
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise Invalid("name", f"must be printable text of 1 to {MAX_NAME} characters")
        if not 0 < days <= MAX_DAYS:
            raise Invalid("days", f"must be 1 to {MAX_DAYS}")
        if not 0 < size <= MAX_SIZE:
            raise Invalid("size", f"must be 1 to {MAX_SIZE}")
        async with self._database.tenant(account_id) as connection:
            added = await store.add_source(connection, account_id, name=name, kind=kind, days=days, size=size)
        if added is None:
            raise Conflict(f"there is a source named {name} already", field="name")
        return added

    async def sources(self, account_id: int) -> list[RecommendationSource]:
        """All rules, the oldest first."""
        async with self._database.tenant(account_id) as connection:
            return await store.sources(connection, account_id)

    async def delete_source(self, account_id: int, source_id: int) -> None:
        """Forget a rule. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            if not await store.delete_source(connection, account_id, source_id):
                raise NotFound("data source", source_id)

    async def recommend(
        self,
        account_id: int,
        source_id: int,
        *,
        contact_id: int | None = None,
        products: Sequence[str] = (),
        category: str | None = None,
    ) -> list[Product]:
        """Products by a rule, best first, of one category if it is named.

        ``products`` stand beside what the contact is known to have bought, left or seen. Raises NotFound for an
        unknown source, Invalid when the rule is about a person and none is named.
        """
        async with self._database.tenant(account_id) as connection:
            source = await store.source(connection, account_id, source_id)
        if source is None:
            raise NotFound("data source", source_id)
        if source.kind is RecommendationKind.LAST_VIEWED and contact_id is None:
            raise Invalid("contactId", "is missing: this source is about what a contact looked at")
        if not await self._products.exists(account_id):
            return await self._candidates(account_id, source, contact_id, products, category)
        wide = msgspec.structs.replace(source, size=_OF_CATEGORY if category else source.size * _SPARE)
        found = await self._candidates(account_id, wide, contact_id, products, category=None)
        known = await self._products.find(account_id, [one.product_id for one in found])
        had = in_stock(found, known, self._clock.now())
        return [one for one in had if is_of(one, category or "")][: source.size]

    async def _candidates(
        self,
        account_id: int,
        source: RecommendationSource,
        contact_id: int | None,
        products: Sequence[str],
        category: str | None,
    ) -> list[Product]:
        if source.kind is RecommendationKind.MOST_BOUGHT:
            return await self._most_bought(account_id, source, category)
        if source.kind is RecommendationKind.LAST_VIEWED:
            return await self._last_viewed(account_id, source, contact_id, category)
        return await self._bought_together(account_id, source, contact_id, products, category)

    async def _most_bought(
        self, account_id: int, source: RecommendationSource, category: str | None, excluded: Sequence[str] = ()
    ) -> list[Product]:
        since = self._clock.now() - timedelta(days=source.days)
        async with self._database.tenant(account_id) as connection:
            return await store.most_bought(
                connection,
                account_id,
                since=since,
                orders=ORDERS,
                limit=source.size,
                excluded=excluded,
                category=category,
            )

    async def _last_viewed(
        self, account_id: int, source: RecommendationSource, contact_id: int | None, category: str | None
    ) -> list[Product]:
        seen = await self._viewed(account_id, source, contact_id)
        return [one for one in seen if is_of(one, category or "")][: source.size]

    async def _viewed(self, account_id: int, source: RecommendationSource, contact_id: int | None) -> list[Product]:
        if contact_id is None:
            return []
        since = self._clock.now() - timedelta(days=source.days)
        async with self._database.tenant(account_id) as connection:
            found = await store.viewed_by(connection, account_id, [contact_id], since=since, limit=_VIEWS)
        return found.get(contact_id, [])

    async def _bought_together(
        self,
        account_id: int,
        source: RecommendationSource,
        contact_id: int | None,
        products: Sequence[str],
        category: str | None,
    ) -> list[Product]:
        """What orders with the person's products have besides; filled up with what is bought most."""
        since = self._clock.now() - timedelta(days=source.days)
        seeds = dict.fromkeys(products)
        if contact_id is not None:
            async with self._database.tenant(account_id) as connection:
                bought = await store.bought_by(connection, account_id, [contact_id], since=since, limit=_SEEDS)
            seeds |= dict.fromkeys(bought.get(contact_id, ()))
            seeds |= dict.fromkeys(seen.product_id for seen in await self._viewed(account_id, source, contact_id))
        known = list(seeds)[:_SEEDS]
        found: list[Product] = []
        if known:
            async with self._database.tenant(account_id) as connection:
                found = await store.most_bought(
                    connection,
                    account_id,
                    since=since,
                    orders=ORDERS,
                    limit=source.size,
                    together=known,
                    excluded=known,
                    category=category,
                )
        if len(found) == source.size:
            return found
        others = await self._most_bought(account_id, source, category, [*known, *(one.product_id for one in found)])
        return [*found, *others][: source.size]

"""Use cases of the product catalogue: the only module of this room that others import, besides the models and feeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from syncom.clock import Clock
from syncom.errors import Invalid, NotFound
from syncom.postgres.pool import Database
from syncom.products import store
from syncom.products.model import (
    Product,
    ProductCategory,
    ProductInput,
    ProductProblem,
    ProductQuery,
    ProductsPut,
)
from syncom.products.prepare import StagedProduct, checked, problem_of, rows_json, staged

#: Products of one call.
MAX_BATCH: Final = 1_000


class ProductsService:
    """The product catalogue of an account, by the shop's own ids."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def put(self, account_id: int, given: Sequence[ProductInput | dict[str, Any]]) -> ProductsPut:
        """Add or replace up to 1,000 products; those that are wrong are told, the others are taken.

        Of two with one id and language the later one counts. Raises Invalid for too many.
        """
        if len(given) > MAX_BATCH:
            raise Invalid("products", f"must be at most {MAX_BATCH:,}; send them in several calls")
        rows: list[StagedProduct] = []
        problems: list[ProductProblem] = []
        for place, one in enumerate(given):
            try:
                product = one if isinstance(one, ProductInput) else msgspec.convert(one, ProductInput, strict=False)
                rows.append(staged(checked(product), place))
            except (Invalid, msgspec.ValidationError) as error:
                field, reason = problem_of(error)
                problems.append(ProductProblem(index=place, field=field, reason=reason))
        run_id = uuid4()
        async with self._database.tenant(account_id) as connection:
            await store.lock(connection, account_id)
            await store.stage(connection, account_id, run_id, rows_json(rows))
            merged = await store.merge(connection, account_id, run_id, feed_id=None, now=self._clock.now())
            await store.unstage(connection, account_id, run_id)
        return ProductsPut(
            created=merged.created,
            changed=merged.changed,
            unchanged=merged.products - merged.created - merged.changed,
            problems=problems,
        )

    async def get(self, account_id: int, product_id: str, language: str = "") -> Product:
        """A product in a language, or in the one it has. Raises NotFound."""
        found = (await self.find(account_id, [product_id], language)).get(product_id)
        if found is None:
            raise NotFound("product", "with this id")
        return found

    async def find(self, account_id: int, product_ids: Iterable[str], language: str = "") -> dict[str, Product]:
        """Those of these products that there are, each in the version for a reader of this language."""
        wanted = list(dict.fromkeys(product_ids))
        async with self._database.tenant(account_id) as connection:
            return in_language(await store.find(connection, account_id, wanted), language)

    async def versions(self, account_id: int, product_ids: Iterable[str]) -> dict[str, list[Product]]:
        """Those of these products that there are, each in all its languages."""
        found: dict[str, list[Product]] = {}
        wanted = list(dict.fromkeys(product_ids))
        if wanted:
            async with self._database.tenant(account_id) as connection:
                for product in await store.find(connection, account_id, wanted):
                    found.setdefault(product.product_id, []).append(product)
        return found

    async def exists(self, account_id: int) -> bool:
        """Whether the account has a catalogue."""
        async with self._database.tenant(account_id) as connection:
            return await store.exists(connection, account_id)

    async def newest(self, account_id: int, *, category: str = "", limit: int) -> list[Product]:
        """Products that can be had, of a category or of all, the newest first, each in all its languages."""
        async with self._database.tenant(account_id) as connection:
            return await store.newest(connection, account_id, category=category, limit=limit)

    async def search(
        self, account_id: int, query: ProductQuery, *, after: tuple[str, str] = ("", ""), limit: int = 100
    ) -> list[Product]:
        """A page by id and language, after the id and language of the last one seen; at most 1,001."""
        async with self._database.tenant(account_id) as connection:
            return await store.search(connection, account_id, query, after=after, limit=min(limit, MAX_BATCH + 1))

    async def categories(self, account_id: int) -> list[ProductCategory]:
        """The tree of categories, each by its path."""
        async with self._database.tenant(account_id) as connection:
            return await store.categories(connection, account_id)

    async def delete(self, account_id: int, product_ids: Sequence[str]) -> int:
        """Remove products in all their languages; returns how many rows went. A feed that has one brings it again."""
        if len(product_ids) > MAX_BATCH:
            raise Invalid("product_ids", f"must be at most {MAX_BATCH:,}; send them in several calls")
        async with self._database.tenant(account_id) as connection:
            await store.lock(connection, account_id)
            return await store.delete(connection, account_id, product_ids)


def in_language(products: Iterable[Product], language: str) -> dict[str, Product]:
    """Each product once, by id: in this language, the same without its region, in none in particular, in any."""
    wanted = {language: 0, language.partition("-")[0]: 1, "": 2}
    found: dict[str, Product] = {}
    for product in products:
        known = found.get(product.product_id)
        if known is None or wanted.get(product.language, 3) < wanted.get(known.language, 3):
            found[product.product_id] = product
    return found

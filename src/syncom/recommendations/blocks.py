"""Products for the blocks of mails (``products("viewed", limit=3)`` in templates): for a batch of readers at once.

However many readers there are, a batch costs a few statements: what is the same for all (bestsellers, new products) is
kept for a minute, views and purchases of all readers are read together, and so are all products out of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar, cast

from syncom.clock import Clock
from syncom.postgres.pool import Database
from syncom.products import model as catalogue
from syncom.products.model import BlockSource, ProductBlock
from syncom.products.service import ProductsService, in_language
from syncom.recommendations import store
from syncom.recommendations.baskets import Baskets
from syncom.recommendations.model import BlockReader, Product
from syncom.recommendations.stock import is_of, of_catalogue, shown
from syncom.recommendations.views import named_products

#: Orders that bestsellers and what is bought together come from, the newest first.
ORDERS: Final = 20_000
#: Seconds that what is the same for all readers is kept, and what is bought together.
_SHARED_SECONDS: Final = 60.0
_BASKETS_SECONDS: Final = 300.0
#: Lists kept in memory; baskets are the large ones.
_KEPT: Final = 64
#: Candidates that are the same for all readers, and of one reader: some can no longer be had.
_SHARED: Final = 200
_PERSONAL: Final = 40
#: Products of a reader that others' orders are searched for, and views of one that are looked at.
_SEEDS: Final = 20
_VIEWS: Final = 100

Value = TypeVar("Value")


class _Candidate(NamedTuple):
    """A product that may be shown: what orders or views say of it, and the line of data that names it."""

    product_id: str
    known: Product | None = None
    item: Any = None


class _Need(NamedTuple):
    """Where candidates come from; blocks that need the same share it."""

    source: BlockSource
    category: str
    days: int
    ids: tuple[str, ...]
    path: tuple[str, ...]


#: Candidates of each reader, best first.
_Lists = Sequence[Sequence[_Candidate]]


class ProductBlocks:
    """Looks up the products of blocks."""

    def __init__(self, database: Database, products: ProductsService, clock: Clock) -> None:
        self._database = database
        self._products = products
        self._clock = clock
        self._kept: dict[tuple[Any, ...], tuple[float, Any]] = {}

    async def pick(
        self, account_id: int, blocks: Sequence[ProductBlock], readers: Sequence[BlockReader]
    ) -> list[dict[str, list[dict[str, Any]]]]:
        """For each reader the products of each block, by its key, as templates see them.

        Only products that can be had and have an address are shown, one of each group of variants; where the account
        has a catalogue, only what is in it. A block without products is an empty list.
        """
        needs = list(dict.fromkeys(need for block in blocks for need in _needs(block)))
        lists = {need: await self._candidates(account_id, need, readers) for need in needs}
        known = await self._known(account_id, lists.values())
        spoken: dict[str, _Versions] = {}
        picked: list[dict[str, list[dict[str, Any]]]] = []
        for place, reader in enumerate(readers):
            versions = None
            if known is not None:
                versions = spoken.setdefault(reader.language, _Versions(known, reader.language, self._clock.now()))
            picked.append(
                {
                    block.key: self._chosen(block, [lists[need][place] for need in _needs(block)], versions)
                    for block in blocks
                }
            )
        return picked

    def _chosen(
        self, block: ProductBlock, lists: Sequence[Sequence[_Candidate]], versions: _Versions | None
    ) -> list[dict[str, Any]]:
        """The first of the candidates that fit, of the second list when the first has too few."""
        chosen: list[dict[str, Any]] = []
        seen: set[str] = set()
        for candidate in (one for listed in lists for one in listed):
            if len(chosen) == block.limit:
                break
            if candidate.product_id in seen:
                continue
            product = candidate.known if versions is None else versions.of(candidate.product_id)
            if product is None or not product.url or not product.name or product.is_in_stock is False:
                continue
            group = product.group_id and f"\x00{product.group_id}"
            if group in seen or not is_of(product, block.category):
                continue
            seen |= {candidate.product_id, group} - {""}
            chosen.append(shown(product, candidate.item))
        return chosen

    # ------------------------------------------------------------ candidates

    async def _candidates(self, account_id: int, need: _Need, readers: Sequence[BlockReader]) -> _Lists:
        since = self._clock.now() - timedelta(days=need.days)
        match need.source:
            case BlockSource.IDS if need.path:
                return [_named(reader.data, need.path) for reader in readers]
            case BlockSource.IDS:
                return [[_Candidate(product_id) for product_id in need.ids]] * len(readers)
            case BlockSource.VIEWED:
                async with self._database.tenant(account_id) as connection:
                    views = await store.viewed_by(connection, account_id, _contacts(readers), since=since, limit=_VIEWS)
                return [_candidates_of(views.get(reader.contact_id, ())[:_PERSONAL]) for reader in readers]
            case BlockSource.RECOMMENDED:
                return await self._recommended(account_id, need, readers)
            case BlockSource.NEW | BlockSource.BESTSELLERS:
                return [await self._shared(account_id, need)] * len(readers)

    async def _shared(self, account_id: int, need: _Need) -> list[_Candidate]:
        key = (account_id, need)
        found = self._fresh(key)
        if found is None:
            since = self._clock.now() - timedelta(days=need.days)
            if need.source is BlockSource.NEW:
                new = await self._products.newest(account_id, category=need.category, limit=_SHARED)
                found = [_Candidate(product_id) for product_id in dict.fromkeys(one.product_id for one in new)]
            else:
                async with self._database.tenant(account_id) as connection:
                    found = _candidates_of(
                        await store.most_bought(connection, account_id, since=since, orders=ORDERS, limit=_SHARED)
                    )
            self._keep(key, found, _SHARED_SECONDS)
        return found

    async def _recommended(self, account_id: int, need: _Need, readers: Sequence[BlockReader]) -> _Lists:
        """What orders with a reader's products have besides."""
        since = self._clock.now() - timedelta(days=need.days)
        contacts = _contacts(readers)
        async with self._database.tenant(account_id) as connection:
            bought = await store.bought_by(connection, account_id, contacts, since=since, limit=_SEEDS)
            views = await store.viewed_by(connection, account_id, contacts, since=since, limit=_SEEDS)
            baskets = self._fresh((account_id, "baskets", need.days))
            if baskets is None:
                orders = await store.baskets(connection, account_id, since=since, orders=ORDERS)
                baskets = self._keep((account_id, "baskets", need.days), Baskets(orders), _BASKETS_SECONDS)
        best = {
            one.product_id: one for one in await self._shared(account_id, need._replace(source=BlockSource.BESTSELLERS))
        }
        lists: list[list[_Candidate]] = []
        for reader in readers:
            seeds = dict.fromkeys(bought.get(reader.contact_id, ()))
            seeds |= dict.fromkeys(view.product_id for view in views.get(reader.contact_id, ()))
            found = baskets.together(list(seeds)[:_SEEDS], _PERSONAL)
            lists.append([best.get(product_id, _Candidate(product_id)) for product_id in found])
        return lists

    # ------------------------------------------------------------ the catalogue, and what is kept

    async def _known(self, account_id: int, lists: Iterable[_Lists]) -> Mapping[str, list[catalogue.Product]] | None:
        """All versions of all candidates; None: the account has no catalogue."""
        wanted = dict.fromkeys(one.product_id for listed in lists for mine in listed for one in mine)
        found = await self._products.versions(account_id, wanted)
        if found or await self._products.exists(account_id):
            return found
        return None

    def _fresh(self, key: tuple[Any, ...]) -> Any:
        until, value = self._kept.get(key, (0.0, None))
        return value if self._clock.monotonic() < until else None

    def _keep(self, key: tuple[Any, ...], value: Value, seconds: float) -> Value:
        while len(self._kept) >= _KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = (self._clock.monotonic() + seconds, value)
        return value


class _Versions:
    """The versions of products for readers of one language, with what they cost now."""

    def __init__(self, known: Mapping[str, list[catalogue.Product]], language: str, now: datetime) -> None:
        self._known = known
        self._language = language
        self._now = now
        self._made: dict[str, Product | None] = {}

    def of(self, product_id: str) -> Product | None:
        if product_id not in self._made:
            found = in_language(self._known.get(product_id, ()), self._language).get(product_id)
            self._made[product_id] = None if found is None else of_catalogue(found, self._now)
        return self._made[product_id]


def _needs(block: ProductBlock) -> list[_Need]:
    """Where the products of a block come from, and what it is filled up from."""
    sources = (block.source,) if block.fallback is None else (block.source, block.fallback)
    return [
        _Need(
            source=source,
            category=block.category if source is BlockSource.NEW else "",
            days=0 if source in (BlockSource.NEW, BlockSource.IDS) else block.days,
            ids=block.ids if source is BlockSource.IDS else (),
            path=block.path if source is BlockSource.IDS else (),
        )
        for source in sources
    ]


def _contacts(readers: Sequence[BlockReader]) -> list[int]:
    return list(dict.fromkeys(reader.contact_id for reader in readers))


def _candidates_of(products: Iterable[Product]) -> list[_Candidate]:
    return [_Candidate(product.product_id, product) for product in products]


def _named(data: Mapping[str, Any], path: Sequence[str]) -> list[_Candidate]:
    found: Any = data
    for name in path:
        found = cast("Mapping[str, Any]", found).get(name) if isinstance(found, Mapping) else None
    return [_Candidate(product_id, None, item) for product_id, item in named_products(found)[:_SHARED]]

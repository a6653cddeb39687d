"""What is bought together, out of the newest orders of an account, held in memory. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Final

#: Orders that one answer looks at, the newest first: they bound its work.
_LOOKED_AT: Final = 200


class Baskets:
    """The products of orders, the newest order first."""

    def __init__(self, orders: Sequence[Sequence[str]]) -> None:
        self._orders = orders
        self._having: dict[str, list[int]] = {}
        for place, products in enumerate(orders):
            for product in products:
                self._having.setdefault(product, []).append(place)

    def together(self, seeds: Collection[str], limit: int) -> list[str]:
        """Products in the order of how many of the newest orders with one of the seeds have them, without the seeds."""
        places: set[int] = set()
        for seed in seeds:
            places.update(islice(self._having.get(seed, ()), _LOOKED_AT))
        counts: Counter[str] = Counter()
        for place in sorted(places)[:_LOOKED_AT]:
            counts.update(self._orders[place])
        return _best(((product, count) for product, count in counts.items() if product not in seeds), limit)


def _best(counts: Iterable[tuple[str, int]], limit: int) -> list[str]:
    return [product for product, _ in sorted(counts, key=lambda one: (-one[1], one[0]))[:limit]]

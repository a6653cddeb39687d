"""What is made for one message before it is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

#: Products for one reader, by the key of the block that asks for them.
Picked = Mapping[str, Sequence[Mapping[str, Any]]]
NO_PRODUCTS: Final[Picked] = {}
#: The address of a personal link: its number, its target.
Link = Callable[[int, str], str]


@dataclass(slots=True)
class Own:
    """A message's token, its addresses, and how to write a personal link."""

    track: str
    unsubscribe_url: str
    view_url: str
    link: Link
    products: Picked = field(default_factory=lambda: NO_PRODUCTS)

    @property
    def preferences_url(self) -> str:
        """The preference centre opens with the same token: who may unsubscribe somebody may choose for them."""
        return self.unsubscribe_url.replace("/t/u/", "/t/p/", 1)

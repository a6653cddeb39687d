"""``$products.select("viewed", 3)``: products of the catalogue in a template of Velocity.

Said outright, like ``products(…)`` of our own language, because products are looked up for a batch of recipients before
anybody's mail is made. ``$products`` may also be a list that came with the message: no list has such a method.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from syncom.content.product_blocks import ARGUMENTS, Argument, DataPath, block_of
from syncom.content.velocity.model import ContactText
from syncom.content.velocity.run import Run, Value
from syncom.products.model import ProductBlock

ROOT: Final = "products"
_CALL: Final = re.compile(r"\.select\(")
_WRITTEN: Final = re.compile(rf"\$!?\{{?{ROOT}(?=\.select\()")
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+)|'(?P<single>(?:[^']|'')*)'|\"(?P<double>(?:[^\"]|\"\")*)\""
    r"|\$!?(?P<path>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)|(?P<sign>[{}\[\]:,)]))",
    re.ASCII,
)
#: What a character of a shown product costs is paid when it is printed; this is for the look at it.
_PRODUCT: Final = 200


def products_of(block: ProductBlock) -> Value:
    """The products that were looked up for this recipient: a list of maps that is the template's own to change."""

    def value(run: Run) -> list[Any]:
        found = run.products.get(block.key, ())
        run.pay(_PRODUCT * len(found))
        return [_own(one) for one in found]

    return value


def select_at(source: str, at: int) -> tuple[ProductBlock, int] | None:
    """The block of a call behind ``$products``, and where it ends; None: there is no such call. Raises ValueError."""
    found = _CALL.match(source, at)
    if found is None:
        return None
    reader = _Reader(source, found.end())
    return block_of(reader.arguments()), reader.at


def blocks_in(tag: str) -> Iterator[ProductBlock]:
    """Every block that a tag asks for. Raises ValueError."""
    for found in _WRITTEN.finditer(tag):
        selected = select_at(tag, found.end())
        if selected is not None:
            yield selected[0]


class _Reader:
    """Reads the arguments of one call: literals, and names of lists in the data of the message."""

    def __init__(self, source: str, at: int) -> None:
        self._source = source
        self.at = at

    def arguments(self) -> dict[str, Argument]:
        """``"viewed", 3`` or ``{"source": "viewed", "limit": 3}``."""
        if self._takes("{"):
            given = self._map()
            self._need(")")
            return given
        given: dict[str, Argument] = {}
        for name in ARGUMENTS[:2]:
            if given:
                if self._takes(")"):
                    return given
                self._need(",")
            given[name] = self._value()
        self._need(")")
        return given

    def _map(self) -> dict[str, Argument]:
        given: dict[str, Argument] = {}
        while not self._takes("}"):
            if given:
                self._need(",")
            name = self._value()
            if name not in ARGUMENTS or name in given:
                raise ValueError(f"$products.select takes {', '.join(ARGUMENTS)}, each once and in quotes")
            self._need(":")
            given[cast("str", name)] = self._list() if self._takes("[") else self._value()
        return given

    def _list(self) -> tuple[str, ...]:
        found: list[str] = []
        while not self._takes("]"):
            if found:
                self._need(",")
            one = self._value()
            if isinstance(one, (tuple, DataPath)):
                raise ValueError("ids of products must be texts")
            found.append(str(one))
        return tuple(found)

    def _value(self) -> Argument:
        token = self._next()
        if token["number"] is not None:
            return int(token["number"])
        if token["single"] is not None:
            return token["single"].replace("''", "'")
        if token["double"] is not None and "$" not in token["double"]:
            return token["double"].replace('""', '"')
        if token["path"] is not None:
            names = tuple(token["path"].split("."))
            return DataPath(names[1:] if names[0] == "data" and len(names) > 1 else names)
        raise ValueError(
            f"{token[0].strip()[:40]} is not expected in $products.select: write texts and numbers outright"
        )

    def _takes(self, sign: str) -> bool:
        found = _TOKEN.match(self._source, self.at)
        if found is None or found["sign"] != sign:
            return False
        self.at = found.end()
        return True

    def _need(self, sign: str) -> None:
        if not self._takes(sign):
            raise ValueError(f"$products.select lacks a {sign}")

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self._source, self.at)
        if found is None:
            raise ValueError('$products.select takes a source, such as $products.select("viewed", 3)')
        self.at = found.end()
        return found


def _own(value: object) -> Any:
    """A copy. What the shop says of a product is text, not HTML: it is made safe where it is printed."""
    if isinstance(value, str):
        return ContactText(value)
    if isinstance(value, Mapping):
        return {key: _own(member) for key, member in cast("Mapping[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_own(member) for member in cast("Sequence[object]", value)]
    return value


def follow(first: Value, steps: Sequence[Callable[[Run, Any], Any]]) -> Value:
    """A value and the members behind it."""

    def value(run: Run) -> Any:
        found = first(run)
        for take in steps:
            if found is None:
                return None
            found = take(run, found)
        return found

    return value

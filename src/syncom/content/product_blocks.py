"""What a template may ask of products: the arguments of ``products(…)`` as a block. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from syncom.products.model import BlockSource, ProductBlock

ARGUMENTS: Final = ("source", "limit", "category", "days", "ids", "fallback")
#: Products of one block.
MAX_PRODUCTS: Final = 24
_MAX_DAYS: Final = 3_650
_MAX_IDS: Final = 100
_SOURCES: Final = {source.value: source for source in BlockSource if source is not BlockSource.IDS}
#: Written before a category in place of a source: its newest products.
_CATEGORY: Final = "category:"


@dataclass(frozen=True, slots=True)
class DataPath:
    """Where in the data of the message something is: ``order.items``."""

    names: tuple[str, ...]


Argument = str | int | tuple[str, ...] | DataPath


def block_of(given: Mapping[str, Argument]) -> ProductBlock:
    """The block that these arguments describe. Raises ValueError with the reason."""
    ids = given.get("ids", ())
    if not isinstance(ids, (tuple, DataPath)):
        raise ValueError("ids of products must be a list of texts, or name a list in the data of the message")
    if isinstance(ids, tuple) and len(ids) > _MAX_IDS:
        raise ValueError(f"ids of products must be at most {_MAX_IDS}")
    category = _text(given, "category")
    name = _text(given, "source")
    if name.startswith(_CATEGORY):
        category = name.removeprefix(_CATEGORY).strip()
        name = BlockSource.NEW.value
    if bool(name) == ("ids" in given):
        raise ValueError("products takes a source, or ids, and not both")
    fallback = _text(given, "fallback")
    return ProductBlock(
        source=_source("source", name) if name else BlockSource.IDS,
        limit=_number(given, "limit", default=3, most=MAX_PRODUCTS),
        category=category,
        days=_number(given, "days", default=90, most=_MAX_DAYS),
        ids=ids if isinstance(ids, tuple) else (),
        path=ids.names if isinstance(ids, DataPath) else (),
        fallback=_source("fallback", fallback) if fallback else None,
    )


def _text(given: Mapping[str, Argument], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} of products must be a text in quotes")
    return value


def _number(given: Mapping[str, Argument], name: str, *, default: int, most: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or not 0 < value <= most:
        raise ValueError(f"{name} of products must be a number from 1 to {most}")
    return value


def _source(argument: str, name: str) -> BlockSource:
    found = _SOURCES.get(name)
    if found is None:
        raise ValueError(f'the {argument} of products must be one of {", ".join(_SOURCES)}, or "category:NAME"')
    return found

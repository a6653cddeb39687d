"""Providers' words for failures, from ``providers.toml``."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

import msgspec

from syncom.messages.bounces.model import Said
from syncom.messages.channels.email.replies import BounceClass


class _Word(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    words: tuple[str, ...]
    kind: BounceClass
    source: str
    strikes: int = 0


class _Table(msgspec.Struct, frozen=True):
    word: list[_Word]


def said(provider: str, *words: str) -> Said | None:
    """What the first of these words means that is known; None: nothing is known of them."""
    table = _table()
    return next((table[provider, word] for word in words if (provider, word) in table), None)


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str], Said]:
    text = files(__package__ or "").joinpath("providers.toml").read_text(encoding="utf-8")
    table = msgspec.convert(tomllib.loads(text), _Table)
    return {(row.provider, word): Said(kind=row.kind, strikes=row.strikes) for row in table.word for word in row.words}

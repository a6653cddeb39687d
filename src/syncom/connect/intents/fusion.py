"""One order out of two: what the words say and what the meaning says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from syncom.connect.intents import lexical
from syncom.connect.intents.shelves import Shelf
from syncom.connect.intents.words import terms

Floats = NDArray[np.float32]

#: What words and meaning count.
_WORDS: Final = 0.35
_MEANING: Final = 0.65
#: In deviations: an action made by hand stands for several generated ones, and this installation is nearest.
_SHAPED: Final = 0.7
_OWN: Final = 0.15


def fuse(shelves: Sequence[Shelf], intent: str, query: Floats | None) -> list[Floats]:
    """A score for each document of each shelf, in standard deviations over all of them.

    Both orders are brought to the same scale over the same candidates. Documents without vectors (and all of them when
    there is no query vector) are taken for as good in meaning as in words.
    """
    sizes = [len(shelf.documents) for shelf in shelves]
    if not sum(sizes):
        return [np.zeros(size, dtype=np.float32) for size in sizes]
    said = _standard(np.concatenate(lexical.score([shelf.lexical for shelf in shelves], terms(intent))))
    scores = said
    if query is not None:
        ways = zip(*(shelf.likeness(query) for shelf in shelves), strict=True)
        meant = np.mean([_standard(np.concatenate(way)) for way in ways], axis=0)
        meant = np.where(np.isnan(meant), said, meant)
        scores = _WORDS * said + _MEANING * meant
    scores = scores + np.concatenate([_prior(shelf) for shelf in shelves])
    return np.split(scores, np.cumsum(sizes)[:-1])


def _standard(values: Floats) -> Floats:
    """In deviations from the mean; NaN stays."""
    known = values[~np.isnan(values)]
    spread = float(known.std()) if known.size else 0.0
    if spread < 1e-9:
        return np.where(np.isnan(values), values, np.float32(0))
    return (values - known.mean()) / np.float32(spread)


def _prior(shelf: Shelf) -> Floats:
    return shelf.shaped * np.float32(_SHAPED) + np.float32(_OWN if shelf.product.own else 0)

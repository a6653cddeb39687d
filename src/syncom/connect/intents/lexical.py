"""How well words of a query match words of documents: BM25, an unknown word taken for those written like it.

In the process and not in the database: 5,000 actions rank in a few milliseconds here, while a trigram scan of as many
rows takes a tenth of a second, and the database knows neither Ukrainian stems nor Chinese words (docs/agents.md has
figures).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Of BM25: how soon a repeated word stops to count, and how much a long document is held against it.
_K1: Final = 0.8
_B: Final = 0.2
#: Shared trigrams (Dice) from which a known word stands for an unknown one.
_ALIKE: Final = 0.55
#: Known words that may stand for an unknown one.
_STAND_INS: Final = 4
#: Shorter words are known or not: a letter more makes another word.
_SHORTEST_ALIKE: Final = 4


class LexicalIndex:
    """The words of some documents. Immutable."""

    def __init__(self, documents: Sequence[Mapping[str, float]]) -> None:
        """``documents``: terms with their weights."""
        self.size = len(documents)
        postings: dict[str, tuple[list[int], list[float]]] = {}
        lengths = np.ones(self.size, dtype=np.float32)
        for number, document in enumerate(documents):
            lengths[number] = sum(document.values())
            for term, weight in document.items():
                numbers, weights = postings.setdefault(term, ([], []))
                numbers.append(number)
                weights.append(weight)
        self.lengths = lengths
        self.total_length = float(lengths.sum())
        self._postings = {
            term: (np.asarray(numbers, dtype=np.int32), np.asarray(weights, dtype=np.float32))
            for term, (numbers, weights) in postings.items()
        }
        trigrams: defaultdict[str, list[str]] = defaultdict(list)
        for term in postings:
            if _may_be_alike(term):
                for part in trigrams_of(term):
                    trigrams[part].append(term)
        self._trigrams = dict(trigrams)

    def frequency(self, term: str) -> int:
        """Documents that have it."""
        found = self._postings.get(term)
        return len(found[0]) if found else 0

    def alike(self, term: str) -> dict[str, float]:
        """Terms that are written like this one, with how alike they are: 0 to 1."""
        parts = trigrams_of(term)
        shared = Counter(other for part in parts for other in self._trigrams.get(part, ()))
        found: dict[str, float] = {}
        for other, count in shared.items():
            dice = 2 * count / (len(parts) + len(trigrams_of(other)))
            if dice >= _ALIKE:
                found[other] = dice
        return found

    def add_scores(self, scores: Floats, term: str, weight: float, average: float) -> None:
        """Add what one term is worth to the score of each document that has it."""
        found = self._postings.get(term)
        if found is None:
            return
        numbers, counts = found
        norm = _K1 * (1 - _B + _B * self.lengths[numbers] / average)
        scores[numbers] += weight * counts * (_K1 + 1) / (counts + norm)


def score(indexes: Sequence[LexicalIndex], query: Mapping[str, float]) -> list[Floats]:
    """BM25 of each document, as if all were of one index. Zero: not a word in common."""
    scores = [np.zeros(index.size, dtype=np.float32) for index in indexes]
    documents = sum(index.size for index in indexes)
    if not documents or not query:
        return scores
    average = max(sum(index.total_length for index in indexes) / documents, 1e-6)
    for term, weight in _known(indexes, query).items():
        frequency = sum(index.frequency(term) for index in indexes)
        rarity = math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
        for index, of in zip(indexes, scores, strict=True):
            index.add_scores(of, term, weight * rarity, average)
    return scores


def _known(indexes: Sequence[LexicalIndex], query: Mapping[str, float]) -> dict[str, float]:
    """The query in words that documents have: an unknown word stands for the ones most alike."""
    known: dict[str, float] = {}
    for term, weight in query.items():
        if not _may_be_alike(term) or any(index.frequency(term) for index in indexes):
            known[term] = known.get(term, 0) + weight
            continue
        alike: dict[str, float] = {}
        for index in indexes:
            alike.update(index.alike(term))
        for other, likeness in sorted(alike.items(), key=lambda item: (-item[1], item[0]))[:_STAND_INS]:
            known[other] = max(known.get(other, 0), weight * likeness * likeness)
    return known


@lru_cache(maxsize=50_000)
def trigrams_of(word: str) -> frozenset[str]:
    """As pg_trgm cuts them: two spaces before a word and one behind it."""
    padded = f"  {word} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def _may_be_alike(term: str) -> bool:
    return len(term) >= _SHORTEST_ALIKE and not term.startswith("~") and not term.isdigit()

"""Actions as they are searched, kept in the process while the database says that nothing about them has changed.

A shelf holds the actions of one connector (and one owner, and one connection where they are its own), with an index of
their words and a matrix of their vectors. Every search asks by a fingerprint of its rows whether it still holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from syncom.connect.intents.lexical import LexicalIndex
from syncom.connect.intents.words import split_key, terms
from syncom.connect.model import Effect

Floats = NDArray[np.float32]

#: What a word counts, by where it stands.
_NAME, _KEYWORDS, _INTENTS, _DESCRIPTION = 3.0, 1.5, 1.0, 0.7
#: Example intents of an action that have vectors.
_MOST_EXAMPLES: Final = 24
#: Less alike than anything can be.
_NONE: Final = -2.0


class ShelfKey(msgspec.Struct, frozen=True, kw_only=True):
    """Which actions. ``account_id``: 0 for those of the release. ``connection_id``: empty for the connector's."""

    account_id: int
    connector_id: str
    connection_id: str = ""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A connector as intents name it."""

    connector_id: str
    key: str
    name: str
    aliases: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    own: bool = False


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What an action is searched by."""

    action_id: str
    key: str
    name: str
    document_hash: bytes
    description: str | None = ""
    effect: Effect
    keywords: tuple[str, ...] | None = ()
    intents: tuple[str, ...] | None = ()
    #: Made by hand, not generated from a document.
    shaped: bool = False

    def weighted_terms(self) -> dict[str, float]:
        """Its words with their weights."""
        found: dict[str, float] = {}
        for counts, weight in (
            (terms(f"{self.name}\n{split_key(self.key)}"), _NAME),
            (terms(", ".join(self.keywords or ()), pairs=False), _KEYWORDS),
            (terms("\n".join(self.intents or ())), _INTENTS),
            (terms(self.description or ""), _DESCRIPTION),
        ):
            for term, count in counts.items():
                found[term] = found.get(term, 0) + count * weight
        return found

    def passage(self) -> str:
        """Its text as one: key and description, then keywords."""
        text = f"{split_key(self.key)}: {self.name}. {self.description or ''}"
        return f"{text} {', '.join(self.keywords)}" if self.keywords else text

    def examples(self) -> tuple[str, ...]:
        """Example intents that have a vector each: the first ones when there are many, and none twice in other clothes
        ("list deals", "I want to list deals")."""
        found = {frozenset(terms(text)): text for text in reversed(self.intents or ())}
        return tuple(reversed(found.values()))[:_MOST_EXAMPLES]


class Likeness(NamedTuple):
    """How alike documents are to a query."""

    #: The document as a whole.
    whole: Floats
    #: Its two best examples: two, because one in a hundred is near to everything.
    best: Floats
    #: The middle of its examples, whatever language they are in.
    middle: Floats


class _Vectors(msgspec.Struct, frozen=True):
    """The vectors of a shelf. Replaced as a whole, because a thread may be reading."""

    matrix: Floats
    #: Row where each document with vectors begins, and which document that is.
    starts: NDArray[np.intp]
    numbers: NDArray[np.intp]
    #: How many each of them has.
    sizes: NDArray[np.intp]
    #: Length of the sum of its examples.
    lengths: Floats


class Shelf:
    """Searchable actions of one key. Vectors come later than texts: those without wait in ``pending``."""

    def __init__(self, key: ShelfKey, fingerprint: int, product: Product, documents: Sequence[Document]) -> None:
        self.key = key
        self.fingerprint = fingerprint
        self.product = product
        self.documents = documents
        #: 1 for an action made by hand.
        self.shaped = np.asarray([document.shaped for document in documents], dtype=np.float32)
        self.lexical = LexicalIndex([document.weighted_terms() for document in documents])
        self.pending = frozenset(document.action_id for document in documents)
        #: When vectors were asked for last, in seconds of the process's clock.
        self.asked_at = float("-inf")
        self._vectors: _Vectors | None = None

    def take_vectors(self, given: Mapping[str, Floats]) -> None:
        """Add vectors of actions: one row a place, the whole document first."""
        fresh = self.pending & given.keys()
        if not fresh:
            return
        known = dict(given)
        if self._vectors is not None:
            pieces = np.split(self._vectors.matrix, self._vectors.starts[1:])
            held: list[int] = self._vectors.numbers.tolist()
            present = [self.documents[number].action_id for number in held]
            known |= zip(present, pieces, strict=True)
        self.pending -= fresh
        numbers = [number for number, document in enumerate(self.documents) if document.action_id in known]
        rows = [known[self.documents[number].action_id] for number in numbers]
        ends = np.cumsum([len(piece) for piece in rows])
        lengths = [float(np.linalg.norm(piece[1:].sum(axis=0))) or 1.0 for piece in rows]
        self._vectors = _Vectors(
            matrix=np.concatenate(rows),
            starts=np.concatenate(([0], ends[:-1])).astype(np.intp),
            numbers=np.asarray(numbers, dtype=np.intp),
            sizes=np.asarray([len(piece) for piece in rows], dtype=np.intp),
            lengths=np.asarray(lengths, dtype=np.float32),
        )

    @property
    def vectors(self) -> int:
        """How many it has."""
        return 0 if self._vectors is None else len(self._vectors.matrix)

    def likeness(self, query: Floats) -> Likeness:
        """How alike each document is to a query, in three ways; NaN where there are no vectors.

        Without examples the document as a whole stands for them.
        """
        whole = np.full(len(self.documents), np.nan, dtype=np.float32)
        best, middle = whole.copy(), whole.copy()
        held = self._vectors
        if held is not None:
            found = held.matrix @ query
            whole[held.numbers] = found[held.starts]
            # Examples only: a text as a whole is worded otherwise than a question, and measured apart.
            found[held.starts] = 0
            middle[held.numbers] = np.add.reduceat(found, held.starts) / held.lengths
            found[held.starts] = _NONE
            first = np.maximum.reduceat(found, held.starts)
            found[found == np.repeat(first, held.sizes)] = _NONE
            second = np.maximum.reduceat(found, held.starts)
            second = np.where(second == _NONE, first, second)
            best[held.numbers] = (first + second) / 2
            alone = held.numbers[held.sizes == 1]
            best[alone] = middle[alone] = whole[alone]
        return Likeness(whole, best, middle)

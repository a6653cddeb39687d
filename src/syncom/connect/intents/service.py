"""Use cases of the search by intent: rank actions of a connection, find actions in a workspace, find things by name."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from syncom.clock import Clock
from syncom.connect.intents import lexical, naming, store
from syncom.connect.intents.embedder import Embedder
from syncom.connect.intents.fusion import fuse
from syncom.connect.intents.model import MAX_INTENT, Element, ElementType, Ranked, Ranking
from syncom.connect.intents.products import find_products
from syncom.connect.intents.shelves import Document, Shelf, ShelfKey
from syncom.connect.intents.vectors import make_vectors
from syncom.connect.intents.words import fold, terms
from syncom.connect.model import Action, Effect, Restrictions
from syncom.postgres.pool import Connection, Database

Floats = NDArray[np.float32]

_log = logging.getLogger(__name__)

#: Vectors of all shelves that a process keeps: 1.5 kB each.
_MOST_VECTORS: Final = 40_000
#: Seconds between looks for vectors that were not there yet.
_LOOK_AGAIN: Final = 1.0
#: Ranked actions are read again before they are named; some more than asked for, because one may be gone.
_SPARE: Final = 5
#: Actions that a search by name looks at closely.
_CANDIDATES: Final = 200
#: Documents from which ranking is done in a thread: a few milliseconds of the loop's time.
_LARGE: Final = 1000
#: Actions whose vectors are made while somebody waits.
_AT_ONCE: Final = 20

_NO_MODEL: Final = "ranked by words alone: the embedding model is not installed, or SYNCOM_INTENT_MODEL is off"
_MODEL_FAILED: Final = "ranked by words alone: the embedding model does not work here; the log says why"
_NO_VECTORS: Final = "ranked by words alone: the meaning of these actions is being worked out; ask again in a while"
_EMPTY: Final = "the intent has no words; say what is to be done"


class IntentsService:
    """Search by intent. Whatever is named exists, may be run by the caller, and is read after it was ranked.

    ``embedder`` None: words only. Every answer says whether meaning took part.
    """

    def __init__(self, database: Database, clock: Clock, embedder: Embedder | None) -> None:
        self._database = database
        self._clock = clock
        self._embedder = embedder
        self._shelves: OrderedDict[ShelfKey, Shelf] = OrderedDict()
        self._failed = False

    async def rank(
        self,
        account_id: int,
        intent: str,
        *,
        connector_ids: Sequence[str] | None = None,
        connection_id: str | None = None,
        restrictions: Restrictions | None = None,
        limit: int = 10,
    ) -> Ranking:
        """Actions of a connection (its connector's and its own) or of connectors, best first.

        With neither, those of every connector of the account. That the caller may use the connection is the caller's
        to ask. What ``restrictions`` forbid is left out. Text behind 200 characters is not read. Unknown ids have no
        actions.
        """
        may = restrictions or Restrictions()
        if connection_id is not None and may.connections is not None and connection_id not in may.connections:
            return Ranking()
        text = intent[:MAX_INTENT]
        query, shelves = await self._prepared(account_id, text, connector_ids, connection_id)
        _, wanted = find_products(text, [shelf.product for shelf in shelves])
        return await self._ranked(account_id, [shelves], wanted, query, may, limit)

    async def find(
        self,
        account_id: int,
        intent: str,
        *,
        connected: Sequence[str],
        restrictions: Restrictions | None = None,
        limit: int = 10,
    ) -> Ranking:
        """Actions of the connected connectors (ids), and apart from them those of connectors that could be connected.

        A product that the intent names is a filter: nothing of other products is ranked. Text behind 200 characters
        is not read.
        """
        may = restrictions or Restrictions()
        text = intent[:MAX_INTENT]
        query, shelves = await self._prepared(account_id, text, None, None)
        named, wanted = find_products(text, list({shelf.product for shelf in shelves}))
        if named:
            ids = {product.connector_id for product in named}
            shelves = [shelf for shelf in shelves if shelf.key.connector_id in ids]
        near = frozenset(connected)
        groups = (
            [shelf for shelf in shelves if shelf.key.connector_id in near],
            [shelf for shelf in shelves if shelf.key.connector_id not in near],
        )
        ranking = await self._ranked(account_id, groups, wanted, query, may, limit)
        return msgspec.structs.replace(ranking, products=tuple(sorted(product.key for product in named)))

    async def search_elements(
        self,
        account_id: int,
        q: str,
        *,
        element_type: ElementType | None = None,
        tenant_id: str | None = None,
        restrictions: Restrictions | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[Element]:
        """Connectors, the tenant's connections and actions by name: exact, then prefix, then words, then what is
        written alike, then the description (membrane-api, 6.1). Without a type: connectors and connections first."""
        may = restrictions or Restrictions()
        wanted = [element_type] if element_type else list(ElementType)
        async with self._database.tenant(account_id) as connection:
            rows = await store.elements(
                connection,
                [kind.value for kind in wanted],
                tenant_id=tenant_id,
                connections=None if may.connections is None else sorted(may.connections),
            )
        found = naming.best(q[:MAX_INTENT], rows, limit + offset)
        if ElementType.ACTION in wanted and len(found) < limit + offset:
            found += await self._actions_called(account_id, q[:MAX_INTENT], may, limit + offset - len(found))
        return found[offset:]

    async def prepare(self, action_ids: Sequence[str]) -> int:
        """Make the vectors of a few actions that were just written, instead of waiting for the keeper; how many."""
        if self._embedder is None or self._failed or len(action_ids) > _AT_ONCE:
            return 0
        return await make_vectors(self._database, self._embedder, actions=action_ids, limit=_AT_ONCE)

    # ------------------------------------------------------------ steps

    async def _prepared(
        self, account_id: int, intent: str, connector_ids: Sequence[str] | None, connection_id: str | None
    ) -> tuple[Floats | None, list[Shelf]]:
        """The vector of the query (None: words only) and the shelves, worked out side by side."""
        query, shelves = await asyncio.gather(
            self._meaning(intent), self._current(account_id, connector_ids, connection_id)
        )
        return query, shelves

    async def _actions_called(self, account_id: int, q: str, may: Restrictions, limit: int) -> list[Element]:
        """Actions that share words with ``q``, by their names; by words alone, since a name is asked for."""
        shelves = await self._current(account_id, None, None)
        scores = lexical.score([shelf.lexical for shelf in shelves], terms(q))
        candidates = [
            (score, naming.row_of(document))
            for shelf, of in zip(shelves, scores, strict=True)
            for document, score in zip(shelf.documents, map(float, of), strict=True)
            if score > 0 and _may_run(may, document)
        ]
        candidates.sort(key=lambda item: -item[0])
        found = naming.best(q, [row for _, row in candidates[:_CANDIDATES]], limit + _SPARE)
        async with self._database.tenant(account_id) as connection:
            there = await store.actions(connection, {element.element_id for element in found})
        return [naming.of_action(there[one.element_id]) for one in found if one.element_id in there][:limit]

    async def _meaning(self, intent: str) -> Floats | None:
        if self._embedder is None or self._failed or not fold(intent).strip():
            return None
        try:
            return await self._embedder.query(intent)
        except Exception:  # noqa: BLE001
            # Whatever a foreign engine does, words still work.
            _log.exception("the embedding model failed: search by intent goes by words from now on")
            self._failed = True
            return None

    async def _current(
        self, account_id: int, connector_ids: Sequence[str] | None, connection_id: str | None
    ) -> list[Shelf]:
        """Shelves as the database has them now: kept ones where nothing has changed, new ones otherwise."""
        async with self._database.tenant(account_id) as connection:
            own: list[str] = []
            if connection_id is not None:
                of = await store.connector_of(connection, connection_id)
                if of is None:
                    return []
                own, connector_ids = [connection_id], connector_ids or [of]
            present = await store.fingerprints(connection, connector_ids, own)
            await self._load(connection, present)
            shelves = [self._shelves[key] for key in present if key in self._shelves]
            await self._load_vectors(connection, shelves)
        self._trim(keep=present)
        return shelves

    async def _load(self, connection: Connection, present: Mapping[ShelfKey, int]) -> None:
        changed = [
            key
            for key, fingerprint in present.items()
            if (kept := self._shelves.get(key)) is None or kept.fingerprint != fingerprint
        ]
        products = await store.products(connection, {key.connector_id for key in changed}) if changed else {}
        for key in changed:
            product = products.get(key.connector_id)
            if product is not None:
                documents = await store.documents(connection, key)
                self._shelves[key] = await asyncio.to_thread(Shelf, key, present[key], product, documents)
        for key in present:
            if key in self._shelves:
                self._shelves.move_to_end(key)

    async def _load_vectors(self, connection: Connection, shelves: Iterable[Shelf]) -> None:
        if self._embedder is None or self._failed:
            return
        now = self._clock.monotonic()
        waiting = [shelf for shelf in shelves if shelf.pending and now - shelf.asked_at >= _LOOK_AGAIN]
        for shelf in waiting:
            shelf.asked_at = now
        if waiting:
            ids = [action_id for shelf in waiting for action_id in shelf.pending]
            found = await store.vectors(connection, self._embedder.model, self._embedder.size, ids)
            for shelf in waiting:
                shelf.take_vectors(found)

    def _trim(self, *, keep: Collection[ShelfKey]) -> None:
        """Let go of shelves that were used longest ago."""
        vectors = sum(shelf.vectors for shelf in self._shelves.values())
        for key in list(self._shelves):
            if vectors <= _MOST_VECTORS:
                return
            if key not in keep:
                vectors -= self._shelves.pop(key).vectors

    async def _ranked(
        self,
        account_id: int,
        groups: Sequence[Sequence[Shelf]],
        intent: str,
        query: Floats | None,
        may: Restrictions,
        limit: int,
    ) -> Ranking:
        shelves = [shelf for group in groups for shelf in group]
        if query is not None and not any(shelf.vectors for shelf in shelves):
            query, note = None, _NO_VECTORS
        elif query is None:
            note = _EMPTY if not fold(intent).strip() else _MODEL_FAILED if self._failed else _NO_MODEL
        else:
            note = ""
        if sum(len(shelf.documents) for shelf in shelves) > _LARGE:
            chosen = await asyncio.to_thread(_chosen, groups, intent, query, may, limit + _SPARE)
        else:
            chosen = _chosen(groups, intent, query, may, limit + _SPARE)
        async with self._database.tenant(account_id) as connection:
            there = await store.actions(connection, {action_id for group in chosen for action_id, _ in group})
        named = [
            tuple(
                Ranked(there[action_id], score)
                for action_id, score in group
                if action_id in there and _may_run(may, there[action_id])
            )[:limit]
            for group in chosen
        ]
        return Ranking(
            actions=named[0], others=named[1] if len(named) > 1 else (), lexical_only=query is None, note=note
        )


def _chosen(
    groups: Sequence[Sequence[Shelf]], intent: str, query: Floats | None, may: Restrictions, limit: int
) -> list[list[tuple[str, float]]]:
    """The best of each group, all on one scale."""
    scores = iter(fuse([shelf for group in groups for shelf in group], intent, query))
    chosen: list[list[tuple[str, float]]] = []
    for group in groups:
        mine = [next(scores) for _ in group]
        chosen.append(_best(group, mine, may, limit))
    return chosen


def _best(shelves: Sequence[Shelf], scores: Sequence[Floats], may: Restrictions, limit: int) -> list[tuple[str, float]]:
    if not shelves:
        return []
    hidden = _overridden(shelves)
    joined = np.concatenate(scores)
    ends: list[int] = np.cumsum([len(shelf.documents) for shelf in shelves]).tolist()
    found: list[tuple[str, float]] = []
    order: list[int] = np.argsort(-joined, kind="stable").tolist()
    for at in order:
        which = bisect_right(ends, at)
        shelf = shelves[which]
        # Counted from the end of its shelf.
        document = shelf.documents[at - ends[which]]
        if (shelf.key.connector_id, document.key) in hidden and not shelf.key.connection_id:
            continue
        if _may_run(may, document):
            found.append((document.action_id, _shown(float(joined[at]))))
            if len(found) == limit:
                break
    return found


def _overridden(shelves: Sequence[Shelf]) -> frozenset[tuple[str, str]]:
    """Keys that a connection has of its own: the connector's action of that key is not meant there."""
    return frozenset(
        (shelf.key.connector_id, document.key)
        for shelf in shelves
        if shelf.key.connection_id
        for document in shelf.documents
    )


def _may_run(may: Restrictions, what: Action | Document) -> bool:
    if may.read_only and what.effect is not Effect.READ:
        return False
    return may.actions is None or what.key in may.actions or what.action_id in may.actions


def _shown(score: float) -> float:
    """Deviations as a number between 0 and 1: two of them are one half."""
    return round(float(1 / (1 + np.exp(2 - score))), 4)

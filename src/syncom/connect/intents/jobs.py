"""The keeper of vectors: whatever action appears or changes can be found by its meaning a few seconds later."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import psycopg

from syncom.connect.intents import store
from syncom.connect.intents.embedder import Embedder
from syncom.connect.intents.vectors import make_vectors
from syncom.errors import Unavailable
from syncom.jobs.keeping import keep
from syncom.postgres.pool import Database

_log = logging.getLogger(__name__)

#: Seconds between looks for actions without vectors.
_LOOK: Final = 3.0
#: Actions at a time: about two seconds of one core.
_BATCH: Final = 16


class VectorKeeper:
    """Makes vectors in the background. Any number may run: what two of them make is the same."""

    def __init__(self, database: Database, embedder: Embedder | None) -> None:
        self._database = database
        self._embedder = embedder
        self._has_failed = False

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set. Without a model there is nothing to do."""
        if self._embedder is None:
            await stop.wait()
            return
        # A new release, or a large document, keeps a core busy for a minute.
        self._embedder.give_way()
        await keep("vectors", self._tried, stop, rest=_LOOK)

    async def _tried(self) -> int:
        if self._has_failed:
            return 0
        try:
            return await self.step()
        except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable):
            raise
        except Exception:  # noqa: BLE001
            # Whatever a foreign engine does, the worker has other things to do; search goes by words meanwhile.
            _log.exception("the embedding model failed: no vectors are made until the worker starts again")
            self._has_failed = True
            return 0

    async def step(self) -> int:
        """One batch; returns how many actions got their vectors."""
        if self._embedder is None:
            return 0
        return await make_vectors(self._database, self._embedder, limit=_BATCH)

    async def forget_other_models(self) -> None:
        """Delete vectors of models that this release does not use."""
        if self._embedder is not None:
            async with self._database.system() as connection:
                await store.forget_other_models(connection, self._embedder.model)

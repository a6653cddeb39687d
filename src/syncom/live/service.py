"""Live updates: one look a second at the database, for all who watch an account in this process.

Nobody has to announce a change: a look sees whatever any process committed, however it was written. A look costs one
statement that answers a number for each kind; only what a number says has changed is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Final

import psycopg

from syncom.clock import Clock
from syncom.errors import RateLimited, Unavailable
from syncom.live import store
from syncom.live.model import Change, Kind
from syncom.postgres.pool import Database

_log = logging.getLogger(__name__)

#: Seconds between looks.
_LOOK: Final = 1.0
#: Watchers of one account in one process: each holds a connection open.
MOST_WATCHERS: Final = 500
#: Changes that wait for a watcher which does not take them. Beyond that it is told to fetch everything.
_MOST_WAITING: Final = 1000
#: The account that stands for the installation.
_INSTALLATION: Final = 0


class Watcher:
    """Somebody who hears what changes in one account."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._waiting: dict[Change, None] = {}
        self._lost = False
        self._woken = asyncio.Event()
        self.closed = False

    async def changes(self, seconds: float) -> list[Change] | None:
        """What changed since the last call, each thing once; empty when nothing did for so long.

        None: more than could be kept for a watcher this slow; anything may have changed.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return []
        self._woken.clear()
        told, lost = list(self._waiting), self._lost
        self._waiting.clear()
        self._lost = False
        return None if lost else told

    def tell(self, changes: Collection[Change]) -> None:
        """Keep these until they are asked for."""
        if len(self._waiting) + len(changes) > _MOST_WAITING:
            self._lost = True
            self._waiting.clear()
        elif not self._lost:
            self._waiting.update(dict.fromkeys(changes))
        self._woken.set()

    def close(self) -> None:
        """The server stops: let nobody wait."""
        self.closed = True
        self._woken.set()


class LiveService:
    """Who watches what, in this process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._watchers: dict[int, set[Watcher]] = {}
        self._fingerprints: dict[store.Place, store.Fingerprint] = {}
        self._states: dict[store.Place, dict[str, str]] = {}
        self._turn = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def check_room(self, account_id: int) -> None:
        """Raises RateLimited when too many watch this account."""
        if len(self._watchers.get(account_id, ())) >= MOST_WATCHERS:
            raise RateLimited(f"{MOST_WATCHERS} streams of this account are open already; close one", 60)

    @asynccontextmanager
    async def watch(self, account_id: int) -> AsyncGenerator[Watcher]:
        """Hear of everything that is committed from now on, until the block ends."""
        watcher = Watcher(account_id)
        if self._closed:
            watcher.close()
        self._watchers.setdefault(account_id, set()).add(watcher)
        try:
            # A look that is under way may not know this account yet; the next one does.
            async with self._turn:
                await self._look()
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._keep_looking(), name="watch for changes")
            yield watcher
        finally:
            watching = self._watchers.get(account_id, set())
            watching.discard(watcher)
            if not watching:
                self._watchers.pop(account_id, None)

    async def close(self) -> None:
        """End all streams."""
        self._closed = True
        for watching in self._watchers.values():
            for watcher in watching:
                watcher.close()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _keep_looking(self) -> None:
        while self._watchers:
            await self._clock.sleep(_LOOK)
            try:
                async with self._turn:
                    await self._look()
            except (psycopg.Error, Unavailable) as error:
                _log.warning("what changed is looked for later: %s", error)
        self._fingerprints.clear()
        self._states.clear()

    async def _look(self) -> None:
        accounts = frozenset(self._watchers)
        async with self._database.system() as connection:
            now = await store.fingerprints(connection, accounts)
            known = {account_id for account_id, _ in self._fingerprints}
            for kind in Kind:
                places = [(_INSTALLATION, kind)] if kind is Kind.INBOX else [(one, kind) for one in accounts]
                moved = [place for place in places if now.get(place) != self._fingerprints.get(place)]
                if not moved:
                    continue
                states = await store.states(connection, kind, [account_id for account_id, _ in moved])
                for place in moved:
                    found = states.get(place[0], {})
                    if place[0] in known:
                        self._tell(place, self._states.get(place, {}), found)
                    self._states[place] = found
        self._fingerprints = now
        for place in [place for place in self._states if place[0] not in accounts and place[0] != _INSTALLATION]:
            del self._states[place]

    def _tell(self, place: store.Place, before: dict[str, str], after: dict[str, str]) -> None:
        account_id, kind = place
        changed = [ident for ident, state in after.items() if before.get(ident) != state]
        changed += [ident for ident in before if ident not in after]
        if not changed:
            return
        told = [Change(kind=kind, id=ident or None) for ident in changed]
        everybody = account_id == _INSTALLATION
        for watched, watching in self._watchers.items():
            if everybody or watched == account_id:
                for watcher in watching:
                    watcher.tell(told)

"""Makes hits durable before their requests are answered, also while the database is away.

Hits of many requests go into one short row of the journal and one commit; the tally counts them a moment
later. When the database does not take a batch in time, the batch goes to a spool file, and from there to the
journal once the database is back. A batch keeps its identity on the way (:class:`Batch`), so it counts once
even when the commit happened and only its answer was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg

from syncom.activity import store
from syncom.activity.model import Batch, Hit
from syncom.activity.service import LANES, ActivityService
from syncom.activity.spool import Segment, Spool
from syncom.activity.tally import Tally
from syncom.clock import Clock
from syncom.contacts.model import ConsentChange
from syncom.contacts.service import set_consents
from syncom.errors import Unavailable
from syncom.ids import uuid7
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.own_connection import AWAY, OwnConnection
from syncom.postgres.pool import Connection

_log = logging.getLogger(__name__)

#: Hits in one row of the journal. Some dozen rows are counted together, and keep senders from the same
#: contacts' statistics meanwhile.
_BATCH = 250

#: Seconds between looks for the database, and for segments of processes that died.
_LOOK_AGAIN = 0.5
_ADOPT_AGAIN = 30.0


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one request leaves behind: a hit, a decision about consent, or both together."""

    hit: Hit | None = None
    consent: ConsentChange | None = None


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """One batch in a spool file."""

    batch: Batch
    entries: list[Entry]


class Recorder:
    """Records entries; :meth:`record` returns once they cannot be lost.

    ``patience`` is how long, in seconds, a batch waits for the database before it goes to ``spool_dir``.
    """

    def __init__(
        self,
        dsn: str,
        activity: ActivityService,
        clock: Clock,
        *,
        spool_dir: Path,
        patience: float = 2.0,
    ) -> None:
        self._writes = OwnConnection(dsn, "syncom hits")
        self._replays = OwnConnection(dsn, "syncom hits")
        self._tallies = [Tally(dsn, activity, clock, lane) for lane in range(LANES)]
        self._activity = activity
        self._clock = clock
        self._patience = patience
        self._spool = Spool(spool_dir)
        self._group: GroupCommit[Entry, None] = GroupCommit(self._write, max_batch=_BATCH)
        self._writer_id = uuid7()
        self._number = 0
        #: Set while batches go to the spool.
        self._away = asyncio.Event()
        self._turn = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to count, and to look after spool files, those of dead processes included."""
        for tally in self._tallies:
            await tally.start()
        self._keeper = asyncio.create_task(self._keep_spool(), name="hit spool")

    async def close(self) -> None:
        """Finish what was accepted. What is still in the spool stays there for the next start."""
        await self._group.close()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if not self._away.is_set():
            # Nobody can ask for our batches again.
            with contextlib.suppress(*AWAY):
                await store.forget_writers(await self._writes.get(), [self._writer_id])
        await self._writes.close()
        await self._replays.close()
        for tally in self._tallies:
            await tally.close()
        self._spool.close()

    async def record(self, entry: Entry) -> None:
        """Make it durable. Raises Unavailable when neither the database nor the disk takes it."""
        await self._group.submit(entry)

    # ------------------------------------------------------------ writing

    async def _write(self, entries: Sequence[Entry]) -> list[None]:
        async with self._turn:
            self._number += 1
            batch = Batch(writer_id=self._writer_id, number=self._number)
            if self._away.is_set() or not await self._committed(batch, entries):
                await self._to_spool(batch, entries)
        return [None] * len(entries)

    async def _committed(self, batch: Batch, entries: Sequence[Entry]) -> bool:
        """Try until it is committed or the patience is over.

        The same batch may be tried any number of times.
        """
        deadline = self._clock.monotonic() + self._patience
        pause = 0.02
        while True:
            try:
                async with asyncio.timeout(max(0.1, deadline - self._clock.monotonic())):
                    await self._commit(await self._writes.get(), batch, entries)
            except AWAY as error:
                await self._writes.close()
                if self._clock.monotonic() + pause >= deadline:
                    _log.warning("the database does not take hits, they go to the spool: %s", error)
                    return False
            else:
                return True
            await self._clock.sleep(pause)
            pause *= 2

    async def _commit(self, connection: Connection, batch: Batch, entries: Sequence[Entry]) -> None:
        hits = [entry.hit for entry in entries if entry.hit is not None]
        changes = [entry.consent for entry in entries if entry.consent is not None]
        if not changes:
            # One statement is its own transaction: one round trip, commit included.
            await self._activity.record(connection, hits, batch=batch)
        else:
            async with connection.transaction():
                if await store.claim(connection, batch):
                    await self._activity.record(connection, hits)
                    await set_consents(connection, changes)
        for tally in self._tallies:
            tally.wake()

    async def _to_spool(self, batch: Batch, entries: Sequence[Entry]) -> None:
        line = msgspec.json.encode(_Line(batch=batch, entries=list(entries)))
        try:
            await asyncio.to_thread(self._spool.append, line)
        except OSError as error:
            raise Unavailable(f"neither the database nor the disk takes hits: {error}") from error
        # The last number of a writer decides whether its last batch was committed: a writer whose batch
        # went to the spool must not write under a higher number before that is settled.
        self._writer_id, self._number = uuid7(), 0
        self._away.set()

    # ------------------------------------------------------------ the way back

    async def _keep_spool(self) -> None:
        await self._settle_left_behind()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._away.wait(), _ADOPT_AGAIN)
            if self._away.is_set():
                await self._settle_own()
            else:
                await self._settle_left_behind()

    async def _settle_left_behind(self) -> None:
        """Write what processes left behind that are gone."""
        try:
            adopted = await asyncio.to_thread(self._spool.adopt)
            for segment in adopted:
                await self._replay(segment)
            if adopted:
                await store.forget_old_writers(await self._replays.get())
        except AWAY as error:
            _log.warning("hits of the spool wait for the database: %s", error)
            self._away.set()
        finally:
            await self._replays.close()

    async def _settle_own(self) -> None:
        """Write what is in the spool, again and again until it is empty, and go back to direct writes."""
        while self._away.is_set():
            try:
                await self._replays.get()  # before a seal: an outage must not leave a segment for every look
                for segment in self._spool.seal():
                    await self._replay(segment)
                # Writers wait for the last piece: a decision about consent must not overtake an earlier one.
                async with self._turn:
                    for segment in self._spool.seal():
                        await self._replay(segment)
                    self._away.clear()
            except AWAY as error:
                _log.info("hits of the spool wait for the database: %s", error)
                await self._replays.close()
                await self._clock.sleep(_LOOK_AGAIN)
        await self._replays.close()
        _log.warning("the database takes hits again, the spool is empty")

    async def _replay(self, segment: Segment) -> None:
        """Write a segment's batches in order, then delete it.

        Raises one of `AWAY`, and may then be repeated.
        """
        writers: set[UUID] = set()
        for line in segment.lines():
            try:
                found = msgspec.json.decode(line, type=_Line)
                writers.add(found.batch.writer_id)
                await self._commit(await self._replays.get(), found.batch, found.entries)
            except AWAY:
                raise
            except (psycopg.Error, msgspec.MsgspecError) as error:
                _log.error("a line of %s is refused and set aside: %s", segment.path, error)
                await asyncio.to_thread(segment.set_aside, line)
        await asyncio.to_thread(self._spool.done, segment)
        # Without the file nobody can ask for these batches again.
        await store.forget_writers(await self._replays.get(), list(writers))

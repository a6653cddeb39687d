"""Writes what became of messages: ledger, queue and counters of many messages in one transaction.

Results gather while one transaction runs; the next one takes them all. The journal covers the time in between, so
a crash here loses nothing and repeats nothing. While the database is away results wait; the sending side stops
claiming by itself, so what waits is bounded by what was in hand.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID

import psycopg
from psycopg import errors

from syncom.contacts.model import Suppression
from syncom.contacts.service import suppress
from syncom.errors import Unavailable
from syncom.messages import store
from syncom.messages.bounces.refusals import Refusals, Refused
from syncom.messages.channels.email.replies import BounceClass
from syncom.messages.model import Lane, LedgerState
from syncom.messages.policy.claims import Wish, release
from syncom.messages.receipts.model import PeerMessage
from syncom.messages.receipts.store import remember, struck
from syncom.messages.sending.counting import count_settled
from syncom.messages.sending.journal import Journal
from syncom.messages.sending.work import Lease, Outcome, Postponed, Settled, Work
from syncom.postgres.pool import Connection, Database

_log = logging.getLogger(__name__)

#: Results wait this long for company, in seconds: a commit costs about as much as hundreds of rows.
GATHER = 0.05
#: No single transaction settles more, so that a backlog after an outage goes in bites.
MAX_BATCH = 5000


class Settlement:
    """The settling side of one sending process."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        *,
        worker_id: UUID,
        shard: int,
        refusals: Refusals,
        on_lease_done: Callable[[int, Lease], None],
    ) -> None:
        self._database = database
        self._journal = journal
        self._worker_id = worker_id
        self._shard = shard
        self._refusals = refusals
        self._on_lease_done = on_lease_done
        #: (sender, outcome), in the order they happened.
        self._waiting: list[tuple[int, Outcome]] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def backlog(self) -> int:
        """Results that are not committed yet."""
        return len(self._waiting)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def add(self, sender_id: int, outcome: Outcome) -> None:
        """Settle this soon. Never blocks."""
        self._waiting.append((sender_id, outcome))
        self._arrived.set()

    async def close(self) -> None:
        """Settle everything that was added, then stop."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            if not self._waiting and self._closing:
                return
            if not self._closing:
                await asyncio.sleep(GATHER)
            self._arrived.clear()
            while self._waiting:
                batch = self._waiting[:MAX_BATCH]
                await self._settle_until_it_works(batch)
                del self._waiting[: len(batch)]
                self._after_commit(batch)
            if self._closing:
                self._arrived.set()

    async def _settle_until_it_works(self, batch: Sequence[tuple[int, Outcome]]) -> None:
        careful = False
        delay = 0.2
        while True:
            try:
                async with self._database.system() as connection:
                    await self._settle(connection, batch, careful=careful)
                return
            except errors.UniqueViolation:
                # Another process has settled one of these: a lease was lost. Row by row knows what to do.
                careful = True
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                _log.warning("results of %d messages wait for the database: %s", len(batch), error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)

    async def _settle(self, connection: Connection, batch: Sequence[tuple[int, Outcome]], *, careful: bool) -> None:
        by_sender: defaultdict[int, list[Settled]] = defaultdict(list)
        postponed: defaultdict[int, list[Postponed]] = defaultdict(list)
        chunks: Counter[tuple[int, int, int]] = Counter()
        for sender_id, outcome in batch:
            lease = outcome.work.lease
            if lease is not None:
                chunks[lease.campaign_id, lease.chunk_no, lease.fence] += 1
            if isinstance(outcome, Settled):
                by_sender[sender_id].append(outcome)
            else:
                postponed[sender_id].append(outcome)

        lost = await self._count_chunks(connection, chunks)
        fresh: list[Settled] = []
        for sender_id, rows in by_sender.items():
            written = await self._write_ledger(connection, sender_id, rows, careful=careful or lost)
            await remember(connection, [_peer_message(sender_id, row) for row in written if row.peer_ids])
            fresh += written
        for sender_id, rows in postponed.items():
            await store.postpone(connection, sender_id, await self._still_open(connection, rows) if lost else rows)
        queued = [row.work.message_id for rows in by_sender.values() for row in rows if row.work.lease is None]
        if queued:
            await store.delete_messages(connection, queued)
        await count_settled(connection, fresh, self._shard)
        await release(connection, [_claimed(row.work) for row in fresh if _had_place(row)])
        await self._refusals.take(connection, [refused for row in fresh if (refused := _refused(row)) is not None])
        await _give_up(connection, [row for row in fresh if row.suppress and row.refusal is None])
        await _strike(connection, [row for row in fresh if row.no_such_number])

    async def _count_chunks(self, connection: Connection, chunks: Counter[tuple[int, int, int]]) -> bool:
        """Shrink the chunks; says whether the lease of one of them was lost."""
        if not chunks:
            return False
        mine = await store.settle_chunks(connection, self._worker_id, chunks)
        complete = [key for key, done in mine.items() if done]
        if complete:
            await store.delete_chunks(connection, complete)
        return len(mine) < len(chunks)

    async def _still_open(self, connection: Connection, rows: Sequence[Postponed]) -> list[Postponed]:
        """Of rows whose lease may be lost, those that the new holder has not settled; the others get a doubt."""
        fresh = [row for row in rows if row.work.lease is not None]
        settled = await store.add_doubt(connection, fresh) if fresh else set[UUID]()
        return [row for row in rows if row.work.message_id not in settled]

    async def _write_ledger(
        self, connection: Connection, sender_id: int, rows: Sequence[Settled], *, careful: bool
    ) -> list[Settled]:
        """Returns the rows that were not there before."""
        if not careful:
            await store.copy_ledger(connection, sender_id, rows)
            return list(rows)
        return await store.merge_ledger(connection, sender_id, rows)

    def _after_commit(self, batch: Sequence[tuple[int, Outcome]]) -> None:
        for sender_id, outcome in batch:
            work = outcome.work
            self._journal.settled(work.message)
            lease = work.lease
            if lease is not None:
                lease.outstanding -= 1
                if lease.done:
                    self._on_lease_done(sender_id, lease)


def _peer_message(sender_id: int, row: Settled) -> PeerMessage:
    work = row.work
    return PeerMessage(
        sender_id=sender_id,
        peer_ids=row.peer_ids,
        account_id=work.account_id,
        contact_id=work.contact_id,
        message_id=work.message_id,
        campaign_id=work.campaign_id,
        content_id=work.content_id,
        channel=work.channel,
        sent_at=row.at,
    )


def _refused(row: Settled) -> Refused | None:
    work, refusal = row.work, row.refusal
    if refusal is None:
        return None
    return Refused(
        account_id=work.account_id,
        contact_id=work.contact_id,
        message_id=work.message_id,
        campaign_id=work.campaign_id,
        address=work.address,
        bounce_class=BounceClass(refusal.bounce_class),
        suppress=bool(row.suppress),
        strikes=refusal.strikes,
        status=refusal.status,
        words=row.reason,
        server=refusal.server,
        launched_at=work.launched_at,
        at=row.at,
    )


def _had_place(row: Settled) -> bool:
    """Whether it may have a place within its contact's caps that it does not need, since it was not sent."""
    unsent = row.state not in (LedgerState.SENT, LedgerState.UNCERTAIN)
    return unsent and (row.work.has_claim or row.work.lane is Lane.WORKFLOW)


def _claimed(work: Work) -> Wish:
    return Wish(work.account_id, work.contact_id, work.message_id)


async def _strike(connection: Connection, rows: Sequence[Settled]) -> None:
    """Numbers that do not exist, as the peer says: what it says twice is believed."""
    if rows:
        await suppress(
            connection, await struck(connection, [(row.work.account_id, row.work.message_id) for row in rows])
        )


async def _give_up(connection: Connection, rows: Sequence[Settled]) -> None:
    """Addresses that get nothing more."""
    suppressed = [
        Suppression(
            account_id=row.work.account_id,
            channel=row.work.channel.consent,
            address=row.work.address,
            reason=row.suppress,
            detail=row.reason,
            source=row.work.channel.consent.name.lower(),
        )
        for row in rows
    ]
    if suppressed:
        await suppress(connection, suppressed)

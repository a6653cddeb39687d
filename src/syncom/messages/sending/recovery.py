"""What a sending process left when it died: its journal decides which messages were sent, which are in doubt.

Runs before a process claims anything, and again from time to time, so that a killed neighbour is taken care of
while others go on.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from syncom.clock import Clock
from syncom.content.model import content_in
from syncom.ids import campaign_of_message, contact_of_campaign_message
from syncom.messages import store
from syncom.messages.model import CAMPAIGN_LIFE, Lane, LedgerState, OnUncertain
from syncom.messages.sending.counting import count_settled
from syncom.messages.sending.journal import Remains, remains
from syncom.messages.sending.work import Lease, Postponed, Settled, Work
from syncom.postgres.pool import Connection, Database

_log = logging.getLogger(__name__)

#: A process of another machine counts as dead after so long a silence. Its journal is out of reach then: what it
#: sent in its last tenth of a second may be sent again.
FOREIGN_SILENCE = timedelta(minutes=15)
#: A message in doubt waits this long before it is sent again.
_PATIENCE = timedelta(seconds=5)


#: Counters are written under a number that no living sending process has.
_SHARD = 17


@dataclass
class _Verdicts:
    """By sender."""

    settled: defaultdict[int, list[Settled]] = field(default_factory=lambda: defaultdict(list))
    postponed: defaultdict[int, list[Postponed]] = field(default_factory=lambda: defaultdict(list))


async def recover(database: Database, folder: Path, host: str, own: UUID, clock: Clock) -> int:
    """Settle and release everything that dead processes of this machine held; returns how many there were.

    ``own`` is left alone. Processes of other machines are released after FOREIGN_SILENCE.
    """
    recovered = 0
    for left in remains(folder):
        async with database.system() as connection:
            await _settle(connection, left, clock.now())
            await store.release_worker(connection, left.worker_id)
        for path in left.paths:
            path.unlink(missing_ok=True)
        recovered += 1
        _log.warning(
            "a sending process died: %d messages it had sent are in the ledger, %d are in doubt",
            len(left.accepted),
            len(left.open),
        )
    async with database.system() as connection:
        registered = await store.workers(connection)
        # A process makes its journal before it registers: whoever is registered and has none is gone.
        living = {UUID(path.name.split(".")[0]) for path in folder.glob("*.journal")}
        for worker_id, where, silent_for in registered:
            dead_here = where == host and worker_id not in living
            dead_elsewhere = where != host and silent_for > FOREIGN_SILENCE.total_seconds()
            if worker_id != own and (dead_here or dead_elsewhere):
                await store.release_worker(connection, worker_id)
                recovered += 1
    return recovered


async def _settle(connection: Connection, left: Remains, now: datetime) -> None:
    verdicts = _Verdicts()
    await _judge_chunks(connection, left, now, verdicts)
    await _judge_messages(connection, left, now, verdicts)
    for sender_id, rows in verdicts.settled.items():
        fresh = await store.merge_ledger(connection, sender_id, rows)
        await count_settled(connection, fresh, _SHARD)
        await store.delete_messages(connection, [row.work.message_id for row in rows if row.work.lease is None])
    for sender_id, rows in verdicts.postponed.items():
        await store.postpone(connection, sender_id, rows)


async def _judge_chunks(connection: Connection, left: Remains, now: datetime, verdicts: _Verdicts) -> None:
    doubtful = left.accepted | left.open
    for chunk in await store.chunks_of_worker(connection, left.worker_id):
        members = set(chunk.contact_ids)
        touched = {
            contact_of_campaign_message(message_id): message_id
            for message_id in doubtful
            if campaign_of_message(message_id) == chunk.campaign_id
            and contact_of_campaign_message(message_id) in members
        }
        unsettled = await store.unsettled(
            connection, chunk.account_id, chunk.campaign_id, chunk.launched_at, list(touched)
        )
        way = store.chosen_way(chunk.alternatives, chunk.chosen)
        channel = way.channel if way else chunk.channel
        content_id = way.content_id if way else chunk.content_id
        content_languages = way.content_languages if way else chunk.content_languages
        addresses = await store.addresses(connection, chunk.account_id, unsettled, channel)
        lease = Lease(
            campaign_id=chunk.campaign_id,
            chunk_no=chunk.chunk_no,
            fence=0,
            account_id=chunk.account_id,
            content_id=content_id,
            content_languages=content_languages,
            launched_at=chunk.launched_at,
            deadline=now + CAMPAIGN_LIFE,
            channel=channel,
            pending=deque(),
        )
        for contact_id in unsettled:
            address, language = addresses.get(contact_id, ("", ""))
            work = Work(
                account_id=chunk.account_id,
                contact_id=contact_id,
                channel=channel,
                campaign_id=chunk.campaign_id,
                content_id=content_in(content_languages, language, content_id),
                message_id=touched[contact_id],
                message=touched[contact_id].bytes,
                address=address,
                contact=None,
                launched_at=chunk.launched_at,
                deadline=lease.deadline,
                lane=Lane.RETRY,
                lease=lease,
                attempt=1,
                group_id=chunk.group_id,
                is_choice=bool(chunk.alternatives),
            )
            _judge(work, chunk.sender_id, chunk.on_uncertain, left, now, verdicts)


async def _judge_messages(connection: Connection, left: Remains, now: datetime, verdicts: _Verdicts) -> None:
    for held in await store.messages_of_worker(connection, left.worker_id):
        if held.message_id not in left.accepted and held.message_id not in left.open:
            continue
        work = Work(
            account_id=held.account_id,
            contact_id=held.contact_id,
            channel=held.channel,
            campaign_id=held.campaign_id,
            content_id=held.content_id,
            message_id=held.message_id,
            message=held.message_id.bytes,
            address=held.address,
            contact=None,
            launched_at=held.launched_at,
            deadline=held.deadline,
            lane=Lane.TRANSACTIONAL,
            lease=None,
            attempt=held.attempt + 1,
            uncertain=held.uncertain,
            external_request_id=held.external_request_id,
            categories=held.categories,
            is_choice=held.is_choice,
        )
        _judge(work, held.sender_id, held.on_uncertain, left, now, verdicts)


def _judge(
    work: Work, sender_id: int, on_uncertain: str | None, left: Remains, now: datetime, verdicts: _Verdicts
) -> None:
    if work.message_id in left.accepted:
        verdicts.settled[sender_id].append(
            Settled(work=work, state=LedgerState.SENT, reason="accepted; the sending process died right after", at=now)
        )
        return
    work.uncertain = True
    if on_uncertain == OnUncertain.LEAVE.value:
        reason = "the sending process died before the server's answer"
        verdicts.settled[sender_id].append(Settled(work=work, state=LedgerState.UNCERTAIN, reason=reason, at=now))
    else:
        reply = "the sending process died before the server's answer; sent again"
        verdicts.postponed[sender_id].append(Postponed(work=work, reply=reply, due_at=now + _PATIENCE, uncertain=True))

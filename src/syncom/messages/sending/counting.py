"""Counts messages that ended, for contacts, campaigns and rollups, in the transaction that writes the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from syncom.activity.rollups.model import Ended
from syncom.activity.rollups.service import count_ended, domain_of
from syncom.contacts.model import Channel
from syncom.messages import store
from syncom.messages.channels.email.replies import BounceClass
from syncom.messages.model import LedgerState
from syncom.messages.sending.work import Settled
from syncom.postgres.pool import Connection

#: Counter names in campaign_statistics.
_KINDS = {
    LedgerState.SENT: "sent",
    LedgerState.FAILED: "failed",
    LedgerState.EXCLUDED: "excluded",
    LedgerState.UNCERTAIN: "uncertain",
    LedgerState.CANCELLED: "cancelled",
}


async def count_settled(connection: Connection, rows: Sequence[Settled], shard: int) -> None:
    """Count rows that are new in the ledger. ``shard`` is the sending process's own."""
    sent = [row for row in rows if row.state is LedgerState.SENT]
    if sent:
        await store.count_contacts(connection, sent)
    counts: Counter[tuple[int, int, datetime, str]] = Counter()
    ended: Counter[Ended] = Counter()
    for row in rows:
        work = row.work
        hour = row.at.replace(minute=0, second=0, microsecond=0)
        ended[_ended(row, hour)] += 1
        if not work.campaign_id:
            continue
        counts[work.account_id, work.campaign_id, hour, _KINDS[row.state]] += 1
        if work.is_choice and row.state is LedgerState.SENT:
            counts[work.account_id, work.campaign_id, hour, f"sent.{work.channel.name.lower()}"] += 1
        if row.state is LedgerState.EXCLUDED:
            counts[work.account_id, work.campaign_id, hour, f"excluded.{row.reason}"] += 1
        if work.parts and row.state in _CHARGED:
            counts[work.account_id, work.campaign_id, hour, "parts"] += work.parts
        if _is_bounce(row):
            counts[work.account_id, work.campaign_id, hour, "refused"] += 1
        if row.refusal is not None and row.refusal.of_campaign:
            counts[work.account_id, work.campaign_id, hour, "blocked"] += 1
        if work.uncertain:
            counts[work.account_id, work.campaign_id, hour, "in_doubt"] += 1
    if counts:
        await store.count_campaigns(connection, counts, shard)
    await count_ended(connection, ended, shard)


def _is_bounce(row: Settled) -> bool:
    """Refused by the server for good because of whom it was to: there is no such mailbox, or no such domain."""
    if row.work.channel is not Channel.EMAIL:
        return False
    return bool(row.suppress) or (row.refusal is not None and row.refusal.bounce_class == _UNKNOWN_HOST)


_UNKNOWN_HOST = BounceClass.UNKNOWN_HOST.value
#: States of texts whose parts the network charges, or may.
_CHARGED = frozenset((LedgerState.SENT, LedgerState.UNCERTAIN))
#: States of messages that went to a server.
_TRIED = frozenset((LedgerState.SENT, LedgerState.FAILED, LedgerState.UNCERTAIN))


def _ended(row: Settled, hour: datetime) -> Ended:
    work = row.work
    tried = row.state in _TRIED
    by_domain = tried and work.channel is Channel.EMAIL
    return Ended(
        account_id=work.account_id,
        campaign_id=work.campaign_id,
        channel=work.channel.value,
        hour=hour,
        state=row.state.value,
        domain=domain_of(work.address) if by_domain else "",
        deferred=tried and work.attempt > 1,
    )

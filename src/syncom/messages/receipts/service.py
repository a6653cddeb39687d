"""Use cases of delivery receipts: each becomes at most one fact of its message, in whatever order things happen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from syncom.activity.model import ActivityKind, Hit
from syncom.activity.service import ActivityService
from syncom.clock import Clock
from syncom.contacts.service import suppress
from syncom.messages.receipts import store
from syncom.messages.receipts.model import LONGEST_ID, LONGEST_REASON, KnownPart, Receipt, ReceiptState
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Connection, Database

#: How long a peer's id is known, and how long a receipt waits for its message.
_ID_LIFE: Final = timedelta(days=7)
_WAIT_LIFE: Final = timedelta(days=1)
_COUNTS_LIFE: Final = timedelta(days=90)
_BATCH: Final = 500
_FORGOTTEN_AT_ONCE: Final = 5_000
#: Counters beside those of the states.
_REPEATED: Final = "repeated"
_UNMATCHED: Final = "unmatched"


class ReceiptsService:
    """Takes receipts of every sender.

    A message of several parts is delivered when all of its parts are, and undelivered when one of them is. Of one part
    the first final state stays. What a part's end makes known becomes a fact in the transaction that notes the end, so
    each message has at most one DELIVERED or BOUNCED by receipts, whatever is repeated.
    """

    def __init__(self, database: Database, activity: ActivityService, clock: Clock) -> None:
        self._database = database
        self._activity = activity
        self._clock = clock
        self._group: GroupCommit[Receipt, None] = GroupCommit(self._write, max_batch=_BATCH)

    async def receive(self, receipt: Receipt) -> None:
        """Take a receipt, with others that come at the same time; durable on return.

        Raises Unavailable when the database does not answer: then the peer is to say it again.
        """
        await self._group.submit(_bounded(receipt))

    async def close(self) -> None:
        """Finish what was taken."""
        await self._group.close()

    async def look_again(self) -> int:
        """Find the messages of receipts that came before their ids were known; returns how many were looked at."""
        async with self._database.system() as connection:
            found, looked_at = await store.due(connection, _BATCH)
            if found:
                await self._take(connection, found)
        return looked_at

    async def tidy(self) -> None:
        """Drop ids and receipts whose time is over."""
        now = self._clock.now()
        async with self._database.system() as connection:
            given_up = await store.give_up(connection, _WAIT_LIFE)
            if given_up:
                await store.count(connection, Counter((sender_id, _UNMATCHED) for sender_id in given_up))
            await store.forget_counts(connection, (now - _COUNTS_LIFE).date())
        gone = _FORGOTTEN_AT_ONCE
        while gone == _FORGOTTEN_AT_ONCE:
            async with self._database.system() as connection:
                gone = await store.forget(connection, now - _ID_LIFE, _FORGOTTEN_AT_ONCE)

    async def counts(self, account_id: int, sender_id: int, *, days: int = 30) -> dict[str, int]:
        """Receipts of a sender in the last days: by state, 'repeated', and 'unmatched' for those of no message here."""
        since = (self._clock.now() - timedelta(days=days)).date()
        async with self._database.tenant(account_id) as connection:
            return await store.counts(connection, account_id, sender_id, since)

    async def _write(self, receipts: Sequence[Receipt]) -> list[None]:
        async with self._database.system() as connection:
            await self._take(connection, receipts)
        return [None] * len(receipts)

    async def _take(self, connection: Connection, receipts: Sequence[Receipt]) -> None:
        now = self._clock.now()
        keys = sorted({(receipt.sender_id, receipt.peer_id) for receipt in receipts})
        await store.recognise(connection, receipts)
        parts = await store.lock(connection, keys)
        taking = _Taking(parts, now)
        for receipt in receipts:
            taking.take(receipt)
        if taking.noted:
            await store.note(connection, taking.noted)
        await self._activity.record(connection, taking.hits)
        if taking.invalid:
            ended = [(part.account_id, part.message_id) for part in taking.invalid]
            await suppress(connection, await store.struck(connection, ended))
        if taking.early:
            await store.wait(connection, taking.early, now)
        if taking.counts:
            await store.count(connection, taking.counts)


class _Taking:
    """Works out what a batch of receipts changes."""

    def __init__(self, parts: Sequence[KnownPart], now: datetime) -> None:
        self._now = now
        self._parts = {(part.sender_id, part.peer_id): part for part in parts}
        self._messages: defaultdict[UUID, list[KnownPart]] = defaultdict(list)
        for part in parts:
            self._messages[part.message_id].append(part)
        #: New states by part.
        self.noted: dict[store.PartKey, int] = {}
        self.hits: list[Hit] = []
        #: Receipts whose id is not known.
        self.early: list[Receipt] = []
        #: Messages whose end says that there is no such number.
        self.invalid: list[KnownPart] = []
        self.counts: Counter[tuple[int, str]] = Counter()

    def take(self, receipt: Receipt) -> None:
        part = self._parts.get((receipt.sender_id, receipt.peer_id))
        if part is None:
            self.early.append(receipt)
            return
        if part.state and (ReceiptState(part.state).is_final or part.state == receipt.state):
            self.counts[receipt.sender_id, _REPEATED] += 1
            return
        self.counts[receipt.sender_id, receipt.state.name.lower()] += 1
        siblings = self._messages[part.message_id]
        had_failed = any(_failed(sibling) for sibling in siblings)
        part.state = receipt.state.value
        self.noted[receipt.sender_id, receipt.peer_id] = part.state
        if receipt.state.has_failed and not had_failed:
            self._bounced(part, receipt)
        elif len(siblings) >= part.parts and all(one.state == ReceiptState.DELIVERED for one in siblings):
            self.hits.append(self._hit(part, receipt, ActivityKind.DELIVERED, receipt.reason or None))

    def _bounced(self, part: KnownPart, receipt: Receipt) -> None:
        word = store.INVALID_NUMBER if receipt.invalid_number else receipt.state.name.lower()
        detail = f"{word}: {receipt.reason}" if receipt.reason else word
        self.hits.append(self._hit(part, receipt, ActivityKind.BOUNCED, detail))
        if receipt.invalid_number:
            self.invalid.append(part)

    def _hit(self, part: KnownPart, receipt: Receipt, kind: ActivityKind, detail: str | None) -> Hit:
        return Hit(
            account_id=part.account_id,
            contact_id=part.contact_id,
            message_id=part.message_id,
            campaign_id=part.campaign_id,
            kind=kind,
            occurred_at=min(max(receipt.occurred_at or self._now, part.sent_at), self._now),
            channel=part.channel,
            content_id=part.content_id,
            detail=detail,
        )


def _failed(part: KnownPart) -> bool:
    return part.state != 0 and ReceiptState(part.state).has_failed


def _bounded(receipt: Receipt) -> Receipt:
    """Of a peer's words only as much as is kept, without what a database refuses."""
    return msgspec.structs.replace(
        receipt, peer_id=_clean(receipt.peer_id, LONGEST_ID), reason=_clean(receipt.reason, LONGEST_REASON)
    )


def _clean(words: str, limit: int) -> str:
    return "".join(char if char.isprintable() else " " for char in words[:limit]).strip()

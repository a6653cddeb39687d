"""Use cases of bounces: list what was reported, count it, forget it in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from syncom.clock import Clock
from syncom.messages.bounces import store
from syncom.messages.bounces.model import (
    KEPT,
    STRIKE_WINDOW,
    UNMATCHED_KEPT,
    Bounce,
    BounceFilter,
    Objection,
    ReportKind,
)
from syncom.messages.bounces.refusals import SOURCE
from syncom.messages.bounces.spool import forget_refused
from syncom.messages.channels.email.replies import BounceClass
from syncom.postgres.pool import Connection, Database
from syncom.tokens import MessageTokens

MAX_PAGE: Final = 1000
_EVERYTHING: Final = BounceFilter()
#: Strikes are looked at within their window; twice of it, for reports that come late.
_STRIKES_KEPT: Final = 2 * STRIKE_WINDOW
_REFUSED_KEPT: Final = timedelta(days=7)
_SUMMARY: Final = timedelta(days=30)


class BounceCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Reports of a time, those about messages that were sent: by kind, bounces and delays by class."""

    since: datetime
    kinds: Mapping[str, int]
    classes: Mapping[str, int]
    #: That name nobody we sent to.
    unmatched: int


async def objection(
    connection: Connection, account_id: int, campaign_id: int, since: datetime, bounce_class: BounceClass
) -> Objection | None:
    """What most of a campaign's newest refusals of a class say; None: there is none since then."""
    found = await store.commonest_refusal(connection, account_id, campaign_id, since, bounce_class.value)
    if found is None:
        return None
    source, domain, words = found
    return Objection(server=source.removeprefix(SOURCE).strip(), domain=domain, words=words)


class BouncesService:
    """Reports of an account."""

    def __init__(self, database: Database, tokens: MessageTokens, clock: Clock) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock

    async def list(
        self,
        account_id: int,
        chosen: BounceFilter = _EVERYTHING,
        *,
        before: tuple[datetime, UUID] | None = None,
        limit: int = 100,
    ) -> list[Bounce]:
        """Reports, newest first; those after a place of the list, which is when and what."""
        async with self._database.tenant(account_id) as connection:
            found = max(1, min(limit, MAX_PAGE + 1))
            return await store.select(connection, account_id, chosen, before=before, limit=found)

    async def counts(self, account_id: int, *, since: datetime | None = None) -> BounceCounts:
        """How many of what; of the last 30 days unless a begin is given."""
        start = since or self._clock.now() - _SUMMARY
        async with self._database.tenant(account_id) as connection:
            rows = await store.counts(connection, account_id, start)
        kinds: defaultdict[str, int] = defaultdict(int)
        classes: defaultdict[str, int] = defaultdict(int)
        unmatched = 0
        for kind, bounce_class, matched, count in rows:
            if not matched:
                unmatched += count
                continue
            kinds[ReportKind(kind).name.lower()] += count
            if bounce_class:
                classes[bounce_class] += count
        return BounceCounts(since=start, kinds=dict(kinds), classes=dict(classes), unmatched=unmatched)

    def feedback_address(self, account_id: int) -> str:
        """Local part of the address for complaint feedback loops, at any return path's host of the account."""
        return self._tokens.feedback(account_id)

    async def forget(self) -> None:
        """Delete reports that had their time."""
        now = self._clock.now()
        async with self._database.system() as connection:
            await store.forget(
                connection, before=now - KEPT, unmatched_before=now - UNMATCHED_KEPT, strikes=now - _STRIKES_KEPT
            )
            await forget_refused(connection, now - _REFUSED_KEPT)

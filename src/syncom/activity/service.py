"""What happened to messages: recorded with its counters, read as counts and as a timeline."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from syncom.activity import store
from syncom.activity.agents import described
from syncom.activity.engagement import Band, at_least, band_of, score_of
from syncom.activity.export import ExportForm, head, written
from syncom.activity.model import (
    ActivityFilter,
    ActivityKind,
    BandSize,
    Batch,
    Cohort,
    CohortActive,
    CohortBy,
    Engagement,
    Hit,
    HitClass,
    HourCount,
    LinkCount,
    TimelinePage,
)
from syncom.activity.rollups.service import zone_named
from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.contacts.service import lineage
from syncom.errors import FieldError, Invalid
from syncom.ids import bucket_of, single_message_id
from syncom.postgres.pool import Connection, Database

_log = logging.getLogger(__name__)

MAX_PAGE = 1000
MAX_COHORTS = 36

#: Parts of the journal that are counted at the same time: hits of contacts with even ids, and with odd ones.
LANES: Final = 2
#: Batches of a lane counted in one transaction: some thousand hits under load, well under a second.
_BATCHES = 100
#: From the shard of one lane to that of the next.
_NEXT_SHARD = 64

_LAST_UUID = UUID(int=(1 << 128) - 1)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)
_FIRST_SPAN = timedelta(days=31)
_STATE_NUMBERS = {name: number for number, name in store.LEDGER_STATES.items()}
_KIND_NUMBERS = {kind.name.lower(): int(kind) for kind in ActivityKind}


class ActivityService:
    """Records hits and reads what was recorded.

    ``shard`` (0-32767) keeps processes that record at the same time out of each other's counters: give
    each its own.
    """

    def __init__(self, database: Database, clock: Clock, *, shard: int = 0) -> None:
        self._database = database
        self._clock = clock
        self._shard = shard

    async def record(self, connection: Connection, hits: Sequence[Hit], *, batch: Batch | None = None) -> int:
        """Write hits to the journal, in one short row; :meth:`settle` counts them.

        With ``batch`` the write can be repeated: the second one changes nothing. Returns the number of hits
        written. The caller's transaction decides when it is durable.
        """
        if not hits or not await store.append(connection, described(hits), batch):
            return 0
        return len(hits)

    async def report(
        self,
        account_id: int,
        message_id: UUID,
        kind: ActivityKind,
        *,
        occurred_at: datetime | None = None,
        detail: str = "reported by the app",
    ) -> bool:
        """Record what an app, or an answer, says happened to a message; False: this account sent no such message.

        The clock of who says it is believed between the sending and now.
        """
        # The journal belongs to nobody, so this is a system transaction; the statement names the account.
        async with self._database.system() as connection:
            sent = await store.sent_message(connection, account_id, message_id)
            if sent is None:
                return False
            now = self._clock.now()
            hit = Hit(
                account_id=account_id,
                contact_id=sent.contact_id,
                message_id=message_id,
                campaign_id=sent.campaign_id,
                kind=kind,
                occurred_at=min(max(occurred_at or now, sent.settled_at), now),
                channel=sent.channel,
                content_id=sent.content_id,
                detail=detail,
            )
            await self.record(connection, [hit])
        return True

    async def subscription_changed(self, account_id: int, contact_id: int, *, source: str) -> None:
        """Note that a contact's categories of messages were changed, by itself or on its behalf.

        No message led to it, so the fact has an id of its own.
        """
        hit = Hit(
            account_id=account_id,
            contact_id=contact_id,
            message_id=single_message_id(contact_id),
            campaign_id=0,
            kind=ActivityKind.SUBSCRIPTION_CHANGED,
            occurred_at=self._clock.now(),
            detail=source,
        )
        async with self._database.system() as connection:
            await self.record(connection, [hit])

    async def settle(self, connection: Connection, *, lane: int | None = None) -> None:
        """Move all hits of the journal to the activity, the engagements, and the counters of contacts,
        campaigns and links. ``connection`` is in autocommit mode: every step is a transaction of its own.
        With ``lane``, only those of one lane, so that another connection can count the other meanwhile.

        Hits may come in any order and late, processes may settle at the same time, and what a killed one left
        is settled by the next. What other processes are settling at the moment may still be under way.

        What is counted: 'opened' and 'clicked' are hits of people, with '.machine' and '.unknown' beside
        them; 'opened.first' and 'clicked.first' are messages that somebody opened or clicked (a click
        implies the open, since images may be off), in the hour of the first time; 'delivered', 'bounced',
        'unsubscribed', 'complained' and 'closed' are messages, each once. A contact's `opened` and `clicked` are
        messages as well.
        """
        while True:
            try:
                counted = await store.count(connection, limit=_BATCHES, shard=self._shard_of(lane), lane=lane)
            except (psycopg.DataError, psycopg.IntegrityError):
                await self._settle_one_by_one(connection, lane)
            else:
                if counted < _BATCHES:
                    return

    def _shard_of(self, lane: int | None) -> int:
        return self._shard + (lane or 0) * _NEXT_SHARD

    async def _settle_one_by_one(self, connection: Connection, lane: int | None) -> None:
        """Find the hit that the database refuses, and leave it out: its neighbours are counted."""
        for journal_id in await store.uncounted(connection, lane=lane, limit=_BATCHES):
            try:
                await store.count(connection, limit=1, shard=self._shard_of(lane), journal_id=journal_id)
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                if not await store.split(connection, journal_id):
                    _log.error("the hit in row %d of activity_journal is refused and left there: %s", journal_id, error)
                    await store.refuse(connection, journal_id, str(error))

    async def engagement(self, account_id: int, contact_id: int) -> Engagement:
        """The engagement score of a contact now, and the counters it stands beside; zeros for one that is unknown."""
        async with self._database.tenant(account_id) as connection:
            row = await store.engagement(connection, account_id, contact_id)
        kept, sent, opened, clicked, last_sent_at, last_open_at, last_click_at = row or (0.0, 0, 0, 0, None, None, None)
        now = self._clock.now()
        return Engagement(
            contact_id=contact_id,
            score=round(score_of(kept, now), 2),
            band=band_of(kept, now),
            sent=sent,
            opened=opened,
            clicked=clicked,
            last_sent_at=last_sent_at,
            last_open_at=last_open_at,
            last_click_at=last_click_at,
        )

    async def engagement_bands(self, account_id: int) -> list[BandSize]:
        """How many contacts are in each band now, the highest first."""
        rising = list(reversed(Band))
        limits = [at_least(band.floor, self._clock.now()) for band in rising[1:]]
        async with self._database.tenant(account_id) as connection:
            counts = await store.engagement_bands(connection, account_id, limits)
        sizes = [BandSize(band=band, floor=band.floor, contacts=counts.get(n, 0)) for n, band in enumerate(rising)]
        return sizes[::-1]

    async def cohorts(
        self,
        account_id: int,
        *,
        by: CohortBy = CohortBy.CREATED,
        active: CohortActive = CohortActive.ENGAGED,
        months: int = 12,
        zone: str = "UTC",
    ) -> list[Cohort]:
        """Contacts by the month in which they began, oldest first, and how many were there in each month since.

        Of the last ``months`` months, this one included, at most 36; ``zone`` is whose months. Months without new
        contacts are there with zeros. Raises Invalid.
        """
        if not 1 <= months <= MAX_COHORTS:
            raise Invalid("months", f"must be 1 to {MAX_COHORTS}")
        whose = zone_named(zone)
        today = self._clock.now().astimezone(whose).date()
        firsts = [_month_before(today, back) for back in range(months - 1, -1, -1)]
        since = datetime(firsts[0].year, firsts[0].month, 1, tzinfo=whose)
        async with self._database.tenant(account_id) as connection:
            rows = await store.cohorts(
                connection,
                account_id,
                by=by.value,
                active=active.value,
                since=since,
                zone=whose.key,
            )
        counts = {(begun, month): count for begun, month, count in rows}
        return [
            Cohort(
                month=begun,
                contacts=counts.get((begun, None), 0),
                active=[counts.get((begun, month), 0) for month in firsts[place:]],
            )
            for place, begun in enumerate(firsts)
        ]

    async def campaign_counts(self, account_id: int, campaign_id: int) -> dict[str, int]:
        """Every counter of a campaign by its name, such as {'sent': 10, 'opened.first': 3}.

        Absent means 0.
        """
        async with self._database.tenant(account_id) as connection:
            return await store.campaign_counts(connection, account_id, campaign_id)

    async def campaign_hours(self, account_id: int, campaign_id: int) -> list[HourCount]:
        """The same counters by hour (UTC), oldest first."""
        async with self._database.tenant(account_id) as connection:
            return await store.campaign_hours(connection, account_id, campaign_id)

    async def links(self, account_id: int, campaign_id: int) -> list[LinkCount]:
        """Clicks on each link of a campaign that was clicked, by the link's place in the content."""
        async with self._database.tenant(account_id) as connection:
            return await store.links(connection, account_id, campaign_id)

    async def activity(
        self,
        account_id: int,
        chosen: ActivityFilter | None = None,
        *,
        cursor: str | None = None,
        limit: int = 100,
    ) -> TimelinePage:
        """The timeline of an account, or of a part of it, newest first: ledger and activity together.

        Raises Invalid. The work is in proportion to the page, not to the history: by account and by campaign every
        filter is a part of the index; within a contact's own lines the other filters are tried line by line.
        """
        asked = chosen or ActivityFilter()
        states, kinds = _split_kinds(asked.kinds)
        place = _read_cursor(cursor)
        wanted = max(1, min(limit, MAX_PAGE))
        where: dict[str, Any] = {
            "account_id": account_id,
            "campaign_id": asked.campaign_id,
            "of_message": asked.message_id,
            "states": states,
            "kinds": kinds,
            "channels": [int(channel) for channel in asked.channels or Channel],
            "classes": [int(one) for one in HitClass if asked.machines or one is not HitClass.MACHINE],
            "limit": wanted + 1,
        }
        low = asked.since or _ALWAYS
        high = min(asked.until or _NEVER, place[0] + _INSTANT)
        async with self._database.tenant(account_id) as connection:
            contact_ids = await _contacts_of(connection, account_id, asked)
            where["contact_ids"] = contact_ids
            where["buckets"] = None if contact_ids is None else [bucket_of(contact_id) for contact_id in contact_ids]

            async def span(start: datetime, end: datetime) -> list[store.Placed]:
                return await _lines(connection, {**where, "since": start, "until": end}, place)

            if contact_ids is not None:
                lines = await span(low, high)
            else:
                lines = await _in_growing_spans(span, low, high, self._clock.now(), wanted + 1)
        page = lines[:wanted]
        return TimelinePage(
            events=[event for _, event in page],
            next_cursor=_write_cursor(page[-1][0]) if len(lines) > wanted else None,
        )

    async def export(
        self,
        account_id: int,
        chosen: ActivityFilter | None = None,
        form: ExportForm = ExportForm.CSV,
        *,
        with_mark: bool = False,
    ) -> AsyncIterator[bytes]:
        """The same timeline as a file in pieces, UTF-8; CSV with commas and CRLF (RFC 4180).

        Memory holds one page, and no transaction is longer than one; page follows page by the cursor, so nothing is in
        the file twice, and what happens meanwhile is not in it. ``with_mark`` puts a byte order mark before CSV, for
        Excel. Raises Invalid before the first piece.
        """
        first = await self.activity(account_id, chosen, limit=MAX_PAGE)
        return self._pieces(account_id, chosen, form, first, head(form, with_mark=with_mark))

    async def _pieces(
        self, account_id: int, chosen: ActivityFilter | None, form: ExportForm, page: TimelinePage, begun: bytes
    ) -> AsyncIterator[bytes]:
        piece = begun + written(page.events, form)
        while True:
            yield piece
            if page.next_cursor is None:
                return
            page = await self.activity(account_id, chosen, cursor=page.next_cursor, limit=MAX_PAGE)
            piece = written(page.events, form)


async def _contacts_of(connection: Connection, account_id: int, asked: ActivityFilter) -> list[int] | None:
    """The contacts whose lines are asked for; None: anybody's."""
    contact_id = asked.contact_id
    if contact_id is None:
        if asked.message_id is None:
            return None
        contact_id = await store.contact_of_message(connection, account_id, asked.message_id)
        # A message stays with the contact that it went to.
        return [] if contact_id is None else [contact_id]
    return await lineage(connection, account_id, [contact_id])


def _month_before(day: date, back: int) -> date:
    number = day.year * 12 + day.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


_Place = tuple[datetime, int, int]


async def _lines(connection: Connection, where: dict[str, Any], place: _Place) -> list[store.Placed]:
    """Up to ``limit`` lines of both tables before the place, newest first."""
    at, source, number = place
    found: list[store.Placed] = []
    if where["states"]:
        # Lines of the activity stand before those of the ledger at the same time.
        before = UUID(int=number) if source == store.LEDGER_SOURCE else _LAST_UUID
        found += await store.ledger_lines(connection, where, at, before)
    if where["kinds"]:
        before_id = number if source == store.ACTIVITY_SOURCE else 0
        found += await store.activity_lines(connection, where, at, before_id)
    found.sort(key=lambda line: line[0], reverse=True)
    return found[: where["limit"]]


async def _in_growing_spans(
    span: Callable[[datetime, datetime], Awaitable[list[store.Placed]]],
    low: datetime,
    high: datetime,
    now: datetime,
    wanted: int,
) -> list[store.Placed]:
    """Look back a month, then four and so on, until there are enough lines.

    Every stretch of an index is looked for in every month of a span: most pages need few of them.
    """
    found: list[store.Placed] = []
    width = _FIRST_SPAN
    end = high
    # The future holds only what clocks that are ahead wrote: one span.
    start = max(low, min(end, now) - width)
    while start < end and len(found) < wanted:
        found += await span(start, end)
        end = start
        width *= 4
        start = max(low, end - width) if end - _ALWAYS > width else low
    return found[:wanted]


def _split_kinds(kinds: Collection[str]) -> tuple[list[int], list[int]]:
    unknown = [kind for kind in kinds if kind not in _STATE_NUMBERS and kind not in _KIND_NUMBERS]
    if unknown:
        known = ", ".join([*_STATE_NUMBERS, *_KIND_NUMBERS])
        raise Invalid.of([FieldError("kind", f"{kind!r} is not one of {known}") for kind in unknown])
    if not kinds:
        return list(_STATE_NUMBERS.values()), list(_KIND_NUMBERS.values())
    return (
        [_STATE_NUMBERS[kind] for kind in kinds if kind in _STATE_NUMBERS],
        [_KIND_NUMBERS[kind] for kind in kinds if kind in _KIND_NUMBERS],
    )


def _write_cursor(place: _Place) -> str:
    at, source, number = place
    return urlsafe_b64encode(msgspec.json.encode((at, source, f"{number:x}"))).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> _Place:
    if cursor is None:
        return _NEVER, store.ACTIVITY_SOURCE, (1 << 63) - 1
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        at, source, digits = msgspec.json.decode(text, type=tuple[datetime, int, str])
        number = int(digits, 16)
        if at.tzinfo is None or not 0 <= number < 1 << (128 if source == store.LEDGER_SOURCE else 63):
            raise ValueError
    except (ValueError, msgspec.MsgspecError, UnicodeEncodeError):
        raise Invalid("cursor", "is not one that was given out; start again without it") from None
    return at, source, number

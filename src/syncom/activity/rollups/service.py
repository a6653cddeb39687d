"""Reports from rollups: exact, and as fast for a year as for a day. Rollups are written with the facts themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncom.activity.rollups import store
from syncom.activity.rollups.model import (
    WHOLE_ACCOUNT,
    Check,
    Coverage,
    Difference,
    Dimension,
    DomainCounts,
    Ended,
    Heat,
    Point,
    RollupKind,
    Series,
    Share,
    Span,
)
from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.errors import Conflict, Invalid
from syncom.postgres.pool import Connection, Database

#: Of a question without a begin.
_DEFAULT: Final = timedelta(days=30)
_MOST_DIFFERENCES: Final = 1000
_DAY: Final = timedelta(days=1)
#: Who writes rollups of the ledger under which number; sending processes have their own (migration 0050).
KEEPER_SHARD: Final = -1
REQUESTS_SHARD: Final = 32
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)

_COUNTERS: Final = {kind.label: kind for kind in RollupKind}
#: What people look at by device, mail client, system and country.
AUDIENCE: Final = {
    dimension.name.lower(): dimension
    for dimension in (Dimension.DEVICE, Dimension.CLIENT, Dimension.OS, Dimension.COUNTRY)
}


async def count_ended(connection: Connection, counts: Mapping[Ended, int], shard: int) -> None:
    """Add messages that ended to the rollups, in the transaction that writes their rows of the ledger.

    A negative count takes away what left the ledger. ``shard`` as in the table: writers with different ones never
    wait for each other.
    """
    if counts:
        await store.add_ended(connection, counts, shard)


def domain_of(address: str) -> str:
    """The receiving domain of a mail address, as the rollups have it."""
    return address.split("@", 2)[1] if "@" in address else ""


class RollupsService:
    """Reads rollups, makes them of old facts, and holds them against a recount.

    Days of a report by channel are those of the zone asked for, made of hours of UTC: in a zone that is half an hour
    off they begin with the hour of UTC in which the day begins. All other days are days of UTC.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # ------------------------------------------------------------ reports

    async def series(
        self,
        account_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        span: Span = Span.DAY,
        zone: str = "UTC",
        channel: Channel | None = None,
        campaign_id: int = WHOLE_ACCOUNT,
    ) -> Series:
        """What happened over time: of the account, of its SINGLE_MESSAGES, or of one campaign (of all its channels).

        Without ``since``: the last 30 days, of a campaign all of its life.
        """
        start, end = self._period(since, until) if campaign_id <= 0 else (since or _FIRST, until or _LAST)
        name = zone_named(zone)
        async with self._database.tenant(account_id) as connection:
            rows = await store.series(
                connection,
                account_id,
                start,
                end,
                campaign_id=campaign_id,
                channel=None if channel is None else channel.value,
                span=span,
                zone=name.key,
            )
        points: defaultdict[datetime, dict[str, int]] = defaultdict(dict)
        total: defaultdict[str, int] = defaultdict(int)
        for at, kind, count in rows:
            points[at.astimezone(name)][kind.label] = count
            total[kind.label] += count
        return Series(
            points=[Point(start=at, counts=counts) for at, counts in sorted(points.items())], total=dict(total)
        )

    async def heat(
        self,
        account_id: int,
        *,
        counter: str = RollupKind.OPENED.label,
        zone: str = "UTC",
        since: datetime | None = None,
        until: datetime | None = None,
        channel: Channel | None = None,
        campaign_id: int | None = None,
    ) -> Heat:
        """When it happens: a counter by weekday and hour, of the account (or its ``channel``) or of one campaign.

        Without ``since``: the last 30 days, of a campaign all of its life.
        """
        kind = _COUNTERS.get(counter)
        if kind is None or (campaign_id is not None and kind is RollupKind.DEFERRED):
            raise Invalid("counter", f"{counter!r} is not one of {', '.join(_COUNTERS)}")
        start, end = self._period(since, until) if campaign_id is None else (since or _FIRST, until or _LAST)
        name = zone_named(zone)
        async with self._database.tenant(account_id) as connection:
            rows = await store.heat(
                connection,
                account_id,
                start,
                end,
                campaign_id=campaign_id,
                channel=None if channel is None else channel.value,
                kind=kind,
                zone=name.key,
            )
        hours = [[0] * 24 for _ in range(7)]
        for weekday, hour, count in rows:
            hours[weekday - 1][hour] = count
        return Heat(counter=counter, zone=name.key, hours=hours)

    async def audience(
        self,
        account_id: int,
        by: str,
        *,
        since: date | None = None,
        until: date | None = None,
        campaign_id: int | None = None,
    ) -> list[Share]:
        """Where mail is read: hits by 'device', 'client', 'os' or 'country', most by people first.

        Days of UTC, both included. Without ``since``: the last 30 days, of a campaign all of its life.
        """
        dimension = AUDIENCE.get(by)
        if dimension is None:
            raise Invalid("by", f"{by!r} is not one of {', '.join(AUDIENCE)}")
        found = await self._values(account_id, dimension, since, until, campaign_id)
        shares = [
            Share(
                value=value,
                opened=counts[RollupKind.OPENED],
                clicked=counts[RollupKind.CLICKED],
                machine_opens=counts[RollupKind.OPENED_MACHINE],
                machine_clicks=counts[RollupKind.CLICKED_MACHINE],
            )
            for value, counts in found.items()
        ]
        return sorted(shares, key=lambda share: (-share.opened - share.clicked, -share.machine_opens, share.value))

    async def domains(
        self,
        account_id: int,
        *,
        since: date | None = None,
        until: date | None = None,
        campaign_id: int | None = None,
        limit: int = 100,
    ) -> list[DomainCounts]:
        """How mail fared by receiving domain, those with most messages first.

        Sent, failed, deferred and uncertain are of messages settled in these days (UTC, both included), the others of
        what happened in them. Without ``since``: the last 30 days, of a campaign all of its life.
        """
        found = await self._values(account_id, Dimension.DOMAIN, since, until, campaign_id)
        rows = [
            DomainCounts(
                domain=value,
                sent=counts[RollupKind.SENT],
                failed=counts[RollupKind.FAILED],
                deferred=counts[RollupKind.DEFERRED],
                uncertain=counts[RollupKind.UNCERTAIN],
                delivered=counts[RollupKind.DELIVERED],
                bounced=counts[RollupKind.BOUNCED],
                opened=counts[RollupKind.OPENED_FIRST],
                clicked=counts[RollupKind.CLICKED_FIRST],
                unsubscribed=counts[RollupKind.UNSUBSCRIBED],
                complained=counts[RollupKind.COMPLAINED],
            )
            for value, counts in found.items()
        ]
        rows.sort(key=lambda row: (-row.sent - row.failed - row.uncertain, -row.opened, row.domain))
        return rows[:limit]

    async def coverage(self, account_id: int) -> Coverage:
        """Which days are still to be made of facts from before rollups were kept."""
        async with self._database.tenant(account_id) as connection:
            return await store.coverage(connection, account_id)

    async def _values(
        self, account_id: int, dimension: Dimension, since: date | None, until: date | None, campaign_id: int | None
    ) -> dict[str, defaultdict[RollupKind, int]]:
        if campaign_id is None:
            start, end = self._period(_begin(since), _begin(until, 1))
            start = start.replace(hour=0, minute=0, second=0, microsecond=0)
        else:
            start, end = _begin(since) or _FIRST, _begin(until, 1) or _LAST
        async with self._database.tenant(account_id) as connection:
            rows = await store.values_of(
                connection,
                account_id,
                start,
                end,
                dimension=dimension,
                campaign_id=WHOLE_ACCOUNT if campaign_id is None else campaign_id,
            )
        found: dict[str, defaultdict[RollupKind, int]] = {}
        for value, kind, count in rows:
            found.setdefault(value, defaultdict(int))[kind] = count
        return found

    def _period(self, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
        end = until or self._clock.now() + _DAY
        start = since or (until or self._clock.now()) - _DEFAULT
        if start >= end:
            raise Invalid("since", "must be before until")
        return start, end

    # ------------------------------------------------------------ recounts

    async def verify(self, account_id: int, since: date | None = None, until: date | None = None) -> Check:
        """Recount the facts of some days (UTC, both included), and compare. Changes nothing, and holds up nobody.

        Without ``until`` up to today, without ``since`` the last week of it.
        Facts that were deleted by now (retention) are missing from the recount. Hits that wait in the journal are in
        neither.
        """
        until = until or self._clock.now().date()
        since = since or until - 6 * _DAY
        if since > until:
            raise Invalid("since", "must not be after until")
        compared = 0
        found: list[Difference] = []
        day = since
        while day <= until:
            start = _midnight(day)
            async with self._database.system() as connection:
                await store.freeze(connection)
                await store.prepare_recount(connection)
                await store.recount_hits(connection, account_id, start, start + _DAY)
                await store.recount_ended(connection, account_id, start, start + _DAY)
                looked_at, differences = await store.differences(
                    connection, account_id, start, start + _DAY, limit=_MOST_DIFFERENCES
                )
            compared += looked_at
            found += differences
            if len(found) >= _MOST_DIFFERENCES:
                break
            day += _DAY
        return Check(since=since, until=until, compared=compared, differences=found[:_MOST_DIFFERENCES])

    async def rebuild(self, account_id: int, day: date) -> None:
        """Make the rollups of a day (UTC) anew of its facts. Exact while others go on writing: they wait for it.

        For facts that were written without rollups, before there were any or by an older release. Raises Conflict for
        a day whose facts are not kept any longer: its rollups are all that is left.
        """
        async with self._database.system() as connection:
            if not await self._is_kept(connection, account_id, day):
                raise Conflict(f"the facts of {day} are not kept any longer: its rollups are all that is left of them")
            await self._rebuild_hits(connection, account_id, day)
        async with self._database.system() as connection:
            await self._rebuild_ended(connection, account_id, day)

    async def rebuild_next(self) -> bool:
        """Rebuild one day that is still to be made, if there is one. Resumes where another process ended."""
        async with self._database.system() as connection:
            found = await store.next_rebuild(connection)
            if found is None:
                return False
            account_id, day, _ = found
            if await self._is_kept(connection, account_id, day):
                await self._rebuild_hits(connection, account_id, day)
                await self._rebuild_ended(connection, account_id, day)
            await store.rebuilt(connection, account_id, day)
        return True

    async def _is_kept(self, connection: Connection, account_id: int, day: date) -> bool:
        kept_from = await store.kept_from(connection, account_id, self._clock.now())
        return kept_from is None or _midnight(day) >= kept_from

    async def _rebuild_hits(self, connection: Connection, account_id: int, day: date) -> None:
        start = _midnight(day)
        await store.hold_hits(connection)
        await store.prepare_recount(connection)
        await store.name_domains(connection, account_id, start, start + _DAY)
        await store.recount_hits(connection, account_id, start, start + _DAY)
        await store.replace(connection, account_id, start, start + _DAY, hits=True)
        await store.forget_recount(connection)

    async def _rebuild_ended(self, connection: Connection, account_id: int, day: date) -> None:
        start = _midnight(day)
        # Erasures take this lock before they write the ledger: the same order here.
        await store.hold_hits(connection)
        await store.hold_ledger(connection)
        await store.prepare_recount(connection)
        await store.recount_ended(connection, account_id, start, start + _DAY)
        await store.replace(connection, account_id, start, start + _DAY, hits=False)
        await store.forget_recount(connection)


def zone_named(name: str) -> ZoneInfo:
    """Raises Invalid."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("zone", f"{name!r} is not a time zone such as Europe/Kyiv") from None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _begin(day: date | None, later: int = 0) -> datetime | None:
    return None if day is None else _midnight(day) + timedelta(days=later)

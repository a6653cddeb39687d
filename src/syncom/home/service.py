"""The first page of an account: from rollups, counters and small tables, so it costs the same for every account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from syncom.activity.rollups.model import RollupKind, Span
from syncom.activity.rollups.service import RollupsService
from syncom.clock import Clock
from syncom.home.model import Concern, Figure, Home, Money, Period, Running, Step
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.home", "home.sql")
_PERIODS: Final = (7, 30)
#: Newest contacts that are looked at to count those that came.
_COUNTED: Final = 20_000
#: Of each kind of things.
_MOST: Final = 20
#: What ended with a problem is told so long.
_RECENT: Final = timedelta(days=7)
_STEPS: Final = ("sender", "contacts", "template", "campaign", "domain", "segment", "workflow")
#: What mailbox providers begin to refuse at: shares of what was sent (docs/deliverability.md), and how many it takes.
_BOUNCES: Final = 0.05
_COMPLAINTS: Final = 0.001
_FEWEST: Final = 200


class HomeService:
    """Puts the page together."""

    def __init__(self, database: Database, rollups: RollupsService, clock: Clock) -> None:
        self._database = database
        self._rollups = rollups
        self._clock = clock

    async def page(self, account_id: int) -> Home:
        """What happened, runs, needs a person, and comes next."""
        now = self._clock.now()
        today = now.astimezone(UTC).date()
        first = today - timedelta(days=2 * max(_PERIODS) - 1)
        series = await self._rollups.series(account_id, since=_begin(first), until=now, span=Span.DAY)
        counts = {point.start.astimezone(UTC).date(): point.counts for point in series.points}
        values = {"account_id": account_id, "limit": _MOST, "recent": now - _RECENT}
        async with self._database.tenant(account_id) as connection:
            came = await _came(connection, account_id, today)
            earned = await _earned(connection, account_id, first)
            running = await (await connection.execute(_SQL["running"], values)).fetchall()
            concerns = await (await connection.execute(_SQL["concerns"], values)).fetchall()
            steps = await (await connection.execute(_SQL["steps"], values)).fetchone()
        periods = [_period(days, today, counts, came[days], earned) for days in _PERIODS]
        return Home(
            periods=periods,
            running=[
                Running(
                    kind=row[0],
                    id=row[1],
                    name=row[2],
                    state=row[3],
                    progress=None if row[4] is None else float(row[4]),
                    at=row[5],
                )
                for row in running
            ],
            concerns=[
                *_rates(periods[0]),
                *(Concern(kind=row[0], id=row[1], name=row[2], problem=row[3], since=row[4]) for row in concerns),
            ],
            steps=[Step(key=key, is_done=done) for key, done in zip(_STEPS, steps or (), strict=False)],
        )


async def _came(connection: Connection, account_id: int, today: date) -> Mapping[int, tuple[Figure, bool]]:
    """New contacts by the length of the period, and whether all were looked at."""
    week, month = _PERIODS
    begins = {
        name: _begin(today - timedelta(days=days - 1))
        for name, days in (("week", week), ("weeks", 2 * week), ("month", month), ("months", 2 * month))
    }
    values = {"account_id": account_id, "limit": _COUNTED, **begins}
    row = await (await connection.execute(_SQL["new_contacts"], values)).fetchone()
    assert row is not None, "counts give a row"

    def is_exact(begin: datetime) -> bool:
        return row[4] < _COUNTED or row[5] < begin

    return {
        week: (Figure(now=row[0], before=row[1]), is_exact(begins["weeks"])),
        month: (Figure(now=row[2], before=row[3]), is_exact(begins["months"])),
    }


async def _earned(connection: Connection, account_id: int, first: date) -> Sequence[tuple[date, str, Decimal]]:
    cursor = await connection.execute(_SQL["revenue"], {"account_id": account_id, "since": first})
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


def _period(
    days: int,
    today: date,
    counts: Mapping[date, Mapping[str, int]],
    came: tuple[Figure, bool],
    earned: Sequence[tuple[date, str, Decimal]],
) -> Period:
    begin = today - timedelta(days=days - 1)
    before = begin - timedelta(days=days)

    def figure(kind: RollupKind) -> Figure:
        now = sum(found.get(kind.label, 0) for day, found in counts.items() if day >= begin)
        then = sum(found.get(kind.label, 0) for day, found in counts.items() if before <= day < begin)
        return Figure(now=now, before=then)

    money: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for day, currency, net in earned:
        if day >= before:
            money[currency][0 if day >= begin else 1] += net
    return Period(
        days=days,
        sent=figure(RollupKind.SENT),
        opened=figure(RollupKind.OPENED_FIRST),
        clicked=figure(RollupKind.CLICKED_FIRST),
        bounced=figure(RollupKind.BOUNCED),
        complained=figure(RollupKind.COMPLAINED),
        unsubscribed=figure(RollupKind.UNSUBSCRIBED),
        new_contacts=came[0],
        new_contacts_is_exact=came[1],
        revenue=[Money(currency=currency, now=now, before=then) for currency, (now, then) in sorted(money.items())],
    )


def _rates(week: Period) -> list[Concern]:
    """Bounces and complaints of the last week that providers would not like."""
    found: list[Concern] = []
    for kind, figure, limit, advice in (
        ("bounces", week.bounced, _BOUNCES, "look at where these addresses came from"),
        ("complaints", week.complained, _COMPLAINTS, "write to those who asked for it, and make leaving easy"),
    ):
        sent = week.sent.now
        if sent >= _FEWEST and figure.now > limit * sent:
            share = f"{100 * figure.now / sent:.2g} % of {sent:,} messages of the last 7 days"
            found.append(
                Concern(kind=kind, id=None, name="", problem=f"{share}, more than {limit:.1%}; {advice}", since=None)
            )
    return found


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

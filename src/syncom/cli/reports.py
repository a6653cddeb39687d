"""``syncom report``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from cyclopts import App

from syncom.activity.model import Cohort, CohortActive, CohortBy
from syncom.activity.rollups.model import SINGLE_MESSAGES, WHOLE_ACCOUNT, Check, DomainCounts, Heat, Series, Share, Span
from syncom.cli.output import show, table
from syncom.cli.report import sparkline
from syncom.cli.services import Options, here
from syncom.contacts.model import Channel

app = App(name="report", help="What happened over time, when, where mail is read, and how domains take it.")
_DEFAULT = Options()
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COLUMNS = ("sent", "failed", "delivered", "bounced", "opened.first", "clicked.first", "unsubscribed", "complained")
_NOTHING = "Nothing happened in these days."


@app.command
async def series(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    span: Literal["hour", "day", "week", "month"] = "day",
    zone: str = "UTC",
    channel: Channel | None = None,
    single: bool = False,
    options: Options = _DEFAULT,
) -> None:
    """Show messages and reactions over time.

    Parameters
    ----------
    since
        From this moment on; 30 days ago unless given.
    until
        Before this moment.
    span
        How much of time is one line.
    zone
        Whose days, such as Europe/Kyiv.
    channel
        Only this one.
    single
        Only messages that belong to no campaign.
    """
    async with here(options) as services:
        found = await services.app.rollups.series(
            services.account_id,
            since=_aware(since),
            until=_aware(until),
            span=Span(span),
            zone=zone,
            channel=channel,
            campaign_id=SINGLE_MESSAGES if single else WHOLE_ACCOUNT,
        )
    show(found, json=options.json, human=lambda: _show_series(found))


def _show_series(found: Series) -> None:
    columns = [name for name in _COLUMNS if name in found.total]
    rows = [(f"{point.start:%Y-%m-%d %H:%M}", *_counts(point.counts, columns)) for point in found.points]
    if rows:
        rows.append(("total", *_counts(found.total, columns)))
    table(("", *columns), rows, empty=_NOTHING)


def _counts(counts: dict[str, int], columns: Sequence[str]) -> list[str]:
    return [f"{counts.get(name, 0):,}" for name in columns]


@app.command
async def heat(
    *,
    counter: str = "opened",
    zone: str = "UTC",
    campaign: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Show a counter by weekday and hour of the day.

    Parameters
    ----------
    counter
        opened, clicked, sent, opened.first, ...
    zone
        Whose hours, such as Europe/Kyiv.
    campaign
        Id of a campaign; without it, the whole account.
    since
        From this moment on; 30 days ago unless given.
    until
        Before this moment.
    """
    async with here(options) as services:
        found = await services.app.rollups.heat(
            services.account_id,
            counter=counter,
            zone=zone,
            since=_aware(since),
            until=_aware(until),
            campaign_id=campaign,
        )
    show(found, json=options.json, human=lambda: _show_heat(found))


def _show_heat(found: Heat) -> None:
    most = max(map(max, found.hours))
    print(f"{found.counter} by hour ({found.zone}), at most {most:,}")
    print("     0     6     12    18   23")
    for weekday, hours in zip(_WEEKDAYS, found.hours, strict=True):
        # The largest count of the week is added and cut off, so that all days have one scale.
        print(f"{weekday}  {sparkline([*hours, most])[:-1]}  {sum(hours):,}")


@app.command
async def audience(
    by: Literal["device", "client", "os", "country"] = "client",
    *,
    campaign: int | None = None,
    since: date | None = None,
    until: date | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Show where mail is read: opens and clicks by device, mail client, system or country.

    Parameters
    ----------
    by
        What to count by.
    campaign
        Id of a campaign; without it, the whole account.
    since
        The first day (UTC); 30 days ago unless given.
    until
        The last day.
    """
    async with here(options) as services:
        found = await services.app.rollups.audience(
            services.account_id, by, since=since, until=until, campaign_id=campaign
        )
    show(found, json=options.json, human=lambda: _show_audience(by, found))


def _show_audience(by: str, found: Sequence[Share]) -> None:
    rows = [
        (
            share.value or "not known",
            f"{share.opened:,}",
            f"{share.clicked:,}",
            f"{share.machine_opens:,}",
            f"{share.machine_clicks:,}",
        )
        for share in found
    ]
    table((by, "opened", "clicked", "by machines", "clicked by machines"), rows, empty=_NOTHING)


@app.command
async def domains(
    *,
    campaign: int | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: int = 50,
    options: Options = _DEFAULT,
) -> None:
    """Show how mail fared by receiving domain, those with most messages first.

    Parameters
    ----------
    campaign
        Id of a campaign; without it, the whole account.
    since
        The first day (UTC); 30 days ago unless given.
    until
        The last day.
    limit
        How many domains.
    """
    async with here(options) as services:
        found = await services.app.rollups.domains(
            services.account_id, since=since, until=until, campaign_id=campaign, limit=limit
        )
    show(found, json=options.json, human=lambda: _show_domains(found))


def _show_domains(found: Sequence[DomainCounts]) -> None:
    columns = ("sent", "failed", "deferred", "bounced", "opened", "clicked", "unsubscribed", "complained")
    rows = [(row.domain or "not known", *(f"{getattr(row, name):,}" for name in columns)) for row in found]
    table(("domain", *columns), rows, empty=_NOTHING)


@app.command
async def verify(since: date | None = None, until: date | None = None, *, options: Options = _DEFAULT) -> int:
    """Recount the facts of some days (UTC) and compare the rollups with them. Exit code 1: something differs.

    Parameters
    ----------
    since
        The first day; a week ago unless given.
    until
        The last day; today unless given.
    """
    async with here(options) as services:
        check = await services.app.rollups.verify(services.account_id, since, until)
        missing = await services.app.rollups.coverage(services.account_id)
    show(check, json=options.json, human=lambda: _show_check(check))
    if missing.next_day is not None and not options.json:
        print(f"Rollups of old facts are still being made: {missing.next_day} to {missing.last_day}.")
    return 1 if check.differences else 0


def _show_check(check: Check) -> None:
    rows = [
        (
            found.dimension,
            found.campaign_id,
            found.hour,
            found.value,
            found.counter,
            f"{found.counted:,}",
            f"{found.recounted:,}",
        )
        for found in check.differences
    ]
    columns = ("by", "campaign", "hour", "value", "counter", "counted", "recounted")
    table(columns, rows, empty=f"{check.compared:,} rollups are what the facts say.")
    if rows:
        print("`syncom report rebuild DAY` makes the rollups of a day anew.")


@app.command
async def rebuild(since: date, until: date | None = None, *, options: Options = _DEFAULT) -> None:
    """Make the rollups of a day (UTC), or of several, anew of the facts. Others go on writing.

    Parameters
    ----------
    since
        The first day.
    until
        The last day; the first one unless given.
    """
    async with here(options) as services:
        day = since
        while day <= (until or since):
            await services.app.rollups.rebuild(services.account_id, day)
            day += timedelta(days=1)
    days = ((until or since) - since).days + 1
    show({"days": days}, json=options.json, human=lambda: print(f"{days} days were recounted."))


def _aware(given: datetime | None) -> datetime | None:
    """A time without a zone is one of this machine."""
    return None if given is None else given.astimezone()


@app.command
async def cohorts(
    *,
    begun: CohortBy = CohortBy.CREATED,
    active: CohortActive = CohortActive.ENGAGED,
    months: int = 12,
    zone: str = "UTC",
    options: Options = _DEFAULT,
) -> None:
    """Show how many of the contacts that began in a month were there in it and in each month since.

    Parameters
    ----------
    begun
        What makes a cohort: the month in which a contact was created, or ordered for the first time.
    active
        What counts as being there: having opened or clicked a message, or having ordered.
    months
        So many, this one included.
    zone
        Whose months, such as Europe/Kyiv.
    """
    async with here(options) as services:
        found = await services.app.activity.cohorts(
            services.account_id, by=begun, active=active, months=months, zone=zone
        )
    show(found, json=options.json, human=lambda: _show_cohorts(found))


def _show_cohorts(found: Sequence[Cohort]) -> None:
    rows = [
        (
            f"{cohort.month:%Y-%m}",
            f"{cohort.contacts:,}",
            *(f"{100 * count / cohort.contacts:.0f} %" if cohort.contacts else "-" for count in cohort.active),
            *("" for _ in range(len(found) - len(cohort.active))),
        )
        for cohort in found
    ]
    table(("month", "contacts", *(f"+{later}" for later in range(len(found)))), rows, empty=_NOTHING)

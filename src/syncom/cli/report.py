"""A campaign's report, drawn in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncom.campaigns.model import CampaignState, HourCounts, LinkClicks, Report

_BAR = 24
_STEPS = "▁▂▃▄▅▆▇█"
_PLAIN_STEPS = "_.:-=+*#"
#: Most columns of the timeline; a longer one is drawn with several hours a column.
_COLUMNS = 72
_TIMELINE = ("sent", "opened", "clicked", "unsubscribed")


def draw(report: Report, console: Console | None = None) -> None:
    """Print the report: funnel, exclusions, failures, links, timeline."""
    out = console or Console(highlight=False)
    campaign = report.campaign
    title = f"Campaign {campaign.campaign_id}  {_printable(campaign.name)}"
    out.print(Text(title, style="bold"), Text(f"[{campaign.state.value}]", style=_COLOURS.get(campaign.state, "")))
    out.print(Text(_dates(report)))
    if campaign.problem:
        out.print(Text(f"Problem: {_printable(campaign.problem)}", style="red"))
    if report.next_at is not None:
        out.print(Text(f"Whoever is left has to wait: the next may go at {_moment(report.next_at)}", style="yellow"))
    if report.sender_problem:
        out.print(Text(f"Waiting for its sender: {_printable(report.sender_problem)}", style="yellow"))
    out.print()
    out.print(_funnel(report, plain=out.options.ascii_only))
    _section(out, "Excluded", list(report.excluded.items()))
    _section(out, "Not sent", _unsent(report))
    _section(out, "Charged", _charged(report))
    _section(out, "Led to", _orders(report))
    if report.links:
        out.print()
        out.print(_links(report.links, plain=out.options.ascii_only))
    _timeline(out, report.hours)
    if report.failed:
        out.print()
        out.print(Text(f"Why they failed: `syncom campaign recipients {campaign.campaign_id} --state failed`."))
        out.print(Text(f"Once more:       `syncom campaign retry-failed {campaign.campaign_id}`."))


_COLOURS = {
    CampaignState.FINISHED: "green",
    CampaignState.FAILED: "red",
    CampaignState.CANCELLED: "yellow",
    CampaignState.PAUSED: "yellow",
}


def _dates(report: Report) -> str:
    campaign = report.campaign
    if campaign.launched_at is None:
        if campaign.scheduled_at is None:
            return "not started"
        if campaign.local_at is not None:
            return f"goes at {campaign.local_at:%Y-%m-%d %H:%M} of each contact's zone"
        return f"starts {_moment(campaign.scheduled_at)}"
    if campaign.finished_at is None:
        return f"started {_moment(campaign.launched_at)}"
    seconds = (campaign.finished_at - campaign.launched_at).total_seconds()
    speed = f", {report.sent / seconds:,.0f} a second" if seconds > 0 and report.sent else ""
    return f"started {_moment(campaign.launched_at)}, finished in {_span(seconds)}{speed}"


def _funnel(report: Report, *, plain: bool) -> Table:
    drawn = _grid(("", "left"), ("", "right"), ("", "right"), ("", "left"), ("", "left"))
    sent = report.sent
    machines = "and {:,} by machines"
    rows: list[tuple[str, int, int, str, str]] = [
        ("audience", report.audience, report.audience, "", ""),
        ("sent", sent, report.audience, "", _more(("in doubt, maybe twice", report.in_doubt))),
    ]
    if report.delivered:
        rows.append(("delivered", report.delivered, sent, "", ""))
    rows += [
        ("opened", report.opened, sent, "green", machines.format(report.machine_opens)),
        ("clicked", report.clicked, sent, "cyan", machines.format(report.machine_clicks)),
        ("unsubscribed", report.unsubscribed, sent, "yellow", ""),
    ]
    rows += [
        (name, count, sent, "red", "")
        for name, count in (("bounced", report.bounced), ("complained", report.complained))
        if count
    ]
    for name, count, whole, colour, note in rows:
        drawn.add_row(name, f"{count:,}", _percent(count, whole), _bar(count, report.audience, colour, plain), note)
    return drawn


def _unsent(report: Report) -> list[tuple[str, int]]:
    lines = [
        ("failed", report.failed),
        ("cancelled", report.cancelled),
        ("uncertain, not sent again", report.uncertain),
        ("waiting", report.waiting),
        ("to be tried again", report.retrying),
    ]
    return [(name, count) for name, count in lines if count]


def _charged(report: Report) -> list[tuple[str, int | str]]:
    """Parts of texts, and what they cost."""
    if not report.parts:
        return []
    cost = report.cost
    words = f"{report.parts:,}, {cost.amount.normalize():,f} {cost.currency}" if cost else f"{report.parts:,}"
    return [("charged parts", words)]


def _orders(report: Report) -> list[tuple[str, int | str]]:
    return [
        (f"orders {one.currency}".strip(), f"{one.orders:,}, {one.net:,} after {one.refunded:,} refunded")
        for one in report.revenue
    ]


def _section(out: Console, title: str, lines: Sequence[tuple[str, int | str]]) -> None:
    if not lines:
        return
    out.print()
    out.print(Text(title, style="bold"))
    width = max(len(name) for name, _ in lines)
    for name, count in lines:
        shown = count if isinstance(count, str) else f"{count:,}"
        out.print(Text(f"{_printable(name):<{width}}  {shown}"))


def _links(links: Sequence[LinkClicks], *, plain: bool) -> Table:
    drawn = _grid(("Links", "left"), ("clicks", "right"), ("", "left"), ("machines", "right"))
    drawn.show_header = True
    most = max((link.clicks for link in links), default=0)
    for link in links:
        target = _printable(link.target) or f"link {link.link}: a personal address"
        bar = _bar(link.clicks, most, "cyan", plain, width=16)
        drawn.add_row(Text(target, overflow="ellipsis"), f"{link.clicks:,}", bar, f"{link.machine_clicks:,}")
    return drawn


def _timeline(out: Console, hours: Sequence[HourCounts]) -> None:
    if not hours:
        return
    first, last = hours[0].hour, hours[-1].hour
    span = int((last - first) / timedelta(hours=1)) + 1
    step = -(-span // _COLUMNS)
    out.print()
    unit = "hour" if step == 1 else f"{step} hours"
    out.print(Text(f"By {unit}, {_moment(first)} to {_moment(last + timedelta(hours=1))}", style="bold"))
    for kind in _TIMELINE:
        columns = [0] * (-(-span // step))
        for counts in hours:
            columns[int((counts.hour - first) / timedelta(hours=step))] += counts.counts.get(kind, 0)
        if any(columns):
            line = sparkline(columns, plain=out.options.ascii_only)
            out.print(Text(f"{kind:<13} {line}  most {max(columns):,}"))


def sparkline(values: Iterable[int], *, plain: bool = False) -> str:
    """One character a value, its height in proportion to the largest; a space for nothing."""
    numbers = list(values)
    most = max(numbers, default=0)
    steps = _PLAIN_STEPS if plain else _STEPS
    return "".join(steps[-(-value * len(steps) // most) - 1] if value > 0 else " " for value in numbers)


def _bar(count: int, whole: int, colour: str, plain: bool, *, width: int = _BAR) -> Text:
    length = round(width * min(count, whole) / whole) if whole else 0
    if count and not length:
        length = 1  # something is not nothing
    return Text(("#" if plain else "█") * length, style=colour)


def _percent(count: int, whole: int) -> str:
    return f"{100 * count / whole:.1f} %" if whole else "-"


def _more(*notes: tuple[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in notes if count)


def _grid(*columns: tuple[str, str]) -> Table:
    drawn = Table(box=None, header_style="bold", pad_edge=False, show_header=False)
    for name, side in columns:
        drawn.add_column(name, justify="right" if side == "right" else "left")
    return drawn


def _moment(when: datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _printable(text: str) -> str:
    """A control character in a name would steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)

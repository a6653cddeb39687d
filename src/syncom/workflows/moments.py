"""When triggers of time are due. Pure.

Of local times that a change of the clocks leaves out, the one an hour later is meant; of those that come twice, a
schedule means the first.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from syncom.messages.policy.model import WEEKDAYS
from syncom.workflows.language import ScheduleTrigger

_DAY: Final = timedelta(days=1)
_QUARTER: Final = timedelta(minutes=15)
_MIDNIGHT: Final = datetime(2000, 1, 1, tzinfo=UTC)


def next_time(trigger: ScheduleTrigger, after: datetime) -> datetime | None:
    """The first moment of a schedule after another one; None: there is none any more. Raises as ZoneInfo does."""
    zone = zone_of(trigger)
    for day in _days(trigger, after.astimezone(zone).date() - _DAY):
        moment = datetime.combine(day, trigger.at, zone).astimezone(UTC)
        if moment > after:
            return moment
    return None


def zone_of(trigger: ScheduleTrigger) -> ZoneInfo:
    """Raises as ZoneInfo does."""
    return ZoneInfo(trigger.time_zone or "UTC")


def _days(trigger: ScheduleTrigger, first: date) -> Iterator[date]:
    """Days of a schedule from one on."""
    if trigger.every == "once":
        yield date.fromisoformat(trigger.on)
        return
    day = first
    while True:
        if (
            trigger.every == "day"
            or (trigger.every == "week" and day.isoweekday() == WEEKDAYS.index(trigger.weekday) + 1)
            or (trigger.every == "month" and day.day == min(trigger.day, monthrange(day.year, day.month)[1]))
        ):
            yield day
        day += _DAY


def next_look(at: time, after: datetime) -> datetime:
    """The first moment after another one at which it may be this time of day somewhere.

    Clocks of the world are whole quarters of an hour apart.
    """
    of_day = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
    return after + (_QUARTER - (after - _MIDNIGHT - of_day) % _QUARTER)


def base_days(since: datetime, until: datetime, days: int) -> list[date]:
    """All days that may lie so many days before the local day of a moment between these two, wherever that is.

    One more at each end, because a moment's day in UTC is not the local one.
    """
    first = (since - timedelta(hours=14)).date() - _DAY - days * _DAY
    last = (until + timedelta(hours=15)).date() + _DAY - days * _DAY
    return [first + place * _DAY for place in range((last - first).days + 1)]


def month_days(days: list[date]) -> list[str]:
    """Months and days, such as ``02-28``; in a common year 29 February is kept on the 28th."""
    found = {f"{day:%m-%d}" for day in days}
    if any((day.month, day.day) == (2, 28) and (day + _DAY).day == 1 for day in days):
        found.add("02-29")
    return sorted(found)

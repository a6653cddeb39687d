"""Moments in a contact's own zone: wall times, and when it is quiet there.

Zones are those of the tz database. A wall time that a change of the clocks leaves out stands for the first moment after
the gap; one that comes twice for the first of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from syncom.contacts.model import Channel
from syncom.messages.policy.model import WEEKDAYS, QuietHours, fits

#: The most that a zone is ahead of and behind UTC (Pacific/Kiritimati, Etc/GMT+12).
EARLIEST: Final = timedelta(hours=14)
LATEST: Final = timedelta(hours=12)
Told = TypeVar("Told")
_DAY = timedelta(days=1)
#: No quiet time is longer, or nothing would ever be sent.
_LONGEST = timedelta(days=8)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """A zone by name; UTC when there is none of that name (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which clocks of a zone show a wall time (naive) first."""
    wall = wall.replace(fold=0)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # Left out by a change of the clocks, which lies between the two readings of it. Changes are at whole seconds.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    after = moment.replace(microsecond=0) + timedelta(seconds=1)
    old_offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == old_offset:
            before = middle
        else:
            after = middle
    return after


def loud_from(rules: Sequence[QuietHours], moment: datetime, zone: ZoneInfo) -> datetime:
    """The first moment from one on at which no rule wants quiet: the moment itself when it is not quiet then.

    Rules that leave no time at all end after 8 days; :func:`leaves_time` finds them.
    """
    until = moment
    while until - moment <= _LONGEST:
        ends = max((_end(rule, until, zone) for rule in rules), default=until)
        if ends <= until:
            return until
        until = ends
    return until


def leaves_time(rules: Sequence[QuietHours]) -> bool:
    """Whether there is any time at which messages may go."""
    monday = datetime(2026, 6, 1, tzinfo=UTC)
    return loud_from(rules, monday, ZoneInfo("UTC")) - monday <= _LONGEST


def rules_for(rules: Sequence[QuietHours], channel: Channel) -> tuple[QuietHours, ...]:
    """Those that are about messages of a channel."""
    return tuple(rule for rule in rules if not rule.channels or any(fits(name, channel) for name in rule.channels))


def by_zone(account_zone: str, told: Callable[[ZoneInfo], Told]) -> dict[str, Told]:
    """What is told of every zone there is, by its name; under the empty name that of contacts without a zone."""
    found = {name: told(zone_of(name)) for name in available_timezones()}
    return {**found, "": told(zone_of(account_zone))}


def _end(rule: QuietHours, moment: datetime, zone: ZoneInfo) -> datetime:
    """When the rule's quiet time of this moment ends; the moment itself when it is none."""
    today = moment.astimezone(zone).date()
    for day in (today - _DAY, today):
        if rule.weekdays and WEEKDAYS[day.weekday()] not in rule.weekdays:
            continue
        begins = moment_of(datetime.combine(day, time.fromisoformat(rule.begin)), zone)
        last_day = day + _DAY if rule.end <= rule.begin else day
        ends = moment_of(datetime.combine(last_day, time.fromisoformat(rule.end)), zone)
        if begins <= moment < ends:
            return ends
    return moment

"""Wall times become moments, and quiet hours end, whatever the clocks of a zone do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as some

from syncom.contacts.model import Channel
from syncom.messages.policy.local_time import (
    EARLIEST,
    LATEST,
    leaves_time,
    loud_from,
    moment_of,
    rules_for,
    zone_of,
)
from syncom.messages.policy.model import WEEKDAYS, QuietHours

ZONES = sorted(available_timezones())
SECOND = timedelta(seconds=1)
WALLS = some.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001 - a wall time
    datetime(2030, 1, 1),  # noqa: DTZ001
).map(lambda wall: wall.replace(second=0, microsecond=0))
TIMES = some.times().map(lambda time: f"{time:%H:%M}")


def shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """What a clock of the zone shows."""
    return moment.astimezone(zone).replace(tzinfo=None)


@given(some.sampled_from(ZONES), WALLS)
def test_a_wall_time_is_the_first_moment_at_which_clocks_show_it_or_have_jumped_over_it(
    name: str, wall: datetime
) -> None:
    zone = zone_of(name)
    moment = moment_of(wall, zone)
    if shown(moment, zone) == wall:
        # No earlier moment shows it: clocks are never set back by a day.
        assert shown(moment - SECOND, zone) < wall
        earlier = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        assert all(one >= moment for one in earlier if shown(one, zone) == wall)
    else:
        assert shown(moment, zone) > wall
        assert shown(moment - SECOND, zone) < wall
    assert -LATEST <= shown(moment, zone) - moment.replace(tzinfo=None) <= EARLIEST


@pytest.mark.parametrize(
    ("name", "wall", "moment"),
    [
        ("Europe/Kyiv", "2026-06-01T09:00", "2026-06-01T06:00"),
        # 03:00 to 04:00 is left out.
        ("Europe/Kyiv", "2026-03-29T03:30", "2026-03-29T01:00"),
        # 03:30 comes twice.
        ("Europe/Kyiv", "2026-10-25T03:30", "2026-10-25T00:30"),
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:59", "2026-11-01T05:59"),
        # Half an hour.
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Asia/Kathmandu", "2026-10-04T02:15", "2026-10-03T20:30"),
        # A whole day was left out.
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),
        ("No/Such_Zone", "2026-10-04T02:15", "2026-10-04T02:15"),
    ],
)
def test_wall_times_at_changes_of_the_clocks(name: str, wall: str, moment: str) -> None:
    found = moment_of(datetime.fromisoformat(wall), zone_of(name))
    assert found == datetime.fromisoformat(moment).replace(tzinfo=UTC)


RULES = some.lists(
    some.builds(
        QuietHours,
        begin=TIMES,
        end=TIMES,
        weekdays=some.lists(some.sampled_from(WEEKDAYS), unique=True, max_size=3).map(tuple),
    ),
    max_size=3,
).filter(leaves_time)


@given(RULES, some.sampled_from(ZONES), WALLS, some.floats(0, 1))
def test_quiet_ends_once_and_nothing_in_between_is_loud(
    rules: list[QuietHours], name: str, wall: datetime, part: float
) -> None:
    zone, moment = zone_of(name), wall.replace(tzinfo=UTC)
    until = loud_from(rules, moment, zone)
    assert moment <= until <= moment + timedelta(days=8)
    assert loud_from(rules, until, zone) == until
    between = moment + (until - moment) * part
    if between < until:
        assert loud_from(rules, between, zone) == until


@given(RULES, some.integers(0, 7 * 24 * 60 - 1))
def test_without_changes_of_the_clocks_it_is_quiet_when_the_clock_says_so(rules: list[QuietHours], minute: int) -> None:
    moment = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=minute)
    clock = f"{moment:%H:%M}"

    def is_quiet(rule: QuietHours) -> bool:
        today, yesterday = (WEEKDAYS[(moment - timedelta(days=day)).weekday()] for day in (0, 1))
        days = rule.weekdays or WEEKDAYS
        if rule.begin < rule.end:
            return today in days and rule.begin <= clock < rule.end
        return (today in days and clock >= rule.begin) or (yesterday in days and clock < rule.end)

    assert (loud_from(rules, moment, ZoneInfo("UTC")) > moment) == any(map(is_quiet, rules))


def test_a_night_in_which_clocks_change_is_an_hour_shorter_or_longer() -> None:
    zone = zone_of("Europe/Kyiv")
    night = [QuietHours(begin="21:00", end="09:00")]
    lengths = {
        day: loud_from(night, moment_of(datetime.fromisoformat(f"{day}T21:00"), zone), zone)
        - moment_of(datetime.fromisoformat(f"{day}T21:00"), zone)
        for day in ("2026-03-28", "2026-06-01", "2026-10-24")
    }
    assert [length / timedelta(hours=1) for length in lengths.values()] == [11, 12, 13]


def test_rules_are_for_their_channels_and_viber_follows_sms() -> None:
    every, texts, viber, mail = (
        QuietHours(),
        QuietHours(channels=("sms",)),
        QuietHours(channels=("viber",)),
        QuietHours(channels=("email", "webpush")),
    )
    rules = (every, texts, viber, mail)
    assert rules_for(rules, Channel.EMAIL) == (every, mail)
    assert rules_for(rules, Channel.SMS) == (every, texts)
    assert rules_for(rules, Channel.VIBER) == (every, texts, viber)
    assert rules_for(rules, Channel.WEBPUSH) == (every, mail)


def test_rules_that_leave_no_time_are_found() -> None:
    day, night = QuietHours(begin="09:00", end="21:00"), QuietHours(begin="21:00", end="09:00")
    assert leaves_time([day])
    assert not leaves_time([day, night])
    week = [QuietHours(begin="00:00", end="00:00", weekdays=(weekday,)) for weekday in WEEKDAYS]
    assert leaves_time(week[1:])
    assert not leaves_time(week)

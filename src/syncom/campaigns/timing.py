"""When the contacts of each zone get a campaign: at a local time, and never in quiet hours. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from syncom.campaigns.model import Campaign, Late
from syncom.messages.policy.local_time import EARLIEST, by_zone, loud_from, moment_of, rules_for
from syncom.messages.policy.model import InForce, QuietHours

#: A campaign starts so long before its first contact's time, to have its audience frozen by then.
HEADWAY: Final = timedelta(minutes=15)
_DAY: Final = timedelta(days=1)


class Moment(msgspec.Struct, frozen=True):
    """When the contacts of a zone get it. ``due_at`` None: at once."""

    due_at: datetime | None = None
    #: They do not get it: their time had passed.
    is_late: bool = False


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When contacts get a campaign, by the name of their zone, and those of all other zones."""

    zones: Mapping[str, Moment] = {}
    elsewhere: Moment = Moment()


def starts_at(local_at: datetime) -> datetime:
    """When a campaign at a local time starts, in UTC: before the first zone of the world has that time."""
    return moment_of(local_at, ZoneInfo("UTC")) - EARLIEST - HEADWAY


def timing(campaign: Campaign, in_force: InForce, now: datetime) -> Timing:
    """When the contacts of a started campaign get it, by zone. Nothing is worked out where all get it at once."""
    rules = rules_for(in_force.policy.quiet_hours, campaign.channel)
    if campaign.local_at is None and not rules:
        return Timing()
    found = by_zone(in_force.time_zone, lambda zone: _moment(campaign, rules, zone, now))
    return Timing(zones=found, elsewhere=found[""])


def _moment(campaign: Campaign, rules: Sequence[QuietHours], zone: ZoneInfo, now: datetime) -> Moment:
    due_at = now
    if campaign.local_at is not None:
        started_at = campaign.launched_at or now
        due_at = moment_of(campaign.local_at, zone)
        if due_at < started_at:
            if campaign.late is Late.SKIP:
                return Moment(None, is_late=True)
            due_at = now if campaign.late is Late.SEND else _next(campaign.local_at, zone, started_at)
    due_at = loud_from(rules, max(due_at, now), zone)
    return Moment(due_at if due_at > now else None)


def _next(local_at: datetime, zone: ZoneInfo, after: datetime) -> datetime:
    """That time of day on the first day on which it has not passed."""
    wall = local_at + (after - moment_of(local_at, zone)) // _DAY * _DAY
    while moment_of(wall, zone) < after:
        wall += _DAY
    return moment_of(wall, zone)

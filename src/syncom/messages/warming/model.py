"""Values of warm-up plans."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta

import msgspec

from syncom.messages.policy.local_time import moment_of, zone_of


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many messages a sender may send a day: ``first`` on the first, then ``growth`` times as many each day.

    It is over on the day that would allow ``target``.
    """

    first: int = 50
    growth: float = 1.5
    target: int = 20_000

    def allowance(self, number: int) -> int | None:
        """Messages of a day, counted from 0; None: the plan is over."""
        if number < 0:
            return self.first
        # Beyond this any growth has passed any target, and the power would overflow.
        allowed = self.first * self.growth ** min(number, self.days)
        return int(allowed) if allowed < self.target else None

    @property
    def days(self) -> int:
        """On how many days it limits the sender."""
        if self.first >= self.target:
            return 0
        steps = math.log(self.target / self.first) / math.log(self.growth)
        return math.ceil(round(steps, 9))


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a sender, and where it stands."""

    sender_id: int
    plan: Plan
    started_on: date
    #: Days are those of this zone, the account's.
    time_zone: str
    day: date | None
    taken: int

    def today(self, now: datetime) -> date:
        return now.astimezone(zone_of(self.time_zone)).date()

    def allowed(self, now: datetime) -> int | None:
        """Messages of today; None: as many as the sender can."""
        return self.plan.allowance((self.today(now) - self.started_on).days)

    def tomorrow(self, now: datetime) -> datetime:
        """When the next day begins."""
        return moment_of(datetime.combine(self.today(now) + timedelta(days=1), time()), zone_of(self.time_zone))


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A warm-up, as people want to see it."""

    plan: Plan
    started_on: date
    #: Of today; None: the warm-up is over.
    allowed_today: int | None
    sent_today: int
    #: The first day without a limit.
    ends_on: date

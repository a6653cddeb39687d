"""Use cases of sending policies: what an account lays down for its marketing messages, and what is in force."""

from __future__ import annotations

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.clock import Clock
from syncom.errors import Invalid, NotFound
from syncom.messages.policy import claims
from syncom.messages.policy.local_time import leaves_time
from syncom.messages.policy.model import InForce, Policy, QuietHours
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.policy", "policy.sql")

#: Rules of one kind that an account may have.
_MOST = 20
_MOST_MESSAGES, _MOST_DAYS = 1000, 90
#: Seconds for which a process believes what it read: a change is in force everywhere after that.
_BELIEVED = 2.0
_MAX_KEPT = 10_000


class PoliciesService:
    """Sending policies of accounts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._kept: dict[int, tuple[InForce, float]] = {}

    async def get(self, account_id: int) -> Policy:
        """What the account laid down; without that the defaults, which limit nothing but campaigns that bounce."""
        async with self._database.tenant(account_id) as connection:
            return (await in_force(connection, account_id)).policy

    async def put(self, account_id: int, policy: Policy) -> Policy:
        """Replace it. In force everywhere within seconds. Raises Invalid naming the place."""
        _check(policy)
        days = max((cap.days for cap in policy.caps), default=0)
        async with self._database.tenant(account_id) as connection:
            await connection.execute(
                _SQL["save"],
                {
                    "account_id": account_id,
                    "policy": Jsonb(msgspec.to_builtins(policy)),
                    "days": days,
                    "now": self._clock.now(),
                },
            )
        self._kept.pop(account_id, None)
        return policy

    async def known(self, account_id: int) -> InForce:
        """What is in force for an account, read at most 2 seconds ago: for those who send."""
        kept = self._kept.get(account_id)
        now = self._clock.monotonic()
        if kept is not None and kept[1] > now:
            return kept[0]
        async with self._database.system() as connection:
            found = await in_force(connection, account_id)
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        self._kept[account_id] = (found, now + _BELIEVED)
        return found

    async def forget(self) -> int:
        """Delete what was remembered for caps that accounts do not have any more; of how many contacts."""
        async with self._database.system() as connection:
            return await claims.forget(connection)


async def in_force(connection: Connection, account_id: int) -> InForce:
    """What is in force as of this transaction. Raises NotFound when there is no such account."""
    cursor = connection.cursor(row_factory=dict_row)
    row = await (await cursor.execute(_SQL["in_force"], {"account_id": account_id})).fetchone()
    if row is None:
        raise NotFound("account", account_id)
    return msgspec.convert(row, InForce)


#: What campaigns may have too much of.
_LIMITED = ("bounces", "complaints", "content")


def _check(policy: Policy) -> None:
    if len(policy.quiet_hours) > _MOST:
        raise Invalid("quiet_hours", f"has more than {_MOST} rules")
    for number, rule in enumerate(policy.quiet_hours):
        _check_quiet(rule, f"quiet_hours.{number}")
    if not leaves_time(policy.quiet_hours):
        raise Invalid("quiet_hours", "leave no time to send anything")
    if len(policy.caps) > _MOST:
        raise Invalid("caps", f"has more than {_MOST} rules")
    for number, cap in enumerate(policy.caps):
        if not 1 <= cap.messages <= _MOST_MESSAGES:
            raise Invalid(f"caps.{number}.messages", f"must be 1 to {_MOST_MESSAGES}")
        if not 1 <= cap.days <= _MOST_DAYS:
            raise Invalid(f"caps.{number}.days", f"must be 1 to {_MOST_DAYS}")
    limits = policy.limits
    shares = (limits.bounces_percent, limits.complaints_percent, limits.content_percent)
    for name, percent in zip(_LIMITED, shares, strict=True):
        if percent is not None and not 0 < percent <= 100:
            raise Invalid(f"limits.{name}_percent", "must be more than 0 and at most 100, or null for no limit")
    least = (limits.bounces_after, limits.complaints_after, limits.content_after)
    for name, after in zip(_LIMITED, least, strict=True):
        if not 1 <= after <= 1_000_000:
            raise Invalid(f"limits.{name}_after", "must be 1 to 1,000,000")


def _check_quiet(rule: QuietHours, at: str) -> None:
    if rule.begin == rule.end and not rule.weekdays:
        raise Invalid(
            f"{at}.end", "must differ from begin: it would be quiet all the time; name weekdays for whole days"
        )

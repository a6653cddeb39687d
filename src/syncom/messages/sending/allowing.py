"""What an account's policy says of recipients just before they are sent: not in quiet hours, no more than the caps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from syncom.clock import Clock
from syncom.contacts.model import STANDARD_FIELDS, Channel
from syncom.messages.model import Lane
from syncom.messages.policy.claims import Wish, claim
from syncom.messages.policy.local_time import loud_from, rules_for, zone_of
from syncom.messages.policy.model import InForce
from syncom.messages.policy.service import PoliciesService
from syncom.messages.sending.work import Postponed, Work
from syncom.postgres.pool import Connection

_ZONE_PLACE: Final = STANDARD_FIELDS.index("time_zone")


class Allowing:
    """Asks the policies for marketing messages. Transactional ones are exempt."""

    def __init__(self, policies: PoliciesService, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock

    async def in_force(self, works: Iterable[Work]) -> dict[int, InForce]:
        """The policies that have something to say about these recipients, by account. Ask outside of a transaction."""
        found: dict[int, InForce] = {}
        for account_id in {work.account_id for work in works if work.lane is not Lane.TRANSACTIONAL}:
            found |= await self.in_force_for(account_id)
        return found

    async def in_force_for(self, account_id: int) -> dict[int, InForce]:
        """The policy of an account, under its id, if it has something to say."""
        known = await self._policies.known(account_id)
        return {account_id: known} if known.policy.quiet_hours or known.counting_since is not None else {}

    async def sift(
        self, connection: Connection, works: Sequence[Work], policies: dict[int, InForce]
    ) -> tuple[Sequence[Work], list[Postponed]]:
        """Recipients whose turn it is, and those who must wait for the end of quiet hours.

        Those over a cap are marked. What a workflow sends claimed its place when its step was taken.
        """
        if not policies:
            return works, []
        now = self._clock.now()
        loud: list[Work] = []
        waiting: list[Postponed] = []
        until: dict[tuple[int, Channel, str], datetime] = {}
        for work in works:
            known = policies.get(work.account_id)
            if known is None or work.lane is Lane.TRANSACTIONAL or work.contact is None:
                loud.append(work)
                continue
            key = (work.account_id, work.channel, work.contact[_ZONE_PLACE] or known.time_zone)
            if key not in until:
                rules = rules_for(known.policy.quiet_hours, work.channel)
                until[key] = loud_from(rules, now, zone_of(key[2]))
            if until[key] <= now:
                loud.append(work)
            else:
                waiting.append(_wait(work, now, until[key]))
        await self._claim(connection, loud, policies, now)
        return loud, waiting

    async def _claim(
        self, connection: Connection, works: Sequence[Work], policies: dict[int, InForce], now: datetime
    ) -> None:
        alike: defaultdict[tuple[int, Channel], list[Work]] = defaultdict(list)
        for work in works:
            if work.campaign_id and work.account_id in policies:
                alike[work.account_id, work.channel].append(work)
        for (account_id, channel), some in sorted(alike.items()):
            known = policies[account_id]
            if known.counting_since is None:
                continue
            # A pass of workflows holds the rows of its contacts until it ends: who sends gives way and comes again,
            # before the database finds that the two wait for each other and ends one of them.
            await connection.execute("SELECT set_config('lock_timeout', '500ms', true)")
            wishes = [Wish(account_id, work.contact_id, work.message_id) for work in some]
            over = await claim(connection, known, wishes, channel, now)
            for work in some:
                work.is_over_cap = work.message_id in over
                work.has_claim = not work.is_over_cap


def _wait(work: Work, now: datetime, until: datetime) -> Postponed:
    """Not now: the time in which it may be tried begins when quiet hours end."""
    work.deadline = until + (work.deadline - now)
    return Postponed(work=work, reply="waits for the end of quiet hours", due_at=until, uncertain=work.uncertain)

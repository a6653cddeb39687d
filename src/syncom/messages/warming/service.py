"""Use cases of warm-ups: a new sender's messages a day, more each day."""

from __future__ import annotations

from datetime import timedelta

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.errors import Invalid, NotFound
from syncom.messages.model import SenderKind
from syncom.messages.policy.local_time import zone_of
from syncom.messages.policy.service import in_force
from syncom.messages.senders import SendersService
from syncom.messages.warming import store
from syncom.messages.warming.model import Plan, Standing
from syncom.postgres.pool import Connection, Database

_MOST = 100_000_000


class WarmUpsService:
    """Warm-ups of an account's senders."""

    def __init__(self, database: Database, senders: SendersService, clock: Clock) -> None:
        self._database = database
        self._senders = senders
        self._clock = clock

    async def get(self, account_id: int, sender_id: int) -> Standing:
        """The plan and where it stands. Raises NotFound when the sender has none."""
        async with self._database.tenant(account_id) as connection:
            await self._senders.require(connection, account_id, sender_id)
            return await self._standing(connection, sender_id)

    async def put(self, account_id: int, sender_id: int, plan: Plan) -> Standing:
        """Warm a sender up from today on; a plan under way goes on by the new numbers. Raises Invalid by the field."""
        _check(plan)
        async with self._database.system() as connection:
            sender = await self._senders.require(connection, account_id, sender_id)
            if sender.channel is not Channel.EMAIL or sender.kind is SenderKind.GROUP:
                raise Invalid("sender_id", "is not a sender of email with a server of its own")
            zone = zone_of((await in_force(connection, account_id)).time_zone)
            await store.save(connection, account_id, sender_id, plan, self._clock.now().astimezone(zone).date())
            return await self._standing(connection, sender_id)

    async def delete(self, account_id: int, sender_id: int) -> None:
        """End it: the sender sends as much as it can. Raises NotFound when it has none."""
        async with self._database.tenant(account_id) as connection:
            if not await store.delete(connection, account_id, sender_id):
                raise NotFound("warm-up of sender", sender_id)

    async def _standing(self, connection: Connection, sender_id: int) -> Standing:
        found = (await store.select(connection, [sender_id])).get(sender_id)
        if found is None:
            raise NotFound("warm-up of sender", sender_id)
        now = self._clock.now()
        return Standing(
            plan=found.plan,
            started_on=found.started_on,
            allowed_today=found.allowed(now),
            sent_today=found.taken if found.day == found.today(now) else 0,
            ends_on=found.started_on + timedelta(days=found.plan.days),
        )


def _check(plan: Plan) -> None:
    if not 1 <= plan.first <= _MOST:
        raise Invalid("first", f"must be 1 to {_MOST:,}")
    if not 1.01 <= plan.growth <= 10:
        raise Invalid("growth", "must be 1.01 to 10: 1.5 is half as many again each day")
    if not plan.first < plan.target <= _MOST:
        raise Invalid("target", f"must be more than first, and at most {_MOST:,}")

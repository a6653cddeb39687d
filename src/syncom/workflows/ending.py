"""The end of workflows: everybody leaves one that is stopped, and one that is drained is stopped when nobody is inside.

Those of a stopped workflow leave in batches, each in a transaction of its own, so that a million leave without one that
lasts; what a killed keeper leaves undone, the next one goes on with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from syncom.clock import Clock
from syncom.ids import BUCKETS
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.workflows import store
from syncom.workflows.life import Life
from syncom.workflows.model import Arrival, EnrolmentState, Outcome, WorkflowStatus
from syncom.workflows.passing import Ways, count_ways

_SQL = load_sql("syncom.workflows", "ending.sql")
#: Buckets whose contacts one keeper moves at a time.
GROUPS: Final = BUCKETS // 16
#: Contacts of one transaction.
_BATCH: Final = 10_000
#: Between looks whether anybody is inside of those that are drained.
_DRAIN_LOOK: Final = timedelta(seconds=30)
#: Why a journey ends, as it is told.
STOPPED: Final = "the workflow was stopped"

Claim = Callable[[Connection, int], Awaitable[bool]]


class Ending:
    """What is left to do for workflows that come to their end. ``claim``: whether this one alone moves a group."""

    def __init__(self, database: Database, life: Life, clock: Clock, claim: Claim) -> None:
        self._database = database
        self._life = life
        self._clock = clock
        self._claim = claim
        self._looked_at: datetime | None = None

    async def step(self) -> bool:
        """Do some of it; True when there may be more."""
        async with self._database.autocommit() as connection:
            found = await (await connection.execute(_SQL["ending"])).fetchall()
        more = [await self._empty(account_id, workflow_id) for workflow_id, account_id, emptying in found if emptying]
        drained = [(account_id, workflow_id) for workflow_id, account_id, emptying in found if not emptying]
        if drained and self._is_time_to_look():
            for account_id, workflow_id in drained:
                async with self._database.system() as connection:
                    if (await store.lock(connection, account_id, workflow_id)).status is WorkflowStatus.DRAINING:
                        await end_drain(connection, self._life, account_id, workflow_id)
        return any(more)

    def _is_time_to_look(self) -> bool:
        now = self._clock.now()
        if self._looked_at is not None and abs(now - self._looked_at) < _DRAIN_LOOK:
            return False
        self._looked_at = now
        return True

    async def _empty(self, account_id: int, workflow_id: int) -> bool:
        """A batch of each group leaves; True when there may be more."""
        whole = True
        for group in range(GROUPS):
            left = await self._let_out(account_id, workflow_id, group)
            if left is None:
                whole = False
            elif left == _BATCH:
                return True
        if whole:
            async with self._database.system() as connection:
                await store.lock(connection, account_id, workflow_id)
                # It may have been started and stopped again meanwhile.
                if not await _is_somebody_inside(connection, account_id, workflow_id):
                    await set_emptying(connection, account_id, workflow_id, emptying=False)
                    await self._life.forget_versions(connection, account_id, workflow_id)
        return False

    async def _let_out(self, account_id: int, workflow_id: int, group: int) -> int | None:
        """How many left; None: another keeper moves them now, and they leave later."""
        async with self._database.system() as connection:
            if not await self._claim(connection, group):
                return None
            values: dict[str, Any] = {
                "account_id": account_id,
                "workflow_id": workflow_id,
                "group": group,
                "limit": _BATCH,
                "now": self._clock.now(),
                "reason": STOPPED,
                "outcome": Outcome.EXITED,
            }
            rows = await (await connection.execute(_SQL["let_out"], values)).fetchall()
            ways: Ways = Counter()
            for version, state, step, count in rows:
                if state == EnrolmentState.FAILED:
                    ways[account_id, workflow_id, version, Arrival.FAILED, step] += count
                ways[account_id, workflow_id, version, step, Arrival.EXITED] += count
            await count_ways(connection, ways, group)
        return sum(row[3] for row in rows)


async def end_drain(connection: Connection, life: Life, account_id: int, workflow_id: int) -> None:
    """A drained workflow, which the caller has locked, is stopped if nobody is inside. Parked ones are."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    row = await (await connection.execute(_SQL["counted_inside"], values)).fetchone()
    if row is not None and row[0] > 0:
        return
    if await _is_somebody_inside(connection, account_id, workflow_id):
        return
    await life.become(connection, account_id, workflow_id, WorkflowStatus.STOPPED)
    await life.forget_versions(connection, account_id, workflow_id)


async def _is_somebody_inside(connection: Connection, account_id: int, workflow_id: int) -> bool:
    values = {"account_id": account_id, "workflow_id": workflow_id}
    row = await (await connection.execute(_SQL["somebody_inside"], values)).fetchone()
    return row is not None and row[0]


async def set_emptying(connection: Connection, account_id: int, workflow_id: int, *, emptying: bool) -> None:
    values = {"account_id": account_id, "workflow_id": workflow_id, "emptying": emptying}
    await connection.execute(_SQL["set_emptying"], values)


async def is_emptying(connection: Connection, account_id: int, workflow_id: int) -> bool:
    """Whether some of a stopped workflow have not left yet."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    row = await (await connection.execute(_SQL["is_emptying"], values)).fetchone()
    return row is not None and row[0]

"""The keeper of workflows: hears what happens, lets contacts in, and takes them from step to step.

Every pass is one transaction, so a killed keeper leaves nothing half done. An event is taken out of the change log in
the transaction in which workflows hear of it; a contact moves on in the transaction that does what its steps do. Any
number of keepers may run: one of them listens at a time, in the order in which things happened, and the contacts of a
group of buckets are moved by one at a time. Who listens waits for passes that move those who hear of it, so that each
event is heard either before such a pass, which looks back for it, or after it, and by each journey once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from syncom.clock import Clock
from syncom.events.model import FollowedEvent
from syncom.jobs.keeping import keep, woken_by
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.segments.membership import MembershipService
from syncom.segments.service import SegmentsService
from syncom.workflows import store
from syncom.workflows.ending import Ending
from syncom.workflows.life import Life
from syncom.workflows.passing import GROUP_LOCKS, Pass, Place, in_halves
from syncom.workflows.steps.doing import do
from syncom.workflows.steps.tools import Tools
from syncom.workflows.timetable import Timetable
from syncom.workflows.watching import hear, of_event, of_move

_SQL = load_sql("syncom.workflows", "engine.sql")
#: Events or moves of one transaction.
_EVENTS: Final = 1_000
#: Contacts of one transaction: enough for sets, short enough to hold no lock for long.
_CONTACTS: Final = 10_000
#: Told when something is in the change logs (migration 0087).
_HAPPENED: Final = "syncom_happened"
#: Seconds between looks while nothing happens.
_POLL: Final = 0.5
#: Advisory lock of who listens.
_EAR: Final = GROUP_LOCKS - 1

Heard = Callable[[Connection, Sequence[FollowedEvent]], Awaitable[None]]


class _Seen(NamedTuple):
    """What there is to do (engine.sql, ``look``)."""

    happened: bool
    is_time: bool
    groups: list[int]
    is_ending: bool


class WorkflowKeeper:
    """Moves workflows along in the background."""

    def __init__(
        self,
        database: Database,
        tools: Tools,
        segments: SegmentsService,
        membership: MembershipService,
        clock: Clock,
        *,
        heard: Heard | None = None,
    ) -> None:
        """``heard`` gets the events too, in the transaction that takes them out of the change log."""
        self._database = database
        self._tools = tools
        self._segments = segments
        self._membership = membership
        self._clock = clock
        self._heard = heard
        self._ending = Ending(database, Life(tools.events, membership), clock, self._claim_group)
        self._timetable = Timetable(database, tools.contacts, segments, clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        wake = asyncio.Event()
        async with woken_by(self._database.dsn, _HAPPENED, wake):
            await keep("workflows", self.step, stop, rest=_POLL, wake=wake)

    async def step(self) -> bool:
        """Do what can be done now; True when there may be more."""
        replaying = await self._tools.events.replays.step()
        seen = await self._look()
        more = False
        if seen.happened:
            more = await self._listen()
        if seen.is_time:
            more = await self._timetable.step() or more
        if seen.happened or seen.is_time:
            # Those who have just been let in, or were woken.
            seen = await self._look()
        more = await self._move(seen.groups) or more
        if seen.is_ending:
            more = await self._ending.step() or more
        return more or replaying

    async def _look(self) -> _Seen:
        async with self._database.autocommit() as connection:
            row = await (await connection.execute(_SQL["look"], {"now": self._clock.now()})).fetchone()
        assert row is not None
        return _Seen(*row)

    # ------------------------------------------------------------ hearing

    async def _listen(self) -> bool:
        async with self._database.system() as connection:
            if not await self._claim(connection, _EAR):
                return False
            events, taken = await self._tools.events.take_followed(connection, _EVENTS)
            if events and self._heard is not None:
                await self._heard(connection, events)
            now = self._clock.now()
            mine = [event for event in events if event.contact_id and not event.is_joined]
            await hear(connection, [of_event(event) for event in mine], now=now)
        async with self._database.system() as connection:
            if not await self._claim(connection, _EAR):
                return False
            moves = await self._membership.take_followed(connection, _EVENTS)
            await hear(connection, [of_move(move) for move in moves], now=self._clock.now())
        return _EVENTS in (taken, len(moves))

    # ------------------------------------------------------------ going on

    async def advance(self) -> bool:
        """Take everybody whose time has come to where it rests next, a batch of each group; True: there may be more."""
        return await self._move((await self._look()).groups)

    async def _move(self, groups: Sequence[int]) -> bool:
        full = [await self._advance(group) for group in groups]
        return any(full)

    async def _advance(self, group: int) -> bool:
        async with self._database.system() as connection:
            if not await self._claim_group(connection, group):
                return False  # another keeper is at it
            whole = Pass(connection, self._clock.now(), self._segments)
            await whole.lay_out()
            picked = await whole.pick(group, _CONTACTS)
            if not picked:
                return False
            graphs = await store.graphs(connection, {(one.workflow_id, one.version) for one in whole.standing})
            while whole.standing:
                # The first steps first, so that those who meet again go on together.
                where = min(whole.standing)
                await in_halves(Place(whole, where, graphs[where.workflow_id, where.version]), self._do)
                del whole.standing[where]
            await whole.put_back(picked, group)
        return picked == _CONTACTS or whole.begins_more

    async def _do(self, place: Place) -> None:
        await do(place, self._tools)

    async def _claim_group(self, connection: Connection, group: int) -> bool:
        return await self._claim(connection, GROUP_LOCKS + group)

    @staticmethod
    async def _claim(connection: Connection, lock: int) -> bool:
        row = await (await connection.execute(_SQL["claim_group"], {"lock": lock})).fetchone()
        return bool(row and row[0])

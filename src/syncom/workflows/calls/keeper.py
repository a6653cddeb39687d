"""The keeper of calls: makes the webhooks and actions that journeys wait for, and lets them go on.

A call is leased, made outside of any transaction, and settled together with the journey: at least once, with a key by
which the other side knows a repetition. The lease of a keeper that was killed ends by itself, and the call is made
again with the key it had. A target (a host, or a connection) has a few calls at a time, and fewer while it fails, so
that a slow one does not keep the others waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from syncom.clock import Clock
from syncom.contacts.upsert import hold_contacts
from syncom.jobs.keeping import keep
from syncom.outbound import OutboundClient
from syncom.postgres.columns import booleans, moments, numbers, texts
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql
from syncom.workflows import store
from syncom.workflows.calls.actions import Actions
from syncom.workflows.calls.attempts import Came, post
from syncom.workflows.graph import Graph
from syncom.workflows.language import Call
from syncom.workflows.model import Arrival, CallState, Outcome
from syncom.workflows.passing import REASON_LIMIT, Ways, count_ways

_log = logging.getLogger(__name__)
_SQL = load_sql("syncom.workflows.calls", "keeper.sql")
#: Seconds between looks while nothing is due.
_LOOK: Final = 0.5
#: Calls of one process at a time; of a target; and of a target whose last call failed.
AT_ONCE: Final = 64
PER_TARGET: Final = 8
_PER_FAILING: Final = 2
#: Longer than an attempt can take: then its process is gone. That of an action is longer than a run of the integration
#: layer is taken to be under way.
WEBHOOK_LEASE: Final = timedelta(minutes=2)
ACTION_LEASE: Final = timedelta(minutes=11)
#: Waits after the first, second … attempt; then the last one again and again.
WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
#: No attempt begins later than this after the first one.
GIVE_UP: Final = timedelta(days=1)
#: What a server asks for is kept to, up to this.
LONGEST_REST: Final = timedelta(hours=6)
#: Characters of an error in the log of attempts.
_ERROR_LIMIT: Final = 300
#: Row of the counts of ways; passes have those of their groups.
_SHARD: Final = 16


class _Leased(NamedTuple):
    """A call that this process makes."""

    account_id: int
    bucket: int
    call_id: UUID
    workflow_id: int
    version: int
    step: int
    target: str
    request: dict[str, Any]
    #: The first attempt, since it was written down or tried again by hand.
    begun_at: datetime
    leased_until: datetime
    failures: int
    tries: int
    changes: int


class _Made(NamedTuple):
    """A call that was made."""

    call: _Leased
    came: Came
    at: datetime
    milliseconds: int


class _Settled(NamedTuple):
    """What follows from a call: its state, when it is due again, and where its journey goes (if it does)."""

    state: CallState
    due: datetime
    to: int = Arrival.OUTSIDE
    outcome: int = Outcome.PASSED
    reason: str = ""


class CallsKeeper:
    """Makes calls in the background. Any number may run."""

    def __init__(self, database: Database, client: OutboundClient, actions: Actions, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._actions = actions
        self._clock = clock
        self._running: dict[asyncio.Task[None], tuple[int, str]] = {}
        self._made: list[_Made] = []
        self._failing: set[tuple[int, str]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set. What is under way then is made again when its lease has ended."""
        try:
            await keep("calls of workflows", self.step, stop, rest=_LOOK)
        finally:
            await self.abandon()

    async def abandon(self) -> None:
        """Leave what is under way as if this process had been killed."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()

    async def step(self) -> bool:
        """Begin what is due, and settle what has come back; True while anything is under way."""
        await self._begin()
        if self._running:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED, timeout=_LOOK)
        return await self._settle() or bool(self._running)

    # ------------------------------------------------------------ making

    async def _begin(self) -> None:
        free = AT_ONCE - len(self._running)
        if free <= 0:
            return
        now = self._clock.now()
        rooms = self._rooms()
        values = {
            "now": now,
            "limit": free,
            "room": PER_TARGET,
            "account_ids": numbers(account_id for account_id, _ in rooms),
            "targets": texts(target for _, target in rooms),
            "rooms": numbers(rooms.values()),
            "webhook_until": now + WEBHOOK_LEASE,
            "action_until": now + ACTION_LEASE,
        }
        async with self._database.system() as connection:
            rows = await (await connection.execute(_SQL["lease"], values)).fetchall()
        for row in rows:
            call = _Leased(*row)
            task = asyncio.create_task(self._make(call))
            self._running[task] = (call.account_id, call.target)
            task.add_done_callback(lambda done: self._running.pop(done, None))

    def _rooms(self) -> dict[tuple[int, str], int]:
        """How many more calls a target may have, where that is not the usual number."""
        busy = Counter(self._running.values())
        return {
            target: max(0, (_PER_FAILING if target in self._failing else PER_TARGET) - busy[target])
            for target in self._failing | set(busy)
        }

    async def _make(self, call: _Leased) -> None:
        at, began = self._clock.now(), self._clock.monotonic()
        try:
            came = await self._attempt(call, at)
        except Exception:  # noqa: BLE001 - whatever it was, the journey must not wait for ever
            _log.exception("call %s of workflow %d failed in an unknown way", call.call_id, call.workflow_id)
            came = Came(error="failed here; the log of the worker says why")
        took = round((self._clock.monotonic() - began) * 1000)
        self._made.append(_Made(call, came, at, took))

    async def _attempt(self, call: _Leased, now: datetime) -> Came:
        if call.request["type"] == "action":
            # The integration layer gives for a key what its first run came to: a failure too. So only an attempt whose
            # end is not known is made again with the key it had.
            key = f"{call.call_id}-{call.tries}"
            return await self._actions.run(call.account_id, call.workflow_id, call.request, key, now)
        # The same request has the same key, however often it is made.
        key = f"{call.call_id}-{call.changes}" if call.changes else str(call.call_id)
        return await post(self._client, call.request, key, now)

    # ------------------------------------------------------------ settling

    async def _settle(self) -> bool:
        """Write down what came of calls, and move their journeys, in one transaction; whether there were any."""
        made, self._made = self._made, []
        if not made:
            return False
        for one in made:
            target = (one.call.account_id, one.call.target)
            if one.came.error and not one.came.is_final:
                self._failing.add(target)
            else:
                self._failing.discard(target)
        try:
            await self._write(made)
        except BaseException:
            # Nothing of it is written: the next pass does it, or the call is made again.
            now = self._clock.now()
            self._made += [one for one in made if one.call.leased_until > now]
            raise
        return True

    async def _write(self, made: Sequence[_Made]) -> None:
        now = self._clock.now()
        async with self._database.system() as connection:
            # Before the rows, as whoever deletes or merges contacts does.
            await hold_contacts(connection, sorted({one.call.account_id for one in made}))
            graphs = await store.graphs(connection, {(one.call.workflow_id, one.call.version) for one in made})
            settled = [_follows(one, graphs.get((one.call.workflow_id, one.call.version)), now) for one in made]
            rows = await (await connection.execute(_SQL["settle"], _columns(made, settled, now))).fetchall()
            ways: Ways = Counter()
            for *way, count in rows:
                account_id, workflow_id, version, step, to = way
                ways[account_id, workflow_id, version, step, to] += count
            await count_ways(connection, ways, _SHARD)


def _follows(made: _Made, graph: Graph | None, now: datetime) -> _Settled:
    call, came = made.call, made.came
    if not came.error:
        to = Arrival.OUTSIDE if graph is None else graph.after(call.step)
        return _Settled(CallState.DONE, now, to)
    due = now + wait_after(call.failures + 1, came.rest)
    if not came.is_final and due <= call.begun_at + GIVE_UP:
        return _Settled(CallState.TO_DO, due)
    step = None if graph is None else graph.steps[call.step]
    if graph is not None and isinstance(step, Call) and step.failed:
        return _Settled(CallState.GIVEN_UP, now, graph.number(step.failed), Outcome.FAILED)
    name = call.step if step is None else step.id
    reason = _printable(f"step '{name}': {came.error}")[:REASON_LIMIT]
    return _Settled(CallState.GIVEN_UP, now, Arrival.FAILED, Outcome.FAILED, reason)


def wait_after(failures: int, asked: float = 0.0) -> timedelta:
    """How long to wait after so many failures; ``asked``: seconds that the other side wants to be left alone."""
    return max(WAITS[min(failures, len(WAITS)) - 1], min(timedelta(seconds=asked), LONGEST_REST))


def _columns(made: Sequence[_Made], settled: Sequence[_Settled], now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "account_ids": numbers(one.call.account_id for one in made),
        "buckets": numbers(one.call.bucket for one in made),
        "call_ids": [one.call.call_id for one in made],
        "leases": moments(one.call.leased_until for one in made),
        "known": booleans(not one.came.is_open for one in made),
        "attempts": texts(_told(one) for one in made),
        "answers": texts(one.came.answer for one in made),
        "states": numbers(int(one.state) for one in settled),
        "moments": moments(one.due for one in settled),
        "to_steps": numbers(int(one.to) for one in settled),
        "outcomes": numbers(int(one.outcome) for one in settled),
        "reasons": texts(one.reason for one in settled),
    }


def _told(made: _Made) -> str:
    """An attempt as its row keeps it (``journeys.Attempt``)."""
    entry: dict[str, Any] = {"at": made.at, "ms": made.milliseconds}
    if made.came.status is not None:
        entry["status"] = made.came.status
    if made.came.error:
        entry["error"] = _printable(made.came.error)[:_ERROR_LIMIT]
    if made.came.run_id:
        entry["run_id"] = made.came.run_id
    return msgspec.json.encode(entry).decode()


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)

"""What happens to contacts outside: it lets them in, wakes those who wait for it, brings them to goals, and lets out.

Everything happens in the order of the change logs. Of one event, journeys that are under way hear first; the ones that
it begins do not hear of it any more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from syncom.events.model import FollowedEvent
from syncom.postgres.columns import numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.segments.model import FollowedMove
from syncom.workflows import entering, store
from syncom.workflows.filters import fits
from syncom.workflows.graph import Graph
from syncom.workflows.model import Arrival, Candidate, Cause, EnrolmentState, Outcome
from syncom.workflows.passing import GROUP_LOCKS, Ways, count_ways

_SQL = load_sql("syncom.workflows", "watching.sql")


class Happening(NamedTuple):
    """An event or a move of a contact."""

    account_id: int
    contact_id: int
    event_type_id: int | None
    segment_id: int | None
    entered: bool
    params: Mapping[str, Any]
    #: Of the event or move.
    happening_id: UUID
    at: datetime
    chain: int = 0


def of_event(event: FollowedEvent) -> Happening:
    return Happening(
        event.account_id,
        event.contact_id,
        event.event_type_id,
        None,
        True,
        event.params,
        event.event_id,
        event.occurred_at,
        event.chain,
    )


def of_move(move: FollowedMove) -> Happening:
    return Happening(
        move.account_id, move.contact_id, None, move.segment_id, move.entered, {}, move.move_id, move.moved_at
    )


class _Heard(NamedTuple):
    """A journey of this contact in this version hears of something."""

    account_id: int
    contact_id: int
    workflow_id: int
    version: int
    params: Mapping[str, Any]
    at: datetime
    chain: int


#: Journeys that hear of the same, by why, workflow, version and step.
_Hearing = defaultdict[tuple[Cause, int, int, int], list[_Heard]]


async def hear(connection: Connection, happenings: Sequence[Happening], *, now: datetime) -> None:
    """What follows from these for workflows, in their order."""
    watches = await store.watches(
        connection,
        {one.event_type_id for one in happenings if one.event_type_id is not None},
        {one.segment_id for one in happenings if one.segment_id is not None},
    )
    if not watches:
        return
    by_what: defaultdict[tuple[int | None, int | None], list[store.Watch]] = defaultdict(list)
    for watch in watches:
        by_what[watch.event_type_id, watch.segment_id].append(watch)
    graphs = await store.graphs(
        connection, {(one.workflow_id, one.version) for one in watches if one.cause is not Cause.TRIGGER}
    )
    waves = [_sorted_out(wave, by_what) for wave in _waves(happenings)]
    concerned = {(one.account_id, one.contact_id) for heard, _ in waves for those in heard.values() for one in those}
    if concerned:
        await _hold(connection, sorted(concerned))
    for heard, candidates in waves:
        # Leaving goes before reaching, and that before waking.
        for (cause, workflow_id, version, step), those in sorted(heard.items(), key=_rank):
            await _tell(connection, cause, graphs[workflow_id, version], step, those, now)
        await entering.let_in(connection, candidates, now=now)


def _sorted_out(
    wave: Sequence[Happening], by_what: Mapping[tuple[int | None, int | None], Sequence[store.Watch]]
) -> tuple[_Hearing, list[Candidate]]:
    """Who inside hears of what, and who may come in."""
    heard: _Hearing = defaultdict(list)
    candidates: list[Candidate] = []
    for one in wave:
        for watch in by_what.get((one.event_type_id, one.segment_id), ()):
            if watch.entered != one.entered or not fits(watch.filter, one.params):
                continue
            if watch.cause is Cause.TRIGGER:
                candidates.append(_candidate(one, watch))
            else:
                heard[watch.cause, watch.workflow_id, watch.version, watch.step].append(
                    _Heard(
                        one.account_id, one.contact_id, watch.workflow_id, watch.version, one.params, one.at, one.chain
                    )
                )
    return heard, candidates


async def _hold(connection: Connection, contacts: Sequence[tuple[int, int]]) -> None:
    """Let no pass be under way with journeys of these contacts until the transaction ends.

    A pass that has looked for events already, and not committed, brings a journey to its wait that this transaction
    does not see: nobody would wake it.
    """
    values = {
        "locks": GROUP_LOCKS,
        "account_ids": numbers(account_id for account_id, _ in contacts),
        "contact_ids": numbers(contact_id for _, contact_id in contacts),
    }
    await connection.execute(_SQL["hold_groups"], values)


def _rank(item: tuple[tuple[Cause, int, int, int], object]) -> tuple[int, int, int, int]:
    (cause, workflow_id, version, step), _ = item
    # Of two goals the one further on.
    return -int(cause), workflow_id, version, -step


def _waves(happenings: Iterable[Happening]) -> list[list[Happening]]:
    waves: list[list[Happening]] = []
    seen: defaultdict[tuple[int, int], int] = defaultdict(int)
    for one in happenings:
        place = seen[one.account_id, one.contact_id]
        seen[one.account_id, one.contact_id] += 1
        if place == len(waves):
            waves.append([])
        waves[place].append(one)
    return waves


def _candidate(one: Happening, watch: store.Watch) -> Candidate:
    return Candidate(
        account_id=one.account_id,
        contact_id=one.contact_id,
        workflow_id=watch.workflow_id,
        event_id=one.happening_id,
        params=dict(one.params),
        at=one.at,
        chain=one.chain,
    )


#: Why a journey ends, as it is told.
EXITED: Final = "it did what lets it out"


async def _tell(
    connection: Connection, cause: Cause, graph: Graph, step: int, those: Sequence[_Heard], now: datetime
) -> None:
    """Journeys that hear of it go where they go for it."""
    values: dict[str, Any] = {
        "now": now,
        "account_ids": numbers(one.account_id for one in those),
        "contact_ids": numbers(one.contact_id for one in those),
        "chains": numbers(one.chain for one in those),
        "params": texts(msgspec.json.encode(one.params).decode() for one in those),
        "workflow_id": those[0].workflow_id,
        "version": those[0].version,
        "step": step,
    }
    to = Arrival.EXITED if cause is Cause.EXIT else graph.after(step)
    values["to"] = to
    if cause is Cause.WAIT:
        statement, values["outcome"] = "wake", Outcome.HAPPENED
        values["moments"] = [one.at for one in those]
    else:
        leaves = cause is Cause.EXIT
        statement, values["leaves"] = "take_out", leaves
        values["outcome"] = Outcome.EXITED if leaves else Outcome.REACHED
        values["reason"] = EXITED if leaves else ""
        values["noted_since"] = now - timedelta(days=graph.definition.rules.conversion_days)
        values["before"] = list(range(len(graph.steps))) if leaves else graph.before(step)
    rows = await (await connection.execute(_SQL[statement], values)).fetchall()
    ways: Ways = Counter()
    for account_id, state, from_step, count in rows:
        key = (account_id, those[0].workflow_id, those[0].version)
        if state == EnrolmentState.FAILED:
            ways[(*key, Arrival.FAILED, from_step)] += count
        ways[(*key, from_step, to)] += count
    await count_ways(connection, ways, 0)

"""A pass: contacts whose time has come go from step to step, all who stand at one step together, until they rest.

They lie in a table of the session meanwhile (engine.sql), so that a step is one statement for however many stand at it,
and each journey is written once. A step is a function of a :class:`Place` (``steps``); it moves everybody who stands
there. What fails for some of them is found by halves, and only those are parked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import DataError, sql

from syncom.contacts.upsert import hold_contacts, index_plans
from syncom.errors import Invalid, NotFound, Unavailable
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.segments.evaluation import Statement
from syncom.segments.service import SegmentsService
from syncom.workflows.graph import OVER, Graph
from syncom.workflows.language import Step
from syncom.workflows.model import Arrival, EnrolmentState, Outcome

_SQL = load_sql("syncom.workflows", "engine.sql")
#: Advisory locks: this number plus a group's. Whoever has it alone moves the journeys of its buckets.
GROUP_LOCKS: Final = 0x776F << 40
#: A reason is cut to this.
REASON_LIMIT: Final = 500
#: States of journeys as they are stored: all, and those that are over.
_STATES: Final = [int(state) for state in EnrolmentState]
_ENDED: Final = [int(EnrolmentState.FINISHED), int(EnrolmentState.LEFT), int(EnrolmentState.EXITED)]
#: ``IS TRUE`` makes a hash of those who match; as a join they were looked through once for each of the place.
_MATCHING = sql.SQL("""
WITH matching AS MATERIALIZED ({matching})
UPDATE workflow_pass p SET choice = %(choice)s
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    AND p.choice IS NULL AND (p.who IN (SELECT contact_id FROM matching)) IS TRUE
""")
_GO_MATCHING = sql.SQL("""
WITH matching AS MATERIALIZED ({matching}), moved AS (
    UPDATE workflow_pass p SET
        step = CASE WHEN k.to_step < 0 THEN p.step ELSE k.to_step END,
        state = CASE WHEN k.to_step < 0 THEN 3 ELSE 0 END, resting = false, turn = turn + 1, part = 0,
        path = path || ARRAY[p.step, k.outcome, p.since]
    FROM (VALUES (true, %(to)s::smallint, %(outcome)s::smallint), (false, %(other)s, %(other_outcome)s))
        AS k (matches, to_step, outcome)
    WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
        = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
        AND k.matches = (p.who IN (SELECT contact_id FROM matching))
    RETURNING k.to_step
)
SELECT to_step, count(*) FROM moved GROUP BY to_step
""")
_WHO = sql.SQL(
    "SELECT who FROM workflow_pass p WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)"
    " = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)"
)


class Failed(Exception):
    """A step cannot be done for anybody who stands at it."""


class Stood(NamedTuple):
    """One who stands at a place."""

    bucket: int
    contact_id: int
    event_id: UUID
    #: Whom it is about now, after merges.
    who: int
    turn: int
    params: dict[str, Any]
    #: Of what moved it last; 0 when that was time.
    chain: int = 0

    @property
    def key(self) -> tuple[int, int, UUID]:
        return self.bucket, self.contact_id, self.event_id


class Where(NamedTuple):
    account_id: int
    workflow_id: int
    version: int
    step: int
    resting: bool
    part: int = 0


Ways = Counter[tuple[int, int, int, int, int]]


class Pass:
    """One transaction's worth of journeys."""

    def __init__(self, connection: Connection, now: datetime, segments: SegmentsService) -> None:
        self.connection = connection
        self.now = now
        self._segments = segments
        #: Account, workflow, version, from, to: how many went so.
        self.ways: Ways = Counter()
        self.standing: Counter[Where] = Counter()
        #: Whether it began something that can go on at once: journeys elsewhere, or events to hear of.
        self.begins_more = False
        self._parts = 0

    async def lay_out(self) -> None:
        await self.connection.execute(_SQL["lay_out"])

    async def pick(self, group: int, limit: int) -> int:
        """Take those whose time has come; how many. Their contacts are neither deleted nor merged meanwhile."""
        values = {"group": group, "limit": limit, "now": self.now}
        accounts = await (await self.connection.execute(_SQL["due_accounts"], values)).fetchall()
        await hold_contacts(self.connection, sorted(row[0] for row in accounts))
        picked = (await self.connection.execute(_SQL["pick"], values)).rowcount
        if picked:
            running = [row[0] for row in await self._rows("hold_running")]
            await self.connection.execute(_SQL["park_paused"], {"running": running})
            for account_id, workflow_id, version, step, count in await self._rows("gone"):
                self.ways[account_id, workflow_id, version, step, Arrival.LEFT] += count
            for account_id, workflow_id, version, step, resting, count in await self._rows("places"):
                self.standing[Where(account_id, workflow_id, version, step, resting)] += count
        return picked

    def new_part(self) -> int:
        self._parts += 1
        return self._parts

    async def put_back(self, picked: int, shard: int) -> None:
        """Write the journeys. Raises Unavailable when one of them was changed meanwhile: the next pass sees it."""
        # A merge with the whole index looks cheaper to the planner, and takes as long as there are journeys.
        await index_plans(self.connection)
        values = {"now": self.now, "states": _STATES}
        put = (await self.connection.execute(_SQL["put_back"], values)).rowcount
        if put != picked:
            raise Unavailable(f"{picked - put} journeys are not where they were")
        await count_ways(self.connection, self.ways, shard)

    async def put_back_ended(self) -> None:
        """Write the journeys that are over already, so that rules of entry do not take them for active."""
        values = {"now": self.now, "states": _ENDED}
        await self.connection.execute(_SQL["put_back"], values)
        await self.connection.execute(_SQL["are_put_back"], values)

    async def matching(self, place: Place, condition: Mapping[str, Any]) -> Statement:
        """The statement of those of a place who match. Raises Invalid."""
        return await self._segments.matching_of(self.connection, place.where.account_id, condition, _WHO, now=self.now)

    async def _rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        return await (await self.connection.execute(_SQL[statement])).fetchall()


class Place:
    """Everybody of a pass who stands at one step of one version, and what can be done with them."""

    def __init__(self, whole: Pass, where: Where, graph: Graph) -> None:
        self.whole = whole
        self.where = where
        self.graph = graph

    @property
    def connection(self) -> Connection:
        return self.whole.connection

    @property
    def now(self) -> datetime:
        return self.whole.now

    @property
    def step(self) -> Step:
        return self.graph.steps[self.where.step]

    @property
    def values(self) -> dict[str, Any]:
        return self.where._asdict()

    @property
    def count(self) -> int:
        return self.whole.standing[self.where]

    async def those(self) -> list[Stood]:
        """Each of them, by bucket and contact."""
        rows = await (await self.connection.execute(_SQL["those"], self.values)).fetchall()
        return [Stood(*row) for row in rows]

    async def contact_ids(self) -> list[int]:
        """Whom they are about, each once."""
        rows = await (await self.connection.execute(_WHO, self.values)).fetchall()
        return sorted({row[0] for row in rows})

    # ------------------------------------------------------------ moving on

    async def go(self, to: int | None = None, outcome: int = Outcome.PASSED) -> None:
        """All of them, to a step; None: the one after this."""
        to = self.graph.after(self.where.step) if to is None else to
        moved = await self.change("go", to=to, outcome=outcome)
        self.arrived({to: moved})

    async def choose(self, choices: Mapping[tuple[int, int, UUID], int]) -> None:
        """A choice for each of some (by :attr:`Stood.key`)."""
        await self.change(
            "choose",
            buckets=numbers(key[0] for key in choices),
            contact_ids=numbers(key[1] for key in choices),
            event_ids=[key[2] for key in choices],
            choices=numbers(choices.values()),
        )

    async def choose_matching(self, condition: Mapping[str, Any], choice: int) -> None:
        """This choice for those who match a condition and have none yet. Raises Invalid."""
        made = await self.whole.matching(self, condition)
        values = {**made.values, **self.values, "choice": choice}
        await self.connection.execute(_MATCHING.format(matching=made.text), values, prepare=False)

    async def go_matching(self, condition: Mapping[str, Any], way: tuple[int, int], other: tuple[int, int]) -> None:
        """Those who match a condition one way (step and outcome), the others the other. Raises Invalid."""
        made = await self.whole.matching(self, condition)
        ways = {"to": way[0], "outcome": way[1], "other": other[0], "other_outcome": other[1]}
        values = {**made.values, **self.values, **ways}
        cursor = await self.connection.execute(_GO_MATCHING.format(matching=made.text), values, prepare=False)
        self.arrived(dict(await cursor.fetchall()))

    async def choose_by_chance(self, weights: Sequence[int]) -> None:
        await self.change("choose_by_chance", **chances(self.where.workflow_id, self.where.step, weights))

    async def go_chosen(self, ways: Sequence[tuple[int, int]], rest: tuple[int, int]) -> None:
        """Everybody by its choice: step and outcome of each; ``rest``: of those without one."""
        ways = [*ways, rest]
        values = {
            **self.values,
            "targets": numbers(to for to, _ in ways),
            "outcomes": numbers(outcome for _, outcome in ways),
            "last": len(ways),
        }
        rows = await (await self.connection.execute(_SQL["go_chosen"], values)).fetchall()
        self.arrived(dict(rows))

    # ------------------------------------------------------------ staying

    async def change(self, statement: str, **values: Any) -> int:
        """One of the statements, for those of this place; how many it was for."""
        return (await self.connection.execute(_SQL[statement], {**self.values, **values})).rowcount

    async def change_counted(self, statement: str, to: int, **values: Any) -> None:
        """One whose only row counts those who went to a step."""
        row = await (await self.connection.execute(_SQL[statement], {**self.values, **values, "to": to})).fetchone()
        assert row is not None
        self.arrived({to: row[0]})

    async def rows(self, statement: str, **values: Any) -> Sequence[tuple[Any, ...]]:
        return await (await self.connection.execute(_SQL[statement], {**self.values, **values})).fetchall()

    def arrived(self, moved: Mapping[int, int]) -> None:
        """So many have gone from here to these steps."""
        where = self.where
        for to, count in moved.items():
            if not count:
                continue
            self.whole.ways[where.account_id, where.workflow_id, where.version, where.step, to] += count
            if to != OVER:
                self.whole.standing[where._replace(step=to, resting=False, part=0)] += count

    async def fail(self, reason: str) -> None:
        """All of them are parked."""
        failed = await self.change("fail", reason=reason[:REASON_LIMIT])
        where = self.where
        self.whole.ways[where.account_id, where.workflow_id, where.version, where.step, Arrival.FAILED] += failed


def chances(workflow_id: int, step: int, weights: Sequence[int]) -> dict[str, Any]:
    """What a statement needs to choose a branch of a split: each split of each turn by itself."""
    bounds: list[int] = []
    for weight in weights[:-1]:
        bounds.append(weight + (bounds[-1] if bounds else 0))
    return {"seed": workflow_id << 24 | step << 16, "total": sum(weights), "bounds": bounds}


async def count_ways(connection: Connection, ways: Ways, shard: int) -> None:
    """Add to the counts of who went where."""
    told = [(way, count) for way, count in sorted(ways.items()) if count]
    if not told:
        return
    columns = list(zip(*(way for way, _ in told), strict=True))
    names = ("account_ids", "workflow_ids", "versions", "from_steps", "to_steps")
    values = {name: numbers(column) for name, column in zip(names, columns, strict=True)}
    counted = {"contacts": numbers(count for _, count in told), "shard": shard}
    await connection.execute(_SQL["count_ways"], {**values, **counted})


async def in_halves(place: Place, do: Callable[[Place], Awaitable[None]]) -> None:
    """Do a step for everybody who stands at a place. When it fails for some, find them by halves and park them."""
    whole = place.whole
    before = whole.ways.copy(), whole.standing.copy()
    try:
        async with place.connection.transaction():
            await do(place)
    except Failed as error:
        whole.ways, whole.standing = before
        await place.fail(str(error))
    except (Invalid, NotFound, DataError) as error:
        whole.ways, whole.standing = before
        if place.count < 2:
            await place.fail(f"step '{place.step.id}': {_words(error)}")
            return
        half = place.where._replace(part=whole.new_part())
        moved = await place.change("halve", other=half.part, limit=place.count // 2)
        whole.standing[place.where] -= moved
        whole.standing[half] = moved
        await in_halves(place, do)
        await in_halves(Place(whole, half, place.graph), do)
        whole.standing.pop(half, None)


def _words(error: Exception) -> str:
    return error.message if isinstance(error, (Invalid, NotFound)) else str(error).splitlines()[0]

"""Journeys that failed, tried again or passed over by hand; and what was tried: the log of calls."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from syncom.clock import Clock
from syncom.errors import Conflict, NotFound
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.workflows import store
from syncom.workflows.graph import Graph
from syncom.workflows.journeys import definitions
from syncom.workflows.language import Definition
from syncom.workflows.model import Arrival, CallState, Outcome, WorkflowStatus
from syncom.workflows.passing import Ways, count_ways

_SQL = load_sql("syncom.workflows", "parked.sql")
#: Journeys of one transaction.
_BATCH: Final = 1_000
CALLS_LIMIT: Final = 500
_NIL: Final = UUID(int=0)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a call."""

    at: datetime
    #: How long it took, in milliseconds.
    ms: int
    #: None: there was no answer, or no HTTP.
    status: int | None = None
    #: Empty: it was taken.
    error: str = ""
    #: Of an action: the run of the integration layer.
    run_id: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a step makes for a journey."""

    call_id: UUID
    contact_id: int
    version: int
    step_id: str
    #: ``to_do``, ``done``, ``given_up``.
    state: str
    #: What is called: method and address without its query, or connection and action.
    what: str
    #: The next attempt; None: there is none.
    next_at: datetime | None
    made_at: datetime
    #: The newest 40.
    attempts: list[Attempt]


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    calls: list[Call]
    #: Asks for those behind; None: there are none.
    cursor: tuple[int, UUID] | None


class ParkedService:
    """Journeys of an account that failed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def retry(self, account_id: int, workflow_id: int, *, step: str = "", contact_id: int | None = None) -> int:
        """Do the step again at which journeys failed; how many.

        ``step``: only those at this step, of any version; ``contact_id``: only of this contact. Raises NotFound, and
        Conflict for a workflow that is stopped.
        """
        return await self._take_up(account_id, workflow_id, step, contact_id, skips=False)

    async def skip(self, account_id: int, workflow_id: int, *, step: str = "", contact_id: int | None = None) -> int:
        """Let them go on behind the step. As :meth:`retry`."""
        return await self._take_up(account_id, workflow_id, step, contact_id, skips=True)

    async def _take_up(
        self, account_id: int, workflow_id: int, step: str, contact_id: int | None, *, skips: bool
    ) -> int:
        values: dict[str, Any] = {
            "account_id": account_id,
            "workflow_id": workflow_id,
            "who": contact_id,
            "skips": skips,
            "outcome": Outcome.SKIPPED if skips else Outcome.RETRIED,
            "limit": _BATCH,
        }
        async with self._database.tenant(account_id) as connection:
            await _require_life(connection, account_id, workflow_id)
            places = _places(await definitions(connection, account_id, workflow_id), step)
            rows = await (await connection.execute(_SQL["parked_buckets"], values)).fetchall()
        for name, column in zip(("versions", "steps", "to_steps"), zip(*places, strict=True), strict=True):
            values[name] = numbers(column)
        return sum([await self._of_bucket({**values, "bucket": row[0]}) for row in rows])

    async def _of_bucket(self, values: dict[str, Any]) -> int:
        """In batches, each a transaction."""
        account_id, workflow_id, skips = values["account_id"], values["workflow_id"], values["skips"]
        total, behind = 0, (0, _NIL)
        while True:
            async with self._database.tenant(account_id) as connection:
                await _require_life(connection, account_id, workflow_id)
                more = {"contact_id": behind[0], "event_id": behind[1], "now": self._clock.now()}
                rows = await (await connection.execute(_SQL["take_up"], {**values, **more})).fetchall()
                ways: Ways = Counter()
                for _, _, version, step, to in rows:
                    ways[account_id, workflow_id, version, Arrival.FAILED, step] += 1
                    if skips:
                        ways[account_id, workflow_id, version, step, to] += 1
                await count_ways(connection, ways, 0)
            total += len(rows)
            if len(rows) < _BATCH:
                return total
            behind = rows[-1][0], rows[-1][1]

    async def calls(
        self,
        account_id: int,
        workflow_id: int,
        *,
        contact_id: int | None = None,
        cursor: tuple[int, UUID] | None = None,
        limit: int = 100,
    ) -> CallPage:
        """Calls of a workflow with their attempts, in no order of time. Raises NotFound."""
        limit = max(1, min(limit, CALLS_LIMIT))
        bucket, call_id = cursor or (0, _NIL)
        values = {
            "account_id": account_id,
            "workflow_id": workflow_id,
            "who": contact_id,
            "bucket": bucket,
            "call_id": call_id,
            "limit": limit,
        }
        async with self._database.tenant(account_id) as connection:
            await store.get(connection, account_id, workflow_id)
            known = await definitions(connection, account_id, workflow_id)
            statement = _SQL["calls" if contact_id is None else "calls_of_contact"]
            rows = await (await connection.execute(statement, values)).fetchall()
        found = [
            Call(
                call_id=row[1],
                contact_id=row[2],
                version=row[3],
                step_id=known[int(row[3])].steps[int(row[4])].id,
                state=CallState(row[5]).name.lower(),
                what=_what(row[6]),
                next_at=row[8] if row[5] == CallState.TO_DO else None,
                made_at=row[9],
                attempts=msgspec.convert(row[7], list[Attempt]),
            )
            for row in rows
        ]
        behind = (rows[-1][0], rows[-1][1]) if len(rows) == limit else None
        return CallPage(calls=found, cursor=behind)


async def _require_life(connection: Connection, account_id: int, workflow_id: int) -> None:
    """Nobody stops it until the transaction ends. Raises NotFound, Conflict."""
    if (await store.lock(connection, account_id, workflow_id)).status is WorkflowStatus.STOPPED:
        raise Conflict(f"workflow {workflow_id} is stopped: nobody goes on in it")


def _places(known: dict[int, Definition], step: str) -> list[tuple[int, int, int]]:
    """Version, step, and where it leads. Raises NotFound."""
    graphs = {version: Graph(definition) for version, definition in known.items()}
    places = [
        (version, number, graph.after(number))
        for version, graph in graphs.items()
        for number, one in enumerate(graph.steps)
        if step in ("", one.id)
    ]
    if not places:
        raise NotFound("step", step)
    return places


def _what(request: dict[str, Any]) -> str:
    """Without what may be secret."""
    if request["type"] == "action":
        return f"{request['connection']} {request['action']}"
    return f"{request['method']} {str(request['url']).partition('?')[0]}"

"""The workflows' rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from syncom.errors import NotFound
from syncom.ids import bucket_of
from syncom.postgres.columns import numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.workflows.graph import Graph
from syncom.workflows.language import Definition, Where
from syncom.workflows.model import Cause, EnrolmentState, Workflow, WorkflowFigures, WorkflowStatus

_SQL = load_sql("syncom.workflows", "workflows.sql")
#: Of an account.
WORKFLOWS_LIMIT: Final = 1_000
#: When a journey wakes that only something else wakes.
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

Newest = Mapping[int, tuple[int, Definition]]


class Locked(NamedTuple):
    """A workflow that nobody else changes, and in which nobody moves, until the transaction ends."""

    status: WorkflowStatus
    version: int


class Watch(NamedTuple):
    """What a version of a workflow looks at, and why."""

    workflow_id: int
    version: int
    cause: Cause
    step: int
    event_type_id: int | None
    segment_id: int | None
    entered: bool
    filter: Where


class SentBy(NamedTuple):
    """A message that a workflow queued."""

    message_id: UUID
    contact_id: int
    workflow_id: int
    version: int
    step: int
    #: Whether it is a message's copy to a further browser.
    is_copy: bool = False


class NewCall(NamedTuple):
    """A call that a step makes for one journey."""

    bucket: int
    call_id: UUID
    contact_id: int
    workflow_id: int
    event_id: UUID
    version: int
    step: int
    turn: int
    #: Whom it calls: a host, or a connection. No slow one keeps calls of others waiting.
    target: str
    #: JSON.
    request: str


# ---------------------------------------------------------------- workflows


async def add(connection: Connection, account_id: int, name: str) -> int:
    values = {"account_id": account_id, "name": name}
    row = await (await connection.execute(_SQL["add_workflow"], values)).fetchone()
    assert row is not None
    return row[0]


async def add_version(
    connection: Connection, account_id: int, workflow_id: int, version: int, definition: Definition
) -> None:
    values = {
        "account_id": account_id,
        "workflow_id": workflow_id,
        "version": version,
        "definition": msgspec.json.encode(definition).decode(),
    }
    await connection.execute(_SQL["add_version"], values)


async def lock(connection: Connection, account_id: int, workflow_id: int) -> Locked:
    """Raises NotFound."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    row = await (await connection.execute(_SQL["lock_workflow"], values)).fetchone()
    if row is None:
        raise NotFound("workflow", workflow_id)
    return Locked(WorkflowStatus(row[0]), row[1])


async def change(connection: Connection, account_id: int, workflow_id: int, *, name: str | None, version: int) -> None:
    values = {"account_id": account_id, "workflow_id": workflow_id, "name": name, "version": version}
    await connection.execute(_SQL["change_workflow"], values)


async def set_status(connection: Connection, account_id: int, workflow_id: int, status: WorkflowStatus) -> None:
    values = {"account_id": account_id, "workflow_id": workflow_id, "status": status.value}
    await connection.execute(_SQL["set_status"], values)
    if status in (WorkflowStatus.ACTIVE, WorkflowStatus.DRAINING):
        await connection.execute(_SQL["wake_paused"], values)


async def page(connection: Connection, account_id: int, *, offset: int, limit: int) -> list[Workflow]:
    values = {"account_id": account_id, "offset": offset, "limit": limit}
    return [_workflow(row) for row in await (await connection.execute(_SQL["list_workflows"], values)).fetchall()]


async def count(connection: Connection, account_id: int) -> int:
    row = await (await connection.execute(_SQL["count_workflows"], {"account_id": account_id})).fetchone()
    return row[0] if row else 0


async def get(connection: Connection, account_id: int, workflow_id: int) -> Workflow:
    """Raises NotFound."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    row = await (await connection.execute(_SQL["get_workflow"], values)).fetchone()
    if row is None:
        raise NotFound("workflow", workflow_id)
    return _workflow(row)


async def counts(connection: Connection, account_id: int, workflow_id: int) -> dict[EnrolmentState, int]:
    """Journeys of a workflow by state."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    rows = await (await connection.execute(_SQL["counts"], values)).fetchall()
    return {EnrolmentState(state): number for state, number in rows}


async def figures(connection: Connection, account_id: int) -> list[WorkflowFigures]:
    """Of each workflow of an account that somebody came into."""
    rows = await (await connection.execute(_SQL["figures"], {"account_id": account_id})).fetchall()
    names = WorkflowFigures.__struct_fields__
    return [WorkflowFigures(**dict(zip(names, row, strict=True))) for row in rows]


async def of_trigger(connection: Connection, account_id: int, event_type_id: int) -> list[tuple[int, str, Where]]:
    """Active workflows that begin with a type: number, name, what its parameters must be."""
    values = {"account_id": account_id, "event_type_id": event_type_id}
    rows = await (await connection.execute(_SQL["of_trigger"], values)).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


async def count_entered(
    connection: Connection, account_id: int, workflow_id: int, events: Sequence[tuple[int, UUID]]
) -> int:
    """How many of these events (contact and id) have let their contacts into a workflow."""
    values = {
        "account_id": account_id,
        "workflow_id": workflow_id,
        "buckets": numbers(bucket_of(contact_id) for contact_id, _ in events),
        "contact_ids": numbers(contact_id for contact_id, _ in events),
        "event_ids": [event_id for _, event_id in events],
    }
    row = await (await connection.execute(_SQL["count_entered"], values)).fetchone()
    return row[0] if row else 0


async def newest(connection: Connection, workflow_ids: Sequence[int]) -> Newest:
    """Version and definition of those that let contacts in, held so until the transaction ends."""
    rows = await (await connection.execute(_SQL["newest"], {"workflow_ids": numbers(workflow_ids)})).fetchall()
    return {row[0]: (row[1], msgspec.convert(row[2], Definition)) for row in rows}


async def graphs(connection: Connection, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], Graph]:
    """Graphs by workflow and version."""
    chosen = sorted(wanted)
    values = {
        "workflow_ids": numbers(workflow_id for workflow_id, _ in chosen),
        "versions": numbers(version for _, version in chosen),
    }
    rows = await (await connection.execute(_SQL["versions"], values)).fetchall()
    return {(row[0], row[1]): Graph(msgspec.convert(row[2], Definition)) for row in rows}


# ---------------------------------------------------------------- what they look at


async def add_watches(connection: Connection, account_id: int, watches: Sequence[Watch]) -> None:
    if not watches:
        return
    values: dict[str, Any] = {
        "account_id": account_id,
        "workflow_id": watches[0].workflow_id,
        "version": watches[0].version,
        "causes": numbers(int(watch.cause) for watch in watches),
        "steps": numbers(watch.step for watch in watches),
        "event_type_ids": [watch.event_type_id for watch in watches],
        "segment_ids": [watch.segment_id for watch in watches],
        "entered": [watch.entered for watch in watches],
        "filters": texts(msgspec.json.encode(watch.filter).decode() for watch in watches),
    }
    await connection.execute(_SQL["add_watches"], values)


async def watches(connection: Connection, event_type_ids: Collection[int], segment_ids: Collection[int]) -> list[Watch]:
    """What looks at these."""
    values = {"event_type_ids": numbers(sorted(event_type_ids)), "segment_ids": numbers(sorted(segment_ids))}
    rows = await (await connection.execute(_SQL["watches"], values)).fetchall()
    return [Watch(row[0], row[1], Cause(row[2]), *row[3:]) for row in rows]


async def watched(connection: Connection, workflow_id: int, *, inside_only: bool = False) -> tuple[set[int], set[int]]:
    """Types of events and segments that a workflow looks at; ``inside_only``: for those who are inside."""
    rows = await (await connection.execute(_SQL["watches_of"], {"workflow_id": workflow_id})).fetchall()
    return _split([row for row in rows if row[2] or not inside_only])


async def watched_by_others(
    connection: Connection, workflow_id: int, event_type_ids: Collection[int], segment_ids: Collection[int]
) -> tuple[set[int], set[int]]:
    """Those of these that other workflows look at too."""
    values = {
        "workflow_id": workflow_id,
        "event_type_ids": numbers(sorted(event_type_ids)),
        "segment_ids": numbers(sorted(segment_ids)),
    }
    return _split(await (await connection.execute(_SQL["watched_by_others"], values)).fetchall())


async def forget_watches(connection: Connection, workflow_id: int) -> list[int]:
    """Let versions go in which nobody is inside any more; the segments that they looked at."""
    rows = await (await connection.execute(_SQL["forget_watches"], {"workflow_id": workflow_id})).fetchall()
    return sorted({row[0] for row in rows if row[0] is not None})


def _split(rows: Sequence[TupleRow]) -> tuple[set[int], set[int]]:
    return {row[0] for row in rows if row[0] is not None}, {row[1] for row in rows if row[1] is not None}


# ---------------------------------------------------------------- what they cause


async def note_messages(connection: Connection, account_id: int, messages: Sequence[SentBy], *, now: datetime) -> None:
    """Keep whose these messages are, which were queued now."""
    if not messages:
        return
    values = {
        "account_id": account_id,
        "buckets": numbers(bucket_of(message.contact_id) for message in messages),
        "message_ids": [message.message_id for message in messages],
        "contact_ids": numbers(message.contact_id for message in messages),
        "workflow_ids": numbers(message.workflow_id for message in messages),
        "now": now,
        "versions": numbers(message.version for message in messages),
        "steps": numbers(message.step for message in messages),
        "copies": [message.is_copy for message in messages],
    }
    await connection.execute(_SQL["note_messages"], values)


async def add_calls(connection: Connection, account_id: int, calls: Sequence[NewCall], *, now: datetime) -> None:
    """Write calls down. One that was given up before is made anew."""
    if not calls:
        return
    values = {
        "account_id": account_id,
        "now": now,
        "buckets": numbers(call.bucket for call in calls),
        "call_ids": [call.call_id for call in calls],
        "contact_ids": numbers(call.contact_id for call in calls),
        "workflow_id": calls[0].workflow_id,
        "event_ids": [call.event_id for call in calls],
        "version": calls[0].version,
        "step": calls[0].step,
        "turns": numbers(call.turn for call in calls),
        "target": calls[0].target,
        "requests": texts(call.request for call in calls),
    }
    await connection.execute(_SQL["add_calls"], values)


def _workflow(row: TupleRow) -> Workflow:
    return Workflow(
        workflow_id=row[0],
        name=row[1],
        status=WorkflowStatus(row[2]),
        version=row[3],
        definition=msgspec.convert(row[4], Definition),
        created_at=row[5],
        updated_at=row[6],
    )

"""The workflows' rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow, class_row

from syncom.errors import NotFound
from syncom.ids import bucket_of
from syncom.postgres.columns import numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.workflows.model import Definition, Enrolment, EnrolmentState, Moved, Workflow, WorkflowStatus

_SQL = load_sql("syncom.workflows", "workflows.sql")
#: Advisory locks of the groups of buckets: this number plus the group's.
_LOCKS = 0x776F << 40


class Beginning(NamedTuple):
    """What a workflow waits for: events of a type, or moves of a segment."""

    event_type_id: int | None = None
    segment_id: int | None = None


class Locked(NamedTuple):
    """A workflow that nobody else changes, and in which nobody moves, until the transaction ends."""

    status: WorkflowStatus
    version: int
    begins: Beginning


class Triggered(NamedTuple):
    """A workflow that an event or a move may start."""

    workflow_id: int
    begins: Beginning
    version: int
    definition: Definition


class Entry(NamedTuple):
    """A contact who enters a workflow."""

    account_id: int
    contact_id: int
    workflow_id: int
    version: int
    event_id: UUID
    params: str


class SentBy(NamedTuple):
    """A message that a workflow queued."""

    message_id: UUID
    contact_id: int
    workflow_id: int


# ---------------------------------------------------------------- workflows


async def add(connection: Connection, account_id: int, name: str, begins: Beginning, definition: Definition) -> int:
    values = {"account_id": account_id, "name": name, **begins._asdict()}
    row = await (await connection.execute(_SQL["add_workflow"], values)).fetchone()
    assert row is not None
    await add_version(connection, account_id, row[0], 1, definition)
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
    return Locked(WorkflowStatus(row[0]), row[1], Beginning(row[2], row[3]))


async def change(
    connection: Connection, account_id: int, workflow_id: int, *, name: str | None, version: int, begins: Beginning
) -> None:
    values = {
        "account_id": account_id,
        "workflow_id": workflow_id,
        "name": name,
        "version": version,
        **begins._asdict(),
    }
    await connection.execute(_SQL["change_workflow"], values)


async def set_status(connection: Connection, account_id: int, workflow_id: int, status: WorkflowStatus) -> None:
    """With the enrolments: those of a stopped workflow pause, those of an active one go on."""
    values = {"account_id": account_id, "workflow_id": workflow_id, "status": status.value}
    await connection.execute(_SQL["set_status"], values)
    statement = "wake_enrolments" if status is WorkflowStatus.ACTIVE else "pause_enrolments"
    await connection.execute(_SQL[statement], values)


async def is_followed_by_others(connection: Connection, workflow_id: int, begins: Beginning) -> bool:
    """Whether another active workflow begins with the same."""
    values = {"workflow_id": workflow_id, **begins._asdict()}
    row = await (await connection.execute(_SQL["other_followers"], values)).fetchone()
    return bool(row and row[0])


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
    """Enrolments of a workflow by state."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    rows = await (await connection.execute(_SQL["counts"], values)).fetchall()
    return {EnrolmentState(state): number for state, number in rows}


async def of_trigger(connection: Connection, account_id: int, event_type_id: int) -> list[tuple[int, str, Definition]]:
    """Active workflows that begin with a type: number, name, definition."""
    values = {"account_id": account_id, "event_type_id": event_type_id}
    rows = await (await connection.execute(_SQL["of_trigger"], values)).fetchall()
    return [(row[0], row[1], msgspec.convert(row[2], Definition)) for row in rows]


async def count_entered(
    connection: Connection, account_id: int, workflow_id: int, events: Sequence[tuple[int, UUID]]
) -> int:
    """How many of these events (contact and id) have let their contacts into a workflow."""
    values = {
        "account_id": account_id,
        "workflow_id": workflow_id,
        "buckets": numbers(bucket_of(contact_id) for contact_id, _ in events),
        "event_ids": _uuids([event_id for _, event_id in events]),
    }
    row = await (await connection.execute(_SQL["count_entered"], values)).fetchone()
    return row[0] if row else 0


# ---------------------------------------------------------------- entering and moving


async def triggered(
    connection: Connection, *, event_type_ids: Iterable[int] = (), segment_ids: Iterable[int] = ()
) -> list[Triggered]:
    """Active workflows that begin with one of these types or segments."""
    values = {"event_type_ids": numbers(sorted(event_type_ids)), "segment_ids": numbers(sorted(segment_ids))}
    rows = await (await connection.execute(_SQL["triggered"], values)).fetchall()
    return [Triggered(row[0], Beginning(row[1], row[2]), row[3], msgspec.convert(row[4], Definition)) for row in rows]


async def enrol(connection: Connection, entries: Sequence[Entry]) -> None:
    """Let contacts in; who came by the same event before stays where they are."""
    await connection.execute(
        _SQL["enrol"],
        {
            "account_ids": numbers(entry.account_id for entry in entries),
            "buckets": numbers(bucket_of(entry.contact_id) for entry in entries),
            "workflow_ids": numbers(entry.workflow_id for entry in entries),
            "event_ids": _uuids([entry.event_id for entry in entries]),
            "contact_ids": numbers(entry.contact_id for entry in entries),
            "versions": numbers(entry.version for entry in entries),
            "params": texts(entry.params for entry in entries),
        },
    )


async def due_groups(connection: Connection) -> list[int]:
    """Groups of buckets in which somebody's time has come."""
    return sorted(row[0] for row in await (await connection.execute(_SQL["due_buckets"])).fetchall())


async def claim_group(connection: Connection, group: int) -> bool:
    """Whether this transaction alone moves the contacts of these buckets now."""
    row = await (await connection.execute(_SQL["claim_group"], {"lock": _LOCKS + group})).fetchone()
    return bool(row and row[0])


async def due(connection: Connection, group: int, limit: int) -> list[Enrolment]:
    """Contacts of these buckets whose next step is due."""
    cursor = connection.cursor(row_factory=class_row(Enrolment))
    values = {"first": group * 16, "limit": limit}
    return await (await cursor.execute(_SQL["due"], values)).fetchall()


async def hold_active(connection: Connection, workflow_ids: Sequence[int]) -> set[int]:
    """Those that are active; none of them is stopped until the transaction ends."""
    cursor = await connection.execute(_SQL["hold_active"], {"workflow_ids": numbers(workflow_ids)})
    return {row[0] for row in await cursor.fetchall()}


async def versions(connection: Connection, wanted: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Definition]:
    """Definitions by workflow and version."""
    values = {
        "workflow_ids": numbers(workflow_id for workflow_id, _ in wanted),
        "versions": numbers(version for _, version in wanted),
    }
    rows = await (await connection.execute(_SQL["versions"], values)).fetchall()
    return {(row[0], row[1]): msgspec.convert(row[2], Definition) for row in rows}


async def move(connection: Connection, moves: Sequence[Moved]) -> int:
    """Let contacts go on; returns how many did."""
    values: dict[str, Any] = {
        "account_ids": numbers(move.enrolment.account_id for move in moves),
        "buckets": numbers(move.enrolment.bucket for move in moves),
        "workflow_ids": numbers(move.enrolment.workflow_id for move in moves),
        "event_ids": _uuids([move.enrolment.event_id for move in moves]),
        "old_steps": numbers(move.enrolment.step for move in moves),
        "steps": numbers(move.step for move in moves),
        "states": numbers(int(move.state) for move in moves),
        "waits": [move.wait.total_seconds() for move in moves],
        "reasons": texts(move.reason for move in moves),
    }
    return (await connection.execute(_SQL["move"], values)).rowcount


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


def _uuids(values: Sequence[UUID]) -> str:
    return f"{{{','.join([str(value) for value in values])}}}"


async def note_messages(connection: Connection, account_id: int, messages: Sequence[SentBy]) -> None:
    """Keep whose these messages are."""
    if not messages:
        return
    values = {
        "account_id": account_id,
        "buckets": numbers(bucket_of(message.contact_id) for message in messages),
        "message_ids": [message.message_id for message in messages],
        "contact_ids": numbers(message.contact_id for message in messages),
        "workflow_ids": numbers(message.workflow_id for message in messages),
    }
    await connection.execute(_SQL["note_messages"], values)

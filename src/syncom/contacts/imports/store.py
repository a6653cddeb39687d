"""Imports in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from syncom.contacts.imports.model import ImportState, ImportStatus, Plan, Position
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts.imports", "imports.sql")
_STATUS = ImportStatus.__struct_fields__


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right to run an import, until it is not renewed in time."""

    import_id: int
    account_id: int
    fence: int
    plan: Plan
    error_path: str
    start: Position


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a locked import stands."""

    state: ImportState
    position: Position
    failed: int
    error_bytes: int


class BatchCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch did, and where the next one begins."""

    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    following: Position
    error_bytes: int
    is_last: bool


async def add_import(
    connection: Connection, *, account_id: int, file_name: str, folder: str, plan: Plan, bytes_total: int
) -> int:
    """Record an import to be run; returns its id. ``folder`` is relative to the data folder."""
    cursor = await connection.execute(
        _SQL["add_import"],
        {
            "account_id": account_id,
            "file_name": file_name,
            "file_path": plan.text_path,
            "options": msgspec.json.encode(plan).decode(),
            "bytes_total": bytes_total,
            "bytes_done": plan.start.offset,
            "line_next": plan.start.line,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    import_id = int(row[0])
    path = f"{folder}/errors-{import_id}.csv"
    await connection.execute(_SQL["set_error_path"], {"import_id": import_id, "error_path": path})
    return import_id


async def find_import(connection: Connection, account_id: int, import_id: int) -> ImportStatus | None:
    """One import of the account."""
    cursor = await connection.execute(_SQL["find_import"], {"account_id": account_id, "import_id": import_id})
    row = await cursor.fetchone()
    return _status(row) if row else None


async def list_imports(connection: Connection, account_id: int, *, before: int, count: int) -> list[ImportStatus]:
    """Imports of the account with ids below ``before``, newest first."""
    cursor = await connection.execute(
        _SQL["list_imports"], {"account_id": account_id, "before": before, "count": count}
    )
    return [_status(row) for row in await cursor.fetchall()]


async def error_path(connection: Connection, account_id: int, import_id: int) -> str | None:
    """Where the import's file of errors is or would be, relative to the data folder."""
    cursor = await connection.execute(_SQL["error_path"], {"account_id": account_id, "import_id": import_id})
    row = await cursor.fetchone()
    return row[0] if row else None


async def take_import(connection: Connection, import_id: int, *, seconds: float) -> Lease | None:
    """The lease on an import for so many seconds; None while somebody has it or when it is over."""
    cursor = await connection.execute(_SQL["take_import"], {"import_id": import_id, "seconds": seconds})
    row = await cursor.fetchone()
    if row is None:
        return None
    return Lease(
        import_id=import_id,
        account_id=row[0],
        fence=row[1],
        plan=msgspec.convert(row[2], Plan),
        error_path=row[3],
        start=Position(offset=row[4], line=row[5]),
    )


async def import_state(connection: Connection, import_id: int) -> tuple[ImportState, int, float] | None:
    """State, account, and the seconds until the lease ends."""
    cursor = await connection.execute(_SQL["import_state"], {"import_id": import_id})
    row = await cursor.fetchone()
    return (ImportState(row[0]), row[1], row[2]) if row else None


async def lock_import(connection: Connection, lease: Lease) -> Progress | None:
    """Where the import stands, locked until the transaction ends; None: the lease is lost."""
    cursor = await connection.execute(_SQL["lock_import"], {"import_id": lease.import_id, "fence": lease.fence})
    row = await cursor.fetchone()
    if row is None:
        return None
    return Progress(
        state=ImportState(row[0]),
        position=Position(offset=row[1], line=row[2]),
        failed=row[3],
        error_bytes=row[4],
    )


async def probe_by_index(connection: Connection) -> None:
    """Make the planner merge by index probes, whatever stale statistics say, until the transaction ends."""
    await connection.execute(_SQL["probe_by_index"])


async def settle_batch(connection: Connection, lease: Lease, counts: BatchCounts, *, seconds: float) -> None:
    """Move the resume point and renew the lease."""
    await connection.execute(
        _SQL["settle_batch"],
        {
            "import_id": lease.import_id,
            "rows": counts.rows,
            "created": counts.created,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
            "failed": counts.failed,
            "bytes_done": counts.following.offset,
            "line_next": counts.following.line,
            "error_bytes": counts.error_bytes,
            "is_last": counts.is_last,
            "seconds": seconds,
        },
    )


async def fail_import(connection: Connection, lease: Lease, problem: str) -> None:
    """Stop for good."""
    await connection.execute(
        _SQL["fail_import"], {"import_id": lease.import_id, "fence": lease.fence, "problem": problem[:1000]}
    )


async def release_import(connection: Connection, lease: Lease) -> None:
    """Let another runner go on at once."""
    await connection.execute(_SQL["release_import"], {"import_id": lease.import_id, "fence": lease.fence})


async def cancel_import(connection: Connection, account_id: int, import_id: int) -> bool:
    """Whether it was queued or running until now."""
    cursor = await connection.execute(_SQL["cancel_import"], {"account_id": account_id, "import_id": import_id})
    return cursor.rowcount == 1


async def needs_files(connection: Connection, account_id: int, folder: str, since: datetime) -> bool:
    """Whether an import of a file in this folder is not over, or was not at that time."""
    values = {"account_id": account_id, "folder": folder, "since": since}
    return await (await connection.execute(_SQL["needs_files"], values)).fetchone() is not None


async def has_imports(connection: Connection, account_id: int, folder: str) -> bool:
    """Whether a file in this folder was ever imported."""
    values = {"account_id": account_id, "folder": folder}
    return await (await connection.execute(_SQL["has_imports"], values)).fetchone() is not None


async def last_erasure(connection: Connection, account_id: int) -> datetime | None:
    """When somebody of the account was last erased; None: nobody was."""
    row = await (await connection.execute(_SQL["last_erasure"], {"account_id": account_id})).fetchone()
    return row[0] if row else None


async def due_imports(connection: Connection) -> list[int]:
    """Imports nobody works on."""
    cursor = await connection.execute(_SQL["due_imports"])
    return [row[0] for row in await cursor.fetchall()]


def _status(row: tuple[Any, ...]) -> ImportStatus:
    values = dict(zip(_STATUS, row, strict=True))
    values["state"] = ImportState(values["state"])
    return ImportStatus(**values)

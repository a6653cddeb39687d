"""Everything runs say to the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.connect.model import ActionRun, Fault
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.connect.runs", "runs.sql")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The run that took an idempotency key."""

    run_id: str
    status: str
    fault: Fault | None
    fingerprint: bytes
    sealed_output: bytes | None
    started_at: datetime


def _json(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value, dumps=msgspec.json.encode)


async def begin(
    connection: Connection,
    run: ActionRun,
    *,
    idempotency_key: str | None,
    fingerprint: bytes | None,
    sealed_input: bytes | None,
    key_since: datetime,
) -> bool:
    """Write down that a run begins. False when its idempotency key is taken."""
    values = {
        "run_id": run.run_id,
        "account_id": run.account_id,
        "tenant_id": run.tenant_id,
        "connection_id": run.connection_id,
        "action_id": run.action_id,
        "action_key": run.action_key,
        "name": run.name,
        "actor": run.actor,
        "input": _json(run.input),
        "meta": _json(run.meta),
        "dry_run": run.dry_run,
        "replay_of": run.replay_of,
        "started_at": run.started_at,
        "idempotency_key": idempotency_key,
        "fingerprint": fingerprint,
        "sealed_input": sealed_input,
        "since": key_since,
    }
    if idempotency_key is not None:
        await connection.execute(_SQL["free_key"], values)
    return await (await connection.execute(_SQL["begin"], values)).fetchone() is not None


async def finish(connection: Connection, run: ActionRun, sealed_output: bytes | None) -> None:
    await connection.execute(
        _SQL["finish"],
        {
            "account_id": run.account_id,
            "run_id": run.run_id,
            "status": run.status.value,
            "output": _json(run.output),
            "fault": _json(run.fault),
            "exchanges": Jsonb(run.exchanges, dumps=msgspec.json.encode),
            "duration": run.duration,
            "sealed_output": sealed_output,
        },
    )


async def same_key(connection: Connection, account_id: int, tenant_id: str, idempotency_key: str) -> Kept | None:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "tenant_id": tenant_id, "idempotency_key": idempotency_key}
    row = await (await cursor.execute(_SQL["same_key"], values)).fetchone()
    return None if row is None else msgspec.convert(row, Kept)


async def select(
    connection: Connection,
    account_id: int,
    *,
    tenant_id: str | None,
    run_id: str | None = None,
    connection_id: str | None = None,
    connections: Sequence[str] | None = None,
    status: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 1,
) -> list[ActionRun]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        _SQL["select"],
        {
            "account_id": account_id,
            "tenant_id": tenant_id,
            "run_id": run_id,
            "connection_id": connection_id,
            "connections": None if connections is None else list(connections),
            "status": status,
            "before_at": before[0] if before else None,
            "before_id": before[1] if before else None,
            "limit": limit,
        },
    )
    return msgspec.convert(await cursor.fetchall(), list[ActionRun])


async def started_at(connection: Connection, account_id: int, run_id: str) -> datetime | None:
    row = await (await connection.execute(_SQL["place"], {"account_id": account_id, "run_id": run_id})).fetchone()
    return row[0] if row else None


async def sealed_input(connection: Connection, account_id: int, run_id: str) -> bytes | None:
    values = {"account_id": account_id, "run_id": run_id}
    row = await (await connection.execute(_SQL["sealed_input"], values)).fetchone()
    return row[0] if row else None


async def sweep(connection: Connection, since: datetime, fault: Fault) -> int:
    """Runs that began before a moment and are still under way were lost with their process."""
    cursor = await connection.execute(_SQL["sweep"], {"since": since, "fault": _json(fault)})
    return cursor.rowcount


async def forget(connection: Connection, since: datetime, answers_since: datetime) -> None:
    await connection.execute(_SQL["forget"], {"since": since})
    await connection.execute(_SQL["forget_answers"], {"since": answers_since})

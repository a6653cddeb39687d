"""Everything the connections room says to the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.connect.connections import news
from syncom.connect.connections.model import ConnectionRequest, Credentials, Event, Integration, RequestStatus, Wishes
from syncom.connect.model import Connection, ConnectionState, Fault
from syncom.ids import short_id
from syncom.postgres.pool import Connection as Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.connect.connections", "connections.sql")


# ---------------------------------------------------------------- connections


async def find(
    connection: Database, account_id: int, tenant_id: str | None, selector: str, only: Sequence[str] | None
) -> list[Connection]:
    """By id or key: two when keys of several tenants fit."""
    values = {"account_id": account_id, "tenant_id": tenant_id, "selector": selector, "only": _list(only)}
    return await _connections(connection, "find", values)


async def find_of_connector(
    connection: Database,
    account_id: int,
    tenant_id: str | None,
    selector: str,
    connector_id: str | None,
    only: Sequence[str] | None,
) -> list[Connection]:
    """Two at most."""
    values = {
        "account_id": account_id,
        "tenant_id": tenant_id,
        "selector": selector,
        "connector_id": connector_id,
        "only": _list(only),
    }
    return await _connections(connection, "find_of_connector", values)


async def select(connection: Database, values: Mapping[str, Any]) -> list[Connection]:
    """``account_id``, ``tenant_id``, ``only``, ``archived``, ``connector_id``, ``pattern``, ``limit``, ``offset``."""
    return await _connections(connection, "list", values)


async def taken_keys(connection: Database, account_id: int, tenant_id: str, stem: str) -> set[str]:
    pattern = stem.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "-%"
    values = {"account_id": account_id, "tenant_id": tenant_id, "stem": stem, "pattern": pattern}
    return {row[0] for row in await (await connection.execute(_SQL["taken_keys"], values)).fetchall()}


async def insert(connection: Database, made: Connection) -> bool:
    """False when the key is taken."""
    values = {
        "connection_id": made.connection_id,
        "account_id": made.account_id,
        "tenant_id": made.tenant_id,
        "connector_id": made.connector_id,
        "key": made.key,
        "name": made.name,
        "state": made.state.value,
        "fault": _fault(made.fault),
        "client_action": made.client_action,
        "auth_key": made.auth_key,
        "parameters": Jsonb(made.parameters),
        "input": Jsonb(made.input),
        "meta": Jsonb(made.meta),
        "now": made.created_at,
    }
    return await _done(connection, "insert", values)


async def change(connection: Database, account_id: int, connection_id: str, **given: Any) -> bool:
    """``name``, ``key``, ``auth_key``, ``parameters``, ``input``, ``meta`` and ``now``; None stays as it is."""
    values = dict.fromkeys(("name", "key", "auth_key", "parameters", "input", "meta")) | given
    for name in ("parameters", "input", "meta"):
        if values[name] is not None:
            values[name] = Jsonb(values[name])
    return await _done(connection, "change", values | {"account_id": account_id, "connection_id": connection_id})


async def connected(
    connection: Database,
    account_id: int,
    connection_id: str,
    *,
    auth_key: str,
    parameters: Mapping[str, Any],
    shown: Mapping[str, Any],
    refresh_at: datetime | None,
    fresh: bool,
    now: datetime,
) -> bool:
    """``fresh``: it was made in this transaction, and its owner hears of that."""
    before = await news.hold(connection, account_id, connection_id)
    values = {
        "account_id": account_id,
        "connection_id": connection_id,
        "auth_key": auth_key,
        "parameters": Jsonb(parameters),
        "input": Jsonb(shown),
        "refresh_at": refresh_at,
        "now": now,
    }
    if not await _done(connection, "connected", values):
        return False
    if fresh:
        await news.tell(connection, account_id, connection_id, Event.CREATED)
    else:
        await news.tell_change(connection, account_id, connection_id, before)
    return True


async def set_state(
    connection: Database,
    account_id: int,
    connection_id: str,
    state: ConnectionState,
    *,
    fault: Fault | None = None,
    client_action: str | None = None,
    from_state: ConnectionState | None = None,
    now: datetime,
) -> bool:
    before = await news.hold(connection, account_id, connection_id)
    values = {
        "account_id": account_id,
        "connection_id": connection_id,
        "state": state.value,
        "fault": _fault(fault),
        "client_action": client_action,
        "from_state": from_state.value if from_state else None,
        "now": now,
    }
    if not await _done(connection, "set_state", values):
        return False
    await news.tell_change(connection, account_id, connection_id, before)
    return True


async def archive(connection: Database, account_id: int, connection_id: str, now: datetime) -> bool:
    values = {"account_id": account_id, "connection_id": connection_id, "now": now}
    if not await _done(connection, "archive", values):
        return False
    await news.tell(connection, account_id, connection_id, Event.DELETED)
    return True


async def restore(connection: Database, account_id: int, connection_id: str, key: str, now: datetime) -> bool:
    values = {"account_id": account_id, "connection_id": connection_id, "key": key, "now": now}
    if not await _done(connection, "restore", values):
        return False
    await news.tell(connection, account_id, connection_id, Event.CREATED)
    return True


async def touch(connection: Database, connection_id: str, now: datetime) -> None:
    await connection.execute(_SQL["touch"], {"connection_id": connection_id, "now": now})


# ---------------------------------------------------------------- credentials


async def save_credentials(
    connection: Database,
    account_id: int,
    connection_id: str,
    *,
    key_id: str,
    sealed: bytes,
    expires_at: datetime | None,
    now: datetime,
) -> int:
    """Put them in the place of others; their generation."""
    values = {
        "account_id": account_id,
        "connection_id": connection_id,
        "key_id": key_id,
        "sealed": sealed,
        "expires_at": expires_at,
        "now": now,
    }
    row = await (await connection.execute(_SQL["save_credentials"], values)).fetchone()
    assert row is not None
    return int(row[0])


async def erase_credentials(connection: Database, account_id: int, connection_id: str) -> bool:
    return await _done(connection, "erase_credentials", {"account_id": account_id, "connection_id": connection_id})


async def credentials(connection: Database, account_id: int, connection_id: str) -> Credentials | None:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["credentials"], {"account_id": account_id, "connection_id": connection_id})
    row = await cursor.fetchone()
    return msgspec.convert(row, Credentials) if row is not None else None


async def lease(connection: Database, row: Credentials, lease_for: timedelta) -> datetime | None:
    """The right to renew this generation, until the moment that is returned; None when somebody else has it."""
    values = {
        "account_id": row.account_id,
        "connection_id": row.connection_id,
        "generation": row.generation,
        "lease": lease_for,
    }
    found = await (await connection.execute(_SQL["lease"], values)).fetchone()
    return found[0] if found else None


async def renewed(
    connection: Database,
    row: Credentials,
    fence: datetime,
    *,
    key_id: str,
    sealed: bytes,
    expires_at: datetime | None,
    refresh_at: datetime | None,
    now: datetime,
) -> bool:
    """Store renewed credentials; False when the lease was lost or they were replaced."""
    values = {
        "fence": fence,
        "key_id": key_id,
        "sealed": sealed,
        "expires_at": expires_at,
        "refresh_at": refresh_at,
        "now": now,
    }
    return await _given_back(connection, row, "renewed", "renewed_connection", values)


async def delayed(
    connection: Database,
    row: Credentials,
    fence: datetime,
    *,
    state: ConnectionState,
    fault: Fault,
    retry_at: datetime,
    attempts: int,
    now: datetime,
) -> bool:
    """Give the lease back and note when to try again; False when it was lost."""
    values = {
        "fence": fence,
        "state": state.value,
        "fault": _fault(fault),
        "retry_at": retry_at,
        "attempts": attempts,
        "now": now,
    }
    return await _given_back(connection, row, "release", "delayed", values)


async def _given_back(
    connection: Database, row: Credentials, lease: str, change: str, values: Mapping[str, Any]
) -> bool:
    """End the lease by one statement and change the connection by another; its owner hears of it. False when the
    lease was lost."""
    whole = {
        **values,
        "account_id": row.account_id,
        "connection_id": row.connection_id,
        "generation": row.generation,
    }
    if not await _done(connection, lease, whole):
        return False
    before = await news.hold(connection, row.account_id, row.connection_id)
    await connection.execute(_SQL[change], whole)
    await news.tell_change(connection, row.account_id, row.connection_id, before)
    return True


async def defunct(
    connection: Database, account_id: int, connection_id: str, fault: Fault, *, generation: int | None, now: datetime
) -> bool:
    """False when there was nothing to change: others were first, or it works again."""
    values = {
        "account_id": account_id,
        "connection_id": connection_id,
        "fault": _fault(fault),
        "generation": generation,
        "now": now,
    }
    before = await news.hold(connection, account_id, connection_id)
    if not await _done(connection, "defunct", values):
        return False
    await news.tell_change(connection, account_id, connection_id, before)
    return True


async def due(connection: Database, now: datetime, limit: int) -> list[tuple[int, str]]:
    """Account and connection of what is to be renewed, the most urgent first."""
    rows = await (await connection.execute(_SQL["due"], {"now": now, "limit": limit})).fetchall()
    return [(int(row[0]), str(row[1])) for row in rows]


async def left_disconnecting(connection: Database, before: datetime) -> list[Connection]:
    return await _connections(connection, "left_disconnecting", {"before": before})


# ---------------------------------------------------------------- requests


async def insert_request(
    connection: Database,
    *,
    request_id: str,
    account_id: int,
    tenant_id: str,
    connector_id: str,
    connection_id: str | None,
    wishes: Wishes,
    now: datetime,
    expires_at: datetime,
) -> None:
    values = {
        "request_id": request_id,
        "account_id": account_id,
        "tenant_id": tenant_id,
        "connector_id": connector_id,
        "connection_id": connection_id,
        "wishes": Jsonb(msgspec.to_builtins(wishes)),
        "now": now,
        "expires_at": expires_at,
    }
    await connection.execute(_SQL["insert_request"], values)


async def find_request(
    connection: Database, request_id: str, *, account_id: int | None = None, tenant_id: str | None = None
) -> ConnectionRequest | None:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"request_id": request_id, "account_id": account_id, "tenant_id": tenant_id}
    await cursor.execute(_SQL["find_request"], values)
    row = await cursor.fetchone()
    return msgspec.convert(row, ConnectionRequest) if row is not None else None


async def pending_requests(connection: Database, connection_ids: Sequence[str], *, fresh: datetime) -> dict[str, str]:
    """The request that a person can follow, for each connection that has one which lasts beyond ``fresh``."""
    values = {"connection_ids": list(connection_ids), "fresh": fresh}
    rows = await (await connection.execute(_SQL["pending_requests"], values)).fetchall()
    return {row[0]: row[1] for row in rows}


async def attempts(
    connection: Database, account_id: int, connection_id: str, *, limit: int, offset: int
) -> list[ConnectionRequest]:
    """Requests for a connection that are settled, newest first."""
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "connection_id": connection_id, "limit": limit, "offset": offset}
    await cursor.execute(_SQL["attempts"], values)
    return [msgspec.convert(row, ConnectionRequest) for row in await cursor.fetchall()]


async def ended_requests(
    connection: Database, wanted: Sequence[tuple[int, str, str]], now: datetime
) -> list[tuple[int, ConnectionRequest]]:
    """Those of (account, tenant, id or browser's name) that have ended, each with its place among the wanted."""
    cursor = connection.cursor(row_factory=dict_row)
    values = {
        "accounts": [account for account, _, _ in wanted],
        "tenants": [tenant for _, tenant, _ in wanted],
        "names": [name for _, _, name in wanted],
        "now": now,
    }
    await cursor.execute(_SQL["ended_requests"], values)
    return [(int(row.pop("place")) - 1, msgspec.convert(row, ConnectionRequest)) for row in await cursor.fetchall()]


async def is_browser_request(connection: Database, account_id: int, tenant_id: str, name: str) -> bool:
    return await _done(connection, "browser_request", {"account_id": account_id, "tenant_id": tenant_id, "name": name})


async def settle_request(
    connection: Database,
    request_id: str,
    status: RequestStatus,
    *,
    connection_id: str | None = None,
    fault: Fault | None = None,
) -> bool:
    """False when it was settled before."""
    values = {
        "request_id": request_id,
        "status": status.value,
        "connection_id": connection_id,
        "fault": _fault(fault),
    }
    return await _done(connection, "settle_request", values)


async def claim_connection(connection: Database, request_id: str, connection_id: str) -> None:
    await connection.execute(_SQL["claim_connection"], {"request_id": request_id, "connection_id": connection_id})


async def insert_state(
    connection: Database,
    *,
    state_hash: bytes,
    account_id: int,
    request_id: str,
    key_id: str,
    sealed: bytes,
    browser: bytes,
    expires_at: datetime,
) -> None:
    values = {
        "state_hash": state_hash,
        "account_id": account_id,
        "request_id": request_id,
        "key_id": key_id,
        "sealed": sealed,
        "browser": browser,
        "expires_at": expires_at,
    }
    await connection.execute(_SQL["insert_state"], values)


async def use_state(
    connection: Database, state_hash: bytes, browser: bytes, now: datetime
) -> tuple[int, str, bytes] | None:
    """Account, request and what was sealed; None for a state that is unknown, used, too old or another browser's."""
    values = {"state_hash": state_hash, "browser": browser, "now": now}
    row = await (await connection.execute(_SQL["use_state"], values)).fetchone()
    return (int(row[0]), str(row[1]), bytes(row[2])) if row else None


async def forget_old(connection: Database, *, requests: datetime, states: datetime) -> None:
    await connection.execute(_SQL["forget_states"], {"before": states})
    await connection.execute(_SQL["forget_requests"], {"before": requests})


async def names(connection: Database, account_id: int, tenant_id: str) -> tuple[str, str]:
    """What the account and the tenant are called."""
    row = await (await connection.execute(_SQL["names"], {"account_id": account_id, "tenant_id": tenant_id})).fetchone()
    return (str(row[0]), str(row[1])) if row else ("", "")


# ---------------------------------------------------------------- integrations


async def integration(connection: Database, account_id: int, selector: str) -> Integration | None:
    found = await _integrations(connection, "integration", {"account_id": account_id, "selector": selector})
    return found[0] if found else None


async def integration_of_connector(connection: Database, account_id: int, connector_id: str) -> Integration | None:
    values = {"account_id": account_id, "connector_id": connector_id}
    found = await _integrations(connection, "integration_of_connector", values)
    return found[0] if found else None


async def integrations(
    connection: Database, account_id: int, *, include_archived: bool, limit: int, offset: int
) -> list[Integration]:
    values = {"account_id": account_id, "archived": include_archived, "limit": limit, "offset": offset}
    return await _integrations(connection, "integrations", values)


async def insert_integration(connection: Database, values: Mapping[str, Any]) -> bool:
    """False when the key is taken."""
    return await _done(connection, "insert_integration", {**values, "parameters": Jsonb(values["parameters"])})


async def change_integration(connection: Database, values: Mapping[str, Any]) -> bool:
    parameters = values["parameters"]
    given = {**values, "parameters": Jsonb(parameters) if parameters is not None else None}
    return await _done(connection, "change_integration", given)


async def archive_integration(connection: Database, account_id: int, integration_id: str) -> bool:
    values = {"account_id": account_id, "integration_id": integration_id}
    return await _done(connection, "archive_integration", values)


async def integration_secret(
    connection: Database, account_id: int, connector_id: str
) -> tuple[str, dict[str, Any], bytes | None] | None:
    """Id, parameters and what is sealed."""
    values = {"account_id": account_id, "connector_id": connector_id}
    row = await (await connection.execute(_SQL["integration_secret"], values)).fetchone()
    return (row[0], row[1], bytes(row[2]) if row[2] is not None else None) if row else None


def new_id() -> str:
    """Id of a connection or an integration."""
    return short_id()


async def _connections(connection: Database, statement: str, values: Mapping[str, Any]) -> list[Connection]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL[statement], values)
    return msgspec.convert(await cursor.fetchall(), list[Connection])


async def _integrations(connection: Database, statement: str, values: Mapping[str, Any]) -> list[Integration]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL[statement], values)
    return msgspec.convert(await cursor.fetchall(), list[Integration])


async def _done(connection: Database, statement: str, values: Mapping[str, Any]) -> bool:
    return await (await connection.execute(_SQL[statement], values)).fetchone() is not None


def _fault(fault: Fault | None) -> Jsonb | None:
    return Jsonb(msgspec.to_builtins(fault)) if fault is not None else None


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)

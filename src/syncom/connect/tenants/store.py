"""Everything the tenants room says to the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.connect.model import Restrictions
from syncom.connect.tenants.model import Grant, OAuthClient, PublicKey, Tenant, Workspace
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.connect.tenants", "tenants.sql")
_Row = TypeVar("_Row")


class SealedWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with its secret, sealed."""

    workspace: Workspace
    secret: bytes


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization code, by its hash."""

    code_hash: bytes
    grant_id: str
    client_id: str
    redirect_uri: str
    challenge: str
    expires_at: datetime
    used_at: datetime | None


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token or a long-lived one, by its hash."""

    token_hash: bytes
    grant_id: str
    #: 'refresh' or 'access'.
    kind: str
    expires_at: datetime | None
    used_at: datetime | None
    parent_hash: bytes | None
    closed_at: datetime | None
    created_at: datetime


# ---------------------------------------------------------------- workspaces


async def ensure_workspace(
    connection: Connection, account_id: int, *, workspace_id: str, key: str, secret: bytes
) -> bool:
    """False when there was one already."""
    values = {"account_id": account_id, "workspace_id": workspace_id, "key": key, "secret": secret}
    return await _changed(connection, "ensure_workspace", values)


async def workspace(connection: Connection, account_id: int) -> SealedWorkspace | None:
    return _sealed(await _row(connection, "workspace", {"account_id": account_id}))


async def workspace_by_key(connection: Connection, key: str) -> SealedWorkspace | None:
    return _sealed(await _row(connection, "workspace_by_key", {"key": key}))


async def workspace_account(connection: Connection, selector: str) -> int | None:
    row = await _row(connection, "workspace_account", {"selector": selector})
    return None if row is None else int(row["account_id"])


async def save_secret(connection: Connection, account_id: int, secret: bytes) -> None:
    await connection.execute(_SQL["save_secret"], {"account_id": account_id, "secret": secret})


async def save_workspace(connection: Connection, found: Workspace) -> None:
    values = {
        "account_id": found.account_id,
        "secret_key_auth": found.secret_key_auth,
        "public_keys": Jsonb(msgspec.to_builtins(found.public_keys)),
        "jwks_uri": found.jwks_uri,
    }
    await connection.execute(_SQL["save_workspace"], values)


async def notify(connection: Connection, payload: str) -> None:
    """Tell every process that a credential changed; it is heard when the transaction commits."""
    await connection.execute(_SQL["notify"], {"payload": payload})


# ---------------------------------------------------------------- tenants


async def tenant(connection: Connection, account_id: int, selector: str) -> Tenant | None:
    """By id or key."""
    row = await _row(connection, "tenant", {"account_id": account_id, "selector": selector})
    return None if row is None else msgspec.convert(row, Tenant)


async def tenant_by_key(connection: Connection, account_id: int, key: str) -> Tenant | None:
    row = await _row(connection, "tenant_by_key", {"account_id": account_id, "key": key})
    return None if row is None else msgspec.convert(row, Tenant)


async def add_tenant(
    connection: Connection, account_id: int, *, tenant_id: str, key: str, name: str, fields: dict[str, Any]
) -> bool:
    """False when somebody else was first."""
    values = {
        "tenant_id": tenant_id,
        "account_id": account_id,
        "key": key,
        "name": name,
        "fields": Jsonb(fields),
    }
    return await _changed(connection, "add_tenant", values)


async def change_tenant(
    connection: Connection, account_id: int, tenant_id: str, *, name: str | None, fields: dict[str, Any] | None
) -> bool:
    values = {
        "account_id": account_id,
        "tenant_id": tenant_id,
        "name": name,
        "fields": None if fields is None else Jsonb(fields),
    }
    return await _changed(connection, "change_tenant", values)


async def touch_tenant(connection: Connection, account_id: int, tenant_id: str, now: datetime) -> None:
    values = {"account_id": account_id, "tenant_id": tenant_id, "now": now}
    await connection.execute(_SQL["touch_tenant"], values)


async def archive_tenant(connection: Connection, account_id: int, tenant_id: str, archived_at: datetime | None) -> bool:
    values = {"account_id": account_id, "tenant_id": tenant_id, "archived_at": archived_at}
    return await _changed(connection, "archive_tenant", values)


async def tenants(
    connection: Connection, account_id: int, *, search: str | None, archived: bool, limit: int, offset: int
) -> list[Tenant]:
    values = {
        "account_id": account_id,
        "search": search,
        "archived": archived,
        "limit": limit,
        "offset": offset,
    }
    return msgspec.convert(await _rows(connection, "tenants", values), list[Tenant])


# ---------------------------------------------------------------- clients


async def add_client(connection: Connection, client: OAuthClient) -> None:
    values = {
        "client_id": client.client_id,
        "name": client.name,
        "redirect_uris": list(client.redirect_uris),
    }
    await connection.execute(_SQL["add_client"], values)


async def client(connection: Connection, client_id: str) -> OAuthClient | None:
    row = await _row(connection, "client", {"client_id": client_id})
    return None if row is None else msgspec.convert(row, OAuthClient)


async def count_clients(connection: Connection) -> int:
    row = await (await connection.execute(_SQL["count_clients"])).fetchone()
    return int(row[0]) if row else 0


async def use_client(connection: Connection, client_id: str, now: datetime) -> None:
    await connection.execute(_SQL["use_client"], {"client_id": client_id, "now": now})


async def forget_clients(connection: Connection, *, unused_before: datetime, idle_before: datetime) -> None:
    await connection.execute(_SQL["forget_clients"], {"unused_before": unused_before, "idle_before": idle_before})


# ---------------------------------------------------------------- grants


async def add_grant(connection: Connection, grant: Grant, *, parent: str | None = None) -> None:
    values = {
        "grant_id": grant.grant_id,
        "account_id": grant.account_id,
        "tenant_id": grant.tenant_id,
        "user_id": grant.user_id,
        "client_id": grant.client_id,
        "client_name": grant.client_name,
        "kind": grant.kind.value,
        "scope": grant.scope.value,
        "resource": grant.resource,
        "restrictions": Jsonb(_restrictions(grant.restrictions)),
        "now": grant.created_at,
        "expires_at": grant.expires_at,
        "parent_grant_id": parent,
    }
    await connection.execute(_SQL["add_grant"], values)


async def grant(connection: Connection, grant_id: str) -> Grant | None:
    row = await _row(connection, "grant", {"grant_id": grant_id})
    return None if row is None else msgspec.convert(row, Grant)


async def lock_grant(connection: Connection, grant_id: str) -> Grant | None:
    """The grant, held until the transaction ends."""
    await connection.execute(_SQL["lock_grant"], {"grant_id": grant_id})
    return await grant(connection, grant_id)


async def grants(
    connection: Connection,
    account_id: int,
    *,
    tenant_id: str | None,
    kind: str | None,
    now: datetime,
    limit: int,
    offset: int,
) -> list[Grant]:
    values = {
        "account_id": account_id,
        "tenant_id": tenant_id,
        "kind": kind,
        "now": now,
        "limit": limit,
        "offset": offset,
    }
    return msgspec.convert(await _rows(connection, "grants", values), list[Grant])


async def revoke_grant(connection: Connection, grant_id: str, now: datetime) -> bool:
    """Its tokens are refused from the commit on. False when they were already."""
    done = await _changed(connection, "revoke_grant", {"grant_id": grant_id, "now": now})
    if done:
        await notify(connection, f"grant:{grant_id}")
    return done


async def revoke_sign_ins(connection: Connection, user_id: int, now: datetime) -> int:
    rows = await _rows(connection, "revoke_sign_ins", {"user_id": user_id, "now": now})
    if rows:
        await notify(connection, f"user:{user_id}")
    return len(rows)


async def touch_grant(connection: Connection, grant_id: str, now: datetime) -> None:
    await connection.execute(_SQL["touch_grant"], {"grant_id": grant_id, "now": now})


async def extend_grant(connection: Connection, grant_id: str, expires_at: datetime) -> None:
    await connection.execute(_SQL["extend_grant"], {"grant_id": grant_id, "expires_at": expires_at})


# ---------------------------------------------------------------- codes and tokens


async def add_code(connection: Connection, code: Code) -> None:
    await connection.execute(_SQL["add_code"], msgspec.structs.asdict(code))


async def code(connection: Connection, code_hash: bytes) -> Code | None:
    row = await _row(connection, "code", {"code_hash": code_hash})
    return None if row is None else msgspec.convert(row, Code)


async def use_code(connection: Connection, code_hash: bytes, now: datetime) -> bool:
    """False when it was used before."""
    return await _changed(connection, "use_code", {"code_hash": code_hash, "now": now})


async def add_token(
    connection: Connection,
    *,
    token_hash: bytes,
    grant_id: str,
    kind: str,
    expires_at: datetime | None,
    parent_hash: bytes | None,
    now: datetime,
) -> None:
    values = {
        "token_hash": token_hash,
        "grant_id": grant_id,
        "kind": kind,
        "expires_at": expires_at,
        "parent_hash": parent_hash,
        "now": now,
    }
    await connection.execute(_SQL["add_token"], values)


async def token(connection: Connection, token_hash: bytes) -> StoredToken | None:
    row = await _row(connection, "token", {"token_hash": token_hash})
    return None if row is None else msgspec.convert(row, StoredToken)


async def children(connection: Connection, token_hash: bytes) -> tuple[int, int]:
    """How many tokens were given for this one, and how many of them were used."""
    row = await (await connection.execute(_SQL["children"], {"token_hash": token_hash})).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def use_token(connection: Connection, token_hash: bytes, now: datetime) -> None:
    await connection.execute(_SQL["use_token"], {"token_hash": token_hash, "now": now})


async def close_siblings(connection: Connection, token_hash: bytes, parent_hash: bytes, now: datetime) -> None:
    values = {"token_hash": token_hash, "parent_hash": parent_hash, "now": now}
    await connection.execute(_SQL["close_siblings"], values)


async def forget(connection: Connection, *, now: datetime, before: datetime) -> None:
    """Remove tokens that have had their time, and codes and grants that had it before a moment."""
    await connection.execute(_SQL["forget_tokens"], {"now": now})
    await connection.execute(_SQL["forget_codes"], {"before": before})
    await connection.execute(_SQL["forget_grants"], {"before": before})


# ---------------------------------------------------------------- rows


async def _row(connection: Connection, name: str, values: dict[str, Any]) -> dict[str, Any] | None:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL[name], values)
    return await cursor.fetchone()


async def _rows(connection: Connection, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL[name], values)
    return await cursor.fetchall()


async def _changed(connection: Connection, name: str, values: dict[str, Any]) -> bool:
    return await (await connection.execute(_SQL[name], values)).fetchone() is not None


def _sealed(row: dict[str, Any] | None) -> SealedWorkspace | None:
    if row is None:
        return None
    secret = bytes(row.pop("secret"))
    row["public_keys"] = msgspec.convert(row["public_keys"], tuple[PublicKey, ...])
    return SealedWorkspace(workspace=msgspec.convert(row, Workspace), secret=secret)


def _restrictions(given: Restrictions) -> dict[str, Any]:
    """As JSON: sorted lists, so that the same restrictions are the same text."""
    stored: dict[str, Any] = {"read_only": given.read_only}
    for name in ("connections", "actions"):
        chosen: frozenset[str] | None = getattr(given, name)
        if chosen is not None:
            stored[name] = sorted(chosen)
    return stored

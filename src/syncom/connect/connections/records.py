"""Writes connections: new ones with a key of their own, and credentials in the place of others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from syncom.connect.connections import store
from syncom.connect.connections.proving import Proven
from syncom.connect.connections.vault import Vault
from syncom.connect.model import Connection, ConnectionState, Connector
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Connection as Database

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
_ID: Final = re.compile(r"[0-9a-f]{24}")
_LONGEST_NAME: Final = 200
#: Connections made at the same moment may want the same key; each attempt sees those before it.
_ATTEMPTS: Final = 20


def check_key(key: str) -> str:
    """A key that somebody chose. Raises Invalid."""
    if not _KEY.fullmatch(key):
        raise Invalid("key", "must have 1 to 100 letters, digits, dashes, dots or underscores")
    if _ID.fullmatch(key):
        raise Invalid("key", "must not look like an id")
    return key


def check_name(name: str) -> str:
    """Raises Invalid."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Invalid("name", f"must have 1 to {_LONGEST_NAME} printable characters")
    return name


def slug(name: str, otherwise: str) -> str:
    """A name in small letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80] or otherwise


async def add(
    database: Database,
    *,
    account_id: int,
    tenant_id: str,
    connector: Connector,
    key: str | None,
    name: str | None,
    meta: Mapping[str, Any] | None,
    state: ConnectionState,
    client_action: str | None,
    auth_key: str,
    parameters: Mapping[str, Any],
    shown: Mapping[str, Any],
    now: datetime,
) -> Connection:
    """A new connection. Raises Invalid, Conflict for a key that is taken; a key nobody chose is numbered until free."""
    called = check_name(name) if name is not None else connector.name
    chosen = check_key(key) if key is not None else None
    stem = chosen or slug(called, connector.key)
    for _ in range(_ATTEMPTS):
        free = chosen or await _free_key(database, account_id, tenant_id, stem)
        made = Connection(
            connection_id=store.new_id(),
            account_id=account_id,
            tenant_id=tenant_id,
            connector_id=connector.connector_id,
            connector_key=connector.key,
            key=free,
            name=called,
            state=state,
            client_action=client_action,
            auth_key=auth_key,
            parameters=dict(parameters),
            input=dict(shown),
            meta=dict(meta or {}),
            created_at=now,
            updated_at=now,
        )
        if await store.insert(database, made):
            return made
        if chosen is not None:
            break
    raise Conflict(f"there is a connection with the key {stem}", field="key")


async def free_key(database: Database, account_id: int, tenant_id: str, wanted: str) -> str:
    """This key, or the next one that is free."""
    return await _free_key(database, account_id, tenant_id, wanted)


async def keep(
    database: Database, vault: Vault, connection: Connection, proven: Proven, now: datetime, *, fresh: bool = False
) -> None:
    """Store proven credentials for a connection and make it ready. Raises NotFound when it is gone or archived.

    ``fresh``: it was made in this transaction.
    """
    sealed = vault.seal(
        proven.stored,
        account_id=connection.account_id,
        tenant_id=connection.tenant_id,
        connection_id=connection.connection_id,
    )
    await store.save_credentials(
        database,
        connection.account_id,
        connection.connection_id,
        key_id=sealed.key_id,
        sealed=sealed.data,
        expires_at=proven.expires_at,
        now=now,
    )
    done = await store.connected(
        database,
        connection.account_id,
        connection.connection_id,
        auth_key=proven.option.key,
        parameters=proven.parameters,
        shown=proven.shown,
        refresh_at=proven.refresh_at,
        fresh=fresh,
        now=now,
    )
    if not done:
        raise NotFound("connection", connection.connection_id)


async def _free_key(database: Database, account_id: int, tenant_id: str, stem: str) -> str:
    taken = await store.taken_keys(database, account_id, tenant_id, stem)
    number = 1
    key = stem
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    return key

"""Everything the catalogue says to the database."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from psycopg.rows import dict_row

from syncom.connect.catalogue.model import ActionDraft, Draft
from syncom.connect.catalogue.search_document import search_document
from syncom.connect.model import Action, Connector
from syncom.ids import short_id
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.connect.catalogue", "catalogue.sql")
#: Actions of one statement: some megabytes, and some tens of milliseconds of writing them down.
_CHUNK: Final = 100
#: What rows have in columns of their own.
_CONNECTOR_COLUMNS: Final = ("connector_id", "account_id", "version", "updated_at", "archived_at")
_ACTION_MEMBERS: Final = (
    "key", "name", "description", "effect", "idempotent", "input_schema", "output_schema", "operation", "shape",
    "keywords", "intents",
)  # fmt: skip


async def lock(connection: Connection, account_id: int | None) -> None:
    """Until the transaction ends nobody else changes connectors of this account, or those of the release."""
    await connection.execute(_SQL["lock"], {"account_id": account_id or 0})


async def shipped(connection: Connection) -> dict[str, bytes]:
    """Hashes of the connectors of the release that are not archived, by key."""
    rows = await (await connection.execute(_SQL["shipped"])).fetchall()
    return {key: bytes(content_hash) for key, content_hash, archived in rows if not archived}


def pack(document: bytes | None) -> bytes | None:
    """A document as it is kept. Takes a tenth of a second for some megabytes: for a thread."""
    return zlib.compress(document, 6) if document is not None else None


async def save(
    connection: Connection, account_id: int | None, draft: Draft, content_hash: bytes, packed: bytes | None
) -> str:
    """Write a connector with its actions, and archive those it has no more. Returns its id.

    ``packed``: what :func:`pack` made of its document.
    """
    given = draft.connector
    definition = msgspec.to_builtins(given)
    for name in _CONNECTOR_COLUMNS:
        definition.pop(name, None)
    values = {
        "connector_id": short_id(),
        "account_id": account_id,
        "key": given.key,
        "name": given.name,
        "definition": _json(definition),
        "document": packed,
        "content_hash": content_hash,
    }
    row = await (await connection.execute(_SQL["save_connector"], values)).fetchone()
    assert row is not None
    connector_id = str(row[0])
    scope = {"connector_id": connector_id, "account_id": account_id}
    for start in range(0, len(draft.actions), _CHUNK):
        rows = [_row(given, one) for one in draft.actions[start : start + _CHUNK]]
        await connection.execute(_SQL["save_actions"], scope | {"rows": _json(rows)})
    await connection.execute(_SQL["archive_actions"], scope | {"keys": [one.key for one in draft.actions]})
    return connector_id


def _row(connector: Connector, action: ActionDraft) -> dict[str, Any]:
    columns = columns_of(connector, action)
    return columns | {
        "action_id": short_id(),
        "definition": msgspec.Raw(columns["definition"].encode()),
        "document_hash": columns["document_hash"].hex(),
    }


def columns_of(connector: Connector, action: Action | ActionDraft) -> dict[str, Any]:
    """What an action has in columns, the ids apart: what is searched is made in the same statement as the action."""
    document = search_document(connector, action)
    members = {name: getattr(action, name) for name in _ACTION_MEMBERS}
    return {
        "key": action.key,
        "name": action.name,
        "definition": _json(members),
        "plain": document.plain,
        "document_hash": document.digest,
        "title": document.name,
        "said": "\n".join((*document.keywords, *document.intents)),
        "about": document.description,
        "app": " ".join(document.app),
    }


def _json(value: object) -> str:
    # PostgreSQL's text has no NUL.
    return msgspec.json.encode(value).decode().replace("\\u0000", "")


async def archive_shipped(connection: Connection, keys: Sequence[str]) -> None:
    """Archive connectors of the release that are not among these."""
    await connection.execute(_SQL["archive_shipped"], {"keys": list(keys)})


async def archive_connector(connection: Connection, connector: Connector) -> None:
    scope = {"connector_id": connector.connector_id, "account_id": connector.account_id}
    await connection.execute(_SQL["archive_connector"], scope)
    await connection.execute(_SQL["archive_actions"], scope | {"keys": list[str]()})


# ---------------------------------------------------------------- connectors


async def connectors(connection: Connection, *, search: str, limit: int, offset: int) -> list[Connector]:
    values = _searched(search) | {"limit": limit, "offset": offset}
    return await _connectors(connection, "connectors", values)


async def connector(connection: Connection, selector: str) -> Connector | None:
    found = await _connectors(connection, "connector", {"selector": selector})
    return found[0] if found else None


async def by_domain(connection: Connection, domains: Sequence[str]) -> Connector | None:
    found = await _connectors(connection, "by_domain", {"domains": list(domains)})
    return found[0] if found else None


async def _connectors(connection: Connection, statement: str, values: dict[str, Any]) -> list[Connector]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL[statement], values)
    return [
        msgspec.convert(msgspec.json.decode(row.pop("definition")) | row, Connector) for row in await cursor.fetchall()
    ]


def _searched(search: str) -> dict[str, str]:
    words = search.strip().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return {"search": search.strip(), "pattern": f"%{words}%", "prefix": f"{words}%"}


# ---------------------------------------------------------------- actions


async def actions(
    connection: Connection,
    *,
    connector_id: str | None,
    connection_id: str | None,
    search: str,
    archived: bool,
    limit: int,
    offset: int,
) -> list[Action]:
    values = _searched(search) | {
        "connector_id": connector_id,
        "connection_id": connection_id,
        "archived": archived,
        "limit": limit,
        "offset": offset,
    }
    return await _actions(connection, "actions", values)


async def action(
    connection: Connection, selector: str, *, connector_id: str | None, connection_id: str | None
) -> Action | None:
    values = {"selector": selector, "connector_id": connector_id, "connection_id": connection_id}
    found = await _actions(connection, "action", values)
    return found[0] if found else None


async def actions_by_id(connection: Connection, action_ids: Sequence[str]) -> list[Action]:
    return await _actions(connection, "actions_by_id", {"action_ids": list(action_ids)})


async def _actions(connection: Connection, statement: str, values: dict[str, Any]) -> list[Action]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL[statement], values)
    return [
        msgspec.convert(msgspec.json.decode(row.pop("definition")) | row, Action) for row in await cursor.fetchall()
    ]


async def connector_of(connection: Connection, account_id: int, connection_id: str) -> str | None:
    values = {"account_id": account_id, "connection_id": connection_id}
    row = await (await connection.execute(_SQL["connector_of"], values)).fetchone()
    return str(row[0]) if row else None


async def keys(connection: Connection, account_id: int, connector_id: str, connection_id: str | None) -> set[str]:
    values = {"account_id": account_id, "connector_id": connector_id, "connection_id": connection_id}
    rows = await (await connection.execute(_SQL["keys"], values)).fetchall()
    return {str(row[0]) for row in rows}


async def archived_key(
    connection: Connection, account_id: int, connector_id: str, connection_id: str | None, key: str
) -> str | None:
    """Id of the archived action with this key, made by a caller in this place."""
    values = {"account_id": account_id, "connector_id": connector_id, "connection_id": connection_id, "key": key}
    row = await (await connection.execute(_SQL["archived_key"], values)).fetchone()
    return str(row[0]) if row else None


async def save_made(connection: Connection, connector: Connector, action: Action) -> None:
    """Write an action made by a caller."""
    scope = {
        "action_id": action.action_id,
        "account_id": action.account_id,
        "connector_id": action.connector_id,
        "connection_id": action.connection_id,
    }
    await connection.execute(_SQL["save_made"], columns_of(connector, action) | scope)


async def set_archived(connection: Connection, account_id: int, action_id: str, *, archived: bool) -> bool:
    """False when there is no such action, or no caller made it."""
    values = {"account_id": account_id, "action_id": action_id, "archived": archived}
    return await (await connection.execute(_SQL["set_archived"], values)).fetchone() is not None


async def count_actions(connection: Connection, connector_id: str) -> int:
    row = await (await connection.execute(_SQL["count_actions"], {"connector_id": connector_id})).fetchone()
    return int(row[0]) if row else 0

"""Connectors and actions as the catalogue leaves them in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from syncom.connect.model import Action, Connector, Effect, Shape, Step
from syncom.ids import short_id
from syncom.postgres.pool import Connection, Database


def connector(
    key: str, name: str, *, account_id: int | None = None, aliases: Sequence[str] = (), **more: Any
) -> Connector:
    return Connector(
        connector_id=short_id(),
        account_id=account_id,
        key=key,
        name=name,
        aliases=tuple(aliases),
        base_url=f"https://api.{key}.example",
        **more,
    )


def action(
    of: Connector,
    key: str,
    description: str = "",
    *,
    name: str = "",
    account_id: int | None = None,
    connection_id: str | None = None,
    effect: Effect = Effect.READ,
    keywords: Sequence[str] = (),
    intents: Sequence[str] = (),
    shaped: bool = False,
) -> Action:
    return Action(
        action_id=short_id(),
        account_id=account_id if account_id is not None else of.account_id,
        connector_id=of.connector_id,
        connector_key=of.key,
        connection_id=connection_id,
        key=key,
        name=name or key.replace("-", " ").capitalize(),
        description=description,
        effect=effect,
        idempotent=effect is Effect.READ,
        input_schema={"type": "object"},
        output_schema={},
        keywords=tuple(keywords),
        intents=tuple(intents),
        shape=Shape(steps=(Step(path=f"/{key}"),)) if shaped else None,
    )


async def put(database: Database, connectors: Sequence[Connector], actions: Sequence[Action]) -> None:
    """All of them in one transaction."""
    async with database.system() as connection:
        await put_connectors(connection, connectors)
        await put_actions(connection, actions)


async def put_connectors(connection: Connection, connectors: Sequence[Connector]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO connectors (connector_id, account_id, key, name, definition, content_hash)"
            " VALUES (%s, %s, %s, %s, %s, '')",
            [(one.connector_id, one.account_id, one.key, one.name, definition(one)) for one in connectors],
        )


async def put_actions(connection: Connection, actions: Sequence[Action]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO actions (action_id, account_id, connector_id, connection_id, key, name, definition, plain,"
            " document_hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [_row(one) for one in actions],
        )


def _row(one: Action) -> tuple[object, ...]:
    owner = (one.action_id, one.account_id, one.connector_id, one.connection_id)
    return (*owner, one.key, one.name, definition(one), one.description, document_hash(one))


def document_hash(of: Action) -> bytes:
    return blake2b(
        msgspec.json.encode((of.key, of.name, of.description, of.keywords, of.intents)), digest_size=16
    ).digest()


def definition(value: Connector | Action) -> Jsonb:
    return Jsonb(msgspec.to_builtins(value))

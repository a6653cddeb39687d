"""Drafts beside what runs: saved as they are, with everything that is wrong in them, and published as a new version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from syncom.clock import Clock
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.workflows import store
from syncom.workflows.definition import read_definition
from syncom.workflows.language import Definition
from syncom.workflows.model import Workflow
from syncom.workflows.service import WorkflowsService

_SQL = load_sql("syncom.workflows", "drafts.sql")
#: Bytes of JSON.
DRAFT_LIMIT: Final = 1024 * 1024
VERSIONS_LIMIT: Final = 500
_LAST: Final = 2**31 - 1


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a draft from being published: where, and why."""

    field: str
    reason: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being written of a workflow."""

    workflow_id: int
    #: As it was saved, whether it can run or not.
    definition: dict[str, Any]
    #: It began from this one.
    from_version: int
    #: Greater than ``from_version``: somebody published meanwhile.
    newest_version: int
    drafted_at: datetime
    #: Of each part and step the first; empty: it can be published.
    problems: list[Problem]


class PublishedVersion(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    published_at: datetime


class ListedVersion(PublishedVersion, frozen=True, kw_only=True):
    """With how many are in it."""

    #: Waiting, paused, or parked as failed.
    inside: int


class FullVersion(PublishedVersion, frozen=True, kw_only=True):
    """With what it does."""

    definition: Definition


class DraftsService:
    """Drafts and versions of an account's workflows."""

    def __init__(self, database: Database, workflows: WorkflowsService, clock: Clock) -> None:
        self._database = database
        self._workflows = workflows
        self._clock = clock

    # ------------------------------------------------------------ drafts

    async def save(
        self, account_id: int, workflow_id: int, definition: Mapping[str, Any], *, from_version: int | None = None
    ) -> Draft:
        """Keep a draft in place of the one before. What runs goes on as it is.

        ``from_version``: the one it began from; None: as before, or the newest. Raises NotFound, and Invalid for what
        cannot be kept.
        """
        values = {"account_id": account_id, "workflow_id": workflow_id, "version": from_version}
        kept = {**values, "definition": _kept(definition), "now": self._clock.now()}
        async with self._database.tenant(account_id) as connection:
            before = await store.lock(connection, account_id, workflow_id)
            if from_version is not None and not 1 <= from_version <= before.version:
                raise Invalid("from_version", f"must be a version of the workflow, 1 to {before.version}")
            await connection.execute(_SQL["save_draft"], kept)
        return await self.get(account_id, workflow_id)

    async def get(self, account_id: int, workflow_id: int) -> Draft:
        """The draft with its problems as they are now. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            kept = await _draft(connection, account_id, workflow_id)
        problems = await self._workflows.problems(account_id, kept.definition)
        return Draft(
            workflow_id=workflow_id,
            **kept._asdict(),
            problems=[Problem(field=one.field, reason=one.reason) for one in problems],
        )

    async def drop(self, account_id: int, workflow_id: int) -> None:
        """Forget the draft. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await _draft(connection, account_id, workflow_id)
            await _drop(connection, account_id, workflow_id)

    async def publish(self, account_id: int, workflow_id: int, *, overwrite: bool = False) -> Workflow:
        """Make the draft the newest version; who is inside stays on theirs.

        Raises NotFound, Invalid for the first of its problems, and Conflict when a newer version was published than the
        one it began from, unless ``overwrite``.
        """
        async with self._database.tenant(account_id) as connection:
            kept = await _draft(connection, account_id, workflow_id)
        await self._workflows.ensure_sender(account_id, read_definition(kept.definition))
        async with self._database.tenant(account_id) as connection:
            before = await store.lock(connection, account_id, workflow_id)
            kept = await _draft(connection, account_id, workflow_id)
            if kept.newest_version > kept.from_version and not overwrite:
                raise Conflict(
                    f"version {kept.newest_version} was published after this draft was begun from version "
                    f"{kept.from_version}: take over what is new in it and save the draft as begun from it, "
                    "or publish with overwrite"
                )
            await self._workflows.publish(connection, account_id, workflow_id, before, read_definition(kept.definition))
            await _drop(connection, account_id, workflow_id)
            return await store.get(connection, account_id, workflow_id)

    # ------------------------------------------------------------ versions

    async def versions(
        self, account_id: int, workflow_id: int, *, before: int | None = None, limit: int = VERSIONS_LIMIT
    ) -> list[ListedVersion]:
        """The newest first, at most 500; ``before``: older than this one. Raises NotFound."""
        values = {
            "account_id": account_id,
            "workflow_id": workflow_id,
            "before": _LAST if before is None else max(0, min(before, _LAST)),
            "limit": max(1, min(limit, VERSIONS_LIMIT)),
        }
        async with self._database.tenant(account_id) as connection:
            await store.get(connection, account_id, workflow_id)
            rows = await (await connection.execute(_SQL["versions"], values)).fetchall()
        return [ListedVersion(version=row[0], published_at=row[1], inside=row[2]) for row in rows]

    async def version(self, account_id: int, workflow_id: int, version: int) -> FullVersion:
        """One, with its definition. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await store.get(connection, account_id, workflow_id)
            return await _version(connection, account_id, workflow_id, version)

    async def revert(self, account_id: int, workflow_id: int, version: int) -> Workflow:
        """Publish an older version anew. Raises NotFound, and Invalid when it cannot run any more."""
        definition = (await self.version(account_id, workflow_id, version)).definition
        await self._workflows.ensure_sender(account_id, definition)
        async with self._database.tenant(account_id) as connection:
            before = await store.lock(connection, account_id, workflow_id)
            await self._workflows.publish(connection, account_id, workflow_id, before, definition)
            return await store.get(connection, account_id, workflow_id)


class _Kept(NamedTuple):
    definition: dict[str, Any]
    from_version: int
    drafted_at: datetime
    newest_version: int


async def _draft(connection: Connection, account_id: int, workflow_id: int) -> _Kept:
    """Raises NotFound."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    row = await (await connection.execute(_SQL["get_draft"], values)).fetchone()
    if row is None:
        raise NotFound("workflow", workflow_id)
    if row[0] is None:
        raise NotFound("draft of workflow", workflow_id)
    return _Kept(*row)


async def _drop(connection: Connection, account_id: int, workflow_id: int) -> None:
    await connection.execute(_SQL["drop_draft"], {"account_id": account_id, "workflow_id": workflow_id})


async def _version(connection: Connection, account_id: int, workflow_id: int, version: int) -> FullVersion:
    if not 1 <= version <= _LAST:
        raise NotFound("version", version)
    values = {"account_id": account_id, "workflow_id": workflow_id, "version": version}
    row = await (await connection.execute(_SQL["get_version"], values)).fetchone()
    if row is None:
        raise NotFound("version", version)
    return FullVersion(version=row[0], published_at=row[1], definition=msgspec.convert(row[2], Definition))


def _kept(definition: Mapping[str, Any]) -> Jsonb:
    try:
        encoded = msgspec.json.encode(definition)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Invalid("definition", f"cannot be written as JSON: {error}") from None
    if len(encoded) > DRAFT_LIMIT:
        raise Invalid("definition", f"must be at most {DRAFT_LIMIT // 1024} kB of JSON")
    if b"\\u0000" in encoded:
        raise Invalid("definition", "must not contain NUL characters")
    return Jsonb(dict(definition))

"""Drafts beside what is published, and the versions that were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from psycopg.types.json import Jsonb

from syncom.clock import Clock
from syncom.content import store
from syncom.content.editing.model import FullTemplateVersion, Problem, TemplateDraft, TemplateVersion
from syncom.content.model import Template, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.content.editing", "editing.sql")
#: Bytes of JSON: what the largest template takes.
_LIMIT: Final = 4_000_000
_LAST: Final = 2**31 - 1


class TemplateDrafts:
    """Drafts and versions of an account's templates."""

    def __init__(self, database: Database, content: ContentService, clock: Clock) -> None:
        self._database = database
        self._content = content
        self._clock = clock

    # ------------------------------------------------------------ drafts

    async def save(
        self,
        account_id: int,
        template_id: int,
        content: Mapping[str, Any],
        *,
        from_version: int | None = None,
        seen_at: datetime | None = None,
        by: str = "",
    ) -> TemplateDraft:
        """Keep a draft in place of the one before; what is published stays as it is.

        ``from_version``: the one it began from; None: as before, or the newest. ``seen_at``: when the draft was saved
        that this one changes; ``by``: who saves it. Raises NotFound, Invalid, and Conflict when another draft was saved
        since ``seen_at``.
        """
        if len(msgspec.json.encode(content)) > _LIMIT:
            raise Invalid("content", f"is larger than {_LIMIT // 1_000_000} MB")
        if "\\u0000" in msgspec.json.encode(content).decode():
            raise Invalid("content", "contains characters that are no text (U+0000)")
        values = {
            "account_id": account_id,
            "template_id": template_id,
            "content": Jsonb(dict(content)),
            "from_version": from_version,
            "now": self._clock.now(),
            "drafted_by": by,
        }
        async with self._database.tenant(account_id) as connection:
            if seen_at is not None:
                await self._refuse_newer(connection, values, seen_at)
            if (await connection.execute(_SQL["save_draft"], values)).rowcount == 0:
                raise NotFound("template", template_id)
            return await self._draft(connection, account_id, template_id)

    async def _refuse_newer(self, connection: Connection, values: Mapping[str, Any], seen_at: datetime) -> None:
        row = await (await connection.execute(_SQL["lock_draft"], values)).fetchone()
        if row is not None and row[0] is not None and row[0] != seen_at:
            who = row[1] or "somebody"
            raise Conflict(f"{who} saved another draft at {row[0]:%H:%M} UTC; compare them, then save without seen_at")

    async def get(self, account_id: int, template_id: int) -> TemplateDraft:
        """Raises NotFound when nothing is being written of it."""
        async with self._database.tenant(account_id) as connection:
            return await self._draft(connection, account_id, template_id)

    async def drop(self, account_id: int, template_id: int) -> None:
        """Forget what was being written; nothing happens when there is no draft. Raises NotFound."""
        await self._content.get(account_id, template_id)
        values = {"account_id": account_id, "template_id": template_id}
        async with self._database.tenant(account_id) as connection:
            await connection.execute(_SQL["drop_draft"], values)

    async def publish(self, account_id: int, template_id: int, *, overwrite: bool = False) -> Template:
        """Make a draft the newest version.

        Raises NotFound, Invalid naming what is wrong, and Conflict when somebody published since it began, unless it
        may ``overwrite`` that.
        """
        draft = await self.get(account_id, template_id)
        if draft.newest_version != draft.from_version and not overwrite:
            raise Conflict(
                f"version {draft.newest_version} was published since this draft began from {draft.from_version}; "
                "compare them, then publish with overwrite=true"
            )
        if draft.problems:
            first = draft.problems[0]
            raise Invalid(first.field, first.reason)
        content = msgspec.convert(draft.content, TemplateInput)
        saved = await self._content.update(account_id, template_id, content, version=draft.newest_version)
        await self.drop(account_id, template_id)
        return saved

    async def _draft(self, connection: Connection, account_id: int, template_id: int) -> TemplateDraft:
        values = {"account_id": account_id, "template_id": template_id}
        row = await (await connection.execute(_SQL["find_draft"], values)).fetchone()
        if row is None:
            raise NotFound("draft of template", template_id)
        return TemplateDraft(
            template_id=template_id,
            content=row[0],
            from_version=row[1],
            newest_version=row[2],
            drafted_at=row[3],
            drafted_by=row[4],
            problems=_problems(row[0]),
        )

    # ------------------------------------------------------------ versions

    async def versions(
        self, account_id: int, template_id: int, *, before: int | None = None, limit: int = 100
    ) -> list[TemplateVersion]:
        """The newest first, older than ``before``. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            newest = await self._newest(connection, account_id, template_id)
            found = [_newest_version(newest)] if before is None or before > newest.version else []
            values = {"account_id": account_id, "template_id": template_id, "before": before or _LAST, "limit": limit}
            rows = await (await connection.execute(_SQL["versions"], values)).fetchall()
        found += [
            TemplateVersion(version=row[0], name=row[1], subject=row[2], saved_at=row[3], is_newest=False)
            for row in rows
        ]
        return found[:limit]

    async def version(self, account_id: int, template_id: int, version: int) -> FullTemplateVersion:
        """One of them with its texts. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            newest = await self._newest(connection, account_id, template_id)
            if version == newest.version:
                content, saved_at = newest.as_input(), newest.updated_at
            else:
                values = {"account_id": account_id, "template_id": template_id, "version": version}
                row = await (await connection.execute(_SQL["find_version"], values)).fetchone()
                if row is None:
                    raise NotFound(f"version of template {template_id}", version)
                content, saved_at = msgspec.convert(row[0], TemplateInput), row[1]
        return FullTemplateVersion(
            version=version,
            name=content.name,
            subject=content.subject,
            saved_at=saved_at,
            is_newest=version == newest.version,
            content=content,
        )

    async def restore(self, account_id: int, template_id: int, version: int, *, newest: int | None = None) -> Template:
        """Publish a former version again, as a new one. Raises NotFound, Invalid, and Conflict as ``update`` does."""
        former = await self.version(account_id, template_id, version)
        return await self._content.update(account_id, template_id, former.content, version=newest)

    async def _newest(self, connection: Connection, account_id: int, template_id: int) -> Template:
        found = await store.find_template(connection, account_id, template_id)
        if found is None:
            raise NotFound("template", template_id)
        return found


def _newest_version(template: Template) -> TemplateVersion:
    return TemplateVersion(
        version=template.version,
        name=template.name,
        subject=template.subject,
        saved_at=template.updated_at,
        is_newest=True,
    )


def _problems(content: dict[str, Any]) -> list[Problem]:
    """What keeps this from being a template, the first of it."""
    try:
        msgspec.convert(content, TemplateInput)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        return [Problem(field=place.strip("`.") or "content", reason=reason)]
    return []

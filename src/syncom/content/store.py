"""Templates, contents and attachments in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from syncom.contacts.model import Channel
from syncom.content.model import (
    AttachedFile,
    Attachment,
    CompiledContent,
    ContentLabel,
    Dialect,
    Format,
    LanguageInput,
    LanguageVersion,
    Sendable,
    Template,
    TemplateInput,
    TemplateSummary,
)
from syncom.content.velocity.model import Lines, Rules, Truth
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.content", "content.sql")


async def custom_field_keys(connection: Connection, account_id: int) -> list[str]:
    cursor = await connection.execute(_SQL["custom_field_keys"], {"account_id": account_id})
    return [row[0] for row in await cursor.fetchall()]


async def velocity_rules(connection: Connection, account_id: int) -> Rules:
    row = await (await connection.execute(_SQL["velocity_rules"], {"account_id": account_id})).fetchone()
    return Rules(truth=Truth(row[0]), lines=Lines(row[1])) if row else Rules()


async def has_sender(connection: Connection, account_id: int, sender_id: int) -> bool:
    values = {"account_id": account_id, "sender_id": sender_id}
    return await (await connection.execute(_SQL["has_sender"], values)).fetchone() is not None


async def add_content(connection: Connection, account_id: int, compiled: CompiledContent, label: ContentLabel) -> int:
    values = _content_columns(account_id, compiled, label) | {"template_id": label.template_id}
    return _identity(await (await connection.execute(_SQL["add_content"], values)).fetchone())


async def mark_used(connection: Connection, account_id: int, content_ids: Sequence[int]) -> int:
    """Keep these contents: something was sent from them. Returns how many of them there are."""
    values = {"account_id": account_id, "content_ids": list(content_ids)}
    return _identity(await (await connection.execute(_SQL["mark_used"], values)).fetchone())


async def collect_contents(connection: Connection, *, now: datetime, link_days: int, limit: int) -> int:
    """Delete contents that nothing needs, at most so many; returns how many."""
    values = {"now": now, "link_days": link_days, "limit": limit}
    return (await connection.execute(_SQL["collect_contents"], values)).rowcount


async def collect_attachments(connection: Connection) -> int:
    """Delete files that nothing names; returns how many."""
    return (await connection.execute(_SQL["collect_attachments"])).rowcount


async def find_digest(connection: Connection, account_id: int, digest: bytes) -> int | None:
    """The content made for an earlier send of the same mail."""
    values = {"account_id": account_id, "digest": digest}
    row = await (await connection.execute(_SQL["find_digest"], values)).fetchone()
    return row[0] if row else None


async def add_digest(
    connection: Connection, account_id: int, compiled: CompiledContent, label: ContentLabel, digest: bytes
) -> None:
    """Store a content made for one send; nothing happens when it is there already."""
    values = _content_columns(account_id, compiled, label) | {"digest": digest}
    await connection.execute(_SQL["add_digest"], values)


def _content_columns(account_id: int, compiled: CompiledContent, label: ContentLabel) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "compiled": Jsonb(msgspec.to_builtins(compiled)),
        "links": list(compiled.links),
        "name": label.name,
        "tags": list(label.tags),
        "language": label.language,
        "channel": label.channel.value,
        "is_viewable": compiled.is_viewable,
        "attachment_ids": [file.attachment_id for file in compiled.attachments],
    }


async def find_content(connection: Connection, account_id: int, content_id: int) -> CompiledContent | None:
    values = {"account_id": account_id, "content_id": content_id}
    row = await (await connection.execute(_SQL["find_content"], values)).fetchone()
    return msgspec.json.decode(row[0], type=CompiledContent) if row else None


async def next_template_id(connection: Connection) -> int:
    return _identity(await (await connection.execute(_SQL["next_template_id"])).fetchone())


async def add_template(
    connection: Connection, account_id: int, template_id: int, template: TemplateInput, content_id: int
) -> None:
    values = {"account_id": account_id, "template_id": template_id, "content_id": content_id, **_columns(template)}
    await connection.execute(_SQL["add_template"], values)


async def change_template(
    connection: Connection, account_id: int, template_id: int, template: TemplateInput, content_id: int, now: datetime
) -> None:
    values = {"account_id": account_id, "template_id": template_id, "content_id": content_id, "now": now}
    await connection.execute(_SQL["change_template"], values | _columns(template))


async def keep_version(connection: Connection, account_id: int, stored: Template, keep: int) -> None:
    """Keep what a newer version takes the place of, and the ``keep`` before it."""
    values = {
        "account_id": account_id,
        "template_id": stored.template_id,
        "version": stored.version,
        "content": Jsonb(msgspec.to_builtins(stored.as_input())),
        "saved_at": stored.updated_at,
        "oldest": stored.version - keep,
    }
    await connection.execute(_SQL["keep_version"], values)
    await connection.execute(_SQL["forget_versions"], values)


async def find_template(
    connection: Connection, account_id: int, template_id: int, *, lock: bool = False
) -> Template | None:
    values = {"account_id": account_id, "template_id": template_id}
    cursor = await connection.execute(_SQL["lock_template" if lock else "find_template"], values)
    row = await cursor.fetchone()
    if row is None:
        return None
    return _template(row, await attachments_of(connection, account_id, template_id))


async def find_templates(connection: Connection, account_id: int, template_ids: Sequence[int]) -> list[Template]:
    """Those that exist, by ascending id."""
    values = {"account_id": account_id, "template_ids": list(template_ids)}
    rows = await (await connection.execute(_SQL["find_templates"], values)).fetchall()
    attachments = await _attachments(connection, account_id, template_ids)
    return [_template(row, tuple(attachments[row[0]])) for row in rows]


def _template(row: tuple[Any, ...], attachments: tuple[Attachment, ...]) -> Template:
    return Template(
        template_id=row[0],
        name=row[1],
        subject=row[2],
        preheader=row[3],
        format=Format(row[4]),
        source=row[5],
        text=row[6],
        content_id=row[7],
        version=row[8],
        created_at=row[9],
        updated_at=row[10],
        tags=tuple(row[11]),
        language=row[12],
        sender_id=row[13],
        from_name=row[14],
        channel=Channel(row[15]),
        members=row[16],
        languages=tuple(row[17]),
        dialect=Dialect(row[18]),
        categories=tuple(row[19]),
        attachments=attachments,
    )


async def search_templates(
    connection: Connection, account_id: int, channel: Channel, words: str, *, skip: int, limit: int
) -> tuple[list[int], int]:
    """Ids of one page, and how many there are in all."""
    values = {"account_id": account_id, "channel": channel.value, "words": words.lower(), "skip": skip, "limit": limit}
    rows = await (await connection.execute(_SQL["search_templates"], values)).fetchall()
    if rows:
        return [row[0] for row in rows], rows[0][1]
    return [], _identity(await (await connection.execute(_SQL["count_templates"], values)).fetchone())


async def naming_field(connection: Connection, account_id: int, key: str) -> list[str]:
    """Names of templates that name a contact field."""
    cursor = await connection.execute(_SQL["naming_field"], {"account_id": account_id, "key": key})
    return [row[0] for row in await cursor.fetchall()]


async def sendable(connection: Connection, account_id: int, template_id: int) -> Sendable | None:
    values = {"account_id": account_id, "template_id": template_id}
    row = await (await connection.execute(_SQL["sendable"], values)).fetchone()
    if row is None:
        return None
    return Sendable(
        template_id=row[0],
        channel=Channel(row[1]),
        content_id=row[2],
        language=row[3],
        sender_id=row[4],
        from_name=row[5],
        dialect=Dialect(row[6]),
        categories=tuple(row[7]),
        languages=row[8],
    )


async def language_versions(connection: Connection, account_id: int, template_id: int) -> tuple[LanguageVersion, ...]:
    values = {"account_id": account_id, "template_id": template_id}
    cursor = connection.cursor(row_factory=class_row(LanguageVersion))
    return tuple(await (await cursor.execute(_SQL["language_versions"], values)).fetchall())


async def save_language(
    connection: Connection,
    account_id: int,
    template_id: int,
    language: str,
    given: LanguageInput,
    content_id: int,
    now: datetime,
) -> None:
    values = {
        "account_id": account_id,
        "template_id": template_id,
        "language": language,
        "subject": given.subject,
        "preheader": given.preheader,
        "source": given.source,
        "text": given.text,
        "content_id": content_id,
        "now": now,
        "members": Jsonb(given.members),
    }
    await connection.execute(_SQL["save_language"], values)


async def delete_language(connection: Connection, account_id: int, template_id: int, language: str) -> bool:
    """Whether there was a version in this language."""
    values = {"account_id": account_id, "template_id": template_id, "language": language}
    return (await connection.execute(_SQL["delete_language"], values)).rowcount == 1


async def list_templates(
    connection: Connection, account_id: int, *, after: int, limit: int
) -> tuple[TemplateSummary, ...]:
    values = {"account_id": account_id, "after": after, "limit": limit}
    return await _summaries(connection, "list_templates", values)


async def latest_templates(
    connection: Connection,
    account_id: int,
    channel: Channel | None,
    words: str,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> tuple[TemplateSummary, ...]:
    """What was changed last first; ``before``: when the last one seen was changed, and its id."""
    values = {
        "account_id": account_id,
        "channel": channel.value if channel else 0,
        "words": words.lower(),
        "before_at": before[0] if before else None,
        "before_id": before[1] if before else None,
        "limit": limit,
    }
    return await _summaries(connection, "latest_templates", values)


async def _summaries(connection: Connection, statement: str, values: dict[str, Any]) -> tuple[TemplateSummary, ...]:
    cursor = await connection.execute(_SQL[statement], values)
    return tuple(
        TemplateSummary(
            template_id=row[0],
            name=row[1],
            subject=row[2],
            format=Format(row[3]),
            version=row[4],
            created_at=row[5],
            updated_at=row[6],
            tags=tuple(row[7]),
            language=row[8],
            channel=Channel(row[9]),
        )
        for row in await cursor.fetchall()
    )


async def delete_template(connection: Connection, account_id: int, template_id: int) -> None:
    values = {"account_id": account_id, "template_id": template_id}
    await connection.execute(_SQL["delete_template"], values)


async def campaign_using(connection: Connection, account_id: int, template_id: int) -> tuple[int, str] | None:
    """Id and name of a campaign that is not over and sends this template."""
    values = {"account_id": account_id, "template_id": template_id}
    row = await (await connection.execute(_SQL["campaign_using"], values)).fetchone()
    return (row[0], row[1]) if row else None


async def attachments_of(connection: Connection, account_id: int, template_id: int) -> tuple[Attachment, ...]:
    return tuple((await _attachments(connection, account_id, (template_id,)))[template_id])


async def _attachments(
    connection: Connection, account_id: int, template_ids: Sequence[int]
) -> dict[int, list[Attachment]]:
    """By template, every one of them present."""
    values = {"account_id": account_id, "template_ids": list(template_ids)}
    found: dict[int, list[Attachment]] = {template_id: [] for template_id in template_ids}
    for row in await (await connection.execute(_SQL["attachments_of"], values)).fetchall():
        found[row[0]].append(Attachment(attachment_id=row[1], file_name=row[2], content_type=row[3], size=row[4]))
    return found


async def attached_files(
    connection: Connection, account_id: int, attachments: Sequence[Attachment]
) -> tuple[AttachedFile, ...]:
    """The bytes of these attachments, in the same order."""
    identities = [attachment.attachment_id for attachment in attachments]
    values = {"account_id": account_id, "attachment_ids": identities}
    cursor = await connection.execute(_SQL["attached_files"], values)
    files = {
        row[0]: AttachedFile(file_name=row[1], content_type=row[2], content=bytes(row[3]))
        for row in await cursor.fetchall()
    }
    return tuple(files[identity] for identity in identities)


async def add_attachment(connection: Connection, account_id: int, template_id: int, file: AttachedFile) -> int:
    values = {
        "account_id": account_id,
        "template_id": template_id,
        "file_name": file.file_name,
        "content_type": file.content_type,
        "content": file.content,
    }
    return _identity(await (await connection.execute(_SQL["add_attachment"], values)).fetchone())


async def copy_attachments(connection: Connection, account_id: int, template_id: int, copy_id: int) -> None:
    values = {"account_id": account_id, "template_id": template_id, "copy_id": copy_id}
    await connection.execute(_SQL["copy_attachments"], values)


async def detach(connection: Connection, account_id: int, template_id: int, attachment_id: int) -> bool:
    """Whether the template had this attachment."""
    values = {"account_id": account_id, "template_id": template_id, "attachment_id": attachment_id}
    cursor = await connection.execute(_SQL["detach"], values)
    return cursor.rowcount == 1


def _columns(template: TemplateInput) -> dict[str, Any]:
    return {
        "name": template.name,
        "subject": template.subject,
        "preheader": template.preheader,
        "format": template.format.value,
        "source": template.source,
        "text": template.text,
        "tags": list(template.tags),
        "language": template.language,
        "sender_id": template.sender_id,
        "from_name": template.from_name,
        "channel": template.channel.value,
        "members": Jsonb(template.members),
        "dialect": template.dialect.value,
        "categories": list(template.categories),
    }


def _identity(row: tuple[Any, ...] | None) -> int:
    assert row is not None, "INSERT … RETURNING gives a row"
    return int(row[0])

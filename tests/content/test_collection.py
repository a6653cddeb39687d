"""What nothing needs any more is deleted, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from psycopg import sql

from syncom.clock import SystemClock
from syncom.content.model import AttachedFile, LanguageInput, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Unavailable
from syncom.postgres.pool import Database

HELLO = TemplateInput(name="Hello", subject="Hi", source='<p>Hello</p><a href="https://x.example/">x</a>')
PDF = AttachedFile(file_name="price.pdf", content_type="application/pdf", content=b"%PDF")


@pytest.fixture
def content(database: Database) -> ContentService:
    return ContentService(database, SystemClock())


async def _rows(database: Database, table: str) -> set[int]:
    column = "content_id" if table == "contents" else "attachment_id"
    async with database.system() as connection:
        query = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
        rows = await (await connection.execute(query)).fetchall()
    return {row[0] for row in rows}


async def _grow_old(database: Database, days: int, *content_ids: int) -> None:
    async with database.system() as connection:
        await connection.execute(
            "UPDATE contents SET created_at = created_at - %(age)s, used_at = used_at - %(age)s"
            " WHERE %(all)s OR content_id = ANY(%(content_ids)s)",
            {"age": timedelta(days=days), "all": not content_ids, "content_ids": list(content_ids)},
        )


async def _use(database: Database, content: ContentService, account_id: int, content_id: int) -> None:
    async with database.tenant(account_id) as connection:
        await content.mark_used(connection, account_id, (content_id,))


async def test_versions_that_were_never_sent_go_after_a_day_and_the_present_one_stays(
    content: ContentService, database: Database, account_id: int
) -> None:
    first = await content.create(account_id, HELLO)
    second = await content.update(account_id, first.template_id, msgspec.structs.replace(HELLO, subject="New"))
    await content.save_language(account_id, first.template_id, "uk", LanguageInput(subject="Як", source="<p>Як</p>"))
    assert await content.collect(link_days=30) == 0
    await _grow_old(database, 2)
    assert await content.collect(link_days=30) == 1
    left = await _rows(database, "contents")
    assert first.content_id not in left
    assert second.content_id in left
    assert len(left) == 2
    await content.delete(account_id, first.template_id)
    assert await content.collect(link_days=30) == 2
    assert not await _rows(database, "contents")


async def test_what_was_sent_stays_as_long_as_its_links_work(
    content: ContentService, database: Database, account_id: int
) -> None:
    template = await content.create(account_id, HELLO)
    await _use(database, content, account_id, template.content_id)
    await content.delete(account_id, template.template_id)
    await _grow_old(database, 29)
    assert await content.collect(link_days=30) == 0
    await _use(database, content, account_id, template.content_id)
    await _grow_old(database, 29)
    assert await content.collect(link_days=30) == 0
    await _grow_old(database, 2)
    assert await content.collect(link_days=30) == 1


async def test_what_a_campaign_froze_stays_with_the_campaign(
    content: ContentService, database: Database, account_id: int
) -> None:
    template = await content.create(account_id, HELLO)
    await content.save_language(account_id, template.template_id, "uk", LanguageInput(subject="Як", source="<p>Як</p>"))
    (version,) = await content.languages(account_id, template.template_id)
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO campaigns (account_id, name, template_id, sender_id, audience, content_id, content_languages)"
            " VALUES (%s, 'C', %s, 1, '{}', %s, jsonb_build_object('uk', %s::bigint))",
            (account_id, template.template_id, template.content_id, version.content_id),
        )
        await connection.execute("DELETE FROM templates")
    await _grow_old(database, 4000)
    assert await content.collect(link_days=30) == 0
    async with database.system() as connection:
        await connection.execute("DELETE FROM campaigns")
    assert await content.collect(link_days=30) == 2


async def test_files_go_with_the_last_version_that_names_them(
    content: ContentService, database: Database, account_id: int
) -> None:
    template = await content.create(account_id, HELLO)
    with_file = await content.attach(account_id, template.template_id, PDF)
    (file,) = with_file.attachments
    await _use(database, content, account_id, with_file.content_id)
    await content.detach(account_id, template.template_id, file.attachment_id)
    await _grow_old(database, 2)
    await content.collect(link_days=30)
    assert await _rows(database, "template_attachments") == {file.attachment_id}
    await _grow_old(database, 40, with_file.content_id)
    await content.collect(link_days=30)
    assert not await _rows(database, "template_attachments")
    assert (await content.get(account_id, template.template_id)).attachments == ()


async def test_a_version_that_is_being_frozen_survives_a_collection_at_that_moment(
    content: ContentService, database: Database, account_id: int
) -> None:
    template = await content.create(account_id, HELLO)
    await content.update(account_id, template.template_id, msgspec.structs.replace(HELLO, subject="New"))
    await _grow_old(database, 2)
    async with database.tenant(account_id) as connection:
        await content.mark_used(connection, account_id, (template.content_id,))
        # The mark is not committed yet.
        assert await content.collect(link_days=30) == 0
    assert template.content_id in await _rows(database, "contents")
    assert await content.collect(link_days=30) == 0


async def test_a_version_that_is_being_collected_is_not_sent(
    content: ContentService, database: Database, account_id: int
) -> None:
    template = await content.create(account_id, HELLO)
    await content.update(account_id, template.template_id, msgspec.structs.replace(HELLO, subject="New"))
    await _grow_old(database, 2)
    async with database.system() as connection:
        await connection.execute("DELETE FROM contents WHERE content_id = %s", (template.content_id,))
        marking = asyncio.create_task(_use(database, content, account_id, template.content_id))
        while not await _waits_for_a_lock(database):
            await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="try again"):
        await marking


async def _waits_for_a_lock(database: Database) -> bool:
    async with database.autocommit() as connection:
        cursor = await connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return await cursor.fetchone() is not None

"""A contact that is erased leaves nothing behind in what is counted afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncom.activity import store
from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.activity.recorder import Entry, Recorder
from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.contacts.service import COUNTING_LOCK, ContactsService
from syncom.ids import campaign_message_id
from syncom.postgres.pool import Database
from tests.settling import settle


@pytest.fixture
async def contacts(database: Database) -> AsyncIterator[ContactsService]:
    service = ContactsService(database, SystemClock())
    yield service
    await service.close()


@pytest.fixture
def activity(database: Database) -> ActivityService:
    return ActivityService(database, SystemClock())


async def _contact(contacts: ContactsService, account_id: int, email: str) -> int:
    return (await contacts.upsert_one(account_id, ContactInput(email=email), UpsertOptions())).contact_id


def _click(account_id: int, contact_id: int) -> Hit:
    return Hit(
        account_id=account_id,
        contact_id=contact_id,
        message_id=campaign_message_id(7, contact_id),
        campaign_id=7,
        kind=ActivityKind.CLICKED,
        hit_class=HitClass.HUMAN,
        link=0,
        occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
        ip="198.51.100.7",
        user_agent="Firefox",
    )


async def _counted(database: Database) -> tuple[list[int], list[int], list[int], int]:
    """Contacts in activity, engagements and statistics, and clicks of the campaign."""
    async with database.system() as connection:
        cursor = await connection.execute(
            "SELECT ARRAY(SELECT contact_id FROM activity), ARRAY(SELECT contact_id FROM engagements),"
            " ARRAY(SELECT contact_id FROM contact_statistics),"
            " (SELECT coalesce(sum(count), 0)::int FROM campaign_statistics WHERE kind = 'clicked')"
        )
        row = await cursor.fetchone()
    assert row
    return row


async def test_hits_that_wait_in_the_journal_are_dropped_and_those_of_others_counted(
    contacts: ContactsService, activity: ActivityService, database: Database, account_id: int, other_account_id: int
) -> None:
    erased = await _contact(contacts, account_id, "gone@example.com")
    other = await _contact(contacts, account_id, "here@example.com")
    async with database.autocommit() as connection:
        # The same number in another account is another person.
        people = ((account_id, erased), (account_id, other), (other_account_id, erased))
        await activity.record(connection, [_click(*person) for person in people])
    await contacts.erase(account_id, erased)
    await settle(database)
    assert await _counted(database) == ([other, erased], [other, erased], [other, erased], 2)
    async with database.system() as connection:
        cursor = await connection.execute("SELECT account_id FROM activity WHERE contact_id = %s", (erased,))
        assert await cursor.fetchall() == [(other_account_id,)]


async def test_a_click_on_an_old_link_after_the_erasure_leaves_nothing(
    contacts: ContactsService, activity: ActivityService, database: Database, account_id: int, tmp_path: Path
) -> None:
    erased = await _contact(contacts, account_id, "gone@example.com")
    merged = await _contact(contacts, account_id, "twin@example.com")
    await contacts.merge(account_id, erased, merged)
    await contacts.erase(account_id, erased)
    recorder = Recorder(database.dsn, activity, SystemClock(), spool_dir=tmp_path)
    await recorder.start()
    for contact_id in (erased, merged):
        await recorder.record(Entry(hit=_click(account_id, contact_id)))
    await recorder.close()
    await settle(database)
    assert await _counted(database) == ([], [], [], 0)


async def test_an_erasure_waits_for_the_count_under_way_and_then_takes_the_person_out(
    contacts: ContactsService, activity: ActivityService, database: Database, account_id: int
) -> None:
    erased = await _contact(contacts, account_id, "gone@example.com")
    async with database.autocommit() as connection:
        await activity.record(connection, [_click(account_id, erased)])
    async with database.system() as counting:
        await counting.execute("SELECT pg_advisory_xact_lock_shared(%s)", (COUNTING_LOCK,))
        erasing = asyncio.create_task(contacts.erase(account_id, erased))
        while not await _waits_for_the_lock(database):
            await asyncio.sleep(0.01)
        assert await store.count(counting, limit=50, shard=1) == 1
        assert not erasing.done()
    await erasing
    async with database.system() as connection:
        row = await (await connection.execute("SELECT ip, user_agent FROM activity")).fetchone()
    assert row == (None, None)


async def _waits_for_the_lock(database: Database) -> bool:
    async with database.autocommit() as connection:
        cursor = await connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return await cursor.fetchone() is not None

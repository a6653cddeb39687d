from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.clock import SystemClock
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.events.model import Event, EventInput
from syncom.events.service import EventsService
from syncom.postgres.pool import Database


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


@dataclass(kw_only=True)
class EventHouse:
    """Events and the contacts they are about."""

    database: Database
    account_id: int
    contacts: ContactsService
    events: EventsService

    async def add_contact(self, **members: Any) -> int:
        outcome = await self.contacts.upsert_one(self.account_id, ContactInput(**members), UpsertOptions())
        return outcome.contact_id

    async def stored(self, type_key: str = "paid") -> list[Event]:
        """Events of a type, oldest first."""
        page = await self.events.of_type(self.account_id, type_key, limit=1000)
        return page.events[::-1]

    async def minute_later(self) -> None:
        """What was recorded within the last minute was so before it."""
        async with self.database.system() as connection:
            await connection.execute("UPDATE recent_events SET expires_at = expires_at - interval '61 seconds'")

    async def count(self, table: str) -> int:
        async with self.database.system() as connection:
            row = await (await connection.execute(f"SELECT count(*) FROM {table}")).fetchone()
        assert row is not None
        return int(row[0])


def paid(key: str = "inv-1", type_key: str = "paid", /, **params: Any) -> EventInput:
    return EventInput(type_key=type_key, key=key, params=params)


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


@pytest.fixture
async def house(database: Database, account_id: int) -> AsyncIterator[EventHouse]:
    contacts = ContactsService(database, SystemClock())
    events = EventsService(database, contacts, SystemClock())
    yield EventHouse(database=database, account_id=account_id, contacts=contacts, events=events)
    await events.close()
    await contacts.close()

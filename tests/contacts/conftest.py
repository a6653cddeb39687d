from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from syncom.clock import SystemClock
from syncom.contacts.service import ContactsService
from syncom.postgres.pool import Database


@pytest.fixture
async def contacts(database: Database) -> AsyncIterator[ContactsService]:
    service = ContactsService(database, SystemClock())
    yield service
    await service.close()

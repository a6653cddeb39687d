"""What the tests of orders share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from syncom.clock import SystemClock
from syncom.contacts.service import ContactsService
from syncom.events.service import EventsService
from syncom.orders.service import OrdersService
from syncom.postgres.pool import Database
from tests.orders.shops import Shop


@pytest.fixture
async def shop(database: Database, account_id: int) -> AsyncIterator[Shop]:
    contacts = ContactsService(database, SystemClock())
    events = EventsService(database, contacts, SystemClock())
    yield Shop(database, contacts, events, OrdersService(database, contacts, events), account_id)
    await events.close()
    await contacts.close()

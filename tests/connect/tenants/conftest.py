"""The room on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from syncom.clock import SystemClock
from syncom.connect.tenants.service import TenantsService
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.connect.tenants.people import FewPeople


class Product(msgspec.Struct, kw_only=True):
    """An account's workspace, and its secret as the product's backend knows it."""

    account_id: int
    key: str
    secret: str


@pytest.fixture
def people() -> FewPeople:
    return FewPeople()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(b"k" * 32)


@pytest.fixture
async def account(emptied_database: Database) -> int:
    return await _add_account(emptied_database, "Acme")


@pytest.fixture
async def other_account(emptied_database: Database, account: int) -> int:
    return await _add_account(emptied_database, "Other")


@pytest.fixture
async def tenants(emptied_database: Database, keyring: Keyring, people: FewPeople) -> AsyncIterator[TenantsService]:
    client = OutboundClient("127.0.0.1/32")
    service = TenantsService(
        emptied_database, keyring, SystemClock(), people=people, client=client, base_url="http://syncom.example"
    )
    yield service
    await service.stop()
    await client.close()


@pytest.fixture
async def product(tenants: TenantsService, account: int) -> Product:
    key, secret = await tenants.credentials(account)
    return Product(account_id=account, key=key, secret=secret)


async def _add_account(database: Database, name: str) -> int:
    async with database.system() as connection:
        cursor = await connection.execute("INSERT INTO accounts (name) VALUES (%s) RETURNING account_id", (name,))
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from syncom.postgres.pool import Database
from tests.connect.app_house import House


@pytest.fixture
async def house(emptied_database: Database) -> AsyncIterator[House]:
    async with emptied_database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Acme') RETURNING account_id")
        ).fetchone()
    assert row is not None
    made = House(emptied_database, int(row[0]))
    yield made
    await made.transport.close()

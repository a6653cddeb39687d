from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncom.postgres.pool import Database
from tests.conftest import _add_account  # pyright: ignore[reportPrivateUsage]
from tests.products.shop import Shelves, Shop, shop


@pytest.fixture
async def shelves(emptied_database: Database, tmp_path: Path) -> AsyncIterator[Shelves]:
    """An account with an empty catalogue."""
    found = Shelves(emptied_database, await _add_account(emptied_database, "Acme"), tmp_path)
    yield found
    await found.client.close()


@pytest.fixture
async def server() -> AsyncIterator[Shop]:
    """The shop's server."""
    async with shop() as found:
        yield found

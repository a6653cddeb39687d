"""Services of connections on a real database, and an app to connect."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from syncom.postgres.pool import Database
from tests.connect.connections.provider import Provider, provider
from tests.connect.connections.rig import Rig, open_rig


@pytest.fixture
async def app() -> AsyncIterator[Provider]:
    async with provider() as running:
        yield running


@pytest.fixture
async def rig(database: Database, account_id: int, app: Provider) -> AsyncIterator[Rig]:
    async with open_rig(database, account_id, app) as made:
        yield made

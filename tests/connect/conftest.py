"""What tests of the integration layer share."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncom.clock import SystemClock
from syncom.connect.catalogue.service import CatalogueService
from syncom.postgres.pool import Database
from tests.connect.folders import shopkit


@pytest.fixture
async def catalogue(database: Database, tmp_path: Path) -> CatalogueService:
    """A catalogue that holds one small connector, shopkit, as if the release had it."""
    service = CatalogueService(database, SystemClock())
    await service.sync(shopkit(tmp_path / "connectors"))
    return service

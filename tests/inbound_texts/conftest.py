from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from syncom.postgres.pool import Database
from tests.inbound_texts.house import TextHouse


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="syncom-home-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def texts(emptied_database: Database, data_dir: Path) -> AsyncIterator[TextHouse]:
    """An account with a sender of texts into the dev inbox."""
    async with TextHouse.open(emptied_database, data_dir) as house:
        yield house

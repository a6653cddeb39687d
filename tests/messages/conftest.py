from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncom.postgres.pool import Database
from tests.messages.house import SendingHouse


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="syncom-home-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def house(database: Database, account_id: int, data_dir: Path) -> SendingHouse:
    return SendingHouse.on(database, account_id, data_dir)

"""The command line, run in this process against a database of the test's own."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from psycopg.conninfo import conninfo_to_dict

from syncom.app import open_app
from syncom.settings import Settings
from tests.cli.command import Command


@pytest.fixture
async def syncom(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs ``syncom`` with arguments; an installation with one account is there."""
    settings = Settings(data_dir=tmp_path / "data", database_url=dsn)
    async with open_app(settings, pool_size=2) as app:
        await app.accounts.first_run("admin@example.com", "correct horse battery")
    monkeypatch.setenv("SYNCOM_DATABASE_URL", f"postgresql:///?{urlencode(conninfo_to_dict(dsn))}")
    monkeypatch.setenv("SYNCOM_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return Command(capsys)

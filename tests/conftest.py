"""One real PostgreSQL for the whole run, one fresh database for each test that asks for it."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import uvloop
from psycopg import sql
from psycopg.conninfo import make_conninfo

from syncom.clock import SystemClock
from syncom.connect.catalogue.service import CatalogueService
from syncom.postgres.migrate import migrate
from syncom.postgres.pool import Database

#: Commits need not survive a power cut here; everything else is as in production.
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
_numbers = itertools.count(1)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, object]:
    """Tests run on the loop that the product runs on."""
    del config, item
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
async def server_dsn() -> AsyncIterator[str]:
    """A server of the run's own, or the one that SYNCOM_TEST_DATABASE_URL names."""
    given = os.environ.get("SYNCOM_TEST_DATABASE_URL")
    if given:
        yield given
        return
    from syncom.postgres.embedded import EmbeddedServer

    folder = Path(tempfile.mkdtemp(prefix="syncom-tests-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "data", settings=_QUICK)
    try:
        yield await server.start()
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def template_database(server_dsn: str) -> str:
    """A migrated database, empty but for the connectors of the release, that every test's own one is copied from."""
    name = f"syncom_template_{os.getpid()}"
    async with await psycopg.AsyncConnection.connect(server_dsn, autocommit=True) as connection:
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrated = make_conninfo(server_dsn, dbname=name)
    await migrate(migrated)
    # The web server would do it in every test's database.
    async with Database(migrated, max_size=2) as database:
        await CatalogueService(database, SystemClock()).sync()
    return name


@asynccontextmanager
async def _copied(server_dsn: str, template_database: str) -> AsyncGenerator[str]:
    """Connection string of a fresh migrated database, dropped afterwards."""
    name = f"syncom_test_{os.getpid()}_{next(_numbers)}"
    async with await psycopg.AsyncConnection.connect(server_dsn, autocommit=True) as connection:
        await connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template_database)
            )
        )
    yield make_conninfo(server_dsn, dbname=name)
    async with await psycopg.AsyncConnection.connect(server_dsn, autocommit=True) as connection:
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
async def dsn(server_dsn: str, template_database: str) -> AsyncIterator[str]:
    """Connection string of a fresh migrated database, dropped afterwards."""
    async with _copied(server_dsn, template_database) as name:
        yield name


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """An open pool on a fresh migrated database."""
    async with Database(dsn, max_size=8) as pool:
        yield pool


@pytest.fixture(scope="module")
async def kept_database(server_dsn: str, template_database: str) -> AsyncIterator[Database]:
    """One database for all tests of a file, which must not mind each other's rows: see `emptied_database`."""
    async with _copied(server_dsn, template_database) as name, Database(name, max_size=8) as pool:
        yield pool


@pytest.fixture
async def emptied_database(kept_database: Database) -> Database:
    """The file's database without any row, for files of short tests: copies would take most of their time."""
    async with kept_database.system() as connection:
        await connection.execute(_EMPTY)
    return kept_database


#: Foreign keys are not looked at, so the order of the tables does not matter.
_EMPTY = """
DO $$
DECLARE
    found text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR found IN
        SELECT relname FROM pg_class
        WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
            AND relname NOT IN ('schema_migrations', 'connectors', 'actions') AND relname NOT LIKE 'procrastinate%'
    LOOP
        EXECUTE format('DELETE FROM %I', found);
    END LOOP;
    -- What came with the release stays.
    DELETE FROM actions WHERE account_id IS NOT NULL;
    DELETE FROM connectors WHERE account_id IS NOT NULL;
END $$
"""


@pytest.fixture
async def account_id(database: Database) -> int:
    """A fresh account."""
    return await _add_account(database, "Acme")


@pytest.fixture
async def other_account_id(database: Database, account_id: int) -> int:
    """A second account in the same database, which must never be seen from the first."""
    return await _add_account(database, "Other")


async def _add_account(database: Database, name: str) -> int:
    async with database.system() as connection:
        cursor = await connection.execute("INSERT INTO accounts (name) VALUES (%s) RETURNING account_id", (name,))
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

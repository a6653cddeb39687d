"""A real web server on a real port, with two accounts that must never see each other."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from syncom.accounts.model import Role
from syncom.accounts.service import machine_principal
from syncom.app import App, open_app
from syncom.http.server import QuietServer, Server, uvicorn_config, web
from syncom.settings import Settings
from tests.http.running_site import PASSWORD, Site

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def module_dsn(server_dsn: str, template_database: str) -> AsyncIterator[str]:
    """A database of the test file's own: starting a server for each test would take most of the time."""
    name = f"syncom_http_{os.getpid()}_{next(_numbers)}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    async with await psycopg.AsyncConnection.connect(server_dsn, autocommit=True) as connection:
        await connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template_database)))
    yield make_conninfo(server_dsn, dbname=name)
    async with await psycopg.AsyncConnection.connect(server_dsn, autocommit=True) as connection:
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
async def site(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        port=port, data_dir=tmp_path_factory.mktemp("data"), log_level="warning", outbound_allow="127.0.0.1/32"
    )
    async with open_app(settings, dsn=module_dsn, pool_size=8) as app, web(app) as application:
        server = QuietServer(uvicorn_config(application, settings))
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield await _populate(app, settings.base_url, application.inner)
        finally:
            server.should_exit = True
            await running


async def _populate(app: App, url: str, server: Server) -> Site:
    await app.accounts.first_run("admin@example.com", PASSWORD)
    owner = machine_principal((await app.accounts.default_account()).account_id)
    other = machine_principal((await app.accounts.create_account(owner, name="Other")).account_id)
    return Site(
        app=app,
        url=url,
        owner=owner,
        key=(await app.accounts.create_api_key(owner, name="all", role=Role.OWNER)).key,
        viewer_key=(await app.accounts.create_api_key(owner, name="look", role=Role.VIEWER)).key,
        other=other,
        server=server,
        document=server.document,
        other_key=(await app.accounts.create_api_key(other, name="all", role=Role.OWNER)).key,
    )

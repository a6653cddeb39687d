"""``syncom run``: one process of ``syncom up`` by itself, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from cyclopts import App

from syncom.cli.services import database
from syncom.processes import exit_with_parent
from syncom.settings import Settings, load_settings

app = App(name="run", help="Run one process of `up` by itself.")

Role = Callable[[Settings, str, asyncio.Event], Coroutine[Any, Any, None]]


@app.command
def web() -> None:
    """The web server: APIs, tracking, pages."""
    _run(_web)


@app.command
def inbox() -> None:
    """The SMTP server of the dev inbox."""
    _run(_inbox)


async def _web(settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    from syncom.http.server import serve

    await serve(settings, dsn=dsn, stop=stop)


async def _inbox(settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    from syncom.inbox.server import InboxServer
    from syncom.inbox.service import InboxService
    from syncom.postgres.pool import Database

    async with Database(dsn, max_size=2, name="syncom-inbox") as pool:
        server = InboxServer(InboxService(pool), port=settings.inbox_port)
        await server.start()
        try:
            await stop.wait()
        finally:
            await server.stop()


def _run(role: Role) -> None:
    import uvloop

    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    exit_with_parent()
    uvloop.run(_until_stopped(settings, role))


async def _until_stopped(settings: Settings, role: Role) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with database(settings) as dsn:
        await role(settings, dsn, stop)

"""``syncom run``: one process of ``syncom up`` by itself, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from cyclopts import App, Parameter

from syncom.cli.services import database
from syncom.errors import Invalid
from syncom.messages.model import SenderRole
from syncom.processes import exit_with_parent
from syncom.settings import Settings, load_settings

app = App(name="run", help="Run one process of `up` by itself.")

#: Seconds until everything a process needs is loaded.
_WARM_UP = 3.0

Role = Callable[[Settings, str, asyncio.Event], Coroutine[Any, Any, None]]


@app.command
def web() -> None:
    """The web server: APIs, tracking, pages."""
    _run(_web)


@app.command
def inbox() -> None:
    """The SMTP server of the dev inbox."""
    _run(_inbox)


@app.command
def bounces() -> None:
    """The SMTP server that bounces come back to (SYNCOM_BOUNCE_PORT)."""
    _run(_bounces)


@app.command
def worker() -> None:
    """Background jobs: imports, audiences of campaigns, schedules, outgoing webhooks."""
    _run(_worker)


@app.command
def sender(*, lane: Annotated[SenderRole, Parameter(help="bulk: campaigns; express: single messages.")]) -> None:
    """A process that sends mail."""
    _run(functools.partial(_sender, lane))


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


async def _bounces(settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    from syncom.app import open_app

    if not settings.bounce_port:
        raise Invalid("SYNCOM_BOUNCE_PORT", "is 0: give the port to listen on, such as 25")
    async with open_app(settings, dsn=dsn, pool_size=4, name="syncom-bounces") as parts:
        listener = parts.bounce_listener()
        await listener.start()
        try:
            await stop.wait()
        finally:
            await listener.stop()


async def _worker(settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    from syncom.app import open_app
    from syncom.jobs.runner import run_worker

    async with open_app(settings, dsn=dsn, pool_size=8, name="syncom-worker") as parts:
        jobs = asyncio.create_task(run_worker(parts.jobs(dsn)))
        upkeep = asyncio.create_task(parts.upkeep(stop))
        poster = asyncio.create_task(parts.webhook_poster().run(stop))
        segments = asyncio.create_task(parts.membership_keeper().run(stop))
        workflows = asyncio.create_task(parts.workflow_keeper().run(stop))
        calls = asyncio.create_task(parts.calls_keeper().run(stop))
        connections = asyncio.create_task(parts.connection_keeper().run(stop))
        vectors = asyncio.create_task(parts.vector_keeper().run(stop))
        pulls = asyncio.create_task(parts.pull_keeper().run(stop))
        attribution = asyncio.create_task(parts.attribution_keeper().run(stop))
        carts = asyncio.create_task(parts.cart_keeper().run(stop))
        bulk = asyncio.create_task(parts.bulk_keeper().run(stop))
        owners = asyncio.create_task(parts.owner_teller().run(stop))
        texts = asyncio.create_task(parts.parts_received.run(stop))
        receipts = asyncio.create_task(parts.receipt_keeper().run(stop))
        domains = asyncio.create_task(parts.domain_keeper().run(stop))
        bounces = asyncio.create_task(parts.bounce_keeper().run(stop))
        try:
            await parts.keeper().run(stop)
        finally:
            following = (segments, workflows, calls, attribution, carts, bulk)
            told = (receipts, texts, domains, bounces)
            beside = (jobs, upkeep, poster, *following, vectors, connections, pulls, owners, *told)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


async def _sender(role: SenderRole, settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    from syncom.app import open_app

    async with open_app(settings, dsn=dsn, pool_size=8, name=f"syncom-sender-{role.value}") as parts:
        await parts.sending_loop(role).run(stop)


def _run(role: Role) -> None:
    import uvloop

    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    if settings.log_level == "info":
        # A line for every SMTP command and every job is what `debug` is for.
        for name in ("mail.log", "procrastinate"):
            logging.getLogger(name).setLevel(logging.WARNING)
    exit_with_parent()
    uvloop.run(_until_stopped(settings, role))


async def _until_stopped(settings: Settings, role: Role) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.call_later(_WARM_UP, _keep_out_of_collections)
    async with database(settings) as dsn:
        await role(settings, dsn, stop)


def _keep_out_of_collections() -> None:
    """What was loaded stays for good: going through it again and again stops everything for some 100 ms each time."""
    gc.collect()
    gc.freeze()

"""``syncom up``: everything in one process group, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import psycopg

from syncom.accounts.model import FirstRun
from syncom.app import open_app
from syncom.cli.given import Switch
from syncom.cli.services import postgres_folder, tell
from syncom.doctor import check_port
from syncom.errors import Conflict, SyncomError
from syncom.postgres.embedded import EmbeddedServer
from syncom.postgres.migrate import migrate
from syncom.processes import ProcessGroup, Role, exit_with_parent
from syncom.settings import Settings, load_settings

_READY_PATIENCE = 60.0
#: Seconds for an orderly end, when whoever started this is gone.
_STOP_PATIENCE = 60.0


def up(*, demo: Switch = False) -> None:
    """Start everything: database, web server, workers, dev inbox. Ctrl-C stops it all.

    Parameters
    ----------
    demo
        Then load sample data and send a campaign into the dev inbox.
    """
    # Where a program of ours started it: a test, whose run may be killed.
    exit_with_parent(grace=_STOP_PATIENCE)
    asyncio.run(_up(load_settings(), demo=demo))


def roles(settings: Settings) -> list[Role]:
    """The processes beside the database."""
    command = [sys.executable, "-m", "syncom", "run"]
    return [
        Role(name="web", argv=[*command, "web"]),
        Role(name="inbox", argv=[*command, "inbox"]),
        Role(name="worker", argv=[*command, "worker"]),
        *([Role(name="bounces", argv=[*command, "bounces"])] if settings.bounce_port else []),
        Role(name="express", argv=[*command, "sender", "--lane", "express"]),
        # Not niced: measured, a campaign that gets the processor late makes everybody wait, some 100 ms at a time.
        *(
            Role(name=f"sender-{number}", argv=[*command, "sender", "--lane", "bulk"])
            for number in range(1, settings.senders + 1)
        ),
    ]


async def _up(settings: Settings, *, demo: bool) -> None:
    _check_ports(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with _database(settings, stop) as dsn:
        await migrate(dsn, on_progress=tell)
        async with open_app(settings, dsn=dsn, pool_size=2) as app:
            first = await app.accounts.first_run(settings.admin_email, settings.admin_password or None)
        group = ProcessGroup(roles(settings), on_event=tell)
        running = asyncio.create_task(group.run_until_stopped(stop))
        welcome = asyncio.create_task(_begin(settings, dsn, first, demo=demo))
        try:
            await running
        finally:
            welcome.cancel()
            with suppress(asyncio.CancelledError):
                await welcome
    tell("Stopped.")


def _check_ports(settings: Settings) -> None:
    """Say at once what would otherwise be a restarting process."""
    for name, host, port in (
        ("PORT", settings.host, settings.port),
        ("INBOX_PORT", "127.0.0.1", settings.inbox_port),
    ):
        finding = check_port(name, host, port, f"SYNCOM_{name}")
        # A Syncom that listens there already counts as healthy for the doctor, but not for a second one.
        if not finding.ok or not finding.note.endswith("is free"):
            reason = finding.problem or finding.note
            raise Conflict(f"{reason} {finding.remedy}".strip())


@asynccontextmanager
async def _database(settings: Settings, stop: asyncio.Event) -> AsyncGenerator[str]:
    if settings.database_url:
        yield settings.database_url
        return
    server = EmbeddedServer(settings.data_dir, binaries=postgres_folder(settings), on_progress=tell)
    dsn = await server.start()
    keeping = asyncio.create_task(_keep(server, stop))
    try:
        yield dsn
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await server.stop()


async def _keep(server: EmbeddedServer, stop: asyncio.Event) -> None:
    """Start the database again when it dies; everything else waits for it meanwhile."""
    while not stop.is_set():
        code = await server.wait_failed()
        tell(f"the database ended by itself (exit code {code}); starting it again")
        await server.start()


async def _begin(settings: Settings, dsn: str, first: FirstRun, *, demo: bool) -> None:
    await _welcome(settings, first)
    if demo:
        try:
            await _show_demo(settings, dsn)
        except (SyncomError, OSError, psycopg.Error) as error:
            tell(f"The demo stopped: {error}. Everything else is running.")


async def _show_demo(settings: Settings, dsn: str) -> None:
    """Load sample data, send a campaign, let sample readers open it, and print the report."""
    from syncom.cli.report import draw
    from syncom.demo import readers, sample

    async with open_app(settings, dsn=dsn, pool_size=4, name="syncom-demo") as app:
        account_id = (await app.accounts.default_account()).account_id
        print("Demo: an invented shop and its customers.", flush=True)
        campaign = await sample.load(app, account_id, say=_say)
        before = await readers.newest_mail(app)
        _say(f'sending the campaign "{campaign.name}" over SMTP into the dev inbox')
        await sample.send(app, account_id, campaign)
        seen = await readers.read(app, after=before, host=_reachable(settings.host), port=settings.port)
        _say(f"sample readers: {seen.opened} opened, {seen.clicked} clicked, {seen.unsubscribed} unsubscribed")
        report = await app.campaigns.report(account_id, campaign.campaign_id)
    print()
    draw(report)
    print(f"\nThe mails: {settings.base_url}/inbox   The API: {settings.base_url}/docs")
    print(f"This report again: syncom campaign show {campaign.campaign_id}", flush=True)


def _say(sentence: str) -> None:
    print(f"  {sentence}", flush=True)


async def _welcome(settings: Settings, first: FirstRun) -> None:
    """Print the addresses once the web server answers."""
    probe = f"http://{_reachable(settings.host)}:{settings.port}/healthz"
    with suppress(TimeoutError):
        async with asyncio.timeout(_READY_PATIENCE):
            while not await asyncio.to_thread(_answers, probe):  # noqa: ASYNC110 - another process answers
                await asyncio.sleep(0.1)
    base = settings.base_url
    print(f"\nSyncom is running at  {base}\n")
    print(f"  API documentation   {base}/docs")
    print(f"  Dev inbox           {base}/inbox   (SMTP on 127.0.0.1:{settings.inbox_port})")
    if first.password:
        print(f"\n  Sign in as          {first.email}\n  Password            {first.password}   (shown once)")
    elif first.created:
        print(f"\n  Sign in as          {first.email}   with the password of SYNCOM_ADMIN_PASSWORD")
    else:
        print(f"\n  Sign in as          {first.email}")
    print("\nCtrl-C stops everything.\n", flush=True)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return answer.status == 200
    except OSError:
        return False


def _reachable(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host

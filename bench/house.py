"""A house to measure in: a durable embedded server in a folder of its own, an account with contacts, a mail sink."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench.figures import Skipped
from syncom.accounts.service import machine_principal
from syncom.app import App, open_app
from syncom.postgres.embedded import EmbeddedServer
from syncom.postgres.migrate import migrate
from syncom.settings import Settings, load_settings

#: Who asks.
BY = machine_principal(0)


@dataclass(frozen=True, kw_only=True)
class House:
    """A running installation without its processes."""

    app: App
    settings: Settings
    #: Environment in which child processes find this installation.
    environment: Mapping[str, str]


@asynccontextmanager
async def web_process(module: str, kind: str, dsn: str, folder: str, account_id: int = 0) -> AsyncGenerator[int]:
    """The port of a server that runs in a process of its own: ``python -m module kind dsn folder port account``."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, kind, dsn, folder, str(port), str(account_id)],
        cwd=Path(__file__).parent.parent,
    )
    try:
        for _ in range(300):
            if process.poll() is not None:
                raise RuntimeError(f"the {kind} server ended with {process.returncode}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            break
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


async def product(dsn: str, folder: str, port: int) -> None:
    """The product's web server, until it is told to end; warm as its own processes are after their start."""
    from syncom.http.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.call_later(1, warm)
    allow = os.environ.get("SYNCOM_OUTBOUND_ALLOW", "")
    await serve(Settings(port=port, data_dir=Path(folder), outbound_allow=allow), dsn=dsn, stop=stop)


async def bare(application: Any, port: int) -> None:
    """An application without the product, on the same server as the product's."""
    import uvicorn

    asyncio.get_running_loop().call_later(1, warm)
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
    await uvicorn.Server(config).serve()


def warm() -> None:
    """What was made at the start is not looked through again by the garbage collector."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def house(*, public_url: str = "http://127.0.0.1:8080") -> AsyncGenerator[House]:
    """An embedded server with its default, durable settings, migrated and empty."""
    folder = Path(tempfile.mkdtemp(prefix="syncom-bench-", dir=_roomy()))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "data")
    try:
        dsn = await server.start()
        await migrate(dsn)
        # The address in URL form, as an operator would give it.
        url = _url(dsn)
        environment = {
            **os.environ,
            "SYNCOM_DATABASE_URL": url,
            "SYNCOM_DATA_DIR": str(folder / "home"),
            "SYNCOM_PUBLIC_URL": public_url,
            "SYNCOM_PORT": str(free_port()),
        }
        settings = load_settings(environment)
        async with open_app(settings) as app:
            # As the product's own processes do after their start.
            warm()
            yield House(app=app, settings=settings, environment=environment)
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(
    *argv: str, environment: Mapping[str, str] | None = None, quiet: bool = True
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A child process, ended by SIGTERM."""
    output = asyncio.subprocess.DEVNULL if quiet else None
    child = await asyncio.create_subprocess_exec(*argv, env=environment, stdout=output, stderr=output)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), 30)
        except TimeoutError:
            child.kill()
            await child.wait()


def syncom(*arguments: str) -> tuple[str, ...]:
    """Command line of the product's own CLI in this environment."""
    return (sys.executable, "-m", "syncom", *arguments)


def tool(name: str) -> str:
    """Path of a tool of Debian's postfix package."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise Skipped(f"{name} is not installed: apt-get install -y postfix")
    return found


async def listening(port: int) -> None:
    """Wait until something accepts connections."""
    for _ in range(1_200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError(f"nothing listens on {port}")


async def add_contacts(dsn: str, account_id: int, count: int) -> None:
    """Contacts with names and a city, subscribed to email; straight into the tables, as an import leaves them."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await connection.execute(
            "INSERT INTO contacts (account_id, bucket, contact_id, email, first_name, last_name, country, city,"
            " language, email_state) SELECT %(account)s, (n & 255)::smallint, n,"
            " 'person' || n || '@d' || n %% 50 || '.example',"
            " (ARRAY['Olena', 'Іван', 'Anna', 'Bohdan', 'Марія'])[1 + n %% 5], 'Family' || n %% 1000, 'UA',"
            " (ARRAY['Kyiv', 'Львів', 'Odesa'])[1 + n %% 3], 'uk', 2 FROM generate_series(1, %(count)s) AS n",
            {"account": account_id, "count": count},
        )
        await connection.execute("SELECT setval('contact_ids', %s)", (count + 1,))
        await connection.commit()
        await connection.set_autocommit(True)
        await connection.execute("VACUUM ANALYZE contacts")


async def wear_in(dsn: str) -> None:
    """Make the server one that has run for a while: its log files are there and used again.

    In its first minutes a server makes a new log file for every 16 MB, and every commit waits some 100 ms for it.
    """
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for _ in range(64):
            await connection.execute("SELECT pg_logical_emit_message(false, 'bench', repeat('x', 8388608))")
        await connection.execute("CHECKPOINT")


def _url(dsn: str) -> str:
    from urllib.parse import quote, urlencode

    parts = conninfo_to_dict(dsn)
    user, password = quote(str(parts.get("user", ""))), quote(str(parts.get("password", "")))
    query = urlencode({name: str(parts[name]) for name in ("host", "port") if name in parts})
    return f"postgresql://{user}:{password}@/{parts.get('dbname', '')}?{query}"


def _roomy() -> str | None:
    """The temporary folder that is on a disk: measuring fsync in memory would flatter."""
    for folder in ("/var/tmp", None):
        if folder is None or os.access(folder, os.W_OK):
            return folder
    return None

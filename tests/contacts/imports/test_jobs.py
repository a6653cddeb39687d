"""An import whose worker is killed is taken up by the next worker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from syncom.clock import SystemClock
from syncom.contacts.imports import jobs
from syncom.contacts.imports.model import ImportOptions, ImportState
from syncom.contacts.imports.service import ImportService
from syncom.contacts.service import ContactsService
from syncom.jobs.runner import make_app, rescue_stalled_jobs, run_worker
from syncom.postgres.pool import Database

_WORKER = """
import asyncio, sys
from pathlib import Path
from syncom.clock import SystemClock
from syncom.contacts.imports import jobs
from syncom.contacts.imports.service import ImportService
from syncom.contacts.service import ContactsService
from syncom.jobs.runner import make_app, run_worker
from syncom.postgres.pool import Database

async def main(dsn, folder):
    async with Database(dsn) as database:
        contacts = ContactsService(database, SystemClock())
        app = make_app(dsn)
        clock = SystemClock()
        imports = ImportService(database, contacts, Path(folder), clock, batch_rows=20, lease_seconds=1.0)
        jobs.register(app, imports)
        await run_worker(app, queues=["imports"])

asyncio.run(main(*sys.argv[1:]))
"""


async def _people() -> AsyncIterator[bytes]:
    yield b"email\n"
    for number in range(4000):
        yield f"p{number}@example.com\n".encode()


async def test_a_killed_workers_import_is_finished_by_another_worker(
    database: Database, dsn: str, account_id: int, tmp_path: Path
) -> None:
    contacts = ContactsService(database, SystemClock())
    imports = ImportService(database, contacts, tmp_path, SystemClock(), lease_seconds=1.0)
    app = make_app(dsn)
    jobs.register(app, imports)
    created = await imports.create(account_id, await imports.store(account_id, "p.csv", _people()), ImportOptions())
    async with app.open_async():
        await jobs.start(app, created.import_id)
        await jobs.start(app, created.import_id)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", _WORKER, dsn, str(tmp_path))
    while (await imports.status(account_id, created.import_id)).rows_done == 0:
        await asyncio.sleep(0.05)
    os.kill(worker.pid, signal.SIGKILL)
    await worker.wait()
    assert (await imports.status(account_id, created.import_id)).state is ImportState.RUNNING
    async with app.open_async():
        assert await rescue_stalled_jobs(app, seconds=0) == 1
        await asyncio.sleep(1.1)
        assert await jobs.start_due(app, imports) == 1
    await run_worker(app, queues=["imports"], wait=False)
    status = await imports.status(account_id, created.import_id)
    assert (status.state, status.created, status.rows_done) == (ImportState.FINISHED, 4000, 4000)
    await contacts.close()

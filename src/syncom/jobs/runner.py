"""The runner of background jobs: procrastinate on our own database.

A room adds its work in its ``jobs.py`` with a function ``register(app, ...)``; ``app.py`` calls them
all. A job is a task name and a few small arguments. Its worker may be killed at any moment and the job
is then run again, so every task must be safe to repeat.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

log = logging.getLogger(__name__)

#: A worker that has not reported for so many seconds is dead. Workers report every ten.
STALLED_SECONDS = 30.0
#: Jobs one worker process runs side by side; they mostly wait for the database and for child processes.
CONCURRENCY = 4
_LONGEST_WAIT = 10.0


def make_app(dsn: str) -> App:
    """An app without tasks but the rescue of stalled jobs. Open it with ``async with app.open_async()``."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=1, max_size=4))

    @app.periodic(cron="* * * * *")
    @app.task(name="jobs.rescue", queue="upkeep", queueing_lock="jobs.rescue")
    async def rescue(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        del timestamp
        await rescue_stalled_jobs(app)

    return app


async def rescue_stalled_jobs(app: App, *, seconds: float = STALLED_SECONDS) -> int:
    """Queue the jobs of dead workers again; returns how many."""
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds))
    for job in stalled:
        log.warning("job %s (%s) lost its worker and is queued again", job.id, job.task_name)
        await app.job_manager.retry_job(job)
    return len(stalled)


async def run_worker(
    app: App, *, queues: Iterable[str] = (), concurrency: int = CONCURRENCY, wait: bool = True
) -> None:
    """Work on these queues (none named: all) until cancelled or signalled; ``wait=False``: until empty.

    When the database goes away the worker starts anew once it is back.
    """
    chosen, pause = list(queues), 0.5
    while True:
        try:
            async with app.open_async():
                pause = 0.5
                await app.run_worker_async(
                    queues=chosen or None,  # pyright: ignore[reportArgumentType] # None is every queue
                    concurrency=concurrency,
                    wait=wait,
                    fetch_job_polling_interval=1.0,
                    delete_jobs="successful",
                    # The process has handlers of its own: it may run more than this worker.
                    install_signal_handlers=False,
                )
            return
        except (ConnectorException, psycopg.OperationalError) as error:
            log.warning("the job runner lost the database, trying again in %.1f s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_WAIT)

"""Imports in the background."""

from __future__ import annotations

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued

from syncom.contacts.imports.service import ImportService

_RUN = "imports.run"
_QUEUE = "imports"


def register(app: App, imports: ImportService) -> None:
    """Add the tasks of imports to the runner."""

    @app.task(name=_RUN, queue=_QUEUE)
    async def run(import_id: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        await imports.run(import_id)

    @app.periodic(cron="* * * * *")
    @app.task(name="imports.sweep", queue="upkeep", queueing_lock="imports.sweep")
    async def sweep(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        del timestamp
        await start_due(app, imports)


async def start(app: App, import_id: int) -> None:
    """Queue the run of an import. Safe to repeat: a second run waits for the first and has nothing to do."""
    try:
        await app.configure_task(_RUN, queue=_QUEUE, queueing_lock=f"import:{import_id}").defer_async(
            import_id=import_id
        )
    except AlreadyEnqueued:
        return


async def start_due(app: App, imports: ImportService) -> int:
    """Queue every import that nobody works on: its runner died, or it was created and never queued."""
    due = await imports.due()
    for import_id in due:
        await start(app, import_id)
    return len(due)

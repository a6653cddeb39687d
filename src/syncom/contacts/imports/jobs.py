"""Imports in the background."""

from __future__ import annotations

from typing import Any

import msgspec
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued

from syncom.contacts.imports.fetch import FileFetcher, FileRequest
from syncom.contacts.imports.service import ImportService

_RUN = "imports.run"
_FETCH = "imports.fetch"
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


def register_files(app: App, files: FileFetcher) -> None:
    """Add the task that gets files."""

    @app.task(name=_FETCH, queue=_QUEUE)
    async def fetch(request: dict[str, Any]) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        import_id = await files.fetch(msgspec.convert(request, FileRequest))
        if import_id is not None:
            await start(app, import_id)


async def start_fetch(app: App, request: FileRequest) -> None:
    """Queue the download of a file. It is durable when this returns."""
    await app.configure_task(_FETCH, queue=_QUEUE).defer_async(request=msgspec.to_builtins(request))


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

"""Retention in the background, once an hour."""

from __future__ import annotations

import logging

from procrastinate import App

from syncom.retention.service import RetentionService

_log = logging.getLogger(__name__)


def register(app: App, retention: RetentionService) -> None:
    """Add the round to the runner. ``lock``: one at a time, however long the first one takes."""

    @app.periodic(cron="37 * * * *")
    @app.task(name="retention.apply", queue="upkeep", queueing_lock="retention.apply", lock="retention.apply")
    async def apply(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        del timestamp
        gone = await retention.apply()
        if gone.months or gone.rows:
            _log.info("not kept any longer: %s", gone)

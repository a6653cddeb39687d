"""Makes rollups of old facts in the background."""

from __future__ import annotations

from procrastinate import App

from syncom.activity.rollups.service import RollupsService


def register(app: App, rollups: RollupsService) -> None:
    """Add the tasks of the rollups to the runner."""

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="rollups.rebuild", queue="rollups", queueing_lock="rollups.rebuild")
    async def rebuild(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        """Day by day, until nothing is left: nearly always that is one look at an empty table."""
        del timestamp
        while await rollups.rebuild_next():
            pass

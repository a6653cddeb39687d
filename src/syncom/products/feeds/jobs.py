"""Product feeds that are due."""

from __future__ import annotations

from procrastinate import App

from syncom.products.feeds.service import FeedsService


def register(app: App, feeds: FeedsService) -> None:
    """Add the tasks of product feeds to the runner."""

    @app.periodic(cron="* * * * *")
    @app.task(name="products.read_feeds", queue="products", queueing_lock="products.read_feeds")
    async def read_feeds(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        del timestamp
        await feeds.run_due()

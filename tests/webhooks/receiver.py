"""Somebody's server on this machine that a webhook posts to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web


class Receiver:
    """Keeps what it was asked, and answers as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        #: Status of the next answers; the last one stays.
        self.statuses = [200]
        self.location = ""
        self.gets: list[dict[str, str]] = []
        self.posts: list[list[dict[str, Any]]] = []
        self.refused: list[list[dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Everything that was taken, in the order it came."""
        return [row for post in self.posts for row in post]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(row["activityStatus"], row["iid"]) for row in self.rows]

    async def handle(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.method == "GET":
            self.gets.append(headers)
        else:
            self.headers.append(headers)
            rows = msgspec.json.decode(await request.read())
            assert isinstance(rows, list)
            (self.posts if status == 200 else self.refused).append(rows)
        return web.Response(
            status=status, text="no such luck", headers={"Location": self.location} if self.location else None
        )


@asynccontextmanager
async def receiver() -> AsyncGenerator[Receiver]:
    found = Receiver()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/activity"
        yield found
    finally:
        await runner.cleanup()

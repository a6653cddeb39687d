"""Somebody's server on this machine that steps call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


class Peer:
    """Keeps what it was asked, and answers as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        #: Of the next answers; the last one stays.
        self.statuses = [200]
        self.answer: Any = {"taken": True}
        self.headers: dict[str, str] = {}
        self.asked: list[Asked] = []
        #: Answers wait for it.
        self.open = asyncio.Event()
        self.open.set()
        self.came = asyncio.Event()
        self.most_at_once = 0
        self._at_once = 0

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.path_qs, headers, await request.read()))
        self.came.set()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self.open.wait()
        finally:
            self._at_once -= 1
        return web.json_response(self.answer, status=status, headers=self.headers)


@asynccontextmanager
async def a_peer(host: str = "127.0.0.1") -> AsyncGenerator[Peer]:
    """``host``: another name makes another target."""
    peer = Peer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", peer.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    peer.url = f"http://{host}:{runner.addresses[0][1]}"
    try:
        yield peer
    finally:
        peer.open.set()
        await runner.cleanup()

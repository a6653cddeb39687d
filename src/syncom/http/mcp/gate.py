"""The MCP server, loaded when somebody asks for it: the SDK takes a second and some 40 MB that others need not pay."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from litestar.types import Receive, Scope, Send

from syncom.app import App


class McpGate:
    """The application at /mcp."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._server: Any = None
        self._loading = asyncio.Lock()
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._server is None:
            async with self._loading:
                if self._server is None:
                    self._server = await self._loaded()
        await self._server(scope, receive, send)

    async def close(self) -> None:
        """End what runs. The SDK wants to be ended by the task that began it."""
        self._stop.set()
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)

    async def _loaded(self) -> Any:
        module = await asyncio.to_thread(import_module, "syncom.http.mcp.app")
        server = module.McpServer(self._app)
        ready = asyncio.Event()
        self._running = asyncio.create_task(self._run(server, ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({self._running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.is_set():
            waiting.cancel()
            await self._running
        return server

    async def _run(self, server: Any, ready: asyncio.Event) -> None:
        async with server.run():
            ready.set()
            await self._stop.wait()

"""An HTTP gateway for SMS that behaves as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request that the gateway got."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway answers; ``drop`` cuts the connection instead, ``wait`` is seconds before it does anything."""

    status: int = 200
    body: bytes = b'{"id": "gw-1"}'
    headers: dict[str, str] = {}
    drop: bool = False
    wait: float = 0.0


OK = Reply()
Behave = Callable[[Asked, int], Reply]


class GatewayPeer:
    """Counts what it got, and over how many connections."""

    def __init__(self, behave: Behave | None = None) -> None:
        self.behave = behave or (lambda asked, number: OK)
        self.asked: list[Asked] = []
        #: Requests it took responsibility for (2xx answered).
        self.accepted: list[Asked] = []
        self.connections: set[tuple[str, int]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        self.asked.append(asked)
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        reply = self.behave(asked, len(self.asked))
        if reply.wait:
            await asyncio.sleep(reply.wait)
        if reply.drop:
            request.transport.abort()
            return web.Response()
        if 200 <= reply.status < 300:
            self.accepted.append(asked)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


@asynccontextmanager
async def running_gateway(behave: Behave | None = None, *, port: int = 0) -> AsyncIterator[GatewayPeer]:
    """The gateway, listening; ``port`` 0: on a free one."""
    peer = GatewayPeer(behave)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", peer.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    assert runner.addresses
    peer.port = runner.addresses[0][1]
    try:
        yield peer
    finally:
        await runner.cleanup()

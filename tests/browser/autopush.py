"""A push service as Firefox knows it: browsers hold a WebSocket open, whoever has an address posts to it.

Speaks what Firefox's PushServiceWebSocket speaks (subprotocol ``push-notification``): hello, register, unregister,
notification, ack. It checks the headers and the signature of what is posted (RFC 8030, 8292) and cannot read it.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from tests.messages.push.browser import vapid_claims
from tests.messages.sms.gateway_peer import Asked

#: A browser says so of a message that it has decrypted and handed to its service worker.
_DECRYPTED = 100


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the service took."""

    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any]


class Autopush:
    """The service. ``refuse`` may answer a post with a status of its own instead of taking it."""

    def __init__(self) -> None:
        self.port = 0
        self.refuse: Callable[[Posted], int] = lambda posted: 0
        self.posted: list[Posted] = []
        #: Codes that browsers acknowledged messages with, in their order.
        self.acknowledged: asyncio.Queue[int] = asyncio.Queue()
        #: Public keys by channel.
        self.keys: dict[str, str] = {}
        self._numbers = count(1)
        self._agent = 1
        self._socket: web.WebSocketResponse | None = None

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    async def forget_browser(self) -> None:
        """Subscriptions of the browser are gone: it gets another name when it comes back, and renews them."""
        self._agent += 1
        self.keys.clear()
        if self._socket is not None:
            await self._socket.close()

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("push-notification",))
        await socket.prepare(request)
        self._socket = socket
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            answer = self._answer(json.loads(message.data))
            if answer is not None:
                await socket.send_json(answer)
        return socket

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        kind = asked.get("messageType")
        if kind is None:
            return {}  # a ping
        if kind == "hello":
            return {"messageType": "hello", "status": 200, "uaid": f"{self._agent:032x}", "use_webpush": True}
        if kind == "register":
            channel = asked["channelID"]
            self.keys[channel] = asked["key"]
            endpoint = f"http://127.0.0.1:{self.port}/push/{channel}"
            return {"messageType": "register", "channelID": channel, "status": 200, "pushEndpoint": endpoint}
        if kind == "unregister":
            self.keys.pop(asked["channelID"], None)
            return {"messageType": "unregister", "channelID": asked["channelID"], "status": 200}
        for update in asked.get("updates", []):
            self.acknowledged.put_nowait(update.get("code", _DECRYPTED))
        return None

    async def take(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]
        key = self.keys.get(channel)
        if key is None or self._socket is None:
            return web.Response(status=410, text="no such subscription")
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(method="POST", path=request.path, query={}, headers=headers, body=await request.read())
        # Firefox tells the key in the form it got it in, which may be padded.
        posted = Posted(headers=headers, body=asked.body, claims=vapid_claims(asked, key.rstrip("=")))
        status = self.refuse(posted)
        if status:
            return web.Response(status=status)
        self.posted.append(posted)
        await self._socket.send_json(
            {
                "messageType": "notification",
                "channelID": channel,
                "version": f"v{next(self._numbers)}",
                "data": urlsafe_b64encode(posted.body).rstrip(b"=").decode(),
                "headers": {"encoding": headers["content-encoding"]},
            }
        )
        return web.Response(status=201, headers={"Location": f"http://127.0.0.1:{self.port}/message/{channel}"})


@asynccontextmanager
async def running_autopush() -> AsyncIterator[Autopush]:
    service = Autopush()
    app = web.Application()
    app.router.add_get("/", service.listen)
    app.router.add_post("/push/{channel}", service.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.port = runner.addresses[0][1]
    try:
        yield service
    finally:
        await runner.cleanup()

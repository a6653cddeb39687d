"""The dev inbox of an account, and the sender that works for whoever waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncom.app import App
from syncom.inbox.server import InboxServer
from syncom.messages.channels.email.model import Security
from syncom.messages.model import SenderConfig, SenderRole
from syncom.messages.senders import SenderInput
from tests.messages.house import sending


@asynccontextmanager
async def inbox_of(app: App, account_id: int) -> AsyncIterator[InboxServer]:
    """The dev inbox, and a sender of the shop into it: "Shop" <info@shop.example>."""
    server = InboxServer(app.inbox, port=0)
    await server.start()
    config = SenderConfig(host="127.0.0.1", port=server.port, security=Security.PLAIN, max_connections=2, timeout=5.0)
    given = SenderInput(name="shop", from_email="info@shop.example", from_name="Shop", config=config)
    await app.senders.add(account_id, given)
    yield server
    await server.stop()


@asynccontextmanager
async def delivery(app: App) -> AsyncIterator[None]:
    """The express sender of the installation at work."""
    async with sending(app.sending_loop(SenderRole.EXPRESS)):
        yield

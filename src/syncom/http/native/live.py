"""/live: what changes in the account, as it happens, over server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, Final

import msgspec
from litestar import Request, get
from litestar.handlers import BaseRouteHandler
from litestar.response import Stream
from litestar.types import Scope

from syncom.accounts.model import Permission, Principal
from syncom.errors import SyncomError
from syncom.http.authentication import Authentication
from syncom.http.headers import header
from syncom.http.native.given import By, Live, Signing
from syncom.http.native.routing import needs
from syncom.live.model import Change, Kind
from syncom.live.service import LiveService

#: Seconds between signs of life, and between looks whether the session is still good.
HEARTBEAT: Final = 20.0

#: Who may hear of what: those who may read it.
_MAY_HEAR: Final[Mapping[Kind, Permission]] = MappingProxyType(
    {
        Kind.ACCOUNT: Permission.READ_ACCOUNT,
        Kind.CAMPAIGN: Permission.READ_CAMPAIGNS,
        Kind.WORKFLOW: Permission.READ_CAMPAIGNS,
        Kind.SEGMENT: Permission.READ_CONTACTS,
        Kind.TEMPLATE: Permission.READ_CONTENT,
        Kind.FORM: Permission.READ_CONTACTS,
        Kind.SENDER: Permission.READ_SETTINGS,
        Kind.CONTACT_IMPORT: Permission.READ_CONTACTS,
        Kind.PRODUCT_FEED: Permission.READ_SETTINGS,
        Kind.PULL: Permission.READ_SETTINGS,
        Kind.CONNECTION: Permission.READ_SETTINGS,
        Kind.INBOX: Permission.OPERATE,
    }
)
_STREAM: Final = "text/event-stream"
_HEADERS: Final = {
    # No proxy may compress it: that would hold events back, as gathering them would.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


@get("/live", tags=["Live updates"], opt=needs(Permission.SIGNED_IN), media_type=_STREAM)
async def live_updates(request: Request[Any, Any, Any], by: By, live: Live, authentication: Signing) -> Stream:
    """What changes in the account, as it happens: `event: changed` with the kind and the id, never the thing itself.

    `event: reset` says that anything may have changed: after a reconnection, or when this stream was too slow. A
    comment comes every 20 seconds. The stream ends with the session or the key, and when the server stops.
    """
    live.check_room(by.account_id)
    return Stream(_events(request.scope, by, live, authentication), media_type=_STREAM, headers=_HEADERS)


async def _events(
    scope: Scope, by: Principal, live: LiveService, authentication: Authentication
) -> AsyncGenerator[bytes]:
    time = asyncio.get_running_loop().time
    numbers = count(1)
    async with live.watch(by.account_id) as watcher:
        # At once: the browser learns that the stream is open, and a proxy that it is one.
        yield b"retry: 3000\n: open\n\n"
        if header(scope, b"last-event-id"):
            yield _event(numbers, "reset", {})
        checked = time()
        while not watcher.closed:
            changes = await watcher.changes(max(0.0, checked + HEARTBEAT - time()))
            if time() - checked >= HEARTBEAT:
                try:
                    by = await authentication.again(scope)
                except SyncomError:
                    return
                checked = time()
                yield b": alive\n\n"
            if changes is None:
                yield _event(numbers, "reset", {})
                continue
            told = b"".join(_changed(numbers, change) for change in changes if _MAY_HEAR[change.kind] in by.permissions)
            if told:
                yield told


def _changed(numbers: Iterator[int], change: Change) -> bytes:
    return _event(numbers, "changed", {"kind": change.kind.value, "id": change.id})


def _event(numbers: Iterator[int], name: str, data: dict[str, str | None]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (next(numbers), name.encode(), msgspec.json.encode(data))


HANDLERS: list[BaseRouteHandler | Any] = [live_updates]

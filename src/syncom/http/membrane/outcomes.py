"""How connecting ended, for the browser program that waits for it (membrane-api, 6.6): over a stream of its own, and
from the last page to the page that opened it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any, Final, cast

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.connect.connections.model import ConnectionRequest, RequestStatus
from syncom.connect.model import Caller, Connection, Fault
from syncom.errors import Forbidden, Invalid, NotFound
from syncom.http.membrane.errors import bearer_token
from syncom.http.membrane.method import Call, Edge, Mount, Query
from syncom.http.membrane.views import Views
from syncom.http.pages.page import send_bytes

_SOURCE: Final = "integration.app"
SCRIPT: Final = "/membrane/screens/outcome.js"
#: Seconds: as long as a request lives, and how often a stream says that it is alive.
_LIMIT: Final = 3600.0
_KEEP_ALIVE: Final = 15.0
_OWN_ID: Final = re.compile(r"[0-9a-f]{24}")
_LONGEST_TOKEN: Final = 16 * 1024
_LATE: Final = Fault(type="bad_request", key="request_expired", message="nobody followed the link in time")
_STREAM: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # Proxies that gather answers would hold the one event back.
    (b"x-accel-buffering", b"no"),
]


def success(request_id: str, connection: object) -> dict[str, Any]:
    """The message about a connection that works."""
    return {
        "source": _SOURCE,
        "requestId": request_id,
        "type": "newConnectionCreated",
        "connection": connection,
    }


def failure(request_id: str, fault: Fault, connection_id: str | None = None) -> dict[str, Any]:
    """The message about a connection that does not."""
    about = {"connectionId": connection_id} if connection_id is not None else {}
    return {
        "source": _SOURCE,
        "requestId": request_id,
        "type": "newConnectionFailure",
        "error": fault.message,
        "errorData": {"type": fault.type, "key": fault.key, "message": fault.message},
        **about,
    }


def name_of(request: ConnectionRequest) -> str:
    """What whoever waits calls the request."""
    return request.wishes.browser_request or request.request_id


def public_members(connection: Connection) -> dict[str, Any]:
    """What any page may know of a connection: which it is, and that it works."""
    return {
        "id": connection.connection_id,
        "key": connection.key,
        "name": connection.name,
        "tenantId": connection.tenant_id,
        "userId": connection.tenant_id,
        "connectorId": connection.connector_id,
        "connectorKey": connection.connector_key,
        "state": connection.state.value,
        "connected": connection.connected,
        "disconnected": not connection.connected,
    }


def told_to_opener(message: Mapping[str, Any], origin: str | None) -> str:
    """A piece of the last page that tells the page which opened it: only the one at ``origin`` where it is known."""
    data = escape(msgspec.json.encode(message).decode())
    to = escape(origin or "*")
    return f'<div id="outcome" data-message="{data}" data-origin="{to}"></div><script src="{SCRIPT}" defer></script>'


class Outcomes:
    """``/membrane/sse/connection-events/{requestId}``."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._connections = edge.app.connections

    async def stream(self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """One event when the request ends, and the end of the stream. Raises Unauthorized, Forbidden, NotFound."""
        name = path["request_id"]
        by = await self._caller(scope)
        if not name or len(name) > 200 or not name.isprintable():
            raise Invalid("requestId", "is not the name of a request")
        if _OWN_ID.fullmatch(name):
            # A name that a browser chose may become known later; an id of ours is known or never will be.
            await self._known(by, name)
        waiting = asyncio.create_task(self._connections.watch.settled(by.account_id, by.tenant(), name))
        leaving = asyncio.create_task(_left(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
            await _write(send, b": waiting\n\n")
            async with asyncio.timeout(_LIMIT):
                while not await _first(waiting, leaving):
                    await _write(send, b": keep-alive\n\n")
            # Cancelled: the server stops. The browser comes again by itself.
            if waiting.done() and not waiting.cancelled():
                message = await self._message(by, name, waiting.result(), scope)
                await _write(send, b"data: " + msgspec.json.encode(message) + b"\n\n")
        except TimeoutError:
            pass
        finally:
            waiting.cancel()
            leaving.cancel()
            await asyncio.gather(waiting, leaving, return_exceptions=True)
        await send(cast("Any", {"type": "http.response.body", "body": b"", "more_body": False}))

    async def _caller(self, scope: Scope) -> Caller:
        """A tenant, by the token of the address: a browser's stream has no headers of its own."""
        token = Query(scope.get("query_string", b"")).text("token", longest=_LONGEST_TOKEN) or bearer_token(scope)
        by = await self._edge.app.tenants.authenticate(token)
        by.tenant()
        if by.restrictions.connections is not None:
            raise Forbidden("this token is for chosen connections, and may not wait for others")
        return by

    async def _known(self, by: Caller, name: str) -> None:
        try:
            await self._connections.requests.get(name, account_id=by.account_id, tenant_id=by.tenant())
        except NotFound:
            if not await self._connections.requests.is_named(by, name):
                raise

    async def _message(self, by: Caller, name: str, request: ConnectionRequest, scope: Scope) -> dict[str, Any]:
        connection_id = request.result_connection_id
        if request.status is not RequestStatus.SUCCESS or connection_id is None:
            return failure(name, request.result_fault or _LATE, request.connection_id)
        call: Call[None] = Call(
            app=self._edge.app,
            jobs=self._edge.jobs,
            by=by,
            path={},
            query=Query(b""),
            body=None,
            raw=b"",
            scope=scope,
        )
        try:
            connection = await self._connections.get(by, connection_id)
        except NotFound:
            gone = Fault(type="not_found", key="not_found", message="the connection was removed meanwhile")
            return failure(name, gone, connection_id)
        return success(name, await Views(call).connection(connection))


async def send_script(scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
    """What the last page runs."""
    cached = [(b"cache-control", b"public, max-age=300")]
    await send_bytes(send, _script(), b"text/javascript; charset=utf-8", headers=cached)


@cache
def _script() -> bytes:
    return resources.files("syncom.http.membrane").joinpath("outcome.js").read_bytes()


async def _first(waiting: asyncio.Task[ConnectionRequest], leaving: asyncio.Task[None]) -> bool:
    """Whether one of them is done, within the time after which a stream says that it is alive."""
    done, _ = await asyncio.wait({waiting, leaving}, timeout=_KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


async def _left(receive: Receive) -> None:
    """Return when the browser is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, data: bytes) -> None:
    await send(cast("Any", {"type": "http.response.body", "body": data, "more_body": True}))


_GET: Final = frozenset({"GET"})

MOUNTS: Final = (
    Mount("/sse/connection-events/{request_id}", lambda edge: Outcomes(edge).stream, verbs=_GET),
    Mount(SCRIPT.removeprefix("/membrane"), lambda _: send_script, verbs=_GET, cors=False),
)

"""The proxy: any call to an app with a connection's credentials, streamed both ways (membrane-api, 6.8).

Plain ASGI applications, mounted beside the methods: a framework's streaming answers cost more than all the rest.
``ANY /connections/{selector}/proxy/{path}`` and its older form ``/api/{path}`` pass a request on as it is;
``POST /connections/{selector}/request`` takes it as JSON. The answer is the app's: its status, headers and body, with a
header ``x-membrane-upstream: 1`` that tells it from ours. Redirects are passed on and never followed.

What may call over which connection is looked up again after two seconds, so a revoked connection ends within these;
tokens are checked at every call.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from functools import lru_cache
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import quote

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.clock import Clock
from syncom.connect.model import Authorisation, Caller, Connection, Restrictions
from syncom.connect.runs.building import own_headers, plain_pairs
from syncom.connect.transport.doubts import Doubts
from syncom.connect.transport.pinned import TimedOut
from syncom.connect.transport.service import HOP_BY_HOP, Response, Target, Transport
from syncom.errors import Forbidden, Invalid, NotFound
from syncom.http.headers import UPSTREAM, request_id_of
from syncom.http.membrane.errors import ErrorObject, bearer_token
from syncom.http.membrane.method import Edge, Mount, Refused
from syncom.http.problems import Malformed, TooLarge
from syncom.outbound import Unreachable

_log = logging.getLogger(__name__)

#: membrane-api, 15: item 29.
METHODS: Final = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"})
_READING: Final = frozenset({"GET", "HEAD"})
#: Bytes of a body that are kept, so that it can be sent again with renewed credentials.
_KEPT_BODY: Final = 1024 * 1024
#: Bytes of a request given as JSON.
_MAX_ENVELOPE: Final = 10 * 1024 * 1024
#: Seconds that an app may be silent.
SECONDS: Final = 60.0
#: Seconds for which a connection and its credentials are believed.
_LIFE: Final = 2.0
_MAX_ROUTES: Final = 10_000
#: After so many bytes of an answer, somebody watches whether the caller is still there.
_WATCHED_FROM: Final = 512 * 1024

#: Of the caller's way to us, not of ours to the app.
_NOT_FORWARDED: Final = HOP_BY_HOP | {
    "api-version",
    "authorization",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "membrane-api-version",
    "x-membrane-session-id",
    "x-real-ip",
    "x-request-id",
}
#: Of the app's own origin: said by this server, they would be about this server. The server sets its own date.
_NOT_RETURNED: Final = HOP_BY_HOP | {
    "alt-svc",
    "clear-site-data",
    "content-security-policy",
    "content-security-policy-report-only",
    "date",
    "expect-ct",
    "nel",
    "public-key-pins",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
}
_FULL: Final = re.compile(r"https?://", re.IGNORECASE)
_HOLE: Final = re.compile(r"\{([^{}/]{1,200})\}|(?<=/):([A-Za-z_][A-Za-z0-9_]{0,100})")

Pairs = list[tuple[str, str]]
Body = bytes | AsyncIterator[bytes] | None


class Connections(Protocol):
    """What is needed of connections."""

    async def get(self, caller: Caller, selector: str) -> Connection: ...
    async def authorise(self, connection: Connection) -> Authorisation: ...
    async def refused(self, connection: Connection, seen: Authorisation) -> Authorisation | None: ...


class Tenants(Protocol):
    """What is needed of tenants."""

    async def authenticate(self, token: str) -> Caller: ...
    def known(self, token: str) -> Caller | None: ...


class _Way(msgspec.Struct, frozen=True):
    """A connection with what its requests are made with, for a few seconds."""

    connection: Connection
    target: Target
    until: float


Found = TypeVar("Found")


class _Once(Generic[Found]):
    """Look-ups under way: whoever asks for the same meanwhile waits for the one answer."""

    def __init__(self) -> None:
        self._pending: dict[Hashable, asyncio.Future[Found]] = {}

    async def ask(self, key: Hashable, look_up: Callable[[], Awaitable[Found]]) -> Found:
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = asyncio.ensure_future(look_up())
            pending.add_done_callback(lambda done: self._answered(key, done))
        # One who goes away must not end it for the others.
        return await asyncio.shield(pending)

    def _answered(self, key: Hashable, done: asyncio.Future[Found]) -> None:
        self._pending.pop(key, None)
        if not done.cancelled():
            # Those who waited got it; nobody else has to.
            done.exception()


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request to pass on."""

    method: str
    path: str
    headers: Pairs
    query: Pairs
    body: Body
    #: Bytes of a streamed body, when they are known.
    length: int | None


class Proxy:
    """Passes requests on."""

    def __init__(
        self, tenants: Tenants, connections: Connections, transport: Transport, doubts: Doubts, clock: Clock
    ) -> None:
        self._tenants = tenants
        self._connections = connections
        self._transport = transport
        self._doubts = doubts
        self._clock = clock
        self._ways: dict[Hashable, _Way] = {}
        self._asked_ways: _Once[_Way] = _Once()
        self._asked_callers: _Once[Caller] = _Once()

    async def forward(self, scope: Scope, receive: Receive, send: Send, members: Mapping[str, str]) -> None:
        """``ANY …/proxy/{rest*}``. Raises what becomes an error object, before the answer began."""
        caller = await self._caller(scope)
        method = str(scope.get("method", ""))
        _check(caller.restrictions, method)
        headers, length, streamed = _forwarded(scope)
        body = await _body(receive, length) if streamed else None
        call = _Call(
            method=method,
            path=_path(scope),
            headers=headers,
            query=[],
            body=body,
            length=length,
        )
        await self._pass_on(caller, members["selector"], call, scope, receive, send)

    async def envelope(self, scope: Scope, receive: Receive, send: Send, members: Mapping[str, str]) -> None:
        """``POST …/request``: ``{path, method?, pathParameters?, query?, headers?, data?}``."""
        caller = await self._caller(scope)
        call = _unwrapped(await _whole(receive))
        _check(caller.restrictions, call.method)
        await self._pass_on(caller, members["selector"], call, scope, receive, send)

    # ------------------------------------------------------------ who, over what

    async def _caller(self, scope: Scope) -> Caller:
        token = bearer_token(scope)
        known = self._tenants.known(token)
        if known is not None:
            return known
        return await self._asked_callers.ask(token, lambda: self._tenants.authenticate(token))

    async def _way(self, caller: Caller, selector: str) -> tuple[Hashable, _Way]:
        key = (caller.account_id, caller.kind.value, caller.tenant_id, caller.restrictions.connections, selector)
        way = self._ways.get(key)
        if way is None or way.until <= self._clock.monotonic():
            way = await self._asked_ways.ask(key, lambda: self._looked_up(key, caller, selector))
        return key, way

    async def _looked_up(self, key: Hashable, caller: Caller, selector: str) -> _Way:
        connection = await self._connections.get(caller, selector)
        if connection.archived_at is not None:
            raise NotFound("connection", selector)
        return await self._keep(key, connection, await self._connections.authorise(connection))

    async def _keep(self, key: Hashable, connection: Connection, authorisation: Authorisation) -> _Way:
        target = await self._transport.target(connection, authorisation)
        if len(self._ways) >= _MAX_ROUTES:
            self._ways.clear()
        way = self._ways[key] = _Way(connection, target, self._clock.monotonic() + _LIFE)
        return way

    # ------------------------------------------------------------ there and back

    async def _pass_on(
        self, caller: Caller, selector: str, call: _Call, scope: Scope, receive: Receive, send: Send
    ) -> None:
        key, way = await self._way(caller, selector)
        try:
            # A streamed body is gone once it was sent: the app's 401 is the answer.
            renewed = await self._attempt(caller, way, call, receive, send, may_renew=not _is_stream(call.body))
            if renewed is not None:
                way = await self._keep(key, way.connection, renewed)
                await self._attempt(caller, way, call, receive, send, may_renew=False)
        except Unreachable as error:
            await _send_trouble(send, error)
        except _CutOff as error:
            # Half of an answer is out. Without its end the server closes the connection, so nobody takes it for whole.
            _log.warning("request %s: the answer of an app is cut off: %s", request_id_of(scope), error)

    async def _attempt(
        self, caller: Caller, way: _Way, call: _Call, receive: Receive, send: Send, *, may_renew: bool
    ) -> Authorisation | None:
        """Send the request and pass the answer back; or give other credentials with which to try again."""
        response = await self._transport.send(
            way.target,
            call.method,
            call.path,
            headers=call.headers,
            query=call.query,
            body=call.body,
            length=call.length,
            seconds=SECONDS,
        )
        try:
            if response.status == 401:
                # Also after a streamed body, for whoever calls next.
                seen = way.target.authorisation
                renewed = await self._connections.refused(way.connection, seen)
                if renewed is not None and may_renew:
                    return renewed
                if renewed is None or renewed.generation == seen.generation:
                    self._doubts.refused(caller, way.connection, seen)
            await _answer(response, call.method, receive, send)
            return None
        finally:
            await response.close()


def _check(restrictions: Restrictions, method: str) -> None:
    if method not in METHODS:
        allowed = ", ".join(sorted(METHODS))
        raise Refused(405, f"The proxy does not pass {method} on", key="method_not_allowed", headers={"Allow": allowed})
    if restrictions.actions is not None:
        raise Forbidden("this token may run chosen actions only, and has no proxy")
    if restrictions.read_only and method not in _READING:
        raise Forbidden("this token may only read: GET and HEAD")


def _is_stream(body: Body) -> bool:
    return body is not None and not isinstance(body, bytes)


# ---------------------------------------------------------------- requests


def _path(scope: Scope) -> str:
    """The rest of the path as it was written, with its query."""
    raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
    # /membrane/connections/{selector}/proxy/{rest}
    pieces = raw.split("/", 5)
    rest = pieces[5] if len(pieces) > 5 else ""
    path = rest if _FULL.match(rest) else f"/{rest}" if len(pieces) > 5 else ""
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _forwarded(scope: Scope) -> tuple[Pairs, int | None, bool]:
    """Headers for the app; the length of the body when it is known; whether there is a body."""
    headers: Pairs = []
    named: set[str] = set()
    length: int | None = None
    streamed = False
    for raw_name, raw_value in scope["headers"]:
        name = _forwarded_name(raw_name)
        if name:
            headers.append((name, raw_value.decode("latin-1")))
        elif raw_name == b"content-length":
            length = int(raw_value) if raw_value.isdigit() else None
            streamed = streamed or length != 0
        elif raw_name == b"transfer-encoding":
            streamed = True
        elif raw_name == b"connection":
            named.update(part.strip().lower() for part in raw_value.decode("latin-1").split(","))
    if named:
        headers = [pair for pair in headers if pair[0] not in named]
    return headers, length, streamed


@lru_cache(maxsize=1024)
def _forwarded_name(raw: bytes) -> str:
    """The name of a header for the app; empty when it stays here."""
    name = raw.decode("latin-1")
    return "" if name in _NOT_FORWARDED or name.startswith("x-forwarded-") else name


async def _body(receive: Receive, length: int | None) -> Body:
    """A small body as a whole, so that it can be sent twice; a larger one as it comes."""
    if length is not None and length > _KEPT_BODY:
        return _pieces([], receive)
    pieces: list[bytes] = []
    size = 0
    while True:
        piece, more = await _piece(receive)
        pieces.append(piece)
        size += len(piece)
        if not more:
            return b"".join(pieces)
        if size > _KEPT_BODY:
            return _pieces(pieces, receive)


async def _pieces(begun: list[bytes], receive: Receive) -> AsyncIterator[bytes]:
    for piece in begun:
        yield piece
    begun.clear()
    more = True
    while more:
        piece, more = await _piece(receive)
        if piece:
            yield piece


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise Malformed("the request was cut off")
    return message.get("body", b""), message.get("more_body", False)


async def _whole(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        piece, more = await _piece(receive)
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_ENVELOPE:
            raise TooLarge(f"a request as JSON may have {_MAX_ENVELOPE} bytes; the proxy path streams any length")
    return b"".join(pieces)


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    path: str
    method: str = "GET"
    path_parameters: dict[str, str | int | float | bool] = {}
    query: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    data: Any = msgspec.UNSET


_read_envelope = msgspec.json.Decoder(_Envelope).decode


def _unwrapped(raw: bytes) -> _Call:
    """The request that an envelope describes. Raises msgspec's error naming the member, Invalid."""
    given = _read_envelope(raw)
    headers = [
        (name.lower(), value)
        for name, value in own_headers(plain_pairs(given.headers, "headers"))
        if name.lower() not in _NOT_FORWARDED and not name.lower().startswith("x-forwarded-")
    ]
    body, media = _data(given.data)
    if body is not None and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", media))
    path, query = _placed(given.path, given.path_parameters), plain_pairs(given.query, "query")
    return _Call(method=given.method.upper(), path=path, headers=headers, query=query, body=body, length=None)


def _data(data: Any) -> tuple[bytes | None, str]:
    """A text is sent as it is written, anything else as JSON."""
    if data is msgspec.UNSET:
        return None, ""
    if not isinstance(data, str):
        return msgspec.json.encode(data), "application/json"
    body = data.encode("utf-8", "replace")
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return body, "text/plain; charset=utf-8"
    return body, "application/json"


def _placed(path: str, parameters: Mapping[str, Any]) -> str:
    """``/users/{id}`` and ``/users/:id`` with their parameters, each percent-encoded as one segment."""
    if not parameters:
        return path
    path, mark, query = path.partition("?")
    used: set[str] = set()

    def filled(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in parameters:
            return match[0]
        used.add(name)
        value = parameters[name]
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not text:
            raise Invalid(f"pathParameters.{name}", "must not be empty")
        return quote(text, safe="", errors="replace")

    made = _HOLE.sub(filled, path)
    unused = sorted(set(parameters) - used)
    if unused:
        raise Invalid(f"pathParameters.{unused[0]}", "has no place in the path: write {name} there")
    return made + mark + query


# ---------------------------------------------------------------- answers


class _CutOff(Exception):
    """The app's answer ended in the middle, after it began to be passed on."""


async def _answer(response: Response, method: str, receive: Receive, send: Send) -> None:
    """Pass the app's answer on, as fast as the caller reads it. Raises _CutOff."""
    headers, length = _returned(response)
    bodiless = method == "HEAD" or response.status in (204, 304) or length == 0
    # The first piece before the head: an answer that breaks off at once is told as an error.
    piece = None if bodiless else await response.read()
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    size = 0
    watch: asyncio.Task[None] | None = None
    try:
        while piece is not None:
            size += len(piece)
            last = size == length
            await send({"type": "http.response.body", "body": piece, "more_body": not last})
            if last:
                return
            if watch is None and size > _WATCHED_FROM:
                watch = asyncio.create_task(_gone(receive))
            if watch is not None and watch.done():
                raise _CutOff("the caller went away")
            piece = await response.read()
        if length is None or bodiless or size == length:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except Unreachable as error:
        raise _CutOff(error.message) from error
    finally:
        if watch is not None:
            watch.cancel()


def _returned(response: Response) -> tuple[list[tuple[bytes, bytes]], int | None]:
    """Headers for the caller, and the length of the body when it is known."""
    headers: list[tuple[bytes, bytes]] = []
    named: set[bytes] = set()
    length: int | None = None
    for name, value in response.raw_headers:
        if _is_returned(name):
            if name == b"content-length":
                length = int(value) if value.isdigit() else None
            headers.append((name, value))
        elif name == b"connection":
            named.update(part.strip().lower() for part in value.split(b","))
    if named - {b"keep-alive", b"close"}:
        headers = [pair for pair in headers if pair[0] not in named]
    headers.append(UPSTREAM)
    return headers, length


@lru_cache(maxsize=1024)
def _is_returned(raw: bytes) -> bool:
    name = raw.decode("latin-1")
    return name not in _NOT_RETURNED and not name.startswith("access-control-")


async def _gone(receive: Receive) -> None:
    """Until the caller goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_trouble(send: Send, error: Unreachable) -> None:
    """The app gave no answer: an error of the connection, which is no answer of ours (RFC 9110, 15.6.3 and 15.6.5)."""
    body = msgspec.json.encode(ErrorObject(type="connection", key=error.code, message=error.message))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    status = 504 if isinstance(error, TimedOut) else 502
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


# ---------------------------------------------------------------- where it is mounted


def proxy_mounts(made: Callable[[Edge], Proxy]) -> tuple[Mount, ...]:
    """The mounts of the proxy that ``made`` gives."""
    return (
        Mount("/connections/{selector}/proxy/{rest*}", lambda edge: made(edge).forward),
        Mount("/connections/{selector}/api/{rest*}", lambda edge: made(edge).forward),
        Mount("/connections/{selector}/request", lambda edge: made(edge).envelope, verbs=frozenset({"POST"})),
    )


def _of_app(edge: Edge) -> Proxy:
    app = edge.app
    return Proxy(app.tenants, app.connections, app.transport, app.doubts, app.clock)


MOUNTS: Final = proxy_mounts(_of_app)

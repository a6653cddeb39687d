"""The ASGI application under /api: finds the method, checks the caller and the body, shapes answers and errors.

The order of checks is that of the eSputnik reference, 2.6: 401, 404 of the path, 405, 403, 429, 415, 400, 409, 404.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import lru_cache
from typing import Any, Final, cast

import msgspec
import psycopg
from litestar.types import Receive, Scope, Send
from procrastinate import App as JobRunner

from syncom.accounts.model import Compat, Principal, Role
from syncom.app import App
from syncom.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    SyncomError,
    Unauthorized,
    Unavailable,
    Upstream,
)
from syncom.http.authentication import Authentication
from syncom.http.body import read_body
from syncom.http.esputnik import (
    account,
    activity,
    addressbooks,
    broadcasts,
    bulk,
    channel_messages,
    contacts,
    email_messages,
    events,
    groups,
    interactions,
    orders,
    promocodes,
    recommendations,
    senders,
    sends,
    sites,
    subscribing,
    texts,
    tokens,
    webpush,
    workflows,
)
from syncom.http.esputnik.lenient import BodyReader
from syncom.http.esputnik.method import (
    EMPTY,
    Answer,
    Call,
    Method,
    Query,
    Refused,
    RequestHeaders,
    Sentence,
    Text,
    reason_phrase,
)
from syncom.http.esputnik.repeats import claimed
from syncom.http.headers import request_id_of
from syncom.http.problems import Malformed, TooLarge
from syncom.pacing import Attempts

_log = logging.getLogger(__name__)

#: What pages report: so many at once from an address, and so many a second. A household may share one.
_VISITS: Final = 300
_VISITS_A_SECOND: Final = 20

#: Every method there is. A module that serves methods is listed here.
METHODS: Final[tuple[Method, ...]] = (
    *account.METHODS,
    *activity.METHODS,
    *addressbooks.METHODS,
    *broadcasts.METHODS,
    *bulk.METHODS,
    *channel_messages.METHODS,
    *contacts.METHODS,
    *email_messages.METHODS,
    *events.METHODS,
    *groups.METHODS,
    *interactions.METHODS,
    *orders.METHODS,
    *promocodes.METHODS,
    *recommendations.METHODS,
    *senders.METHODS,
    *sends.METHODS,
    *sites.METHODS,
    *subscribing.METHODS,
    *texts.METHODS,
    *tokens.METHODS,
    *webpush.METHODS,
    *workflows.METHODS,
)
PREFIX: Final = "/api"

RawHeaders = tuple[tuple[bytes, bytes], ...]

_JSON: Final = b"application/json;charset=UTF-8"
_PLAIN: Final = b"text/plain;charset=UTF-8"
#: Callers in browsers authorise with a header and never with a cookie, so any origin may ask. Browsers say that they
#: are (Fetch standard, 3.2.1: Origin); to others these headers mean nothing, and each costs the server a microsecond.
_CORS: Final[RawHeaders] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET, PUT, OPTIONS, DELETE"),
    (b"access-control-max-age", b"3600"),
    (
        b"access-control-allow-headers",
        (
            b"Content-Type, Accept, Content-Range, Content-Disposition, Content-Description, X-Requested-With, "
            b"remember-me, Authorization, ES-TOKEN"
        ),
    ),
    (b"access-control-expose-headers", b"TotalCount, Retry-After, ES-TOKEN"),
)
_NO_CORS: Final[RawHeaders] = ()
_EMPTY_HEADERS: Final[RawHeaders] = ((b"content-length", b"0"),)
_EMPTY_BODY: Final[Any] = {"type": "http.response.body", "body": b"", "more_body": False}
_NOBODY: Final = Principal(account_id=0, role=Role.VIEWER, actor="nobody")
_TOO_MANY: Final = "Too many requests: More than 200 requests per 1 second"
_MAX_ID: Final = 2**63 - 1
_encode = msgspec.json.Encoder(decimal_format="number").encode


class _Error(msgspec.Struct, frozen=True, kw_only=True):
    """The error object (eSputnik reference, 2.6), in the form of Spring Boot."""

    timestamp: str
    status: int
    error: str
    message: str
    path: str


class _Route(msgspec.Struct, frozen=True, kw_only=True):
    """The methods of one path, by verb."""

    #: Segments of the path; a member in braces stands for anything.
    segments: tuple[str, ...]
    methods: dict[str, Method]


class EsputnikApi:
    """The application."""

    def __init__(
        self, app: App, authentication: Authentication, jobs: JobRunner, methods: Sequence[Method] = METHODS
    ) -> None:
        self._app = app
        self._jobs = jobs
        self._authentication = authentication
        self._exact: dict[str, _Route] = {}
        self._patterns: dict[int, list[_Route]] = {}
        for method in methods:
            self._add(method)
        self._readers = {
            (method.verb, method.path): BodyReader(method.body, keep_nulls=method.keep_nulls)
            for method in methods
            if method.body is not None
        }
        rate = app.settings.api_rate
        self._visits = Attempts(app.clock, burst=_VISITS, seconds=1 / _VISITS_A_SECOND)
        self._pace = Attempts(app.clock, burst=rate, seconds=1 / rate) if rate else None

    def _add(self, method: Method) -> None:
        segments = tuple(method.path.strip("/").split("/"))
        if "{" not in method.path:
            route = self._exact.setdefault(method.path, _Route(segments=segments, methods={}))
        else:
            routes = self._patterns.setdefault(len(segments), [])
            found = [route for route in routes if route.segments == segments]
            route = found[0] if found else _Route(segments=segments, methods={})
            if not found:
                routes.append(route)
        if method.verb in route.methods:
            raise ValueError(f"{method.verb} {method.path} is served twice")
        route.methods[method.verb] = method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        compat: frozenset[Compat] = frozenset()
        headers = RequestHeaders(scope["headers"])
        cors = _NO_CORS if headers.get("origin") is None else _CORS
        try:
            verb = str(scope.get("method", ""))
            verb = "GET" if verb == "HEAD" else verb
            if verb == "OPTIONS":
                await _send(send, 200, b"", None, {"Allow": "GET, POST, PUT, DELETE, OPTIONS"}, cors=_CORS)
                return
            path = scope["path"].removeprefix(PREFIX).rstrip("/")
            method, members = self._find(path, verb)
            if isinstance(method, Method) and method.public:
                by = _NOBODY
            else:
                by = await self._caller(scope, headers)
                compat = by.compat
            if isinstance(method, Refused):
                raise method
            value = await self._answer(method, members, by, scope, headers, receive)
            await _send_value(send, value, compat, cors)
        except Exception as error:  # noqa: BLE001 - the last stop of every request
            await self._refuse(error, scope, send, cors)

    async def _answer(
        self,
        method: Method,
        members: Mapping[str, str],
        by: Principal,
        scope: Scope,
        headers: Mapping[str, str],
        receive: Receive,
    ) -> object:
        if not method.public:
            by.require(method.scope.value)
        if method.by_address:
            self._visits.take(self._authentication.client_address(scope))
        if method.paced and self._pace is not None:
            self._pace.take(by.actor)
        charset = _charset(method, headers)
        raw = b"" if method.verb == "GET" else await read_body(receive, method.max_body)
        call: Call[Any] = Call(
            app=self._app,
            jobs=self._jobs,
            by=by,
            path={name: _member(name, value) for name, value in members.items()},
            query=Query(scope["query_string"]),
            body=self._read_body(method, raw, charset),
            raw=raw,
            headers=headers,
        )
        if not method.once:
            return await method.handler(call)
        async with claimed(self._app.database, by, method.verb, scope["path"].rstrip("/"), raw):
            return await method.handler(call)

    def _read_body(self, method: Method, raw: bytes, charset: str) -> Any:
        if method.body is None:
            return None
        if not raw.strip():
            if not method.body_optional:
                raise Refused(400, "Request body is missing")
            raw = b"{}"
        return self._readers[method.verb, method.path].read(raw, charset)

    def _find(self, path: str, verb: str) -> tuple[Method | Refused, dict[str, str]]:
        route = self._exact.get(path)
        members: dict[str, str] = {}
        if route is None:
            segments = tuple(path.strip("/").split("/"))
            for candidate in self._patterns.get(len(segments), ()):
                fitting = _members(candidate.segments, segments)
                if fitting is not None:
                    route, members = candidate, fitting
                    break
        if route is None:
            return Refused(404, "Method not found: see /docs for those there are"), {}
        method = route.methods.get(verb)
        if method is None:
            return Refused(405, "Method not allowed", headers={"Allow": ", ".join([*route.methods, "OPTIONS"])}), {}
        return method, members

    async def _caller(self, scope: Scope, headers: Mapping[str, str]) -> Principal:
        """Who asks: an API key as the password of Basic or as Bearer, or an account login by Basic."""
        authorization = headers.get("authorization")
        if authorization is None:
            raise Unauthorized("Authentication error")
        try:
            return await self._authentication.api_caller(scope, authorization)
        except Unauthorized:
            raise Unauthorized("Authentication error") from None

    async def _refuse(self, error: Exception, scope: Scope, send: Send, cors: RawHeaders) -> None:
        status, message, plain, headers = _refusal(error, scope)
        if plain:
            await _send(send, status, message.encode(), _PLAIN, headers, cors=cors)
            return
        now = self._app.clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
        answer = _Error(timestamp=now, status=status, error=reason_phrase(status), message=message, path=scope["path"])
        await _send(send, status, _encode(answer), _JSON, headers, cors=cors)


def _members(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    """Members of the path by name, when it fits the pattern."""
    members: dict[str, str] = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            members[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return members


def _member(name: str, value: str) -> int | str:
    if name.endswith(":text"):
        if "\0" in value or len(value) > 1000:
            raise Refused(400, f"'{name.removesuffix(':text')}' is not valid")
        return value
    if not (value.isascii() and value.isdigit() and len(value) < 20 and 0 < int(value) <= _MAX_ID):
        raise Refused(400, f"'{name}' must be a positive whole number")
    return int(value)


def _charset(method: Method, headers: Mapping[str, str]) -> str:
    """The charset of the body, when one is named. Raises Refused (415) for content that is not read here."""
    if method.body is None and not method.media:
        return ""
    return _charset_of(headers.get("content-type", ""), method.media, method.body is not None)


@lru_cache(maxsize=256)
def _charset_of(content_type: str, other_media: tuple[str, ...], takes_json: bool) -> str:
    media, _, rest = content_type.partition(";")
    media = media.strip().lower()
    if media and media not in other_media and not (takes_json and media.endswith("json")):
        raise Refused(415, "Unsupported media type")
    name, _, value = rest.partition("=")
    return value.strip().strip('"').lower() if name.strip().lower() == "charset" else ""


_STATUS: Final[dict[type[SyncomError], int]] = {
    Invalid: 400,
    Malformed: 400,
    Conflict: 400,
    NotFound: 404,
    TooLarge: 413,
    Upstream: 502,
}


def _refusal(error: Exception, scope: Scope) -> tuple[int, str, bool, dict[str, str]]:
    """Status, message, whether it is a bare sentence, headers."""
    if isinstance(error, Refused):
        return error.status, error.message, error.plain, dict(error.headers)
    if isinstance(error, Unauthorized):
        return 401, error.message, False, {"WWW-Authenticate": 'Basic realm="Syncom"'}
    if isinstance(error, Forbidden):
        return 403, f"Access denied: {error.message}", False, {}
    if isinstance(error, RateLimited):
        return 429, _TOO_MANY, False, {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, NotFound):
        return 404, f"{error.what.capitalize()} with id='{error.ident}' not found", False, {}
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status, error.message, False, {}
    if isinstance(error, (Unavailable, psycopg.OperationalError)):
        _log.warning("request %s waits for the database: %s", request_id_of(scope), error)
        return 503, "Service unavailable", False, {"Retry-After": "5"}
    _log.error("request %s failed", request_id_of(scope), exc_info=error)
    return 500, "Internal server error", False, {}


async def _send_value(send: Send, value: object, compat: frozenset[Compat], cors: RawHeaders) -> None:
    headers: Mapping[str, str] = {}
    status = 200
    if value is EMPTY and not compat:
        # The busiest answer there is: kept ready for those who are no browsers.
        empty = _EMPTY_HEADERS if cors is _NO_CORS else (*_EMPTY_HEADERS, *cors)
        await send({"type": "http.response.start", "status": 200, "headers": empty})
        await send(_EMPTY_BODY)
        return
    if isinstance(value, Answer):
        value, headers, status = value.value, value.headers, value.status
    as_json = Compat.JSON_SENTENCES in compat
    if value is EMPTY:
        await _send(send, 200, b"{}" if as_json else b"", _JSON if as_json else None, headers, cors=cors)
    elif isinstance(value, Sentence):
        body = _encode({"message": str(value)}) if as_json else str(value).encode()
        await _send(send, 200, body, _JSON, headers, cors=cors)
    elif isinstance(value, Text):
        await _send(send, 200, value.text.encode(), value.media.encode(), headers, cors=cors)
    else:
        await _send(send, status, _encode(value), _JSON, headers, cors=cors)


async def _send(
    send: Send, status: int, body: bytes, media: bytes | None, headers: Mapping[str, str], *, cors: RawHeaders
) -> None:
    raw = [(b"content-length", b"%d" % len(body)), *cors]
    if media is not None:
        raw.append((b"content-type", media))
    raw += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send(cast("Any", {"type": "http.response.body", "body": body, "more_body": False}))

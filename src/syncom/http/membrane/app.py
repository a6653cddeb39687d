"""The ASGI application under /membrane: finds the method, checks the caller and the body, shapes answers and errors.

A module that serves methods lists them in a table ``METHODS``, and the table is listed here; one that answers by
itself (streams, pages) gives ``MOUNTS``. Headers that name a version of the API are ignored (membrane-api, 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from litestar.types import Message, Receive, Scope, Send
from procrastinate import App as JobRunner

from syncom.app import App
from syncom.connect.model import Caller, CallerKind
from syncom.errors import Forbidden, Invalid
from syncom.http.authentication import Authentication
from syncom.http.body import read_body
from syncom.http.headers import header
from syncom.http.membrane import (
    absent,
    act,
    action_runs,
    actions,
    connect,
    connection_actions,
    connection_requests,
    connections,
    connectors,
    consent,
    customers,
    grants,
    identity,
    integrations,
    oauth,
    operations,
    outcomes,
    proxy,
    screens,
    search,
    well_known,
    workspaces,
)
from syncom.http.membrane.described import description_of
from syncom.http.membrane.errors import ErrorObject, bearer_token, refusal
from syncom.http.membrane.method import EMPTY, PREFIX, Call, Edge, Method, Mount, MountedRoute, Query, Raw, Refused, Who
from syncom.http.problems import Malformed

_SERVED: Final[tuple[Method, ...]] = (
    *absent.METHODS,
    *act.METHODS,
    *action_runs.METHODS,
    *actions.METHODS,
    *connect.METHODS,
    *connection_actions.METHODS,
    *connection_requests.METHODS,
    *connections.METHODS,
    *connectors.METHODS,
    *customers.METHODS,
    *grants.METHODS,
    *identity.METHODS,
    *integrations.METHODS,
    *operations.METHODS,
    *search.METHODS,
    *workspaces.METHODS,
)
#: Every method there is.
METHODS: Final = (*_SERVED, description_of(_SERVED))
#: Every part that answers by itself.
MOUNTS: Final[tuple[Mount, ...]] = (
    *consent.MOUNTS,
    *oauth.MOUNTS,
    *outcomes.MOUNTS,
    *proxy.MOUNTS,
    *screens.MOUNTS,
    *well_known.MOUNTS,
)

RawHeaders = tuple[tuple[bytes, bytes], ...]

#: Callers in browsers authorise with a header and never with a cookie, so any origin may ask (membrane-api, 15: 28).
_CORS: Final[RawHeaders] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"x-request-id, retry-after, www-authenticate, x-membrane-upstream"),
)
_PREFLIGHT: Final[RawHeaders] = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, membrane-api-version, api-version, mcp-protocol-version, mcp-session-id",
    ),
    (b"access-control-max-age", b"3600"),
)
_NO_CORS: Final[RawHeaders] = ()
_NOBODY: Final = Caller(account_id=0, kind=CallerKind.PERSON, workspace_key="", actor="nobody")
_MAX_MEMBER: Final = 500
_encode = msgspec.json.Encoder(decimal_format="number").encode

_Verbs = dict[str, Method]


class _Pattern:
    """A path with members such as ``{selector}``; its first segment is none. The last may be ``{rest*}``."""

    __slots__ = ("_fixed", "_rest", "first", "members", "segments")

    def __init__(self, path: str) -> None:
        self.segments = _segments(path)
        self.first = self.segments[0]
        if self.first.startswith("{"):
            raise ValueError(f"{path} begins with a member")
        last = self.segments[-1]
        #: The name of the member that stands for everything that follows.
        self._rest = last[1:-2] if last.endswith("*}") else ""
        ones = list(enumerate(self.segments))[: len(self.segments) - bool(self._rest)]
        self._fixed = tuple((place, text) for place, text in ones if not text.startswith("{"))
        self.members = tuple((place, text[1:-1]) for place, text in ones if text.startswith("{"))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Members of the path by name, when it fits."""
        many = len(self.segments)
        if len(segments) != many and not (self._rest and len(segments) >= many - 1):
            return None
        for place, text in self._fixed:
            if segments[place] != text:
                return None
        members = {name: segments[place] for place, name in self.members}
        if self._rest:
            members[self._rest] = "/".join(segments[many - 1 :])
        return members


class MembraneApi:
    """The application."""

    def __init__(
        self,
        app: App,
        authentication: Authentication,
        jobs: JobRunner,
        methods: Sequence[Method] = METHODS,
        mounts: Sequence[Mount] = MOUNTS,
    ) -> None:
        self._app = app
        self._jobs = jobs
        self._exact: dict[str, _Verbs] = {}
        #: By the number of segments and the first one.
        self._patterns: dict[tuple[int, str], list[tuple[_Pattern, _Verbs]]] = {}
        for method in methods:
            self._add(method)
        edge = Edge(app, jobs, authentication)
        #: By the first segment.
        self._mounts: dict[str, list[tuple[_Pattern, Mount, MountedRoute]]] = {}
        for mount in mounts:
            pattern = _Pattern(mount.path)
            self._mounts.setdefault(pattern.first, []).append((pattern, mount, mount.make(edge)))
        self._decoders = {
            (method.verb, method.path): msgspec.json.Decoder(method.body)
            for method in methods
            if method.body is not None
        }
        base = app.settings.base_url
        self._challenge = f'Bearer resource_metadata="{base}/.well-known/oauth-protected-resource{PREFIX}"'

    def _add(self, method: Method) -> None:
        if "{" not in method.path:
            verbs = self._exact.setdefault(method.path, {})
        else:
            pattern = _Pattern(method.path)
            routes = self._patterns.setdefault((len(pattern.segments), pattern.first), [])
            found = [verbs for known, verbs in routes if known.segments == pattern.segments]
            verbs = found[0] if found else {}
            if not found:
                routes.append((pattern, verbs))
                # `/actions/{selector}/run` before `/actions/{selector}/{more}`: fixed segments first.
                routes.sort(key=lambda route: len(route[0].members))
        if method.verb in verbs:
            raise ValueError(f"{method.verb} {method.path} is served twice")
        verbs[method.verb] = method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cors = _CORS if header(scope, b"origin") else _NO_CORS
        began = False

        async def noted(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            cors = await self._dispatch(scope, receive, noted, cors)
        except Exception as error:
            if began:
                # Half an answer is out: cut it off, so that nobody takes it for a whole one.
                raise
            refused = refusal(error, scope, challenge=self._challenge)
            await _send_error(send, refused.status, refused.body, refused.headers, cors)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send, cors: RawHeaders) -> RawHeaders:
        verb = str(scope.get("method", ""))
        path = scope["path"].removeprefix(PREFIX).rstrip("/")
        segments = _segments(path)
        verbs, members = self._find(path, segments)
        method = verbs.get("GET" if verb == "HEAD" else verb)
        # Browsers post as a form to /connect what programs send as JSON, and are led to pages.
        mounted = self._find_mount(segments, verb) if method is None or _is_form(scope) else None
        if method is not None and mounted is None:
            value = await self._answer(method, members, scope, receive)
            await _send_value(send, value, cors)
            return cors
        if mounted is not None:
            mount, route, rest = mounted
            await route(scope, receive, _with_headers(send, cors) if cors and mount.cors else send, rest)
            return cors
        if verb == "OPTIONS":
            await _send(send, 204, b"", None, {}, (*_CORS, *_PREFLIGHT))
            return cors
        if not verbs:
            raise Refused(404, f'There is no method "{path}": see /docs for those there are', key="not_found")
        allowed = ", ".join([*verbs, "OPTIONS"])
        raise Refused(405, f"This path does not know {verb}", key="method_not_allowed", headers={"Allow": allowed})

    def _find(self, path: str, segments: tuple[str, ...]) -> tuple[_Verbs, dict[str, str]]:
        verbs = self._exact.get(path)
        if verbs is not None:
            return verbs, {}
        for pattern, candidate in self._patterns.get((len(segments), segments[0]), ()):
            members = pattern.match(segments)
            if members is not None:
                return candidate, members
        return {}, {}

    def _find_mount(self, segments: tuple[str, ...], verb: str) -> tuple[Mount, MountedRoute, dict[str, str]] | None:
        for pattern, mount, route in self._mounts.get(segments[0], ()):
            # A browser asks first whether it may, and the frame answers that for all.
            if (mount.verbs is not None and verb not in mount.verbs) or (verb == "OPTIONS" and mount.cors):
                continue
            members = pattern.match(segments)
            if members is not None:
                return mount, route, members
        return None

    async def _answer(self, method: Method, members: dict[str, str], scope: Scope, receive: Receive) -> object:
        by = _NOBODY
        if method.who is not Who.PUBLIC:
            by = await self._app.tenants.authenticate(bearer_token(scope))
            _check(method, by)
        raw = b"" if method.verb == "GET" else await read_body(receive, method.max_body)
        call: Call[Any] = Call(
            app=self._app,
            jobs=self._jobs,
            by=by,
            path={name: _member(name, value) for name, value in members.items()},
            query=Query(scope["query_string"]),
            body=self._read_body(method, raw, scope),
            raw=raw,
            scope=scope,
        )
        return await method.handler(call)

    def _read_body(self, method: Method, raw: bytes, scope: Scope) -> Any:
        if method.body is None:
            return None
        if not raw.strip():
            if not method.body_optional:
                raise Invalid("body", "is missing")
            raw = b"{}"
        else:
            media = header(scope, b"content-type").partition(";")[0].strip().lower()
            if media and not media.endswith("json"):
                raise Invalid("body", f"must be JSON, not {media[:100]}")
        if b"\\u0000" in raw:
            raise Invalid("body", "must not contain NUL characters")
        try:
            return self._decoders[method.verb, method.path].decode(raw)
        except msgspec.ValidationError:
            raise
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            raise Malformed("the body is not JSON that can be read") from None


def _check(method: Method, by: Caller) -> None:
    """Whether this caller may call this method. Raises Forbidden."""
    who = method.who
    if who is Who.TENANT or (who is Who.WORKSPACE and by.kind is not CallerKind.MANAGER):
        by.tenant()
    elif who is Who.MANAGER:
        by.require_manager()
    elif who is Who.PERSON and by.kind is not CallerKind.PERSON:
        raise Forbidden("this needs a token of a person; sign in without --tenant")
    if method.changes and not by.restrictions.is_open:
        raise Forbidden("this token is restricted: it may read and run what it is for, and change nothing else")


def _is_form(scope: Scope) -> bool:
    return header(scope, b"content-type").startswith("application/x-www-form-urlencoded")


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix("/").split("/"))


def _member(name: str, value: str) -> str:
    if not value or "\0" in value or "\ufffd" in value or len(value) > _MAX_MEMBER:
        raise Invalid(name, "is not an id or a key")
    return value


def _with_headers(send: Send, more: RawHeaders) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *more]
        await send(message)

    return sending


async def _send_value(send: Send, value: object, cors: RawHeaders) -> None:
    if value is EMPTY:
        await _send(send, 204, b"", None, {}, cors)
    elif isinstance(value, Raw):
        await _send(send, value.status, value.body, value.media.encode(), value.headers, cors)
    else:
        await _send(send, 200, _encode(value), b"application/json", {}, cors)


async def _send_error(send: Send, status: int, body: ErrorObject, headers: Mapping[str, str], cors: RawHeaders) -> None:
    await _send(send, status, _encode(body), b"application/json", headers, cors)


async def _send(
    send: Send, status: int, body: bytes, media: bytes | None, headers: Mapping[str, str], cors: RawHeaders
) -> None:
    raw: list[tuple[bytes, bytes]] = [*cors]
    if media is not None:
        raw += [(b"content-type", media), (b"content-length", b"%d" % len(body))]
    raw += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send(cast("Any", {"type": "http.response.body", "body": body, "more_body": False}))

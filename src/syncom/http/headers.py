"""The outermost layer of the web server: a request id and security headers on every response, whoever made it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from syncom.http.metrics import Metrics
from syncom.ids import uuid7

#: Pages bring their styles and scripts from this server only, and nothing of theirs is inline.
CONTENT_POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_ALWAYS: dict[bytes, bytes] = {
    b"content-security-policy": CONTENT_POLICY,
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not `no-referrer`: it would turn the Origin of our own forms into `null`, and they would be refused.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cache-control": b"no-store",
}
#: What an answer without a body needs of them: there is nothing to show, to frame or to run. Each header of an answer
#: costs the server about a microsecond, and the busiest answers (events, clicks) have no body.
_BODILESS = frozenset((b"cache-control", b"strict-transport-security"))
_NO_BODY = (b"content-length", b"0")
#: Marks what an app answered and was passed on. No browser comes to it by itself: it needs a token in a header.
UPSTREAM = (b"x-membrane-upstream", b"1")
#: Should it be shown as a page after all, it is nobody's: no origin, no scripts, no frames.
_UPSTREAM_ALWAYS: dict[bytes, bytes] = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
}
#: Sets of headers that are kept completed.
_REMEMBERED = 64
#: One year (RFC 6797); only a server that the world reaches by https may promise it.
_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class Headers:
    """Adds what is missing; a part that sets one of these headers itself keeps its own."""

    def __init__(self, app: ASGIApp, *, secure: bool, metrics: Metrics) -> None:
        self.inner = app
        self._metrics = metrics
        self._always = dict(_ALWAYS)
        if secure:
            self._always[_TRANSPORT[0]] = _TRANSPORT[1]
        self._raw = tuple(self._always.items())
        self._bodiless = tuple(pair for pair in self._raw if pair[0] in _BODILESS)
        self._upstream = tuple({**_UPSTREAM_ALWAYS, **({_TRANSPORT[0]: _TRANSPORT[1]} if secure else {})}.items())
        # Answers of the busiest methods always have the same headers, as one tuple.
        self._completed: dict[tuple[tuple[bytes, bytes], ...], list[tuple[bytes, bytes]]] = {}
        # Request ids are this process's own and a number: a fresh random one costs more than the rest of this layer.
        self._process = uuid7().hex[:20]
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        self._count += 1
        request_id = f"{self._process}{self._count:x}"
        scope["syncom.request_id"] = request_id
        started = time.monotonic()

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answered(scope["path"], message["status"], time.monotonic() - started)
                message["headers"] = self.complete(message["headers"], request_id)
            await send(message)

        await self.inner(scope, receive, with_headers)

    def complete(self, headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
        """The headers with those that are missing."""
        if isinstance(headers, tuple):
            known = self._completed.get(headers)
            if known is None:
                if len(self._completed) >= _REMEMBERED:
                    self._completed.clear()
                known = self._completed[headers] = self._filled(headers)
            return [*known, (b"x-request-id", request_id.encode())]
        return [*self._filled(headers), (b"x-request-id", request_id.encode())]

    def _filled(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        given = list(headers)
        wanted = self._upstream if UPSTREAM in given else self._bodiless if _NO_BODY in given else self._raw
        set_here = [name for name, _ in given if name in self._always]
        if set_here:
            given.extend(pair for pair in wanted if pair[0] not in set_here)
        else:
            given.extend(wanted)
        return given


def request_id_of(scope: Scope) -> str:
    """The id that names this request in the log and in its answer."""
    return str(scope.get("syncom.request_id", ""))


def header(scope: HTTPScope | Scope, name: bytes) -> str:
    """The first header of this (lower-case) name; empty when there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return ""

"""Whole answers, and what is read of requests: for the plain ASGI applications that recipients reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from syncom.http.tracking import pages
from syncom.http.tracking.forms import MAX_BODY

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

SECURITY: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
]
BARE_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
PAGE_POLICY = (b"content-security-policy", pages.CONTENT_SECURITY_POLICY.encode())


class Answer(msgspec.Struct, frozen=True):
    """A whole HTTP response."""

    status: int
    headers: Headers
    body: bytes


def text_answer(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    """A line of plain text."""
    return answer(status, b"text/plain; charset=utf-8", body, BARE_POLICY, *more)


def page_answer(body: bytes, *, status: int = 200, policy: tuple[bytes, bytes] = PAGE_POLICY) -> Answer:
    """A page for a person."""
    return answer(status, b"text/html; charset=utf-8", body, policy)


def answer(status: int, kind: bytes, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    """Any body."""
    length = (b"content-length", str(len(body)).encode())
    return Answer(status, [*SECURITY, (b"content-type", kind), length, *more], body)


NOT_FOUND = text_answer(404, pages.NOT_FOUND)
BAD_FORM = text_answer(400, pages.BAD_FORM)
TOO_LARGE = text_answer(413, pages.TOO_LARGE, (b"connection", b"close"))
TRY_AGAIN = text_answer(503, pages.TRY_AGAIN, (b"retry-after", b"60"))
WRONG_METHOD = text_answer(405, pages.WRONG_METHOD, (b"allow", b"GET, HEAD"))
WRONG_METHOD_HERE = text_answer(405, pages.WRONG_METHOD, (b"allow", b"GET, HEAD, POST"))


def peer(scope: Scope) -> str:
    """The address of the connection."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def header(scope: Scope, wanted: bytes) -> str:
    """All values of a header, joined as RFC 9110 (5.3) says."""
    values: Iterable[bytes] = (value for name, value in scope["headers"] if name == wanted)
    return b",".join(values).decode("latin-1")


async def read_body(scope: Scope, receive: Receive, limit: int = MAX_BODY) -> bytes | None:
    """The request's body, or None when it is larger than the limit: than any form of ours."""
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced[:20]) > limit:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":  # half a form is none
            return b""
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return body

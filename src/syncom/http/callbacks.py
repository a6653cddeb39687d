"""What providers post to us: read strictly, answered in plain words. For the plain ASGI applications that take it."""

from __future__ import annotations

from typing import Final

from litestar.types import HTTPScope, Receive, Send

from syncom.http.body import read_body
from syncom.http.problems import Malformed, TooLarge

#: Status, media type, body.
Answer = tuple[int, bytes, bytes]

_PLAIN: Final = b"text/plain; charset=utf-8"


def plain(status: int, words: str) -> Answer:
    return status, _PLAIN, words.encode()


async def body_of(receive: Receive, limit: int) -> bytes | Answer:
    """The body, or the answer to one that is larger than ``limit`` bytes or was cut off."""
    try:
        return await read_body(receive, limit)
    except TooLarge:
        return plain(413, "Too much.")
    except Malformed:
        return plain(400, "The request was cut off.")


def headers_of(scope: HTTPScope) -> dict[str, str]:
    """By lower-case name. One that comes twice counts as none: nobody can know which one was checked elsewhere."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        headers[key] = "" if key in headers else value.decode("latin-1")
    return headers


async def answer(send: Send, given: Answer, *, allow: bytes) -> None:
    """``allow``: the methods there are (RFC 9110 10.2.1)."""
    status, kind, body = given
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 503:
        headers.append((b"retry-after", b"60"))
    if status == 405:
        headers.append((b"allow", allow))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})

"""What mail providers post to us about mails that went through them: `POST /bounces/<key>`, a plain ASGI application.

The key names a webhook and cannot be guessed; beside it the provider must sign, or log in where it does not sign. What
was taken is durable before the answer; when it cannot be, 503 asks for it again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import psycopg

from syncom.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, Upstream
from syncom.messages.bounces.hooks.model import LARGEST_BODY, Call
from syncom.messages.bounces.hooks.service import BounceHooks

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, str]

_NOT_FOUND: Final[Answer] = (404, "There is no such address.")
_LATER: Final[Answer] = (503, "Try again later.")


class BouncesApp:
    """The ASGI application for every path that begins with `/bounces/`."""

    def __init__(self, hooks: BounceHooks) -> None:
        self._hooks = hooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, words = await self._answer(scope, receive)
        body = words.encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if status == 503:
            headers.append((b"retry-after", b"60"))
        if status == 405:
            headers.append((b"allow", b"POST"))
        if status == 413:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        pieces = scope["path"].split("/")
        if len(pieces) != 3:
            return _NOT_FOUND
        if scope["method"] != "POST":
            return 405, "POST only."
        body = await _read(receive)
        if body is None:
            return 413, "Too much."
        try:
            await self._hooks.receive(pieces[2], Call(headers=_headers(scope), body=body))
        except NotFound:
            return _NOT_FOUND
        except Forbidden as error:
            return 403, error.message
        except Invalid as error:
            return 400, error.message
        except (Unavailable, Upstream, Conflict, psycopg.Error) as error:
            _log.warning("what a mail provider posted has to come again: %s", error)
            return _LATER
        return 200, ""


def _headers(scope: Scope) -> dict[str, str]:
    """A header that comes twice counts as none: nobody can know which one was checked elsewhere."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        headers[key] = "" if key in headers else value.decode("latin-1")
    return headers


async def _read(receive: Receive) -> bytes | None:
    """The body; None when it is too long."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        piece = message.get("body", b"")
        size += len(piece)
        if size > LARGEST_BODY:
            return None
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)

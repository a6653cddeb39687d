"""What mail providers post to us about mails that went through them: `POST /bounces/<key>`, a plain ASGI application.

The key names a webhook and cannot be guessed; beside it the provider must sign, or log in where it does not sign. What
was taken is durable before the answer; when it cannot be, 503 asks for it again.
"""

from __future__ import annotations

import logging
from typing import Final

import psycopg
from litestar.types import HTTPScope, Receive, Send

from syncom.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, Upstream
from syncom.http.callbacks import Answer, answer, body_of, headers_of, plain
from syncom.messages.bounces.hooks.model import LARGEST_BODY, Call
from syncom.messages.bounces.hooks.service import BounceHooks

_log = logging.getLogger(__name__)

_NOT_FOUND: Final = plain(404, "There is no such address.")


class BouncesApp:
    """The ASGI application for every path that begins with `/bounces/`."""

    def __init__(self, hooks: BounceHooks) -> None:
        self._hooks = hooks

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        await answer(send, await self._answer(scope, receive), allow=b"POST")

    async def _answer(self, scope: HTTPScope, receive: Receive) -> Answer:
        pieces = scope["path"].split("/")
        if len(pieces) != 3:
            return _NOT_FOUND
        if scope["method"] != "POST":
            return plain(405, "POST only.")
        body = await body_of(receive, LARGEST_BODY)
        if isinstance(body, tuple):
            return body
        try:
            await self._hooks.receive(pieces[2], Call(headers=headers_of(scope), body=body))
        except NotFound:
            return _NOT_FOUND
        except Forbidden as error:
            return plain(403, error.message)
        except Invalid as error:
            return plain(400, error.message)
        except (Unavailable, Upstream, Conflict, psycopg.Error) as error:
            _log.warning("what a mail provider posted has to come again: %s", error)
            return plain(503, "Try again later.")
        return plain(200, "")

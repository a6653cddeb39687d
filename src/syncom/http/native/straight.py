"""The way around Litestar: for routes so hot that nothing may stand between them and their service.

Such a route is a plain ASGI application that the server calls before the router; a handler of the same path describes
it in the OpenAPI document and gives the same answers.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.accounts.model import Permission, Principal
from syncom.accounts.service import AccountsService
from syncom.errors import FieldError, Invalid
from syncom.http.authentication import Authentication
from syncom.http.body import read_body
from syncom.http.faults import faults
from syncom.http.problems import Malformed, UnsupportedMedia

_MAX_BODY = 1_000_000

Value = TypeVar("Value")


class Straight:
    """What such routes have in common: who asks, may they, and a body in JSON."""

    def __init__(self, accounts: AccountsService, authentication: Authentication, permission: Permission) -> None:
        self._accounts = accounts
        self._authentication = authentication
        self._permission = permission

    async def read(self, scope: Scope, receive: Receive) -> tuple[Principal, bytes]:
        """Who asks, and the body. Raises Unauthorized, Forbidden, UnsupportedMedia, TooLarge, Malformed."""
        key = media = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                key = value
            elif name == b"content-type":
                media = value
        principal = self._accounts.known_key(key[7:].decode("latin-1")) if key[:7] == b"Bearer " else None
        if principal is None:
            principal = await self._authentication.principal(scope)
        principal.require(self._permission)
        if not media.startswith(b"application/json"):
            raise UnsupportedMedia("send application/json (header `Content-Type: application/json`)")
        return principal, await read_body(receive, _MAX_BODY)


def decoded(decoder: msgspec.json.Decoder[Value], body: bytes) -> Value:
    """What the body says. Raises Malformed, and Invalid with all wrong members."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        wrong = faults(msgspec.json.decode(body), decoder.type)
        if not wrong:
            raise
        refused = Invalid.of([FieldError(one.field, one.reason) for one in wrong])
        refused.message = "; ".join(f"{one.field}: {one.reason}" for one in wrong)  # as the described way says it
        raise refused from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise Malformed("the body is nested too deeply to be read") from None


async def answer(send: Send, status: int, body: bytes) -> None:
    """Send JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})

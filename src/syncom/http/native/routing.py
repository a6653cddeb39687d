"""What every route of the native API has in common: one declared permission, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from syncom.accounts.model import Permission
from syncom.http.authentication import Authentication
from syncom.http.headers import header
from syncom.http.problems import UnsupportedMedia

_PERMISSION = "permission"
_MEDIA = "media"
_REPLAY = "replay"
_PUBLIC = "public"
_EDITS = "edits"

JSON = "application/json"


def needs(
    permission: Permission, *, media: str | None = JSON, replay: bool = True, edits: Edited | None = None
) -> dict[str, Any]:
    """What a route asks for: one permission, and the content type of its body (None: any).

    ``replay=False`` keeps its answer out of the stored answers of Idempotency-Key: it holds a secret, or the body
    is a stream. ``edits`` names what several people may edit at once: its route answers an ETag, and takes If-Match
    where it saves (edits.py).
    """
    return {_PERMISSION: permission, _MEDIA: media, _REPLAY: replay, _EDITS: edits}


def public() -> dict[str, Any]:
    """A route that needs no credentials."""
    return {_PERMISSION: _PUBLIC, _MEDIA: JSON, _REPLAY: False}


def permission_of(options: Mapping[str, Any]) -> Permission | None:
    """The permission a route declares; None for a public one. Raises KeyError when it declares nothing."""
    declared = options[_PERMISSION]
    return None if declared == _PUBLIC else declared


def edited_of(options: Mapping[str, Any]) -> Edited | None:
    """What a route shows or saves that several people may edit at once."""
    return options.get(_EDITS)


def may_replay(options: Mapping[str, Any]) -> bool:
    """Whether an Idempotency-Key works on this route."""
    return bool(options.get(_REPLAY))


class Edited(Enum):
    """What several people may edit at once, by its table. Its id is the only number in the path of its routes."""

    TEMPLATE = "templates"
    CAMPAIGN = "campaigns"
    SEGMENT = "segments"
    #: With its draft.
    WORKFLOW = "workflows"
    FORM = "forms"
    SENDER = "senders"


class Authorise:
    """Middleware behind the router: who asks, may they, and is the body of the right kind.

    It looks at the matched route and never at the text of the path, which a client can spell in many ways.
    """

    def __init__(self, app: ASGIApp, authentication: Authentication) -> None:
        self._app = app
        self._authentication = authentication

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = scope["route_handler"]
        if isinstance(handler, HTTPRouteHandler) and scope.get("method") != "OPTIONS":
            permission = permission_of(handler.opt)
            if permission is not None:
                principal = await self._authentication.principal(scope)
                principal.require(permission)
            _check_media(scope, handler.opt[_MEDIA])
        await self._app(scope, receive, send)


def _check_media(scope: Scope, media: str | None) -> None:
    """A form of another site can post text or a form here, but not JSON: another wall against forged requests."""
    if media is None or scope.get("method") in ("GET", "HEAD", "DELETE") or not _has_body(scope):
        return
    given = header(scope, b"content-type").partition(";")[0].strip().lower()
    if given != media and not (media == JSON and given.endswith("+json")):
        raise UnsupportedMedia(f"send {media} (header `Content-Type: {media}`), not {given or 'an unnamed type'}")


def _has_body(scope: Scope) -> bool:
    return header(scope, b"content-length") not in ("", "0") or bool(header(scope, b"transfer-encoding"))

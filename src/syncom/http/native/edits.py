"""ETag and If-Match on what several people may edit at once (RFC 9110, 13.1.1): the second of two is told.

Without If-Match a save does what it always did. With it a save of an older version is answered 409 with who saved
since, and when; the thing itself can be fetched to compare.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, Final, LiteralString, cast

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from syncom.errors import Invalid
from syncom.http.authentication import Authentication
from syncom.http.headers import header
from syncom.http.native.routing import Edited, edited_of
from syncom.postgres.edits import EDIT, Edit
from syncom.postgres.pool import Database

_TAG: Final = re.compile(r'"(\d{1,18})"', re.ASCII)
_VERSIONS: Final[MappingProxyType[Edited, LiteralString]] = MappingProxyType(
    {
        Edited.TEMPLATE: "SELECT edit_version FROM templates WHERE template_id = %s",
        Edited.CAMPAIGN: "SELECT edit_version FROM campaigns WHERE campaign_id = %s",
        Edited.SEGMENT: "SELECT edit_version FROM segments WHERE segment_id = %s",
        Edited.WORKFLOW: "SELECT edit_version FROM workflows WHERE workflow_id = %s",
        Edited.FORM: "SELECT edit_version FROM forms WHERE form_id = %s",
        Edited.SENDER: "SELECT edit_version FROM senders WHERE sender_id = %s",
    }
)


class Edits:
    """Middleware of the routes that declare what they edit."""

    def __init__(self, app: ASGIApp, authentication: Authentication, database: Database) -> None:
        self._app = app
        self._authentication = authentication
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = scope["route_handler"]
        edited = edited_of(handler.opt) if isinstance(handler, HTTPRouteHandler) else None
        if edited is None:
            await self._app(scope, receive, send)
            return
        by = await self._authentication.principal(scope)
        path = cast("dict[str, Any]", scope).get("path_params", {})
        ident = next((value for name, value in path.items() if name != "version"), None)
        if ident is None:  # just made: nobody can have saved another version of what was answered
            await self._app(scope, receive, _tagging(send, lambda: 1))
            return
        if scope.get("method") in ("GET", "HEAD"):
            # Asked before the thing itself: should somebody save in between, the tag is too old and not too new.
            version = await self._version(by.account_id, edited, ident)
            await self._app(scope, receive, _tagging(send, lambda: version))
            return
        edit = Edit(table=edited.value, ident=ident, by=by.actor, version=_given(header(scope, b"if-match")))
        token = EDIT.set(edit)
        try:
            await self._app(scope, receive, _tagging(send, lambda: edit.saved))
        finally:
            EDIT.reset(token)

    async def _version(self, account_id: int, edited: Edited, ident: int) -> int | None:
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_VERSIONS[edited], (ident,))).fetchone()
        return int(row[0]) if row else None


def _given(text: str) -> int | None:
    """The version in If-Match; None when any will do. Raises Invalid."""
    text = text.strip()
    if text in ("", "*"):
        return None
    tag = _TAG.fullmatch(text)
    if tag is None:
        raise Invalid("If-Match", "must be the ETag of the answer that you began from, with its quotes")
    return int(tag[1])


def _tagging(send: Send, version: Any) -> Send:
    async def tagged(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 300:
            known = version()
            if known is not None:
                message["headers"] = [*message["headers"], (b"etag", b'"%d"' % known)]
        await send(message)

    return tagged

"""Pages of the dev inbox under `/inbox`, a plain ASGI application for operators.

`GET /inbox`, `GET /inbox/<id>?view=html|text|headers|raw`, `GET /inbox/<id>/html` (the mail itself, for the
frame), `GET /inbox/<id>/raw` (download), `POST /inbox/clear`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from syncom.errors import NotFound, Unavailable
from syncom.http.inbox import pages
from syncom.inbox.model import InboxEntry
from syncom.inbox.service import InboxService

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

#: Whether this request comes from an operator who is signed in.
Authorise = Callable[[Scope], Awaitable[bool]]

_PAGE_SIZE = 50
_MAIL = re.compile(r"/(\d{1,18})(?:/(html|raw))?")
_LONGEST_QUERY = 4000

_SECURITY: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
#: `no-referrer` would turn the Origin of our own forms into `null`.
_OWN_REFERRER = (b"referrer-policy", b"same-origin")
_NO_REFERRER = (b"referrer-policy", b"no-referrer")


class Answer(msgspec.Struct, frozen=True):
    """A whole HTTP response."""

    status: int
    headers: Headers
    body: bytes


class InboxApp:
    """The ASGI application for `/inbox` and everything below it; it takes paths with and without that prefix.

    ``authorise`` says whether a request is an operator's; everybody else is sent to `/login`.
    """

    def __init__(self, inbox: InboxService, authorise: Authorise) -> None:
        self._inbox = inbox
        self._authorise = authorise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope)
        except NotFound:
            answer = _page(404, pages.message_page("Not found", "There is no such mail. It may have been cleared."))
        except Unavailable as error:
            answer = _page(503, pages.message_page("Not now", error.message))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope) -> Answer:
        if not await self._authorise(scope):
            return _moved("/login?next=/inbox")
        path = scope["path"].removeprefix("/inbox").rstrip("/")
        if path == "/clear":
            return await self._clear(scope)
        if scope["method"] not in ("GET", "HEAD"):
            return _wrong_method("GET, HEAD")
        query = dict(parse_qsl(scope.get("query_string", b"")[:_LONGEST_QUERY].decode("latin-1")))
        if not path:
            return await self._list(query)
        found = _MAIL.fullmatch(path)
        if found is None:
            raise NotFound("page", path)
        inbox_id, part = int(found[1]), found[2]
        if part == "html":
            return _mail(pages.mail_document(await self._inbox.parse(inbox_id)))
        if part == "raw":
            return _download(inbox_id, await self._inbox.raw(inbox_id))
        entry = _in_utc(await self._inbox.get(inbox_id))
        raw = await self._inbox.raw(inbox_id)
        return _page(200, pages.mail_page(entry, await self._inbox.parse(inbox_id), raw, query.get("view", "")))

    async def _list(self, query: dict[str, str]) -> Answer:
        before = query.get("before", "")
        cursor = int(before) if before.isascii() and before.isdigit() and len(before) <= 18 else None
        recipient = query.get("recipient", "").replace("\x00", "").strip()
        page = await self._inbox.list(cursor=cursor, recipient=recipient, limit=_PAGE_SIZE)
        page = msgspec.structs.replace(page, entries=[_in_utc(entry) for entry in page.entries])
        return _page(200, pages.list_page(page, count=await self._inbox.count(), recipient=recipient))

    async def _clear(self, scope: Scope) -> Answer:
        if scope["method"] != "POST":
            return _wrong_method("POST")
        if not _is_from_here(scope):
            text = "This request came from another site. Open the inbox and use the button there."
            return _page(403, pages.message_page("Refused", text))
        await self._inbox.clear()
        return _moved("/inbox")


def _is_from_here(scope: Scope) -> bool:
    """Whether a change was asked for by our own page, and not by a foreign one in the same browser."""
    headers: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # Over plain HTTP and in old browsers the Origin is all there is.
    origin = headers.get(b"origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get(b"host", "")


def _in_utc(entry: InboxEntry) -> InboxEntry:
    return msgspec.structs.replace(entry, received_at=entry.received_at.astimezone(UTC))


def _page(status: int, html: str) -> Answer:
    return _html(status, html, pages.PAGE_POLICY, _OWN_REFERRER)


def _mail(html: str) -> Answer:
    return _html(200, html, pages.MAIL_POLICY, _NO_REFERRER)


def _html(status: int, html: str, policy: str, referrer: tuple[bytes, bytes]) -> Answer:
    body = html.encode("utf-8", "replace")
    headers = [
        *_SECURITY,
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        referrer,
        (b"content-length", str(len(body)).encode()),
    ]
    return Answer(status, headers, body)


def _download(inbox_id: int, raw: bytes) -> Answer:
    headers = [
        *_SECURITY,
        _NO_REFERRER,
        (b"content-type", b"message/rfc822"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"content-disposition", f'attachment; filename="mail-{inbox_id}.eml"'.encode()),
        (b"content-length", str(len(raw)).encode()),
    ]
    return Answer(200, headers, raw)


def _moved(path: str) -> Answer:
    location = quote(path, safe="/?=&").encode()
    return Answer(303, [*_SECURITY, _OWN_REFERRER, (b"location", location), (b"content-length", b"0")], b"")


def _wrong_method(allowed: str) -> Answer:
    page = _page(405, pages.message_page("Wrong method", f"This address takes {allowed} only."))
    return Answer(405, [*page.headers, (b"allow", allowed.encode())], page.body)

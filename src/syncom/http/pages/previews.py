"""`/previews/<token>`: a mail that is being written, for a frame of the application.

Its author may be anybody with the account's keys, and what it says comes from contacts: it is shown in an origin of its
own, without scripts, forms and cookies, in a frame of this site or opened by itself. With `?images=off` no other server
hears that somebody looks; with `?dark=on` it looks as clients in dark mode show it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from litestar.types import Receive, Scope, Send

from syncom.errors import NotFound
from syncom.http.pages.page import send_bytes, send_page

_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src {images}; "
    "style-src 'unsafe-inline'; font-src {fonts}; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"
)
_SHOWN = _POLICY.format(images="'self' http: https: data:", fonts="https: data:").encode()
_NOT_SHOWN = _POLICY.format(images="'self' data:", fonts="data:").encode()
_BASE = '<base target="_blank" rel="noopener noreferrer">'
#: What clients do in dark mode to a mail that says nothing of it: light becomes dark, pictures stay.
_TURNED = (
    "<style>html{filter:invert(.9) hue-rotate(180deg);background:#fff}"
    "img,video,[background],[style*='url(']{filter:invert(1) hue-rotate(180deg)}</style>"
)
_OWN_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)


class PreviewPages:
    """Answers with what ``find`` knows by a token."""

    def __init__(self, find: Callable[[str], Awaitable[str | None]]) -> None:
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises NotFound when the preview has had its time."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await send_bytes(send, b"", b"text/plain; charset=utf-8", status=405, headers=[(b"allow", b"GET, HEAD")])
            return
        html = await self._find(scope["path"].rpartition("/")[2])
        if html is None:
            raise NotFound("preview", "that this address was made for")
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        images = asked.get("images", ["on"])[-1]
        dark = asked.get("dark", ["off"])[-1] == "on"
        headers = [
            (b"content-security-policy", _NOT_SHOWN if images == "off" else _SHOWN),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-robots-tag", b"noindex, nofollow"),
        ]
        await send_page(send, _document(html, dark=dark).encode("utf-8", "replace"), headers=headers)


def _document(html: str, *, dark: bool) -> str:
    """Links open in tabs of their own. A doctype keeps its first place: without it other rules of layout hold."""
    doctype = _DOCTYPE.match(html)
    place = doctype.end() if doctype else 0
    # A mail with rules of its own for dark mode is left alone by clients; the frame says that it is dark.
    turned = _TURNED if dark and not _OWN_DARK.search(html) else ""
    return html[:place] + _BASE + turned + html[place:]

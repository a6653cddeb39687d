"""Serves the web application: two documents with their own policies, and files that never change under their names.

The application is one page that draws itself; whoever opens a deep link gets the same document, and its router
finds the place. ``python ui/make.py build`` writes the files to ``dist/`` beside this module.
"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.abc import Traversable
from typing import Final

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.errors import NotFound
from syncom.http.headers import header
from syncom.http.pages.page import page, send_bytes, send_page

#: The first pieces of the paths that the application draws; everything else belongs to the server.
PLACES: Final = frozenset(
    {
        "", "welcome", "contacts", "lists", "fields", "imports", "duplicates", "segments", "rfm", "templates", "images",
        "campaigns", "workflows", "events", "orders", "revenue", "integrations", "settings", "reports",
        "forms", "sites", "products", "search", "sign-in",
    }
)  # fmt: skip
#: Built files are below this path.
PREFIX: Final = "ui"

#: In the built documents; each answer has its own value there (CSP level 3, 2.3.1).
_NONCE: Final = b"__CSP_NONCE__"
_APPLICATION: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
#: The email designer writes inline styles, so it is a document of its own, in a frame of the application.
#: Mails show pictures from anywhere.
_EDITOR: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_FOREVER: Final = b"public, max-age=31536000, immutable"
_FOR_NOW: Final = b"no-cache"
_HTML: Final = b"text/html; charset=utf-8"
#: Endings of compressed files beside the built ones, by encoding; the one that makes shorter first.
_ENDINGS: Final = {"br": ".br", "gzip": ".gz"}
#: Weights that say: not this one.
_NEVER: Final = ("q=0", "q=0.0", "q=0.00", "q=0.000")


class File(msgspec.Struct, frozen=True):
    """A built file: its bytes, the same compressed where that is shorter, by encoding, and its media type."""

    content: bytes
    compressed: Mapping[str, bytes]
    media: bytes


class UiApp:
    """The application's documents and files."""

    def __init__(self, dist: Traversable | None = None) -> None:
        self._dist = dist or resources.files("syncom.http.ui").joinpath("dist")
        self._asset = cache(self._read)

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page that draws every place of the application."""
        found = self._file("index.html")
        if found is None:
            await send_page(send, _NOT_BUILT, status=503)
            return
        nonce = secrets.token_urlsafe(16)
        policy = _APPLICATION.format(nonce=nonce).encode()
        headers = [(b"content-security-policy", policy), (b"cache-control", b"no-store")]
        await send_bytes(send, found.content.replace(_NONCE, nonce.encode()), _HTML, headers=headers)

    async def file(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A file below ``/ui/``. Raises NotFound."""
        path = scope["path"].removeprefix(f"/{PREFIX}/")
        found = self._file(path)
        if found is None or path == "index.html":
            raise NotFound("file", path)
        if path == "editor.html":
            headers = [(b"content-security-policy", _EDITOR.encode()), (b"x-frame-options", b"SAMEORIGIN")]
            await send_bytes(send, found.content.replace(_NONCE, b""), _HTML, headers=headers)
            return
        # Names of assets hold the hash of their content.
        kept = _FOREVER if path.startswith("assets/") else _FOR_NOW
        headers = [(b"cache-control", kept), (b"vary", b"accept-encoding")]
        encoding = next((one for one in _accepted(scope) if one in found.compressed), None)
        if encoding is None:
            await send_bytes(send, found.content, found.media, headers=headers)
        else:
            headers.append((b"content-encoding", encoding.encode()))
            await send_bytes(send, found.compressed[encoding], found.media, headers=headers)

    def _file(self, path: str) -> File | None:
        # Only names of assets change with their content; the others are read anew, so that a build shows at once.
        return self._asset(path) if path.startswith("assets/") else self._read(path)

    def _read(self, path: str) -> File | None:
        pieces = path.split("/")
        if any(piece in ("", ".", "..") or "\\" in piece for piece in pieces) or path.endswith(
            tuple(_ENDINGS.values())
        ):
            return None
        place = self._dist.joinpath(*pieces)
        if not place.is_file():
            return None
        beside = {one: self._dist.joinpath(*pieces[:-1], pieces[-1] + ending) for one, ending in _ENDINGS.items()}
        media = mimetypes.guess_type(path)[0] or "application/octet-stream"
        if media.startswith("text/") or media.endswith(("javascript", "json")):
            media += "; charset=utf-8"
        compressed = {one: other.read_bytes() for one, other in beside.items() if other.is_file()}
        return File(place.read_bytes(), compressed, media.encode())


def _accepted(scope: Scope) -> list[str]:
    """Encodings that the client takes, the one that makes shorter first (RFC 9110, 12.5.3)."""
    given = (one.partition(";") for one in header(scope, b"accept-encoding").lower().split(","))
    taken = {name.strip() for name, _, weight in given if weight.replace(" ", "") not in _NEVER}
    return [one for one in _ENDINGS if one in taken]


_NOT_BUILT = page(
    "Not built",
    "<h1>The web application is not built here</h1><p>This runs from a source tree. <code>make ui</code> builds the "
    'application; then load this page again. The APIs work without it: <a href="/docs">their pages</a>.</p>',
)

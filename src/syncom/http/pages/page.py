"""The frame of the server's own pages: plain HTML, one stylesheet, no script."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib import resources

from litestar.types import Send

STYLESHEET = "/assets/pages.css"

_LINKS = (("/", "Home"), ("/inbox", "Inbox"), ("/docs", "API"))


def page(title: str, content: str, *, wide: bool = False) -> bytes:
    """A whole page. ``title`` is escaped here, ``content`` by its maker."""
    links = "".join(f'<a href="{path}">{name}</a>' for path, name in _LINKS)
    width = ' class="wide"' if wide else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<title>{escape(title)} · Syncom</title><link rel="stylesheet" href="{STYLESHEET}"></head>'
        f'<body><header><a class="brand" href="/">Syncom</a><nav>{links}</nav></header>'
        f"<main{width}>{content}</main></body></html>"
    ).encode()


@cache
def stylesheet() -> bytes:
    """The one stylesheet."""
    return resources.files("syncom.http.pages").joinpath("pages.css").read_bytes()


async def send_page(
    send: Send, body: bytes, *, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer with a page."""
    await send_bytes(send, body, b"text/html; charset=utf-8", status=status, headers=headers)


async def send_bytes(
    send: Send, body: bytes, media: bytes, *, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer with bytes of any kind."""
    given = [(b"content-type", media), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_redirect(send: Send, target: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """Answer a form with the page to go to: a path of this server."""
    given = [(b"location", target.encode("ascii")), (b"content-length", b"0"), *(headers or [])]
    await send({"type": "http.response.start", "status": 303, "headers": given})
    await send({"type": "http.response.body", "body": b"", "more_body": False})

"""Where a request goes: a path on the connection's base URL, or a full address that the connector allows.

Nothing that a caller writes changes the host: a path is only ever put behind the base, and the address that comes out
is read once more by one parser (:class:`pyreqwest.http.Url`, WHATWG's rules). What it found is what the transport
resolves, checks and connects to (``pinned.py``), so that no difference between two parsers can be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from pyreqwest.http import Url

from syncom.errors import Forbidden, Invalid

Pairs = Sequence[tuple[str, str]]

_MAX_LENGTH: Final = 16_384
_FULL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_KEPT: Final = "/:@!$&'()*+,;=-._~[]%"
#: A path and a query in which nothing is to be encoded, and that nobody reads as anything else.
_PLAIN: Final = re.compile(r"[A-Za-z0-9/_~.@=,-]*")
_PLAIN_QUERY: Final = re.compile(r"[A-Za-z0-9/_~.@=,&:+*;!()-]*")
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def address(base_url: str, path: str, query: Pairs = (), *, hosts: Iterable[str] = ()) -> Url:
    """The address of a request.

    ``path`` is put behind ``base_url``; it may hold a query of its own, to which ``query`` is added. A full address is
    taken when it leads to the base's origin or to one of ``hosts`` (``api.shop.example``, ``*.shop.example``,
    ``api.shop.example:8443``). Raises Invalid for what is no path, Forbidden for another host.
    """
    base = read_url("the connection's base URL", base_url)
    path, _, own_query = path.partition("?")
    if _PLAIN.fullmatch(path) and "/." not in path and not path.startswith((".", "//")):
        url = base.with_path(_behind(base.path, path)) if path else base
    else:
        url = _placed(base, path, hosts)
    if own_query and not _PLAIN_QUERY.fullmatch(own_query):
        _check_text(own_query)
        own_query = _kept_query(own_query)
    text = "&".join(part for part in (base.query_string, own_query, encode_query(query) if query else "") if part)
    if text or url.query_string is not None:
        url = url.with_query_string(text or None)
    if len(str(url)) > _MAX_LENGTH:
        raise Invalid("path", f"makes an address of more than {_MAX_LENGTH} characters")
    return url


def redirected(url: Url, location: str, base_url: str, *, hosts: Iterable[str] = ()) -> Url:
    """Where a redirect leads, if that is one of the connector's hosts. Raises Forbidden, Invalid."""
    try:
        forward = url.join(location)
    except ValueError:
        raise Invalid("location", "is not a valid address") from None
    if url.scheme == "https" and forward.scheme != "https":
        raise Forbidden("the app redirects from https to http, which is not followed")
    return _allowed(read_url("the connection's base URL", base_url), forward.with_fragment(None), hosts)


@lru_cache(maxsize=4096)
def read_url(what: str, text: str) -> Url:
    """An absolute http or https address without a log-in. Raises Invalid."""
    try:
        url = Url(text)
    except ValueError:
        raise Invalid("url", f"{what} is not a valid address") from None
    if url.scheme not in ("http", "https") or not url.host_str:
        raise Invalid("url", f"{what} must begin with https:// or http:// and name a host")
    if url.username or url.password:
        raise Invalid("url", f"{what} must not hold a log-in")
    return url


def encode_query(pairs: Pairs) -> str:
    """Names and values in percent form."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def query_names(query: str) -> set[str]:
    """Names of the parameters in a raw query."""
    return {unquote(part.partition("=")[0].replace("+", " ")) for part in query.split("&") if part}


def _quoted(text: str) -> str:
    return quote(text, safe="-._~", errors="replace")


def _check_text(path: str) -> None:
    if len(path) > _MAX_LENGTH:
        raise Invalid("path", f"must be at most {_MAX_LENGTH} characters")
    if "\\" in path:
        raise Invalid("path", "must not contain backslashes; encode them as %5C")
    if any(character < " " or character == "\x7f" for character in path):
        raise Invalid("path", "must not contain control characters")


def _check_segments(path: str) -> None:
    """No ``..``, in percent form neither: it would leave the base URL, or do so at a server that decodes it."""
    for segment in re.split(r"[/\\]", unquote(path)):
        if segment in (".", "..") or segment.startswith("..;"):
            raise Invalid("path", "must not contain the segments . and ..")


def _placed(base: Url, path: str, hosts: Iterable[str]) -> Url:
    _check_text(path)
    if _FULL.match(path):
        return _full(base, path, hosts)
    if path.startswith("//"):
        raise Forbidden("a path begins with one slash; a full address must lead to a host of the connector")
    _check_segments(path)
    return base.with_path(_behind(base.path, quote(_BROKEN_PERCENT.sub("%25", path), safe=_KEPT, errors="replace")))


def _behind(base: str, path: str) -> str:
    return base.rstrip("/") + "/" + path.removeprefix("/")


def _kept_query(query: str) -> str:
    """A query as it was written, with only that put in percent form which cannot stand there."""
    return quote(_BROKEN_PERCENT.sub("%25", query), safe=_KEPT + "?", errors="replace")


def _full(base: Url, text: str, hosts: Iterable[str]) -> Url:
    authority, _, path = text.partition("://")[2].partition("/")
    if "@" in authority:
        raise Forbidden("a full address must not hold a log-in")
    _check_segments(path)
    try:
        url = Url(text.replace("#", "%23"))
    except ValueError:
        raise Invalid("path", "is not a valid address") from None
    return _allowed(base, url, hosts)


def _allowed(base: Url, url: Url, hosts: Iterable[str]) -> Url:
    if url.username or url.password or url.scheme not in ("http", "https"):
        raise Forbidden("a full address must be http or https, without a log-in")
    if base.scheme == "https" and url.scheme != "https":
        raise Forbidden("this app is reached by https only")
    if url.origin_ascii == base.origin_ascii:
        return url
    host = (url.host_str or "").rstrip(".").lower()
    port = url.port_or_known_default
    standard = 443 if url.scheme == "https" else 80
    if any(_fits(pattern, host, port, standard) for pattern in hosts):
        return url
    raise Forbidden(f"{host[:200]} is not a host of this connector; {base.host_str} is")


def _fits(pattern: str, host: str, port: int | None, standard: int) -> bool:
    name, _, wanted = pattern.lower().partition(":")
    if port != (int(wanted) if wanted.isdecimal() else standard):
        return False
    return host.endswith(name[1:]) and len(host) > len(name) - 1 if name.startswith("*.") else host == name

"""Where links may lead."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

#: Longest target of a link, in characters: mail clients and proxies cut longer ones.
MAX_TARGET = 2_000
#: Characters of RFC 3986 that stay as they are, and the per cent sign of what is encoded already.
_KEPT = "!#$%&'()*+,-./:;=?@[]_~"
#: What is an address already and stays as it is: nearly all are, and taking them apart costs ten times as much.
_PLAIN = re.compile(
    r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,4})?(?:/[!$%&'()*+,\-./0-9:;=@A-Z\[\]_a-z~]*)?"
    r"(?:\?[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+)?(?:#[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+)?"
)
_DROPPED = re.compile(r"[\x00-\x1f\x7f]")


def web_address(text: str) -> str | None:
    """An absolute http(s) address in ASCII, or None when the text is not one.

    Control characters are dropped, as browsers do (WHATWG URL, 4.4), so that none can reach a Location header.
    """
    if len(text) <= MAX_TARGET and _PLAIN.fullmatch(text):
        return text
    text = _DROPPED.sub("", text).strip()
    if len(text) > MAX_TARGET or text[:4].lower() != "http":
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host:
        return None
    authority = parts.netloc
    if not authority.isascii():
        try:
            authority = authority.replace(host, host.encode("idna").decode("ascii"))
        except UnicodeError:
            return None
    if not authority.isascii() or re.search(r"[\s\\<>\"]", authority):
        return None
    path, query, fragment = (
        quote(part, safe=_KEPT, errors="replace") for part in (parts.path, parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme.lower(), authority, path, query, fragment))

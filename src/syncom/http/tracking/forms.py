"""The body of an unsubscribe request: at most a few short fields, read strictly.

RFC 8058 allows both urlencoded and multipart bodies. General form parsers have a history of floods and
confusions; here only what such a small form can hold is accepted.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

MAX_BODY = 16 * 1024
_MAX_FIELDS = 16

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))""", re.IGNORECASE)
_NAME = re.compile(rb"""^content-disposition:[ \t]*form-data;[ \t]*name="([^"\r\n]{1,100})"[ \t]*$""", re.IGNORECASE)


class FormError(ValueError):
    """The body is not a small form."""


def parse_form(content_type: str, body: bytes, *, fields: int = _MAX_FIELDS) -> dict[str, str]:
    """Fields by name.

    Raises FormError for another type, a malformed body, a field given twice, or more than ``fields``.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        pairs = _urlencoded(body, fields)
    elif kind == "multipart/form-data":
        pairs = _multipart(content_type, body, fields)
    else:
        raise FormError("not a form")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise FormError("a field is given twice")
        found[name] = value
    return found


def _urlencoded(body: bytes, limit: int) -> list[tuple[str, str]]:
    parts = [part for part in body.strip(b"\r\n").split(b"&") if part]
    if len(parts) > limit:
        raise FormError("too many fields")
    pairs: list[tuple[str, str]] = []
    for part in parts:
        name, _, value = part.replace(b"+", b" ").partition(b"=")
        pairs.append((_text(unquote_to_bytes(name)), _text(unquote_to_bytes(value))))
    return pairs


def _multipart(content_type: str, body: bytes, limit: int) -> list[tuple[str, str]]:
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise FormError("no boundary")
    delimiter = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    # RFC 2046, 5.1.1: a preamble, the parts, each after a delimiter on its own line, the closing delimiter.
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise FormError("no closing boundary")
    parts = pieces[1:-1]
    if len(parts) > limit:
        raise FormError("too many fields")
    pairs: list[tuple[str, str]] = []
    for part in parts:
        head, separator, value = part.partition(b"\r\n\r\n")
        names = [match[1] for line in head.split(b"\r\n") if (match := _NAME.match(line))]
        if not separator or len(names) != 1:
            raise FormError("a part without a name")
        pairs.append((_text(names[0]), _text(value)))
    return pairs


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise FormError("not UTF-8") from None

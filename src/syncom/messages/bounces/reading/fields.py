"""What the readers of reports share: fields of a report, text of a part, one report as it is found."""

from __future__ import annotations

import quopri
import re
from base64 import b64decode
from email.message import Message
from typing import Final, cast

import msgspec

from syncom.messages.bounces.model import ReportKind

#: Fields of one report, names in lower case.
Block = dict[str, str]

_MOST_BLOCKS: Final = 50
_LONGEST_TEXT: Final = 32 * 1024
_WORDS: Final = 500
_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:[ \t]*(.*)")
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
#: `rfc822; name@host`, `dns; host`, `smtp; 550 ...` (RFC 3464, 2.1.2).
_TYPED: Final = re.compile(r"\s*[A-Za-z0-9-]{1,40}\s*;\s*(.*)")
_ADDRESS: Final = re.compile(r"[^\s<>@\"(),;:]{1,64}@[^\s<>@\"(),;:]{1,253}")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says of one recipient."""

    kind: ReportKind
    #: In small letters, without angle brackets; empty: not said.
    recipient: str = ""
    status: str = ""
    words: str = ""
    host: str = ""
    #: Date of the report or the last attempt as it is written.
    at: str = ""
    proof: dict[str, str] = {}


def header(mail: Message[str, str], name: str) -> str:
    """A header as one bounded line; empty where there is none."""
    value = mail.get(name)
    return "" if value is None else line(str(value))


def line(text: str, limit: int = _WORDS) -> str:
    """Words from outside as one bounded line without control characters."""
    return _UNPRINTABLE.sub(" ", text[: limit * 4]).strip()[:limit]


def is_kind(part: Message[str, str], kind: str) -> bool:
    return part.get_content_type() == kind


def untyped(value: str) -> str:
    """A field without the name of its type."""
    found = _TYPED.fullmatch(value)
    return (found[1] if found else value).strip()


def address(value: str) -> str:
    """The address in a field, in small letters; empty where there is none."""
    found = _ADDRESS.search(untyped(value))
    return found[0].lower() if found else ""


def blocks(part: Message[str, str]) -> list[Block]:
    """The groups of fields of a report (RFC 3464, 2.1: they are separated by empty lines).

    Some servers encode the part, though they must not, and some put its fields into a part inside (Gmail).
    """
    if header(part, "Content-Transfer-Encoding").lower() in ("base64", "quoted-printable"):
        return text_blocks(_decoded(part, "".join(texts(part))))
    payload = part.get_payload()
    if not isinstance(payload, list):
        return text_blocks(text_of(part))
    found: list[Block] = []
    for inner in cast("list[Message[str, str]]", payload[:_MOST_BLOCKS]):
        block: Block = {}
        for name, value in inner.items():
            block.setdefault(name.lower(), line(str(value)))
        found.append(block)
        if isinstance(inner.get_payload(), str):
            found += text_blocks(text_of(inner))
    return [block for block in found if block][:_MOST_BLOCKS]


def text_blocks(text: str) -> list[Block]:
    """Groups of fields in a text; lines that are none are passed over."""
    found: list[Block] = []
    block: Block = {}
    name = ""
    for one in text[:_LONGEST_TEXT].splitlines():
        if not one.strip():
            if block:
                found.append(block)
            block, name = {}, ""
        elif one[0] in " \t" and name:
            block[name] = line(f"{block[name]} {one.strip()}")
        elif match := _FIELD.fullmatch(one):
            name = match[1].lower()
            block.setdefault(name, line(match[2]))
        else:
            name = ""
        if len(found) >= _MOST_BLOCKS:
            return found
    return [*found, block] if block else found


def text_of(part: Message[str, str]) -> str:
    """The text of a part, bounded; empty for what is none."""
    payload = part.get_payload()
    if not isinstance(payload, str):
        return ""
    return _decoded(part, payload)[:_LONGEST_TEXT]


def _decoded(part: Message[str, str], payload: str) -> str:
    """What the transfer encoding hides; as it is where it cannot be undone."""
    encoding = header(part, "Content-Transfer-Encoding").lower()
    raw = payload.encode("utf-8", "surrogateescape")
    try:
        if encoding == "base64":
            raw = b64decode(raw + b"==", validate=False)
        elif encoding == "quoted-printable":
            raw = quopri.decodestring(raw)
    except ValueError:
        return payload
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def texts(part: Message[str, str]) -> list[str]:
    """What stands in a part, whatever the parser made of it."""
    payload = part.get_payload()
    if isinstance(payload, str):
        return [payload]
    return [str(inner) for inner in cast("list[Message[str, str]]", payload)[:_MOST_BLOCKS]] if payload else []

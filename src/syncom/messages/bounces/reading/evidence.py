"""Which message of ours a mail is about, as far as the mail itself can tell.

A return path and a link to unsubscribe carry tokens that nobody can make up, so they are evidence wherever they stand.
A Message-ID can be guessed, so it counts only together with the recipient.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Sequence
from email.message import Message
from typing import Final
from uuid import UUID

import msgspec

from syncom.messages.bounces.reading.fields import header, texts

#: As ``MessageTokens.bounce`` writes it, in any case of letters.
_RETURN_PATH: Final = re.compile(rb"(?<![A-Za-z0-9+])(b(?:\+|=2B)[a-z2-7]{40,62})@", re.IGNORECASE)
_UNSUBSCRIBE: Final = re.compile(rb"/t/u/([A-Za-z0-9_-]{40,200})")
#: As the composer writes it: 32 hexadecimal digits, in a header or in one that a server made of it.
_MESSAGE_ID: Final = re.compile(
    rb"^[ \t>]*(?:X-)?(?:Original-)?(?:Message-ID|In-Reply-To|References)[ \t]*:[^<\r\n]{0,200}(?:\r?\n[ \t]+)?"
    rb"<([0-9a-f]{32})@",
    re.IGNORECASE | re.MULTILINE,
)
_MOST: Final = 5


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates, each kind in the order of the mail. Tokens are not checked yet."""

    #: Local parts of return paths.
    return_paths: tuple[str, ...] = ()
    unsubscribe_tokens: tuple[str, ...] = ()
    message_ids: tuple[UUID, ...] = ()


def evidence_in(raw: bytes, parts: Sequence[Message[str, str]]) -> Evidence:
    """Everything that looks like ours, in the mail and in parts of it that are encoded."""
    texts = [raw, *(_decoded(part) for part in parts if _is_encoded(part))]
    # What begins with plain letters is found ten times faster by them than by an expression for any case.
    pathed = [text for text in texts if b"+" in text or b"=2" in text]
    return Evidence(
        return_paths=_first(_RETURN_PATH, pathed),
        unsubscribe_tokens=_first(_UNSUBSCRIBE, texts),
        message_ids=tuple(UUID(hex=found) for found in _first(_MESSAGE_ID, texts)),
    )


def _first(expression: re.Pattern[bytes], texts: Sequence[bytes]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in texts:
        for match in expression.finditer(text):
            found[match[1].decode("ascii").replace("=2B", "+").replace("=2b", "+")] = None
            if len(found) >= _MOST:
                return tuple(found)
    return tuple(found)


def _is_encoded(part: Message[str, str]) -> bool:
    return header(part, "Content-Transfer-Encoding").lower() == "base64"


def _decoded(part: Message[str, str]) -> bytes:
    try:
        return b64decode("".join(texts(part)).encode("ascii", "ignore") + b"==", validate=False)
    except ValueError:
        return b""

"""Bounces that follow no standard: some name the recipient in a header, the others are told apart by their words.

For the latter there is flufl.bounce, which knows the forms of many servers. It says whom a bounce is about and whether
it is permanent, and not why: only a reply code among the words says more, and without one nobody is suppressed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from email.message import Message
from typing import Final

from flufl.bounce import all_failures  # pyright: ignore[reportUnknownVariableType] # its argument has no type

from syncom.messages.bounces.model import ReportKind
from syncom.messages.bounces.reading.fields import Found, address, header, is_kind, line, text_of

#: A reply of a server in a text for people: `550 5.1.1 <a@b.example>: user unknown`.
_REPLY: Final = re.compile(
    r"(?<![\d.:/#-])([45]\d\d)(?:[ \t]+|-)(?:#?[245]\.\d{1,3}\.\d{1,3}[ \t:]+)?[A-Za-z<\"'(][^\r\n]{3,300}"
)
#: An enhanced code alone: `5.1.1 user unknown`.
_ENHANCED: Final = re.compile(r"(?<![\d.])[45]\.[0-7]\.\d{1,2}(?![\d.])")
_MOST: Final = 3
# It logs every mail that confuses it, and anybody may send such.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)


def failed_recipients(mail: Message[str, str], parts: Sequence[Message[str, str]]) -> tuple[Found, ...]:
    """Exim and Gmail: `X-Failed-Recipients`."""
    named = [found for piece in header(mail, "X-Failed-Recipients").split(",")[:_MOST] if (found := address(piece))]
    if not named:
        return ()
    status, words = _said(parts)
    return tuple(Found(kind=ReportKind.BOUNCED, recipient=recipient, status=status, words=words) for recipient in named)


def scanned(mail: Message[str, str], parts: Sequence[Message[str, str]]) -> tuple[Found, ...]:
    """Whatever else looks like a bounce. Takes out the mails inside: what they say is said to somebody else."""
    for part in parts:
        if part.get_content_maintype() == "message":
            part.set_payload("")
    temporary, permanent = all_failures(mail)
    status, words = _said(parts)
    found = [
        Found(kind=kind, recipient=recipient, status=status, words=words)
        for kind, addresses in ((ReportKind.BOUNCED, permanent), (ReportKind.DELAYED, temporary))
        for one in sorted(addresses, key=repr)[:_MOST]
        if (recipient := address(_text(one)))
    ]
    return tuple(found[:_MOST])


def _said(parts: Sequence[Message[str, str]]) -> tuple[str, str]:
    """Enhanced code and words of the first reply in the text for people; empty where there is none."""
    for part in parts:
        if not is_kind(part, "text/plain"):
            continue
        text = text_of(part)
        reply = _REPLY.search(text)
        if reply is not None:
            return "", line(reply[0])
        status = _ENHANCED.search(text)
        if status is not None:
            return status[0], line(text[status.start() :].partition("\n")[0])
    return "", ""


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

"""Bytes of the SMTP conversation: what a reply says, and a message as it goes over the wire."""

from __future__ import annotations

import re

from syncom.messages.channels.email.model import Phase, Reply

#: A server whose line or reply is longer than this is not speaking SMTP (RFC 5321 allows 512 a line).
MAX_REPLY = 65_536
_MAX_TEXT = 1000

#: The codes a reply may carry (RFC 5321 4.2.1), by their three bytes: stricter than ``int`` and faster.
CODES: dict[bytes, int] = {b"%d" % code: code for code in range(200, 600)}

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)").match
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DOT_LINE = re.compile(rb"\n\.").search
_LINE_END = re.compile(rb"\r\n|\r|\n")


def parse_reply(code: int, raw: bytes, phase: Phase) -> Reply:
    """The reply as people and the classifier read it.

    Args:
        code: its basic code.
        raw: its lines without line ends, joined by LF when there are several.
        phase: the question it answers.
    """
    enhanced: str | None = None
    words: list[str] = []
    for line in raw[:8192].split(b"\n"):
        text = line[4:].decode("utf-8", "replace").strip()
        found = _ENHANCED(text)
        # RFC 2034 4: the class must agree with the basic code. If it does not, it is mere text.
        if found and text[0] == str(code)[0] and enhanced in (None, found[1]):
            enhanced = found[1]
            text = text[found.end() :]
        words.append(text)
    text = " ".join(words)
    if not text.isprintable():
        text = _UNPRINTABLE.sub(" ", text)
    return Reply(code, enhanced, text.strip()[:_MAX_TEXT], phase)


def wire_body(data: bytes) -> bytes:
    """A message with dots stuffed and the final dot (RFC 5321 4.5.2), CRLF its only line end.

    A lone CR or LF becomes CRLF: servers disagree about them, which lets a text smuggle a second mail
    (CVE-2023-51764).
    """
    # Two passes of memchr and a compare: a third of the price of counting CR, LF and CRLF.
    if data.replace(b"\r", b"").replace(b"\n", b"\r\n") != data:
        data = _LINE_END.sub(b"\r\n", data)
    # The expression engine finds this by memchr, 2.5 times faster than ``in`` does.
    if _DOT_LINE(data):
        data = data.replace(b"\n.", b"\n..")
    if data[:1] == b".":
        data = b"." + data
    return data + (b".\r\n" if data[-2:] == b"\r\n" or not data else b"\r\n.\r\n")

"""RFC 5322 messages, assembled fast: what is the same for every recipient is encoded once."""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from syncom.errors import Invalid
from syncom.messages.channels.email.address import encoded_words, has_control, mailbox

#: RFC 5322 2.1.1: a line has at most 998 octets before its CRLF, and should have at most 78.
MAX_LINE = 998
_SOFT_LINE = 78

_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}").fullmatch
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f\x41-\x7e]+@[\x21-\x3b\x3d\x3f\x41-\x7e]+>").fullmatch
_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*").fullmatch
_UNSUBSCRIBE_URL = re.compile(r"https://[^/]|http://(?:localhost|127\.0\.0\.1)(?::\d+)?/").match
_URI = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]+").fullmatch

#: Headers that the frame writes itself, or that would change who gets the mail or how it is read.
_OWN = frozenset(
    {"bcc", "cc", "content-disposition", "content-id", "content-transfer-encoding", "content-type", "date"}
    | {"dkim-signature", "from", "message-id", "mime-version", "received", "reply-to", "resent-bcc"}
    | {"resent-cc", "resent-to", "return-path", "sender", "subject", "to"}
)
#: One space between words. A run of spaces stays together: a line of nothing but space is forbidden.
_BETWEEN_WORDS = re.compile(r"(?<=[^ ]) (?=[^ ])").split
_ENCODED_WORD = re.compile(r"=\?[^? ]+\?[BbQq]\?").search
_SEVEN_BIT = b"Content-Transfer-Encoding: 7bit\r\n\r\n"
_EIGHT_BIT = b"Content-Transfer-Encoding: 8bit\r\n\r\n"
_QUOTED_PRINTABLE = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that every recipient gets."""

    #: As the recipient sees it; at most 255 bytes of UTF-8.
    filename: str
    #: Such as ``application/pdf``; not ``multipart/*`` or ``message/*``, which must not be base64.
    content_type: str
    data: bytes


def list_unsubscribe(url: str, mailto: str = "") -> dict[str, str]:
    """The two headers of one-click unsubscribe (RFC 8058 3.1): exactly one HTTPS URI, a mailto beside it.

    Both must be covered by the DKIM signature.

    Raises:
        Invalid: ``url`` is not HTTPS (plain HTTP only to this machine, for trials), or one is no URI.
    """
    if not _UNSUBSCRIBE_URL(url) or not _is_uri(url):
        raise Invalid("list_unsubscribe", "must be an https:// address")
    value = f"<{url}>"
    if mailto:
        if not _is_uri(mailto):
            raise Invalid("list_unsubscribe_mailto", "must be an address such as unsubscribe@example.com")
        value += f", <mailto:{mailto}>"
    return {"List-Unsubscribe": value, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


class MimeFrame:
    """Everything of a message that does not depend on the recipient. One per version of a campaign.

    Not for several threads at once: it remembers the last date it wrote.
    """

    def __init__(
        self,
        *,
        from_address: str,
        from_name: str = "",
        reply_to: str = "",
        headers: Mapping[str, str] | None = None,
        attachments: Sequence[Attachment] = (),
        seven_bit: bool = False,
    ) -> None:
        """Encode the static parts.

        Args:
            from_address: bare address of the author.
            from_name: display name of the author.
            reply_to: bare address for answers; empty is none.
            headers: the same for every recipient: List-Id, Feedback-ID and so on.
            attachments: encoded here once.
            seven_bit: whether texts that are not ASCII are encoded, so that every server takes them as they are.

        Raises:
            Invalid: naming the argument or header that could not stand in a message.
        """
        sender, sender_utf8 = mailbox(from_name, from_address, field="from", column=6)
        lines = [f"From: {sender}\r\n"]
        reply_utf8 = False
        if reply_to:
            answer, reply_utf8 = mailbox("", reply_to, field="reply_to", column=10)
            lines.append(f"Reply-To: {answer}\r\n")
        self._smtputf8 = sender_utf8 or reply_utf8
        self._seven_bit = seven_bit
        self._static_names: set[str] = set()
        # The sets of per-recipient names that were found good together.
        self._checked: set[tuple[str, ...]] = {()}
        headers = headers or {}
        self._check_names(tuple(headers))
        lines += [_header(name, value) for name, value in headers.items()]
        self._static_names = {name.lower() for name in headers}
        lines.append("MIME-Version: 1.0\r\n")

        # RFC 2046 5.1.1: may not occur in any part. 128 random bits cannot be guessed by the author of a
        # text either; "=_" can never stand in quoted-printable or base64.
        self._boundary = "=_" + secrets.token_hex(16)
        inner = f'Content-Type: multipart/alternative; boundary="{self._boundary}"\r\n\r\n'
        self._end = f"\r\n--{self._boundary}--\r\n".encode()
        if attachments:
            outer = "=_" + secrets.token_hex(16)
            lines.append(f'Content-Type: multipart/mixed; boundary="{outer}"\r\n\r\n--{outer}\r\n')
            parts = [b"--%b\r\n%b" % (outer.encode(), _attachment(item)) for item in attachments]
            self._end += b"".join(parts) + f"--{outer}--\r\n".encode()
        lines.append(inner)
        self._head = "".join(lines)
        opening = f"--{self._boundary}\r\nContent-Type: text/"
        self._text_part = f"{opening}plain; charset=utf-8\r\n".encode()
        self._html_part = f"\r\n{opening}html; charset=utf-8\r\n".encode()
        self._html_alone = f"{opening}html; charset=utf-8\r\n".encode()
        self._mark = self._boundary.encode()
        self._date_given: datetime | None = None
        self._date_second: datetime | None = None
        self._date = ""

    def build(
        self,
        *,
        to_address: str,
        to_name: str = "",
        subject: str,
        html: str,
        text: str,
        message_id: str,
        date: datetime,
        extra_headers: Mapping[str, str] | None = None,
    ) -> tuple[bytes, bool, bool]:
        """One recipient's message.

        Args:
            to_address: bare address.
            to_name: display name, may be empty.
            subject: any text of one line.
            html: HTML body; any line ends.
            text: plain body; left out when empty.
            message_id: ``<unique@domain>``, the same again when the mail is sent again.
            date: when it was made; a fraction of a second is dropped.
            extra_headers: this recipient's, such as :func:`list_unsubscribe` gives.

        Returns:
            The message with CRLF line ends; whether it needs 8BITMIME; whether it needs SMTPUTF8.

        Raises:
            Invalid: naming the value that could break out of its place, or does not fit.
        """
        to, utf8 = mailbox(to_name, to_address, field="to", column=4)
        if not _MESSAGE_ID(message_id) or len(message_id) > 900:
            raise Invalid("message_id", "must look like <unique@example.com>")
        if date is not self._date_given:
            self._set_date(date)
        extra = self._extra(extra_headers) if extra_headers else ""
        head = (
            f"Date: {self._date}\r\nTo: {to}\r\n{_header('Subject', subject)}Message-ID: {message_id}\r\n"
            f"{extra}{self._head}"
        )
        html_body, html_8bit = self._body("html", html)
        if not text:
            pieces = (head.encode(), self._html_alone, html_body, self._end)
            return b"".join(pieces), html_8bit, utf8 or self._smtputf8
        text_body, text_8bit = self._body("text", text)
        pieces = (head.encode(), self._text_part, text_body, self._html_part, html_body, self._end)
        return b"".join(pieces), html_8bit or text_8bit, utf8 or self._smtputf8

    def to_7bit(self, message: bytes) -> bytes:
        """A message of this frame with its 8-bit parts in quoted-printable, for a server without 8BITMIME."""
        mark = b"--" + self._mark
        parts = message.split(mark)
        for number, part in enumerate(parts):
            head, _, body = part.partition(b"\r\n\r\n")
            if number and head.endswith(b": 8bit"):
                # The CRLF before a boundary belongs to the boundary.
                head = head.removesuffix(_EIGHT_BIT[:-4])
                encoded = _quoted_printable(body[:-2].replace(b"\r\n", b"\n"))
                parts[number] = head + _QUOTED_PRINTABLE + encoded + b"\r\n"
        return mark.join(parts)

    def _body(self, field: str, value: str) -> tuple[bytes, bool]:
        """The end of a part's header and its content, and whether it is 8-bit."""
        try:
            data = value.encode()
        except UnicodeEncodeError as error:
            raise Invalid(field, "holds half a character (a lone surrogate)") from error
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        # A recipient of this campaign knows the boundary and may have written a field of this mail.
        seven = value.isascii()
        if (seven or not self._seven_bit) and _fits(data) and b"\0" not in data and self._mark not in data:
            return (_SEVEN_BIT if seven else _EIGHT_BIT) + data.replace(b"\n", b"\r\n"), not seven
        return _QUOTED_PRINTABLE + _quoted_printable(data), False

    def _extra(self, headers: Mapping[str, str]) -> str:
        names = tuple(headers)
        if names not in self._checked:
            self._check_names(names)
            if len(self._checked) < 64:
                self._checked.add(names)
        return "".join([_header(name, value) for name, value in headers.items()])

    def _check_names(self, names: tuple[str, ...]) -> None:
        seen = set(self._static_names)
        for name in names:
            lower = name.lower()
            if not _HEADER_NAME(name) or lower in _OWN:
                raise Invalid(f"headers.{name[:64]!r}", "is not a header that can be set here")
            if lower in seen:
                # Yahoo and Gmail refuse mails in which a header for one stands twice.
                raise Invalid(f"headers.{name}", "is set twice")
            seen.add(lower)

    def _set_date(self, date: datetime) -> None:
        self._date_given = date
        second = date.astimezone(UTC).replace(microsecond=0)
        if second != self._date_second:
            self._date = format_datetime(second)
            self._date_second = second


def _header(name: str, value: str) -> str:
    """A header line with its CRLF, folded (RFC 5322 2.2.3) or in encoded words (RFC 2047)."""
    value = value.strip(" ")
    length = len(name) + len(value) + 2
    if length <= _SOFT_LINE and value.isascii() and value.isprintable() and "=?" not in value:
        return f"{name}: {value}\r\n"
    if has_control(value):
        raise Invalid(_field(name), "must not contain line breaks or other control characters")
    if value.isascii() and ("=?" not in value or not _ENCODED_WORD(value)):
        folded = _fold(value, column=len(name) + 2)
        if folded is not None:
            return f"{name}: {folded}\r\n"
    return f"{name}: {encoded_words(value, field=_field(name), column=len(name) + 2)}\r\n"


def _field(name: str) -> str:
    """What an error about this header names."""
    return name.lower().replace("-", "_")


def _fold(value: str, *, column: int) -> str | None:
    """The ASCII value with line breaks before some of its spaces; None when a word is too long for a line."""
    first, *words = _BETWEEN_WORDS(value) if "  " in value else value.split(" ")
    lines: list[str] = []
    line, room = first, _SOFT_LINE - column
    for word in words:
        if len(line) + 1 + len(word) <= room:
            line = f"{line} {word}"
        else:
            lines.append(line)
            line, room = word, _SOFT_LINE - 1
    lines.append(line)
    if max(map(len, lines)) + column > MAX_LINE:
        return None
    return "\r\n ".join(lines)


def _fits(data: bytes) -> bool:
    """Whether no line is longer than a message may have."""
    start, size = 0, len(data)
    while size - start > MAX_LINE:
        # One jump over as many lines as end within the reach of one.
        end = data.rfind(b"\n", start, start + MAX_LINE + 1)
        if end < 0:
            return False
        start = end + 1
    return True


def _quoted_printable(data: bytes) -> bytes:
    """LF-separated octets as quoted-printable with CRLF (RFC 2045 6.7)."""
    return binascii.b2a_qp(data, quotetabs=False, istext=True).replace(b"\n", b"\r\n")


def _attachment(item: Attachment) -> bytes:
    """One part of multipart/mixed, with the CRLF that belongs to the next boundary."""
    if not _CONTENT_TYPE(item.content_type) or item.content_type.startswith(("multipart/", "message/")):
        raise Invalid("attachments.content_type", "must look like application/pdf")
    if not item.filename or has_control(item.filename) or len(item.filename.encode("utf-8", "replace")) > 255:
        raise Invalid("attachments.filename", "must be a name of at most 255 bytes without control characters")
    head = (
        f"Content-Type: {item.content_type}\r\n"
        f"Content-Disposition: attachment;\r\n {_filename(item.filename)}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    # 57 octets make a line of 76 characters.
    lines = [binascii.b2a_base64(item.data[at : at + 57], newline=False) for at in range(0, len(item.data), 57)]
    return head.encode("ascii") + b"\r\n".join(lines) + b"\r\n"


def _filename(name: str) -> str:
    """The filename parameter: a quoted string, or RFC 2231 for what is not ASCII."""
    if name.isascii():
        return 'filename="' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    safe = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~")
    try:
        octets = name.encode()
    except UnicodeEncodeError as error:
        raise Invalid("attachments.filename", "holds half a character (a lone surrogate)") from error
    return "filename*=utf-8''" + "".join(chr(octet) if octet in safe else f"%{octet:02X}" for octet in octets)


def _is_uri(value: str) -> bool:
    # Angle brackets and commas separate the URIs of a list header (RFC 2369 2), "=?" begins an encoded word.
    return _URI(value) is not None and "," not in value and "=?" not in value and len(value) <= 900

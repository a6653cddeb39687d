"""Values of the dev inbox."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ReceivedMail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail for one recipient, as it came over SMTP."""

    mail_from: str
    recipient: str
    #: The message as sent, headers and body.
    raw: bytes
    #: Decoded from `raw` on arrival, for lists.
    subject: str
    #: As in the header, with its angle brackets.
    message_id: str
    channel: str = "email"


class InboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One mail in the list."""

    inbox_id: int
    received_at: datetime
    channel: str
    mail_from: str
    #: The recipient of the envelope.
    to: str
    subject: str
    message_id: str


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` is None on the last page."""

    entries: list[InboxEntry]
    next_cursor: int | None


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file inside a mail, by its name; its content is in the raw message."""

    file_name: str
    content_type: str
    #: Bytes when decoded.
    size: int


class ParsedMail(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail client would show."""

    #: In order, decoded: (name, value).
    headers: list[tuple[str, str]]
    #: Empty when the mail has none. Images of the mail itself (cid:) are inside as data: URLs.
    html: str
    text: str
    attachments: list[Attachment]

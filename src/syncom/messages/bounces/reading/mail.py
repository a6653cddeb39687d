"""A mail that came back as reports: DSN (RFC 3464), ARF (RFC 5965), and what servers write instead.

Everybody can send anything to a return path, so nothing here raises, and time is bounded by the size: a part of the
mail is read, nesting is counted before it is parsed, a header is cut. What cannot be read reports nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final, cast

import msgspec

from syncom.messages.bounces.reading import arf, dsn, free_form
from syncom.messages.bounces.reading.evidence import Evidence, evidence_in
from syncom.messages.bounces.reading.fields import Found, header, is_kind

#: Bytes of a mail that are looked at: a report stands before the mail that it returns.
READ_BYTES: Final = 64 * 1024
_LONGEST_HEADER: Final = 2000
_MOST_PARTS: Final = 60
#: What parts and mails inside of others begin with: more of them than any report has are not parsed.
_MOST_NESTING: Final = 40
_MOST_DIVIDERS: Final = 400
_AUTO_REPLY: Final = re.compile(r"auto-(?:replied|generated|notified)", re.IGNORECASE)


class Verdict(Enum):
    """What kind of mail it is."""

    REPORT = "report"
    #: Out of office and the like (RFC 3834).
    AUTO_REPLY = "auto-reply"
    #: A person's mail, or another report, such as one of having been read (RFC 8098).
    OTHER = "other"
    UNREADABLE = "unreadable"


class ReadMail(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know of a mail."""

    verdict: Verdict
    found: tuple[Found, ...] = ()
    evidence: Evidence = Evidence()
    #: Of this mail, the same however often it comes.
    identity: bytes = b""
    date: datetime | None = None


class _Policy(Compat32):
    """The old policy reads broken mails best; headers are cut, because some are taken apart in quadratic time."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


_POLICY: Final = _Policy()


def read_mail(raw: bytes) -> ReadMail:
    """Read the beginning of a mail. Never raises."""
    raw = raw[:READ_BYTES]
    small = raw.lower()
    if small.count(b"boundary") + small.count(b"message/") > _MOST_NESTING or raw.count(b"\n--") > _MOST_DIVIDERS:
        return ReadMail(verdict=Verdict.UNREADABLE)
    try:
        return _read(raw)
    except Exception:  # noqa: BLE001 - the standard parser raises many kinds of errors for broken mails
        return ReadMail(verdict=Verdict.UNREADABLE)


def _read(raw: bytes) -> ReadMail:
    mail: Message[str, str] = message_from_bytes(raw, policy=cast("Any", _POLICY))
    parts = list(_parts(mail))
    verdict, found = _found(mail, parts)
    if not found:
        return ReadMail(verdict=verdict)
    return ReadMail(
        verdict=Verdict.REPORT,
        found=found,
        evidence=evidence_in(raw, parts),
        identity=_identity(mail, raw),
        date=_date(mail),
    )


def _found(mail: Message[str, str], parts: list[Message[str, str]]) -> tuple[Verdict, tuple[Found, ...]]:
    kinds = [part.get_content_type() for part in parts]
    if "message/feedback-report" in kinds:
        return Verdict.REPORT, arf.feedback(parts[kinds.index("message/feedback-report")])
    found = tuple(
        one
        for kind, part in zip(kinds, parts, strict=True)
        if kind == "message/delivery-status"
        for one in dsn.recipients(part)
    )
    if not found and kinds[0] == "multipart/report":
        if _report_type(mail) == "disposition-notification":
            return Verdict.OTHER, ()
        # A server names the report and puts its fields into a part of another kind.
        found = tuple(one for part in parts if is_kind(part, "text/plain") for one in dsn.recipients_in_text(part))
    if found:
        return Verdict.REPORT, found[: dsn.MOST_RECIPIENTS]
    complaint = arf.complaint_without_report(parts)
    if complaint:
        return Verdict.REPORT, complaint
    failed = free_form.failed_recipients(mail, parts)
    if failed:
        return Verdict.REPORT, failed
    if _AUTO_REPLY.match(header(mail, "Auto-Submitted")) or header(mail, "X-Autoreply") or _is_bulk(mail):
        return Verdict.AUTO_REPLY, ()
    scanned = free_form.scanned(mail, parts)
    return (Verdict.REPORT, scanned) if scanned else (Verdict.OTHER, ())


def _is_bulk(mail: Message[str, str]) -> bool:
    return header(mail, "Precedence").lower() in ("auto_reply", "list")


def _parts(mail: Message[str, str]) -> Iterator[Message[str, str]]:
    """The parts of a mail in their order, not those inside of mails that it returns, and not the fields of reports."""
    waiting = [mail]
    count = 0
    while waiting and count < _MOST_PARTS:
        part = waiting.pop()
        count += 1
        yield part
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting.extend(reversed(cast("list[Message[str, str]]", part.get_payload())))


def _report_type(mail: Message[str, str]) -> str:
    value = mail.get_param("report-type")
    return value.lower() if isinstance(value, str) else ""


def _identity(mail: Message[str, str], raw: bytes) -> bytes:
    """The mail's own Message-ID: on its way only the lines of the relays change. Without one: all of it."""
    named = header(mail, "Message-ID")
    return hashlib.blake2b(named.encode() if named else raw, digest_size=16).digest()


def _date(mail: Message[str, str]) -> datetime | None:
    try:
        found = parsedate_to_datetime(header(mail, "Date"))
    except (ValueError, TypeError, OverflowError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)

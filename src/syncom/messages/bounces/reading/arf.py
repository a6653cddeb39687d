"""Feedback reports (RFC 5965): a recipient called a mail spam, or took it out of the spam folder."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message
from typing import Final, cast

from syncom.messages.bounces.model import ReportKind
from syncom.messages.bounces.reading.fields import Found, address, blocks, header, is_kind, untyped

#: RFC 5965, 7.3. Whatever else there is (virus, auth-failure of RFC 6591, other) is no complaint of a person.
_TYPES: Final = {
    "abuse": ReportKind.COMPLAINT,
    "fraud": ReportKind.COMPLAINT,
    "opt-out": ReportKind.COMPLAINT,
    "opt-out-list": ReportKind.COMPLAINT,
    "not-spam": ReportKind.NOT_SPAM,
}
_PROOF: Final = (
    "feedback-type",
    "user-agent",
    "source-ip",
    "arrival-date",
    "reported-domain",
    "original-mail-from",
    "incidents",
)
#: Microsoft's junk mail reports wrap the mail without a report of their own, and note in it whom it went to.
_JUNK_REPORTS: Final = ("X-HmXmrOriginalRecipient", "X-MS-Exchange-Organization-OriginalRecipient")


def feedback(part: Message[str, str]) -> tuple[Found, ...]:
    """What a part of type message/feedback-report says."""
    fields = {name: value for block in blocks(part) for name, value in block.items()}
    kind = _TYPES.get(fields.get("feedback-type", "").strip().lower(), ReportKind.OTHER)
    return (
        Found(
            kind=kind,
            recipient=address(fields.get("original-rcpt-to", "")) or address(fields.get("removal-recipient", "")),
            host=untyped(fields.get("reporting-mta", "")),
            at=fields.get("arrival-date", ""),
            words=fields.get("feedback-type", ""),
            proof={name: fields[name] for name in _PROOF if fields.get(name)},
        ),
    )


def complaint_without_report(parts: Sequence[Message[str, str]]) -> tuple[Found, ...]:
    """A mail that was complained of, sent on as it is."""
    for part in parts:
        payload = part.get_payload()
        if not is_kind(part, "message/rfc822") or not isinstance(payload, list) or not payload:
            continue
        inner = cast("Message[str, str]", payload[0])
        recipient = next((found for name in _JUNK_REPORTS if (found := address(header(inner, name)))), "")
        if recipient:
            proof = {"feedback-type": "abuse", "reported-by": header(parts[0], "From")}
            return (Found(kind=ReportKind.COMPLAINT, recipient=recipient, words="abuse", proof=proof),)
    return ()

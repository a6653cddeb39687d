"""Postmark's webhooks: no signature; an address that nobody can guess, and a Basic log-in on top.

https://postmarkapp.com/developer/webhooks/bounce-webhook
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import datetime
from typing import Final

import msgspec

from syncom.messages.bounces.hooks.model import Call, Heard, HookSecrets
from syncom.messages.bounces.hooks.reading import decoded, moment, names_in, report, unsigned
from syncom.messages.bounces.hooks.words import said
from syncom.messages.bounces.model import ReportKind
from syncom.tokens import MessageTokens

#: Types of bounces that are none: Postmark tries on, or it is a person's answer.
_DELAYS: Final = ("Transient",)
_NO_BOUNCES: Final = ("Unsubscribe", "Subscribe", "AutoResponder", "OpenRelayTest", "InboundError")


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    record_type: str = ""
    id: int | None = msgspec.field(default=None, name="ID")
    type: str = ""
    message_id: str = msgspec.field(default="", name="MessageID")
    description: str | None = None
    details: str | None = None
    email: str = ""
    recipient: str = ""
    bounced_at: str | None = None
    delivered_at: str | None = None
    #: The bounce itself, where the webhook is set to include it.
    content: str | None = None


def hear(call: Call, secrets: HookSecrets, tokens: MessageTokens, now: datetime, source: str) -> Heard:
    """Check a request and read it. Raises Forbidden, Invalid."""
    if secrets.username or secrets.password:
        expected = "Basic " + b64encode(f"{secrets.username}:{secrets.password}".encode()).decode()
        given = call.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
            raise unsigned("its log-in is not the one of this webhook")
    event = decoded(call.body, _Event)
    kind = _kind(event)
    if kind is None:
        return Heard()
    return Heard(
        reports=(
            report(
                kind,
                f"postmark {event.record_type} {event.id or ''} {event.message_id} {event.email or event.recipient}",
                source=source,
                recipient=event.email or event.recipient,
                names=names_in(tokens, (event.content or "")[:65536], now),
                at=moment(event.bounced_at or event.delivered_at),
                words=event.details or event.description or "",
                said=said("postmark", event.type),
                proof={"feedback-type": "abuse", "reported-by": "Postmark", "event-id": str(event.id or "")},
            ),
        )
    )


def _kind(event: _Event) -> ReportKind | None:
    if event.record_type == "SpamComplaint" or event.type == "SpamComplaint":
        return ReportKind.COMPLAINT
    if event.record_type == "Delivery":
        return ReportKind.DELIVERED
    if event.record_type != "Bounce" or event.type in _NO_BOUNCES:
        return None
    return ReportKind.DELAYED if event.type in _DELAYS else ReportKind.BOUNCED

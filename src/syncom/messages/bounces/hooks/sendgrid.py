"""SendGrid's signed event webhook: ECDSA over time and body; events come in batches, at least once.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from syncom.errors import Invalid
from syncom.messages.bounces.hooks.model import Call, Heard, HookSecrets
from syncom.messages.bounces.hooks.reading import decoded, moment, names_in, report, unsigned
from syncom.messages.bounces.hooks.words import said
from syncom.messages.bounces.model import Report, ReportKind
from syncom.tokens import MessageTokens

_KINDS: Final = {
    "bounce": ReportKind.BOUNCED,
    # Not tried at all, for what is known of the address.
    "dropped": ReportKind.BOUNCED,
    "deferred": ReportKind.DELAYED,
    "delivered": ReportKind.DELIVERED,
    "spamreport": ReportKind.COMPLAINT,
}
_SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
_TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    event: str = ""
    email: str = ""
    timestamp: float | None = None
    smtp_id: str = msgspec.field(default="", name="smtp-id")
    sg_event_id: str = ""
    reason: str = ""
    response: str = ""
    status: str = ""
    type: str = ""
    bounce_classification: str = ""


def check_key(text: str) -> None:
    """Raises Invalid for what is no verification key."""
    _key(text)


def hear(call: Call, secrets: HookSecrets, tokens: MessageTokens, now: datetime, source: str) -> Heard:
    """Check a request and read it. Raises Forbidden, Invalid."""
    signature, timestamp = call.headers.get(_SIGNATURE, ""), call.headers.get(_TIMESTAMP, "")
    try:
        signed = timestamp.encode("ascii") + call.body
        _key(secrets.signing_key).verify(b64decode(signature, validate=True), signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise unsigned("its signature does not fit the verification key") from None
    events = decoded(call.body, list[_Event])
    return Heard(reports=tuple(_report(event, tokens, now, source) for event in events if event.event in _KINDS))


def _report(event: _Event, tokens: MessageTokens, now: datetime, source: str) -> Report:
    words = event.reason or event.response
    return report(
        _KINDS[event.event],
        f"sendgrid {event.sg_event_id or (event.event, event.email, event.timestamp, event.smtp_id)}",
        source=source,
        recipient=event.email,
        names=names_in(tokens, f"Message-ID: {event.smtp_id}", now) if event.smtp_id else (),
        at=moment(event.timestamp),
        status=event.status,
        words=words,
        said=said("sendgrid", event.bounce_classification, words, event.type),
        proof={"feedback-type": "abuse", "reported-by": "SendGrid", "event-id": event.sg_event_id},
    )


def _key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode("".join(text.split()), validate=True))
    except (ValueError, TypeError):
        raise Invalid("signing_key", "is not the verification key that SendGrid shows") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Invalid("signing_key", "is not the verification key that SendGrid shows")
    return key

"""Mailgun's webhooks: HMAC over a time and a token, which must therefore be good once; one event a request.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

import msgspec

from syncom.messages.bounces.hooks.model import Call, Heard, HookSecrets
from syncom.messages.bounces.hooks.reading import decoded, moment, names_in, report, unsigned
from syncom.messages.bounces.hooks.words import said
from syncom.messages.bounces.model import ReportKind
from syncom.tokens import MessageTokens

#: Mailgun tries for eight hours.
TOKEN_LIFE: Final = timedelta(hours=12)
_AHEAD: Final = timedelta(minutes=5)


class _Signature(msgspec.Struct, frozen=True, kw_only=True):
    timestamp: str = ""
    token: str = ""
    signature: str = ""


class _Status(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    code: int | None = None
    message: str | None = None
    description: str | None = None
    enhanced_code: str | None = None
    mx_host: str | None = None


class _Headers(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    message_id: str = ""


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    headers: _Headers = _Headers()


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    sender: str = ""


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    event: str = ""
    id: str = ""
    timestamp: float | None = None
    recipient: str = ""
    severity: str | None = None
    reason: str | None = None
    delivery_status: _Status = _Status()
    message: _Message = _Message()
    envelope: _Envelope = _Envelope()


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    signature: _Signature
    event: _Event = msgspec.field(name="event-data")


def hear(call: Call, secrets: HookSecrets, tokens: MessageTokens, now: datetime, source: str) -> Heard:
    """Check a request and read it. Raises Forbidden, Invalid."""
    body = decoded(call.body, _Body)
    given = body.signature
    signed = f"{given.timestamp}{given.token}".encode()
    expected = hmac.new(secrets.signing_key.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.signature.encode("utf-8", "replace")):
        raise unsigned("its signature does not fit the signing key")
    at = moment(float(given.timestamp)) if given.timestamp.isascii() and given.timestamp.isdecimal() else None
    if at is None or not now - TOKEN_LIFE <= at <= now + _AHEAD:
        raise unsigned("its signature is too old, or of a time to come")
    token = hashlib.sha256(signed).digest()
    kind = _kind(body.event)
    if kind is None:
        return Heard(token=token)
    event, status = body.event, body.event.delivery_status
    words = status.message or status.description or ""
    message_id, sender = event.message.headers.message_id.strip("<>"), event.envelope.sender
    return Heard(
        reports=(
            report(
                kind,
                f"mailgun {event.id or (event.event, event.recipient, event.timestamp, message_id)}",
                source=source,
                recipient=event.recipient,
                names=names_in(tokens, f"Return-Path: <{sender}>\nMessage-ID: <{message_id}>", now),
                at=moment(event.timestamp),
                status=status.enhanced_code or "",
                words=words if words[:3].isdecimal() or not status.code else f"{status.code} {words}",
                host=status.mx_host or "",
                said=said("mailgun", event.reason or ""),
                proof={"feedback-type": "abuse", "reported-by": "Mailgun", "event-id": event.id},
            ),
        ),
        token=token,
    )


def _kind(event: _Event) -> ReportKind | None:
    if event.event == "failed":
        return ReportKind.BOUNCED if event.severity == "permanent" else ReportKind.DELAYED
    return {"delivered": ReportKind.DELIVERED, "complained": ReportKind.COMPLAINT}.get(event.event)

"""Amazon SES over SNS: a signed envelope (versions 1 and 2), and in it what became of a mail.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import Certificate, load_pem_x509_certificate

from syncom.messages.bounces.hooks.model import Call, Heard
from syncom.messages.bounces.hooks.reading import decoded, moment, names_in, report, unsigned
from syncom.messages.bounces.hooks.words import said
from syncom.messages.bounces.model import Report, ReportKind, Said
from syncom.tokens import MessageTokens

#: Reads a certificate's bytes from its address. Raises Upstream.
Fetch = Callable[[str], Awaitable[bytes]]

#: The only hosts whose certificates and confirmations are believed.
_HOST: Final = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(?:\.cn)?")
#: What is signed, in this order (with the values, each on a line of its own).
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
#: Version 1 is SHA-1, which SNS uses unless a topic is set to version 2.
_HASHES: Final[dict[str, HashAlgorithm]] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - as Amazon signs
_MOST_CERTIFICATES: Final = 16


class _Recipient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    email_address: str = ""
    status: str = ""
    diagnostic_code: str = ""


class _Bounce(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    bounce_type: str = ""
    bounce_sub_type: str = ""
    bounced_recipients: list[_Recipient] = []
    timestamp: str = ""
    feedback_id: str = ""
    reporting_mta: str = msgspec.field(default="", name="reportingMTA")


class _Complaint(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    complained_recipients: list[_Recipient] = []
    timestamp: str = ""
    feedback_id: str = ""
    user_agent: str = ""
    complaint_sub_type: str | None = None
    complaint_feedback_type: str = ""
    arrival_date: str = ""


class _Delivery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    recipients: list[str] = []
    timestamp: str = ""
    smtp_response: str = ""


class _Delay(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    delay_type: str = ""
    delayed_recipients: list[_Recipient] = []
    timestamp: str = ""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    value: str = ""


class _Mail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    message_id: str = ""
    source: str = ""
    headers: list[_Header] = []


class _Notice(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a notification, or of event publishing, which names its kind otherwise."""

    notification_type: str = ""
    event_type: str = ""
    mail: _Mail = _Mail()
    bounce: _Bounce = _Bounce()
    complaint: _Complaint = _Complaint()
    delivery: _Delivery = _Delivery()
    delivery_delay: _Delay = _Delay()


class Certificates:
    """Certificates of SNS, fetched from Amazon's hosts alone, and kept."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[str, Certificate] = {}

    async def get(self, url: str, now: datetime) -> Certificate:
        """Raises Forbidden for an address that is not Amazon's, or what is no valid certificate; Upstream."""
        if not is_amazons(url) or not urlsplit(url).path.endswith(".pem"):
            raise unsigned("its certificate is not at an address of Amazon SNS")
        certificate = self._known.get(url)
        if certificate is None:
            try:
                certificate = load_pem_x509_certificate(await self._fetch(url))
            except ValueError:
                raise unsigned("its certificate cannot be read") from None
            if len(self._known) >= _MOST_CERTIFICATES:
                self._known.clear()
            self._known[url] = certificate
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise unsigned("its certificate is not valid at this time")
        return certificate


async def hear(
    call: Call, topics: Sequence[str], certificates: Certificates, tokens: MessageTokens, now: datetime, source: str
) -> Heard:
    """Check a request and read it. Raises Forbidden, Invalid, Upstream."""
    envelope = decoded(call.body, dict[str, str | None])
    kind = envelope.get("Type") or ""
    if envelope.get("TopicArn") not in topics:
        raise unsigned("its topic is not one that this webhook listens to")
    await _check(envelope, kind, certificates, now)
    if kind == "SubscriptionConfirmation":
        url = envelope.get("SubscribeURL") or ""
        if not is_amazons(url):
            raise unsigned("it is to be confirmed at an address that is not Amazon's")
        return Heard(confirm_url=url)
    if kind != "Notification":
        return Heard()
    text = envelope.get("Message") or ""
    if not text.lstrip().startswith("{"):
        return Heard()  # SNS says in a sentence that the topic was set up.
    return Heard(reports=tuple(_reports(decoded(text, _Notice), tokens, now, source)))


def is_amazons(url: str) -> bool:
    """Whether an address leads to a host of Amazon SNS, and nowhere by its spelling."""
    try:
        parts = urlsplit(url)
        plain = parts.port is None and parts.username is None and parts.password is None
    except ValueError:
        return False
    return plain and parts.scheme == "https" and _HOST.fullmatch(parts.netloc) is not None and len(url) <= 2000


async def _check(envelope: dict[str, str | None], kind: str, certificates: Certificates, now: datetime) -> None:
    algorithm = _HASHES.get(envelope.get("SignatureVersion") or "")
    if kind not in _SIGNED or algorithm is None:
        raise unsigned("it is signed in a way that is not known here")
    values = [(name, envelope.get(name)) for name in _SIGNED[kind]]
    signed = "".join(f"{name}\n{value}\n" for name, value in values if value is not None)
    certificate = await certificates.get(envelope.get("SigningCertURL") or "", now)
    key = certificate.public_key()
    try:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature
        signature = b64decode(envelope.get("Signature") or "", validate=True)
        key.verify(signature, signed.encode(), padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        raise unsigned("its signature does not fit") from None


def _reports(notice: _Notice, tokens: MessageTokens, now: datetime, source: str) -> list[Report]:
    mail = notice.mail
    text = "\n".join([f"Return-Path: <{mail.source}>", *(f"{one.name}: {one.value}" for one in mail.headers)])
    names = names_in(tokens, text, now)

    def made(
        kind: ReportKind, recipient: _Recipient, at: str, event: str, meaning: Said | None = None, **proof: str
    ) -> Report:
        key = f"ses {kind.value} {event or mail.message_id} {recipient.email_address}"
        return report(
            kind,
            key if event else f"{key} {at}",
            source=source,
            recipient=recipient.email_address,
            names=names,
            at=moment(at),
            status=recipient.status,
            words=recipient.diagnostic_code.removeprefix("smtp; ").removeprefix("smtp;"),
            said=meaning,
            proof=proof,
        )

    match notice.notification_type or notice.event_type:
        case "Bounce":
            bounce = notice.bounce
            meaning = said("ses", f"{bounce.bounce_type}/{bounce.bounce_sub_type}", f"{bounce.bounce_type}/General")
            return [
                made(ReportKind.BOUNCED, one, bounce.timestamp, bounce.feedback_id, meaning)
                for one in bounce.bounced_recipients
            ]
        case "Complaint":
            complaint = notice.complaint
            proof = {
                "feedback-type": complaint.complaint_feedback_type,
                "user-agent": complaint.user_agent,
                "arrival-date": complaint.arrival_date,
                "feedback-id": complaint.feedback_id,
                "reported-by": "Amazon SES",
            }
            return [
                made(_complaint_kind(complaint), one, complaint.timestamp, complaint.feedback_id, None, **proof)
                for one in complaint.complained_recipients
            ]
        case "Delivery":
            delivery = notice.delivery
            return [
                made(
                    ReportKind.DELIVERED,
                    _Recipient(email_address=one, diagnostic_code=delivery.smtp_response),
                    delivery.timestamp,
                    "",
                )
                for one in delivery.recipients
            ]
        case "DeliveryDelay":
            delay = notice.delivery_delay
            return [made(ReportKind.DELAYED, one, delay.timestamp, "") for one in delay.delayed_recipients]
        case _:
            return []


def _complaint_kind(complaint: _Complaint) -> ReportKind:
    if complaint.complaint_feedback_type == "not-spam":
        return ReportKind.NOT_SPAM
    if complaint.complaint_sub_type == "OnAccountSuppressionList":
        return ReportKind.OTHER  # nobody complained: it was not sent, because somebody had before
    if complaint.complaint_feedback_type in ("virus", "auth-failure"):
        return ReportKind.OTHER
    return ReportKind.COMPLAINT

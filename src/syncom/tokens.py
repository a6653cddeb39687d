"""Tokens in the links of mails: who the message was for, without a look-up and without a way to forge them.

One signed token serves all tracked links and the pixel of a message; the link's number stands beside it, outside
the signature, because it can only lead to another stored target of the same content. Unsubscribing and the mail's
own web page have keys of their own: whoever is handed a tracked link can neither unsubscribe its recipient nor read
the mail it came from. The return path of a mail has one too: a report that comes back to it is about that message, and
nobody can make one up.
"""

from __future__ import annotations

import hashlib
import hmac
import string
import struct
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from syncom.security import Keyring

#: account, content, contact, message
_PAYLOAD = struct.Struct(">IQQ16s")
#: account, contact, message, day since 1970
_BOUNCE = struct.Struct(">IQ16sH")
#: What stands before the token in the local part of a return path.
_BOUNCE_TAG = "b+"
#: The same for the address that an account gives to complaint feedback loops.
_FEEDBACK = struct.Struct(">I")
_FEEDBACK_TAG = "f+"
#: Days that a return path is listened to: the longest that servers keep trying is a week, and vacations end.
BOUNCE_DAYS = 30
#: Letters and digits alone: phones cut a link where a line or a dash ends it.
_DIGITS = string.ascii_letters + string.digits
#: 71 bits: with a billion of them, two are the same with a chance of one in five thousand; nobody finds one by trying.
_SHORT_LENGTH = 12


class MessageRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The message a link belongs to."""

    account_id: int
    content_id: int
    contact_id: int
    message_id: UUID
    #: Subscription categories it was sent under; only in links that unsubscribe.
    category_ids: tuple[int, ...] = ()


class BounceRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The message a return path belongs to."""

    account_id: int
    contact_id: int
    message_id: UUID


class MessageTokens:
    """Makes and reads the tokens of one installation."""

    def __init__(self, keyring: Keyring) -> None:
        self._track = keyring.signer("track")
        self._unsubscribe = keyring.signer("unsubscribe")
        self._view = keyring.signer("view")
        self._redirect = keyring.signer("redirect")
        self._notification = keyring.signer("notification")
        self._short = keyring.key("short link")
        self._bounce = keyring.caseless_signer("bounce")
        self._gateway = keyring.signer("gateway")
        self._feedback = keyring.caseless_signer("feedback loop")

    def track(self, account_id: int, content_id: int, contact_id: int, message_id: UUID) -> str:
        """For `/t/o/<token>.gif` (open) and `/t/c/<token>/<link>` (click)."""
        return self._track.sign(_PAYLOAD.pack(account_id, content_id, contact_id, message_id.bytes))

    def unsubscribe(
        self, account_id: int, content_id: int, contact_id: int, message_id: UUID, category_ids: tuple[int, ...] = ()
    ) -> str:
        """For `/t/u/<token>` and `/t/p/<token>`; ``category_ids`` are what unsubscribing from this message is about."""
        payload = _PAYLOAD.pack(account_id, content_id, contact_id, message_id.bytes)
        if category_ids:
            payload += struct.pack(f">{len(category_ids)}Q", *category_ids)
        return self._unsubscribe.sign(payload)

    def view(self, account_id: int, content_id: int, contact_id: int, message_id: UUID) -> str:
        """For `/t/v/<token>`."""
        return self._view.sign(_PAYLOAD.pack(account_id, content_id, contact_id, message_id.bytes))

    def notification(self, account_id: int, content_id: int, contact_id: int, message_id: UUID) -> str:
        """For `/t/n/<token>/<what>`: the browser tells what became of a notification."""
        return self._notification.sign(_PAYLOAD.pack(account_id, content_id, contact_id, message_id.bytes))

    def redirect(self, link: int, target: str, message_id: UUID) -> str:
        """For `/t/r/<track token>/<token>`: a link whose target is personal carries it, signed for this message."""
        return self._redirect.sign(message_id.bytes + struct.pack(">H", link) + target.encode())

    def short(self, message_id: UUID) -> str:
        """Twelve characters for `/t/s/<code>`, always the same for a message; what it is about is looked up."""
        number = int.from_bytes(hmac.digest(self._short, message_id.bytes, hashlib.sha256), "big")
        characters: list[str] = []
        for _ in range(_SHORT_LENGTH):
            number, digit = divmod(number, len(_DIGITS))
            characters.append(_DIGITS[digit])
        return "".join(characters)

    def bounce(self, account_id: int, contact_id: int, message_id: UUID, at: datetime) -> str:
        """The local part of a mail's return path: 63 octets, of 64 that there may be (RFC 5321 4.5.3.1.1)."""
        return _BOUNCE_TAG + self._bounce.sign(_BOUNCE.pack(account_id, contact_id, message_id.bytes, _day_of(at)))

    def read_bounce(self, local_part: str, now: datetime) -> BounceRef | None:
        """What a report to this local part is about; None when it was not made here or is too old. Letters of any
        case: some servers change them."""
        if local_part[: len(_BOUNCE_TAG)].lower() != _BOUNCE_TAG:
            return None
        payload = self._bounce.verify(local_part[len(_BOUNCE_TAG) :])
        if payload is None or len(payload) != _BOUNCE.size:
            return None
        account_id, contact_id, message, day = _BOUNCE.unpack(payload)
        if not 0 <= _day_of(now) - day <= BOUNCE_DAYS:
            return None
        return BounceRef(account_id=account_id, contact_id=contact_id, message_id=UUID(bytes=message))

    def gateway(self, sender_id: int) -> str:
        """For `/gateways/<token>/...`, where the provider of a sender of texts posts."""
        return self._gateway.sign(struct.pack(">Q", sender_id))

    def read_gateway(self, token: str) -> int | None:
        """The sender; None for a token that was not made here."""
        payload = self._gateway.verify(token)
        return struct.unpack(">Q", payload)[0] if payload is not None and len(payload) == 8 else None

    def feedback(self, account_id: int) -> str:
        """The local part of the address at which an account takes complaints of feedback loops. It does not end."""
        return _FEEDBACK_TAG + self._feedback.sign(_FEEDBACK.pack(account_id))

    def read_feedback(self, local_part: str) -> int | None:
        """The account that such an address is of; None when it was not made here."""
        if local_part[: len(_FEEDBACK_TAG)].lower() != _FEEDBACK_TAG:
            return None
        payload = self._feedback.verify(local_part[len(_FEEDBACK_TAG) :])
        return _FEEDBACK.unpack(payload)[0] if payload is not None and len(payload) == _FEEDBACK.size else None

    def read_track(self, token: str) -> MessageRef | None:
        return _reference(self._track.verify(token))

    def read_unsubscribe(self, token: str) -> MessageRef | None:
        payload = self._unsubscribe.verify(token)
        if payload is None or len(payload) < _PAYLOAD.size:
            return None
        reference = _reference(payload[: _PAYLOAD.size])
        more = payload[_PAYLOAD.size :]
        if reference is None or not more:
            return reference
        return msgspec.structs.replace(reference, category_ids=struct.unpack(f">{len(more) // 8}Q", more))

    def read_view(self, token: str) -> MessageRef | None:
        return _reference(self._view.verify(token))

    def read_notification(self, token: str) -> MessageRef | None:
        return _reference(self._notification.verify(token))

    def read_redirect(self, token: str, message_id: UUID) -> tuple[int, str] | None:
        """Link number and target, when the token was made for this message."""
        payload = self._redirect.verify(token)
        if payload is None or payload[:16] != message_id.bytes:
            return None
        return int.from_bytes(payload[16:18], "big"), payload[18:].decode()


def _day_of(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) // 86_400


def _reference(payload: bytes | None) -> MessageRef | None:
    if payload is None or len(payload) != _PAYLOAD.size:
        return None
    account_id, content_id, contact_id, message = _PAYLOAD.unpack(payload)
    return MessageRef(
        account_id=account_id,
        content_id=content_id,
        contact_id=contact_id,
        # UUID(bytes=...) takes three times as long, on the hottest path of the installation.
        message_id=msgspec.convert(message, UUID),
    )

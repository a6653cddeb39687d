"""What a request of a provider says: receipts, or texts that people sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from syncom.errors import Invalid
from syncom.messages.channels.sms.callbacks.posted import Posted
from syncom.messages.channels.sms.codes import Action, Origin, Provider, meaning
from syncom.messages.channels.sms.form import MESSAGE, CallbackForm, all_at, first_line, line_of
from syncom.messages.receipts.model import Receipt, ReceiptState

#: https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
_TWILIO: Final[Mapping[str, ReceiptState]] = {
    "accepted": ReceiptState.ACCEPTED,
    "scheduled": ReceiptState.ACCEPTED,
    "queued": ReceiptState.ACCEPTED,
    "sending": ReceiptState.ACCEPTED,
    "sent": ReceiptState.ACCEPTED,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERED,
    "failed": ReceiptState.REJECTED,
    "canceled": ReceiptState.DELETED,
}
#: https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts, and the Messages API's statuses.
_VONAGE: Final[Mapping[str, ReceiptState]] = {
    "submitted": ReceiptState.ACCEPTED,
    "accepted": ReceiptState.ACCEPTED,
    "buffered": ReceiptState.ACCEPTED,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    "failed": ReceiptState.UNDELIVERED,
    "undeliverable": ReceiptState.UNDELIVERED,
    "rejected": ReceiptState.REJECTED,
    "unknown": ReceiptState.UNKNOWN,
}
_MOST_AT_ONCE: Final = 500


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a joined text it is."""

    reference: str
    #: From 1.
    part: int
    total: int


class ReceivedText(msgspec.Struct, frozen=True, kw_only=True):
    """A text of somebody, as the provider says it."""

    from_: str
    to: str
    text: str
    #: None: the provider does not say.
    at: datetime | None = None
    peer_id: str = ""
    #: None: it is a whole text.
    joined: Joined | None = None
    #: The provider has answered a keyword itself.
    answered: bool = False


def read_twilio_receipt(sender_id: int, posted: Posted) -> list[Receipt]:
    """A status callback. Raises Invalid when it is none."""
    said = dict(reversed(posted.form))
    status = (said.get("MessageStatus") or said.get("SmsStatus") or "").lower()
    peer_id = said.get("MessageSid") or said.get("SmsSid") or ""
    if status not in _TWILIO or not peer_id:
        raise Invalid("body", "must have MessageSid and MessageStatus")
    receipt = _receipt(sender_id, peer_id, _TWILIO[status], Provider.TWILIO, said.get("ErrorCode", ""))
    return [msgspec.structs.replace(receipt, message_id=_own_id(dict(posted.query).get(MESSAGE)))]


def read_twilio_text(posted: Posted) -> list[ReceivedText]:
    """An incoming message. Raises Invalid when it is none.

    ``OptOutType`` says that Advanced Opt-Out has read a keyword and answered it.
    """
    said = dict(reversed(posted.form))
    peer_id = said.get("MessageSid") or said.get("SmsSid") or ""
    if not peer_id or "From" not in said or "Body" not in said:
        raise Invalid("body", "must have MessageSid, From and Body")
    return [
        ReceivedText(
            from_=said["From"],
            to=said.get("To", ""),
            text=said["Body"],
            peer_id=peer_id,
            answered=bool(said.get("OptOutType")),
        )
    ]


def read_vonage_receipt(sender_id: int, posted: Posted) -> list[Receipt]:
    """A delivery receipt of the SMS API, or a status of the Messages API. Raises Invalid when it is none."""
    said = _members(posted)
    status = line_of(said.get("status")).lower()
    peer_id = line_of(said.get("messageId") or said.get("message-id") or said.get("message_uuid"))
    if status not in _VONAGE or not peer_id:
        raise Invalid("body", "must have messageId and status")
    state = _VONAGE[status]
    at = _moment(said.get("message-timestamp") or said.get("timestamp"))
    error = said.get("error")
    if isinstance(error, dict):
        words = cast("dict[str, Any]", error)
        reason = line_of(words.get("title") or words.get("detail") or words.get("type"))
        own = _own_id(said.get("client_ref"))
        return [
            Receipt(sender_id=sender_id, peer_id=peer_id, state=state, occurred_at=at, reason=reason, message_id=own)
        ]
    code = line_of(said.get("err-code"))
    receipt = _receipt(sender_id, peer_id, state, Provider.VONAGE, "" if code == "0" else code)
    own = _own_id(said.get("client-ref") or said.get("client_ref"))
    return [msgspec.structs.replace(receipt, occurred_at=at, message_id=own)]


def read_vonage_text(posted: Posted) -> list[ReceivedText]:
    """An inbound message of either API. Raises Invalid when it is none. Of a joined text each part comes by itself."""
    said = _members(posted)
    peer_id = line_of(said.get("messageId") or said.get("message-id") or said.get("message_uuid"))
    from_ = line_of(said.get("msisdn") or said.get("from"))
    text = said.get("text")
    if not peer_id or not from_ or not isinstance(text, str):
        raise Invalid("body", "must have messageId, msisdn and text")
    at = _moment(said.get("message-timestamp") or said.get("timestamp"))
    joined = _joined(said) if line_of(said.get("concat")).lower() == "true" else None
    return [ReceivedText(from_=from_, to=line_of(said.get("to")), text=text, at=at, peer_id=peer_id, joined=joined)]


def _joined(said: Mapping[str, Any]) -> Joined:
    """https://developer.vonage.com/en/messaging/sms/guides/inbound-sms: concat-ref, concat-part and concat-total."""
    part, total = (line_of(said.get(name)) for name in ("concat-part", "concat-total"))
    if not (part.isascii() and part.isdigit() and total.isascii() and total.isdigit() and len(part + total) <= 6):
        raise Invalid("body", "must have concat-part and concat-total")
    return Joined(reference=line_of(said.get("concat-ref")), part=int(part), total=int(total))


def read_receipts(sender_id: int, posted: Posted, form: CallbackForm) -> list[Receipt]:
    """Receipts of a gateway described by a form. Raises Invalid when there are none."""
    wanted = form.receipts
    if wanted is None:
        raise Invalid("config.gateway.callbacks.receipts", "is not described")
    found: list[Receipt] = []
    for said in _each(posted, wanted.each):
        peer_id, status = _first(said, wanted.id), _first(said, wanted.status)
        if not peer_id or not status:
            continue
        error = _first(said, wanted.error)
        named = wanted.statuses.get(status) or wanted.statuses.get(status.lower(), "unknown")
        found.append(
            Receipt(
                sender_id=sender_id,
                peer_id=peer_id,
                state=ReceiptState[named.upper()],
                reason=error or (status if named == "unknown" else ""),
                invalid_number=bool({error, status} & set(wanted.invalid_number)),
                message_id=_own_id(_first(said, wanted.message)),
            )
        )
    if not found:
        raise Invalid("body", f"must have {wanted.id} and {wanted.status}")
    return found


def read_texts(posted: Posted, form: CallbackForm) -> list[ReceivedText]:
    """Texts that a gateway described by a form brings. Raises Invalid when there are none."""
    wanted = form.texts
    if wanted is None:
        raise Invalid("config.gateway.callbacks.texts", "is not described")
    found = [
        ReceivedText(
            from_=from_,
            to=_first(said, wanted.to),
            text=text,
            peer_id=_first(said, wanted.id),
        )
        for said in _each(posted, wanted.each)
        if (from_ := _first(said, wanted.from_))
        and isinstance(text := next(iter(_values(said, wanted.text)), None), str)
    ]
    if not found:
        raise Invalid("body", f"must have {wanted.from_} and {wanted.text}")
    return found


def _receipt(sender_id: int, peer_id: str, state: ReceiptState, provider: Provider, code: str) -> Receipt:
    row = meaning(provider, Origin.RECEIPT, code) if code else None
    reason = f"{code} {row.reason}" if row else code
    return Receipt(
        sender_id=sender_id,
        peer_id=peer_id,
        state=state,
        reason=reason,
        invalid_number=row is not None and row.action is Action.INVALID_NUMBER,
    )


def _own_id(value: object) -> UUID | None:
    """Our id of the message, as a provider gives it back."""
    try:
        return UUID(value) if isinstance(value, str) and len(value) <= 36 else None
    except ValueError:
        return None


def _members(posted: Posted) -> dict[str, Any]:
    fields = posted.fields
    if not isinstance(fields, dict):
        raise Invalid("body", "must be an object or a form")
    return cast("dict[str, Any]", fields)


def _each(posted: Posted, path: str) -> list[Any]:
    """The things that a request tells of."""
    if not path:
        return [posted.fields]
    found = all_at(posted.fields, path)
    listed = [inner for one in found for inner in (cast("list[Any]", one) if isinstance(one, list) else [one])]
    if len(listed) > _MOST_AT_ONCE:
        raise Invalid("body", f"must tell of at most {_MOST_AT_ONCE} at a time")
    return listed


def _values(said: Any, path: str) -> list[Any]:
    """A form's fields have names with dots in them; JSON has members in members."""
    if path and isinstance(said, dict) and path in cast("dict[str, Any]", said):
        return [cast("dict[str, Any]", said)[path]]
    return all_at(said, path)


def _first(said: Any, path: str) -> str:
    return first_line(_values(said, path))


def _moment(value: object) -> datetime | None:
    """A time as Vonage writes it, UTC; None: it cannot be read."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)

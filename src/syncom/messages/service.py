"""Use cases of messages: send single ones, tell where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from syncom.contacts.model import ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.content.filing import clean_from_name
from syncom.content.service import ContentService
from syncom.errors import Invalid, NotFound
from syncom.ids import single_message_id
from syncom.messages import store
from syncom.messages.model import SINGLE_LIFE, Lane, MessageStatus
from syncom.messages.senders import SendersService
from syncom.postgres.pool import Database

MAX_RECIPIENTS = 1000
EXTERNAL_ID_LIMIT = 255
_PARAMS_LIMIT = 64 * 1024


class MessageRecipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a message goes to: a contact by id, or an email address (its contact is found, or made without consent)."""

    contact_id: int | None = None
    email: str | None = None
    #: Merge fields of this message; they win over the contact's.
    params: dict[str, Any] = {}
    #: The caller's own id of this message; empty: that of the request.
    external_request_id: str = ""


class SendRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transactional email: one template, up to 1,000 recipients."""

    template_id: int
    recipients: tuple[MessageRecipient, ...]
    #: None: the template's sender, else the default one.
    sender_id: int | None = None
    #: The caller's own id, kept with every message of this request.
    external_request_id: str = ""
    #: Stands in for the sender's name.
    from_name: str = ""


class MessagesService:
    """Single messages of an account."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        content: ContentService,
        senders: SendersService,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._content = content
        self._senders = senders

    async def send(self, account_id: int, request: SendRequest, *, lane: Lane = Lane.TRANSACTIONAL) -> list[UUID]:
        """Queue a message for each recipient; returns their ids, in order, once the queue is durable.

        Raises Invalid or NotFound naming the recipient; nothing is queued then.
        """
        if not 0 < len(request.recipients) <= MAX_RECIPIENTS:
            raise Invalid("recipients", f"must have 1 to {MAX_RECIPIENTS} entries")
        params = [_params(recipient, place) for place, recipient in enumerate(request.recipients)]
        external_request_ids = [_external_request_id(recipient, request) for recipient in request.recipients]
        from_name = clean_from_name(request.from_name)
        sender_id = request.sender_id or (await self._senders.default(account_id)).sender_id
        contact_ids = await self._contact_ids(account_id, request.recipients)
        # One transaction, few steps: somebody is waiting for this mail.
        async with self._database.tenant(account_id) as connection:
            content_id = await self._content.freeze(connection, account_id, request.template_id)
            await self._senders.require(connection, account_id, sender_id)
            addresses = await store.addresses(connection, account_id, contact_ids)
            queued = [
                store.Queued(
                    message_id=single_message_id(contact_id),
                    account_id=account_id,
                    contact_id=contact_id,
                    lane=lane,
                    sender_id=sender_id,
                    content_id=content_id,
                    params=params[place],
                    address=_address(addresses, contact_id, place),
                    life=SINGLE_LIFE,
                    external_request_id=external_request_ids[place],
                    from_name=from_name,
                )
                for place, contact_id in enumerate(contact_ids)
            ]
            await store.insert_messages(connection, queued)
        return [row.message_id for row in queued]

    async def status(self, account_id: int, message_ids: Sequence[UUID]) -> list[MessageStatus]:
        """Where these messages are; ids that are not this account's are left out."""
        if len(message_ids) > MAX_RECIPIENTS:
            raise Invalid("ids", f"must be at most {MAX_RECIPIENTS}")
        async with self._database.tenant(account_id) as connection:
            return await store.status(connection, account_id, message_ids)

    async def _contact_ids(self, account_id: int, recipients: Sequence[MessageRecipient]) -> list[int]:
        """Whom the recipients are. An address nobody has gets a contact, unconfirmed: it did not ask for marketing."""
        places: list[int] = []
        for place, recipient in enumerate(recipients):
            if (recipient.contact_id is None) == (recipient.email is None):
                raise Invalid(f"recipients.{place}", "must have either contact_id or email")
            if recipient.email is not None:
                places.append(place)
        ids = [recipient.contact_id or 0 for recipient in recipients]
        if not places:
            return ids
        options = UpsertOptions(key=IdentityKind.EMAIL, consent=SubscriptionState.UNCONFIRMED, source="message")
        rows = [ContactInput(email=recipients[place].email or "") for place in places]
        result = await self._contacts.upsert(account_id, rows, options)
        for problem in result.problems:
            raise Invalid(f"recipients.{places[problem.index]}.{problem.field}", problem.reason)
        for place, contact_id in zip(places, result.contact_ids, strict=True):
            ids[place] = contact_id or 0
        return ids


def _address(addresses: Mapping[int, str], contact_id: int, place: int) -> str:
    """The contact's email address."""
    address = addresses.get(contact_id)
    if address is None:
        raise NotFound("contact", contact_id)
    if not address:
        raise Invalid(f"recipients.{place}.contact_id", "this contact has no email address")
    return address


def _external_request_id(recipient: MessageRecipient, request: SendRequest) -> str:
    found = recipient.external_request_id or request.external_request_id
    if len(found) > EXTERNAL_ID_LIMIT or not found.isprintable():
        raise Invalid("external_request_id", f"must have at most {EXTERNAL_ID_LIMIT} printable characters")
    return found


def _params(recipient: MessageRecipient, place: int) -> str:
    text = msgspec.json.encode(recipient.params).decode()
    if len(text) > _PARAMS_LIMIT:
        raise Invalid(f"recipients.{place}.params", f"must be at most {_PARAMS_LIMIT} bytes of JSON")
    if "\\u0000" in text:
        raise Invalid(f"recipients.{place}.params", "must not contain NUL")
    return text

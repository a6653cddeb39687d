"""Use cases of messages: send single ones, tell where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from syncom.clock import Clock
from syncom.contacts.model import ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.content.service import ContentService
from syncom.errors import Invalid, NotFound
from syncom.ids import single_message_id
from syncom.messages import store
from syncom.messages.model import SINGLE_LIFE, Lane, MessageStatus
from syncom.messages.senders import SendersService
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Database

MAX_RECIPIENTS = 1000
_PARAMS_LIMIT = 64 * 1024


class MessageRecipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a message goes to: a contact by id, or an email address (its contact is found, or made without consent)."""

    contact_id: int | None = None
    email: str | None = None
    #: Merge fields of this message; they win over the contact's.
    params: dict[str, Any] = {}


class SendRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transactional email: one template, up to 1,000 recipients."""

    template_id: int
    recipients: tuple[MessageRecipient, ...]
    sender_id: int | None = None


class MessagesService:
    """Single messages of an account."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        content: ContentService,
        senders: SendersService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._content = content
        self._senders = senders
        self._clock = clock
        self._queue: GroupCommit[Sequence[store.Queued], None] = GroupCommit(self._write)

    async def send(self, account_id: int, request: SendRequest, *, lane: Lane = Lane.TRANSACTIONAL) -> list[UUID]:
        """Queue a message for each recipient; returns their ids, in order, once the queue is durable.

        Raises Invalid or NotFound naming the recipient; nothing is queued then.
        """
        if not 0 < len(request.recipients) <= MAX_RECIPIENTS:
            raise Invalid("recipients", f"must have 1 to {MAX_RECIPIENTS} entries")
        template = await self._content.get(account_id, request.template_id)
        if request.sender_id is None:
            sender = await self._senders.default(account_id)
        else:
            sender = await self._senders.get(account_id, request.sender_id)
        people = await self._resolve(account_id, request.recipients)
        queued = [
            store.Queued(
                message_id=single_message_id(contact_id),
                account_id=account_id,
                contact_id=contact_id,
                lane=lane,
                sender_id=sender.sender_id,
                content_id=template.content_id,
                params=_params(recipient, place),
                address=address,
                life=SINGLE_LIFE,
            )
            for place, (recipient, (contact_id, address)) in enumerate(zip(request.recipients, people, strict=True))
        ]
        await self._queue.submit(queued)
        return [row.message_id for row in queued]

    async def status(self, account_id: int, message_ids: Sequence[UUID]) -> list[MessageStatus]:
        """Where these messages are; ids that are not this account's are left out."""
        if len(message_ids) > MAX_RECIPIENTS:
            raise Invalid("ids", f"must be at most {MAX_RECIPIENTS}")
        async with self._database.tenant(account_id) as connection:
            return await store.status(connection, account_id, message_ids)

    async def close(self) -> None:
        """Finish what was accepted."""
        await self._queue.close()

    async def _resolve(self, account_id: int, recipients: Sequence[MessageRecipient]) -> list[tuple[int, str]]:
        """Contact id and address of each recipient."""
        await self._make_contacts(account_id, recipients)
        resolved: list[tuple[int, str]] = []
        by_id = [recipient.contact_id for recipient in recipients if recipient.contact_id is not None]
        known = {contact.contact_id: contact for contact in await self._contacts.get_many(account_id, by_id)}
        for place, recipient in enumerate(recipients):
            if recipient.contact_id is not None:
                contact = known.get(recipient.contact_id)
                if contact is None:
                    raise NotFound("contact", recipient.contact_id)
                if contact.email is None:
                    raise Invalid(f"recipients.{place}.contact_id", "this contact has no email address")
            else:
                contact = await self._contacts.find(account_id, IdentityKind.EMAIL, recipient.email or "")
                if contact is None:  # deleted this very moment
                    raise NotFound("contact", recipient.email)
            resolved.append((contact.contact_id, contact.email or ""))
        return resolved

    async def _make_contacts(self, account_id: int, recipients: Sequence[MessageRecipient]) -> None:
        """Contacts for addresses nobody has yet. They did not ask for marketing: their state is unconfirmed."""
        rows: list[ContactInput] = []
        places: list[int] = []
        for place, recipient in enumerate(recipients):
            if (recipient.contact_id is None) == (recipient.email is None):
                raise Invalid(f"recipients.{place}", "must have either contact_id or email")
            if recipient.email is not None:
                rows.append(ContactInput(email=recipient.email))
                places.append(place)
        if not rows:
            return
        options = UpsertOptions(key=IdentityKind.EMAIL, consent=SubscriptionState.UNCONFIRMED, source="message")
        result = await self._contacts.upsert(account_id, rows, options)
        for problem in result.problems:
            raise Invalid(f"recipients.{places[problem.index]}.{problem.field}", problem.reason)

    async def _write(self, batch: Sequence[Sequence[store.Queued]]) -> list[None]:
        async with self._database.system() as connection:
            await store.insert_messages(connection, [row for rows in batch for row in rows])
        return [None] * len(batch)


def _params(recipient: MessageRecipient, place: int) -> str:
    text = msgspec.json.encode(recipient.params).decode()
    if len(text) > _PARAMS_LIMIT:
        raise Invalid(f"recipients.{place}.params", f"must be at most {_PARAMS_LIMIT} bytes of JSON")
    if "\\u0000" in text:
        raise Invalid(f"recipients.{place}.params", "must not contain NUL")
    return text

"""Use cases of messages: send single ones, tell where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.content.filing import clean_from_name, clean_language
from syncom.content.model import Sendable, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Invalid, NotFound
from syncom.ids import single_message_id
from syncom.messages import store
from syncom.messages.batch import MAX_RECIPIENTS, BatchResult, BatchSend, BatchSends, external_id, params_text
from syncom.messages.dealing import hand_of
from syncom.messages.model import SINGLE_LIFE, Lane, MessageStatus, Sender
from syncom.messages.routes import Reached
from syncom.messages.senders import SendersService, own_name
from syncom.postgres.pool import Connection, Database


class MessageRecipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a message goes to: a contact by id, or an email address (its contact is found, or made without consent)."""

    contact_id: int | None = None
    email: str | None = None
    #: Merge fields of this message; they win over the contact's.
    params: dict[str, Any] = {}
    #: Language of the template's version (BCP 47); empty: the contact's own.
    language: str = ""
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
        self._batches = BatchSends(database, contacts, content, senders)

    async def send_each(
        self, account_id: int, request: BatchSend, *, lane: Lane = Lane.TRANSACTIONAL
    ) -> list[BatchResult]:
        """Queue a message for each recipient that can have one, and say for each what became of it.

        See :meth:`BatchSends.send`. Raises NotFound and Invalid for the request as a whole only.
        """
        return await self._batches.send(account_id, request, lane=lane)

    async def send(
        self,
        account_id: int,
        request: SendRequest,
        *,
        lane: Lane = Lane.TRANSACTIONAL,
        unsaved: Sendable | None = None,
    ) -> list[UUID]:
        """Queue a message for each recipient; returns their ids, in order, once the queue is durable.

        ``unsaved`` is sent in place of the template that the request names. Raises Invalid or NotFound naming the
        recipient; nothing is queued then.
        """
        if not 0 < len(request.recipients) <= MAX_RECIPIENTS:
            raise Invalid("recipients", f"must have 1 to {MAX_RECIPIENTS} entries")
        plans = [_plan(recipient, request, place) for place, recipient in enumerate(request.recipients)]
        from_name = clean_from_name(request.from_name)
        default = None if request.sender_id else await self._senders.default(account_id)
        contact_ids = await self._contact_ids(account_id, request.recipients)
        # One transaction, few steps: somebody is waiting for this mail.
        async with self._database.tenant(account_id) as connection:
            template = unsaved or await self._content.sendable(connection, account_id, request.template_id)
            if template.channel is not Channel.EMAIL:
                raise Invalid("template_id", f"is a template of {template.channel.name.lower()} messages, not of mails")
            sender_id = request.sender_id or template.sender_id or (default.sender_id if default else 0)
            hand = await hand_of(connection, await self._senders.require(connection, account_id, sender_id))
            contacts = await store.reach(connection, account_id, sorted(set(contact_ids)), Channel.EMAIL)
            queued: list[store.Queued] = []
            for place, contact_id in enumerate(contact_ids):
                contact = contacts.get(contact_id)
                plan = plans[place]
                message_id = single_message_id(contact_id)
                queued.append(
                    store.Queued(
                        message_id=message_id,
                        account_id=account_id,
                        contact_id=contact_id,
                        lane=lane,
                        sender_id=hand.of_message(message_id),
                        group_id=hand.group_id,
                        address=_address(contact, contact_id, place),
                        content_id=template.content_for(plan.language or (contact.language if contact else "")),
                        params=plan.params,
                        life=SINGLE_LIFE,
                        external_request_id=plan.external_request_id,
                        from_name=from_name,
                        categories=template.categories,
                    )
                )
            await self._content.mark_used(connection, account_id, {row.content_id for row in queued})
            await store.insert_messages(connection, queued)
        return [row.message_id for row in queued]

    async def unsaved(self, account_id: int, mail: TemplateInput) -> Sendable:
        """What :meth:`send` needs of a mail that is being written; it has no attachments. Raises Invalid."""
        return Sendable(
            template_id=0,
            channel=mail.channel,
            content_id=await self._content.made_for_send(account_id, mail),
            language=mail.language,
            languages={},
            sender_id=mail.sender_id,
            from_name=mail.from_name,
            dialect=mail.dialect,
        )

    async def queue_answer(
        self,
        connection: Connection,
        sender: Sender,
        contact_id: int,
        phone: str,
        content_id: int,
        *,
        from_name: str = "",
    ) -> UUID:
        """Queue the answer to a text, inside the caller's transaction of the account; returns its id.

        It comes from the number that was written to (``from_name``) where the sender may use that.
        """
        try:
            name = own_name(sender, from_name)
        except Invalid:
            name = ""
        row = store.Queued(
            message_id=single_message_id(contact_id),
            account_id=sender.account_id,
            contact_id=contact_id,
            channel=Channel.SMS,
            lane=Lane.TRANSACTIONAL,
            sender_id=sender.sender_id,
            address=phone,
            content_id=content_id,
            params="{}",
            life=SINGLE_LIFE,
            from_name=name,
        )
        await self._content.mark_used(connection, sender.account_id, {content_id})
        await store.insert_messages(connection, [row])
        return row.message_id

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


def _address(contact: Reached | None, contact_id: int, place: int) -> str:
    """The contact's email address."""
    if contact is None:
        raise NotFound("contact", contact_id)
    if not contact.email:
        raise Invalid(f"recipients.{place}.contact_id", "this contact has no email address")
    return contact.email


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is particular about one recipient, checked."""

    params: str
    language: str
    external_request_id: str


def _plan(recipient: MessageRecipient, request: SendRequest, place: int) -> _Plan:
    try:
        return _Plan(
            params=params_text(recipient.params),
            language=clean_language(recipient.language) if recipient.language else "",
            external_request_id=external_id(recipient.external_request_id or request.external_request_id),
        )
    except Invalid as error:
        field, reason = error.fields[0].field, error.fields[0].reason
        raise Invalid(f"recipients.{place}.{field}", reason) from None

"""Sends whose recipients each have an answer of their own: one bad address stops nobody else's message.

The use case behind integrations that send up to a thousand messages a call and read the outcome row by row. The native
send is all or nothing instead, see :mod:`syncom.messages.service`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel, SubscriptionState, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.content.filing import clean_from_name, clean_language
from syncom.content.model import Sendable, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Invalid
from syncom.ids import single_message_id
from syncom.messages import store
from syncom.messages.dealing import Hand, hand_of
from syncom.messages.model import SINGLE_LIFE, Exclusion, Lane, Sender
from syncom.messages.routes import ROUTES, Reached, Route, with_ids
from syncom.messages.senders import SendersService, own_name
from syncom.postgres.pool import Connection, Database

MAX_RECIPIENTS = 1000
EXTERNAL_ID_LIMIT = 255
PARAMS_LIMIT = 64 * 1024
MAX_CATEGORIES = 50


class BatchRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a message goes to, and what is particular about it.

    With both, ``contact_id`` says who it is and ``locator`` where it goes.
    """

    #: An address of the message's channel: an email address, a phone number, a token.
    locator: str = ""
    contact_id: int | None = None
    #: Data of this message: JSON in a text, or the object itself.
    params: str | Mapping[str, Any] = ""
    #: BCP 47; empty: the contact's own.
    language: str = ""
    #: The caller's own id of this message; empty: that of the batch.
    external_request_id: str = ""
    #: Stands in for the sender's name; empty: that of the batch.
    from_name: str = ""


class BatchSend(msgspec.Struct, frozen=True, kw_only=True):
    """One message to up to 1,000 recipients: a template, or a mail that comes with the request."""

    recipients: tuple[BatchRecipient, ...]
    template_id: int | None = None
    mail: TemplateInput | None = None
    #: The address of one of the account's senders; empty: the template's sender, or the default one.
    from_email: str = ""
    from_name: str = ""
    external_request_id: str = ""
    #: Whether people who have not confirmed their address get it too.
    allow_unconfirmed: bool = False
    #: Subscription categories it belongs to, those of the template unless given: who chose others does not get it.
    categories: tuple[str, ...] = ()
    #: Whether links of ``mail`` are counted.
    track_links: bool = True


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one recipient: a message id (of several browsers' the first one's), or the problem."""

    locator: str
    message_id: UUID | None = None
    problem: str = ""


class _Plan(msgspec.Struct, kw_only=True):
    """One recipient on the way through the steps; whoever has a problem is passed over."""

    given: BatchRecipient
    #: Normalised; empty: that of the contact.
    address: str = ""
    contact_id: int | None = None
    params: str = "{}"
    language: str = ""
    external_request_id: str = ""
    from_name: str = ""
    problem: str = ""
    message_id: UUID | None = None


class _Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, resolved."""

    route: Route
    #: None: a mail that came with the request.
    template: Sendable | None
    content_id: int
    sender: Sender

    def content_for(self, language: str) -> int:
        return self.content_id if self.template is None else self.template.content_for(language)


class BatchSends:
    """Sends with an answer for each recipient."""

    def __init__(
        self, database: Database, contacts: ContactsService, content: ContentService, senders: SendersService
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._content = content
        self._senders = senders

    async def send(self, account_id: int, request: BatchSend, *, lane: Lane = Lane.TRANSACTIONAL) -> list[BatchResult]:
        """Queue a message for each recipient that can have one; the answers stand in the order of the recipients.

        A locator nobody has gets a contact, subscribed to this channel only. Returns once the queue is durable. Raises
        NotFound when the template does not exist, Invalid for what is wrong with the request as a whole.
        """
        if not 0 < len(request.recipients) <= MAX_RECIPIENTS:
            raise Invalid("recipients", f"must have 1 to {MAX_RECIPIENTS} entries")
        if len(request.categories) > MAX_CATEGORIES:
            raise Invalid("categories", f"must be at most {MAX_CATEGORIES}")
        plans = [_plan(given, request) for given in request.recipients]
        letter = await self._letter(account_id, request, plans)
        if letter is not None:
            await self._find_contacts(account_id, letter.route, plans)
            async with self._database.tenant(account_id) as connection:
                await self._queue(connection, account_id, request, letter, plans, lane)
        return [
            BatchResult(locator=plan.given.locator, message_id=plan.message_id, problem=plan.problem) for plan in plans
        ]

    # ------------------------------------------------------------ what is sent, and by whom

    async def _letter(self, account_id: int, request: BatchSend, plans: Sequence[_Plan]) -> _Letter | None:
        """None when nobody can get it; each recipient has the reason then."""
        template = None
        if request.template_id is not None:
            async with self._database.tenant(account_id) as connection:
                template = await self._content.sendable(connection, account_id, request.template_id)
        channel = template.channel if template is not None else request.mail.channel if request.mail else Channel.EMAIL
        route = ROUTES.get(channel)
        if route is None:
            _refuse(plans, f"no sender for channel {channel.name.lower()}; add one")
            return None
        try:
            sender = await self._sender(account_id, request, channel, template)
        except Invalid as error:
            _refuse(plans, error.fields[0].reason)
            return None
        if channel.consent is Channel.SMS:
            _check_names(plans, sender)
        if template is not None:
            return _Letter(route=route, template=template, content_id=template.content_id, sender=sender)
        if request.mail is None:
            raise Invalid("message", "names neither a template nor a mail")
        try:
            content_id = await self._content.made_for_send(account_id, request.mail, track_links=request.track_links)
        except Invalid as error:
            _refuse(plans, f"the message cannot be made: {error.message}")
            return None
        return _Letter(route=route, template=None, content_id=content_id, sender=sender)

    async def _sender(self, account_id: int, request: BatchSend, channel: Channel, template: Sendable | None) -> Sender:
        """The named sender, else the template's, else the default one. Raises Invalid when there is none."""
        if channel is Channel.WEBPUSH:
            if template is not None and template.sender_id is not None:
                return await self._senders.get(account_id, template.sender_id)
            return await self._senders.default(account_id, channel)
        if channel is not Channel.EMAIL:
            name = request.from_name or (template.from_name if template is not None else "")
            return await self._senders.of_texts(account_id, channel, name)
        if request.from_email:
            found = await self._senders.with_address(account_id, request.from_email)
            if found is None:
                raise Invalid("from", f"'{request.from_email}' is not one of the senders of this account")
            return found
        if template is not None and template.sender_id is not None:
            return await self._senders.get(account_id, template.sender_id)
        return await self._senders.default(account_id)

    # ------------------------------------------------------------ to whom

    async def _find_contacts(self, account_id: int, route: Route, plans: Sequence[_Plan]) -> None:
        """Whom the locators lead to; contacts are made for those nobody has."""
        for plan in plans:
            if not plan.problem and plan.given.locator:
                _locate(plan, route)
        sought = [plan for plan in plans if not plan.problem and plan.contact_id is None]
        found = await self._contacts.find_ids(account_id, route.identity, [plan.address for plan in sought])
        for plan, contact_id in zip(sought, found, strict=True):
            plan.contact_id = contact_id
        new = [plan for plan in sought if plan.contact_id is None]
        if not new:
            return
        if route.newcomer is None:
            for plan in new:
                plan.problem = f"'{plan.given.locator}' is no {route.noun} of a contact"
            return
        newcomer = route.newcomer
        options = UpsertOptions(key=route.identity, consent=SubscriptionState.SUBSCRIBED, source="message")
        made = await self._contacts.upsert(account_id, [newcomer(plan.address) for plan in new], options)
        for plan, contact_id in zip(new, made.contact_ids, strict=True):
            plan.contact_id = contact_id
        for problem in made.problems:
            new[problem.index].problem = f"'{new[problem.index].given.locator}': {problem.reason}"

    # ------------------------------------------------------------ into the queue

    async def _queue(
        self,
        connection: Connection,
        account_id: int,
        request: BatchSend,
        letter: _Letter,
        plans: Sequence[_Plan],
        lane: Lane,
    ) -> None:
        """One transaction: somebody is waiting for this mail."""
        hand = await hand_of(connection, letter.sender)
        ids = {plan.contact_id for plan in plans if not plan.problem and plan.contact_id is not None}
        contacts = await self._reach(connection, account_id, ids, letter.route.channel)
        categories = request.categories or (letter.template.categories if letter.template is not None else ())
        opted_out: dict[int, str] = {}
        if categories:
            those = sorted({contact.contact_id for contact in contacts.values()})
            opted_out = await self._contacts.categories.opted_out(connection, account_id, those, categories)
        queued: list[store.Queued] = []
        excluded: list[store.Excluded] = []
        for plan in plans:
            contact = contacts.get(plan.contact_id or 0)
            if plan.problem:
                continue
            if contact is None:
                plan.problem = f"Contact with id='{plan.contact_id}' not found"
                continue
            addresses = (plan.address,) if plan.address else letter.route.addresses(contact)
            if not addresses:
                plan.problem = f"contact {contact.contact_id} has no {letter.route.noun}"
                continue
            plan.message_id = single_message_id(contact.contact_id)
            rows = [
                self._row(account_id, letter, plan, contact, message_id, address, lane, hand, categories)
                for message_id, address in with_ids(plan.message_id, addresses)
            ]
            held_back = opted_out.get(contact.contact_id, "")
            exclusion = _exclusion(letter.route.state(contact), request, categories, held_back)
            if not exclusion:
                queued += rows
            else:
                excluded.append(store.Excluded(row=rows[0], reason=exclusion))
        await self._content.mark_used(connection, account_id, {row.content_id for row in queued})
        if excluded:
            await store.insert_excluded(connection, excluded)
        if queued:
            await store.insert_messages(connection, queued)

    async def _reach(
        self, connection: Connection, account_id: int, ids: set[int], channel: Channel
    ) -> dict[int, Reached]:
        """The contacts by the ids they were asked for by; one that was merged into another leads to that one."""
        contacts = await store.reach(connection, account_id, sorted(ids), channel)
        missing = ids - contacts.keys()
        if missing:
            into = await self._contacts.merged_into(connection, account_id, sorted(missing))
            found = await store.reach(connection, account_id, sorted(set(into.values())), channel)
            contacts |= {old: found[new] for old, new in into.items() if new in found}
        return contacts

    def _row(
        self,
        account_id: int,
        letter: _Letter,
        plan: _Plan,
        contact: Reached,
        message_id: UUID,
        address: str,
        lane: Lane,
        hand: Hand,
        categories: tuple[str, ...],
    ) -> store.Queued:
        return store.Queued(
            message_id=message_id,
            account_id=account_id,
            contact_id=contact.contact_id,
            channel=letter.route.channel,
            lane=lane,
            sender_id=hand.of_message(message_id),
            group_id=hand.group_id,
            content_id=letter.content_for(plan.language or contact.language),
            params=plan.params,
            address=address,
            life=SINGLE_LIFE,
            external_request_id=plan.external_request_id,
            from_name=plan.from_name,
            categories=categories,
        )


def _plan(given: BatchRecipient, request: BatchSend) -> _Plan:
    """The recipient with its own members checked."""
    plan = _Plan(given=given, contact_id=given.contact_id)
    try:
        if not given.locator.strip() and given.contact_id is None:
            raise Invalid("locator", "or contactId is needed")
        plan.params = params_text(given.params)
        plan.external_request_id = external_id(given.external_request_id or request.external_request_id)
        plan.from_name = clean_from_name(given.from_name or request.from_name)
        plan.language = clean_language(given.language) if given.language.strip() else ""
    except Invalid as error:
        plan.problem = error.message
    return plan


def _locate(plan: _Plan, route: Route) -> None:
    try:
        plan.address = route.normalise(plan.given.locator)
    except ValueError:
        plan.problem = f"'{plan.given.locator}' is not valid {route.noun}"


def _exclusion(state: SubscriptionState, request: BatchSend, categories: Sequence[str], opted_out: str) -> str:
    """Why this contact does not get it. What belongs to a category is marketing, and who unsubscribed gets none."""
    if state is SubscriptionState.UNCONFIRMED and not request.allow_unconfirmed:
        return Exclusion.NOT_CONFIRMED.value
    if categories and state is SubscriptionState.UNSUBSCRIBED:
        return Exclusion.UNSUBSCRIBED.value
    return opted_out


def _check_names(plans: Sequence[_Plan], sender: Sender) -> None:
    """Names that single recipients ask for must be names of this sender."""
    for plan in plans:
        try:
            if plan.from_name and not plan.problem:
                plan.from_name = own_name(sender, plan.from_name)
        except Invalid as error:
            plan.problem = error.fields[0].reason


def _refuse(plans: Sequence[_Plan], problem: str) -> None:
    for plan in plans:
        plan.problem = plan.problem or problem


def params_text(params: str | Mapping[str, Any]) -> str:
    """Data of a message as the JSON text that is stored. Raises Invalid."""
    try:
        found: Any = msgspec.json.decode(params) if isinstance(params, str) and params.strip() else params or {}
    except (msgspec.DecodeError, RecursionError):
        raise Invalid("params", "is not valid JSON") from None
    if not isinstance(found, Mapping):
        raise Invalid("params", "must be a JSON object")
    text = msgspec.json.encode(cast("Mapping[str, Any]", found)).decode()
    if len(text) > PARAMS_LIMIT:
        raise Invalid("params", f"must be at most {PARAMS_LIMIT} bytes of JSON")
    if "\\u0000" in text:
        raise Invalid("params", "must not contain NUL")
    return text


def external_id(value: str) -> str:
    """A caller's own id of a request. Raises Invalid."""
    if len(value) > EXTERNAL_ID_LIMIT or not value.isprintable():
        raise Invalid("external_request_id", f"must have at most {EXTERNAL_ID_LIMIT} printable characters")
    return value

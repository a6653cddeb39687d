"""Sends that a higher room plans, inside its own transaction: it decides the ids, so that no plan is sent twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel, SubscriptionState
from syncom.content.model import Sendable
from syncom.content.service import ContentService
from syncom.errors import Invalid
from syncom.messages import store
from syncom.messages.batch import params_text
from syncom.messages.dealing import Hand, hand_of
from syncom.messages.model import SINGLE_LIFE, Exclusion, Lane
from syncom.messages.policy.claims import Wish, claim
from syncom.messages.policy.model import Cap
from syncom.messages.policy.service import in_force
from syncom.messages.routes import ROUTES, Reached, Route, with_ids
from syncom.messages.senders import SendersService
from syncom.postgres.pool import Connection


class PlannedSend(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a plan."""

    #: The effect id: the same plan and step have the same id. Ends in the contact's bucket (ids.py).
    message_id: UUID
    contact_id: int
    #: What led to it: ``data`` in the template.
    data: Mapping[str, Any]


class Choice(NamedTuple):
    """Which of several messages a contact would get now."""

    #: In their order; that of the first, when it gets none of them.
    place: int
    channel: Channel
    #: Why it gets none; None: it gets this one.
    why: Exclusion | None


class PlannedSends:
    """Puts planned messages into the workflow lane."""

    def __init__(self, content: ContentService, senders: SendersService) -> None:
        self._content = content
        self._senders = senders

    async def queue(
        self,
        connection: Connection,
        account_id: int,
        template_id: int,
        sends: Sequence[PlannedSend],
        *,
        now: datetime,
        sender_id: int | None = None,
        caps: Sequence[Cap] = (),
    ) -> list[Exclusion | tuple[UUID, ...]]:
        """Queue one template's messages to contacts; for each why it is not sent, or the ids of its messages.

        A message has as many ids as addresses it goes to: one, or one for each browser.

        Who unsubscribed gets none of these: they are triggered marketing, so the ledger says why. Who has not confirmed
        yet gets them. Who has no address is passed over, and so is who got as much lately as the account's caps and
        these ``caps`` let a contact get. Suppressed addresses, and who declined a category of the
        template, are held back when the message is sent.
        Raises NotFound and Invalid when the template or a sender is gone.
        """
        template = await self._content.sendable(connection, account_id, template_id)
        route = _route(template)
        sender = await self._senders.chosen(connection, account_id, sender_id or template.sender_id, template.channel)
        hand = await hand_of(connection, sender)
        contacts = await store.reach(
            connection, account_id, sorted({send.contact_id for send in sends}), template.channel
        )
        wishes = [
            Wish(account_id, send.contact_id, send.message_id)
            for send in sends
            if send.contact_id in contacts and _exclusion(route, contacts[send.contact_id]) is None
        ]
        known = await in_force(connection, account_id)
        over = await claim(connection, known, wishes, template.channel, now, caps=caps)
        outcomes: list[Exclusion | tuple[UUID, ...]] = []
        queued: list[store.Queued] = []
        excluded: list[store.Excluded] = []
        for send in sends:
            contact = contacts.get(send.contact_id)
            if contact is None:
                outcomes.append(Exclusion.DELETED)
                continue
            outcome = _exclusion(route, contact)
            addresses = route.addresses(contact)
            if not addresses:
                outcomes.append(route.lacking)
                continue
            if send.message_id in over:
                outcomes.append(Exclusion.CAPPED)
                continue
            content_id = template.content_for(contact.language)
            rows = [
                _row(account_id, template, send, message_id, address, content_id, hand)
                for message_id, address in with_ids(send.message_id, addresses)
            ]
            if outcome is None:
                outcomes.append(tuple(row.message_id for row in rows))
                queued += rows
            else:
                outcomes.append(outcome)
                excluded.append(store.Excluded(row=rows[0], reason=outcome.value))
        await self._content.mark_used(connection, account_id, {row.content_id for row in queued})
        if excluded:
            await store.insert_excluded(connection, excluded)
        if queued:
            await store.insert_messages(connection, queued)
        return outcomes

    async def queue_first(
        self,
        connection: Connection,
        account_id: int,
        messages: Sequence[tuple[int, int | None]],
        sends: Sequence[PlannedSend],
        *,
        now: datetime,
        caps: Sequence[Cap] = (),
    ) -> list[Exclusion | tuple[UUID, ...]]:
        """As :meth:`queue`, of several templates (with their senders) the first whose channel reaches each contact.

        Whom none reaches is told why the first does not.
        """
        if len(messages) == 1:
            [(template_id, sender_id)] = messages
            return await self.queue(connection, account_id, template_id, sends, now=now, sender_id=sender_id, caps=caps)
        contact_ids = [send.contact_id for send in sends]
        chosen = await self.choices(connection, account_id, [template_id for template_id, _ in messages], contact_ids)
        outcomes: dict[UUID, Exclusion | tuple[UUID, ...]] = {}
        for place, (template_id, sender_id) in enumerate(messages):
            some = [send for send in sends if chosen[send.contact_id].place == place]
            if some:
                told = await self.queue(
                    connection, account_id, template_id, some, now=now, sender_id=sender_id, caps=caps
                )
                outcomes |= {send.message_id: outcome for send, outcome in zip(some, told, strict=True)}
        return [outcomes[send.message_id] for send in sends]

    async def choices(
        self, connection: Connection, account_id: int, template_ids: Sequence[int], contact_ids: Sequence[int]
    ) -> dict[int, Choice]:
        """Which of these templates each contact would get now: the first whose channel reaches it.

        Raises NotFound and Invalid when a template is gone.
        """
        chosen: dict[int, Choice] = {}
        nowhere: dict[int, Choice] = {}
        left = sorted(set(contact_ids))
        for place, template_id in enumerate(template_ids):
            channel = (await self._content.sendable(connection, account_id, template_id)).channel
            held_back = await self.held_back(connection, account_id, template_id, left)
            chosen |= {one: Choice(place, channel, None) for one in left if one not in held_back}
            if not place:
                nowhere = {one: Choice(0, channel, why) for one, why in held_back.items()}
            left = sorted(held_back)
        return {**chosen, **{one: nowhere[one] for one in left}}

    async def held_back(
        self, connection: Connection, account_id: int, template_id: int, contact_ids: Sequence[int]
    ) -> dict[int, Exclusion]:
        """Who of these contacts would get nothing of a template now, and why; suppressed addresses included.

        Raises NotFound and Invalid when the template is gone.
        """
        template = await self._content.sendable(connection, account_id, template_id)
        route = _route(template)
        contacts = await store.reach(connection, account_id, sorted(set(contact_ids)), template.channel)
        found = {
            one: Exclusion.DELETED if one not in contacts else _exclusion(route, contacts[one]) for one in contact_ids
        }
        addresses = {address for one, why in found.items() if why is None for address in route.addresses(contacts[one])}
        suppressed = await store.suppressed(connection, account_id, route.channel, addresses)
        return {
            one: why or Exclusion.SUPPRESSED
            for one, why in found.items()
            if why is not None or suppressed.issuperset(route.addresses(contacts[one]))
        }


def _route(template: Sendable) -> Route:
    route = ROUTES.get(template.channel)
    if route is None:
        raise Invalid("template_id", f"{template.channel.name.lower()} messages cannot be sent on their own")
    return route


def _exclusion(route: Route, contact: Reached) -> Exclusion | None:
    """Why a contact gets no triggered message of a channel."""
    if not route.addresses(contact):
        return route.lacking
    return Exclusion.UNSUBSCRIBED if route.state(contact) is SubscriptionState.UNSUBSCRIBED else None


def _row(
    account_id: int,
    template: Sendable,
    send: PlannedSend,
    message_id: UUID,
    address: str,
    content_id: int,
    hand: Hand,
) -> store.Queued:
    return store.Queued(
        message_id=message_id,
        account_id=account_id,
        contact_id=send.contact_id,
        channel=template.channel,
        lane=Lane.WORKFLOW,
        sender_id=hand.of_message(message_id),
        group_id=hand.group_id,
        content_id=content_id,
        params=params_text(template.dialect.params_of(send.data)),
        address=address,
        life=SINGLE_LIFE,
        categories=template.categories,
    )

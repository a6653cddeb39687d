"""How each channel finds people: what its locators are, and where a contact keeps its address and its consent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState
from syncom.contacts.normalise import international, normalise_email, normalise_phone
from syncom.ids import copy_id
from syncom.messages.model import Exclusion


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """What a send needs to know of a contact when it is accepted."""

    contact_id: int
    email: str | None
    phone: str | None
    language: str
    email_state: int
    sms_state: int
    push_state: int
    #: Addresses of the browsers it subscribed with; read for web push only.
    subscriptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A channel, as a send sees it. To let messages be sent over a channel, add its route to ROUTES."""

    channel: Channel
    #: What its locators identify a contact by.
    identity: IdentityKind
    #: A locator in its stored form. Raises ValueError.
    normalise: Callable[[str], str]
    #: A contact nobody knew, with this address (normalised) and nothing else; None: an address alone makes no contact.
    newcomer: Callable[[str], ContactInput] | None
    #: Where the contact is reached: a message goes to each of these.
    addresses: Callable[[Reached], tuple[str, ...]]
    #: What is said of who is reached nowhere.
    lacking: Exclusion
    #: Whether the contact wants it.
    state: Callable[[Reached], SubscriptionState]
    #: What a locator is called in messages to people: 'email'.
    noun: str
    #: States in which a contact has agreed to mailings.
    agreed: frozenset[SubscriptionState] = frozenset({SubscriptionState.SUBSCRIBED})


def normalise_number(number: str) -> str:
    """A number as integrations write it (digits of the international form, with or without a plus) in E.164.

    Raises ValueError.
    """
    return normalise_phone(international(number.strip()))


def _normalise_endpoint(endpoint: str) -> str:
    """The address of a push subscription, which is one thing with every character. Raises ValueError."""
    endpoint = endpoint.strip()
    if not endpoint.startswith("https://") or not endpoint.isascii() or not endpoint.isprintable():
        raise ValueError("is not the https address of a push subscription")
    return endpoint


def _to_phones(channel: Channel) -> Route:
    return Route(
        channel=channel,
        identity=IdentityKind.PHONE,
        normalise=normalise_number,
        newcomer=lambda address: ContactInput(phone=address),
        addresses=lambda contact: (contact.phone,) if contact.phone else (),
        lacking=Exclusion.NO_PHONE,
        state=lambda contact: SubscriptionState(contact.sms_state),
        noun="phone number",
    )


ROUTES: Final[Mapping[Channel, Route]] = {
    Channel.EMAIL: Route(
        channel=Channel.EMAIL,
        identity=IdentityKind.EMAIL,
        normalise=normalise_email,
        newcomer=lambda address: ContactInput(email=address),
        addresses=lambda contact: (contact.email,) if contact.email else (),
        lacking=Exclusion.NO_ADDRESS,
        state=lambda contact: SubscriptionState(contact.email_state),
        noun="email",
    ),
    Channel.SMS: _to_phones(Channel.SMS),
    Channel.VIBER: _to_phones(Channel.VIBER),
    Channel.WEBPUSH: Route(
        channel=Channel.WEBPUSH,
        identity=IdentityKind.PUSH_TOKEN,
        normalise=_normalise_endpoint,
        # Nobody can write to a browser without its keys.
        newcomer=None,
        addresses=lambda contact: contact.subscriptions,
        lacking=Exclusion.NO_SUBSCRIPTION,
        state=lambda contact: SubscriptionState(contact.push_state),
        noun="push subscription",
        # Whoever has a subscription was asked by the browser, also where nothing else was written down.
        agreed=frozenset({SubscriptionState.SUBSCRIBED, SubscriptionState.NONE}),
    ),
}


def with_ids(message_id: UUID, addresses: Sequence[str]) -> list[tuple[UUID, str]]:
    """A message for each of these addresses. The first has the id itself, the others ids that follow from it."""
    first, *others = addresses
    return [(message_id, first), *((copy_id(message_id, address), address) for address in others)]

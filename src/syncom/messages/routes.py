"""How each channel finds people: what its locators are, and where a contact keeps its address and its consent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState
from syncom.contacts.normalise import international, normalise_email, normalise_phone


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """What a send needs to know of a contact when it is accepted."""

    contact_id: int
    email: str | None
    phone: str | None
    language: str
    email_state: int
    sms_state: int


@dataclass(frozen=True, slots=True)
class Route:
    """A channel, as a send sees it. To let messages be sent over a channel, add its route to ROUTES."""

    channel: Channel
    #: What its locators identify a contact by.
    identity: IdentityKind
    #: A locator in its stored form. Raises ValueError.
    normalise: Callable[[str], str]
    #: A contact nobody knew, with this address (normalised) and nothing else.
    newcomer: Callable[[str], ContactInput]
    #: Where the contact is reached; empty: nowhere.
    address: Callable[[Reached], str]
    #: Whether the contact wants it.
    state: Callable[[Reached], SubscriptionState]
    #: What a locator is called in messages to people: 'email'.
    noun: str


def normalise_number(number: str) -> str:
    """A number as integrations write it (digits of the international form, with or without a plus) in E.164.

    Raises ValueError.
    """
    return normalise_phone(international(number.strip()))


def _to_phones(channel: Channel) -> Route:
    return Route(
        channel=channel,
        identity=IdentityKind.PHONE,
        normalise=normalise_number,
        newcomer=lambda address: ContactInput(phone=address),
        address=lambda contact: contact.phone or "",
        state=lambda contact: SubscriptionState(contact.sms_state),
        noun="phone number",
    )


ROUTES: Final[Mapping[Channel, Route]] = {
    Channel.EMAIL: Route(
        channel=Channel.EMAIL,
        identity=IdentityKind.EMAIL,
        normalise=normalise_email,
        newcomer=lambda address: ContactInput(email=address),
        address=lambda contact: contact.email or "",
        state=lambda contact: SubscriptionState(contact.email_state),
        noun="email",
    ),
    Channel.SMS: _to_phones(Channel.SMS),
    Channel.VIBER: _to_phones(Channel.VIBER),
}

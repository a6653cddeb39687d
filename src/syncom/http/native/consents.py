"""What people agreed to and can be shown to have agreed to: histories, and what held for a message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.consent.model import Preferences, Request, Wish, Witness
from syncom.contacts.model import ConsentEvent, ConsentVerdict
from syncom.http.native.contact_upsert import STATES
from syncom.http.native.given import By, Contacts, Wiring
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Consent"]
_STATE_NAMES = {state: name for name, state in STATES.items()}


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of a person about a channel, or about a category of it, with its proof.

    `text` is what the person was shown, `link` the SHA-256 that chains the entry to the one before (docs/consent.md),
    `recorded_for` the contact it was recorded for, when that one was merged into this one.
    """

    consent_id: int
    channel: str
    category: str
    state: str
    occurred_at: datetime
    source: str
    detail: dict[str, Any] | None
    text: str
    recorded_for: int
    link: str


class ConfirmationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person asks for, and the proof that they did: where, on which words, from which address."""

    #: Keys of subscription categories, and ids of lists to join, once it is confirmed.
    categories: list[str] = []
    lists: list[int] = []
    #: Language of the mail and the page; empty: that of the contact.
    language: str = ""
    #: A template whose link is `{{ confirm_url }}`; none: that of the account.
    template_id: int | None = None
    text: str = ""
    page_url: str = ""
    ip: str = ""
    user_agent: str = ""


class MessageConsent(msgspec.Struct, frozen=True, kw_only=True):
    """What held at the second a message was settled: `state` of its channel, and the decisions behind it.

    A message outside of campaigns may have been sent without consent to marketing: a receipt needs none.
    """

    message_id: UUID
    contact_id: int
    campaign_id: int | None
    channel: str
    address: str
    outcome: str
    settled_at: datetime
    #: Keys of the categories it was sent under, also of those that are gone since; none: no choice of them mattered.
    categories: list[str]
    #: The rule by which they count, in words.
    rule: str
    state: str
    #: Why it was not sent, or how it went.
    reason: str
    decisions: list[Consent]


@get("/contacts/{contact_id:int}/consents", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_consents(
    by: By, contacts: Contacts, contact_id: FromPath[int], limit: Limit = 100, cursor: Cursor = None
) -> Page[Consent]:
    """The consent history of a contact, the last recorded first: who decided what, when, on which words."""
    await contacts.get(by.account_id, contact_id)
    before = read_cursor(cursor, int)
    found = await contacts.proofs.history(by.account_id, contact_id, before=before, limit=limit + 1)
    texts = await contacts.proofs.texts(by.account_id, found)
    page = page_of(found, limit, lambda event: event.consent_event_id)
    return Page(items=[consent(event, texts) for event in page.items], next_cursor=page.next_cursor)


@get("/contacts/{contact_id:int}/consents/verdict", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def verify_consents(by: By, contacts: Contacts, contact_id: FromPath[int]) -> ConsentVerdict:
    """Check the chain of a contact's consent history: whether an entry was changed, taken out or put in."""
    await contacts.get(by.account_id, contact_id)
    return await contacts.proofs.verify(by.account_id, contact_id)


@post("/contacts/{contact_id:int}/confirmation", tags=_TAGS, status_code=202, opt=needs(Permission.WRITE_CONTACTS))
async def request_confirmation(
    by: By, wiring: Wiring, contact_id: FromPath[int], data: JSONBody[ConfirmationRequest]
) -> Request:
    """Send the mail that asks a contact to confirm its address (double opt-in); what is asked for waits for the answer.

    `outcome` is mailed, subscribed (nothing new was asked for) or waiting (a mail went a moment ago).
    """
    for list_id in data.lists:
        await wiring.contacts.lists.get(by.account_id, list_id)
    witness = Witness(
        source="api",
        ip=data.ip,
        user_agent=data.user_agent,
        page_url=data.page_url,
        text=data.text,
        language=data.language,
        actor=by.actor,
    )
    wish = Wish(
        categories=tuple(data.categories),
        list_ids=tuple(data.lists),
        language=data.language,
        template_id=data.template_id,
    )
    return await wiring.optins.request(by.account_id, contact_id, witness, wish)


@get("/contacts/{contact_id:int}/preferences", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_preferences(by: By, wiring: Wiring, contact_id: FromPath[int]) -> Preferences:
    """What a contact gets: channels, categories, and a break that it takes."""
    return await wiring.preferences.of(by.account_id, contact_id)


@get("/messages/{message_id:uuid}/consent", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_message_consent(by: By, wiring: Wiring, message_id: FromPath[UUID]) -> MessageConsent:
    """The consent that held when a message was sent."""
    found = await wiring.message_consents.of(by.account_id, message_id)
    texts = await wiring.contacts.proofs.texts(by.account_id, found.decisions)
    return MessageConsent(
        message_id=found.message_id,
        contact_id=found.contact_id,
        campaign_id=found.campaign_id,
        channel=found.channel.name.lower(),
        address=found.address,
        outcome=found.outcome.name.lower(),
        settled_at=found.settled_at,
        categories=list(found.categories),
        rule=found.rule,
        state=_STATE_NAMES[found.state],
        reason=found.reason,
        decisions=[consent(event, texts) for event in found.decisions],
    )


def consent(event: ConsentEvent, texts: Mapping[str, str]) -> Consent:
    """An entry as the API shows it; ``texts`` by hash."""
    return Consent(
        consent_id=event.consent_event_id,
        channel=event.channel.name.lower(),
        category=event.category,
        state=_STATE_NAMES[event.state],
        occurred_at=event.occurred_at,
        source=event.source,
        detail=event.detail,
        text=texts.get(str((event.detail or {}).get("text_hash", "")), ""),
        recorded_for=event.recorded_for,
        link=event.link,
    )


HANDLERS: list[Any] = [
    list_consents,
    verify_consents,
    request_confirmation,
    get_preferences,
    get_message_consent,
]

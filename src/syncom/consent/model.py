"""Values of the consent domain."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """Where a wish came from: what is kept as its proof (GDPR Art. 7(1)). Empty members are left out of it."""

    #: 'form', 'api', 'import', 'page'.
    source: str
    ip: str = ""
    user_agent: str = ""
    #: The page it was said on, and what led there.
    page_url: str = ""
    referrer: str = ""
    #: The words that were shown, and their language (BCP 47).
    text: str = ""
    language: str = ""
    form_id: int = 0
    form_version: int = 0
    #: Who recorded it, when it was not the person: 'user:7', 'key:3'.
    actor: str = ""
    #: Anything else that is worth keeping.
    more: dict[str, Any] = {}

    def detail(self, text_hash: str) -> dict[str, Any]:
        """As it stands in the history; ``text_hash`` names the stored words, empty: there were none."""
        members: dict[str, Any] = {
            "ip": self.ip,
            "user_agent": self.user_agent,
            "page_url": self.page_url,
            "referrer": self.referrer,
            "language": self.language,
            "text_hash": text_hash,
            "form_id": self.form_id,
            "form_version": self.form_version,
            "actor": self.actor,
        }
        return {**self.more, **{name: value for name, value in members.items() if value}}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for and gets once the address has confirmed it."""

    #: Keys of subscription categories, and ids of lists to join.
    categories: tuple[str, ...] = ()
    list_ids: tuple[int, ...] = ()
    #: Language of the mail and of the pages; empty: that of the contact.
    language: str = ""
    #: The mail that asks; None: that of the account.
    template_id: int | None = None


class Asked(Enum):
    """What became of a request to subscribe."""

    #: A mail is on its way.
    MAILED = "mailed"
    #: It is subscribed and asked for nothing new.
    SUBSCRIBED = "subscribed"
    #: A mail went to it a moment ago, or too many did today: no other one is sent.
    WAITING = "waiting"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it was taken."""

    outcome: Asked
    #: Names the request in the history; None: no mail was sent.
    confirmation_id: UUID | None = None
    message_id: UUID | None = None


class Standing(Enum):
    """How a request for confirmation stands."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    #: The contact, or its address, is gone.
    GONE = "gone"


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A request for confirmation, as its page shows it."""

    standing: Standing
    language: str = ""
    address: str = ""
    #: Where the person is led afterwards; empty: nowhere.
    redirect_url: str = ""


class ChannelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach a contact: its name and whether it may be used."""

    channel: str
    wanted: bool


class TopicChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One category of messages."""

    category_id: int
    key: str
    name: str
    wanted: bool


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact gets: the preference centre."""

    contact_id: int
    #: With most of its letters hidden: whoever has an old mail sees this page.
    address: str
    language: str
    channels: tuple[ChannelChoice, ...]
    topics: tuple[TopicChoice, ...]
    paused_until: datetime | None


class PreferencesChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted from now on. None: stays as it is."""

    channels: frozenset[str] | None = None
    #: Ids of categories that are wanted; the others that were shown are declined.
    topics: frozenset[int] | None = None
    #: Days without mails from now; 0: none, a break that was made ends.
    pause_days: int | None = None

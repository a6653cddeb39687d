"""What the sending loop and the carrier of web push say to each other."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from syncom.contacts.subscriptions import SubscriptionRef
from syncom.messages.channels.sms.model import ShortLink

_LONGEST_WORDS: Final = 500
_LONGEST_NAME: Final = 300


class PushParcel(msgspec.Struct):
    """One notification for a contact's browsers, ready to be encrypted."""

    #: Opaque to the carrier; says to the source which message it was.
    key: object
    message_id: UUID
    #: Where it goes: one browser, or all of the contact's. Their keys are read when the notification leaves.
    browsers: tuple[SubscriptionRef, ...]
    #: JSON for the service worker.
    payload: bytes
    #: Seconds for which the push service keeps it for a browser that is away.
    ttl: int
    #: 'very-low', 'low', 'normal', 'high'; empty: normal.
    urgency: str = ""
    #: A notification that waits with the same topic is replaced; empty: none.
    topic: str = ""
    #: None: it has no links that are counted.
    link: ShortLink | None = None


class PushAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the push service said, or our own words where it was not heard."""

    #: HTTP status; 0: there was no answer.
    status: int
    text: str
    #: Seconds until its service is asked again; None: it does not matter.
    wait: float | None = None
    #: Whether the words are ours and the service was not asked.
    local: bool = False

    @property
    def words(self) -> str:
        status = f"{self.status} " if self.status else ""
        return f"{status}{self.text}".strip()[:_LONGEST_WORDS]

    @property
    def peer_ids(self) -> tuple[str, ...]:
        """None: push services send no receipts."""
        return ()


def service_of(endpoint: str) -> str:
    """The push service of a subscription, as scheme, host and port. The rest of the address is the browser's secret."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port is not None else ''}"[:_LONGEST_NAME]

"""Values of texts that people send."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class InboundText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that somebody sent to a number of the account."""

    inbound_text_id: UUID
    #: None: nobody has the number.
    contact_id: int | None
    #: Whose number it came to.
    sender_id: int
    #: Who wrote: E.164; a short code or a name as it came.
    phone: str
    #: The number or short code it was sent to, as the gateway says it.
    recipient: str
    text: str
    #: 'stop', 'help' or 'start' when it was read as one; empty: a message like any other.
    keyword: str
    #: Whether an answer was queued.
    is_answered: bool
    #: The gateway's own id; empty: it gave none.
    peer_id: str
    #: By the gateway's clock, UTC.
    sent_at: datetime
    received_at: datetime


class InboundFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts; what is None or empty does not matter."""

    contact_id: int | None = None
    phone: str = ""
    sender_id: int | None = None
    #: 'stop', 'help' or 'start'.
    keyword: str = ""

"""Values of delivery receipts."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Final
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel


class ReceiptState(IntEnum):
    """What a receipt says: the message states of SMPP 3.4, 5.2.28, which gateways use too. The numbers are stored."""

    #: The peer or the network has it on its way.
    ACCEPTED = 1
    DELIVERED = 2
    #: The network could not deliver it.
    UNDELIVERED = 3
    #: Its validity was over before the phone could be reached.
    EXPIRED = 4
    REJECTED = 5
    #: Cancelled or deleted at the peer.
    DELETED = 6
    #: The peer does not know what became of it.
    UNKNOWN = 7

    @property
    def is_final(self) -> bool:
        """Whether nothing else can follow: the first final state of a part stays."""
        return self in _FINAL

    @property
    def has_failed(self) -> bool:
        return self.is_final and self is not ReceiptState.DELIVERED


_FINAL: Final = frozenset(
    (
        ReceiptState.DELIVERED,
        ReceiptState.UNDELIVERED,
        ReceiptState.EXPIRED,
        ReceiptState.REJECTED,
        ReceiptState.DELETED,
    )
)
#: Characters of a peer's id and of a reason that are kept. SMPP's ids have 64 at most (3.4, 5.2.23).
LONGEST_ID: Final = 255
LONGEST_REASON: Final = 200


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer said about one of its ids."""

    sender_id: int
    #: As the peer gave it out when it took the message.
    peer_id: str
    state: ReceiptState
    #: When it happened, by the peer; None: now. Believed between the sending and now.
    occurred_at: datetime | None = None
    #: The peer's code and words, without anything of the text or the number.
    reason: str = ""
    #: Our own id of the message, where the peer gives it back: it leads to a message whose answer was lost.
    message_id: UUID | None = None
    #: The failure says that there is no such number: two messages with this end within 30 days suppress it.
    invalid_number: bool = False


class PeerMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a peer took, with the ids it gave out: one for each part."""

    sender_id: int
    peer_ids: tuple[str, ...]
    account_id: int
    contact_id: int
    message_id: UUID
    #: 0 for a single message.
    campaign_id: int
    content_id: int
    channel: Channel
    #: UTC.
    sent_at: datetime


class KnownPart(msgspec.Struct, kw_only=True):
    """A row of what was remembered: one part of a message. ``state`` 0: nothing was told yet."""

    sender_id: int
    peer_id: str
    account_id: int
    contact_id: int
    message_id: UUID
    campaign_id: int
    content_id: int
    channel: Channel
    parts: int
    state: int
    sent_at: datetime

"""What a sending process has in hand: leased chunks, and recipients that are ready to be sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from syncom.contacts.model import Channel
from syncom.content.own import NO_PRODUCTS, Picked
from syncom.messages.channels.carrier import Composer, Refusal
from syncom.messages.model import Lane, LedgerState, Way

ChunkKey = tuple[int, int]


@dataclass(slots=True, eq=False)
class Lease:
    """A chunk of a campaign that belongs to this process for now."""

    campaign_id: int
    chunk_no: int
    fence: int
    account_id: int
    content_id: int
    #: Contents by language; empty: one for everybody.
    content_languages: Mapping[str, int]
    launched_at: datetime
    #: When its recipients are not tried any more.
    deadline: datetime
    channel: Channel
    #: Contacts not read yet.
    pending: deque[int]
    #: Keys of the subscription categories that the campaign is for.
    categories: tuple[str, ...] = ()
    #: Recipients read and not settled yet.
    outstanding: int = 0
    #: Where a recipient's address of the channel stands among the standard fields; None: it is no field of a contact.
    address_place: int | None = 0
    #: The group through whose member it goes; 0: a sender was named.
    group_id: int = 0
    #: What is left of the campaign's fall-back order, and whether it has one.
    others: tuple[Way, ...] = ()
    is_choice: bool = False
    #: The campaign was paused or cancelled, or the lease was lost: nothing more is begun.
    stopped: bool = False

    @property
    def key(self) -> ChunkKey:
        return self.campaign_id, self.chunk_no

    @property
    def done(self) -> bool:
        return not self.outstanding and (self.stopped or not self.pending)


@dataclass(slots=True, eq=False)
class Work:
    """One recipient on its way."""

    account_id: int
    contact_id: int
    channel: Channel
    campaign_id: int
    content_id: int
    message_id: UUID
    #: The 16 bytes of the message id, as the journal wants them.
    message: bytes
    address: str
    #: Standard fields in the order of ``store.RECIPIENT_FIELDS``, custom fields, the channel's state, suppression.
    contact: Sequence[Any] | None
    launched_at: datetime
    deadline: datetime
    lane: Lane
    #: The chunk it came from; None for the single-message lanes.
    lease: Lease | None
    #: Of a campaign over web push: the browsers it goes to, of which ``address`` is the first.
    endpoints: tuple[str, ...] = ()
    attempt: int = 0
    uncertain: bool = False
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: Products for the blocks of the content, looked up with those of the others in its batch.
    products: Picked = field(default_factory=lambda: NO_PRODUCTS)
    #: Messages on the air that it becomes, as the network charges them; 0: not made yet, or of a channel without parts.
    parts: int = 0
    #: The caller's own id of the request that asked for it.
    external_request_id: str = ""
    #: The sender's name on this mail alone; empty: that of the content or of the sender.
    from_name: str = ""
    #: It has a place within its contact's caps, to be given back when it is not sent.
    has_claim: bool = False
    #: Its contact got as much lately as a cap lets it get.
    is_over_cap: bool = False
    #: Keys of the subscription categories it belongs to, and their ids once it was read to be sent.
    categories: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()
    #: Why the recipient's choice of categories forbids it; empty: it does not.
    declined: str = ""
    #: The group through whose member it goes; 0: a sender was named.
    group_id: int = 0
    #: What is left of the campaign's fall-back order, and whether it has one.
    others: tuple[Way, ...] = ()
    is_choice: bool = False
    #: Makes what is sent of it, once it was read to be sent.
    composer: Composer | None = None


@dataclass(slots=True, frozen=True)
class Settled:
    """A terminal state for the ledger."""

    work: Work
    state: LedgerState
    reason: str
    at: datetime
    #: Whether this address must never be mailed again, and why.
    suppress: str = ""
    #: Whether the peer says that there is no such number.
    no_such_number: bool = False
    #: Of a mail that a server refused: what it means.
    refusal: Refusal | None = None
    #: The ids under which the peer will tell what became of it.
    peer_ids: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Postponed:
    """Not now: another attempt at ``due_at``."""

    work: Work
    reply: str
    due_at: datetime
    uncertain: bool
    #: Who sends it from now on, over the channel that the work names; None: the same sender.
    sender_id: int | None = None


Outcome = Settled | Postponed

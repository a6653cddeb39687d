"""What the sending loop and a channel say to each other: the seam that every channel is plugged into.

A *carrier* carries the messages of one sender: the SMTP connections, an HTTP gateway, the dev inbox. It pulls parcels
from a :class:`Source` (the sender's line) as fast as it can carry them, and tells what became of each exactly once.
Queue, leases, journal, retries, rate limits, settlement and counters are the loop's and the same for every channel.

To write a channel: a parcel (what goes to the peer, with ``key``), an answer (the peer's words), a composer that makes
parcels, a :class:`Carrier`, and a row in ``sending/carriers.py``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

import msgspec

from syncom.content.model import AttachedFile, CompiledContent

#: Why an address gets nothing more, unless it is something else.
HARD_BOUNCE: Final = "hard bounce"


class Outcome(enum.Enum):
    """What became of a parcel that was pulled from the source."""

    #: The peer took responsibility.
    ACCEPTED = "accepted"
    #: The peer said: try later.
    TRANSIENT = "transient"
    #: The peer said no, or we know that it would: do not try again as it is.
    PERMANENT = "permanent"
    #: The connection died after it was handed over and before the answer: nobody can know.
    UNCERTAIN = "uncertain"
    #: It certainly did not reach the peer: safe to send again at once.
    NOT_SENT = "not_sent"


class Parcel(Protocol):
    """One message to one recipient, ready to hand over."""

    #: Opaque to the carrier; says to the source which message it was.
    key: object


class Answer(Protocol):
    """What the peer said, or our own words where it was not heard."""

    @property
    def local(self) -> bool:
        """Whether the words are ours and the peer was not asked."""
        ...

    @property
    def words(self) -> str:
        """As people and the ledger want it: one line, at most 500 characters."""
        ...

    @property
    def peer_ids(self) -> tuple[str, ...]:
        """Of an ACCEPTED parcel: the ids under which the peer will tell what became of it, one for each part; empty: it
        will not."""
        ...


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal means: for the message, for the address, for the sender."""

    #: Whether this message is to be tried again, and after how many seconds.
    try_again: bool
    delay: float = 0.0
    #: It is about the sender and not about this recipient: it rests, so that nobody else is burnt on it.
    of_sender: bool = False
    #: It is about the sender, at this recipient's destination: only that rests.
    of_destination: bool = False
    #: The destination asks for less: it gets half as much.
    slows: bool = False
    #: Whether the address gets nothing more.
    suppress: bool = False
    #: Why, as it stands with the suppressed address.
    suppress_reason: str = HARD_BOUNCE
    #: The peer says that there is no such number: the second message that ends so within 30 days suppresses it.
    no_such_number: bool = False
    #: For people.
    reason: str = ""
    #: Of mail, when it is the server that refused: why, a value of ``BounceClass``; else empty. Such a refusal is kept
    #: and counts as reports do that come back.
    bounce_class: str = ""
    #: Suppress the address after so many messages that are refused so; 0 is never.
    strikes: int = 0
    #: Others of its campaign are likely to be refused too: when many are, it pauses.
    of_campaign: bool = False
    #: The server's enhanced status code; may be empty.
    status: str = ""
    #: The host that said it.
    server: str = ""


ParcelType = TypeVar("ParcelType")
AnswerType_contra = TypeVar("AnswerType_contra", contravariant=True)


class Source(Protocol[ParcelType, AnswerType_contra]):
    """Where a carrier gets its parcels and tells what became of them.

    The sender's line implements it. All three are called synchronously from the event loop and must not block. Each
    parcel that ``next_parcel`` returned is reported by ``finished`` exactly once.
    """

    def next_parcel(self) -> ParcelType | None:
        """The next parcel to carry; None when there is none now. ``wake`` makes the carrier ask again."""
        ...

    def handing_over(self, parcel: ParcelType, /) -> None:
        """It leaves as soon as this returns: the point to journal."""
        ...

    def finished(self, parcel: ParcelType, outcome: Outcome, answer: AnswerType_contra, /) -> None:
        """This is what became of the parcel. After ``NOT_SENT`` the carrier asks for parcels again by itself."""
        ...


class Composer(Protocol):
    """Makes the parcels of one content by one sender."""

    def compose(self, work: Any, /) -> Any:
        """The parcel of one recipient, a :class:`Work`. Raises Invalid when it cannot be made."""
        ...


class Carrier(Protocol):
    """Carries the messages of one sender. Used from one event loop."""

    def start(self) -> None:
        """Begin. Called inside the running loop."""
        ...

    def wake(self) -> None:
        """The source has something. Cheap."""
        ...

    async def drain(self) -> None:
        """Begin nothing new, finish what is in hand, close. Bounded by the peer's time-outs."""
        ...

    def trouble(self) -> str | None:
        """What stands between us and the peer right now; empty: nothing; None: not tried yet."""
        ...

    def composer(
        self,
        compiled: CompiledContent,
        *,
        content_id: int,
        campaign_id: int,
        custom_fields: Mapping[str, int],
        attachments: tuple[AttachedFile, ...],
    ) -> Composer:
        """``custom_fields`` maps merge names to field ids; ``campaign_id`` is 0 for single messages."""
        ...

    def judge(self, outcome: Outcome, answer: Any, attempt: int) -> Refusal:
        """What a TRANSIENT or PERMANENT outcome means. ``attempt``: how many were made with this one."""
        ...

"""Texts that somebody wrote to us, as a carrier has them, and the seam to whoever reads them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

import msgspec

from syncom.messages.channels.sms.gsm import decoded

_log = logging.getLogger(__name__)


class InboundPart(msgspec.Struct, frozen=True, kw_only=True):
    """A text of somebody, or one part of it."""

    sender_id: int
    #: A number with its plus, or whatever else the peer calls it.
    from_: str
    to: str
    #: Octets without their header, in the alphabet ``codec`` of Python; empty codec: the GSM alphabet.
    octets: bytes
    codec: str
    #: Tells the parts of one text from those of another; None: it is alone.
    reference: str | None = None
    #: From 1.
    number: int = 1
    total: int = 1
    #: The peer's own id of this part; empty: it gives none.
    peer_id: str = ""
    #: When it was written, in UTC; None: just now.
    at: datetime | None = None

    @property
    def text(self) -> str:
        return text_of(self.octets, self.codec)


def text_of(octets: bytes, codec: str) -> str:
    """What was written; what cannot be read is shown as such."""
    return octets.decode(codec, "replace") if codec else decoded(octets)


class TextsReceived(Protocol):
    """Takes texts of people, whichever way they came."""

    async def receive(self, sender_id: int, from_: str, to: str, text: str, at: datetime, peer_id: str) -> None:
        """Take one text; durable on return, and the same one again changes nothing.

        Args:
            sender_id: the sender whose gateway or SMSC brought it; says whose account it is.
            from_: who wrote it, as the peer says it: a number with or without its plus, or a short code.
            to: our number or short code, likewise.
            text: what was written, all parts joined.
            at: when, in UTC.
            peer_id: the peer's own id of the text, which tells a second copy; empty: it gives none.

        Raises:
            Unavailable: it could not be kept; the peer is to bring it again.
        """
        ...


class NobodyReads:
    """Lets texts of people go by: nobody is there to read them."""

    async def receive(self, sender_id: int, from_: str, to: str, text: str, at: datetime, peer_id: str) -> None:
        _log.info("sender %d brought a text of %d characters that nobody reads", sender_id, len(text))

"""What a carrier of texts does with a text that somebody wrote to us: the seam to whoever reads them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

_log = logging.getLogger(__name__)


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

"""Reads in the background what came to our return paths, and to mailboxes."""

from __future__ import annotations

import asyncio
from typing import Final

from syncom.jobs.keeping import keep
from syncom.messages.bounces.mailboxes.jobs import MailboxKeeper
from syncom.messages.bounces.spool import SpoolReader

#: Seconds between looks at the spool.
_LOOK: Final = 1.0


class BounceKeeper:
    """Takes in what waits, here and in mailboxes. Any number may run: each mail is one's."""

    def __init__(self, spool: SpoolReader, mailboxes: MailboxKeeper) -> None:
        self._spool = spool
        self._mailboxes = mailboxes

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await asyncio.gather(keep("bounces", self._spool.step, stop, rest=_LOOK), self._mailboxes.run(stop))

"""The dev inbox: what was sent without a real SMTP account, kept to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from syncom.errors import NotFound
from syncom.inbox import parse, store
from syncom.inbox.model import InboxEntry, InboxPage, ParsedMail, ReceivedMail
from syncom.postgres.pool import Database

#: Older mails than the newest so many are deleted.
KEEP = 10_000
MAX_PAGE = 10_000
#: Mails between two looks at whether there are too many.
_TRIM_EVERY = 500


class InboxService:
    """Stores and reads mails. They belong to the installation: ask for an operator first."""

    def __init__(self, database: Database, *, keep: int = KEEP) -> None:
        self._database = database
        self._keep = keep
        self._since_trim = 0

    async def add(self, mails: Sequence[ReceivedMail]) -> None:
        """Keep these mails; they are durable on return. Now and then the oldest are deleted."""
        async with self._database.system() as connection:
            await store.add(connection, mails)
        self._since_trim += len(mails)
        if self._since_trim >= min(_TRIM_EVERY, self._keep):
            self._since_trim = 0
            await self.trim()

    async def list(self, *, cursor: int | None = None, recipient: str | None = None, limit: int = 50) -> InboxPage:
        """Mails newest first; ``cursor`` is the `next_cursor` of the page before."""
        wanted = max(1, min(limit, MAX_PAGE))
        async with self._database.system() as connection:
            entries = await store.page(connection, before=cursor, recipient=recipient or None, limit=wanted + 1)
        more = len(entries) > wanted
        return InboxPage(entries=entries[:wanted], next_cursor=entries[wanted - 1].inbox_id if more else None)

    async def get(self, inbox_id: int) -> InboxEntry:
        """One mail's line in the list. Raises NotFound."""
        async with self._database.system() as connection:
            entry = await store.entry(connection, inbox_id)
        if entry is None:
            raise NotFound("mail", inbox_id)
        return entry

    async def raw(self, inbox_id: int) -> bytes:
        """The message as it came. Raises NotFound."""
        async with self._database.system() as connection:
            raw = await store.raw(connection, inbox_id)
        if raw is None:
            raise NotFound("mail", inbox_id)
        return raw

    async def parse(self, inbox_id: int) -> ParsedMail:
        """Headers, texts and names of files of one mail. Raises NotFound."""
        return parse.parse(await self.raw(inbox_id))

    async def count(self) -> int:
        async with self._database.system() as connection:
            return await store.count(connection)

    async def clear(self) -> int:
        """Delete everything; returns how many there were."""
        async with self._database.system() as connection:
            return await store.clear(connection)

    async def trim(self) -> int:
        """Delete all but the newest; returns how many went."""
        async with self._database.system() as connection:
            return await store.trim(connection, self._keep)

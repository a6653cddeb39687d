"""The keys of browsers, read for many notifications at once when these leave; and browsers that are gone."""

from __future__ import annotations

from collections.abc import Sequence

from syncom.contacts import subscriptions
from syncom.contacts.subscriptions import SubscriptionKeys, SubscriptionRef
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Database


class Browsers:
    """Finds them. They are never kept with a message."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group: GroupCommit[SubscriptionRef, SubscriptionKeys | None] = GroupCommit(self._read, max_batch=500)

    async def keys(self, browser: SubscriptionRef) -> SubscriptionKeys | None:
        """None: the browser is not subscribed any more, or belongs to somebody else. Raises Unavailable."""
        return await self._group.submit(browser)

    async def forget(self, gone: Sequence[SubscriptionRef]) -> None:
        """These subscriptions lead nowhere any more. The same again changes nothing."""
        async with self._database.system() as connection:
            await subscriptions.remove(connection, gone)

    async def _read(self, browsers: Sequence[SubscriptionRef]) -> list[SubscriptionKeys | None]:
        async with self._database.system() as connection:
            return await subscriptions.keys(connection, browsers)

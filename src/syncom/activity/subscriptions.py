"""Choosing categories of messages: the choice is the contact's, and that it changed is a fact for those who follow."""

from __future__ import annotations

from collections.abc import Sequence

from syncom.activity.service import ActivityService
from syncom.contacts.service import ContactsService


class Subscriptions:
    """What contacts want to hear of."""

    def __init__(self, contacts: ContactsService, activity: ActivityService) -> None:
        self._contacts = contacts
        self._activity = activity

    async def choose(self, account_id: int, contact_id: int, keys: Sequence[str], *, source: str) -> list[str]:
        """Give a contact these categories and no others; returns their keys. Raises NotFound, Invalid."""
        before = await self._contacts.categories.of(account_id, contact_id)
        await self._contacts.categories.replace(account_id, contact_id, keys)
        after = await self._contacts.categories.of(account_id, contact_id)
        if after != before:
            await self._activity.subscription_changed(account_id, contact_id, source=source)
        return after

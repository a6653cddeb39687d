"""Use cases of carts: keep their state, tell which were abandoned, say what became of those."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from syncom.carts import store
from syncom.carts.events import cart_fact
from syncom.carts.model import Cart, CartFigures, CartSettings
from syncom.clock import Clock
from syncom.contacts.service import hold_contacts
from syncom.errors import Conflict, FieldError, Invalid
from syncom.events.model import EventInput, FollowedEvent
from syncom.events.service import EventsService
from syncom.postgres.pool import Connection, Database

_log = logging.getLogger(__name__)

#: Type of the event that an abandoned cart makes.
ABANDONED: Final = "AbandonedCart"
_MAX_IDLE: Final = 7 * 24 * 60
_MAX_RECOVERY: Final = 90
_MONTH: Final = timedelta(days=30)
_LONGEST: Final = timedelta(days=366)
#: Carts of one transaction.
_BATCH: Final = 200


class CartsService:
    """Carts of an account's contacts and visitors."""

    def __init__(self, database: Database, events: EventsService, clock: Clock) -> None:
        self._database = database
        self._events = events
        self._clock = clock

    async def settings(self, account_id: int) -> CartSettings:
        """When a cart is abandoned, and until when it is recovered."""
        async with self._database.tenant(account_id) as connection:
            return await store.settings(connection, account_id)

    async def configure(self, account_id: int, given: CartSettings) -> CartSettings:
        """Save settings. The idle time counts for carts that change from now on. Raises Invalid naming each wrong
        field."""
        limits = {"idle_minutes": _MAX_IDLE, "recovery_days": _MAX_RECOVERY}
        wrong = [
            FieldError(name, f"must be 1 to {most:,}")
            for name, most in limits.items()
            if not 1 <= getattr(given, name) <= most
        ]
        if wrong:
            raise Invalid.of(wrong)
        async with self._database.tenant(account_id) as connection:
            await store.save_settings(connection, account_id, given)
            return given

    async def of_contact(self, account_id: int, contact_id: int, *, limit: int = 100) -> list[Cart]:
        """A contact's carts, the one that changed last first."""
        async with self._database.tenant(account_id) as connection:
            return await store.of_contact(connection, account_id, contact_id, limit)

    async def figures(
        self, account_id: int, *, since: date | None = None, until: date | None = None
    ) -> list[CartFigures]:
        """Carts that were abandoned from one day to another (UTC, both included) and what became of them, by currency.

        ``until`` is today unless given, ``since`` thirty days before. Raises Invalid for more than 366 days.
        """
        until = until or self._clock.now().date()
        since = since or until - _MONTH
        if not timedelta(0) <= until - since < _LONGEST:
            raise Invalid("since", "must be at most 365 days before until, and not after it")
        start, end = (datetime.combine(day, time(), UTC) for day in (since, until + timedelta(days=1)))
        async with self._database.tenant(account_id) as connection:
            return await store.figures(connection, account_id, start, end)

    async def heed(self, connection: Connection, events: Sequence[FollowedEvent]) -> None:
        """Keep what these events say about carts, in the system transaction that takes them out of the change log."""
        facts = [fact for event in events if (fact := cart_fact(event)) is not None]
        if facts:
            await store.put(connection, facts)

    async def abandon_due(self) -> int:
        """Tell of carts whose time has come, each state once: the event, and that it was told, are one transaction.
        Returns how many carts were looked at."""
        now = self._clock.now()
        async with self._database.system() as connection:
            accounts = await store.due_accounts(connection, now)
        looked_at = 0
        for account_id in accounts:
            async with self._database.system() as connection:
                # Before the carts: a merge holds the account when it comes to them.
                await hold_contacts(connection, (account_id,))
                due = await store.take_due(connection, account_id, now, _BATCH)
                if due:
                    await store.told(connection, account_id, due)
                    await self._tell(connection, account_id, [one for one in due if not one.is_past])
                looked_at += len(due)
        return looked_at

    async def _tell(self, connection: Connection, account_id: int, due: Sequence[store.Due]) -> None:
        try:
            async with connection.transaction():
                await self._events.write(connection, account_id, [_event(one) for one in due])
        except (Invalid, Conflict) as error:
            # The type wants other parameters: the carts count as abandoned all the same.
            _log.warning("account %d gets no events %s: %s", account_id, ABANDONED, error.message)


def _event(due: store.Due) -> EventInput:
    params: dict[str, Any] = {
        "contactId": due.contact_id,
        "EmailAddress": due.email,
        "SMS": due.phone,
        "recycleStateId": due.cart,
        "totalCost": due.value,
        "currency": due.currency,
        "cartUrl": due.url,
        "changedAt": due.changed_at,
        "items": [
            {
                "externalItemId": item.product_id,
                "name": item.name,
                "category": item.category,
                "quantity": item.quantity,
                "cost": item.price,
                "url": item.url,
                "imageUrl": item.image_url,
            }
            for item in due.items
        ],
    }
    return EventInput(
        type_key=ABANDONED,
        key=due.cart,
        params={name: value for name, value in params.items() if value not in (None, "")},
        contact_id=due.contact_id,
        occurred_at=due.abandoned_at,
    )

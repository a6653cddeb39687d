"""Use cases of attribution: lead orders back to the messages before them, and say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from syncom.attribution import store
from syncom.attribution.model import (
    AttributionSettings,
    AttributionState,
    DayRevenue,
    Model,
    Revenue,
    Source,
    SourceDayRevenue,
    SourceRevenue,
    Touch,
)
from syncom.contacts.service import hold_contacts
from syncom.errors import FieldError, Invalid
from syncom.ids import BUCKETS
from syncom.orders.model import OrderKey
from syncom.postgres.pool import Connection, Database

_MAX_DAYS: Final = 90
#: Contacts of one transaction.
_BATCH: Final = 500


class AttributionService:
    """What messages of an account led to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(self, account_id: int) -> AttributionState:
        """The settings, and whether they hold for all orders yet."""
        async with self._database.tenant(account_id) as connection:
            return await store.state(connection, account_id)

    async def configure(self, account_id: int, settings: AttributionSettings) -> AttributionState:
        """Save settings. The model counts at once; other windows count for orders that come from now on, and for those
        of before as the keeper looks at them anew. Raises Invalid naming each wrong field."""
        wrong = [
            FieldError(name, f"must be 0 to {_MAX_DAYS}")
            for name in ("click_days", "open_days")
            if not 0 <= getattr(settings, name) <= _MAX_DAYS
        ]
        if wrong:
            raise Invalid.of(wrong)
        async with self._database.tenant(account_id) as connection:
            await store.save_settings(connection, account_id, settings)
            return await store.state(connection, account_id)

    async def orders_changed(self, connection: Connection, account_id: int, orders: Sequence[OrderKey]) -> None:
        """Attribute orders that were written, refunded, moved or deleted, in the transaction that did so, which holds
        the statistics of their contacts."""
        await store.attribute(connection, account_id, list(dict.fromkeys(orders)))

    async def report(
        self,
        account_id: int,
        *,
        since: date | None = None,
        until: date | None = None,
        models: Sequence[Model] | None = None,
    ) -> list[SourceRevenue]:
        """What campaigns, workflows and single messages led to on days of orders (UTC, both included), by the chosen
        model or by those given, beside each other. Raises Invalid when the days are not in order."""
        if since is not None and until is not None and since > until:
            raise Invalid("since", "must not be after until")
        async with self._database.tenant(account_id) as connection:
            if models is None:
                models = ((await store.state(connection, account_id)).settings.model,)
            return await store.totals(connection, account_id, models, since=since, until=until)

    async def revenue(
        self, account_id: int, source: Source, source_id: int, *, since: date | None = None, until: date | None = None
    ) -> list[Revenue]:
        """What one source led to by the chosen model, by currency, on days of orders (UTC, both included)."""
        async with self._database.tenant(account_id) as connection:
            model = (await store.state(connection, account_id)).settings.model
            found = await store.totals(
                connection, account_id, (model,), since=since, until=until, source=source, source_id=source_id
            )
        return [
            Revenue(currency=one.currency, orders=one.orders, gross=one.gross, refunded=one.refunded, net=one.net)
            for one in found
        ]

    async def days(self, account_id: int, source: Source, source_id: int) -> list[DayRevenue]:
        """The same by day of the order (UTC), oldest first."""
        async with self._database.tenant(account_id) as connection:
            model = (await store.state(connection, account_id)).settings.model
            return await store.days(connection, account_id, model, source, source_id)

    async def source_days(
        self, account_id: int, *, since: date | None = None, until: date | None = None, model: Model | None = None
    ) -> list[SourceDayRevenue]:
        """What each kind of source led to by day of the order (UTC), oldest first, by the chosen model or this one.
        Raises Invalid when the days are not in order."""
        if since is not None and until is not None and since > until:
            raise Invalid("since", "must not be after until")
        async with self._database.tenant(account_id) as connection:
            model = model or (await store.state(connection, account_id)).settings.model
            return await store.source_days(connection, account_id, model, since=since, until=until)

    async def touches(self, account_id: int, contact_id: int, order_id: int) -> list[Touch]:
        """The messages that an order of a contact is led back to, the clicked one first; none: it came by itself."""
        async with self._database.tenant(account_id) as connection:
            return await store.touches(connection, account_id, contact_id, order_id)

    # ------------------------------------------------------------ what comes late

    async def catch_up(self) -> bool:
        """Look anew at contacts whose hits came after the orders they led to, or who were merged; and at a bucket of an
        account whose windows changed. Each in a transaction; True when there may be more."""
        async with self._database.system() as connection:
            waiting = await store.take_queue(connection, _BATCH)
            accounts: dict[int, set[int]] = {}
            for account_id, contact_id in waiting:
                accounts.setdefault(account_id, set()).add(contact_id)
            for account_id in sorted(accounts):
                await self._look_at(connection, account_id, sorted(accounts[account_id]))
        return len(waiting) == _BATCH or await self._next_bucket()

    async def _next_bucket(self) -> bool:
        async with self._database.system() as connection:
            found = await store.stale(connection)
            if found is None:
                return False
            contact_ids = await store.contacts_in_bucket(connection, found.account_id, found.bucket)
            for start in range(0, len(contact_ids), _BATCH):
                await self._look_at(connection, found.account_id, contact_ids[start : start + _BATCH])
            following = found.bucket + 1
            await store.looked_at(connection, found.account_id, following if following < BUCKETS else None)
        return True

    async def _look_at(self, connection: Connection, account_id: int, contact_ids: Sequence[int]) -> None:
        # Nobody is erased or merged meanwhile: what an erased contact led to stays in the sums.
        await hold_contacts(connection, (account_id,))
        there = await store.living(connection, account_id, contact_ids)
        if there:
            await store.attribute_all(connection, account_id, there)

"""A shop: the orders of one account, and what they make of its contacts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from syncom.contacts.model import ContactInput, IdentityKind, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.events.service import EventsService
from syncom.orders.model import Customer, OrderInput
from syncom.orders.service import OrdersService
from syncom.postgres.pool import Database

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
ANNA = Customer(external_id="C-1", email="anna@example.com", phone="+380671112233", first_name="Anna", last_name="Kos")


@dataclass
class Shop:
    """The orders of one account, and what they make of its contacts."""

    database: Database
    contacts: ContactsService
    events: EventsService
    orders: OrdersService
    account_id: int

    async def take(self, *orders: OrderInput) -> list[str]:
        """Statuses that orders came to, such as ``A-1 DELIVERED``."""
        taken = await self.orders.take(self.account_id, orders)
        assert not taken.problems
        return [f"{change.order.external_id} {change.order.status}" for change in taken.changes]

    async def owner(self, external_id: str) -> int:
        found = await self.orders.find(self.account_id, external_id)
        assert found is not None
        return found.contact_id

    async def statistics(self) -> dict[int, tuple[int, datetime | None]]:
        """Counted orders of each contact that has any."""
        async with self.database.tenant(self.account_id) as connection:
            rows = await (
                await connection.execute(
                    "SELECT contact_id, orders, last_order_at FROM contact_statistics WHERE orders > 0"
                )
            ).fetchall()
        return {row[0]: (row[1], row[2]) for row in rows}


def order(number: str, status: str = "INITIALIZED", *, hours: int = 0, **members: Any) -> OrderInput:
    given: dict[str, Any] = {"total": Decimal(10), "currency": "EUR", "customer": ANNA}
    given |= members
    return OrderInput(external_id=number, status=status, ordered_at=NOON + timedelta(hours=hours), **given)


async def named_contact(contacts: ContactsService, account_id: int, name: str) -> int:
    """The contact with this external id, made when there is none."""
    result = await contacts.upsert(
        account_id, [ContactInput(external_id=name)], UpsertOptions(key=IdentityKind.EXTERNAL_ID)
    )
    [contact_id] = result.contact_ids
    assert contact_id is not None
    return contact_id


async def fresh_account(database: Database) -> int:
    """One more account, for a case of a property."""
    async with database.system() as connection:
        cursor = await connection.execute("INSERT INTO accounts (name) VALUES ('x') RETURNING account_id")
        row = await cursor.fetchone()
    assert row is not None
    return row[0]

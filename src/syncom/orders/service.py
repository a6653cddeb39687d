"""Use cases of orders: take them in, read a contact's."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from syncom.errors import FieldError, Invalid
from syncom.orders import store
from syncom.orders.model import Order, OrderInput
from syncom.postgres.pool import Database

MAX_ORDERS = 1000
_TEXT_LIMIT = 200
_LARGEST = Decimal("999999999999.99")


class OrdersService:
    """Orders of an account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account_id: int, orders: Sequence[OrderInput]) -> None:
        """Add or replace up to 1,000 orders; all of them or, with Invalid naming each wrong field, none."""
        if len(orders) > MAX_ORDERS:
            raise Invalid("orders", f"must be at most {MAX_ORDERS} at a time")
        problems = [problem for place, order in enumerate(orders) for problem in _check(place, order)]
        async with self._database.tenant(account_id) as connection:
            unknown = await store.unknown_contacts(connection, account_id, [order.contact_id for order in orders])
            problems += [
                FieldError(f"orders.{place}.contact_id", f"there is no contact {order.contact_id}")
                for place, order in enumerate(orders)
                if order.contact_id in unknown
            ]
            if problems:
                raise Invalid.of(problems)
            # The last of a repeated order wins, as if they had come one after the other.
            distinct = {(order.contact_id, order.external_id): order for order in orders}
            await store.upsert(connection, account_id, list(distinct.values()))

    async def of_contact(self, account_id: int, contact_id: int, *, limit: int = 100) -> list[Order]:
        """A contact's orders, newest first."""
        async with self._database.tenant(account_id) as connection:
            return await store.of_contact(connection, account_id, contact_id, limit)


def _check(place: int, order: OrderInput) -> list[FieldError]:
    at = f"orders.{place}"
    problems: list[FieldError] = []
    for name in ("external_id", "status"):
        value: str = getattr(order, name)
        if not value.strip() or len(value) > _TEXT_LIMIT or not value.isprintable():
            problems.append(FieldError(f"{at}.{name}", f"must be printable text of 1 to {_TEXT_LIMIT} characters"))
    if order.currency and not (len(order.currency) == 3 and order.currency.isalpha() and order.currency.isupper()):
        problems.append(FieldError(f"{at}.currency", "must be an ISO 4217 code such as EUR"))
    if not order.total.is_finite() or abs(order.total) > _LARGEST:
        problems.append(FieldError(f"{at}.total", f"must be an amount up to {_LARGEST}"))
    if order.ordered_at.tzinfo is None:
        problems.append(FieldError(f"{at}.ordered_at", "must say its offset, such as Z or +03:00"))
    for number, item in enumerate(order.items):
        if not item.name.strip() or "\0" in item.name + item.category + item.external_id:
            problems.append(FieldError(f"{at}.items.{number}.name", "must not be empty or contain NUL"))
    return problems

"""Refunds: what a shop gave back of its orders, whatever comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final

import psycopg

from syncom.contacts.service import hold_contacts
from syncom.errors import FieldError, Invalid, Unavailable
from syncom.orders import store
from syncom.orders.model import OrderKey, Refund, RefundInput
from syncom.postgres.pool import Connection, Database

#: Refunds of one call, and lines of one.
MAX_REFUNDS: Final = 1000
_MAX_ITEMS: Final = 1000
_TEXT_LIMIT: Final = 200
_REASON_LIMIT: Final = 2000
_LARGEST: Final = Decimal("999999999999.99")
_ATTEMPTS: Final = 3
#: Hears of orders that changed, in the transaction that changed them.
Changed = Callable[[Connection, int, Sequence[OrderKey]], Awaitable[None]]


class Refunds:
    """Refunds of an account's orders."""

    def __init__(self, database: Database, changed: Changed) -> None:
        self._database = database
        self._changed = changed

    async def add(self, account_id: int, refunds: Sequence[RefundInput]) -> None:
        """Add or update up to 1,000 refunds; all of them or, with Invalid naming each wrong field, none.

        They end the same in whatever order they and their orders arrive, and however often: the newer state of a refund
        is kept, and one of an order that is not known yet waits for it.
        """
        if not 0 < len(refunds) <= MAX_REFUNDS:
            raise Invalid("refunds", f"must be 1 to {MAX_REFUNDS:,} at a time")
        wrong = [error for place, refund in enumerate(refunds) for error in _wrong(f"refunds.{place}", refund)]
        if wrong:
            raise Invalid.of(wrong)
        newest = _newest(refunds)
        for _ in range(_ATTEMPTS):
            try:
                async with self._database.tenant(account_id) as connection:
                    await self._write(connection, account_id, newest)
                return
            except psycopg.errors.DeadlockDetected:
                # Whoever hears of it writes rows of contacts that others count with.
                continue
        raise Unavailable("other writers keep changing the same contacts; try again")

    async def of_order(self, account_id: int, external_id: str) -> list[Refund]:
        """What was refunded of the order with this number, oldest first."""
        async with self._database.tenant(account_id) as connection:
            return await store.refunds(connection, account_id, external_id)

    async def _write(self, connection: Connection, account_id: int, refunds: Sequence[RefundInput]) -> None:
        await hold_contacts(connection, (account_id,))
        numbers = {refund.order for refund in refunds}
        held = await store.lock_known(connection, account_id, sorted(numbers))
        unknown = numbers - held.keys()
        if unknown:
            # Nobody's yet: the order takes the number over, and the refunds with it.
            held |= await store.claim(connection, account_id, dict.fromkeys(unknown, 0))
        await store.write_refunds(connection, account_id, refunds, held)
        orders = [OrderKey(one.contact_id, one.order_id, number) for number, one in held.items() if one.contact_id]
        if orders:
            await store.lock_statistics(connection, account_id, [order.contact_id for order in orders])
            await self._changed(connection, account_id, orders)


def _newest(refunds: Sequence[RefundInput]) -> list[RefundInput]:
    """One state of each refund: the newest and, of two of one moment, the one that comes last."""
    found: dict[tuple[str, str], RefundInput] = {}
    for refund in refunds:
        key = refund.order, refund.external_id
        known = found.get(key)
        if known is None or (refund.changed_at or refund.refunded_at) >= (known.changed_at or known.refunded_at):
            found[key] = refund
    return list(found.values())


def _wrong(at: str, refund: RefundInput) -> list[FieldError]:
    wrong: list[FieldError] = []
    for name in ("order", "external_id"):
        text: str = getattr(refund, name)
        if not text.strip() or len(text) > _TEXT_LIMIT or not text.isprintable():
            wrong.append(FieldError(f"{at}.{name}", f"must be printable text of 1 to {_TEXT_LIMIT} characters"))
    if refund.amount is not None and not (refund.amount.is_finite() and 0 <= refund.amount <= _LARGEST):
        wrong.append(FieldError(f"{at}.amount", f"must be 0 to {_LARGEST}, or left out for all of the order"))
    if len(refund.reason) > _REASON_LIMIT or "\0" in refund.reason:
        wrong.append(FieldError(f"{at}.reason", f"must be at most {_REASON_LIMIT:,} characters, without NUL"))
    for name in ("refunded_at", "changed_at"):
        moment = getattr(refund, name)
        if moment is not None and moment.tzinfo is None:
            wrong.append(FieldError(f"{at}.{name}", "must say its offset, such as Z or +03:00"))
    if len(refund.items) > _MAX_ITEMS:
        wrong.append(FieldError(f"{at}.items", f"must be at most {_MAX_ITEMS:,}"))
    for number, item in enumerate(refund.items[:_MAX_ITEMS]):
        if not item.external_id.strip() or len(item.external_id) > _TEXT_LIMIT or not item.external_id.isprintable():
            wrong.append(FieldError(f"{at}.items.{number}.external_id", f"must be 1 to {_TEXT_LIMIT} characters"))
        if not (item.quantity.is_finite() and 0 < item.quantity <= _LARGEST):
            wrong.append(FieldError(f"{at}.items.{number}.quantity", "must be more than 0"))
    if refund.items and refund.amount is None:
        wrong.append(FieldError(f"{at}.amount", "is missing: a refund of some items says how much it is"))
    return wrong

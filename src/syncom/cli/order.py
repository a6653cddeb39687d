"""``syncom order``."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.orders.model import OrderInput

app = App(name="order", help="What contacts bought.")
_DEFAULT = Options()


@app.command
async def add(
    *,
    contact: int,
    external_id: str,
    total: Decimal,
    status: str,
    currency: str = "",
    at: datetime | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Add an order of a contact, or replace the one with the same external id.

    Parameters
    ----------
    contact
        Id of the contact.
    external_id
        The order's number in your shop.
    total
        What was paid, such as 34.90.
    status
        Where the order is, in your words: DELIVERED, CANCELLED.
    currency
        Such as EUR.
    at
        When it was made, such as 2026-01-31T12:00:00Z; now unless given.
    """
    if at is not None and at.tzinfo is None:
        raise Invalid("at", "must say its offset, such as Z or +03:00")
    async with here(options) as services:
        order = OrderInput(
            contact_id=contact,
            external_id=external_id,
            status=status,
            total=total,
            currency=currency,
            ordered_at=at or services.app.clock.now(),
        )
        await services.app.orders.add(services.account_id, [order])
    show(order, json=options.json, human=lambda: print(f"Order {external_id} of contact {contact} is stored."))


@app.command(name="list")
async def list_orders(*, contact: int, limit: int = 100, options: Options = _DEFAULT) -> None:
    """List the orders of a contact, newest first.

    Parameters
    ----------
    contact
        Id of the contact.
    limit
        How many at most.
    """
    async with here(options) as services:
        await services.app.contacts.get(services.account_id, contact)
        found = await services.app.orders.of_contact(services.account_id, contact, limit=limit)
    rows = [(one.external_id, one.ordered_at, one.status, f"{one.total} {one.currency}".strip()) for one in found]
    empty = "No order yet: `syncom order add` stores one."
    show(found, json=options.json, human=lambda: table(("order", "made", "status", "total"), rows, empty=empty))

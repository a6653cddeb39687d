"""``syncom order``."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid, NotFound
from syncom.orders.model import Customer, OrderInput, RefundInput

app = App(name="order", help="What contacts bought.")
_DEFAULT = Options()


@app.command
async def add(
    *,
    contact: int | None = None,
    customer_id: str = "",
    email: str = "",
    phone: str = "",
    external_id: str,
    total: Decimal,
    status: str,
    currency: str = "",
    at: datetime | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Add an order, or update the one with the same external id.

    Parameters
    ----------
    contact
        Id of the contact; or name the customer, who becomes a contact when unknown.
    customer_id
        Your own id of the customer.
    email
        Their address.
    phone
        Their number, such as +380441234567.
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
    customer = Customer(external_id=customer_id, email=email, phone=phone) if customer_id or email or phone else None
    if (contact is None) == (customer is None):
        raise Invalid("contact", "or the customer (--customer-id, --email, --phone) is to be named, one of the two")
    async with here(options) as services:
        order = OrderInput(
            contact_id=contact,
            customer=customer,
            external_id=external_id,
            status=status,
            total=total,
            currency=currency,
            ordered_at=at or services.app.clock.now(),
        )
        await services.app.orders.add(services.account_id, [order])
    show(order, json=options.json, human=lambda: print(f"Order {external_id} is stored."))


@app.command(name="show")
async def show_order(external_id: str, *, options: Options = _DEFAULT) -> None:
    """Show an order.

    Parameters
    ----------
    external_id
        The order's number in your shop.
    """
    async with here(options) as services:
        found = await services.app.orders.find(services.account_id, external_id)
    if found is None:
        raise NotFound("order", external_id)
    rows = [(item.external_id, item.name, item.quantity, item.price) for item in found.items]

    def human() -> None:
        print(f"{found.status}, {found.total} {found.currency}, of contact {found.contact_id}, {found.ordered_at}")
        if found.refunded:
            print(f"{found.refunded} refunded, {found.total - found.refunded} left")
        table(("item", "name", "quantity", "price"), rows, empty="The order has no items.")

    show(found, json=options.json, human=human)


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


@app.command
async def refund(
    external_id: str,
    *,
    refund_id: str,
    amount: Decimal | None = None,
    at: datetime | None = None,
    reason: str = "",
    options: Options = _DEFAULT,
) -> None:
    """Say that money of an order was given back; the same refund again is updated. The order may come later.

    Parameters
    ----------
    external_id
        The order's number in your shop.
    refund_id
        The refund's own number, unique in its order.
    amount
        How much, in the order's currency: all of it unless given; 0 takes the refund back.
    at
        When, such as 2026-01-31T12:00:00Z; now unless given.
    reason
        In your words.
    """
    if at is not None and at.tzinfo is None:
        raise Invalid("at", "must say its offset, such as Z or +03:00")
    async with here(options) as services:
        given = RefundInput(
            order=external_id,
            external_id=refund_id,
            amount=amount,
            refunded_at=at or services.app.clock.now(),
            reason=reason,
        )
        await services.app.orders.refunds.add(services.account_id, [given])
    show(given, json=options.json, human=lambda: print(f"Refund {refund_id} of order {external_id} is stored."))


@app.command
async def refunds(external_id: str, *, options: Options = _DEFAULT) -> None:
    """List what was refunded of an order, oldest first.

    Parameters
    ----------
    external_id
        The order's number in your shop.
    """
    async with here(options) as services:
        found = await services.app.orders.refunds.of_order(services.account_id, external_id)
    rows = [
        (one.external_id, one.refunded_at, "all" if one.amount is None else one.amount, one.reason) for one in found
    ]
    empty = "Nothing was refunded."
    show(found, json=options.json, human=lambda: table(("refund", "when", "amount", "reason"), rows, empty=empty))


@app.command
async def revenue(*, contact: int, options: Options = _DEFAULT) -> None:
    """What a contact's purchases came to, in each currency.

    Parameters
    ----------
    contact
        Id of the contact.
    """
    async with here(options) as services:
        await services.app.contacts.get(services.account_id, contact)
        found = await services.app.orders.revenue(services.account_id, contact)
    rows = [(one.currency or "none", one.orders, one.gross, one.refunded, one.net) for one in found]
    names = ("currency", "orders", "gross", "refunded", "net")
    show(found, json=options.json, human=lambda: table(names, rows, empty="No purchase yet."))

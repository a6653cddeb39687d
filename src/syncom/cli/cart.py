"""``syncom cart``."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from cyclopts import App

from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here

app = App(name="cart", help="What lies in carts, and what became of those that were abandoned.")
_DEFAULT = Options()


@app.command
async def settings(
    *, idle_minutes: int | None = None, recovery_days: int | None = None, options: Options = _DEFAULT
) -> None:
    """Show when a cart is taken for abandoned, or change it.

    Parameters
    ----------
    idle_minutes
        Minutes after its last change.
    recovery_days
        Days within which an order recovers it.
    """
    wanted = {"idle_minutes": idle_minutes, "recovery_days": recovery_days}
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    async with here(options) as services:
        used = await services.app.carts.settings(services.account_id)
        if given:
            changed = msgspec.structs.replace(used, **given)
            used = await services.app.carts.configure(services.account_id, changed)
    pairs = [("idle minutes", used.idle_minutes), ("recovery days", used.recovery_days)]
    show(used, json=options.json, human=lambda: facts(pairs))


@app.command
async def figures(*, since: date | None = None, until: date | None = None, options: Options = _DEFAULT) -> None:
    """Abandoned carts and those that orders recovered, by currency.

    Parameters
    ----------
    since
        First day, UTC; thirty days before the last one unless given.
    until
        Last day; today unless given.
    """
    async with here(options) as services:
        found = await services.app.carts.figures(services.account_id, since=since, until=until)
    rows = [(one.currency or "none", one.abandoned, one.value, one.recovered, one.revenue) for one in found]
    names = ("currency", "abandoned", "value", "recovered", "revenue")
    show(found, json=options.json, human=lambda: table(names, rows, empty="No cart was abandoned."))


@app.command(name="list")
async def list_carts(*, contact: int, limit: int = 100, options: Options = _DEFAULT) -> None:
    """List the carts of a contact, the one that changed last first.

    Parameters
    ----------
    contact
        Id of the contact.
    limit
        How many at most.
    """
    async with here(options) as services:
        await services.app.contacts.get(services.account_id, contact)
        found = await services.app.carts.of_contact(services.account_id, contact, limit=limit)
    rows = [
        (
            one.cart,
            one.changed_at,
            len(one.items),
            f"{one.value} {one.currency}".strip(),
            "ordered" if one.ordered_at else "abandoned" if one.is_told else "",
        )
        for one in found
    ]
    names = ("cart", "changed", "products", "value", "")
    show(found, json=options.json, human=lambda: table(names, rows, empty="No cart yet."))

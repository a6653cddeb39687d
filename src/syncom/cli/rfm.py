"""``syncom rfm``."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from cyclopts import App

from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.rfm.model import Revenue, RfmGrid, RfmState, Thresholds

app = App(name="rfm", help="Customers by recency, frequency and monetary value.")
_DEFAULT = Options()


@app.command
async def settings(
    *,
    status: tuple[str, ...] = (),
    currency: str | None = None,
    revenue: Revenue | None = None,
    window_days: int | None = None,
    thresholds: str | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Show how customers are scored, or change it and score all anew.

    Parameters
    ----------
    status
        Statuses of orders that count.
    currency
        Only amounts in it are money, such as EUR; an empty one: in that of most orders.
    revenue
        What of an order is money: its total, or net of shipping and taxes.
    window_days
        Orders of so many days; 0: all.
    thresholds
        JSON with recency_days, frequency and monetary, four numbers each; 'quintiles' goes back to those.
    """
    given: dict[str, Any] = {}
    if status:
        given["statuses"] = status
    if currency is not None:
        given["currency"] = currency
    if revenue is not None:
        given["revenue"] = revenue
    if window_days is not None:
        given["window_days"] = window_days or None
    if thresholds is not None:
        given["thresholds"] = _thresholds(thresholds)
    async with here(options) as services:
        rfm = services.app.rfm
        state = await rfm.state(services.account_id)
        if given:
            await rfm.configure(services.account_id, msgspec.structs.replace(state.settings, **given))
            await rfm.recompute(services.account_id)
            state = await rfm.state(services.account_id)
    show(state, json=options.json, human=lambda: facts(_pairs(state)))


def _thresholds(given: str) -> Thresholds | None:
    if given == "quintiles":
        return None
    try:
        return msgspec.json.decode(given, type=Thresholds)
    except msgspec.DecodeError as error:
        raise Invalid("thresholds", f"{error}") from error


def _pairs(state: RfmState) -> list[tuple[str, object]]:
    used, bounds = state.settings, state.bounds
    pairs: list[tuple[str, object]] = [
        ("statuses", ", ".join(used.statuses)),
        ("currency", used.currency or f"{state.currency or 'none'} (that of most orders)"),
        ("revenue", used.revenue.value),
        ("window", f"{used.window_days} days" if used.window_days else "all orders"),
        ("boundaries", "quintiles" if used.thresholds is None else "thresholds"),
        ("scored as a whole", state.recomputed_at),
    ]
    if bounds is not None:
        pairs += [
            ("recency above", ", ".join(moment.date().isoformat() for moment in bounds.recency)),
            ("frequency above", ", ".join(map(str, bounds.frequency))),
            ("monetary above", ", ".join(map(str, bounds.monetary))),
        ]
    return pairs


@app.command
async def recompute(*, options: Options = _DEFAULT) -> None:
    """Draw the boundaries anew and score everybody. It happens daily by itself."""
    async with here(options) as services:
        looked_at = await services.app.rfm.recompute(services.account_id)
    show({"contacts": looked_at}, json=options.json, human=lambda: print(f"{looked_at} contacts were looked at."))


@app.command
async def grid(*, options: Options = _DEFAULT) -> None:
    """Show customers and revenue by recency and frequency, and by class."""
    async with here(options) as services:
        found = await services.app.rfm.grid(services.account_id)
    show(found, json=options.json, human=lambda: _show_grid(found))


def _show_grid(found: RfmGrid) -> None:
    rows = [
        (f"R{r}", *(f"{cell.contacts} / {cell.revenue}" for cell in found.cells if cell.recency == r))
        for r in range(5, 0, -1)
    ]
    table(("contacts / revenue", "F5", "F4", "F3", "F2", "F1"), rows, empty="")
    print()
    table(("class", "contacts", "revenue"), [(c.rfm_class, c.contacts, c.revenue) for c in found.classes], empty="")


@app.command(name="show")
async def show_contact(contact: int, *, options: Options = _DEFAULT) -> None:
    """Show a customer's scores and class.

    Parameters
    ----------
    contact
        Id of the contact.
    """
    async with here(options) as services:
        found = await services.app.rfm.of_contact(services.account_id, contact)
    pairs = [
        ("class", found.rfm_class),
        ("recency", found.recency),
        ("frequency", found.frequency),
        ("monetary", found.monetary),
        ("orders", found.orders),
        ("revenue", found.revenue),
        ("last order", found.last_order_at),
    ]
    show(found, json=options.json, human=lambda: facts(pairs))


@app.command
async def transitions(since: date, until: date, *, options: Options = _DEFAULT) -> None:
    """Show who moved from which class to which between the ends of two days (UTC).

    Parameters
    ----------
    since
        The first day, such as 2026-01-31.
    until
        The second day.
    """
    async with here(options) as services:
        found = await services.app.rfm.transitions(services.account_id, since, until)
    rows = [(one.was or "no customer", one.became or "no customer", one.contacts) for one in found.moves]
    empty = "No customers on either day."
    show(found, json=options.json, human=lambda: table(("was", "became", "contacts"), rows, empty=empty))

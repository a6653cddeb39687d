"""``syncom attribution``."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from cyclopts import App

from syncom.attribution.model import Model
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here

app = App(name="attribution", help="What campaigns, workflows and single messages led to.")
_DEFAULT = Options()


@app.command
async def settings(
    *,
    model: Model | None = None,
    click_days: int | None = None,
    open_days: int | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Show how orders are led back to messages, or change it.

    Parameters
    ----------
    model
        The last click, the last open, or the last click and else the last open.
    click_days
        Days between a click and the order.
    open_days
        Days between an open and the order.
    """
    wanted = {"model": model, "click_days": click_days, "open_days": open_days}
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    async with here(options) as services:
        attribution = services.app.attribution
        state = await attribution.state(services.account_id)
        if given:
            changed = msgspec.structs.replace(state.settings, **given)
            state = await attribution.configure(services.account_id, changed)
    used = state.settings
    pairs = [
        ("model", used.model.value),
        ("click days", used.click_days),
        ("open days", used.open_days),
        ("orders of before", "looked at" if state.is_settled else "being looked at anew by the worker"),
    ]
    show(state, json=options.json, human=lambda: facts(pairs))


@app.command
async def report(
    *, since: date | None = None, until: date | None = None, all_models: bool = False, options: Options = _DEFAULT
) -> None:
    """Orders and revenue of each source, by the chosen model, or by every model beside the others.

    Parameters
    ----------
    since
        First day of orders, UTC.
    until
        Last day.
    all_models
        By every model.
    """
    async with here(options) as services:
        found = await services.app.attribution.report(
            services.account_id, since=since, until=until, models=tuple(Model) if all_models else None
        )
    rows = [
        (
            one.model.value,
            one.source.value,
            one.source_id or "",
            one.orders,
            one.gross,
            one.refunded,
            one.net,
            one.currency,
        )
        for one in found
    ]
    names = ("model", "source", "id", "orders", "gross", "refunded", "net", "currency")
    show(found, json=options.json, human=lambda: table(names, rows, empty="No order was led back to a message yet."))

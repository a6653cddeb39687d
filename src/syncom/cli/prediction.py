"""``syncom prediction``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.output import facts, show
from syncom.cli.services import Options, here

app = App(name="prediction", help="When customers will order again, for how much, and whether at all.")
_DEFAULT = Options()


@app.command
async def state(*, options: Options = _DEFAULT) -> None:
    """Show the models that predictions are made with, and when they were made."""
    async with here(options) as services:
        found = await services.app.predictions.state(services.account_id)
    pairs: list[tuple[str, object]] = [
        ("fitted", found.fitted_at or "never"),
        ("predicted", found.predicted_at or "never"),
    ]
    if found.problem:
        pairs.append(("problem", found.problem))
    if found.model is not None:
        by = found.model.purchases
        said = f"r {by.r:.3f}, alpha {by.alpha:.3f}, a {by.a:.3f}, b {by.b:.3f}"
        pairs.append(("purchases (BG/NBD, weeks)", f"{said}; of {by.customers} customers"))
        if found.model.values is not None:
            of = found.model.values
            said = f"p {of.p:.2f}, q {of.q:.2f}, gamma {of.gamma:.2f}"
            pairs.append(("values (Gamma-Gamma)", f"{said}; of {of.customers} who came back"))
    show(found, json=options.json, human=lambda: facts(pairs))


@app.command
async def renew(*, options: Options = _DEFAULT) -> None:
    """Fit the models and predict for every customer. It happens by itself: models weekly, predictions daily."""
    async with here(options) as services:
        written = await services.app.predictions.renew(services.account_id)
    show({"written": written}, json=options.json, human=lambda: print(f"{written} predictions are new or changed."))


@app.command(name="show")
async def show_contact(contact: int, *, options: Options = _DEFAULT) -> None:
    """Show what to expect of a customer.

    Parameters
    ----------
    contact
        Id of the contact.
    """
    async with here(options) as services:
        found = await services.app.predictions.of_contact(services.account_id, contact)
    pairs = [
        ("orders in 30 days", found.orders_30_days),
        ("orders in 90 days", found.orders_90_days),
        ("churn probability", "unknown: ordered on one day only" if found.churn is None else found.churn),
        ("next order", found.next_order_on or "not to be expected"),
        ("value of an order", "unknown" if found.order_value is None else found.order_value),
        ("revenue of 12 months", "unknown" if found.lifetime_value is None else found.lifetime_value),
        ("predicted", found.predicted_at),
    ]
    show(found, json=options.json, human=lambda: facts(pairs))

"""``syncom recommendation``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.recommendations.model import RecommendationKind

app = App(name="recommendation", help="By what products are recommended.")
_DEFAULT = Options()


@app.command
async def add(
    *, name: str, kind: RecommendationKind, days: int = 90, size: int = 10, options: Options = _DEFAULT
) -> None:
    """Name a rule; its id is what programs ask with.

    Parameters
    ----------
    name
        Its name, once in an account.
    kind
        bought_together, most_bought or last_viewed.
    days
        How far back orders and views count.
    size
        Products of an answer, at most.
    """
    async with here(options) as services:
        added = await services.app.recommendations.add_source(
            services.account_id, name=name, kind=kind, days=days, size=size
        )
    show(added, json=options.json, human=lambda: print(f"Source {added.source_id} recommends by {kind.value}."))


@app.command(name="list")
async def list_sources(*, options: Options = _DEFAULT) -> None:
    """List the rules."""
    async with here(options) as services:
        found = await services.app.recommendations.sources(services.account_id)
    rows = [(one.source_id, one.name, one.kind.value, one.days, one.size) for one in found]
    empty = "No source yet: `syncom recommendation add` makes one."
    show(found, json=options.json, human=lambda: table(("id", "name", "kind", "days", "size"), rows, empty=empty))

"""``syncom promocode``."""

from __future__ import annotations

from datetime import datetime

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.promocodes.model import PromocodeFilter, PromocodeInput

app = App(name="promocode", help="Codes that are given away, each once.")
_DEFAULT = Options()


@app.command
async def add(
    *codes: str,
    type: str = "",  # noqa: A002 - the name of the option
    discount: int = 0,
    expires: datetime | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Add codes, or change known ones.

    Parameters
    ----------
    codes
        The codes.
    type
        A word of your own, by which codes are taken.
    discount
        Percent, 0 to 99.
    expires
        When they expire, such as 2026-12-31T23:59:00Z; never unless given.
    """
    given = [PromocodeInput(code=code, type=type, discount=discount, expires_at=expires) for code in codes]
    async with here(options) as services:
        done = await services.app.promocodes.upload(services.account_id, given)
    show(done, json=options.json, human=lambda: print(f"{done.added} added, {done.updated} updated."))


@app.command(name="list")
async def list_promocodes(
    *,
    type: str | None = None,  # noqa: A002 - the name of the option
    free: bool = False,
    limit: int = 100,
    options: Options = _DEFAULT,
) -> None:
    """List codes in the order in which they are given away.

    Parameters
    ----------
    type
        Codes of this type.
    free
        Those that nobody has yet.
    limit
        How many at most.
    """
    wanted = PromocodeFilter(type=type, in_use=False if free else None)
    async with here(options) as services:
        found, _ = await services.app.promocodes.search(services.account_id, wanted, limit=limit)
    rows = [
        (one.code, one.type, one.discount, one.expires_at or "", "taken" if one.in_use else "free") for one in found
    ]
    empty = "No code: `syncom promocode add` adds some."
    show(found, json=options.json, human=lambda: table(("code", "type", "%", "expires", "state"), rows, empty=empty))

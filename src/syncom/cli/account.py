"""``syncom account``."""

from __future__ import annotations

from cyclopts import App

from syncom.accounts.service import machine_principal
from syncom.cli.output import facts, show, table
from syncom.cli.services import Output, installation

app = App(name="account", help="Accounts of this installation.")
_PLAIN = Output()


@app.command(name="list")
async def list_accounts(*, output: Output = _PLAIN) -> None:
    """List all accounts."""
    async with installation() as services:
        found = await services.accounts.list_accounts(machine_principal(0))
    rows = [(account.account_id, account.name, account.time_zone, account.created_at) for account in found]
    show(
        found,
        json=output.json,
        human=lambda: table(("id", "name", "time zone", "made"), rows, empty="No account yet: run `syncom up`."),
    )


@app.command
async def create(name: str, *, output: Output = _PLAIN) -> None:
    """Make an account.

    Parameters
    ----------
    name
        What to call it.
    """
    async with installation() as services:
        account = await services.accounts.create_account(machine_principal(0), name=name)
    show(account, json=output.json, human=lambda: facts([("account", account.account_id), ("name", account.name)]))

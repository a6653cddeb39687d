"""``syncom account``."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from syncom.accounts.model import Account, Velocity
from syncom.accounts.service import GRACE_DAYS, machine_principal
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, Output, here, installation

app = App(name="account", help="Accounts of this installation.")
_PLAIN = Output()
_DEFAULT = Options()


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


@app.command
async def update(
    *,
    name: str | None = None,
    time_zone: str | None = None,
    velocity_truth: Literal["1", "2"] | None = None,
    velocity_lines: Literal["1", "2"] | None = None,
    keep_ledger_days: int | None = None,
    keep_activity_days: int | None = None,
    keep_events_days: int | None = None,
    keep_carts_days: int | None = None,
    require_two_factor: bool | None = None,
    two_factor_grace_days: int = GRACE_DAYS,
    options: Options = _DEFAULT,
) -> None:
    """Change an account; what is not named stays.

    Parameters
    ----------
    name
        What to call it.
    time_zone
        The zone of its schedules and reports, such as Europe/Kyiv.
    velocity_truth
        Which version of Velocity decides what #if takes for false, in templates saved from now on.
    velocity_lines
        Which version decides on the white space around directives.
    keep_ledger_days
        For how many days is kept what was sent: 93 at least, 0 for ever.
    keep_activity_days
        The same for what happened to it: opens, clicks and so on.
    keep_events_days
        The same for events.
    keep_carts_days
        The same for carts that were ordered, told of as abandoned, or are of nobody.
    require_two_factor
        Whether members need a second factor to sign in.
    two_factor_grace_days
        Days until that is insisted on, counted from this command.
    """
    async with here(options) as services:
        account = await services.app.accounts.update_account(
            machine_principal(services.account_id),
            name=name,
            time_zone=time_zone,
            velocity_truth=_version(velocity_truth),
            velocity_lines=_version(velocity_lines),
            keep_ledger_days=keep_ledger_days,
            keep_activity_days=keep_activity_days,
            keep_events_days=keep_events_days,
            keep_carts_days=keep_carts_days,
            require_two_factor=require_two_factor,
            two_factor_grace_days=two_factor_grace_days,
        )
    show(account, json=options.json, human=lambda: _shown(account))


def _version(given: Literal["1", "2"] | None) -> Velocity | None:
    return None if given is None else Velocity(int(given))


def _shown(account: Account) -> None:
    facts(
        [
            ("account", account.account_id),
            ("name", account.name),
            ("time zone", account.time_zone),
            ("Velocity: truth of", account.velocity_truth.value),
            ("Velocity: lines of", account.velocity_lines.value),
            ("ledger kept", _days(account.keep_ledger_days)),
            ("activity kept", _days(account.keep_activity_days)),
            ("events kept", _days(account.keep_events_days)),
            ("carts kept", _days(account.keep_carts_days)),
            ("two-factor required from", account.two_factor_required_from or "never"),
        ]
    )


def _days(kept: int) -> str:
    return f"{kept:,} days" if kept else "for ever"

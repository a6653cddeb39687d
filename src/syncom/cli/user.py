"""``syncom user``."""

from __future__ import annotations

import getpass
import sys

from cyclopts import App

from syncom.accounts.model import Role, User
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here

app = App(name="user", help="People who may sign in.")
two_factor = App(name="two-factor", help="The codes that people sign in with besides their password.")
app.command(two_factor)
_DEFAULT = Options()


@app.command(name="list")
async def list_users(*, options: Options = _DEFAULT) -> None:
    """List the members of the account."""
    async with here(options) as services:
        found = await services.app.accounts.list_users(services.by)
    rows = [
        (user.user_id, user.email, user.role, user.is_operator, user.two_factor, user.disabled_at) for user in found
    ]
    columns = ("id", "email", "role", "operator", "two-factor", "locked since")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="No user: `syncom user create EMAIL`."))


@app.command
async def create(
    email: str, *, role: Role = Role.MARKETER, name: str = "", ask: bool = False, options: Options = _DEFAULT
) -> None:
    """Add a person to the account. Their password is made and printed once.

    Parameters
    ----------
    email
        What they sign in with.
    role
        What they may do.
    name
        Their name.
    ask
        Ask for the password instead of making one.
    """
    async with here(options) as services:
        made = await services.app.accounts.create_user(
            services.by, email=email, role=role, name=name, password=_ask() if ask else None
        )
    show(made, json=options.json, human=lambda: facts(_described(made.user, made.password)))


@app.command
async def password(email: str, *, ask: bool = False, options: Options = _DEFAULT) -> None:
    """Give a member a new password. All their sessions end.

    Parameters
    ----------
    email
        What they sign in with.
    ask
        Ask for the password instead of making one.
    """
    async with here(options) as services:
        user = await services.app.accounts.find_user(services.by, email)
        made = await services.app.accounts.reset_password(services.by, user.user_id, _ask() if ask else None)
    show(
        {"user_id": user.user_id, "email": user.email, "password": made},
        json=options.json,
        human=lambda: facts(_described(user, made)),
    )


@two_factor.command
async def reset(email: str, *, options: Options = _DEFAULT) -> None:
    """Take away the second factor of a member who lost it. All their sessions end.

    Parameters
    ----------
    email
        What they sign in with.
    """
    async with here(options) as services:
        user = await services.app.accounts.find_user(services.by, email)
        await services.app.accounts.reset_two_factor(services.by, user.user_id)
    show(user, json=options.json, human=lambda: print(f"{user.email} signs in with the password alone now."))


@app.command
async def remove(email: str, *, options: Options = _DEFAULT) -> None:
    """End a membership and its sessions.

    Parameters
    ----------
    email
        What they sign in with.
    """
    async with here(options) as services:
        user = await services.app.accounts.find_user(services.by, email)
        await services.app.accounts.remove_user(services.by, user.user_id)
    show(user, json=options.json, human=lambda: print(f"{user.email} is no longer a member."))


def _described(user: User, made: str | None) -> list[tuple[str, object]]:
    described: list[tuple[str, object]] = [("user", user.user_id), ("email", user.email), ("role", user.role)]
    if made:
        described.append(("password", f"{made}   (shown once)"))
    return described


def _ask() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")

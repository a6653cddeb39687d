"""``syncom api-key``."""

from __future__ import annotations

from cyclopts import App

from syncom.accounts.model import Compat, KeyScope, Role
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here

app = App(name="api-key", help="Keys that programs sign in with.")
_DEFAULT = Options()


@app.command
async def create(
    *,
    name: str,
    role: Role = Role.ADMIN,
    scope: KeyScope = KeyScope.FULL,
    compat: tuple[Compat, ...] = (),
    options: Options = _DEFAULT,
) -> None:
    """Make a key. It is printed once and not stored.

    Parameters
    ----------
    name
        What the key is for.
    role
        What it may do.
    scope
        The part of the account it is for.
    compat
        Shapes of answers for old clients of eSputnik's API; may be repeated.
    """
    async with here(options) as services:
        made = await services.app.accounts.create_api_key(services.by, name=name, role=role, scope=scope, compat=compat)
    value = {"id": made.api_key.api_key_id, "name": made.api_key.name, "key": made.key}
    show(
        value,
        json=options.json,
        human=lambda: facts([("id", value["id"]), ("name", name), ("key", f"{made.key}   (shown once)")]),
    )


@app.command(name="list")
async def list_keys(*, options: Options = _DEFAULT) -> None:
    """List all keys of the account, revoked ones too."""
    async with here(options) as services:
        found = await services.app.accounts.list_api_keys(services.by)
    rows = [
        (
            key.api_key_id,
            key.name,
            f"{key.prefix}...",
            key.role,
            key.scope,
            key.created_at,
            key.last_used_at,
            key.revoked_at,
        )
        for key in found
    ]
    columns = ("id", "name", "begins with", "role", "scope", "made", "last used", "revoked")
    empty = "No key yet: `syncom api-key create --name NAME` makes one."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command
async def revoke(api_key_id: int, *, options: Options = _DEFAULT) -> None:
    """End a key, at once.

    Parameters
    ----------
    api_key_id
        As in `syncom api-key list`.
    """
    async with here(options) as services:
        revoked = await services.app.accounts.revoke_api_key(services.by, api_key_id)
    show(revoked, json=options.json, human=lambda: print(f"Key {api_key_id} ({revoked.name}) is revoked."))

"""``syncom grant``: what people let in."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.connect.model import Restrictions
from syncom.connect.tenants.model import Grant

app = App(name="grant", help="Programs that people let in, and long-lived tokens.")
_DEFAULT = Options()


@app.command(name="list")
async def list_grants(*, limit: int = 100, options: Options = _DEFAULT) -> None:
    """List live sign-ins and long-lived tokens of the account, the newest first.

    Parameters
    ----------
    limit
        Rows at most.
    """
    async with here(options) as services:
        found = await services.app.tenants.oauth.grants(services.account_id, limit=limit)
    show_grants(found, options, empty="Nobody let a program in, and there is no long-lived token.")


@app.command
async def revoke(grant: str, *, options: Options = _DEFAULT) -> None:
    """End a sign-in or a token, at once.

    Parameters
    ----------
    grant
        Its id, as in `syncom grant list`.
    """
    async with here(options) as services:
        ended = await services.app.tenants.oauth.revoke_grant(services.account_id, grant)
    show(
        {"revoked": ended.grant_id},
        json=options.json,
        human=lambda: print(f"{ended.client_name} ({ended.grant_id}) is out."),
    )


def show_grants(found: Sequence[Grant], options: Options, *, empty: str) -> None:
    """A table of grants."""
    columns = ("id", "name", "kind", "for", "tenant", "limits", "made", "last used", "ends")
    rows = [
        (
            grant.grant_id,
            grant.client_name,
            grant.kind,
            grant.scope,
            grant.tenant_key,
            limits(grant.restrictions),
            grant.created_at,
            grant.used_at,
            grant.expires_at,
        )
        for grant in found
    ]
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


def limits(given: Restrictions) -> str:
    """Restrictions in a few words."""
    said = ["reads only"] if given.read_only else []
    if given.connections is not None:
        said.append(f"{len(given.connections)} connections")
    if given.actions is not None:
        said.append(f"{len(given.actions)} actions")
    return ", ".join(said) or "none"

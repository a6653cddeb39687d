"""``syncom client-token``: long-lived tokens of the integration layer, with limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from cyclopts import App, Parameter

from syncom.cli.grant import limits, revoke, show_grants
from syncom.cli.output import facts, show
from syncom.cli.services import Options, here
from syncom.connect.model import Caller, CallerKind, Restrictions
from syncom.connect.tenants.model import DEFAULT_TENANT, GrantKind
from syncom.errors import Invalid

app = App(name="client-token", help="Long-lived tokens for agents and programs, with limits.")
_DEFAULT = Options()


@app.command
async def create(
    *,
    name: str,
    tenant: str = DEFAULT_TENANT,
    read_only: bool = False,
    connection: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    action: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    days: int | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Make a token. It is printed once and not stored.

    Parameters
    ----------
    name
        What the token is for.
    tenant
        Key of the tenant it acts for.
    read_only
        Only actions that read, and GET through the proxy.
    connection
        Id or key of a connection it may use; may be repeated. All of the tenant's unless given.
    action
        Key or id of an action it may run; may be repeated. Such a token has no proxy.
    days
        Days until it ends; it does not unless given.
    """
    if days is not None and not 1 <= days <= 3650:
        raise Invalid("days", "must be between 1 and 3650")
    async with here(options) as services:
        tenants, account_id = services.app.tenants, services.account_id
        chosen = await tenants.tenant(account_id, tenant, create=True)
        itself = Caller(
            account_id=account_id,
            kind=CallerKind.TENANT,
            workspace_key=(await tenants.workspace(account_id)).key,
            tenant_id=chosen.tenant_id,
            tenant_key=chosen.key,
            actor=services.by.actor,
        )
        found = [(await services.app.connections.get(itself, each)).connection_id for each in connection]
        made = await tenants.oauth.create_token(
            account_id,
            name=name,
            tenant=chosen,
            restrictions=Restrictions(
                read_only=read_only,
                connections=frozenset(found) if found else None,
                actions=frozenset(action) if action else None,
            ),
            life=None if days is None else timedelta(days=days),
        )
    value = {"id": made.grant.grant_id, "name": made.grant.client_name, "tenantKey": chosen.key, "token": made.token}
    human = [
        ("id", made.grant.grant_id),
        ("name", made.grant.client_name),
        ("tenant", chosen.key),
        ("limits", limits(made.grant.restrictions)),
        ("token", f"{made.token}   (shown once)"),
    ]
    show(value, json=options.json, human=lambda: facts(human))


@app.command(name="list")
async def list_tokens(*, limit: int = 100, options: Options = _DEFAULT) -> None:
    """List live long-lived tokens of the account.

    Parameters
    ----------
    limit
        Rows at most.
    """
    async with here(options) as services:
        found = await services.app.tenants.oauth.grants(services.account_id, kind=GrantKind.API, limit=limit)
    show_grants(found, options, empty="No token yet: `syncom client-token create --name NAME` makes one.")


app.command(revoke, name="revoke")

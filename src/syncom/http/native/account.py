"""/account: the caller's own account, its audit log, and the accounts of the installation."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, patch, post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, QueryParameter

from syncom.accounts.model import Account, AuditEntry, Permission, Velocity
from syncom.accounts.service import GRACE_DAYS
from syncom.http.native.given import Accounts, By
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Account"]


class AccountChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; members left out stay as they are."""

    name: str | None = None
    #: A name of the tz database, such as Europe/Kyiv.
    time_zone: str | None = None
    #: Which version of Velocity decides what `#if` takes for false, 1 or 2, in templates saved from now on.
    velocity_truth: Velocity | None = None
    #: The same for the white space around directives.
    velocity_lines: Velocity | None = None
    #: Days for which is kept what was sent; 93 at least, 0: for ever. Rows go with their whole month.
    keep_ledger_days: int | None = None
    #: The same for what happened to it.
    keep_activity_days: int | None = None
    #: The same for events.
    keep_events_days: int | None = None
    #: The same for carts that were ordered, told of as abandoned, or are of nobody.
    keep_carts_days: int | None = None
    #: Whether members need a second factor to sign in. Who turns it on must have one.
    require_two_factor: bool | None = None
    #: Days until it is insisted on, 0 to 90, counted from this change.
    two_factor_grace_days: int = GRACE_DAYS


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to make."""

    name: str


@get("/account", tags=_TAGS, opt=needs(Permission.READ_ACCOUNT))
async def get_account(by: By, accounts: Accounts) -> Account:
    """The account these credentials belong to."""
    return await accounts.get_account(by.account_id)


@patch("/account", tags=_TAGS, opt=needs(Permission.MANAGE_ACCOUNT))
async def update_account(by: By, accounts: Accounts, data: JSONBody[AccountChange]) -> Account:
    """Rename the account, set its time zone, its Velocity, how long it keeps facts, or its need of two factors."""
    return await accounts.update_account(
        by,
        name=data.name,
        time_zone=data.time_zone,
        velocity_truth=data.velocity_truth,
        velocity_lines=data.velocity_lines,
        keep_ledger_days=data.keep_ledger_days,
        keep_activity_days=data.keep_activity_days,
        keep_events_days=data.keep_events_days,
        keep_carts_days=data.keep_carts_days,
        require_two_factor=data.require_two_factor,
        two_factor_grace_days=data.two_factor_grace_days,
    )


@get("/account/audit", tags=_TAGS, opt=needs(Permission.MANAGE_ACCOUNT))
async def list_audit(
    by: By,
    accounts: Accounts,
    actor: Annotated[str, QueryParameter(description="Only of this one, such as user:1.")] = "",
    action: Annotated[str, QueryParameter(description="Only this act, such as user.create, or its kind: user.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditEntry]:
    """Privileged acts, newest first."""
    found = await accounts.audit(by, before=read_cursor(cursor, int), limit=limit + 1, actor=actor, action=action)
    return page_of(found, limit, lambda entry: entry.audit_id)


@get("/accounts", tags=_TAGS, opt=needs(Permission.OPERATE))
async def list_accounts(by: By, accounts: Accounts) -> Page[Account]:
    """All accounts of this installation. For its operators."""
    return Page(items=await accounts.list_accounts(by), next_cursor=None)


@post("/accounts", tags=_TAGS, opt=needs(Permission.OPERATE))
async def create_account(by: By, accounts: Accounts, data: JSONBody[NewAccount]) -> Account:
    """Make an account; the caller becomes its owner. For operators of this installation."""
    return await accounts.create_account(by, name=data.name)


HANDLERS: list[BaseRouteHandler | Any] = [get_account, update_account, list_audit, list_accounts, create_account]

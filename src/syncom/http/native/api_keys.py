"""/api-keys: how programs sign in."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import ApiKey, Compat, KeyScope, NewApiKey, Permission, Role
from syncom.http.native.given import Accounts, By
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs

_TAGS = ["API keys"]


class ApiKeyInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make: what it is for, and what it may do.

    `scope` narrows the role to a part of the account; `compat` shapes answers for old clients of eSputnik's API.
    """

    name: str
    role: Role = Role.MARKETER
    scope: KeyScope = KeyScope.FULL
    compat: list[Compat] = []


@get("/api-keys", tags=_TAGS, opt=needs(Permission.MANAGE_KEYS))
async def list_api_keys(by: By, accounts: Accounts) -> Page[ApiKey]:
    """All keys of this account, revoked ones too. Secrets are not stored and never shown again."""
    return Page(items=await accounts.list_api_keys(by), next_cursor=None)


@post("/api-keys", tags=_TAGS, opt=needs(Permission.MANAGE_KEYS, replay=False))
async def create_api_key(by: By, accounts: Accounts, data: JSONBody[ApiKeyInput]) -> NewApiKey:
    """Make a key. Its secret is in this answer and nowhere else."""
    return await accounts.create_api_key(by, name=data.name, role=data.role, scope=data.scope, compat=data.compat)


@delete("/api-keys/{api_key_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_KEYS))
async def revoke_api_key(by: By, accounts: Accounts, api_key_id: FromPath[int]) -> None:
    """End a key, at once."""
    await accounts.revoke_api_key(by, api_key_id)


HANDLERS: list[BaseRouteHandler | Any] = [list_api_keys, create_api_key, revoke_api_key]

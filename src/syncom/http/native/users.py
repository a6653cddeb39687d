"""/users: the people of an account."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, patch, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import NewUser, Permission, Role, User
from syncom.http.native.given import Accounts, By
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs

_TAGS = ["Users"]


class UserInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to add. Without a password one is made and shown in the answer, once."""

    email: str
    role: Role
    name: str = ""
    password: str | None = None


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; members left out stay as they are."""

    role: Role | None = None
    #: Locks the person out and ends all their sessions; false lets them in again.
    disabled: bool | None = None


class PasswordReset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new password; without one it is made and shown in the answer, once."""

    password: str | None = None


class MadePassword(msgspec.Struct, frozen=True, kw_only=True):
    """The password that was made; null when it was given."""

    password: str | None


@get("/users", tags=_TAGS, opt=needs(Permission.MANAGE_USERS))
async def list_users(by: By, accounts: Accounts) -> Page[User]:
    """The members of this account."""
    return Page(items=await accounts.list_users(by), next_cursor=None)


@post("/users", tags=_TAGS, opt=needs(Permission.MANAGE_USERS, replay=False))
async def create_user(by: By, accounts: Accounts, data: JSONBody[UserInput]) -> NewUser:
    """Add a person to this account. Nobody gives a role that may do more than their own."""
    return await accounts.create_user(by, email=data.email, role=data.role, name=data.name, password=data.password)


@get("/users/{user_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_USERS))
async def get_user(by: By, accounts: Accounts, user_id: FromPath[int]) -> User:
    """One member."""
    return await accounts.get_user(by, user_id)


@patch("/users/{user_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_USERS))
async def update_user(by: By, accounts: Accounts, user_id: FromPath[int], data: JSONBody[UserChange]) -> User:
    """Change a member's role, or lock them out."""
    if data.role is not None:
        await accounts.set_role(by, user_id, data.role)
    if data.disabled is not None:
        await accounts.set_user_disabled(by, user_id, disabled=data.disabled)
    return await accounts.get_user(by, user_id)


@delete("/users/{user_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_USERS))
async def remove_user(by: By, accounts: Accounts, user_id: FromPath[int]) -> None:
    """End a membership and its sessions."""
    await accounts.remove_user(by, user_id)


@post("/users/{user_id:int}/password", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_USERS, replay=False))
async def reset_password(
    by: By, accounts: Accounts, user_id: FromPath[int], data: JSONBody[PasswordReset]
) -> MadePassword:
    """Give a member a new password. All their sessions end."""
    return MadePassword(password=await accounts.reset_password(by, user_id, data.password))


HANDLERS: list[BaseRouteHandler | Any] = [
    list_users,
    create_user,
    get_user,
    update_user,
    remove_user,
    reset_password,
]

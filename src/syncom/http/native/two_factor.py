"""/session/two-factor: one's own second factor of signing in (docs/signing-in.md)."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.accounts.two_factor import Enrolment, RecoveryCodes, TwoFactorStatus
from syncom.http.native.given import Accounts, By, Signing
from syncom.http.native.routing import needs

_TAGS = ["Session"]
#: Answers with secrets are not kept for repeats.
_OWN = needs(Permission.SIGNED_IN, replay=False)


class PasswordAgain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own password, asked again because much hangs on it."""

    password: str


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the app shows now."""

    code: str


class PasswordAndCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own password, and a code of the app or a recovery code."""

    password: str
    code: str


@get("/session/two-factor", tags=_TAGS, opt=_OWN)
async def get_two_factor(by: By, accounts: Accounts) -> TwoFactorStatus:
    """Whether a code is asked for when signing in, and whether an account asks for that."""
    return await accounts.two_factor.status(by)


@post("/session/two-factor", tags=_TAGS, status_code=200, opt=_OWN)
async def begin_two_factor(by: By, accounts: Accounts, data: JSONBody[PasswordAgain]) -> Enrolment:
    """Get a secret for an authenticator app. It is shown once, and counts when a code of the app confirms it."""
    return await accounts.two_factor.begin(by, password=data.password)


@post("/session/two-factor/confirm", tags=_TAGS, status_code=200, opt=_OWN)
async def confirm_two_factor(
    request: Request[Any, Any, Any], by: By, accounts: Accounts, authentication: Signing, data: JSONBody[Code]
) -> RecoveryCodes:
    """Turn it on. The answer has ten recovery codes, shown once; all other sessions end."""
    keep = authentication.session_token(request.scope)
    return await accounts.two_factor.confirm(by, code=data.code, keep=keep)


@post("/session/two-factor/recovery-codes", tags=_TAGS, status_code=200, opt=_OWN)
async def renew_recovery_codes(by: By, accounts: Accounts, data: JSONBody[PasswordAndCode]) -> RecoveryCodes:
    """Ten new recovery codes; the ones before are worthless."""
    return await accounts.two_factor.renew_codes(by, password=data.password, code=data.code)


@post("/session/two-factor/disable", tags=_TAGS, status_code=204, opt=_OWN)
async def disable_two_factor(
    request: Request[Any, Any, Any],
    by: By,
    accounts: Accounts,
    authentication: Signing,
    data: JSONBody[PasswordAndCode],
) -> None:
    """Turn it off. All other sessions end."""
    keep = authentication.session_token(request.scope)
    await accounts.two_factor.disable(by, password=data.password, code=data.code, keep=keep)


@post(
    "/users/{user_id:int}/two-factor/reset",
    tags=["Users"],
    status_code=204,
    opt=needs(Permission.MANAGE_USERS, replay=False),
)
async def reset_two_factor(by: By, accounts: Accounts, user_id: FromPath[int]) -> None:
    """Take away the second factor of a member who lost it. All their sessions end."""
    await accounts.reset_two_factor(by, user_id)


HANDLERS: list[BaseRouteHandler | Any] = [
    get_two_factor,
    begin_two_factor,
    confirm_two_factor,
    renew_recovery_codes,
    disable_two_factor,
    reset_two_factor,
]

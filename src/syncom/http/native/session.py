"""/session: signing in and out of a browser."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from syncom.accounts.model import Permission, Principal, Role
from syncom.errors import Forbidden
from syncom.http.headers import header
from syncom.http.native.given import Accounts, By, Signing
from syncom.http.native.routing import needs, public

_TAGS = ["Session"]


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs in. A member of several accounts may say which one; otherwise it is the oldest."""

    email: str
    password: str
    account_id: int | None = None
    #: Of the authenticator app, or a recovery code; asked for by the problem `two_factor_required`.
    code: str | None = None


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own password, and the one to have from now on."""

    current: str
    new: str


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who these credentials are, and what they may do."""

    account_id: int
    actor: str
    role: Role
    permissions: list[Permission]
    #: Null for an API key.
    user_id: int | None
    #: Owns what belongs to the installation: dev inbox, other accounts.
    is_operator: bool
    #: The account asks for a second factor: until one is set up, nothing else is allowed.
    must_enrol_two_factor: bool


@post("/session", tags=_TAGS, opt=public())
async def sign_in(
    request: Request[Any, Any, Any], accounts: Accounts, authentication: Signing, data: JSONBody[Login]
) -> Response[SignedIn]:
    """Start a session; the answer sets its cookie. Programs use API keys instead.

    Whoever signs in with a second factor is answered 401 `two_factor_required`: send the same again with `code`. A
    wrong one is 401 `two_factor_wrong`.
    """
    if header(request.scope, b"origin"):
        # Otherwise another site could sign its visitor in as somebody else.
        authentication.check_origin(request.scope)
    session = await accounts.sign_in(
        email=data.email,
        password=data.password,
        address=authentication.client_address(request.scope),
        agent=header(request.scope, b"user-agent"),
        account_id=data.account_id,
        code=data.code,
    )
    return Response(_signed_in(session.principal), headers={"Set-Cookie": authentication.set_cookie(session.token)})


@get("/session", tags=_TAGS, opt=needs(Permission.SIGNED_IN))
async def get_session(by: By) -> SignedIn:
    """Who these credentials are, and what they may do."""
    return _signed_in(by)


@delete("/session", tags=_TAGS, status_code=204, opt=needs(Permission.SIGNED_IN))
async def sign_out(request: Request[Any, Any, Any], accounts: Accounts, authentication: Signing) -> Response[None]:
    """End the session of this cookie."""
    token = authentication.session_token(request.scope)
    if token is None:
        raise Forbidden("an API key has no session to end; DELETE /api-keys/{api_key_id} revokes a key")
    await accounts.sign_out(token)
    return Response(None, status_code=204, headers={"Set-Cookie": authentication.clear_cookie()})


@post("/session/password", tags=_TAGS, status_code=204, opt=needs(Permission.SIGNED_IN, replay=False))
async def change_password(
    request: Request[Any, Any, Any],
    by: By,
    accounts: Accounts,
    authentication: Signing,
    data: JSONBody[PasswordChange],
) -> None:
    """Change one's own password. All other sessions end."""
    keep = authentication.session_token(request.scope)
    await accounts.change_password(by, current=data.current, new=data.new, keep=keep)


def _signed_in(by: Principal) -> SignedIn:
    return SignedIn(
        account_id=by.account_id,
        actor=by.actor,
        role=by.role,
        permissions=sorted(by.permissions, key=lambda permission: permission.value),
        user_id=by.user_id,
        is_operator=by.is_operator,
        must_enrol_two_factor=by.must_enrol,
    )


HANDLERS: list[BaseRouteHandler | Any] = [sign_in, get_session, sign_out, change_password]

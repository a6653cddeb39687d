"""/sessions: where one is signed in."""

from __future__ import annotations

from typing import Any

from litestar import Request, delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from syncom.accounts.model import OpenSession, Permission
from syncom.errors import Forbidden
from syncom.http.native.given import Accounts, By, Signing
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs

_TAGS = ["Session"]


@get("/sessions", tags=_TAGS, opt=needs(Permission.SIGNED_IN))
async def list_sessions(
    request: Request[Any, Any, Any], by: By, accounts: Accounts, authentication: Signing
) -> Page[OpenSession]:
    """Where one is signed in, in any account: since when, from where, with what. An API key has none."""
    current = authentication.session_token(request.scope)
    return Page(items=await accounts.list_sessions(by, current=current), next_cursor=None)


@delete("/sessions/{session_id:int}", tags=_TAGS, opt=needs(Permission.SIGNED_IN))
async def end_session(by: By, accounts: Accounts, session_id: FromPath[int]) -> None:
    """End one of one's own sessions."""
    await accounts.end_session(by, session_id)


@post("/sessions/end-others", tags=_TAGS, status_code=204, opt=needs(Permission.SIGNED_IN, replay=False))
async def end_other_sessions(
    request: Request[Any, Any, Any], by: By, accounts: Accounts, authentication: Signing
) -> None:
    """End all of one's own sessions but this one."""
    keep = authentication.session_token(request.scope)
    if keep is None:
        raise Forbidden("an API key has no sessions; DELETE /api-keys/{api_key_id} revokes a key")
    await accounts.end_other_sessions(by, keep=keep)


HANDLERS: list[BaseRouteHandler | Any] = [list_sessions, end_session, end_other_sessions]

"""The OAuth server's endpoints for programs: ``/oauth/token``, ``/oauth/register``, ``/oauth/revoke``.

What they answer is the protocol's own (RFC 6749, 5; RFC 7591, 3.2; RFC 7009, 2.2), not the API's error object. The
pages for people are in ``consent.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.connect.tenants.model import OAuthError, OAuthRefused, TokenAnswer
from syncom.errors import Forbidden
from syncom.http.body import read_body
from syncom.http.membrane.method import Edge, Mount, MountedRoute
from syncom.http.pages.login import read_fields
from syncom.http.pages.page import send_bytes
from syncom.http.problems import Malformed, TooLarge, UnsupportedMedia

_MAX_BODY: Final = 64 * 1024
_JSON: Final = b"application/json"
#: Parameters that decide; each may come once (RFC 6749, 3.2).
_ONCE: Final = frozenset(
    {"grant_type", "code", "redirect_uri", "client_id", "code_verifier", "refresh_token", "scope", "token"}
)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What a program says about itself (RFC 7591, 2). What else it says is not taken up."""

    redirect_uris: list[str] = []
    client_name: str = ""


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: a public client, whatever it asked for (RFC 7591, 3.2.1)."""

    client_id: str
    client_id_issued_at: int
    client_name: str
    redirect_uris: list[str]
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_method: str = "none"  # noqa: S105 - the name of no method


class _Refusal(msgspec.Struct, frozen=True):
    """RFC 6749, 5.2."""

    error: str
    error_description: str


class OAuthEndpoints:
    """For programs."""

    def __init__(self, edge: Edge) -> None:
        self._app = edge.app
        self._authentication = edge.authentication

    async def token(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = parameters(await read_fields(scope, receive, longest=_MAX_BODY, fields=50))
        oauth = self._app.tenants.oauth
        grants: dict[str, Callable[[Mapping[str, str]], Awaitable[TokenAnswer]]] = {
            "authorization_code": oauth.exchange,
            "refresh_token": oauth.refresh,
        }
        grant = grants.get(given.get("grant_type", ""))
        if grant is None:
            raise OAuthRefused(
                OAuthError.UNSUPPORTED_GRANT_TYPE, "grant_type must be authorization_code or refresh_token"
            )
        if not given.get("client_id"):
            raise OAuthRefused(OAuthError.INVALID_REQUEST, "client_id is missing")
        await send_bytes(send, msgspec.json.encode(await grant(given)), _JSON)

    async def register(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await read_body(receive, _MAX_BODY)
        try:
            wanted = msgspec.json.decode(raw, type=Registration)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise OAuthRefused(OAuthError.INVALID_CLIENT_METADATA, "send JSON with redirect_uris") from None
        address = self._authentication.client_address(scope)
        client = await self._app.tenants.oauth.clients.register(
            wanted.client_name, wanted.redirect_uris, address=address
        )
        answer = Registered(
            client_id=client.client_id,
            client_id_issued_at=int(self._app.clock.now().timestamp()),
            client_name=client.name,
            redirect_uris=list(client.redirect_uris),
        )
        await send_bytes(send, msgspec.json.encode(answer), _JSON, status=201)

    async def revoke(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = parameters(await read_fields(scope, receive, longest=_MAX_BODY, fields=50))
        if not given.get("token"):
            raise OAuthRefused(OAuthError.INVALID_REQUEST, "token is missing")
        await self._app.tenants.oauth.revoke(given)
        await send_bytes(send, b"{}", _JSON)


def parameters(fields: list[tuple[str, str]]) -> dict[str, str]:
    """Raises OAuthRefused when one that decides comes twice. Empty ones count as missing (RFC 6749, 3.2)."""
    given: dict[str, str] = {}
    for name, value in fields:
        if name in given and name in _ONCE:
            raise OAuthRefused(OAuthError.INVALID_REQUEST, f"{name} comes twice")
        if value:
            given.setdefault(name, value)
    return given


def _protocol(handle: Callable[[Scope, Receive, Send], Awaitable[None]]) -> MountedRoute:
    """An endpoint whose refusals are the protocol's."""

    async def route(scope: Scope, receive: Receive, send: Send, members: Mapping[str, str]) -> None:
        try:
            await handle(scope, receive, send)
        except OAuthRefused as error:
            await _refuse(send, error.error, error.message)
        except (UnsupportedMedia, Malformed, TooLarge, Forbidden) as error:
            await _refuse(send, OAuthError.INVALID_REQUEST, error.message)

    return route


async def _refuse(send: Send, error: OAuthError, description: str) -> None:
    status = {OAuthError.INVALID_CLIENT: 401, OAuthError.TEMPORARILY_UNAVAILABLE: 503}.get(error, 400)
    # The grammar of the description leaves out quotes and backslashes (RFC 6749, 5.2).
    plain = description.replace('"', "'").replace("\\", "/").encode("ascii", "replace").decode()
    await send_bytes(send, msgspec.json.encode(_Refusal(error.value, plain)), _JSON, status=status)


def _token(edge: Edge) -> MountedRoute:
    return _protocol(OAuthEndpoints(edge).token)


def _register(edge: Edge) -> MountedRoute:
    return _protocol(OAuthEndpoints(edge).register)


def _revoke(edge: Edge) -> MountedRoute:
    return _protocol(OAuthEndpoints(edge).revoke)


_POST: Final[frozenset[str]] = frozenset({"POST"})
MOUNTS: Final[tuple[Mount, ...]] = (
    Mount("/oauth/token", _token, verbs=_POST),
    Mount("/oauth/register", _register, verbs=_POST),
    Mount("/oauth/revoke", _revoke, verbs=_POST),
)

"""Who is asking: an API key, or the session cookie of a browser.

A browser sends its cookie along with requests that other sites make it send, so a request with a cookie that
changes something must say that it comes from here (Origin, RFC 6454). Keys are never sent by themselves.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from http.cookies import CookieError, SimpleCookie
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.types import Scope

from syncom.accounts.model import Principal
from syncom.accounts.service import KEY_PREFIX, SESSION_LIFE, AccountsService
from syncom.errors import Forbidden, Unauthorized
from syncom.http.headers import header
from syncom.http.tracking.client import TrustedProxies
from syncom.settings import Settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PRINCIPAL = "syncom.principal"

_NOBODY = "sign in, or send an API key: `Authorization: Bearer sk_...`"


class Authentication:
    """Reads credentials from requests and writes the session cookie."""

    def __init__(self, accounts: AccountsService, settings: Settings) -> None:
        self._accounts = accounts
        self._proxies = TrustedProxies(settings.trusted_proxies)
        base = urlsplit(settings.base_url)
        self._origin = f"{base.scheme}://{base.netloc}"
        self._secure = base.scheme == "https"
        # The prefix makes browsers refuse a cookie set by a sibling domain or over http (RFC 6265bis, 4.1.3.2).
        self.cookie_name = "__Host-syncom" if self._secure else "syncom_session"

    async def principal(self, scope: Scope) -> Principal:
        """Who is asking. Raises Unauthorized without valid credentials, Forbidden for a request from elsewhere."""
        known = scope.get(_PRINCIPAL)
        if isinstance(known, Principal):
            return known
        key = _key(header(scope, b"authorization"))
        if key is not None:
            principal = await self._accounts.authenticate_key(key)
        else:
            token = self.session_token(scope)
            if token is None:
                raise Unauthorized(_NOBODY)
            principal = await self._accounts.authenticate_session(token)
            self.check_origin(scope)
        # ASGI lets an application keep what it wants in the scope; Litestar's type of it does not say so.
        cast("dict[str, Any]", scope)[_PRINCIPAL] = principal
        return principal

    async def again(self, scope: Scope) -> Principal:
        """Who is asking, as things are now: for answers that go on for long. It is no use of the session.

        Raises Unauthorized when the credentials are no longer good.
        """
        key = _key(header(scope, b"authorization"))
        if key is not None:
            return await self._accounts.authenticate_key(key)
        return await self._accounts.look_at_session(self.session_token(scope) or "")

    async def api_caller(self, scope: Scope, authorization: str) -> Principal:
        """Who asks with an Authorization header, and nothing else: an API key, or a login with its own password.

        HTTP Basic takes any user name with an API key as the password, as eSputnik does. Raises Unauthorized.
        """
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() != "basic":
            key = _key(authorization) or ""
            return self._accounts.known_key(key) or await self._accounts.authenticate_key(key)
        name, password = _basic(rest)
        known = self._accounts.known_key(password)
        if known is not None:
            return known
        if "@" in name and not password.startswith(KEY_PREFIX):
            address = self.client_address(scope)
            return await self._accounts.authenticate_login(email=name, password=password, address=address)
        return await self._accounts.authenticate_key(password)

    def session_token(self, scope: Scope) -> str | None:
        """The cookie's value, when there is one."""
        text = header(scope, b"cookie")
        if self.cookie_name not in text:
            return None
        try:
            morsel = SimpleCookie(text).get(self.cookie_name)
        except CookieError:
            return None
        return morsel.value if morsel and morsel.value else None

    def check_origin(self, scope: Scope) -> None:
        """Raises Forbidden when a changing request does not say that it comes from a page of this server."""
        if scope.get("method") in _SAFE:
            return
        origin = header(scope, b"origin")
        host = header(scope, b"host")
        if origin and (origin == self._origin or origin in (f"http://{host}", f"https://{host}")):
            return
        raise Forbidden("this request does not come from a page of this server (its Origin differs)")

    def client_address(self, scope: Scope) -> str:
        """Where the request comes from, behind trusted proxies too."""
        client = scope.get("client")
        return self._proxies.client(client[0] if client else "", header(scope, b"x-forwarded-for"))

    def set_cookie(self, token: str) -> str:
        """Value of the Set-Cookie header that starts a session in the browser."""
        secure = "; Secure" if self._secure else ""
        age = int(SESSION_LIFE.total_seconds())
        return f"{self.cookie_name}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"

    def clear_cookie(self) -> str:
        """Value of the Set-Cookie header that ends it."""
        secure = "; Secure" if self._secure else ""
        return f"{self.cookie_name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}"


def _key(authorization: str) -> str | None:
    """The API key in an Authorization header: Bearer (RFC 6750), or the password of Basic (RFC 7617)."""
    scheme, _, rest = authorization.partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return rest.strip()
    if scheme == "basic":
        return _basic(rest)[1]
    return "" if authorization else None


def _basic(credentials: str) -> tuple[str, str]:
    """User name and password; empty texts when they cannot be read."""
    try:
        name, _, password = b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")
    except (Base64Error, ValueError):
        return "", ""
    return name, password

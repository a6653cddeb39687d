"""An app on a port of its own: an API that wants credentials, and an OAuth 2 provider as strict as the real ones."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from html import escape
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import msgspec
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import import_key

CLIENT_ID = "syncom-client"
CLIENT_SECRET = "canary-client-secret/&"
API_KEY = "canary-api-key/+ü"

Answer = Callable[[dict[str, str]], Awaitable[web.StreamResponse]]


class Grant(msgspec.Struct, kw_only=True):
    """What one person agreed to."""

    refresh: str
    access: str
    revoked: bool = False
    #: Refresh tokens that were used: once more, and the whole family is revoked (RFC 9700, 4.14.2).
    used: set[str] = msgspec.field(default_factory=set)


class Provider:
    """What it has been asked, and how it answers. Everything is public: tests turn its screws."""

    def __init__(self) -> None:
        self.url = ""
        self.rotate = True
        self.expires_in: Any = 3600
        #: Instead of an answer of the token endpoint, for the next requests, one each.
        self.instead: list[Answer] = []
        self.token_requests: list[dict[str, str]] = []
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.revocations: list[str] = []
        self.grants: list[Grant] = []
        self.codes: dict[str, dict[str, str]] = {}
        #: Set to let held token requests go on.
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.public_key: Any = None
        self.status = 200
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------ what tests do

    def code(self, challenge: str, redirect_uri: str) -> str:
        """A person agreed."""
        code = f"canary-code-{next(self._numbers)}"
        self.codes[code] = {"challenge": challenge, "redirect_uri": redirect_uri}
        return code

    def agree(self, address: str) -> dict[str, str]:
        """What the provider's page sends back after a person went to ``address`` and agreed."""
        query = dict(parse_qsl(address.partition("?")[2]))
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        return {"code": self.code(query["code_challenge"], query["redirect_uri"]), "state": query["state"]}

    def revoke_all(self) -> None:
        for grant in self.grants:
            grant.revoked = True

    def forget_access(self) -> None:
        """Access tokens of today end; refresh tokens stay."""
        for grant in self.grants:
            grant.access = f"gone-{next(self._numbers)}"

    # ------------------------------------------------------------ its servers

    async def authorize(self, request: web.Request) -> web.Response:
        """The page where a person agrees."""
        back = f"{request.query['redirect_uri']}?{urlencode(self.agree(str(request.rel_url)))}"
        return web.Response(text=f'<a id="allow" href="{escape(back)}">Allow</a>', content_type="text/html")

    async def token(self, request: web.Request) -> web.StreamResponse:
        fields = dict(parse_qsl(await request.text(), keep_blank_values=True))
        self.token_requests.append(fields)
        self.asked.set()
        await self.gate.wait()
        if self.instead:
            return await self.instead.pop(0)(fields)
        kind = fields.get("grant_type", "")
        if kind.endswith("jwt-bearer"):
            return self._assertion(fields)
        if not self._client(request, fields):
            return _refuse(401, "invalid_client")
        if kind == "authorization_code":
            return self._exchange(fields)
        if kind == "refresh_token":
            return self._refresh(fields)
        if kind == "client_credentials":
            return self._issue(Grant(refresh="", access=f"canary-access-{next(self._numbers)}"))
        return _refuse(400, "unsupported_grant_type")

    def _client(self, request: web.Request, fields: dict[str, str]) -> bool:
        given = request.headers.get("Authorization", "")
        if given.startswith("Basic "):
            name, _, secret = b64decode(given[6:]).decode().partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)
        return (fields.get("client_id"), fields.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)

    def _exchange(self, fields: dict[str, str]) -> web.Response:
        known = self.codes.pop(fields.get("code", ""), None)
        if known is None or known["redirect_uri"] != fields.get("redirect_uri"):
            return _refuse(400, "invalid_grant", "code " + fields.get("code", ""))
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != known["challenge"]:
            return _refuse(400, "invalid_grant", "PKCE")
        number = next(self._numbers)
        return self._issue(Grant(refresh=f"canary-refresh-{number}", access=f"canary-access-{number}"))

    def _refresh(self, fields: dict[str, str]) -> web.Response:
        given = fields.get("refresh_token", "")
        for grant in self.grants:
            if given in grant.used:
                grant.revoked = True
            if grant.refresh == given and given and not grant.revoked:
                if self.rotate:
                    grant.used.add(given)
                    grant.refresh = f"canary-refresh-{next(self._numbers)}"
                grant.access = f"canary-access-{next(self._numbers)}"
                return self._answer(grant)
        return _refuse(400, "invalid_grant", f"{given} is not known")

    def _assertion(self, fields: dict[str, str]) -> web.Response:
        claims = jwt.decode(fields["assertion"], self.public_key, algorithms=["RS256"]).claims
        if claims["iss"] != "robot@example.com" or claims["aud"] != f"{self.url}/token":
            return _refuse(400, "invalid_grant")
        return self._issue(Grant(refresh="", access=f"canary-access-{next(self._numbers)}"))

    def _issue(self, grant: Grant) -> web.Response:
        self.grants.append(grant)
        return self._answer(grant)

    def _answer(self, grant: Grant) -> web.Response:
        members: dict[str, Any] = {"access_token": grant.access, "token_type": "Bearer"}
        if self.expires_in is not None:
            members["expires_in"] = self.expires_in
        if grant.refresh:
            members["refresh_token"] = grant.refresh
        return web.json_response(members)

    async def revoke(self, request: web.Request) -> web.Response:
        fields = dict(parse_qsl(await request.text()))
        self.revocations.append(fields["token"])
        return web.Response()

    async def me(self, request: web.Request) -> web.Response:
        self.calls.append((request.path_qs, dict(request.headers)))
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        key = request.headers.get("X-Api-Key") or request.query.get("key", "")
        known = any(grant.access == given and not grant.revoked for grant in self.grants)
        if self.status != 200:
            return web.Response(status=self.status)
        return web.json_response({"ok": True}) if known or key == API_KEY else _refuse(401, "unauthorized")


def _refuse(status: int, error: str, description: str = "") -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


async def html(fields: dict[str, str]) -> web.StreamResponse:
    """A page of somebody's load balancer."""
    return web.Response(text="<html>Welcome</html>", content_type="text/html")


async def broken(fields: dict[str, str]) -> web.StreamResponse:
    """The provider fails, and repeats what it was sent."""
    return web.Response(status=500, text=json.dumps({"error": "server_error", "error_description": str(fields)}))


async def silent(fields: dict[str, str]) -> web.StreamResponse:
    """The request arrives, and no answer comes."""
    await asyncio.sleep(3600)
    return web.Response()


@asynccontextmanager
async def provider() -> AsyncGenerator[Provider]:
    """One that runs until the block ends."""
    made = Provider()
    app = web.Application()
    app.router.add_get("/authorize", made.authorize)
    app.router.add_post("/token", made.token)
    app.router.add_post("/revoke", made.revoke)
    app.router.add_get("/api/me", made.me)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}"
    try:
        yield made
    finally:
        made.gate.set()
        await runner.cleanup()


def read_key(pem: str) -> Any:
    """A public key for checking assertions."""
    return import_key(pem, "RSA")

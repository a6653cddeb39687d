"""A server of the integration layer's API that lives in the test: as much of the contract as the verbs touch.

It holds nobody's rules but the contract's: codes and refresh tokens work once, with their verifier, for their client.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

CONNECTION_ID, CONNECTOR_ID, ACTION_ID, RUN_ID, REQUEST_ID = (f"65f0c0ffee000000000{kind}001" for kind in "cadef")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(kw_only=True)
class Code:
    """What a code is bound to."""

    client_id: str
    redirect_uri: str
    challenge: str
    scope: str


@dataclass
class Simulator:
    """The server, and what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    #: Access tokens by their scope.
    tokens: dict[str, str] = field(default_factory=dict)
    refreshes: int = 0
    derived: int = 0
    revoked: list[str] = field(default_factory=list)
    expires_in: int = 3600
    #: The connection's state, and how often it is looked at until it is READY.
    looks: int = 0
    connection_state: str = "CLIENT_ACTION_REQUIRED"
    request_status: str = "pending"
    #: Answers of the app behind the connection.
    upstream: Handler | None = None
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)

    def calls(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if (one.method, one.path) == (method, path)]

    @property
    def last(self) -> Asked:
        """The last call of the API itself."""
        return next(one for one in reversed(self.asked) if not one.path.startswith("/oauth"))

    def issue(self, scope: str = "tenant") -> dict[str, Any]:
        """A token answer."""
        access, refresh = f"at-{secrets.token_hex(8)}", f"rt-{secrets.token_hex(8)}"
        self.tokens[access] = scope
        self.refresh_tokens[refresh] = scope
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "email": "anna@example.com",
            "default_workspace_key": "w1",
            "default_tenant_key": "t1",
        }

    def connection(self) -> dict[str, Any]:
        ready = self.connection_state == "READY"
        found: dict[str, Any] = {
            "id": CONNECTION_ID,
            "key": "esputnik",
            "name": "eSputnik",
            "integrationKey": "esputnik",
            "connectorId": CONNECTOR_ID,
            "state": self.connection_state,
            "connected": ready,
            "disconnected": not ready,
        }
        if self.connection_state == "CLIENT_ACTION_REQUIRED":
            page = f"{self.url}/screens/connections?connectionRequestId={REQUEST_ID}"
            found["clientAction"] = {"type": "connect", "description": "Connect eSputnik", "uiUrl": page}
        if self.connection_state == "SETUP_FAILED":
            found["errors"] = [{"message": "the app was never there"}]
        return found


@asynccontextmanager
async def running() -> AsyncGenerator[Simulator]:
    """A simulator that answers at its ``url``."""
    simulator = Simulator()
    app = web.Application(client_max_size=1 << 30)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _answer(simulator, request)

    app.router.add_route("*", "/membrane/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    simulator.url = f"http://127.0.0.1:{runner.addresses[0][1]}/membrane"
    try:
        yield simulator
    finally:
        await runner.cleanup()


async def _answer(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    raw = await request.read()
    json_like = request.content_type == "application/json" and raw
    asked = Asked(
        method=request.method,
        path="/" + request.match_info["path"],
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=json.loads(raw) if json_like else dict(await request.post()) or None,
    )
    simulator.asked.append(asked)
    if asked.path.startswith("/oauth/"):
        return _oauth(simulator, asked)
    if asked.path.startswith("/screens/"):
        simulator.request_status, simulator.connection_state = "success", "READY"
        return web.Response(text="connected")
    token = asked.headers.get("authorization", "").removeprefix("Bearer ")
    if token not in simulator.tokens and token.count(".") != 2:
        return _refused(401, "not_authenticated", "Not authenticated")
    if asked.path == f"/connections/{CONNECTION_ID}/request" and simulator.upstream is not None:
        return await simulator.upstream(request)
    return _resource(simulator, asked, simulator.tokens.get(token, "tenant"))


def _oauth(simulator: Simulator, asked: Asked) -> web.StreamResponse:
    if asked.path == "/oauth/authorize":
        code = secrets.token_hex(8)
        query = asked.query
        simulator.codes[code] = Code(
            client_id=query["client_id"],
            redirect_uri=query["redirect_uri"],
            challenge=query["code_challenge"],
            scope=query["scope"],
        )
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")
    if asked.path == "/oauth/code":
        return web.Response(text=asked.query["code"])
    form = asked.body or {}
    if asked.path == "/oauth/revoke":
        simulator.revoked.append(form["token"])
        return web.json_response({})
    if form.get("grant_type") == "authorization_code":
        code = simulator.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if code is None or (code.client_id, code.redirect_uri, code.challenge) != (
            form["client_id"],
            form["redirect_uri"],
            challenge,
        ):
            return web.json_response({"error": "invalid_grant", "error_description": "unknown code"}, status=400)
        return web.json_response(simulator.issue(code.scope))
    scope = simulator.refresh_tokens.pop(form["refresh_token"], None)
    if scope is None:
        return web.json_response({"error": "invalid_grant"}, status=400)
    simulator.refreshes += 1
    return web.json_response(simulator.issue(scope))


def _resource(simulator: Simulator, asked: Asked, scope: str) -> web.StreamResponse:
    given = simulator.answers.get((asked.method, asked.path))
    if given is not None:
        return web.json_response(given[1], status=given[0])
    kind, _, rest = asked.path.strip("/").partition("/")
    if kind == "org-workspaces":
        simulator.derived += 1
        return web.json_response({"token": jwt({"exp": 4102444800, "n": simulator.derived, **asked.body})})
    if kind in ("self", "account"):
        return web.json_response({"id": "x", "internalId": "t1", "name": "Tenant", "workspaceKey": "w1"})
    if kind == "search":
        element = {"id": CONNECTOR_ID, "key": "esputnik", "name": "eSputnik"}
        return web.json_response({"items": [{"elementType": "connector", "element": element}]})
    if kind in ("connections", "connect"):
        return _connections(simulator, asked, rest)
    if kind == "connection-requests":
        request: dict[str, Any] = {
            "requestId": REQUEST_ID,
            "status": simulator.request_status,
            "url": "https://x.example",
        }
        if simulator.request_status == "success":
            request["resultConnectionId"] = CONNECTION_ID
        return web.json_response(request)
    if kind in ("actions", "act", "action-run-logs", "integrations", "external-apps"):
        return _actions(asked, kind, rest)
    return _refused(404, "not_found", f'"{asked.path}" not found')


def _connections(simulator: Simulator, asked: Asked, rest: str) -> web.StreamResponse:
    if asked.method == "GET" and not rest:
        return web.json_response({"items": [simulator.connection()], "cursor": "1"})
    if rest not in ("", "ensure", CONNECTION_ID, "esputnik"):
        return _refused(404, "not_found", f'Connection "{rest}" not found')
    if asked.path == "/connect" and (asked.body or {}).get("connectionId") and simulator.connection_state == "READY":
        # It works with what it has until somebody was at the page.
        page = f"{simulator.url}/screens/connections?connectionRequestId={REQUEST_ID}"
        action = {"type": "connect", "description": "Connect eSputnik", "uiUrl": page}
        return web.json_response({**simulator.connection(), "state": "CLIENT_ACTION_REQUIRED", "clientAction": action})
    if asked.method == "GET" and simulator.looks:
        simulator.looks -= 1
        if not simulator.looks:
            simulator.connection_state = "READY"
    return web.json_response(simulator.connection())


def _actions(asked: Asked, kind: str, rest: str) -> web.StreamResponse:
    action = {
        "id": ACTION_ID,
        "key": "add-update-contact",
        "name": "Add or update a contact",
        "description": "Adds [somebody]",
        "inputSchema": {"type": "object", "properties": {"email": {"type": "string"}}},
    }
    if kind == "action-run-logs":
        return web.json_response({"id": rest.partition("/")[0], "status": "success", "output": {"id": 1}})
    if kind == "act" or rest.endswith("/run"):
        return web.json_response({"output": {"id": 12}, "actionRunId": RUN_ID})
    if asked.method == "GET" and not rest:
        return web.json_response({"items": [action] if kind == "actions" else []})
    return web.json_response(action)


def _refused(status: int, key: str, message: str) -> web.StreamResponse:
    return web.json_response({"type": "bad_request", "key": key, "message": message}, status=status)


def jwt(claims: dict[str, Any]) -> str:
    """A token that nobody signed."""
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "c2lnbmF0dXJl"])

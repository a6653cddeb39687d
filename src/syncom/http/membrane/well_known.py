"""Where programs read how to sign people in: RFC 8414 and RFC 9728.

The server's address has a path, so its metadata is at the root with that path inserted, and under the path as well;
and clients that forget paths find it at the root. The part of the server that a program came to (REST, MCP) is a
protected resource of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.connect.tenants.service import MCP_PATHS, REST
from syncom.errors import NotFound
from syncom.http.membrane.method import Edge, Mount
from syncom.http.pages.page import send_bytes

_CORS: Final = (b"access-control-allow-origin", b"*")
_SERVER: Final = "oauth-authorization-server"
_RESOURCE: Final = "oauth-protected-resource"
_DOCUMENTATION: Final = "/docs"


class WellKnown:
    """``/.well-known/...`` at the root and, mounted, under the API."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._documents: dict[str, bytes] = {}
        server = msgspec.json.encode(_server(base))
        for place in ("", REST):
            self._documents[_SERVER + place] = server
        for path in (REST, *MCP_PATHS):
            self._documents[_RESOURCE + path] = msgspec.json.encode(_resource(base, path))
        # Without a path: what most who ask so come for.
        self._documents[_RESOURCE] = self._documents[_RESOURCE + MCP_PATHS[0]]
        # As the vendor's server has it, below the API's own address.
        self._documents[f"{_RESOURCE}/mcp/integrate-anything"] = self._documents[_RESOURCE + MCP_PATHS[1]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """At the root of the server."""
        await self._answer(scope["path"].removeprefix("/.well-known/"), send, cors=True)

    async def mounted(self, scope: Scope, receive: Receive, send: Send, members: Mapping[str, str]) -> None:
        """Under the API."""
        await self._answer(members["rest"], send, cors=False)

    async def _answer(self, name: str, send: Send, *, cors: bool) -> None:
        document = self._documents.get(name.rstrip("/"))
        if document is None:
            raise NotFound("document", name)
        # The frame adds it under the API.
        await send_bytes(send, document, b"application/json", headers=[_CORS] if cors else [])


def _server(base: str) -> dict[str, Any]:
    """Of the authorization server (RFC 8414, 2)."""
    issuer = base + REST
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "registration_endpoint": f"{issuer}/oauth/register",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["tenant", "platform-user"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "service_documentation": base + _DOCUMENTATION,
    }


def _resource(base: str, path: str) -> dict[str, Any]:
    """Of a part of the server (RFC 9728, 2)."""
    return {
        "resource": base + path,
        "authorization_servers": [base + REST],
        "scopes_supported": ["tenant"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Syncom",
        "resource_documentation": base + _DOCUMENTATION,
    }


def _mounted(edge: Edge) -> Any:
    return WellKnown(edge.app.settings.base_url).mounted


MOUNTS = (Mount("/.well-known/{rest*}", _mounted, verbs=frozenset({"GET", "HEAD"})),)

"""``membrane mcp``: the tools of the server's MCP endpoint on standard input and output, for programs that speak only
those. The token of the login is used, and renewed, here: the program never has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, cast
from urllib.parse import urlencode

import httpx2
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server

import syncom
from syncom.cli.membrane.client import Tokens
from syncom.cli.membrane.errors import DONE, Failed
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.session import Session

#: Seconds: a run may take five minutes.
_LONGEST: float = 330.0


def serve(given: Given) -> int:
    """Until standard input ends."""
    session = Session(given)
    tokens = session.tokens()
    # Whoever is not logged in shall hear it now, and not as an error of the first call.
    tokens.token()
    query = {"connection": given.text("connectionId") or given.text("connectionKey"), "actions": given.text("actions")}
    chosen = urlencode({name: value for name, value in query.items() if value})
    address = f"{session.settings.api_uri}/mcp/integrate-anything"
    try:
        asyncio.run(_bridge(f"{address}?{chosen}" if chosen else address, tokens))
    except ExceptionGroup as group:
        raise _reason(group, session.settings.api_uri) from None
    return DONE


def _reason(error: Exception, api_uri: str) -> Failed:
    """Of what ended the work of several tasks, what a person can use."""
    if isinstance(error, ExceptionGroup):
        return _reason(cast("ExceptionGroup[Exception]", error).exceptions[0], api_uri)
    if isinstance(error, Failed):
        return error
    return Failed(f"the server at {api_uri} cannot be reached, or refuses: {error}", key="unavailable")


class _Bearer(httpx2.Auth):
    """The token of each request; another one after the server refused it."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        token = self._tokens.token()
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        renewed = self._tokens.renewed(token) if answer.status_code == 401 else None
        if renewed is not None:
            request.headers["Authorization"] = f"Bearer {renewed}"
            yield request


async def _bridge(address: str, tokens: Tokens) -> None:
    async with (
        httpx2.AsyncClient(auth=_Bearer(tokens), timeout=_LONGEST, trust_env=False) as http,
        Client(streamable_http_client(address, http_client=http)) as remote,
    ):

        async def list_tools(context: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
            return await remote.list_tools()

        async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
            return await remote.call_tool(params.name, params.arguments)

        server: Server[Any] = Server(
            "syncom",
            version=syncom.__version__,
            title="Syncom",
            instructions=remote.instructions,
            on_list_tools=list_tools,
            on_call_tool=call_tool,
        )
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

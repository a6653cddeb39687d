"""Clients of the official SDK at the running site."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2 as httpx
import msgspec
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool

from tests.http.conftest import module_dsn, site
from tests.http.membrane.conftest import other_product, product, world
from tests.http.running_site import Site

__all__ = ["module_dsn", "other_product", "product", "site", "world"]


class Agent:
    """An agent with a token. It signs in anew for every call: there are no sessions to be kept."""

    def __init__(self, site: Site, token: str, query: str = "") -> None:
        self._url = f"{site.url}/mcp{query}"
        self._headers = {"Authorization": f"Bearer {token}"}

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Client]:
        async with (
            httpx.AsyncClient(headers=self._headers, timeout=60) as http,
            Client(streamable_http_client(self._url, http_client=http)) as client,
        ):
            yield client

    async def tools(self) -> dict[str, Tool]:
        async with self.client() as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    async def call(self, tool: str, /, **given: Any) -> dict[str, Any]:
        """What a tool answers. Fails when it says that it failed."""
        result = await self.result(tool, **given)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        return result.structured_content

    async def result(self, tool: str, /, **given: Any) -> CallToolResult:
        async with self.client() as client:
            result = await client.call_tool(tool, given)
        text = "".join(part.text for part in result.content if part.type == "text")
        assert msgspec.json.decode(text) == result.structured_content, "old clients read the text only"
        return result

    async def failure(self, tool: str, /, **given: Any) -> dict[str, Any]:
        """The error object of a call that must fail."""
        result = await self.result(tool, **given)
        assert result.is_error
        assert result.structured_content is not None
        return result.structured_content["error"]

"""The ASGI application at /mcp: streamable HTTP by the official SDK, for whoever has a token.

Without sessions: each request stands alone, so that any of several processes may answer it, nothing has to be freed
when clients go away without a word, and a restart loses nobody.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from urllib.parse import parse_qs

import msgspec
from litestar.types import Receive, Scope, Send
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

import syncom
from syncom.app import App
from syncom.connect.model import Action, Caller, CallerKind, Connection, Effect
from syncom.connect.tenants.service import MCP
from syncom.errors import Forbidden, NotFound, SyncomError, Unauthorized
from syncom.http.headers import header
from syncom.http.mcp import answers
from syncom.http.mcp.tool import Tool, ToolCall
from syncom.http.mcp.tools import TOOLS
from syncom.http.membrane.errors import refusal
from syncom.http.pages.page import send_bytes

_CALLER: Final = "syncom.caller"
#: Bytes of JSON that one answer may have; agents pay for every word.
_MOST: Final = 200_000
#: Tools of the mode in which each action is one.
_MOST_ACTIONS: Final = 200
_MAX_BODY: Final = 4 * 1024 * 1024
_INSTRUCTIONS: Final = (
    "Apps that are connected here can be used through actions. Say what you want with find-actions, read the schema "
    "of the input, run it with run-action on one of the connections named. Writing actions take dryRun. When an app is "
    "not connected, use connect and give the person the link."
)
_encode = msgspec.json.Encoder(decimal_format="number").encode

Context = ServerRequestContext[Any, Any]


class McpServer:
    """The application. ``run`` must be open while it answers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tools = {tool.name: tool for tool in TOOLS}
        server: Server[Any] = Server(
            "syncom",
            version=syncom.__version__,
            title="Syncom",
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        self._sessions = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=_MAX_BODY
        )
        self._challenge = (
            f'Bearer resource_metadata="{app.settings.base_url}/.well-known/oauth-protected-resource{MCP}"'
        )

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None]:
        """Answer requests until the block ends."""
        async with self._sessions.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = await self._caller(scope)
        except SyncomError as error:
            await self._refuse(error, scope, send)
            return
        cast("dict[str, Any]", scope)[_CALLER] = caller
        await self._sessions.handle_request(cast("Any", scope), cast("Any", receive), cast("Any", send))

    async def _caller(self, scope: Scope) -> Caller:
        """Who asks. Raises Unauthorized with the way to sign in (RFC 9728, 5.1), Forbidden for a page elsewhere."""
        origin = header(scope, b"origin")
        own = self._app.settings.base_url
        if origin and origin != own and not header(scope, b"authorization"):
            raise Forbidden("pages of other sites may not ask without a token")
        scheme, _, token = header(scope, b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("sign in: send a token as `Authorization: Bearer …`")
        caller = await self._app.tenants.authenticate(token.strip(), at=MCP)
        if caller.kind is not CallerKind.TENANT:
            raise Forbidden("this needs a token of a tenant")
        return caller

    async def _refuse(self, error: SyncomError, scope: Scope, send: Send) -> None:
        refused = refusal(error, scope, challenge=self._challenge)
        headers = [(name.lower().encode(), value.encode()) for name, value in refused.headers.items()]
        await send_bytes(send, _encode(refused.body), b"application/json", status=refused.status, headers=headers)

    # ------------------------------------------------------------ tools

    async def _list(self, context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        mode = await self._mode(context)
        if mode is None:
            return types.ListToolsResult(tools=[_shown(tool) for tool in TOOLS])
        _, actions = mode
        return types.ListToolsResult(tools=[_as_tool(action) for action in actions])

    async def _call(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        caller = _caller_of(context)
        given = dict(params.arguments or {})
        try:
            mode = await self._mode(context)
            if mode is not None:
                return _answer(await self._run(caller, *mode, params.name, given))
            tool = self._tools.get(params.name)
            if tool is None:
                raise NotFound("tool", params.name)
            call = ToolCall(app=self._app, caller=caller, input=msgspec.convert(given, tool.input, strict=False))
            return _answer(await tool.handler(call))
        except Exception as error:  # noqa: BLE001 - the last stop of every call
            return self._failure(error, context)

    async def _mode(self, context: Context) -> tuple[Connection, list[Action]] | None:
        """The connection whose actions are the tools, when the address names one (``/mcp?connection=…``), and them."""
        query = parse_qs(_scope_of(context)["query_string"].decode("latin-1"))
        selector = next(iter(query.get("connection", ())), "")
        if not selector:
            return None
        caller = _caller_of(context)
        connection = await self._app.connections.get(caller, selector)
        chosen = {key for text in query.get("actions", ()) for key in text.split(",") if key}
        found = await self._app.catalogue.actions(
            caller.account_id, connection_id=connection.connection_id, limit=_MOST_ACTIONS
        )
        return connection, [one for one in found if (not chosen or one.key in chosen) and _may(caller, one)]

    async def _run(
        self, caller: Caller, connection: Connection, actions: list[Action], name: str, given: dict[str, Any]
    ) -> Any:
        action = next((one for one in actions if one.key == name), None)
        if action is None:
            raise NotFound("tool", name)
        dry_run = bool(given.pop("dryRun", False)) if action.effect is not Effect.READ else False
        return answers.result(await self._app.runs.run(caller, connection, action, given, dry_run=dry_run))

    def _failure(self, error: Exception, context: Context) -> types.CallToolResult:
        """An error that the agent can read and act on: the same object as in the REST API."""
        body = refusal(error, _scope_of(context), challenge=self._challenge).body
        said = {"error": msgspec.to_builtins(body)}
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=_encode(said).decode())],
            structured_content=said,
            is_error=True,
        )


def _scope_of(context: Context) -> Scope:
    request = context.request
    if request is None:
        raise Unauthorized("this call came without a request")
    return cast("Scope", request.scope)


def _caller_of(context: Context) -> Caller:
    caller = cast("dict[str, Any]", _scope_of(context)).get(_CALLER)
    if not isinstance(caller, Caller):
        raise Unauthorized("sign in: send a token as `Authorization: Bearer …`")
    return caller


def _may(caller: Caller, action: Action) -> bool:
    may = caller.restrictions
    if may.read_only and action.effect is not Effect.READ:
        return False
    return may.actions is None or action.key in may.actions or action.action_id in may.actions


def _shown(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        annotations=types.ToolAnnotations(
            title=tool.title, read_only_hint=tool.reads, destructive_hint=tool.destructive, open_world_hint=True
        ),
    )


def _as_tool(action: Action) -> types.Tool:
    schema: dict[str, Any] = {**action.input_schema, "type": "object"}
    if action.effect is not Effect.READ:
        dry = {"type": "boolean", "description": "Only show the requests that would be sent; nothing is changed."}
        schema["properties"] = {**schema.get("properties", {}), "dryRun": dry}
    return types.Tool(
        name=action.key,
        title=action.name,
        description=action.description or action.name,
        input_schema=schema,
        annotations=types.ToolAnnotations(
            title=action.name,
            read_only_hint=action.effect is Effect.READ,
            destructive_hint=action.effect is Effect.DESTRUCTIVE,
            idempotent_hint=action.idempotent,
            open_world_hint=True,
        ),
    )


def _answer(value: Any) -> types.CallToolResult:
    text = _encode(value)
    if len(text) > _MOST:
        said = {
            "cut": True,
            "note": f"the answer has {len(text)} bytes; only the first {_MOST} are here: ask for less, or for a page",
            "text": text[:_MOST].decode("utf-8", "ignore"),
        }
        text = _encode(said)
    found = msgspec.json.decode(text)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text.decode())], structured_content=found)

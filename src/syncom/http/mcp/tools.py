"""The tools: few, whatever is in the catalogue. Find, look at, run; and what is around it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from syncom.connect.connections.model import ConnectionWish
from syncom.connect.model import Caller, Connection, RunStatus
from syncom.errors import Invalid
from syncom.http.mcp import answers
from syncom.http.mcp.tool import Tool, ToolCall

_MOST_CONNECTIONS: Final = 1000
#: Seconds that get-connection waits at most.
_LONGEST_WAIT: Final = 60

_ConnectionId = Annotated[str, Meta(description="Id or key of the connection; list-connections shows them.")]
_DryRun = Annotated[bool, Meta(description="Only show the requests that would be sent; nothing is changed.")]


class _Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What the inputs of all tools have in common."""


# ---------------------------------------------------------------- finding


class FindActions(_Input, frozen=True, kw_only=True):
    intent: Annotated[str, Meta(description="What is to be done, in plain words of any language.", min_length=1)]
    connection_id: Annotated[str, Meta(description="Only actions of this connection, by id or key.")] = ""
    limit: Annotated[int, Meta(ge=1, le=50)] = 5


async def find_actions(call: ToolCall[FindActions]) -> Any:
    given, caller = call.input, call.caller
    intents = call.app.intents
    if given.connection_id:
        connection = await call.app.connections.get(caller, given.connection_id)
        found = await intents.rank(
            caller.account_id,
            given.intent,
            connection_id=connection.connection_id,
            restrictions=caller.restrictions,
            limit=given.limit,
        )
        return answers.ranking(found, {connection.connector_id: [connection.connection_id]})
    ready = _by_connector([one for one in await _connections(call) if one.connected])
    found = await intents.find(
        caller.account_id,
        given.intent,
        connected=list(ready),
        restrictions=caller.restrictions,
        limit=given.limit,
    )
    return answers.ranking(found, {key: [one.connection_id for one in ones] for key, ones in ready.items()})


class GetAction(_Input, frozen=True, kw_only=True):
    action: Annotated[str, Meta(description="Id of the action, or its key together with connectionId.")]
    connection_id: Annotated[str, Meta(description="Connection it would be run on, by id or key.")] = ""


async def get_action(call: ToolCall[GetAction]) -> Any:
    given, caller = call.input, call.caller
    if not given.connection_id:
        return answers.action(await call.app.catalogue.action(caller.account_id, given.action), whole=True)
    connection = await call.app.connections.get(caller, given.connection_id)
    return answers.action(await _action(call, connection, given.action), whole=True)


class SearchConnectors(_Input, frozen=True, kw_only=True):
    query: Annotated[str, Meta(description="Name of an app, or what it is for; empty lists all.")] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


async def search_connectors(call: ToolCall[SearchConnectors]) -> Any:
    account_id = call.caller.account_id
    found = await call.app.catalogue.connectors(account_id, search=call.input.query or None, limit=call.input.limit)
    connected = _by_connector(await _connections(call))
    return {"connectors": [answers.connector(one, connected.get(one.connector_id, [])) for one in found]}


# ---------------------------------------------------------------- running


class RunAction(_Input, frozen=True, kw_only=True):
    action: Annotated[str, Meta(description="Id or key of the action.")]
    connection_id: _ConnectionId
    input: Annotated[dict[str, Any], Meta(description="Must fit the action's inputSchema.")] = {}
    dry_run: _DryRun = False
    idempotency_key: Annotated[
        str, Meta(description="The same key again within a day answers the first run instead of running twice.")
    ] = ""


async def run_action(call: ToolCall[RunAction]) -> Any:
    given = call.input
    connection = await call.app.connections.get(call.caller, given.connection_id)
    action = await _action(call, connection, given.action)
    done = await call.app.runs.run(
        call.caller,
        connection,
        action,
        given.input,
        dry_run=given.dry_run,
        idempotency_key=given.idempotency_key or None,
    )
    return answers.result(done)


class Request(_Input, frozen=True, kw_only=True):
    connection_id: _ConnectionId
    path: Annotated[str, Meta(description="Path behind the app's base address, such as /v1/contacts.")]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    body: Annotated[Any, Meta(description="Sent as JSON.")] = None
    dry_run: _DryRun = False


async def request(call: ToolCall[Request]) -> Any:
    given = call.input
    connection = await call.app.connections.get(call.caller, given.connection_id)
    done = await call.app.runs.request(
        call.caller,
        connection,
        method=given.method,
        path=given.path,
        query=given.query,
        headers=given.headers,
        body=given.body,
        dry_run=given.dry_run,
    )
    return answers.result(done)


class ListRuns(_Input, frozen=True, kw_only=True):
    connection_id: Annotated[str, Meta(description="Only those of this connection, by id or key.")] = ""
    status: Literal["", "running", "success", "error", "unknown"] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


async def list_runs(call: ToolCall[ListRuns]) -> Any:
    given = call.input
    connection_id = None
    if given.connection_id:
        connection_id = (await call.app.connections.get(call.caller, given.connection_id)).connection_id
    status = RunStatus(given.status) if given.status else None
    found = await call.app.runs.runs(call.caller, connection_id=connection_id, status=status, limit=given.limit)
    return {"runs": [answers.run(one) for one in found.items]}


class GetRun(_Input, frozen=True, kw_only=True):
    run_id: str


async def get_run(call: ToolCall[GetRun]) -> Any:
    return answers.run(await call.app.runs.get(call.caller, call.input.run_id), whole=True)


# ---------------------------------------------------------------- connections


class ListConnections(_Input, frozen=True, kw_only=True):
    search: Annotated[str, Meta(description="Part of the name, key or app.")] = ""


async def list_connections(call: ToolCall[ListConnections]) -> Any:
    found = await call.app.connections.list(call.caller, search=call.input.search or None, limit=100)
    return {"connections": [answers.connection(one) for one in found]}


class Connect(_Input, frozen=True, kw_only=True):
    app: Annotated[str, Meta(description="Id or key of a connector, or the app's address, such as shopify.com.")] = ""
    connection_id: Annotated[str, Meta(description="Connect this one again instead, by id or key.")] = ""
    name: str = ""
    dry_run: Annotated[bool, Meta(description="Only say what a person would be asked for.")] = False


async def connect(call: ToolCall[Connect]) -> Any:
    given = call.input
    if bool(given.app) == bool(given.connection_id):
        raise Invalid("app", "or connectionId must be given, and not both")
    connections = call.app.connections
    if given.dry_run:
        wish = ConnectionWish(connector=given.app or None, connection=given.connection_id or None)
        return {"dryRun": True, "waysToConnect": msgspec.to_builtins(await connections.options(call.caller, wish))}
    if given.connection_id:
        return answers.connection(await connections.reconnect(call.caller, given.connection_id))
    if "." in given.app:
        return answers.connection(await connections.ensure(call.caller, given.app, name=given.name or None))
    wish = ConnectionWish(connector=given.app, name=given.name or None)
    return answers.connection(await connections.connect(call.caller, wish))


class GetConnection(_Input, frozen=True, kw_only=True):
    connection_id: _ConnectionId
    wait_seconds: Annotated[
        int, Meta(description="Wait so long for a person to finish connecting.", ge=0, le=_LONGEST_WAIT)
    ] = 0


async def get_connection(call: ToolCall[GetConnection]) -> Any:
    given = call.input
    if given.wait_seconds:
        found = await call.app.connections.wait(
            call.caller, given.connection_id, seconds=given.wait_seconds, ready=True
        )
        return answers.connection(found)
    return answers.connection(await call.app.connections.get(call.caller, given.connection_id))


# ---------------------------------------------------------------- what they share


async def _action(call: ToolCall[Any], connection: Connection, selector: str) -> Any:
    return await call.app.catalogue.action(
        call.caller.account_id,
        selector,
        connector_id=connection.connector_id,
        connection_id=connection.connection_id,
    )


async def _connections(call: ToolCall[Any]) -> list[Connection]:
    caller: Caller = call.caller
    return await call.app.connections.list(caller, limit=_MOST_CONNECTIONS)


def _by_connector(connections: list[Connection]) -> dict[str, list[Connection]]:
    found: dict[str, list[Connection]] = {}
    for one in connections:
        found.setdefault(one.connector_id, []).append(one)
    return found


TOOLS: Final = (
    Tool(
        "find-actions",
        "Find an action",
        "Find what can be done, by saying in words what is wanted. Answers actions with the schema of their input, "
        "best first: those of connected apps with the connections to run them on, and apart from them those of apps "
        "that would have to be connected first. Start here.",
        FindActions,
        find_actions,
        reads=True,
    ),
    Tool(
        "get-action",
        "Look at an action",
        "Everything about one action: schemas of input and output, what it does to the app, whether it may be "
        "repeated.",
        GetAction,
        get_action,
        reads=True,
    ),
    Tool(
        "run-action",
        "Run an action",
        "Run an action on a connection. The input is checked against the schema; an error names the member that is "
        "wrong. With dryRun nothing is sent: use it first when an action's effect is write or destructive and you are "
        "not sure.",
        RunAction,
        run_action,
        destructive=True,
    ),
    Tool(
        "request",
        "Call an app's API",
        "Call any method of a connected app's API with the connection's credentials, when no action fits.",
        Request,
        request,
        destructive=True,
    ),
    Tool(
        "list-connections",
        "List connections",
        "Apps that are connected, with their state. One that does not work says what a person must do, with a link.",
        ListConnections,
        list_connections,
        reads=True,
    ),
    Tool(
        "search-connectors",
        "Search apps",
        "Apps that can be connected, by name or purpose.",
        SearchConnectors,
        search_connectors,
        reads=True,
    ),
    Tool(
        "connect",
        "Connect an app",
        "Connect an app, or connect one again. Answers a connection; while it is not connected, show its link to the "
        "person, who signs in there, and follow with get-connection. Credentials never pass through here.",
        Connect,
        connect,
    ),
    Tool(
        "get-connection",
        "Look at a connection",
        "State of a connection. With waitSeconds it waits for the person to finish.",
        GetConnection,
        get_connection,
        reads=True,
    ),
    Tool(
        "list-runs",
        "List runs",
        "What was run lately, newest first, with how it ended.",
        ListRuns,
        list_runs,
        reads=True,
    ),
    Tool(
        "get-run",
        "Look at a run",
        "One run with input, output and the requests behind it, without secrets.",
        GetRun,
        get_run,
        reads=True,
    ),
)

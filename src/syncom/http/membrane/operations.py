"""Older ways of calling a connector (membrane-api, 1.2): operations, connector methods, data collections.

An operation is an action here, by its key. Data collections are a layer over an app's API that connectors made of
OpenAPI documents do not have: asking for one is answered so.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from syncom.connect.model import Action, Caller, Connection
from syncom.http.membrane.action_lists import FILTERS, list_actions
from syncom.http.membrane.actions import run
from syncom.http.membrane.answers import ActionAnswer, OperationAnswer, RunAnswer
from syncom.http.membrane.bodies import RunBody
from syncom.http.membrane.method import Call, Listed, Method, Who
from syncom.http.membrane.targets import TENANT, acting, action_named
from syncom.http.membrane.unable import Unable

_DATA_VERBS: Final = ("list", "search", "match", "find-by-id", "create", "update", "delete")


class ExecuteBody(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest call: a key, and what it takes."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    payload: Any = None


async def _connection(call: Call[Any]) -> tuple[Caller, Connection]:
    by = await acting(call)
    return by, await call.app.connections.get(by, call.path["connection"])


async def list_operations(call: Call[None]) -> Listed[ActionAnswer]:
    _, connection = await _connection(call)
    return await list_actions(call, connection=connection)


async def get_operation(call: Call[None]) -> OperationAnswer:
    by, connection = await _connection(call)
    return _answer(await action_named(call, by, call.path["key"], connection=connection))


def _answer(action: Action) -> OperationAnswer:
    return OperationAnswer(
        key=action.key,
        name=action.name,
        description=action.description or None,
        input_schema=action.input_schema,
        output_schema=action.output_schema,
        action_id=action.action_id,
    )


async def run_operation(call: Call[RunBody]) -> RunAnswer:
    by, connection = await _connection(call)
    action = await action_named(call, by, call.path["key"], connection=connection)
    return await run(call, by, connection, action, call.body.input)


async def execute(call: Call[ExecuteBody]) -> Any:
    """Answers the output itself."""
    by, connection = await _connection(call)
    action = await action_named(call, by, call.body.key, connection=connection)
    return (await run(call, by, connection, action, call.body.payload)).output


async def refuse_data(call: Call[None]) -> object:
    _, connection = await _connection(call)
    raise Unable(
        f"the connector {connection.connector_key} has no data collections: find an action instead "
        f"(GET /actions?connectionId={connection.connection_id}&intent=…)",
        key="no_data_collections",
        data={"collection": call.path["collection"]},
    )


_DATA: Final = "/connections/{connection}/data/{collection}"
METHODS: Final[tuple[Method, ...]] = (
    Method(
        "GET",
        "/connections/{connection}/operations",
        list_operations,
        who=Who.WORKSPACE,
        summary="Actions of a connection",
        query=FILTERS,
        answer=Listed[ActionAnswer],
    ),
    Method(
        "GET",
        "/connections/{connection}/operations/{key}",
        get_operation,
        who=Who.WORKSPACE,
        summary="An action as a connector's operation",
        query=TENANT,
        answer=OperationAnswer,
    ),
    Method(
        "POST",
        "/connections/{connection}/operations/{key}/run",
        run_operation,
        who=Who.WORKSPACE,
        writes=False,
        body=RunBody,
        summary="Run it",
        query=TENANT,
        answer=RunAnswer,
    ),
    Method(
        "POST",
        "/connections/{connection}/execute-request",
        execute,
        who=Who.WORKSPACE,
        writes=False,
        body=ExecuteBody,
        summary="Run an action by its key; the output itself is answered",
        query=TENANT,
    ),
    Method(
        "GET",
        _DATA,
        refuse_data,
        who=Who.WORKSPACE,
        summary="Data collections: connectors have none here; the error says what to do instead",
        query=TENANT,
    ),
    *(
        Method(
            "POST",
            f"{_DATA}/{verb}",
            refuse_data,
            who=Who.WORKSPACE,
            writes=False,
            summary="Data collections: connectors have none here; the error says what to do instead",
            query=TENANT,
        )
        for verb in _DATA_VERBS
    ),
)

"""Actions by their place: below a connection, below an integration, or by a selector in the query (membrane-api, 6.7).

Running an action here takes the input itself as the body, and not ``{input}``: the vendor's SDK sends it bare.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from syncom.connect.model import Action, Caller, CallerKind, Connection, Connector
from syncom.errors import Invalid, NotFound
from syncom.http.membrane.action_lists import FILTERS, list_actions
from syncom.http.membrane.actions import (
    DRY_RUN,
    ActionFields,
    archive,
    make_action,
    require_owner,
    require_request,
    reset,
    run,
)
from syncom.http.membrane.answers import ActionAnswer, RunAnswer
from syncom.http.membrane.method import Call, Listed, Method, Parameter, Who
from syncom.http.membrane.targets import (
    CONNECTION_FILTERS,
    CONNECTOR_FILTERS,
    TENANT,
    Names,
    acting,
    action_named,
    connection_for,
    connection_named,
    connector_named,
    connector_of_integration,
)
from syncom.http.membrane.views import Views

_OF_CONNECTION: Final = "/connections/{connection}/actions"
_OF_INTEGRATION: Final = "/integrations/{integration}/actions"
_ONE: Final = "/connections/{connection}/actions/{action}"
_ONE_OF_INTEGRATION: Final = "/integrations/{integration}/actions/{action}"


# ---------------------------------------------------------------- of a connection


async def list_of_connection(call: Call[None]) -> Listed[ActionAnswer]:
    by = await acting(call)
    return await list_actions(call, connection=await call.app.connections.get(by, call.path["connection"]))


async def _of_connection(call: Call[Any]) -> tuple[Caller, Connection, Action]:
    by = await acting(call)
    connection = await call.app.connections.get(by, call.path["connection"])
    return by, connection, await action_named(call, by, call.path["action"], connection=connection)


async def get_of_connection(call: Call[None]) -> ActionAnswer:
    by, _, action = await _of_connection(call)
    return await Views(call, by).action(action)


async def change_of_connection(call: Call[ActionFields]) -> ActionAnswer:
    """An action of the connector becomes one of this connection first: nobody else's changes."""
    by, connection, action = await _of_connection(call)
    require_request(call.body)
    change = call.body.change()
    if action.connection_id is None:
        copy = await call.app.catalogue.clone_action(
            call.account_id, action, connection_id=connection.connection_id, change=change
        )
        return await Views(call, by).action(copy)
    changed = await call.app.catalogue.change_action(call.account_id, action.action_id, change)
    return await Views(call, by).action(changed)


async def put_of_connection(call: Call[ActionFields]) -> ActionAnswer:
    """Makes it when the connection has none of this key. Without a body: a copy of the connector's."""
    try:
        return await change_of_connection(call)
    except NotFound:
        by = await acting(call)
        connection = await call.app.connections.get(by, call.path["connection"])
    fields = call.body if call.body.key else replace(call.body, key=call.path["action"][:100])
    return await make_action(call, by, fields, connection, None)


async def archive_of_connection(call: Call[None]) -> ActionAnswer:
    by, _, action = await _of_connection(call)
    return await archive(call, by, action)


async def reset_of_connection(call: Call[None]) -> ActionAnswer:
    by, _, action = await _of_connection(call)
    return await reset(call, by, action)


async def run_of_connection(call: Call[Any]) -> RunAnswer:
    by, connection, action = await _of_connection(call)
    return await run(call, by, connection, action, call.body)


# ---------------------------------------------------------------- of an integration


async def list_of_integration(call: Call[None]) -> Listed[ActionAnswer]:
    return await list_actions(call, connector=await connector_of_integration(call, call.path["integration"]))


async def create_of_integration(call: Call[ActionFields]) -> ActionAnswer:
    connector = await connector_of_integration(call, call.path["integration"])
    return await make_action(call, call.by, call.body, None, connector)


async def _of_integration(call: Call[Any]) -> tuple[Connector, Action]:
    connector = await connector_of_integration(call, call.path["integration"])
    return connector, await action_named(call, call.by, call.path["action"], connector=connector)


async def get_of_integration(call: Call[None]) -> ActionAnswer:
    _, action = await _of_integration(call)
    return await Views(call).action(action)


async def change_of_integration(call: Call[ActionFields]) -> ActionAnswer:
    _, action = await _of_integration(call)
    require_request(call.body)
    require_owner(call.by, action)
    return await Views(call).action(
        await call.app.catalogue.change_action(call.account_id, action.action_id, call.body.change())
    )


async def archive_of_integration(call: Call[None]) -> ActionAnswer:
    _, action = await _of_integration(call)
    return await archive(call, call.by, action)


# ---------------------------------------------------------------- by a selector in the query


async def _selected(call: Call[Any]) -> tuple[Caller, Names, Connection | None, Action]:
    """``id``, or ``key`` (``parentKey`` of an instance) within what the query names beside it."""
    names = Names.of_query(call.query)
    query = call.query
    selector = next(
        (found for name in ("id", "key", "parentId", "parentKey") if (found := query.text(name)) is not None), None
    )
    if selector is None:
        raise Invalid("key", "is required, or id, parentKey, parentId")
    by = call.by if call.by.kind is CallerKind.MANAGER and not names.connection else await acting(call)
    connection = await call.app.connections.get(by, names.connection) if names.connection else None
    connector = None if connection is not None else await connector_named(call, names)
    return by, names, connection, await action_named(call, by, selector, connector=connector, connection=connection)


async def get_selected(call: Call[None]) -> ActionAnswer:
    by, _, _, action = await _selected(call)
    return await Views(call, by).action(action)


async def change_selected(call: Call[ActionFields]) -> ActionAnswer:
    by, _, _, action = await _selected(call)
    require_request(call.body)
    require_owner(by, action)
    changed = await call.app.catalogue.change_action(call.account_id, action.action_id, call.body.change())
    return await Views(call, by).action(changed)


async def archive_selected(call: Call[None]) -> ActionAnswer:
    by, _, _, action = await _selected(call)
    return await archive(call, by, action)


async def run_selected(call: Call[Any]) -> RunAnswer:
    by, names, connection, action = await _selected(call)
    by = await acting(call)
    connection = connection or await connection_named(call, by, names)
    return await run(call, by, connection or await connection_for(call, by, action, names), action, call.body)


_SELECTOR: Final = (
    Parameter(name="id", text="Id of the action."),
    Parameter(name="key", text="Its key."),
    Parameter(name="parentKey", text="The same, as instances of actions were named."),
    *CONNECTION_FILTERS,
    *CONNECTOR_FILTERS,
    *TENANT,
)
METHODS: Final[tuple[Method, ...]] = (
    Method(
        "GET",
        _OF_CONNECTION,
        list_of_connection,
        who=Who.WORKSPACE,
        summary="Actions of a connection, by filters or by intent",
        query=FILTERS,
        answer=Listed[ActionAnswer],
    ),
    Method("GET", _ONE, get_of_connection, who=Who.WORKSPACE, summary="One of them", query=TENANT, answer=ActionAnswer),
    Method(
        "PATCH",
        _ONE,
        change_of_connection,
        who=Who.WORKSPACE,
        body=ActionFields,
        summary="Change it for this connection only",
        query=TENANT,
        answer=ActionAnswer,
    ),
    Method(
        "PUT",
        _ONE,
        put_of_connection,
        who=Who.WORKSPACE,
        body=ActionFields,
        summary="Make it, or change it, for this connection only",
        query=TENANT,
        answer=ActionAnswer,
    ),
    Method(
        "DELETE",
        _ONE,
        archive_of_connection,
        who=Who.WORKSPACE,
        summary="Archive an action that the connection has for itself",
        query=TENANT,
        answer=ActionAnswer,
    ),
    Method(
        "POST",
        f"{_ONE}/run",
        run_of_connection,
        who=Who.WORKSPACE,
        writes=False,
        body=Any,
        summary="Run it; the body is the input itself",
        query=(DRY_RUN, *TENANT),
        answer=RunAnswer,
    ),
    Method(
        "POST",
        f"{_ONE}/reset",
        reset_of_connection,
        who=Who.WORKSPACE,
        summary="Back to the connector's own",
        query=TENANT,
        answer=ActionAnswer,
    ),
    Method(
        "POST",
        f"{_ONE}/setup",
        get_of_connection,
        who=Who.WORKSPACE,
        summary="The action as it is: nothing has to be set up",
        query=TENANT,
        answer=ActionAnswer,
    ),
    Method(
        "GET",
        _OF_INTEGRATION,
        list_of_integration,
        who=Who.WORKSPACE,
        summary="Actions of an integration",
        query=FILTERS,
        answer=Listed[ActionAnswer],
    ),
    Method(
        "POST",
        _OF_INTEGRATION,
        create_of_integration,
        who=Who.MANAGER,
        body=ActionFields,
        summary="Make an action for every connection of an integration",
        answer=ActionAnswer,
    ),
    Method(
        "GET", _ONE_OF_INTEGRATION, get_of_integration, who=Who.WORKSPACE, summary="One of them", answer=ActionAnswer
    ),
    *(
        Method(
            verb,
            _ONE_OF_INTEGRATION,
            change_of_integration,
            who=Who.MANAGER,
            body=ActionFields,
            summary="Change it for every connection",
            answer=ActionAnswer,
        )
        for verb in ("PATCH", "PUT")
    ),
    Method(
        "DELETE",
        _ONE_OF_INTEGRATION,
        archive_of_integration,
        who=Who.MANAGER,
        summary="Archive it",
        answer=ActionAnswer,
    ),
    *(
        row
        for path in ("/action", "/action-instance")
        for row in (
            Method(
                "GET",
                path,
                get_selected,
                who=Who.WORKSPACE,
                summary="An action by its key within an integration or a connection",
                query=_SELECTOR,
                answer=ActionAnswer,
            ),
            *(
                Method(
                    verb,
                    path,
                    change_selected,
                    who=Who.WORKSPACE,
                    body=ActionFields,
                    summary="Change it",
                    query=_SELECTOR,
                    answer=ActionAnswer,
                )
                for verb in ("PATCH", "PUT")
            ),
            Method(
                "DELETE",
                path,
                archive_selected,
                who=Who.WORKSPACE,
                summary="Archive it",
                query=_SELECTOR,
                answer=ActionAnswer,
            ),
            Method(
                "POST",
                f"{path}/run",
                run_selected,
                who=Who.WORKSPACE,
                writes=False,
                body=Any,
                summary="Run it; the body is the input itself",
                query=(*_SELECTOR, DRY_RUN),
                answer=RunAnswer,
            ),
        )
    ),
)

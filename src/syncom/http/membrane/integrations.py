"""Integrations (membrane-api, 5.3): the account's use of a connector.

Every connector has one from the beginning, under the connector's own id and key, so that nothing has to be set up
before the first connection. What an owner sets (another key or name, an OAuth client of its own) makes a row of it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from syncom.connect.connections.model import Integration
from syncom.connect.model import CallerKind, Connection, Connector
from syncom.errors import Invalid
from syncom.http.membrane.answers import IntegrationAnswer
from syncom.http.membrane.bodies import ConnectorTarget, Key, Name, Values
from syncom.http.membrane.method import PAGING, Call, Listed, Method, Parameter, Who, listed
from syncom.http.membrane.targets import connector_named, connector_of_integration
from syncom.http.membrane.views import Views

_MOST: Final = 1000
_ONE: Final = "/integrations/{selector}"


class IntegrationBody(ConnectorTarget, frozen=True, kw_only=True, rename="camel"):
    """An integration to be made, or what to change of one."""

    key: Key | None = None
    name: Name | None = None
    #: ``clientId`` and ``clientSecret`` of the account's own OAuth client.
    parameters: Values | None = None


async def list_integrations(call: Call[None]) -> Listed[IntegrationAnswer]:
    """All that can be connected; with the tenant's connections."""
    page = call.query.page()
    found = await call.app.catalogue.connectors(
        call.account_id, search=call.query.text("search", longest=200), limit=page.limit + 1, offset=page.offset
    )
    views, answer = Views(call), listed(found, page)
    views.know(answer.items)
    connected = await _connections(call)
    items = [
        await views.integration_answer(connector, connection=connected.get(connector.connector_id))
        for connector in answer.items
    ]
    return Listed(items, answer.cursor)


async def _connections(call: Call[Any]) -> dict[str, Connection]:
    """The tenant's connection with each connector: one that works rather than one that does not."""
    if call.by.kind is not CallerKind.TENANT:
        return {}
    found: dict[str, Connection] = {}
    for connection in await call.app.connections.list(call.by, limit=_MOST):
        known = found.get(connection.connector_id)
        if known is None or (connection.connected and not known.connected):
            found[connection.connector_id] = connection
    return found


async def get_integration(call: Call[None]) -> IntegrationAnswer:
    connector = await connector_of_integration(call, call.path["selector"])
    return await _answer(call, connector)


async def _answer(call: Call[Any], connector: Connector) -> IntegrationAnswer:
    connected = await _connections(call)
    return await Views(call).integration_answer(connector, connection=connected.get(connector.connector_id))


async def create_integration(call: Call[IntegrationBody]) -> IntegrationAnswer:
    body = call.body
    connector = await connector_named(call, body.names())
    if connector is None:
        raise Invalid("connectorId", "is required, or connectorKey")
    await call.app.connections.integrations.add(
        call.account_id, connector.connector_id, key=body.key, name=body.name, parameters=body.parameters
    )
    return await _answer(call, connector)


async def change_integration(call: Call[IntegrationBody]) -> IntegrationAnswer:
    body = call.body
    connector = await connector_of_integration(call, call.path["selector"])
    await _set(call, connector, body.parameters or {}, name=body.name)
    return await _answer(call, connector)


async def _set(call: Call[Any], connector: Connector, parameters: Values, *, name: str | None = None) -> Integration:
    """What was never set up is set up by this."""
    integrations = call.app.connections.integrations
    present = await integrations.of_connector(call.account_id, connector.connector_id)
    if present is None:
        given = {member: value for member, value in parameters.items() if value is not None}
        return await integrations.add(call.account_id, connector.connector_id, name=name, parameters=given)
    return await integrations.set_parameters(call.account_id, present.integration_id, parameters, name=name)


async def remove_integration(call: Call[None]) -> IntegrationAnswer:
    """What was set goes; the integration that every connector has stays."""
    connector = await connector_of_integration(call, call.path["selector"])
    present = await call.app.connections.integrations.of_connector(call.account_id, connector.connector_id)
    if present is not None:
        await call.app.connections.integrations.archive(call.account_id, present.integration_id)
    return await _answer(call, connector)


async def get_parameters(call: Call[None]) -> dict[str, Any]:
    """What was set, without secrets; ``hasSecret`` says whether there are any."""
    connector = await connector_of_integration(call, call.path["selector"])
    return _parameters(await call.app.connections.integrations.of_connector(call.account_id, connector.connector_id))


async def change_parameters(call: Call[Values]) -> dict[str, Any]:
    """Merged into what was set; null takes one away. The client secret is sealed and never answered."""
    connector = await connector_of_integration(call, call.path["selector"])
    given: Any = call.body.get("parameters", call.body)
    return _parameters(await _set(call, connector, msgspec.convert(given, Values)))


def _parameters(integration: Integration | None) -> dict[str, Any]:
    if integration is None:
        return {"hasSecret": False}
    return {**integration.parameters, "hasSecret": integration.has_secret}


METHODS: Final[tuple[Method, ...]] = (
    Method(
        "GET",
        "/integrations",
        list_integrations,
        who=Who.WORKSPACE,
        summary="Integrations: one for each connector",
        query=(*PAGING, Parameter(name="search", text="Words in the name or key.")),
        answer=Listed[IntegrationAnswer],
    ),
    Method(
        "POST",
        "/integrations",
        create_integration,
        who=Who.MANAGER,
        body=IntegrationBody,
        summary="Set a connector up: another key or name, an OAuth client",
        answer=IntegrationAnswer,
    ),
    Method("GET", _ONE, get_integration, who=Who.WORKSPACE, summary="One integration", answer=IntegrationAnswer),
    *(
        Method(
            verb,
            _ONE,
            change_integration,
            who=Who.MANAGER,
            body=IntegrationBody,
            summary="Change what was set up",
            answer=IntegrationAnswer,
        )
        for verb in ("PATCH", "PUT")
    ),
    Method(
        "DELETE",
        _ONE,
        remove_integration,
        who=Who.MANAGER,
        summary="Take away what was set up",
        answer=IntegrationAnswer,
    ),
    Method(
        "GET",
        f"{_ONE}/parameters",
        get_parameters,
        who=Who.MANAGER,
        summary="Its parameters; secrets are not answered",
        answer=dict[str, Any],
    ),
    Method(
        "PATCH",
        f"{_ONE}/parameters",
        change_parameters,
        who=Who.MANAGER,
        body=Values,
        summary="Set `clientId`, `clientSecret` and others",
        answer=dict[str, Any],
    ),
)

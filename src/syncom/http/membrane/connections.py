"""Connections (membrane-api, 5.1, 6.2-6.4): the links of a tenant to its apps.

Credentials go in and never come out: ``includeSecrets`` is read by nobody, and what was typed is answered without its
secret members.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from syncom.connect.connections.service import domain_of
from syncom.connect.model import Caller, Connection, Connector
from syncom.errors import Invalid, NotFound
from syncom.http.membrane.answers import (
    ActionAnswer,
    AttemptAnswer,
    ConnectionAnswer,
    ConnectionExport,
    TestAnswer,
    renews_itself,
)
from syncom.http.membrane.bodies import ConnectionBody, ConnectionChange, EnsureBody, ReconnectBody
from syncom.http.membrane.method import EMPTY, PAGING, Call, Listed, Method, Page, Parameter, Who, listed
from syncom.http.membrane.targets import (
    CONNECTOR_FILTERS,
    TENANT,
    Names,
    acting,
    connector_meant,
    connector_named,
    of_another,
)
from syncom.http.membrane.views import Views

#: Connections of a tenant that filters look through.
_MOST: Final = 1000
_WAITING: Final = (
    Parameter(name="wait", type="boolean", text="Hold the answer until something happens, or the time is up."),
    Parameter(name="timeout", type="integer", text="Seconds to wait, 1 to 60; 30 unless given."),
)


# ---------------------------------------------------------------- lists


async def list_connections(call: Call[None]) -> Listed[ConnectionAnswer]:
    page = call.query.page()
    if of_another(call):
        return Listed([])
    by = await acting(call)
    names = Names.of_query(call.query)
    try:
        connector = await connector_named(call, names)
    except NotFound:
        return Listed([])
    found = await _matching(call, by, connector, page)
    views = Views(call, by)
    answer = listed(found, page)
    items = [await views.connection(connection) for connection in answer.items]
    return Listed(items, answer.cursor)


async def _matching(call: Call[None], by: Caller, connector: Connector | None, page: Page) -> Sequence[Connection]:
    """A row more than the page, so that it is known whether there is another."""
    states = [call.query.flag(name) is wanted for name, wanted in (("connected", True), ("disconnected", False))]
    chosen = [call.query.has("connected"), call.query.has("disconnected")]
    connector_id = None if connector is None else connector.connector_id
    search, archived = call.query.text("search", longest=200), call.query.flag("includeArchived")
    if not any(chosen):
        return await call.app.connections.list(
            by,
            search=search,
            connector_id=connector_id,
            include_archived=archived,
            limit=page.limit + 1,
            offset=page.offset,
        )
    found = await call.app.connections.list(
        by, search=search, connector_id=connector_id, include_archived=archived, limit=_MOST
    )
    wanted = [state for state, given in zip(states, chosen, strict=True) if given]
    fitting = [connection for connection in found if all(connection.connected is state for state in wanted)]
    return fitting[page.offset : page.offset + page.limit + 1]


# ---------------------------------------------------------------- one connection


async def get_connection(call: Call[None]) -> ConnectionAnswer:
    by = await acting(call)
    if call.query.flag("wait"):
        seconds = call.query.number("timeout", default=30, least=1, most=60)
        connection = await call.app.connections.wait(by, call.path["selector"], seconds=seconds)
    else:
        connection = await call.app.connections.get(by, call.path["selector"])
    return await Views(call, by).connection(connection)


async def create_connection(call: Call[ConnectionBody]) -> ConnectionAnswer:
    """With ``input`` or ``credentials`` the app is asked at once; otherwise a person has to act."""
    by = await acting(call)
    body = call.body
    if body.names().names_connector:
        return await Views(call, by).connection(await call.app.connections.create(by, body.wish()))
    if not body.intent:
        raise Invalid("connectorId", "is required, or one of connectorKey, integrationId, integrationKey, intent")
    return await connected_by_words(call, by, body.intent, body)


async def ensure_connection(call: Call[EnsureBody]) -> ConnectionAnswer:
    """The tenant's connection with this app, or a new one. An app that nobody has described is reached by plain HTTP,
    and a person says how (membrane-api, 15: item 24)."""
    by = await acting(call)
    words = call.body.words()
    connector = None if domain_of(words) else await connector_meant(call, words)
    app = words if connector is None else connector.key
    connection = await call.app.connections.ensure(by, app, name=call.body.name)
    return await Views(call, by).connection(connection)


async def connected_by_words(call: Call[Any], by: Caller, words: str, body: ConnectionBody) -> ConnectionAnswer:
    """A new connection with the app that the words mean."""
    connector = await connector_meant(call, words)
    if connector is not None:
        connection = await call.app.connections.create(by, body.wish(connector.connector_id))
    else:
        connection = await call.app.connections.ensure(by, words, name=body.name)
    return await Views(call, by).connection(connection)


async def change_connection(call: Call[ConnectionChange]) -> ConnectionAnswer:
    by = await acting(call)
    connection = await call.app.connections.patch(by, call.path["selector"], call.body.patch())
    return await Views(call, by).connection(connection)


async def archive_connection(call: Call[None]) -> ConnectionAnswer:
    by = await acting(call)
    return await Views(call, by).connection(await call.app.connections.archive(by, call.path["selector"]))


async def restore_connection(call: Call[None]) -> ConnectionAnswer:
    by = await acting(call)
    return await Views(call, by).connection(await call.app.connections.restore(by, call.path["selector"]))


# ---------------------------------------------------------------- its credentials


async def test_connection(call: Call[None]) -> TestAnswer:
    by = await acting(call)
    fault = await call.app.connections.test(by, call.path["selector"])
    return TestAnswer(success=fault is None, error=fault)


async def refresh_connection(call: Call[None]) -> ConnectionAnswer:
    """Asks the app whether the connection works, and answers how it stands then."""
    by = await acting(call)
    await call.app.connections.test(by, call.path["selector"])
    return await Views(call, by).connection(await call.app.connections.get(by, call.path["selector"]))


async def refresh_credentials(call: Call[None]) -> object:
    """Credentials that do not end are as good as renewed; those that only a person can renew are an error."""
    by = await acting(call)
    connection = await call.app.connections.get(by, call.path["selector"])
    connector = await Views(call, by).connector(connection.connector_id)
    if connection.connected and connector is not None and not renews_itself(connector, connection):
        return EMPTY
    await call.app.connections.refresh(by, call.path["selector"])
    return EMPTY


async def disconnect(call: Call[None]) -> object:
    by = await acting(call)
    await call.app.connections.disconnect(by, call.path["selector"])
    return EMPTY


async def reconnect(call: Call[ReconnectBody]) -> ConnectionAnswer:
    by = await acting(call)
    again = await call.app.connections.reconnect(by, call.path["selector"], call.body.wish())
    return await Views(call, by).connection(again)


# ---------------------------------------------------------------- what belongs to it


async def export_connection(call: Call[None]) -> ConnectionExport:
    """What another workspace would need to make it again. No credentials."""
    by = await acting(call)
    connection = await call.app.connections.get(by, call.path["selector"])
    link = await Views(call, by).link(connection.connector_id, connection.connector_key)
    return ConnectionExport(
        name=connection.name,
        key=connection.key,
        auth_option_key=connection.auth_key or None,
        connector_key=connection.connector_key,
        integration_key=link.key,
        connector_parameters=dict(connection.parameters),
        meta=dict(connection.meta),
    )


async def connection_dependencies(call: Call[None]) -> list[ActionAnswer]:
    """The actions that this connection has for itself: they go with it."""
    by = await acting(call)
    connection = await call.app.connections.get(by, call.path["selector"])
    actions = await call.app.catalogue.actions(
        call.account_id, connector_id=connection.connector_id, connection_id=connection.connection_id, limit=_MOST
    )
    views = Views(call, by)
    return [await views.action(action) for action in actions if action.connection_id is not None]


async def connection_logs(call: Call[None]) -> Listed[AttemptAnswer]:
    """How the attempts to connect it ended, the newest first."""
    by = await acting(call)
    page = call.query.page()
    connection = await call.app.connections.get(by, call.path["selector"])
    requests = await call.app.connections.requests.attempts(connection, limit=page.limit + 1, offset=page.offset)
    answer = listed(requests, page)
    views = Views(call, by)
    return Listed([await views.attempt(request, connection) for request in answer.items], answer.cursor)


_ONE: Final = "/connections/{selector}"
METHODS: Final[tuple[Method, ...]] = (
    Method(
        "GET",
        "/connections",
        list_connections,
        who=Who.WORKSPACE,
        summary="Connections of the tenant",
        query=(
            *PAGING,
            *CONNECTOR_FILTERS,
            Parameter(name="search", text="Words in the name or key."),
            Parameter(name="connected", type="boolean", text="Only those that work, or that do not."),
            Parameter(name="disconnected", type="boolean", text="The opposite."),
            Parameter(name="includeArchived", type="boolean", text="Archived ones too."),
            *TENANT,
        ),
        answer=Listed[ConnectionAnswer],
    ),
    Method(
        "POST",
        "/connections",
        create_connection,
        who=Who.WORKSPACE,
        body=ConnectionBody,
        summary="Connect an app",
        query=TENANT,
        answer=ConnectionAnswer,
    ),
    Method(
        "POST",
        "/connections/ensure",
        ensure_connection,
        who=Who.WORKSPACE,
        body=EnsureBody,
        summary="The connection with an app, by its address; made when there is none",
        query=TENANT,
        answer=ConnectionAnswer,
    ),
    Method(
        "GET",
        _ONE,
        get_connection,
        who=Who.WORKSPACE,
        summary="One connection; `wait` holds the answer while it is being connected. Credentials are never answered",
        query=(*_WAITING, *TENANT),
        answer=ConnectionAnswer,
    ),
    Method(
        "PATCH",
        _ONE,
        change_connection,
        who=Who.WORKSPACE,
        body=ConnectionChange,
        summary="Change a connection; with `input` the app is asked at once",
        query=TENANT,
        answer=ConnectionAnswer,
    ),
    Method(
        "PUT",
        _ONE,
        change_connection,
        who=Who.WORKSPACE,
        body=ConnectionChange,
        summary="The same as PATCH",
        query=TENANT,
        answer=ConnectionAnswer,
    ),
    Method(
        "DELETE",
        _ONE,
        archive_connection,
        who=Who.WORKSPACE,
        summary="Archive a connection",
        query=TENANT,
        answer=ConnectionAnswer,
    ),
    *(
        Method("POST", f"{_ONE}/{verb}", handler, who=Who.WORKSPACE, summary=summary, query=TENANT, answer=answer)
        for verb, handler, summary, answer in (
            ("restore", restore_connection, "Bring an archived connection back", ConnectionAnswer),
            ("refresh", refresh_connection, "Ask the app whether it works", ConnectionAnswer),
            ("test", test_connection, "Make the connector's test call", TestAnswer),
            ("refresh-credentials", refresh_credentials, "Renew its access token now", None),
            ("disconnect", disconnect, "Revoke and erase its credentials", None),
        )
    ),
    Method(
        "POST",
        f"{_ONE}/reconnect",
        reconnect,
        who=Who.WORKSPACE,
        body=ReconnectBody,
        summary="Connect it again",
        query=TENANT,
        answer=ConnectionAnswer,
    ),
    Method(
        "GET",
        f"{_ONE}/export",
        export_connection,
        who=Who.WORKSPACE,
        summary="What it takes to make it elsewhere; no credentials",
        query=TENANT,
        answer=ConnectionExport,
    ),
    Method(
        "GET",
        f"{_ONE}/dependencies",
        connection_dependencies,
        who=Who.WORKSPACE,
        summary="Actions that it has for itself",
        query=TENANT,
        answer=list[ActionAnswer],
    ),
    Method(
        "GET",
        f"{_ONE}/logs",
        connection_logs,
        who=Who.WORKSPACE,
        summary="Attempts to connect it",
        query=(*PAGING, *TENANT),
        answer=Listed[AttemptAnswer],
    ),
)

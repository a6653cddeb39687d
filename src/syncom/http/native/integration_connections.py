"""/integrations/connections: links to apps. Credentials go in on the connect pages and never come out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission, Principal
from syncom.app import App
from syncom.connect.connections.model import ConnectionPatch, ConnectionRequest, ConnectionWish
from syncom.connect.model import Connection, ConnectionState
from syncom.errors import NotFound
from syncom.http.native.given import By, Wiring
from syncom.http.native.integration_caller import caller_of
from syncom.http.native.integrations import TAGS, Search, offset_of, offset_page, whole
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_READS = needs(Permission.READ_SETTINGS)
_CHANGES = needs(Permission.MANAGE_SETTINGS)
#: Their answers hold the handle of a page on which an app is connected.
_ASKS = needs(Permission.MANAGE_SETTINGS, replay=False)
#: Where a person is led after connecting.
_BACK = "/integrations/connections"


class AppConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A link to an app, and how it is."""

    connection_id: str
    key: str
    name: str
    app_key: str
    app_name: str
    #: An address, or a `data:` URL; empty: none.
    logo: str
    state: ConnectionState
    #: Whether it works, as far as is known.
    works: bool
    #: Why it does not; empty: nothing is wrong.
    problem: str
    #: A person has to connect it again, or give what is missing.
    needs_person: bool
    created_at: datetime
    updated_at: datetime
    last_active_at: datetime | None
    #: When its access is renewed next.
    refresh_at: datetime | None


class ConnectPage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person connects an app: `url` is good for an hour."""

    request_id: str
    url: str
    expires_at: datetime


class ConnectionTested(msgspec.Struct, frozen=True, kw_only=True):
    """What a test call to the app said."""

    works: bool
    #: Empty when it works.
    problem: str
    connection: AppConnection


class ConnectInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An app to be connected."""

    app_key: str
    #: What the connection is called; the app's name unless given.
    name: str | None = None


class ConnectionNameInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a connection is called."""

    name: str


@get("/integrations/connections", tags=TAGS, opt=_READS)
async def list_app_connections(
    by: By, wiring: Wiring, search: Search = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[AppConnection]:
    """The account's connections, oldest first."""
    limit, offset = whole(limit), offset_of(cursor)
    found = await wiring.connections.list(await caller_of(by, wiring), search=search, limit=limit + 1, offset=offset)
    known: dict[str, tuple[str, str]] = {}
    return offset_page([await _answer(wiring, one, known) for one in found], limit, offset)


@post("/integrations/connections", tags=TAGS, opt=_ASKS)
async def connect_app(by: By, wiring: Wiring, data: JSONBody[ConnectInput]) -> ConnectPage:
    """Ask for the page on which a person connects an app."""
    return await _page(by, wiring, ConnectionWish(connector=data.app_key, name=data.name, allow_multiple=True))


@get("/integrations/connections/{connection_id:str}", tags=TAGS, opt=_READS)
async def get_app_connection(by: By, wiring: Wiring, connection_id: FromPath[str]) -> AppConnection:
    """One connection, and how it is."""
    return await _answer(wiring, await wiring.connections.get(await caller_of(by, wiring), connection_id))


@patch("/integrations/connections/{connection_id:str}", tags=TAGS, opt=_CHANGES)
async def rename_app_connection(
    by: By, wiring: Wiring, connection_id: FromPath[str], data: JSONBody[ConnectionNameInput]
) -> AppConnection:
    """Call it something else."""
    given = ConnectionPatch(name=data.name)
    return await _answer(wiring, await wiring.connections.patch(await caller_of(by, wiring), connection_id, given))


@post("/integrations/connections/{connection_id:str}/test", tags=TAGS, status_code=200, opt=_CHANGES)
async def test_app_connection(by: By, wiring: Wiring, connection_id: FromPath[str]) -> ConnectionTested:
    """Ask the app whether the connection works."""
    caller = await caller_of(by, wiring)
    fault = await wiring.connections.test(caller, connection_id)
    connection = await _answer(wiring, await wiring.connections.get(caller, connection_id))
    return ConnectionTested(works=fault is None, problem="" if fault is None else fault.message, connection=connection)


@post("/integrations/connections/{connection_id:str}/reconnect", tags=TAGS, status_code=200, opt=_ASKS)
async def reconnect_app(by: By, wiring: Wiring, connection_id: FromPath[str]) -> ConnectPage:
    """Ask for the page on which a person connects it again. It stays the same connection."""
    return await _page(by, wiring, ConnectionWish(connection=connection_id))


@delete("/integrations/connections/{connection_id:str}", tags=TAGS, opt=_CHANGES)
async def delete_app_connection(by: By, wiring: Wiring, connection_id: FromPath[str]) -> None:
    """It works no more, and leaves the lists; `restore` brings it back."""
    await wiring.connections.archive(await caller_of(by, wiring), connection_id)


@post("/integrations/connections/{connection_id:str}/restore", tags=TAGS, status_code=200, opt=_CHANGES)
async def restore_app_connection(by: By, wiring: Wiring, connection_id: FromPath[str]) -> AppConnection:
    """Bring back a connection that was deleted, with its credentials."""
    return await _answer(wiring, await wiring.connections.restore(await caller_of(by, wiring), connection_id))


@post("/integrations/connections/{connection_id:str}/disconnect", tags=TAGS, status_code=200, opt=_CHANGES)
async def disconnect_app(by: By, wiring: Wiring, connection_id: FromPath[str]) -> AppConnection:
    """Revoke the access at the app where that can be, and erase the credentials for good."""
    return await _answer(wiring, await wiring.connections.disconnect(await caller_of(by, wiring), connection_id))


async def _page(by: Principal, app: App, wish: ConnectionWish) -> ConnectPage:
    """The page leads back to the application."""
    caller = await caller_of(by, app)
    back = app.settings.base_url.rstrip("/") + _BACK
    request: ConnectionRequest = await app.connections.request(caller, msgspec.structs.replace(wish, redirect_uri=back))
    return ConnectPage(request_id=request.request_id, url=request.url, expires_at=request.expires_at)


async def _answer(app: App, connection: Connection, known: dict[str, tuple[str, str]] | None = None) -> AppConnection:
    """``known``: name and logo of apps that were looked up for the same answer."""
    known = {} if known is None else known
    if connection.connector_id not in known:
        known[connection.connector_id] = await _app_of(app, connection)
    name, logo = known[connection.connector_id]
    return AppConnection(
        connection_id=connection.connection_id,
        key=connection.key,
        name=connection.name,
        app_key=connection.connector_key,
        app_name=name,
        logo=logo,
        state=connection.state,
        works=connection.connected,
        problem=connection.fault.message if connection.fault is not None else "",
        needs_person=connection.client_action is not None,
        created_at=connection.created_at,
        updated_at=connection.updated_at,
        last_active_at=connection.last_active_at,
        refresh_at=connection.refresh_at,
    )


async def _app_of(app: App, connection: Connection) -> tuple[str, str]:
    try:
        connector = await app.catalogue.connector(connection.account_id, connection.connector_id)
    except NotFound:  # it was removed, and its connections stay
        return connection.connector_key, ""
    return connector.name, connector.logo


HANDLERS: list[Any] = [
    list_app_connections,
    connect_app,
    get_app_connection,
    rename_app_connection,
    test_app_connection,
    reconnect_app,
    delete_app_connection,
    restore_app_connection,
    disconnect_app,
]

"""/integrations: apps that can be connected, and what can be done with them (docs/agents.md)."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter

from syncom.accounts.model import Permission
from syncom.app import App
from syncom.connect.connections.model import AuthChoice, ConnectionWish
from syncom.connect.intents.model import MAX_INTENT, Ranked
from syncom.connect.model import Action, Caller, Connector, Effect
from syncom.http.native.given import By, Wiring
from syncom.http.native.integration_caller import caller_of
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, read_cursor
from syncom.http.native.routing import needs

Item = TypeVar("Item")

TAGS: Final = ["Integrations"]
#: Connections of one account that are looked through.
MOST: Final = 1000
_MOST_RANKED: Final = 50
_READS: Final = needs(Permission.READ_SETTINGS)

Search = Annotated[str | None, QueryParameter(max_length=200, description="Words in the name or key.")]
Intent = Annotated[str, QueryParameter(max_length=MAX_INTENT, description="What is to be done, in words.")]


class ConnectableApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app that can be connected."""

    key: str
    name: str
    description: str
    #: An address, or a `data:` URL; empty: none.
    logo: str
    categories: list[str]
    #: This installation itself.
    own: bool
    #: Made within the account, out of an OpenAPI document.
    of_account: bool
    #: Connections with it.
    connections: int


class ConnectableAppDetails(ConnectableApp, frozen=True, kw_only=True):
    """With the ways of connecting it, usable ones first."""

    choices: list[AuthChoice]


class AppAction(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be done with an app."""

    action_id: str
    key: str
    name: str
    description: str
    effect: Effect
    app_key: str


class AppActionDetails(AppAction, frozen=True, kw_only=True):
    """With the JSON Schemas of what goes in and comes out."""

    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


class RankedAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action that answers an intent."""

    action: AppAction
    app_name: str
    #: 0 to 1, comparable within one answer only.
    score: float
    #: Its app is connected.
    connected: bool


class RankedActions(msgspec.Struct, frozen=True, kw_only=True):
    """What answers an intent, best first: of connected apps, then of others."""

    items: list[RankedAction]
    #: Why the answer may be worse than usual; empty: it is not.
    note: str


@get("/integrations/apps", tags=TAGS, opt=_READS)
async def list_apps(
    by: By, wiring: Wiring, search: Search = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[ConnectableApp]:
    """Apps that can be connected: those of the release, and the account's own."""
    limit, offset = whole(limit), offset_of(cursor)
    found = await wiring.catalogue.connectors(by.account_id, search=search, limit=limit + 1, offset=offset)
    counts = await _connected(wiring, await caller_of(by, wiring))
    return offset_page([_app(one, counts.get(one.connector_id, 0)) for one in found], limit, offset)


@get("/integrations/apps/{app_key:str}", tags=TAGS, opt=_READS)
async def get_app(by: By, wiring: Wiring, app_key: FromPath[str]) -> ConnectableAppDetails:
    """One app, and how it is connected."""
    caller = await caller_of(by, wiring)
    connector = await wiring.catalogue.connector(by.account_id, app_key)
    choices = await wiring.connections.options(caller, ConnectionWish(connector=connector.connector_id))
    counts = await _connected(wiring, caller)
    app = _app(connector, counts.get(connector.connector_id, 0))
    return ConnectableAppDetails(**msgspec.structs.asdict(app), choices=list(choices))


@get("/integrations/apps/{app_key:str}/actions", tags=TAGS, opt=_READS)
async def list_app_actions(
    by: By, wiring: Wiring, app_key: FromPath[str], search: Search = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[AppAction]:
    """What can be done with an app."""
    connector = await wiring.catalogue.connector(by.account_id, app_key)
    limit, offset = whole(limit), offset_of(cursor)
    found = await wiring.catalogue.actions(
        by.account_id, connector_id=connector.connector_id, search=search, limit=limit + 1, offset=offset
    )
    return offset_page([action_of(action) for action in found], limit, offset)


@get("/integrations/actions", tags=TAGS, opt=_READS)
async def find_actions(by: By, wiring: Wiring, intent: Intent = "", limit: Limit = 12) -> RankedActions:
    """Actions of all apps that do what the words say, best first. No words: none."""
    if not intent.strip():
        return RankedActions(items=[], note="")
    caller = await caller_of(by, wiring)
    connected = await _connected(wiring, caller)
    ranking = await wiring.intents.find(
        by.account_id,
        intent,
        connected=list(connected),
        restrictions=caller.restrictions,
        limit=min(limit, _MOST_RANKED),
    )
    ranked = [*((one, True) for one in ranking.actions), *((one, False) for one in ranking.others)][:limit]
    names = {one.connector_id: one.name for one in await wiring.catalogue.connectors(by.account_id, limit=MOST)}
    return RankedActions(items=[_ranked(one, names, there) for one, there in ranked], note=ranking.note)


@get("/integrations/actions/{app_action_id:str}", tags=TAGS, opt=_READS)
async def get_action(by: By, wiring: Wiring, app_action_id: FromPath[str]) -> AppActionDetails:
    """One action, with the schemas of its input and output."""
    action = await own_action(wiring, await caller_of(by, wiring), app_action_id)
    return AppActionDetails(
        **msgspec.structs.asdict(action_of(action)),
        input_schema=action.input_schema,
        output_schema=action.output_schema,
    )


async def own_action(app: App, caller: Caller, action_id: str) -> Action:
    """An action by id; one of a connection only for whoever has that connection. Raises NotFound."""
    action = await app.catalogue.action(caller.account_id, action_id)
    if action.connection_id is not None:
        await app.connections.get(caller, action.connection_id)
    return action


def action_of(action: Action) -> AppAction:
    """An action as it is answered."""
    return AppAction(
        action_id=action.action_id,
        key=action.key,
        name=action.name,
        description=action.description,
        effect=action.effect,
        app_key=action.connector_key,
    )


def whole(limit: int) -> int:
    """The length of a page: its services answer 1,000 rows at most, of which one says whether there are more."""
    return min(limit, MOST - 1)


def offset_of(cursor: str | None) -> int:
    """Where a page begins. Raises Invalid."""
    return min(max(read_cursor(cursor, int) or 0, 0), 1_000_000)


def offset_page(found: list[Item], limit: int, offset: int) -> Page[Item]:
    """A page out of up to ``limit + 1`` items from ``offset`` on."""
    more = len(found) > limit
    return Page(items=found[:limit], next_cursor=cursor_for(offset + limit) if more else None)


async def _connected(app: App, caller: Caller) -> dict[str, int]:
    """Connectors that are connected, with how often."""
    counts: dict[str, int] = {}
    for connection in await app.connections.list(caller, limit=MOST):
        counts[connection.connector_id] = counts.get(connection.connector_id, 0) + 1
    return counts


def _app(connector: Connector, connections: int) -> ConnectableApp:
    return ConnectableApp(
        key=connector.key,
        name=connector.name,
        description=connector.description,
        logo=connector.logo,
        categories=list(connector.categories),
        own=connector.own,
        of_account=connector.account_id is not None,
        connections=connections,
    )


def _ranked(ranked: Ranked, names: dict[str, str], connected: bool) -> RankedAction:
    action = ranked.action
    return RankedAction(
        action=action_of(action),
        app_name=names.get(action.connector_id, action.connector_key),
        score=ranked.score,
        connected=connected,
    )


HANDLERS: list[Any] = [list_apps, get_app, list_app_actions, find_actions, get_action]

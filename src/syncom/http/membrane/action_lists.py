"""Lists of actions, by filters or by intent (membrane-api, 6.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from syncom.connect.intents.model import Ranked
from syncom.connect.model import Action, Caller, CallerKind, Connection, Connector, Restrictions
from syncom.errors import NotFound
from syncom.http.membrane.answers import ActionAnswer
from syncom.http.membrane.method import PAGING, Call, Listed, Page, Parameter, listed
from syncom.http.membrane.targets import (
    CONNECTION_FILTERS,
    CONNECTOR_FILTERS,
    TENANT,
    Names,
    acting,
    connector_named,
    may_run,
)
from syncom.http.membrane.views import Views

#: Characters of an intent.
MAX_INTENT: Final = 200
#: Actions that are looked through when a token may use some of them only.
_MOST: Final = 10_000
_MOST_CONNECTIONS: Final = 1000

FILTERS: Final = (
    *PAGING,
    *CONNECTION_FILTERS,
    *CONNECTOR_FILTERS,
    Parameter(name="intent", text="What is to be done, in words: the best first, with a score; 10 unless limited."),
    Parameter(name="search", text="Words in the name or key."),
    Parameter(name="layer", text="integration or connection."),
    Parameter(name="includeArchived", type="boolean", text="Archived ones too."),
    *TENANT,
)


async def list_actions(
    call: Call[Any], *, connection: Connection | None = None, connector: Connector | None = None
) -> Listed[ActionAnswer]:
    """``connection``, ``connector``: where the path says so; otherwise the query does."""
    by = call.by
    if connection is None and connector is None:
        names = Names.of_query(call.query)
        by = await acting(call)
        try:
            connection, connector = await _scope(call, by, names)
        except NotFound:
            if names.connection:
                raise
            return Listed([])
    intent = call.query.text("intent", longest=MAX_INTENT)
    if intent is not None:
        return await _by_intent(call, by, intent, connection, connector)
    page = call.query.page()
    rows = await _rows(call, by, connection, connector, page)
    views, answer = Views(call, by), listed(rows, page)
    return Listed([await views.action(action) for action in answer.items], answer.cursor)


async def _scope(call: Call[Any], by: Caller, names: Names) -> tuple[Connection | None, Connector | None]:
    if names.connection:
        return await call.app.connections.get(by, names.connection), None
    return None, await connector_named(call, names)


# ---------------------------------------------------------------- by filters


async def _rows(
    call: Call[Any], by: Caller, connection: Connection | None, connector: Connector | None, page: Page
) -> list[Action]:
    """One more than the page."""
    layer = call.query.text("layer", longest=50)
    if layer == "universal" or call.query.flag("isUniversal") or _of_a_parent(call):
        return []
    connector_id = connection.connector_id if connection is not None else connector and connector.connector_id
    whole = by.restrictions == Restrictions() and layer is None
    rows = await call.app.catalogue.actions(
        call.account_id,
        connector_id=connector_id,
        connection_id=None if connection is None else connection.connection_id,
        search=call.query.text("search", longest=200),
        include_archived=call.query.flag("includeArchived"),
        limit=page.limit + 1 if whole else _MOST,
        offset=page.offset if whole else 0,
    )
    if whole:
        return rows
    usable = await _usable(call, by)
    fitting = [
        action
        for action in rows
        if may_run(by, action)
        and (usable is None or action.connector_id in usable)
        and (layer is None or (layer == "connection") is (action.connection_id is not None))
    ]
    return fitting[page.offset : page.offset + page.limit + 1]


def _of_a_parent(call: Call[Any]) -> bool:
    """Nothing here descends from a universal action, nor has instances of its own key."""
    return any(call.query.has(name) for name in ("parentId", "universalParentId", "parentKey"))


async def _usable(call: Call[Any], by: Caller) -> frozenset[str] | None:
    """Connectors of the connections that a token is limited to; None: no limit."""
    if by.restrictions.connections is None or by.kind is not CallerKind.TENANT:
        return None
    found = await call.app.connections.list(by, limit=_MOST_CONNECTIONS)
    return frozenset(connection.connector_id for connection in found)


# ---------------------------------------------------------------- by intent


async def _by_intent(
    call: Call[Any], by: Caller, intent: str, connection: Connection | None, connector: Connector | None
) -> Listed[ActionAnswer]:
    """Ranked within the connection or the connector; without either, connected apps first, then the others."""
    limit = call.query.number("limit", default=10, least=1, most=1000)
    views = Views(call, by)
    ranked, note = await ranked_actions(call, by, intent, connection, connector, limit=limit)
    return Listed([await views.action(action, score=score) for action, score in ranked], note=note)


async def ranked_actions(
    call: Call[Any],
    by: Caller,
    intent: str,
    connection: Connection | None,
    connector: Connector | None,
    *,
    limit: int,
) -> tuple[list[Ranked], str]:
    """And a note when they may be ranked worse than usual."""
    if connection is not None or connector is not None:
        ranking = await call.app.intents.rank(
            call.account_id,
            intent,
            connector_ids=None if connector is None else [connector.connector_id],
            connection_id=None if connection is None else connection.connection_id,
            restrictions=by.restrictions,
            limit=limit,
        )
        return list(ranking.actions), ranking.note
    connected: Sequence[Connection] = ()
    if by.kind is CallerKind.TENANT:
        connected = await call.app.connections.list(by, limit=_MOST_CONNECTIONS)
    ranking = await call.app.intents.find(
        call.account_id,
        intent,
        connected=[known.connector_id for known in connected],
        restrictions=by.restrictions,
        limit=limit,
    )
    others = () if by.restrictions.connections is not None else ranking.others
    return [*ranking.actions, *others][:limit], ranking.note

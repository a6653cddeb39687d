"""Search by name over everything a caller has (membrane-api, 5.6 and 6.1)."""

from __future__ import annotations

from typing import Final

from syncom.connect.intents.model import Element, ElementType
from syncom.connect.model import CallerKind
from syncom.errors import Invalid, NotFound
from syncom.http.membrane.answers import Found, external_app_answer
from syncom.http.membrane.method import Call, Listed, Method, Page, Parameter, Who, listed
from syncom.http.membrane.views import Views

#: The vendor's kinds of elements; those that are not here have nothing to be found.
_KINDS: Final = frozenset(
    {
        *("app", "external-app", "connector", "integration", "connection", "customer", "connected-product", "screen"),
        *("action", "action-instance", "package", "flow", "flow-instance", "flow-run"),
        *("field-mapping", "field-mapping-instance", "data-source", "data-source-instance"),
        *("data-link-table", "data-link-table-instance", "app-data-schema", "app-data-schema-instance"),
        *("app-event-type", "app-event-subscription", "app-event-log-record", "external-event-subscription"),
        *("external-event-log-record", "external-event-pull", "action-run-log-record", "external-api-log-record"),
        "incoming-webhook-log-record",
    }
)
_SEARCHED: Final = {
    "connector": ElementType.CONNECTOR,
    "integration": ElementType.CONNECTOR,
    "app": ElementType.CONNECTOR,
    "external-app": ElementType.CONNECTOR,
    "action": ElementType.ACTION,
    "connection": ElementType.CONNECTION,
}
_QUERY: Final = (
    Parameter(name="q", text="What is looked for, 1 to 200 characters.", required=True),
    Parameter(name="elementType", text="connector, integration, action, connection or app; any unless given."),
    Parameter(name="limit", type="integer", text="1 to 100; 20 unless given."),
    Parameter(name="cursor", text="`cursor` of the page before."),
)


async def search(call: Call[None]) -> Listed[Found]:
    kind, page = _kind(call), call.query.page(default=20, most=100)
    query = call.query.required("q", longest=200)
    if kind is not None and kind not in _SEARCHED:
        return Listed([])
    found = await _elements(call, query, kind, page)
    answer = listed(found, page)
    views = Views(call)
    shown = [await _found(call, views, element, kind) for element in answer.items]
    return Listed([item for item in shown if item is not None], answer.cursor)


async def semantic_search(call: Call[None]) -> list[Found]:
    """The same, answered as a bare array."""
    return (await search(call)).items


def _kind(call: Call[None]) -> str | None:
    """Early clients wrote kinds with capitals: 'Connector', 'FieldMapping'."""
    given = call.query.text("elementType", longest=100)
    if given is None:
        return None
    kind = given.lower().replace("_", "-")
    if kind not in _KINDS:
        squeezed = {known.replace("-", ""): known for known in _KINDS}
        if kind.replace("-", "") not in squeezed:
            raise Invalid("elementType", "must be connector, integration, action, connection or app")
        kind = squeezed[kind.replace("-", "")]
    return kind


async def _elements(call: Call[None], query: str, kind: str | None, page: Page) -> list[Element]:
    """One more than the page. Only a tenant has connections."""
    if kind == "connection" and call.by.kind is not CallerKind.TENANT:
        return []
    return await call.app.intents.search_elements(
        call.account_id,
        query,
        element_type=None if kind is None else _SEARCHED[kind],
        tenant_id=call.by.tenant_id,
        restrictions=call.by.restrictions,
        limit=page.limit + 1,
        offset=page.offset,
    )


async def _found(call: Call[None], views: Views, element: Element, kind: str | None) -> Found | None:
    """None when it went while it was being read."""
    try:
        if element.type is ElementType.CONNECTION:
            connection = await call.app.connections.get(call.by, element.element_id)
            return Found(element_type="connection", element=await views.connection(connection))
        if element.type is ElementType.ACTION:
            action = await call.app.catalogue.action(call.account_id, element.element_id)
            return Found(element_type="action", element=await views.action(action))
        connector = await call.app.catalogue.connector(call.account_id, element.element_id)
    except NotFound:
        return None
    views.know([connector])
    if kind == "integration":
        return Found(element_type=kind, element=await views.integration_answer(connector))
    if kind in ("app", "external-app"):
        return Found(element_type="app", element=external_app_answer(connector))
    return Found(element_type="connector", element=views.connector_answer(connector))


METHODS: Final[tuple[Method, ...]] = (
    Method("GET", "/search", search, who=Who.WORKSPACE, summary="Find by name", query=_QUERY, answer=Listed[Found]),
    Method(
        "GET",
        "/semantic-search",
        semantic_search,
        who=Who.WORKSPACE,
        summary="The same as a bare array",
        query=_QUERY,
        answer=list[Found],
    ),
)

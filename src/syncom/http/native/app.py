"""The native API below ``/syncom/v1``: one file a resource, listed here."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from litestar import Litestar, Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from procrastinate import App as JobRunner

import syncom
from syncom.app import App
from syncom.http.authentication import Authentication
from syncom.http.faults import faults
from syncom.http.native import (
    account,
    activity,
    agent_tokens,
    api_keys,
    attribution,
    blocks,
    bounces,
    bulk_actions,
    campaigns,
    carts,
    categories,
    consents,
    contact_duplicates,
    contact_table,
    contacts,
    domains,
    event_replays,
    events,
    exports,
    fields,
    forms,
    home,
    images,
    imports,
    inbox,
    integration_connections,
    integration_runs,
    integrations,
    journeys,
    lists,
    live,
    messages,
    orders,
    policy,
    privacy,
    product_feeds,
    products,
    pulls,
    recommendations,
    reports,
    rfm,
    segments,
    sender_groups,
    senders,
    session,
    sessions,
    simulations,
    sites,
    suppressions,
    template_drafts,
    templates,
    texts,
    two_factor,
    users,
    webhooks,
    workflow_drafts,
    workflow_recipes,
    workflows,
)
from syncom.http.native.edits import Edits
from syncom.http.native.given import given
from syncom.http.native.idempotency import Idempotency
from syncom.http.native.routing import Authorise, permission_of, public
from syncom.http.problems import REFUSED_BODY, Malformed, WrongField, handle_problem

PREFIX = "/syncom/v1"
#: A request's body, unless its route takes a file.
MAX_BODY = 1_000_000

_RESOURCES: list[Any] = [
    *account.HANDLERS,
    *users.HANDLERS,
    *api_keys.HANDLERS,
    *session.HANDLERS,
    *sessions.HANDLERS,
    *two_factor.HANDLERS,
    *live.HANDLERS,
    *home.HANDLERS,
    *contacts.HANDLERS,
    *contact_duplicates.HANDLERS,
    *contact_table.HANDLERS,
    *bulk_actions.HANDLERS,
    *fields.HANDLERS,
    *categories.HANDLERS,
    *consents.HANDLERS,
    *forms.HANDLERS,
    *lists.HANDLERS,
    *suppressions.HANDLERS,
    *segments.HANDLERS,
    *rfm.HANDLERS,
    *events.HANDLERS,
    *event_replays.HANDLERS,
    *orders.HANDLERS,
    *privacy.HANDLERS,
    *products.HANDLERS,
    *product_feeds.HANDLERS,
    *attribution.HANDLERS,
    *carts.HANDLERS,
    *recommendations.HANDLERS,
    *imports.HANDLERS,
    *exports.HANDLERS,
    *templates.HANDLERS,
    *template_drafts.HANDLERS,
    *blocks.HANDLERS,
    *images.HANDLERS,
    *senders.HANDLERS,
    *policy.HANDLERS,
    *sender_groups.HANDLERS,
    *domains.HANDLERS,
    *campaigns.HANDLERS,
    *workflows.HANDLERS,
    *journeys.HANDLERS,
    *simulations.HANDLERS,
    *workflow_drafts.HANDLERS,
    *workflow_recipes.HANDLERS,
    *sites.HANDLERS,
    *messages.HANDLERS,
    *texts.HANDLERS,
    *activity.HANDLERS,
    *reports.HANDLERS,
    *inbox.HANDLERS,
    *webhooks.HANDLERS,
    *bounces.HANDLERS,
    *pulls.HANDLERS,
    *integrations.HANDLERS,
    *integration_connections.HANDLERS,
    *integration_runs.HANDLERS,
    *agent_tokens.HANDLERS,
]


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON may be nested beyond what can be read."""

    async def json(self) -> Any:
        """The body. Raises Malformed where Litestar would fail."""
        try:
            body = await super().json()
            cast("dict[str, Any]", self.scope)[REFUSED_BODY] = partial(_faults_of, body, self.route_handler)
            return body
        except RecursionError:
            raise Malformed("the body is nested too deeply to be read") from None


def _faults_of(body: Any, handler: HTTPRouteHandler) -> list[WrongField]:
    data = handler.parsed_fn_signature.parameters.get("data")
    return faults(body, data.annotation) if data is not None else []


def native_api(app: App, authentication: Authentication, jobs: JobRunner) -> Litestar:
    """The ASGI application. Raises TypeError when a route does not declare what it needs."""
    api = Litestar(
        path=PREFIX,
        route_handlers=_RESOURCES,
        request_class=JsonRequest,
        middleware=[
            DefineMiddleware(Authorise, authentication=authentication),
            DefineMiddleware(Edits, authentication=authentication, database=app.database),
            DefineMiddleware(Idempotency, authentication=authentication, database=app.database, max_body=MAX_BODY),
        ],
        dependencies=given(app, authentication, jobs),
        exception_handlers={Exception: handle_problem},
        request_max_body_size=MAX_BODY,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Syncom",
            version=syncom.__version__,
            description=_DESCRIPTION,
            openapi_router=Router("/openapi", route_handlers=[], include_in_schema=False, opt=public()),
            # The default plugins draw the page with scripts of a content network.
            render_plugins=[JsonRenderPlugin()],
            use_handler_docstrings=True,
        ),
    )
    for route in api.routes:
        for handler in getattr(route, "route_handlers", []):
            _check_declared(handler)
    return api


_DESCRIPTION = (
    "Send an API key with every request: `Authorization: Bearer sk_...`. "
    "Lists come in pages: pass `next_cursor` as `cursor` to get the next one. "
    "A POST with an `Idempotency-Key` may be sent again without doing its work twice. "
    "Errors are problem+json (RFC 9457) and name the wrong fields."
)


def _check_declared(handler: Any) -> None:
    if not isinstance(handler, HTTPRouteHandler) or not handler.resolve_include_in_schema():
        return
    if handler.http_methods == {"OPTIONS"}:
        return
    try:
        permission_of(handler.opt)
    except KeyError:
        raise TypeError(f"the route {handler} declares no permission: opt=needs(...)") from None

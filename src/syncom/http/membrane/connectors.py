"""Connectors, and how one connects with them (membrane-api, 5.2 and 9.1); external apps, the same things here."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from syncom.connect.catalogue.model import ConnectorSettings
from syncom.connect.connections.model import ConnectionWish
from syncom.errors import Invalid, NotFound
from syncom.http.headers import header
from syncom.http.membrane.answers import (
    AuthOptionAnswer,
    ConnectorAdded,
    ConnectorAnswer,
    ExternalAppAnswer,
    external_app_answer,
)
from syncom.http.membrane.bodies import OptionsBody, Values
from syncom.http.membrane.method import PAGING, Call, Listed, Method, Parameter, Who, listed
from syncom.http.membrane.targets import acting, connector_of_integration
from syncom.http.membrane.unable import Unable
from syncom.http.membrane.views import Views

_SEARCH: Final = Parameter(name="search", text="Words in the name or key.")
#: Bytes of an OpenAPI document.
_MAX_DOCUMENT: Final = 20 * 1024 * 1024


class ConnectorBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A connector to be made of an OpenAPI document."""

    #: The document, as an object or as text in JSON or YAML.
    document: Values | str
    #: An OpenAPI Overlay that changes it.
    overlay: Values | str | None = None
    #: What connector.yaml would say: key, name, auth, pagination …
    settings: Values = {}


# ---------------------------------------------------------------- catalogue


async def list_connectors(call: Call[None]) -> Listed[ConnectorAnswer]:
    page = call.query.page()
    found = await call.app.catalogue.connectors(
        call.account_id, search=call.query.text("search", longest=200), limit=page.limit + 1, offset=page.offset
    )
    views, answer = Views(call), listed(found, page)
    return Listed([views.connector_answer(connector) for connector in answer.items], answer.cursor)


async def get_connector(call: Call[None]) -> ConnectorAnswer:
    connector = await call.app.catalogue.connector(call.account_id, call.path["selector"])
    return Views(call).connector_answer(connector)


async def add_connector(call: Call[None]) -> ConnectorAdded:
    """The body is an OpenAPI document itself (JSON or YAML), or ``{document, overlay?, settings?}``."""
    if not call.raw.strip():
        raise Invalid("body", "is missing: send an OpenAPI document, or {document, overlay?, settings?}")
    document, overlay, settings = _document_of(call)
    imported = await call.app.catalogue.bring_in(call.account_id, document=document, settings=settings, overlay=overlay)
    answer = Views(call).connector_answer(imported.connector, operations=imported.actions)
    return ConnectorAdded(connector=answer, id=answer.id, key=answer.key, name=answer.name, notes=list(imported.notes))


def _document_of(call: Call[None]) -> tuple[bytes, bytes | None, ConnectorSettings | None]:
    media = header(call.scope, b"content-type").partition(";")[0].strip().lower()
    if media and not media.endswith("json"):
        return call.raw, None, None
    try:
        value: Any = msgspec.json.decode(call.raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return call.raw, None, None
    if not isinstance(value, dict) or "openapi" in value or "swagger" in value:
        return call.raw, None, None
    if "document" not in value:
        raise Unable(
            "a connector is made of an OpenAPI document here: send the document, or {document, overlay?, settings?}"
        )
    body = msgspec.convert(value, ConnectorBody)
    settings = msgspec.convert(body.settings, ConnectorSettings) if body.settings else None
    return _bytes(body.document), None if body.overlay is None else _bytes(body.overlay), settings


def _bytes(given: Values | str) -> bytes:
    return given.encode() if isinstance(given, str) else msgspec.json.encode(given)


async def remove_connector(call: Call[None]) -> ConnectorAnswer:
    """Its connections stay, and work no more."""
    connector = await call.app.catalogue.connector(call.account_id, call.path["selector"])
    await call.app.catalogue.remove(call.account_id, connector.connector_id)
    return Views(call).connector_answer(connector)


# ---------------------------------------------------------------- ways of connecting


async def generate_options(call: Call[OptionsBody]) -> list[AuthOptionAnswer]:
    return await _options(call, ConnectionWish(connector=call.path["selector"]))


async def connection_options(call: Call[OptionsBody]) -> list[AuthOptionAnswer]:
    """The ways of connecting with what the members name. A browser asks before it opens a window."""
    body = call.body
    selector = body.connection_id or body.connection_key
    if body.names().names_connector or selector is None:
        return await _options(call, body.wish())
    connection = await call.app.connections.get(await acting(call), selector)
    return await _options(call, ConnectionWish(connector=connection.connector_id))


async def _options(call: Call[Any], wish: ConnectionWish) -> list[AuthOptionAnswer]:
    views = Views(call)
    return [views.choice(choice) for choice in await call.app.connections.options(call.by, wish)]


# ---------------------------------------------------------------- apps


async def list_external_apps(call: Call[None]) -> Listed[ExternalAppAnswer]:
    page = call.query.page()
    found = await call.app.catalogue.connectors(
        call.account_id, search=call.query.text("search", longest=200), limit=page.limit + 1, offset=page.offset
    )
    answer = listed(found, page)
    return Listed([external_app_answer(connector) for connector in answer.items], answer.cursor)


async def get_external_app(call: Call[None]) -> ExternalAppAnswer:
    selector = call.path["selector"]
    try:
        return external_app_answer(await connector_of_integration(call, selector))
    except NotFound:
        raise NotFound("external app", selector) from None


METHODS: Final[tuple[Method, ...]] = (
    Method(
        "GET",
        "/connectors",
        list_connectors,
        who=Who.ANYONE,
        summary="Connectors that the account has",
        query=(*PAGING, _SEARCH),
        answer=Listed[ConnectorAnswer],
    ),
    Method(
        "GET",
        "/connectors/{selector}",
        get_connector,
        who=Who.ANYONE,
        summary="One connector, by id or key",
        answer=ConnectorAnswer,
    ),
    Method(
        "POST",
        "/connectors",
        add_connector,
        who=Who.MANAGER,
        max_body=_MAX_DOCUMENT,
        summary="Make a connector of an OpenAPI document",
        answer=ConnectorAdded,
    ),
    Method(
        "DELETE",
        "/connectors/{selector}",
        remove_connector,
        who=Who.MANAGER,
        summary="Delete a connector of the account's own",
        answer=ConnectorAnswer,
    ),
    Method(
        "POST",
        "/connectors/{selector}/generate-options",
        generate_options,
        who=Who.WORKSPACE,
        writes=False,
        body=OptionsBody,
        summary="The ways of connecting with it",
        answer=list[AuthOptionAnswer],
    ),
    Method(
        "POST",
        "/connection-options",
        connection_options,
        who=Who.WORKSPACE,
        writes=False,
        body=OptionsBody,
        summary="The ways of connecting with a connector, an integration, or a connection's app",
        answer=list[AuthOptionAnswer],
    ),
    Method(
        "GET",
        "/external-apps",
        list_external_apps,
        who=Who.ANYONE,
        summary="Apps that can be connected",
        query=(*PAGING, _SEARCH),
        answer=Listed[ExternalAppAnswer],
    ),
    Method(
        "GET",
        "/external-apps/{selector}",
        get_external_app,
        who=Who.ANYONE,
        summary="One app",
        answer=ExternalAppAnswer,
    ),
)

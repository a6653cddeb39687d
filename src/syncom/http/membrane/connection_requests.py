"""Asking a person to connect an app (membrane-api, 5.7 and 6.5)."""

from __future__ import annotations

from typing import Final

from syncom.errors import Invalid
from syncom.http.membrane.answers import ConnectionRequestAnswer
from syncom.http.membrane.bodies import RequestBody
from syncom.http.membrane.method import Call, Method, Who
from syncom.http.membrane.targets import TENANT, acting
from syncom.http.membrane.views import Views


async def create_request(call: Call[RequestBody]) -> ConnectionRequestAnswer:
    by = await acting(call)
    body = call.body
    if body.connection_id is None and not body.names().names_connector:
        raise Invalid("connectorId", "is required, or one of connectorKey, integrationId, integrationKey, connectionId")
    return await Views(call, by).request(await call.app.connections.request(by, body.wish()))


async def get_request(call: Call[None]) -> ConnectionRequestAnswer:
    by = await acting(call)
    return await Views(call, by).request(await call.app.connections.get_request(by, call.path["request_id"]))


METHODS: Final[tuple[Method, ...]] = (
    Method(
        "POST",
        "/connection-requests",
        create_request,
        who=Who.WORKSPACE,
        body=RequestBody,
        summary="Ask a person to connect an app, on the page at `url`",
        query=TENANT,
        answer=ConnectionRequestAnswer,
    ),
    Method(
        "GET",
        "/connection-requests/{request_id}",
        get_request,
        who=Who.WORKSPACE,
        summary="How far the person is: `pending`, `success`, `cancelled` or `error`",
        query=TENANT,
        answer=ConnectionRequestAnswer,
    ),
)

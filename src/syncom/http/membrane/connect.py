"""Connecting by one call (membrane-api, 6.6), in JSON. A browser's form to the same path is the hosted pages'."""

from __future__ import annotations

from typing import Final

from syncom.errors import Invalid
from syncom.http.membrane.answers import ConnectionAnswer
from syncom.http.membrane.bodies import ConnectBody
from syncom.http.membrane.connections import connected_by_words
from syncom.http.membrane.method import Call, Method, Who
from syncom.http.membrane.targets import TENANT, acting
from syncom.http.membrane.views import Views


async def connect(call: Call[ConnectBody]) -> ConnectionAnswer:
    """Starts connecting, or connects again; answers the connection with the link for the person.

    A connection that waits for a person already is answered instead of a second one, unless the body says otherwise.
    """
    by = await acting(call)
    body = call.body
    if body.connection_id is None and not body.names().names_connector:
        if not body.intent:
            raise Invalid("connectorId", "is required, or one of connectorKey, integrationId, connectionId, intent")
        return await connected_by_words(call, by, body.intent, body.new_connection())
    return await Views(call, by).connection(await call.app.connections.connect(by, body.full_wish()))


METHODS: Final[tuple[Method, ...]] = (
    Method(
        "POST",
        "/connect",
        connect,
        who=Who.WORKSPACE,
        body=ConnectBody,
        summary="Start connecting an app, or connect one again (`connectionId`)",
        query=TENANT,
        answer=ConnectionAnswer,
    ),
)

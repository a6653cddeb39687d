"""One entry point for every run (membrane-api, 6.7): an action by id or key, or a request as it is."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from syncom.connect.model import Caller, Connection
from syncom.errors import Invalid
from syncom.http.headers import header
from syncom.http.membrane.actions import DRY_RUN, run
from syncom.http.membrane.answers import RunAnswer, run_answer
from syncom.http.membrane.bodies import Selector, Values
from syncom.http.membrane.method import Call, Method, Who
from syncom.http.membrane.targets import (
    TENANT,
    Names,
    acting,
    action_named,
    connection_for,
    connection_named,
    default_connection,
)
from syncom.http.membrane.unable import Unable

_Path = Annotated[str, msgspec.Meta(max_length=8000)]


class ApiCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to the app."""

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    path: _Path | None = None
    body: Any = None
    headers: Values | None = None
    query: Values | None = None
    #: Other names of ``path`` and ``body``.
    url: _Path | None = None
    data: Any = None


class ActBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Exactly one of ``id``, ``key``, ``api`` and ``code``. This body alone refuses members it does not know."""

    id: Selector | None = None
    key: Selector | None = None
    api: ApiCall | None = None
    code: str | None = None
    connection_id: Selector | None = None
    connection_key: Selector | None = None
    integration_id: Selector | None = None
    integration_key: Selector | None = None
    input: Any = None
    meta: Values | None = None

    def names(self) -> Names:
        return Names(
            connection=self.connection_id or self.connection_key,
            integration=self.integration_id or self.integration_key,
        )


async def act(call: Call[ActBody]) -> RunAnswer:
    body = call.body
    given = [name for name in ("id", "key", "api", "code") if getattr(body, name) is not None]
    if len(given) != 1:
        raise Invalid("body", "must have exactly one of id, key, api and code")
    if body.code is not None:
        raise Unable("code dispatch is disabled", key="code_disabled")
    by = await acting(call)
    connection = await connection_named(call, by, body.names())
    if body.api is not None:
        connection = connection or await default_connection(call, by)
        return await _request(call, by, connection, body.api)
    return await _action(call, by, connection)


async def _action(call: Call[ActBody], by: Caller, connection: Connection | None) -> RunAnswer:
    """A key alone is looked for among the tenant's connections; an id says which app it is of."""
    body = call.body
    action = await action_named(call, by, body.id or body.key or "", connection=connection)
    if connection is None or connection.connector_id != action.connector_id:
        connection = await connection_for(call, by, action, body.names())
    return await run(call, by, connection, action, body.input, meta=body.meta)


async def _request(call: Call[ActBody], by: Caller, connection: Connection, api: ApiCall) -> RunAnswer:
    path = api.path if api.path is not None else api.url
    if path is None:
        raise Invalid("api.path", "is required")
    result = await call.app.runs.request(
        by,
        connection,
        method=api.method,
        path=path,
        query=api.query,
        headers=api.headers,
        body=api.data if api.body is None else api.body,
        meta=call.body.meta,
        dry_run=call.query.flag("dryRun"),
        idempotency_key=header(call.scope, b"idempotency-key") or None,
    )
    return run_answer(result)


METHODS: Final[tuple[Method, ...]] = (
    Method(
        "POST",
        "/act",
        act,
        who=Who.WORKSPACE,
        writes=False,
        body=ActBody,
        summary="Run an action by id or key, or send a request as it is",
        query=(DRY_RUN, *TENANT),
        answer=RunAnswer,
    ),
)

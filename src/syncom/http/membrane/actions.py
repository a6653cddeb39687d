"""Actions (membrane-api, 5.4 and 6.7): what can be done with a connection.

An action belongs to a connector that came with the release (nobody changes it), to a connector within the account (a
manager does), or to one connection (whoever has that connection does).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeVar

import msgspec

from syncom.connect.catalogue.model import ActionChange, NewAction
from syncom.connect.model import Action, Caller, Connection, Connector, Schema
from syncom.errors import Invalid
from syncom.http.headers import header
from syncom.http.membrane.action_lists import FILTERS, MAX_INTENT, list_actions, ranked_actions
from syncom.http.membrane.answers import API_REQUEST, ActionAnswer, ActionExport, RunAnswer, action_config, run_answer
from syncom.http.membrane.bodies import ConnectorTarget, Key, Name, RunBody, Selector, Values, Words
from syncom.http.membrane.method import Call, Listed, Method, Parameter, Who
from syncom.http.membrane.targets import (
    CONNECTION_FILTERS,
    CONNECTOR_FILTERS,
    TENANT,
    Names,
    acting,
    action_named,
    connection_for,
    connection_named,
    connector_named,
)
from syncom.http.membrane.unable import Unable
from syncom.http.membrane.views import Views

Value = TypeVar("Value")

#: Kinds of the vendor's actions that are one HTTP request, as all are here.
_REQUESTS: Final = frozenset({API_REQUEST, "api-request", "http-request"})
#: Words that say nothing about what is to be done.
_ARTICLES: Final = frozenset({"a", "an", "the", "my", "please"})
_SUGGESTED: Final = 5
_ONE: Final = "/actions/{selector}"


class ActionFields(ConnectorTarget, frozen=True, kw_only=True, rename="camel"):
    """An action to be made, or what to change of one. What is left out stays."""

    connection_id: Selector | None = None
    connection_key: Selector | None = None
    key: Key | None = None
    name: Name | None = None
    description: Words | None = None
    type: str | None = None
    #: ``{request: {method, path, query?, headers?, body?}}``; values may be formulas.
    config: Values | None = None
    input_schema: Schema | None = None
    output_schema: Schema | None = None
    custom_output_schema: Schema | None = None
    #: A formula over ``$.steps.request``: what comes out.
    output_mapping: Any = None
    #: In place of all else: what the action is to do, in words.
    intent: Annotated[str, msgspec.Meta(max_length=MAX_INTENT)] | None = None

    @property
    def selector(self) -> str | None:
        return self.connection_id or self.connection_key

    def full_config(self) -> Values | None:
        if self.config is None or self.output_mapping is None:
            return self.config
        return {**self.config, "output": self.output_mapping}

    def change(self) -> ActionChange:
        """The members that were given."""
        return ActionChange(
            key=_given(self.key),
            name=_given(self.name),
            description=_given(self.description),
            config=_given(self.full_config()),
            input_schema=_given(self.input_schema),
            output_schema=_given(self.output_schema or self.custom_output_schema),
        )


def _given(value: Value | None) -> Value | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


# ---------------------------------------------------------------- reading


async def find_actions(call: Call[None]) -> Listed[ActionAnswer]:
    return await list_actions(call)


async def get_action(call: Call[None]) -> ActionAnswer:
    """Actions are never being built here, so ``wait`` has nothing to wait for."""
    by, action = await _chosen(call)
    return await Views(call, by).action(action)


async def _chosen(call: Call[Any]) -> tuple[Caller, Action]:
    """The action that path and query name, and for whom."""
    names = Names.of_query(call.query)
    by = await acting(call)
    connection = await call.app.connections.get(by, names.connection) if names.connection else None
    connector = None if connection is not None else await connector_named(call, names)
    selector = call.path.get("selector") or call.query.text("id") or call.query.text("key")
    if selector is None:
        raise Invalid("key", "is required, or id")
    return by, await action_named(call, by, selector, connector=connector, connection=connection)


async def action_dependencies(call: Call[None]) -> list[Any]:
    """Field mappings and data sources that it uses: there are none here."""
    await _chosen(call)
    return []


async def export_action(call: Call[None]) -> ActionExport:
    """What it takes to make it elsewhere: POST it to /actions."""
    by, action = await _chosen(call)
    link = await Views(call, by).link(action.connector_id, action.connector_key)
    return ActionExport(
        key=action.key,
        name=action.name,
        description=action.description or None,
        type=API_REQUEST,
        config=action_config(action),
        input_schema=action.input_schema,
        output_schema=action.output_schema,
        integration_key=link.key,
        is_customized=action.account_id is not None,
    )


# ---------------------------------------------------------------- making


async def create_action(call: Call[ActionFields]) -> ActionAnswer:
    by, connection, connector = await _place(call, call.body)
    if call.body.intent is not None and call.body.config is None:
        return await _by_intent(call, by, call.body.intent, connection, connector)
    return await make_action(call, by, call.body, connection, connector)


async def _place(call: Call[ActionFields], body: ActionFields) -> tuple[Caller, Connection | None, Connector | None]:
    """Where a new action goes: into a connection, or into a connector within the account, which only managers do."""
    names = Names.of_query(call.query)
    selector = body.selector or names.connection
    if selector is not None:
        by = await acting(call)
        return by, await call.app.connections.get(by, selector), None
    target = body.names()
    connector = await connector_named(call, target if target.names_connector else names)
    if connector is None:
        raise Unable(
            "actions of no connector at all are not kept here: name a connection (connectionId, connectionKey) or an "
            "integration (integrationId, integrationKey)"
        )
    call.by.require_manager()
    return call.by, None, connector


async def _by_intent(
    call: Call[Any], by: Caller, intent: str, connection: Connection | None, connector: Connector | None
) -> ActionAnswer:
    """The action that is there already, when one fits beyond doubt; there is no agent that would build another."""
    ranked, _ = await ranked_actions(call, by, intent, connection, connector, limit=_SUGGESTED)
    views = Views(call, by)
    for action, score in ranked:
        if _says_the_same(action, intent):
            return await views.action(action, score=score)
    close = [{"id": action.action_id, "key": action.key, "name": action.name} for action, _ in ranked]
    raise Unable(
        "no action clearly does this, and this server has no agent that builds one: choose one of data.suggestions, or "
        "send the action itself (key, name, config.request, inputSchema)",
        key="no_building_agent",
        data={"state": "CONFIGURATION_ERROR", "suggestions": close},
    )


def _says_the_same(action: Action, intent: str) -> bool:
    """Whether the intent is the action's name, its key or one of its example intents, in the same words.

    Scores only compare actions with each other: the best of a few may still be something else.
    """
    wanted = _words(intent)
    return bool(wanted) and any(_words(text) == wanted for text in (action.name, action.key, *action.intents))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.casefold())) - _ARTICLES


async def make_action(
    call: Call[Any], by: Caller, fields: ActionFields, connection: Connection | None, connector: Connector | None
) -> ActionAnswer:
    """By its specification. Raises Invalid, Unable, Conflict when the key is taken."""
    require_request(fields)
    config = fields.full_config()
    if config is None:
        raise Invalid("config", "is required: {request: {method, path, query?, headers?, body?}}")
    if fields.name is None and fields.key is None:
        raise Invalid("name", "is required, or key")
    action = await call.app.catalogue.add_action(
        call.account_id,
        NewAction(
            connector_id="" if connector is None else connector.connector_id,
            connection_id=None if connection is None else connection.connection_id,
            key=fields.key or "",
            name=fields.name or (fields.key or "").replace("-", " ").capitalize(),
            description=fields.description or "",
            config=config,
            input_schema=fields.input_schema or {},
            output_schema=fields.output_schema or fields.custom_output_schema or {},
        ),
    )
    await call.app.intents.prepare([action.action_id])
    return await Views(call, by).action(action)


def require_request(fields: ActionFields) -> None:
    """Raises Unable for kinds of actions that need what is not here: JavaScript, data collections."""
    if fields.type == "run-javascript":
        raise Unable("code dispatch is disabled", key="code_disabled")
    if fields.type is not None and fields.type not in _REQUESTS:
        raise Unable(f"actions of type {fields.type[:100]} are not made here: use {API_REQUEST}")


# ---------------------------------------------------------------- changing


async def change_action(call: Call[ActionFields]) -> ActionAnswer:
    by, action = await _chosen(call)
    require_request(call.body)
    require_owner(by, action)
    changed = await call.app.catalogue.change_action(call.account_id, action.action_id, call.body.change())
    return await Views(call, by).action(changed)


def require_owner(by: Caller, action: Action) -> None:
    """Raises Unable for what came with the release, Forbidden for what only a manager may change."""
    if action.account_id is None:
        raise Unable(
            "this action came with the release and is everybody's: clone it into a connection and change the copy"
        )
    if action.connection_id is None:
        by.require_manager()


async def archive_action(call: Call[None]) -> ActionAnswer:
    by, action = await _chosen(call)
    return await archive(call, by, action)


async def archive(call: Call[Any], by: Caller, action: Action) -> ActionAnswer:
    """Raises Unable, Forbidden, as :func:`require_owner`."""
    require_owner(by, action)
    await call.app.catalogue.remove_action(call.account_id, action.action_id)
    return await Views(call, by).action(await call.app.catalogue.action(call.account_id, action.action_id))


async def restore_action(call: Call[None]) -> ActionAnswer:
    """By id only: an archived action has no key."""
    by, action = await _chosen(call)
    require_owner(by, action)
    restored = await call.app.catalogue.restore_action(call.account_id, action.action_id)
    return await Views(call, by).action(restored)


async def clone_action(call: Call[ActionFields]) -> ActionAnswer:
    """A copy within a connection (``connectionId`` of the body or the query), or, for managers, within the account."""
    by, action = await _chosen(call)
    selector = call.body.selector or Names.of_query(call.query).connection
    connection: Connection | None = None
    if selector is not None:
        by = await acting(call)
        connection = await call.app.connections.get(by, selector)
    else:
        by.require_manager()
    copy = await call.app.catalogue.clone_action(
        call.account_id,
        action,
        connection_id=None if connection is None else connection.connection_id,
        change=call.body.change(),
    )
    return await Views(call, by).action(copy)


async def reset_action(call: Call[None]) -> ActionAnswer:
    """Back to the connector's own action of that key, when the connection has replaced it."""
    by, action = await _chosen(call)
    return await reset(call, by, action)


async def reset(call: Call[Any], by: Caller, action: Action) -> ActionAnswer:
    if action.connection_id is None:
        return await Views(call, by).action(action)
    original = await call.app.catalogue.action(call.account_id, action.key, connector_id=action.connector_id)
    require_owner(by, action)
    await call.app.catalogue.remove_action(call.account_id, action.action_id)
    return await Views(call, by).action(original)


# ---------------------------------------------------------------- running


async def run_action(call: Call[RunBody]) -> RunAnswer:
    """``{input, meta?}`` on the connection that the query names, or the only one of the action's app."""
    by = await acting(call)
    names = Names.of_query(call.query)
    connection = await connection_named(call, by, names)
    action = await action_named(call, by, call.path["selector"], connection=connection)
    if connection is None or connection.connector_id != action.connector_id:
        connection = await connection_for(call, by, action, names)
    return await run(call, by, connection, action, call.body.input, meta=call.body.meta)


async def run(
    call: Call[Any], by: Caller, connection: Connection, action: Action, given: Any, *, meta: Values | None = None
) -> RunAnswer:
    """``?dryRun=true``: only the requests that would be sent. The header Idempotency-Key makes a repeated call safe."""
    result = await call.app.runs.run(
        by,
        connection,
        action,
        {} if given is None else given,
        meta=meta,
        dry_run=call.query.flag("dryRun"),
        idempotency_key=header(call.scope, b"idempotency-key") or None,
    )
    return run_answer(result)


_SCOPE: Final = (*CONNECTION_FILTERS, *CONNECTOR_FILTERS, *TENANT)
DRY_RUN: Final = Parameter(name="dryRun", type="boolean", text="Send nothing; answer the requests that would be sent.")
METHODS: Final[tuple[Method, ...]] = (
    Method(
        "GET",
        "/actions",
        find_actions,
        who=Who.WORKSPACE,
        summary="Actions, by filters or by intent",
        query=FILTERS,
        answer=Listed[ActionAnswer],
    ),
    Method(
        "POST",
        "/actions",
        create_action,
        who=Who.WORKSPACE,
        body=ActionFields,
        summary="Make an action of a request, or find the one that an intent means",
        query=_SCOPE,
        answer=ActionAnswer,
    ),
    Method(
        "GET",
        _ONE,
        get_action,
        who=Who.WORKSPACE,
        summary="One action, by id, or by key within a connection or an integration",
        query=_SCOPE,
        answer=ActionAnswer,
    ),
    *(
        Method(
            verb,
            _ONE,
            change_action,
            who=Who.WORKSPACE,
            body=ActionFields,
            summary="Change an action that the account or the connection has for itself",
            query=_SCOPE,
            answer=ActionAnswer,
        )
        for verb in ("PATCH", "PUT")
    ),
    Method("DELETE", _ONE, archive_action, who=Who.WORKSPACE, summary="Archive it", query=_SCOPE, answer=ActionAnswer),
    Method(
        "POST",
        f"{_ONE}/run",
        run_action,
        who=Who.WORKSPACE,
        writes=False,
        body=RunBody,
        summary="Run an action on a connection",
        query=(*_SCOPE, DRY_RUN),
        answer=RunAnswer,
    ),
    Method(
        "POST",
        f"{_ONE}/clone",
        clone_action,
        who=Who.WORKSPACE,
        body=ActionFields,
        summary="Copy an action into a connection, to change it there",
        query=_SCOPE,
        answer=ActionAnswer,
    ),
    Method(
        "POST",
        f"{_ONE}/refresh",
        get_action,
        who=Who.WORKSPACE,
        summary="The action as it is: nothing is built here",
        query=_SCOPE,
        answer=ActionAnswer,
    ),
    Method(
        "POST",
        f"{_ONE}/reset",
        reset_action,
        who=Who.WORKSPACE,
        summary="Back to the connector's own action of that key",
        query=_SCOPE,
        answer=ActionAnswer,
    ),
    Method(
        "POST",
        f"{_ONE}/restore",
        restore_action,
        who=Who.WORKSPACE,
        summary="Bring an archived action back",
        answer=ActionAnswer,
    ),
    Method(
        "GET",
        f"{_ONE}/export",
        export_action,
        who=Who.WORKSPACE,
        summary="What it takes to make it elsewhere",
        query=_SCOPE,
        answer=ActionExport,
    ),
    Method(
        "GET",
        f"{_ONE}/dependencies",
        action_dependencies,
        who=Who.WORKSPACE,
        summary="What it uses",
        query=_SCOPE,
        answer=list[Any],
    ),
)

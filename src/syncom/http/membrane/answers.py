"""How the values of the integration layer look to its clients (membrane-api, 5).

Members that are unknown are left out, never null: the vendor's validators take a missing member and refuse a null.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from syncom.connect.connections.model import AuthChoice, ConnectionRequest, Integration, RequestStatus
from syncom.connect.model import (
    Action,
    ActionRun,
    AuthKind,
    AuthOption,
    Connection,
    ConnectionState,
    Connector,
    Fault,
    RunResult,
    RunStatus,
    Schema,
)

#: What every generated or hand-shaped action is to a client that knows the vendor's kinds.
API_REQUEST: Final = "api-request-to-external-app"
#: Kinds whose credentials the server renews by itself.
_RENEWED: Final = (AuthKind.OAUTH2, AuthKind.CLIENT_CREDENTIALS, AuthKind.JWT_BEARER)


class ClientAction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a person has to do before a connection works."""

    #: ``connect`` or ``provide-input``.
    type: str
    description: str
    ui_url: str | None = None
    agent_instructions: str | None = None


class TenantLink(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The tenant inside other things."""

    id: str
    name: str
    internal_id: str


class IntegrationLink(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The integration inside other things."""

    id: str
    key: str
    name: str
    logo_uri: str
    connector_id: str
    state: str | None = None
    auth_type: str | None = None


class ConnectionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A connection. Credentials are no member of it, whoever asks."""

    id: str
    key: str
    name: str
    user_id: str
    tenant_id: str
    state: str
    connected: bool
    disconnected: bool
    is_defunct: bool
    is_deactivated: bool
    integration_id: str
    integration_key: str
    connector_id: str
    connector_key: str
    connector_version: str | None = None
    external_app_id: str | None = None
    auth_option_key: str | None = None
    error: Fault | None = None
    request_error: Fault | None = None
    errors: list[Fault]
    client_action: ClientAction | None = None
    can_test: bool
    can_refresh_credentials: bool
    created_at: str
    updated_at: str
    last_active_at: str | None = None
    next_credentials_refresh_at: str | None = None
    next_retry_timestamp: str | None = None
    retry_attempts: int
    archived_at: str | None = None
    meta: Mapping[str, Any]
    connector_parameters: Mapping[str, Any]
    input: Mapping[str, Any]
    user: TenantLink | None = None
    integration: IntegrationLink | None = None


class AuthOptionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One way of connecting, as a form is made from it."""

    key: str
    #: ``oauth2`` or ``client-credentials``: whatever a person types is the latter.
    type: str
    title: str
    description: str | None = None
    input_schema: Schema
    connector_parameters_schema: Schema | None = None
    o_auth_callback_uri: str | None = None


class ConnectorAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A connector."""

    id: str
    key: str
    name: str
    description: str | None = None
    logo_uri: str
    external_app_id: str
    categories: list[str]
    #: It came with the release, and every account has it.
    is_public: bool
    is_read_only: bool
    base_uri: str
    version: str
    #: Authentication of the first option; ``options`` has all of them.
    type: str | None = None
    input_schema: Schema | None = None
    parameters_schema: Schema | None = None
    options: dict[str, AuthOptionAnswer]
    has_test: bool
    has_auth_test: bool
    has_operations: bool
    operations_count: int | None = None
    has_data: bool
    data_collections_count: int
    events_count: int
    updated_at: str | None = None
    archived_at: str | None = None


class IntegrationAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An account's use of a connector. Every connector has one from the beginning, under the connector's own key."""

    id: str
    key: str
    name: str
    description: str | None = None
    logo_uri: str
    state: str
    errors: list[Fault]
    connector_id: str
    connector_key: str
    connector_version: str
    external_app_id: str
    #: What the owner set, without secrets.
    parameters: Mapping[str, Any]
    has_missing_parameters: bool
    has_operations: bool
    has_data: bool
    has_events: bool
    auth_type: str | None = None
    auth_options: list[AuthOptionAnswer]
    o_auth_callback_uri: str | None = None
    #: The tenant's connection, when there is one.
    connection: ConnectionAnswer | None = None
    created_at: str | None = None
    updated_at: str | None = None


class ExternalAppAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A product on the web; each connector is for one."""

    id: str
    key: str
    name: str
    logo_uri: str
    description: str | None = None
    domain: str | None = None
    domains: list[str]
    categories: list[str]
    connector_id: str


class ActionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An action. ``integration`` is always there: clients drop actions without its key and name."""

    id: str
    key: str
    name: str
    description: str | None = None
    type: str
    #: ``connection``: of one connection only; ``integration``: of every connection of its connector.
    layer: str
    state: str
    errors: list[Fault]
    integration_id: str
    integration_key: str
    integration: IntegrationLink
    connection_id: str | None = None
    external_app_id: str
    input_schema: Schema
    output_schema: Schema
    config: dict[str, Any]
    #: ``read``, ``write`` or ``destructive``: a member of our own.
    effect: str
    #: The same call twice does the same as once: a member of our own.
    idempotent: bool
    is_universal: bool
    is_public: bool
    is_read_only: bool
    is_customized: bool
    #: How well it fits the intent, of a search by intent: a member of our own.
    score: float | None = None
    updated_at: str | None = None
    archived_at: str | None = None


class RunAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a run answers."""

    output: Any
    action_run_id: str
    #: The requests that would be sent, for a dry run: a member of our own.
    preview: list[Any] | None = None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A run as it is kept."""

    id: str
    name: str
    #: ``success`` or ``error``; of our own: ``running``. A run whose outcome is not known is an error with that key.
    status: str
    user_id: str
    tenant_id: str
    integration_id: str
    connection_id: str
    external_app_id: str | None = None
    #: Empty for a raw request, which is no action.
    integration_action_id: str
    connection_action_id: str | None = None
    action_id: str | None = None
    action_key: str
    input: Any | msgspec.UnsetType = msgspec.UNSET
    output: Any | msgspec.UnsetType = msgspec.UNSET
    error: Fault | None = None
    meta: Any = None
    #: Who: ``user:7``, ``oauth:…``: a member of our own.
    actor: str
    dry_run: bool = False
    replay_of: str | None = None
    created_at: str
    completed_at: str | None = None
    #: Milliseconds.
    duration: int | None = None
    action: ActionAnswer | None = None
    connection: ConnectionAnswer | None = None
    integration: IntegrationLink | None = None
    user: TenantLink | None = None
    #: The HTTP exchanges, redacted and cut; in the details only.
    exchanges: list[Any] | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One answer of a search."""

    #: ``connector``, ``integration``, ``action``, ``connection`` or ``app``.
    element_type: str
    element: Any


class ConnectionRequestAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A person is asked to connect an app, on the page at ``url``."""

    request_id: str
    tenant_id: str
    #: ``pending``, ``success``, ``cancelled`` or ``error``.
    status: str
    url: str
    integration_id: str
    integration_key: str
    connector_id: str
    connector_key: str | None = None
    #: The connection that is connected again.
    connection_id: str | None = None
    connection_key: str | None = None
    name: str | None = None
    allow_multiple_connections: bool | None = None
    connector_parameters: dict[str, Any] | None = None
    redirect_uri: str | None = None
    result_connection_id: str | None = None
    result_error: Fault | None = None
    created_at: str
    expires_at: str


class AttemptAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How one attempt to connect ended."""

    id: str
    connection_request_id: str
    user_id: str
    tenant_id: str
    connection_id: str
    connector_id: str
    integration_id: str
    auth_option_key: str | None = None
    #: ``success`` or ``error``.
    status: str
    error: Fault | None = None
    created_at: str


class ConnectionExport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A connection without what makes it work."""

    name: str
    key: str
    auth_option_key: str | None = None
    connector_key: str
    integration_key: str
    connector_parameters: dict[str, Any]
    meta: dict[str, Any]


class ConnectorAdded(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A connector that was made of a document."""

    id: str
    key: str
    name: str
    connector: ConnectorAnswer
    #: What was left out or loosened, and why.
    notes: list[str]


class ActionExport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An action, so that it can be made elsewhere."""

    key: str
    name: str
    description: str | None = None
    type: str
    config: dict[str, Any]
    input_schema: Schema
    output_schema: Schema
    integration_key: str
    is_customized: bool


class OperationAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An action as an operation of its connector."""

    key: str
    name: str
    description: str | None = None
    input_schema: Schema
    output_schema: Schema
    action_id: str


class TestAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the app took the credentials; ``error`` says why not."""

    success: bool
    error: Fault | None = None


def instant(moment: datetime) -> str:
    """A time as clients of this API expect it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)


# ---------------------------------------------------------------- connectors


def auth_type(kind: AuthKind) -> str:
    """The vendor's word for it: there is none for API keys, passwords and the like but ``client-credentials``."""
    return "oauth2" if kind is AuthKind.OAUTH2 else "client-credentials"


def auth_option_answer(option: AuthOption, connector: Connector, callback: str) -> AuthOptionAnswer:
    """``callback``: where apps send people back to, for registering a client of one's own there."""
    return AuthOptionAnswer(
        key=option.key,
        type=auth_type(option.kind),
        title=option.title or connector.name,
        description=option.description or None,
        input_schema=option.input_schema or {"type": "object", "properties": {}},
        connector_parameters_schema=connector.parameters_schema or None,
        o_auth_callback_uri=callback if option.kind.interactive else None,
    )


def auth_choice_answer(choice: AuthChoice, callback: str) -> AuthOptionAnswer:
    """As :func:`auth_option_answer`, of what can be used here and now; ``description`` says what is missing."""
    return AuthOptionAnswer(
        key=choice.key,
        type="oauth2" if choice.interactive else "client-credentials",
        title=choice.title,
        description=choice.missing or choice.description or None,
        input_schema=choice.input_schema or {"type": "object", "properties": {}},
        connector_parameters_schema=choice.parameters_schema or None,
        o_auth_callback_uri=callback if choice.interactive and not choice.own else None,
    )


def connector_answer(connector: Connector, callback: str, *, operations: int | None = None) -> ConnectorAnswer:
    """``operations``: how many actions it has, when that was counted."""
    options = {option.key: auth_option_answer(option, connector, callback) for option in connector.auth}
    first = next(iter(options.values()), None)
    return ConnectorAnswer(
        id=connector.connector_id,
        key=connector.key,
        name=connector.name,
        description=connector.description or None,
        logo_uri=connector.logo,
        external_app_id=connector.connector_id,
        categories=list(connector.categories),
        is_public=connector.account_id is None,
        is_read_only=connector.account_id is None,
        base_uri=connector.base_url,
        version=str(connector.version),
        type=None if first is None else first.type,
        input_schema=None if first is None else first.input_schema,
        parameters_schema=connector.parameters_schema or None,
        options=options,
        has_test=connector.test is not None,
        has_auth_test=connector.test is not None,
        has_operations=operations != 0,
        operations_count=operations,
        has_data=False,
        data_collections_count=0,
        events_count=0,
        updated_at=_maybe(connector.updated_at),
        archived_at=_maybe(connector.archived_at),
    )


def external_app_answer(connector: Connector) -> ExternalAppAnswer:
    """The app that a connector is for."""
    return ExternalAppAnswer(
        id=connector.connector_id,
        key=connector.key,
        name=connector.name,
        logo_uri=connector.logo,
        description=connector.description or None,
        domain=next(iter(connector.domains), None),
        domains=list(connector.domains),
        categories=list(connector.categories),
        connector_id=connector.connector_id,
    )


# ---------------------------------------------------------------- integrations


def integration_link(
    connector_id: str, key: str, connector: Connector | None, integration: Integration | None
) -> IntegrationLink:
    """Of a connector; ``key`` stands in for one that was removed. An integration that nobody has set anything for has
    the id and the key of its connector."""
    own_id, own_key, own_name = connector_id, key, key
    if connector is not None:
        own_key, own_name = connector.key, connector.name
    if integration is not None:
        own_id, own_key, own_name = integration.integration_id, integration.key, integration.name
    return IntegrationLink(
        id=own_id,
        key=own_key,
        name=own_name,
        logo_uri="" if connector is None else connector.logo,
        connector_id=connector_id,
        auth_type=None if connector is None or not connector.auth else auth_type(connector.auth[0].kind),
    )


def integration_answer(
    connector: Connector,
    integration: Integration | None,
    callback: str,
    *,
    connection: ConnectionAnswer | None = None,
) -> IntegrationAnswer:
    """``callback``: where apps send people back to; ``connection``: the tenant's."""
    link = integration_link(connector.connector_id, connector.key, connector, integration)
    missing = _misses_client(connector, integration)
    fault = Fault(
        type="configuration",
        message=f"to sign in with {connector.name}, a workspace manager sets clientId and clientSecret: "
        f"PATCH /integrations/{link.key}/parameters",
    )
    return IntegrationAnswer(
        id=link.id,
        key=link.key,
        name=link.name,
        description=connector.description or None,
        logo_uri=connector.logo,
        state=(ConnectionState.CONFIGURATION_ERROR if missing else ConnectionState.READY).value,
        errors=[fault] if missing else [],
        connector_id=connector.connector_id,
        connector_key=connector.key,
        connector_version=str(connector.version),
        external_app_id=connector.connector_id,
        parameters={} if integration is None else integration.parameters,
        has_missing_parameters=missing,
        has_operations=True,
        has_data=False,
        has_events=False,
        auth_type=link.auth_type,
        auth_options=[auth_option_answer(option, connector, callback) for option in connector.auth],
        o_auth_callback_uri=callback,
        connection=connection,
        created_at=None if integration is None else instant(integration.created_at),
        updated_at=_maybe(connector.updated_at) if integration is None else instant(integration.updated_at),
    )


def _misses_client(connector: Connector, integration: Integration | None) -> bool:
    """Whether every way of connecting needs an OAuth client that nobody has set."""
    if not connector.auth or not all(option.kind is AuthKind.OAUTH2 for option in connector.auth):
        return False
    return integration is None or not integration.parameters.get("clientId")


# ---------------------------------------------------------------- connections


def connection_answer(
    connection: Connection,
    connector: Connector | None,
    integration: IntegrationLink | None,
    user: TenantLink | None = None,
) -> ConnectionAnswer:
    """``connector`` is None when it was removed; the connection is shown all the same."""
    return ConnectionAnswer(
        id=connection.connection_id,
        key=connection.key,
        name=connection.name,
        user_id=connection.tenant_id,
        tenant_id=connection.tenant_id,
        state=connection.state.value,
        connected=connection.connected,
        disconnected=not connection.connected,
        is_defunct=connection.fault is not None and connection.fault.key == "connection_is_defunct",
        is_deactivated=False,
        integration_id=connection.connector_id if integration is None else integration.id,
        integration_key=connection.connector_key if integration is None else integration.key,
        connector_id=connection.connector_id,
        connector_key=connection.connector_key,
        connector_version=None if connector is None else str(connector.version),
        external_app_id=connection.connector_id,
        auth_option_key=connection.auth_key or None,
        error=connection.fault,
        request_error=connection.fault,
        errors=[] if connection.fault is None else [connection.fault],
        client_action=_client_action(connection, connector),
        can_test=connector is not None and connector.test is not None,
        can_refresh_credentials=connector is not None and renews_itself(connector, connection),
        created_at=instant(connection.created_at),
        updated_at=instant(connection.updated_at),
        last_active_at=_maybe(connection.last_active_at),
        next_credentials_refresh_at=_maybe(connection.refresh_at),
        next_retry_timestamp=_maybe(connection.retry_at),
        retry_attempts=connection.retry_attempts,
        archived_at=_maybe(connection.archived_at),
        meta=connection.meta,
        connector_parameters=connection.parameters,
        input=connection.input,
        user=user,
        integration=integration,
    )


def renews_itself(connector: Connector, connection: Connection) -> bool:
    """Whether its credentials end and are renewed without a person."""
    return any(option.key == connection.auth_key and option.kind in _RENEWED for option in connector.auth)


def _client_action(connection: Connection, connector: Connector | None) -> ClientAction | None:
    """Present exactly while a person has to act (membrane-api, 5.1)."""
    if connection.state is not ConnectionState.CLIENT_ACTION_REQUIRED:
        return None
    app = connection.name if connector is None else connector.name
    if connection.client_action == "provide-input":
        return ClientAction(
            type="provide-input",
            description=f"Say what {app} needs to be reached",
            ui_url=connection.action_url,
            agent_instructions=(
                f"Ask the person for what the schema of {app} names, and send it as PATCH /connections/"
                f"{connection.connection_id} with input and connectorParameters, or give them the link."
            ),
        )
    return ClientAction(
        type="connect",
        description=f"Sign in to {app} again" if connection.fault is not None else f"Sign in to {app}",
        ui_url=connection.action_url,
        agent_instructions=(
            "Give the person this link and wait: GET /connections/"
            f"{connection.connection_id}?wait=true. Do not ask them for passwords or keys."
        ),
    )


def connection_request_answer(request: ConnectionRequest, integration: IntegrationLink) -> ConnectionRequestAnswer:
    wishes = request.wishes
    return ConnectionRequestAnswer(
        request_id=request.request_id,
        tenant_id=request.tenant_id,
        status=request.status.value,
        url=request.url,
        integration_id=integration.id,
        integration_key=integration.key,
        connector_id=request.connector_id,
        connection_id=request.connection_id,
        connection_key=wishes.key,
        name=wishes.name,
        allow_multiple_connections=wishes.allow_multiple or None,
        connector_parameters=wishes.parameters,
        redirect_uri=wishes.redirect_uri,
        result_connection_id=request.result_connection_id,
        result_error=request.result_fault,
        created_at=instant(request.created_at),
        expires_at=instant(request.expires_at),
    )


def attempt_answer(request: ConnectionRequest, integration: IntegrationLink, connection: Connection) -> AttemptAnswer:
    return AttemptAnswer(
        id=request.request_id,
        connection_request_id=request.request_id,
        user_id=request.tenant_id,
        tenant_id=request.tenant_id,
        connection_id=connection.connection_id,
        connector_id=request.connector_id,
        integration_id=integration.id,
        auth_option_key=request.wishes.auth_key,
        status="success" if request.status is RequestStatus.SUCCESS else "error",
        error=request.result_fault,
        created_at=instant(request.created_at),
    )


# ---------------------------------------------------------------- actions and runs


def action_answer(action: Action, integration: IntegrationLink, *, score: float | None = None) -> ActionAnswer:
    """``score``: how well it fits the intent that was searched for."""
    return ActionAnswer(
        id=action.action_id,
        key=action.key,
        name=action.name,
        description=action.description or None,
        type=API_REQUEST,
        layer="integration" if action.connection_id is None else "connection",
        state=ConnectionState.READY.value,
        errors=[],
        integration_id=integration.id,
        integration_key=integration.key,
        integration=integration,
        connection_id=action.connection_id,
        external_app_id=action.connector_id,
        input_schema=action.input_schema,
        output_schema=action.output_schema,
        config=action_config(action),
        effect=action.effect.value,
        idempotent=action.idempotent,
        is_universal=False,
        is_public=action.account_id is None,
        is_read_only=action.account_id is None,
        is_customized=action.account_id is not None,
        score=None if score is None else round(score, 4),
        updated_at=_maybe(action.updated_at),
        archived_at=_maybe(action.archived_at),
    )


def action_config(action: Action) -> dict[str, Any]:
    """What it sends: ``request`` for one call, ``steps`` of our own for several."""
    if action.shape is None:
        if action.operation is None:
            return {}
        return {"request": {"method": action.operation.method, "path": action.operation.path}}
    steps = [_step(msgspec.to_builtins(step)) for step in action.shape.steps]
    config: dict[str, Any] = {"request": steps[0]} if len(steps) == 1 else {"steps": steps}
    if action.shape.output is not None:
        config["output"] = action.shape.output
    return config


def _step(step: dict[str, Any]) -> dict[str, Any]:
    return {"method": "GET", **step}


def run_answer(result: RunResult) -> RunAnswer:
    return RunAnswer(output=result.output, action_run_id=result.run_id, preview=result.preview)


def run_record(
    run: ActionRun,
    *,
    integration: IntegrationLink | None,
    of_connection: bool = False,
    action: ActionAnswer | None = None,
    connection: ConnectionAnswer | None = None,
    user: TenantLink | None = None,
    details: bool = False,
) -> RunRecord:
    """``of_connection``: of an action that one connection has for itself; ``details``: with the exchanges."""
    return RunRecord(
        id=run.run_id,
        name=run.name,
        status=_STATUS.get(run.status, run.status.value),
        user_id=run.tenant_id,
        tenant_id=run.tenant_id,
        integration_id="" if integration is None else integration.id,
        connection_id=run.connection_id or "",
        external_app_id=None if integration is None else integration.connector_id,
        integration_action_id="" if of_connection else run.action_id or "",
        connection_action_id=run.action_id if of_connection else None,
        action_id=run.action_id,
        action_key=run.action_key,
        input=msgspec.UNSET if run.input is None else run.input,
        output=msgspec.UNSET if run.output is None else run.output,
        error=_run_fault(run),
        meta=run.meta,
        actor=run.actor,
        dry_run=run.dry_run,
        replay_of=run.replay_of,
        created_at=instant(run.started_at),
        completed_at=None if run.duration is None else instant(_completed(run)),
        duration=run.duration,
        action=action,
        connection=connection,
        integration=integration,
        user=user,
        exchanges=list(run.exchanges) if details else None,
    )


#: The vendor's records know two outcomes.
_STATUS: Final = {RunStatus.UNKNOWN: RunStatus.ERROR.value}
_UNKNOWN: Final = Fault(
    type="action_run",
    key="unknown",
    message="the server stopped while the request was under way; whether the app did it is not known",
)


def _run_fault(run: ActionRun) -> Fault | None:
    if run.status is RunStatus.UNKNOWN:
        return run.fault or _UNKNOWN
    return run.fault


def _completed(run: ActionRun) -> datetime:
    return run.started_at + timedelta(milliseconds=run.duration or 0)

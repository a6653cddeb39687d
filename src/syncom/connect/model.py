"""Values of the integration layer that its rooms share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from syncom.errors import Forbidden

#: A JSON Schema (2020-12) as it is stored and answered.
Schema = dict[str, Any]


# ---------------------------------------------------------------- who asks


class CallerKind(Enum):
    """What a token of the integration layer stands for (membrane-api, 3.2)."""

    __hash__ = object.__hash__

    #: One tenant of a workspace: what connections belong to.
    TENANT = "tenant"
    #: The workspace itself: integrations, universal actions, tenants.
    MANAGER = "manager"
    #: A person who signed in without choosing a tenant: may only look at accounts and ask for tenant tokens.
    PERSON = "platform-user"


class Restrictions(msgspec.Struct, frozen=True, kw_only=True):
    """What a scoped token may not do. Everything that is None is open."""

    #: Only actions that read, and GET and HEAD through the proxy.
    read_only: bool = False
    #: Ids of the connections it may use.
    connections: frozenset[str] | None = None
    #: Keys or ids of the actions it may run. A token with this list has no proxy.
    actions: frozenset[str] | None = None

    @property
    def is_open(self) -> bool:
        """Whether there are none."""
        return not self.read_only and self.connections is None and self.actions is None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, in which workspace (an account) and for which tenant."""

    account_id: int
    kind: CallerKind
    workspace_key: str
    #: 24 hexadecimal digits; None for a manager and for a person.
    tenant_id: str | None = None
    #: The tenant's key as the product knows it.
    tenant_key: str | None = None
    #: For run records and the audit log: 'user:7', 'oauth:<grant>', 'workspace-secret', 'key:3'.
    actor: str
    #: The signed-in person behind it, when there is one.
    user_id: int | None = None
    restrictions: Restrictions = Restrictions()
    #: What a person agreed to, that this token came of; None for tokens that products sign, and API keys.
    grant_id: str | None = None

    def tenant(self) -> str:
        """The tenant's id. Raises Forbidden for a token without one."""
        if self.tenant_id is None:
            raise Forbidden("this needs a token of a tenant; sign in with --tenant, or name a tenant key")
        return self.tenant_id

    def require_manager(self) -> None:
        """Raises Forbidden for a tenant's token."""
        if self.kind is not CallerKind.MANAGER:
            raise Forbidden("only a workspace manager token may do this")


# ---------------------------------------------------------------- connectors and actions


class AuthKind(Enum):
    """How an app wants to be told who asks."""

    __hash__ = object.__hash__

    NONE = "none"
    API_KEY = "api-key"
    BASIC = "basic"
    BEARER = "bearer"
    #: Fields of its own, placed by templates.
    FIELDS = "fields"
    OAUTH2 = "oauth2"
    CLIENT_CREDENTIALS = "oauth2-client-credentials"
    JWT_BEARER = "jwt-bearer"

    @property
    def interactive(self) -> bool:
        """Whether a person has to go to the app's own page."""
        return self is AuthKind.OAUTH2


class OAuthConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An OAuth 2 provider (RFC 6749, 7523, 7636). Addresses may hold ``{name}`` of the connection's parameters."""

    token_url: str
    authorize_url: str = ""
    revoke_url: str = ""
    scopes: tuple[str, ...] = ()
    #: Further parameters of the authorization request, such as ``access_type``.
    extra: dict[str, str] = {}
    #: Where the client's secret goes: ``header`` (Basic) or ``body``.
    client_auth: str = "header"
    pkce: bool = True
    #: Between scopes.
    scope_separator: str = " "
    #: The provider gives access tokens that do not expire.
    no_refresh_token: bool = False
    #: Of the assertion of the JWT bearer grant: templates over the credentials' fields.
    assertion: dict[str, str] = {}
    #: Its algorithm, such as RS256.
    algorithm: str = "RS256"


class AuthOption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One way of authenticating with an app.

    Values of ``headers``, ``query``, ``cookies`` and ``basic`` are templates: ``{apiKey}`` stands for a member of the
    credentials (what a person typed, or ``access_token`` of a token answer), ``{=name}`` for a connection parameter.
    """

    key: str
    kind: AuthKind
    title: str = ""
    description: str = ""
    #: What a person types. Members that nobody may see again have ``writeOnly: true``.
    input_schema: Schema = {}
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    cookies: dict[str, str] = {}
    #: User name and password.
    basic: tuple[str, str] | None = None
    oauth: OAuthConfig | None = None
    #: Where requests go instead of the connector's ``base_url``; a template too, such as ``{baseUri}``. A member that
    #: was not typed has the ``default`` of the input schema.
    base_url: str = ""


class Pagination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How the pages of a list are asked for. ``style``: page, offset, cursor, link (RFC 8288), none."""

    style: str
    #: Query parameter that says where (page number, offset, cursor).
    parameter: str = ""
    #: Query parameter that says how many, and the most it takes.
    size_parameter: str = ""
    size: int = 100
    #: First page or offset.
    first: int = 0
    #: Where the rows are in an answer, and where its next cursor or address is: JSON pointers; "" is the whole answer,
    #: ``-1`` the last item of a list.
    items: str = ""
    next: str = ""
    #: JSON pointer to a truth value that says whether there is another page; "" when the answer has none.
    more: str = ""
    #: The app gives as many rows as it is asked for: a page with fewer than ``size`` is the last.
    exact: bool = False


class Failure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an app says with a status of success that it failed: the value at a JSON pointer."""

    at: str
    equals: Any
    #: JSON pointer to its reason.
    message: str = ""


class RateLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Calls that one connection may make in so many seconds."""

    calls: int
    seconds: float = 1.0


class Connector(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter for one app."""

    connector_id: str
    #: Whose it is; None: it came with this release and everybody has it.
    account_id: int | None
    key: str
    name: str
    description: str = ""
    #: An address, or a data: URL.
    logo: str = ""
    categories: tuple[str, ...] = ()
    #: Other names of the app, by which intents name it: 'esputnik', 'yespo'.
    aliases: tuple[str, ...] = ()
    #: Domains of the app, for finding it by an address: 'esputnik.com'.
    domains: tuple[str, ...] = ()
    #: Where requests go; may hold ``{name}`` of the connection's parameters.
    base_url: str
    #: Other hosts that full addresses may lead to with the credentials: 'api.shop.example', '*.shop.example'.
    hosts: tuple[str, ...] = ()
    #: What a person is asked for beside credentials, such as a subdomain.
    parameters_schema: Schema = {}
    auth: tuple[AuthOption, ...] = ()
    #: Method and path of a harmless call that proves the credentials.
    test: tuple[str, str] | None = None
    #: Headers of every request, such as a version.
    headers: dict[str, str] = {}
    pagination: Pagination | None = None
    rate_limit: RateLimit | None = None
    failure: Failure | None = None
    #: This installation itself: connecting takes one click.
    own: bool = False
    version: int = 1
    updated_at: datetime | None = None
    archived_at: datetime | None = None


class Place(Enum):
    """Where a value goes in a request."""

    __hash__ = object.__hash__

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    #: A member of the body.
    BODY = "body"
    #: The body as a whole.
    WHOLE_BODY = "whole-body"


class Argument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value of an operation's input, and where it goes (OpenAPI 3.1, 4.8.12)."""

    #: Member of the input.
    input: str
    place: Place
    #: Its name there.
    name: str = ""
    #: As in OpenAPI; empty: the default of the place. Beside those, ``json``: the value is written as JSON text (of a
    #: parameter with ``content``), and ``file``: base64 text, or ``{filename?, content, contentType?}`` with base64 in
    #: ``content``, or a list of such.
    style: str = ""
    explode: bool | None = None
    required: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call generated from an OpenAPI operation."""

    method: str
    path: str
    arguments: tuple[Argument, ...] = ()
    #: Content type of the body: JSON, ``application/x-www-form-urlencoded`` or ``multipart/form-data``.
    media: str = ""
    #: Another server than the connector's.
    base_url: str = ""
    pagination: Pagination | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One request of a hand-shaped action. ``path``, ``query``, ``headers``, ``body`` hold formulas
    (``connect/runs/formula.py``) over ``input`` and the answers of earlier ``steps``."""

    id: str = "request"
    method: str = "GET"
    path: Any
    query: Any = None
    headers: Any = None
    body: Any = None
    media: str = "application/json"
    #: Formula; the step is left out when it is false, null or empty.
    when: Any = True
    #: Statuses beside 2xx whose answer is taken as it is, such as 404.
    accept: tuple[int, ...] = ()
    pagination: Pagination | None = None


class Shape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A hand-shaped call: steps in order, and what comes out (a formula; None: the last answer)."""

    steps: tuple[Step, ...]
    output: Any = None


class Effect(Enum):
    """What running an action does to the app."""

    __hash__ = object.__hash__

    READ = "read"
    WRITE = "write"
    #: Deletes, or sends something that cannot be called back.
    DESTRUCTIVE = "destructive"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One callable operation."""

    action_id: str
    account_id: int | None
    connector_id: str
    connector_key: str
    #: Set when it belongs to one connection only.
    connection_id: str | None = None
    key: str
    name: str
    description: str = ""
    effect: Effect
    #: The same call twice does the same as once: it may be repeated after a failure.
    idempotent: bool
    input_schema: Schema
    output_schema: Schema
    operation: Operation | None = None
    shape: Shape | None = None
    keywords: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    #: By a caller, not by a document: it can be changed and removed.
    made: bool = False
    updated_at: datetime | None = None
    archived_at: datetime | None = None


# ---------------------------------------------------------------- connections


class ConnectionState(Enum):
    """Where a connection stands (membrane-api, 5.1)."""

    __hash__ = object.__hash__

    BUILDING = "BUILDING"
    CLIENT_ACTION_REQUIRED = "CLIENT_ACTION_REQUIRED"
    CONFIGURATION_ERROR = "CONFIGURATION_ERROR"
    SETUP_FAILED = "SETUP_FAILED"
    READY = "READY"
    DISCONNECTING = "DISCONNECTING"


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as it is kept and answered (membrane-api, 4.1). Holds no credentials."""

    type: str
    message: str
    key: str = ""
    data: dict[str, Any] | None = None


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's authenticated link to one app. Credentials are never part of it."""

    connection_id: str
    account_id: int
    tenant_id: str
    connector_id: str
    connector_key: str
    key: str
    name: str
    state: ConnectionState
    #: Why a person has to act, or why it does not work.
    fault: Fault | None = None
    #: ``connect`` (sign in again at ``action_url``) or ``provide-input``; None when nothing is to be done.
    client_action: str | None = None
    action_url: str | None = None
    auth_key: str = ""
    #: What was entered beside credentials. No secrets.
    parameters: Mapping[str, Any] = {}
    #: What was entered with the credentials, without its secret members.
    input: Mapping[str, Any] = {}
    meta: Mapping[str, Any] = {}
    created_at: datetime
    updated_at: datetime
    last_active_at: datetime | None = None
    refresh_at: datetime | None = None
    retry_at: datetime | None = None
    retry_attempts: int = 0
    archived_at: datetime | None = None

    @property
    def connected(self) -> bool:
        return self.state is ConnectionState.READY


class Authorisation(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a request one of this connection. Never logged, never answered, never stored."""

    base_url: str
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    cookies: Mapping[str, str] = {}
    #: Counts renewals of the credentials: two callers who saw the same one agree on which was refused.
    generation: int = 0
    #: Every secret inside, to be struck out of whatever is recorded.
    secrets: tuple[str, ...] = ()
    #: ``base_url`` is this installation itself: the guard of outgoing requests lets through exactly its origin.
    own: bool = False

    def __repr__(self) -> str:
        return f"Authorisation(base_url={self.base_url!r}, …)"


# ---------------------------------------------------------------- runs


class RunStatus(Enum):
    """How a run ended."""

    __hash__ = object.__hash__

    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    #: The process died with the request under way: whether the app did it is not known.
    UNKNOWN = "unknown"


class ActionRun(msgspec.Struct, frozen=True, kw_only=True):
    """One execution, without secrets."""

    run_id: str
    account_id: int
    tenant_id: str
    connection_id: str | None
    action_id: str | None
    action_key: str
    name: str
    status: RunStatus
    actor: str
    input: Any = None
    output: Any = None
    fault: Fault | None = None
    #: Requests and answers, redacted and cut: ``[{request: {...}, response: {...}, ms}]``.
    exchanges: list[Any] = []
    meta: Any = None
    dry_run: bool = False
    replay_of: str | None = None
    started_at: datetime
    #: Milliseconds.
    duration: int | None = None


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run answers."""

    output: Any
    run_id: str
    #: The requests that would be sent, for a dry run.
    preview: list[Any] | None = None

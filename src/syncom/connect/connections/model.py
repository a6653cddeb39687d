"""Values of the connections room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

import msgspec

from syncom.connect.model import Connection, Connector, Fault
from syncom.errors import Conflict, Upstream

#: The authentication option of a connector of this installation that takes one click.
OWN_OPTION = "own"


class Catalogue(Protocol):
    """What this room asks of the catalogue."""

    async def connector(self, account_id: int, selector: str) -> Connector:
        """By id or key, the account's own first. Raises NotFound."""
        ...

    async def find_by_domain(self, account_id: int, domain: str) -> Connector | None:
        """The connector of an app by its domain."""
        ...


class OwnKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of this installation that was made for a connection."""

    api_key_id: int
    key: str

    def __repr__(self) -> str:
        return f"OwnKey({self.api_key_id})"


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """Who agreed on a page to connect this installation: a signed-in person."""

    account_id: int
    user_id: int
    role: str


class OwnKeys(Protocol):
    """Makes and revokes API keys of an account; given from outside, because accounts are another room's."""

    async def issue(self, by: Agreed, name: str) -> OwnKey:
        """A key with the role of the person, named after the connection."""
        ...

    async def revoke(self, account_id: int, api_key_id: int) -> None:
        """End it; nothing happens when it has ended."""
        ...


class Event(Enum):
    """What the owner of a workspace is told of a connection (membrane-api, 12.1)."""

    __hash__ = object.__hash__

    CREATED = "connection.created"
    DELETED = "connection.deleted"
    #: A person has to act, or its owner has.
    DISCONNECTED = "connection.disconnected"
    RECONNECTED = "connection.reconnected"


class News(msgspec.Struct, frozen=True, kw_only=True):
    """An event that waits to be told; ``connection`` as the wire has it, as it was then."""

    news_id: int
    event: Event
    connection: dict[str, Any]
    happened_at: datetime


class OwnerWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workspace's owner is told, and how that goes."""

    url: str
    #: Attempts in a row that failed; 0: all is well.
    failures: int
    next_attempt_at: datetime
    last_error: str
    last_error_at: datetime | None
    last_delivered_at: datetime | None
    #: Events that are still to be told.
    waiting: int


class WebhookLease(msgspec.Struct, frozen=True, kw_only=True):
    """The right of one process to tell a workspace's owner."""

    account_id: int
    url: str
    failures: int
    fence: int


class Defunct(Conflict):
    """The connection works no more until a person connects it again, at ``connection.action_url``."""

    code = "connection_is_defunct"

    def __init__(self, connection: Connection) -> None:
        said = connection.fault.message if connection.fault else "it has not been connected yet"
        where = f"; connect it at {connection.action_url}" if connection.action_url else ""
        super().__init__(f"the connection {connection.name} does not work: {said}{where}")
        self.connection = connection


class RenewalDelayed(Upstream):
    """The access token has expired and could not be renewed; the renewal is tried again at ``retry_at``."""

    code = "access_token_expired"

    def __init__(self, message: str, retry_at: datetime | None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class ConnectionWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants to be connected. Names one of connector, integration or connection (to connect it again)."""

    #: Id or key.
    connector: str | None = None
    #: Id or key of the workspace's use of a connector.
    integration: str | None = None
    #: Selector of a connection that is to be connected again.
    connection: str | None = None
    key: str | None = None
    name: str | None = None
    #: Which of the connector's authentication options.
    auth_key: str | None = None
    #: What a person would type into its form. Tested at once.
    credentials: Mapping[str, Any] | None = None
    input: Mapping[str, Any] | None = None
    #: Asked for beside credentials, such as a subdomain.
    parameters: Mapping[str, Any] | None = None
    meta: Mapping[str, Any] | None = None
    #: Where the browser goes afterwards (http or https), and what it takes along.
    redirect_uri: str | None = None
    custom_state: str | None = None
    #: Make another connection though one of this connector waits to be connected.
    allow_multiple: bool = False
    #: What a browser program calls this, and the origin of its page.
    browser_request: str | None = None
    browser_origin: str | None = None

    def __repr__(self) -> str:
        return f"ConnectionWish(connector={self.connector!r}, connection={self.connection!r}, …)"

    @property
    def typed(self) -> dict[str, Any] | None:
        """Credentials over input; None when neither was given."""
        if self.credentials is None and self.input is None:
            return None
        return {**(self.input or {}), **(self.credentials or {})}


class ConnectionPatch(msgspec.Struct, frozen=True, kw_only=True):
    """What to change; None leaves as it is. ``meta`` is merged, a member that is None goes."""

    key: str | None = None
    name: str | None = None
    auth_key: str | None = None
    input: Mapping[str, Any] | None = None
    credentials: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] | None = None
    meta: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return f"ConnectionPatch(name={self.name!r}, …)"


class RequestStatus(Enum):
    """How far a person is with connecting."""

    __hash__ = object.__hash__

    PENDING = "pending"
    SUCCESS = "success"
    CANCELLED = "cancelled"
    ERROR = "error"


class Wishes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a connection request remembers of its wish. No secrets."""

    key: str | None = None
    name: str | None = None
    auth_key: str | None = None
    input: dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    redirect_uri: str | None = None
    custom_state: str | None = None
    allow_multiple: bool = False
    #: Who asked, for the page and the audit log.
    actor: str = ""
    #: A browser program that waits for the outcome under a name of its own.
    browser_request: str | None = None
    #: The origin of the page that it is told to; None: not known.
    browser_origin: str | None = None


class ConnectionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A person is asked to connect an app, on the page at ``url``."""

    request_id: str
    account_id: int
    tenant_id: str
    connector_id: str
    connection_id: str | None
    wishes: Wishes
    status: RequestStatus
    result_connection_id: str | None = None
    result_fault: Fault | None = None
    created_at: datetime
    expires_at: datetime
    #: Filled in by the service.
    url: str = ""


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace's use of a connector, with the OAuth client of its own."""

    integration_id: str
    account_id: int
    connector_id: str
    key: str
    name: str
    #: ``clientId`` and others that are no secrets.
    parameters: Mapping[str, Any] = {}
    #: Whether a client secret is stored.
    has_secret: bool = False
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sealed for a connection."""

    #: What a person typed, secret members included.
    typed: dict[str, Any] = {}
    #: The last answer of a token endpoint, and members of earlier answers that it left out.
    token: dict[str, Any] = {}
    #: The API key of this installation that belongs to the connection.
    own_key_id: int | None = None

    def __repr__(self) -> str:
        return "Stored(…)"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the vault, still sealed, with what decides about its renewal."""

    connection_id: str
    account_id: int
    tenant_id: str
    sealed: bytes
    generation: int
    expires_at: datetime | None
    state: str
    refresh_at: datetime | None
    retry_at: datetime | None
    retry_attempts: int
    archived_at: datetime | None

    def __repr__(self) -> str:
        return f"Credentials({self.connection_id}, generation={self.generation})"


class AuthChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One authentication option as the page and ``/connection-options`` show it."""

    key: str
    title: str
    description: str
    #: Goes to the app's own page.
    interactive: bool
    input_schema: dict[str, Any]
    parameters_schema: dict[str, Any]
    #: This installation itself: one click of a signed-in person.
    own: bool = False
    #: Why it cannot be used here, such as a missing OAuth client.
    missing: str = ""


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the connect page shows."""

    request: ConnectionRequest
    connector: Connector
    choices: Sequence[AuthChoice]
    connection: Connection | None
    account_name: str
    tenant_name: str

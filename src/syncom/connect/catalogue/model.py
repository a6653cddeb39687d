"""Values of the catalogue: what a connector folder says, what was made of it, and what is searched."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from syncom.connect.model import (
    AuthOption,
    Connector,
    Effect,
    Failure,
    Operation,
    Pagination,
    RateLimit,
    Schema,
    Shape,
    Step,
)

#: What ``connector.yaml`` and ``overlay.yaml`` and a document are called in messages.
SETTINGS_FILE, OVERLAY_FILE = "connector.yaml", "overlay.yaml"
#: Bytes of an OpenAPI document, of connector.yaml, of an overlay, of a logo.
MAX_DOCUMENT = 20 * 1024 * 1024
MAX_SETTINGS = 2 * 1024 * 1024
MAX_LOGO = 64 * 1024
#: Actions that one document may make.
MAX_OPERATIONS = 10_000
#: Characters of a key, and of what people read.
MAX_KEY, MAX_NAME, MAX_DESCRIPTION = 100, 120, 1000


class ActionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A hand-shaped action of connector.yaml. It replaces a generated one with the same key."""

    key: str
    name: str
    description: str = ""
    #: Unless given: read when all steps are GET or HEAD, destructive when one is DELETE, write otherwise.
    effect: Effect | None = None
    #: Unless given: whether all steps are GET, HEAD, PUT or DELETE.
    idempotent: bool | None = None
    #: May point into the document: ``{$ref: "#/components/schemas/Customer"}``.
    input_schema: Schema = {}
    output_schema: Schema = {}
    steps: tuple[Step, ...]
    output: Any = None
    keywords: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    #: operationIds of the document that this one stands for: they make no action of their own.
    replaces: tuple[str, ...] = ()


class ConnectorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What ``connector.yaml`` says. Everything but the key has a default in the document."""

    key: str = ""
    name: str = ""
    description: str = ""
    #: A file of the folder, an https address, or a data: URL.
    logo: str = ""
    categories: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    base_url: str = ""
    hosts: tuple[str, ...] = ()
    parameters: Schema | None = None
    headers: dict[str, str] = {}
    #: None: made of the document's security schemes.
    auth: tuple[AuthOption, ...] | None = None
    #: ``GET /me``; empty: the document's own.
    test: str = ""
    pagination: Pagination | None = None
    rate_limit: RateLimit | None = None
    failure: Failure | None = None
    actions: tuple[ActionSettings, ...] = ()
    generate: Literal["all", "none"] | tuple[str, ...] = "all"
    #: This installation itself. Of shipped connectors only.
    own: bool = False


class ActionDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An action before it has an id."""

    key: str
    name: str
    description: str = ""
    effect: Effect
    idempotent: bool
    input_schema: Schema
    output_schema: Schema
    operation: Operation | None = None
    shape: Shape | None = None
    keywords: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    #: Whether a person wrote the keywords and intents; otherwise they were made of names and paths.
    written: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A connector and its actions before they have ids. ``connector`` has empty ids."""

    connector: Connector
    actions: tuple[ActionDraft, ...]
    #: Operations of the document, those included that make no action.
    operations: int = 0
    #: What was left out or loosened, for the person who adds it.
    notes: tuple[str, ...] = ()


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A connector that was added, and how that went."""

    connector: Connector
    #: Actions it has now.
    actions: int
    operations: int
    notes: tuple[str, ...] = ()


class NewAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action made by a caller: of one connection, or (without one) of a connector within the account.

    ``config`` is that of type ``api-request-to-external-app``: ``{request: {method, path, query?, headers?, body?}}``,
    with formulas (membrane-api, 5.4).
    """

    connector_id: str = ""
    connection_id: str | None = None
    #: Made of the name when it is empty.
    key: str = ""
    name: str
    description: str = ""
    type: str = "api-request-to-external-app"
    config: Mapping[str, Any] = {}
    input_schema: Schema = {}
    output_schema: Schema = {}
    #: Unless given, by the method.
    effect: Effect | None = None
    idempotent: bool | None = None
    keywords: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()


class ActionChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of an action made by a caller; what is left out stays."""

    key: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    config: Mapping[str, Any] | UnsetType = UNSET
    input_schema: Schema | UnsetType = UNSET
    output_schema: Schema | UnsetType = UNSET
    effect: Effect | UnsetType = UNSET
    idempotent: bool | UnsetType = UNSET
    keywords: tuple[str, ...] | UnsetType = UNSET
    intents: tuple[str, ...] | UnsetType = UNSET


class SearchDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What an action is found by, in sections that weigh differently."""

    name: str
    keywords: tuple[str, ...]
    intents: tuple[str, ...]
    description: str
    #: The app's name, key and aliases.
    app: tuple[str, ...]

    @property
    def plain(self) -> str:
        """All of it but the app, a line a piece: what trigrams are compared with."""
        pieces = (self.name, ", ".join(self.keywords), *self.intents, self.description)
        return "\n".join(piece for piece in pieces if piece)

    @property
    def digest(self) -> bytes:
        """Changes when anything in it does."""
        return blake2b(msgspec.json.encode(self), digest_size=16).digest()

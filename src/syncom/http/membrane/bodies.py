"""Bodies of requests (membrane-api, 6). Unknown members are dropped; a member that is null counts as missing."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from syncom.connect.connections.model import ConnectionPatch, ConnectionWish
from syncom.errors import Invalid
from syncom.http.membrane.targets import Names

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Selector = Annotated[str, msgspec.Meta(max_length=500)]
Words = Annotated[str, msgspec.Meta(max_length=2000)]
Values = dict[str, Any]


class ConnectorTarget(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The members that name a connector."""

    connector_id: Selector | None = None
    connector_key: Selector | None = None
    integration_id: Selector | None = None
    integration_key: Selector | None = None
    external_app_id: Selector | None = None

    def names(self) -> Names:
        return Names(
            connector=self.connector_id or self.connector_key,
            integration=self.integration_id or self.integration_key,
            app=self.external_app_id,
        )


class ConnectionBody(ConnectorTarget, frozen=True, kw_only=True, rename="camel"):
    """A connection to be made."""

    name: Name | None = None
    key: Key | None = None
    auth_option_key: Selector | None = None
    #: What a person would type, such as ``{apiKey, baseUri?}``; tested at once, and never answered again.
    input: Values | None = None
    credentials: Values | None = None
    connector_parameters: Values | None = None
    meta: Values | None = None
    #: Words that name the app, or its address, in place of a connector.
    intent: Words | None = None
    redirect_uri: Words | None = None
    custom_state: Words | None = None
    allow_multiple_connections: bool | None = None

    def wish(self, connector: str | None = None) -> ConnectionWish:
        """``connector``: the one that was found by words; None: the one that the members name."""
        names = self.names()
        return ConnectionWish(
            connector=connector or names.connector or names.app,
            integration=None if connector else names.integration,
            key=self.key,
            name=self.name,
            auth_key=self.auth_option_key,
            credentials=self.credentials,
            input=self.input,
            parameters=self.connector_parameters,
            meta=self.meta,
            redirect_uri=self.redirect_uri,
            custom_state=self.custom_state,
            allow_multiple=bool(self.allow_multiple_connections),
        )


class ConnectionChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What to change of a connection; what is left out stays. ``intent`` is taken and means nothing here."""

    name: Name | None = None
    key: Key | None = None
    auth_option_key: Selector | None = None
    input: Values | None = None
    credentials: Values | None = None
    connector_parameters: Values | None = None
    meta: Values | None = None

    def patch(self) -> ConnectionPatch:
        return ConnectionPatch(
            key=self.key,
            name=self.name,
            auth_key=self.auth_option_key,
            input=self.input,
            credentials=self.credentials,
            parameters=self.connector_parameters,
            meta=self.meta,
        )


class EnsureBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An app to be connected, by its address or domain; ``intent``: by its name."""

    app_url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)] | None = None
    intent: Words | None = None
    name: Name | None = None

    def words(self) -> str:
        words = (self.app_url or self.intent or "").strip()
        if not words:
            raise Invalid("appUrl", "is required: the address or the domain of an app")
        return words


class ReconnectBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How to connect again; all optional."""

    auth_option_key: Selector | None = None
    input: Values | None = None
    credentials: Values | None = None
    connector_parameters: Values | None = None
    redirect_uri: Words | None = None

    def wish(self) -> ConnectionWish:
        return ConnectionWish(
            auth_key=self.auth_option_key,
            credentials=self.credentials,
            input=self.input,
            parameters=self.connector_parameters,
            redirect_uri=self.redirect_uri,
        )


class RequestBody(ConnectorTarget, frozen=True, kw_only=True, rename="camel"):
    """A person is to be asked to connect an app, or to connect one again (``connectionId``)."""

    connection_id: Selector | None = None
    connection_key: Key | None = None
    name: Name | None = None
    allow_multiple_connections: bool | None = None
    connector_parameters: Values | None = None
    auth_option_key: Selector | None = None
    redirect_uri: Words | None = None
    custom_state: Words | None = None

    def wish(self) -> ConnectionWish:
        names = self.names()
        return ConnectionWish(
            connector=names.connector or names.app,
            integration=names.integration,
            connection=self.connection_id,
            key=self.connection_key,
            name=self.name,
            auth_key=self.auth_option_key,
            parameters=self.connector_parameters,
            redirect_uri=self.redirect_uri,
            custom_state=self.custom_state,
            allow_multiple=bool(self.allow_multiple_connections),
        )


class ConnectBody(RequestBody, frozen=True, kw_only=True, rename="camel"):
    """The same, answered with the connection."""

    intent: Words | None = None
    input: Values | None = None
    credentials: Values | None = None
    meta: Values | None = None

    #: What a browser program calls this, to hear how it ends.
    request_id: Selector | None = None

    def full_wish(self) -> ConnectionWish:
        return replace(
            self.wish(),
            input=self.input,
            credentials=self.credentials,
            meta=self.meta,
            browser_request=self.request_id,
        )

    def new_connection(self) -> ConnectionBody:
        """The same as a connection to be made."""
        return ConnectionBody(
            name=self.name,
            key=self.connection_key,
            auth_option_key=self.auth_option_key,
            input=self.input,
            credentials=self.credentials,
            connector_parameters=self.connector_parameters,
            meta=self.meta,
            redirect_uri=self.redirect_uri,
            custom_state=self.custom_state,
        )


class OptionsBody(ConnectorTarget, frozen=True, kw_only=True, rename="camel"):
    """What the ways of connecting are asked for."""

    connection_id: Selector | None = None
    connection_key: Selector | None = None
    connector_parameters: Values | None = None

    def wish(self) -> ConnectionWish:
        names = self.names()
        return ConnectionWish(connector=names.connector or names.app, integration=names.integration)


class RunBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The input of an action."""

    input: Any = None
    #: Kept with the run.
    meta: Values | None = None

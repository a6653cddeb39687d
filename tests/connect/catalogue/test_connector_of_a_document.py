"""Where an app is, and how it is told who asks, as documents say it."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.connect.catalogue.compile import read_settings
from syncom.connect.model import AuthKind, Connector
from syncom.errors import Invalid
from tests.connect.catalogue.made import compiled

PATHS = {"/x": {"get": {"operationId": "x"}}, "/v1/me": {"get": {"operationId": "me"}}}


def connector(source: str = "", settings: str = "key: x", **more: Any) -> Connector:
    document = {"openapi": "3.1.0", "info": {"title": "My App"}, "paths": PATHS, **more}
    return compiled(document, settings=read_settings(settings.encode()), source=source).connector


@pytest.mark.parametrize(
    ("servers", "source", "base", "hosts", "domains"),
    [
        (["https://api.a.example/v1/"], "", "https://api.a.example/v1", (), ("a.example",)),
        (["//a.example"], "", "https://a.example", (), ("a.example",)),
        (["/v2"], "https://docs.a.example/spec/openapi.json", "https://docs.a.example/v2", (), ("docs.a.example",)),
        (["/v2"], "", "{baseUri}", (), ()),
        ([], "", "{baseUri}", (), ()),
        (
            ["https://{zone}.a.example", "https://files.b.example:8443/x"],
            "",
            "https://{zone}.a.example",
            ("files.b.example",),
            ("a.example",),
        ),
        (["https://a.example", "https://{any}.example"], "", "https://a.example", (), ("a.example",)),
        (["javascript:alert(1)"], "", "{baseUri}", (), ()),
    ],
)
def test_servers(servers: list[str], source: str, base: str, hosts: tuple[str, ...], domains: tuple[str, ...]) -> None:
    found = connector(source, servers=[{"url": url} for url in servers])
    assert (found.base_url, found.hosts, found.domains) == (base, hosts, domains)


def test_variables_of_a_server_are_parameters() -> None:
    variables = {"shop": {"default": "demo", "description": "Yours."}, "zone": {"default": "eu", "enum": ["eu", "us"]}}
    found = connector(servers=[{"url": "https://{shop}.{zone}.a.example", "variables": variables}])
    assert found.parameters_schema == {
        "type": "object",
        "properties": {
            "shop": {"type": "string", "title": "shop", "default": "demo", "description": "Yours."},
            "zone": {"type": "string", "title": "zone", "enum": ["eu", "us"], "default": "eu"},
        },
    }


def test_several_servers_are_a_choice_but_not_where_a_clients_secret_would_go() -> None:
    servers = [{"url": "https://eu.a.example"}, {"url": "https://us.a.example"}]
    assert connector(servers=servers).base_url == "{server}"
    flows = {"authorizationCode": {"authorizationUrl": "https://a.example/o", "tokenUrl": "https://a.example/t"}}
    components = {"securitySchemes": {"o": {"type": "oauth2", "flows": flows}}}
    found = connector(servers=servers, components=components)
    assert (found.base_url, found.hosts) == ("https://eu.a.example", ("us.a.example",))


def test_settings_stand_before_the_document() -> None:
    found = connector(
        settings="key: x\nname: Y\nbaseUrl: https://y.example/\nhosts: [z.example]\nauth: []\ntest: GET /y",
        servers=[{"url": "https://a.example"}],
    )
    assert (found.name, found.base_url, found.hosts, found.auth, found.test) == (
        "Y",
        "https://y.example",
        ("z.example",),
        (),
        ("GET", "/y"),
    )


def test_the_call_that_proves_credentials_is_one_that_needs_nothing_else() -> None:
    assert connector().test == ("GET", "/v1/me")


@pytest.mark.parametrize(
    ("scheme", "kind", "placed"),
    [
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, AuthKind.API_KEY, {"headers": {"X-Key": "{apiKey}"}}),
        ({"type": "apiKey", "in": "query", "name": "key"}, AuthKind.API_KEY, {"query": {"key": "{apiKey}"}}),
        ({"type": "apiKey", "in": "cookie", "name": "s"}, AuthKind.API_KEY, {"cookies": {"s": "{apiKey}"}}),
        ({"type": "http", "scheme": "Basic"}, AuthKind.BASIC, {"basic": ("{username}", "{password}")}),
        ({"type": "http", "scheme": "bearer"}, AuthKind.BEARER, {"headers": {"Authorization": "Bearer {token}"}}),
        ({"type": "http", "scheme": "hoba"}, AuthKind.FIELDS, {"headers": {"Authorization": "{authorization}"}}),
        ({"type": "openIdConnect"}, AuthKind.BEARER, {"headers": {"Authorization": "Bearer {token}"}}),
        (
            {"type": "oauth2", "flows": {"implicit": {}}},
            AuthKind.BEARER,
            {"headers": {"Authorization": "Bearer {token}"}},
        ),
    ],
)
def test_security_schemes(scheme: dict[str, Any], kind: AuthKind, placed: dict[str, Any]) -> None:
    option = connector(components={"securitySchemes": {"My scheme": scheme}}).auth[0]
    assert (option.key, option.kind) == ("my-scheme", kind)
    for member in ("headers", "query", "cookies", "basic"):
        assert getattr(option, member) == placed.get(member, None if member == "basic" else {})
    hidden = [one for one in option.input_schema["properties"].values() if one.get("writeOnly")]
    assert hidden, "what a person types is never shown again"


def test_oauth_has_its_addresses_and_scopes() -> None:
    flow = {
        "authorizationUrl": "https://a.example/o",
        "tokenUrl": "https://a.example/t",
        "scopes": {"read": "", "send": ""},
    }
    options = connector(
        components={"securitySchemes": {"o": {"type": "oauth2", "flows": {"authorizationCode": flow}}}}
    ).auth
    assert [one.kind for one in options] == [AuthKind.OAUTH2, AuthKind.BEARER]
    assert options[0].oauth is not None
    assert (options[0].oauth.authorize_url, options[0].oauth.token_url) == (
        "https://a.example/o",
        "https://a.example/t",
    )
    assert options[0].oauth.scopes == ("read", "send")
    assert options[0].headers == {"Authorization": "Bearer {access_token}"}


def test_nothing_to_ask_for_is_no_authentication() -> None:
    assert [one.kind for one in connector().auth] == [AuthKind.NONE]
    only_mutual = connector(components={"securitySchemes": {"m": {"type": "mutualTLS"}}})
    assert [one.kind for one in only_mutual.auth] == [AuthKind.NONE]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ("key: X", "key"),
        ("key: x\nbaseUrl: ftp://a.example", "connector.yaml: baseUrl"),
        ("key: x\nauth: [{key: a, kind: oauth2}]", "connector.yaml: auth[0].oauth"),
        ("key: x\nauth: [{key: a, kind: none}, {key: a, kind: none}]", "connector.yaml: auth"),
        (
            "key: x\nauth: [{key: a, kind: fields, inputSchema: {type: nonsense}}]",
            "connector.yaml: auth[0].inputSchema",
        ),
        ("key: x\nparameters: {properties: 1}", "connector.yaml: parameters"),
        ("key: x\nactions: [{key: a, name: A, steps: []}]", "connector.yaml: actions.a.steps"),
        ("key: x\nactions: [{key: A b, name: A, steps: [{path: /}]}]", "connector.yaml: actions.A b.key"),
        ("key: x\nactions: [{key: a, name: A, steps: [{path: /, colour: 1}]}]", "connector.yaml: actions[0].steps[0]"),
        (
            "key: x\nactions: [{key: a, name: A, steps: [{path: /}], inputSchema: {required: 1}}]",
            "connector.yaml: actions.a.inputSchema",
        ),
        ("key: 1", "connector.yaml: key"),
    ],
)
def test_wrong_settings_are_refused_by_file_and_place(settings: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        connector(settings=settings)
    assert refused.value.fields[0].field == field


def test_a_schema_of_the_settings_may_point_into_the_document() -> None:
    settings = (
        "key: x\ngenerate: none\nactions:\n  - {key: a, name: A, steps: [{method: PUT, path: /a}],"
        " inputSchema: {type: object, properties: {pet: {$ref: '#/components/schemas/Pet'}}}}"
    )
    document = {
        "openapi": "3.0.0",
        "info": {"title": "X"},
        "paths": PATHS,
        "components": {"schemas": {"Pet": {"type": "string", "nullable": True}}},
    }
    found = compiled(document, settings=read_settings(settings.encode())).actions
    assert [one.key for one in found] == ["a"]
    assert found[0].input_schema["$defs"] == {"Pet": {"type": ["string", "null"]}}
    assert found[0].idempotent

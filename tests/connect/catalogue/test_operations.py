"""Operations as actions: what the input looks like, and where each of its members goes."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.connect.catalogue.model import ConnectorSettings
from syncom.connect.model import Argument, Effect, Place
from syncom.errors import Invalid
from tests.connect.catalogue.made import check, compiled, operation

STRING = {"type": "string"}


def body(schema: Any, media: str = "application/json", **more: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {media: {"schema": schema}}, **more}}


def places(action: Any) -> dict[str, tuple[Place, str]]:
    return {one.input: (one.place, one.name) for one in action.operation.arguments}


@pytest.mark.parametrize(
    ("method", "effect", "idempotent"),
    [
        ("get", Effect.READ, True),
        ("head", Effect.READ, True),
        ("post", Effect.WRITE, False),
        ("patch", Effect.WRITE, False),
        ("put", Effect.WRITE, True),
        ("delete", Effect.DESTRUCTIVE, True),
    ],
)
def test_a_method_says_what_an_action_does(method: str, effect: Effect, idempotent: bool) -> None:
    action = operation({}, method=method)
    assert (action.effect, action.idempotent) == (effect, idempotent)
    named = {"x-action": {"key": "Do it", "name": "Do", "effect": "destructive", "idempotent": not idempotent}}
    action = operation(named, method=method)
    assert (action.key, action.name, action.effect, action.idempotent) == (
        "do-it",
        "Do",
        Effect.DESTRUCTIVE,
        not idempotent,
    )


@pytest.mark.parametrize(
    ("given", "path", "key", "name"),
    [
        ({"operationId": "getContactsByID"}, "/x", "get-contacts-by-id", "Get contacts by ID"),
        ({"operationId": "contacts.v2/list"}, "/x", "contacts-v2-list", "Contacts v2 list"),
        (
            {"operationId": "", "summary": "**List** contacts."},
            "/contacts/{id}/x",
            "post-contacts-id-x",
            "List contacts",
        ),
        ({"operationId": "список"}, "/contacts", "post-contacts", "Список"),
        ({"operationId": None}, "/", "post", "Post"),
    ],
)
def test_keys_and_names(given: dict[str, Any], path: str, key: str, name: str) -> None:
    action = operation(given, path=path)
    assert (action.key, action.name) == (key, name)


def test_a_description_is_plain_and_cut_behind_a_sentence() -> None:
    long = "# Head\n\nIt <b>sends</b> a [mail](https://x.example).\n\n* one\n* `two`\n\n" + "And more of it. " * 200
    action = operation({"description": long, "deprecated": True})
    assert action.description.startswith("Deprecated. Head It sends a mail. one two And more of it.")
    assert action.description.endswith("it.")
    assert len(action.description) <= 1020
    assert operation({"summary": "Only a summary"}).description == "Only a summary"


def test_members_of_a_body_stand_beside_the_parameters() -> None:
    schema = {"type": "object", "required": ["email"], "properties": {"email": STRING, "age": {"type": "integer"}}}
    action = operation(
        {"parameters": [{"name": "notify", "in": "query", "schema": {"type": "boolean"}}], **body(schema)},
        path="/lists/{list}/people",
    )
    check(action)
    assert places(action) == {
        "list": (Place.PATH, "list"),
        "notify": (Place.QUERY, "notify"),
        "email": (Place.BODY, "email"),
        "age": (Place.BODY, "age"),
    } or list(places(action)) == ["notify", "list", "email", "age"]
    assert sorted(action.input_schema["required"]) == ["email", "list"]
    assert "additionalProperties" not in action.input_schema
    closed = operation(body({**schema, "additionalProperties": False}))
    assert closed.input_schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": STRING},
        {"type": "string"},
        {"type": "object"},
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": True},
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": STRING},
        {"type": "object", "properties": {"id": STRING}},
        {"type": "object", "properties": {"bad name": STRING}},
        {"type": "object", "properties": {"a": STRING}, "nullable": True},
        {"oneOf": [{"type": "object", "properties": {"a": STRING}}, {"type": "string"}]},
        {"allOf": [{"type": "object", "properties": {"a": STRING}}, {"type": "object", "properties": {"a": STRING}}]},
        {"allOf": [{"type": "object", "properties": {"a": STRING}}, {"oneOf": [{"required": ["a"]}]}]},
        {},
        True,
    ],
    ids=str,
)
def test_a_body_that_cannot_stand_beside_them_comes_whole(schema: Any) -> None:
    action = operation(body(schema, required=True), path="/x/{id}")
    check(action)
    assert places(action) == {"id": (Place.PATH, "id"), "body": (Place.WHOLE_BODY, "body")}
    assert sorted(action.input_schema["required"]) == ["body", "id"]


def test_parts_of_an_all_of_are_gathered() -> None:
    named = {"type": "object", "required": ["name"], "properties": {"name": STRING}}
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Named"},
            {"type": "object", "properties": {"age": {"type": "integer"}}},
        ]
    }
    action = operation(body(schema), schemas={"Named": named})
    check(action)
    assert list(places(action)) == ["name", "age"]
    assert action.input_schema["required"] == ["name"]


def test_a_body_named_body_and_a_parameter_named_body() -> None:
    action = operation({"parameters": [{"name": "body", "in": "query", "schema": STRING}], **body({"type": "array"})})
    assert places(action) == {"body": (Place.QUERY, "body"), "request_body": (Place.WHOLE_BODY, "request_body")}


@pytest.mark.parametrize(
    ("more", "required", "dependent"),
    [
        ({}, ["a"], None),
        ({"required": True}, ["a"], None),
        ({"required": False}, None, {"b": ["a"]}),
    ],
)
def test_what_an_optional_body_must_have(more: Any, required: Any, dependent: Any) -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": STRING, "b": STRING}}
    found = operation(body(schema, **more)).input_schema
    assert found.get("required") == required
    assert found.get("dependentRequired") == dependent


def test_the_operations_own_parameter_counts_before_the_paths() -> None:
    document = {
        "openapi": "3.0.0",
        "info": {"title": "X"},
        "paths": {
            "/x/{id}/{other}": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": STRING},
                    {"name": "q", "in": "query", "schema": STRING, "description": "Of the path."},
                    {"name": "gone", "in": "path", "schema": STRING},
                ],
                "get": {
                    "parameters": [
                        {"name": "q", "in": "query", "required": True, "schema": {"type": "integer"}, "example": 5}
                    ]
                },
            }
        },
    }
    action = compiled(document).actions[0]
    check(action)
    assert action.input_schema["properties"] == {
        "id": STRING,
        "q": {"type": "integer", "examples": [5]},
        "other": STRING,
    }
    assert sorted(action.input_schema["required"]) == ["id", "other", "q"]


def test_styles_are_kept_and_headers_of_the_request_are_no_input() -> None:
    array = {"type": "array", "items": STRING}
    action = operation(
        {
            "parameters": [
                {"name": "a", "in": "query", "schema": array, "style": "pipeDelimited", "explode": False},
                {"name": "b", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
                {"name": "c", "in": "cookie", "schema": STRING, "deprecated": True},
                *({"name": name, "in": "header", "schema": STRING} for name in ("X-A", "Accept", "authorization")),
            ]
        }
    )
    check(action)
    assert action.operation is not None
    assert action.operation.arguments == (
        Argument(input="a", place=Place.QUERY, name="a", style="pipeDelimited", explode=False),
        Argument(input="b", place=Place.QUERY, name="b", style="json"),
        Argument(input="c", place=Place.COOKIE, name="c"),
        Argument(input="X-A", place=Place.HEADER, name="X-A"),
    )
    assert action.input_schema["properties"]["c"]["deprecated"] is True


@pytest.mark.parametrize(
    ("media", "expected", "style"),
    [
        ("text/plain", "text/plain", ""),
        ("application/xml", "application/xml", ""),
        ("image/png", "image/png", "file"),
        ("application/octet-stream", "application/octet-stream", "file"),
        ("image/*", "application/octet-stream", "file"),
    ],
)
def test_other_bodies_are_text_or_a_file(media: str, expected: str, style: str) -> None:
    action = operation(body(STRING, media))
    check(action)
    assert action.operation is not None
    assert (action.operation.media, action.operation.arguments[0].style) == (expected, style)


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (["multipart/form-data", "application/json; charset=utf-8"], "application/json"),
        (["application/xml", "application/x-www-form-urlencoded", "multipart/form-data"], "multipart/form-data"),
        (["application/json-patch+json", "application/merge-patch+json"], "application/merge-patch+json"),
        (["text/plain", "application/vnd.api+json"], "application/vnd.api+json"),
        (["*/*"], "application/json"),
    ],
)
def test_of_several_kinds_of_body_the_handiest_is_taken(offered: list[str], taken: str) -> None:
    content = {media: {"schema": {"type": "object", "properties": {"a": STRING}}} for media in offered}
    action = operation({"requestBody": {"content": content}})
    assert action.operation is not None
    assert action.operation.media == taken


def test_the_output_is_that_of_the_first_success_in_json() -> None:
    def answer(kind: str, media: str = "application/json") -> dict[str, Any]:
        return {"content": {media: {"schema": {"type": kind}}}}

    found = operation(
        {"responses": {"404": answer("null"), "204": {}, "201": answer("object"), "default": answer("array")}}
    )
    assert found.output_schema == {"type": "object"}
    assert operation({"responses": {"default": answer("array")}}).output_schema == {"type": "array"}
    assert operation({"responses": {"200": answer("string", "text/csv")}}).output_schema == {}


def test_words_are_made_when_nobody_wrote_any() -> None:
    listing = operation({"tags": ["Sales"]}, path="/v1/shops/{shop}/orders", method="get")
    assert {"sales", "orders", "order", "shop"} <= set(listing.keywords)
    assert not listing.written
    assert "list shop orders" in listing.intents
    written = operation({"x-search": {"keywords": ["a"], "intents": ["do a", "do b", "do c"]}})
    assert (written.keywords, written.intents, written.written) == (("a",), ("do a", "do b", "do c"), True)


def test_an_operation_may_say_how_it_is_paged() -> None:
    paged = operation({"x-pagination": {"style": "cursor", "parameter": "after"}})
    assert paged.operation is not None
    assert paged.operation.pagination is not None
    assert paged.operation.pagination.parameter == "after"
    with pytest.raises(Invalid, match="x-pagination"):
        operation({"x-pagination": {"style": "cursor", "colour": "red"}})


def test_more_operations_than_anybody_needs_are_refused_unless_some_are_chosen() -> None:
    paths = {f"/x{number}": {"get": {"operationId": f"op{number}"}} for number in range(10_001)}
    document = {"openapi": "3.0.0", "info": {"title": "X"}, "paths": paths}
    with pytest.raises(Invalid, match="generate in connector"):
        compiled(document)
    chosen = compiled(document, settings=ConnectorSettings(key="x", generate=("op7", "GET /x8")))
    assert [one.key for one in chosen.actions] == ["op7", "op8"]

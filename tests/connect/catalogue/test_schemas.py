"""Schemas of OpenAPI documents as JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from syncom.connect.catalogue.schemas import INPUT_BUDGET
from syncom.errors import Invalid
from tests.connect.catalogue.made import check, compiled, operation, references

ROOT = "#/components/schemas/"


def converted(schema: Any, **schemas: Any) -> dict[str, Any]:
    """A schema as an output."""
    answer = {"200": {"content": {"application/json": {"schema": schema}}}}
    action = operation({"responses": answer}, schemas=schemas)
    check(action)
    return action.output_schema


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "x-nullable": True}, {"type": ["string", "null"]}),
        ({"nullable": True}, {}),
        ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"nullable": True, "oneOf": [{"type": "string"}]},
            {"anyOf": [{"oneOf": [{"type": "string"}]}, {"type": "null"}]},
        ),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, {"type": "number", "exclusiveMinimum": 0}),
        ({"type": "number", "maximum": 9, "exclusiveMaximum": False}, {"type": "number", "maximum": 9}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "exclusiveMinimum": 0}),
        ({"type": "string", "example": "x"}, {"type": "string", "examples": ["x"]}),
        ({"type": "string", "examples": {"a": {"value": "x"}}}, {"type": "string"}),
        ({"type": "string", "example": "x" * 500}, {"type": "string"}),
        ({"type": "string", "enum": [1, True, "1"]}, {"type": "string", "enum": ["1", "true"]}),
        ({"type": "string", "pattern": "^(a"}, {"type": "string"}),
        (
            {"type": "string", "pattern": "^a$", "minLength": 1.0, "maxLength": "9"},
            {"type": "string", "pattern": "^a$", "minLength": 1},
        ),
        ({"type": "any"}, {}),
        ({"type": ["string", "nonsense", "null"]}, {"type": ["string", "null"]}),
        ({"type": "file"}, {"type": "string", "format": "binary"}),
        ({"type": "int64"}, {}),
        ({"type": "integer", "required": True}, {"type": "integer"}),
        ({"type": "array", "items": [{"type": "string"}]}, {"type": "array", "prefixItems": [{"type": "string"}]}),
        ({"type": "object", "additionalProperties": False}, {"type": "object", "additionalProperties": False}),
        ({"allOf": [], "anyOf": "x", "enum": [], "properties": [], "multipleOf": 0}, {}),
        (
            {"xml": {"name": "a"}, "x-thing": 1, "externalDocs": {}, "description": "**B** <i>c</i>"},
            {"description": "B c"},
        ),
        ({"title": "T", "description": "D"}, {"description": "D"}),
        ({"properties": {"$ref": {"type": "string"}}}, {"properties": {"$ref": {"type": "string"}}}),
        ({"discriminator": {"propertyName": "kind"}}, {"description": "`kind` says which kind it is."}),
        (
            {"not": {"type": "string"}, "if": True, "then": {"const": None}},
            {"not": {"type": "string"}, "if": True, "then": {"const": None}},
        ),
        (True, {}),
        (False, {"not": {}}),
        ("nonsense", {}),
    ],
    ids=str,
)
def test_keywords_are_rewritten_or_left_out(given: Any, expected: dict[str, Any]) -> None:
    if given == {"type": "int64"}:
        expected = {"type": "integer"}
    assert converted(given) == expected


def test_references_become_definitions_and_those_that_are_not_needed_stay_away() -> None:
    found = converted(
        {"type": "array", "items": {"$ref": f"{ROOT}Order"}},
        Order={
            "type": "object",
            "properties": {"customer": {"$ref": f"{ROOT}Customer"}, "next": {"$ref": f"{ROOT}Order"}},
        },
        Customer={"type": "object", "properties": {"orders": {"type": "array", "items": {"$ref": f"{ROOT}Order"}}}},
        Other={"type": "string"},
    )
    assert list(found["$defs"]) == ["Order", "Customer"]
    assert found["items"] == {"$ref": "#/$defs/Order"}
    valid = jsonschema_rs.Draft202012Validator(found)
    assert valid.is_valid([{"customer": {"orders": [{"next": {}}]}}])
    assert not valid.is_valid([{"customer": {"orders": [{"next": 1}]}}])


def test_what_an_answer_is_stands_on_top_and_is_a_definition_only_when_it_is_circular() -> None:
    assert converted({"$ref": f"{ROOT}A"}, A={"type": "string"}) == {"type": "string"}
    found = converted({"$ref": f"{ROOT}A"}, A={"type": "object", "properties": {"a": {"$ref": f"{ROOT}A"}}})
    assert found["type"] == "object"
    assert list(found["$defs"]) == ["A"]


def test_definitions_of_one_name_are_told_apart() -> None:
    nested = {"type": "object", "properties": {"Id": {"type": "integer"}}}
    found = converted(
        {"anyOf": [{"$ref": f"{ROOT}Id"}, {"$ref": f"{ROOT}Nested/properties/Id"}]},
        Id={"type": "string"},
        Nested=nested,
    )
    assert found["$defs"] == {"Id": {"type": "string"}, "Id_2": {"type": "integer"}}


@pytest.mark.parametrize(
    "schemas",
    [
        {"A": {"$ref": f"{ROOT}A"}},
        {"A": {"allOf": [{"$ref": f"{ROOT}B"}]}, "B": {"anyOf": [{"$ref": f"{ROOT}A"}]}},
        {"A": {"not": {"$ref": f"{ROOT}A"}}},
        {"A": {"$ref": f"{ROOT}B"}, "B": {"$ref": f"{ROOT}C"}, "C": {"$ref": f"{ROOT}A"}},
    ],
)
def test_definitions_that_mean_themselves_are_opened(schemas: dict[str, Any]) -> None:
    found = converted({"type": "array", "items": {"$ref": f"{ROOT}A"}}, **schemas)
    assert jsonschema_rs.Draft202012Validator(found).is_valid([1])


def test_a_base_that_lists_its_kinds_stays_what_its_kinds_include() -> None:
    base = {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"type": "string"}},
        "oneOf": [{"$ref": f"{ROOT}Cat"}],
    }
    cat = {"allOf": [{"$ref": f"{ROOT}Pet"}, {"type": "object", "properties": {"lives": {"type": "integer"}}}]}
    found = converted({"type": "array", "items": {"$ref": f"{ROOT}Cat"}}, Pet=base, Cat=cat)
    valid = jsonschema_rs.Draft202012Validator(found)
    assert valid.is_valid([{"kind": "cat", "lives": 9}])
    assert not valid.is_valid([{"lives": 9}])
    assert not valid.is_valid([{"kind": "cat", "lives": "nine"}])


def test_a_reference_to_nothing_allows_anything_and_is_said() -> None:
    document = {
        "openapi": "3.0.0",
        "info": {"title": "X"},
        "paths": {
            "/x": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": f"{ROOT}No"}}}}}}
        },
    }
    draft = compiled(document)
    assert f"{ROOT}No is not in the document: anything is allowed there" in draft.notes
    check(draft.actions[0])


@pytest.mark.parametrize("place", ["other.yaml#/A", "https://x.example/a.json", "./a.json"])
def test_a_reference_to_another_document_is_refused(place: str) -> None:
    with pytest.raises(Invalid, match="bundle them"):
        converted({"type": "array", "items": {"$ref": place}})


def test_what_the_app_alone_sets_is_no_input_and_what_it_never_shows_no_output() -> None:
    thing = {
        "type": "object",
        "required": ["id", "name", "secret"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "name": {"type": "string"},
            "secret": {"type": "string", "writeOnly": True},
            "inner": {"type": "array", "items": {"$ref": f"{ROOT}Thing"}},
        },
    }
    body = {"content": {"application/json": {"schema": {"$ref": f"{ROOT}Thing"}}}}
    action = operation(
        {"requestBody": {"required": True, **body}, "responses": {"200": body}}, schemas={"Thing": thing}
    )
    check(action)
    assert list(action.input_schema["properties"]) == ["name", "secret", "inner"]
    assert action.input_schema["required"] == ["name", "secret"]
    assert list(action.input_schema["$defs"]["Thing"]["properties"]) == ["name", "secret", "inner"]
    assert list(action.output_schema["properties"]) == ["id", "name", "inner"]
    assert action.output_schema["required"] == ["id", "name"]


def test_schemas_that_reach_everything_are_cut_off_far_away() -> None:
    schemas = {
        f"S{number}": {
            "type": "object",
            "description": "x" * 250,
            "properties": {"a": {"$ref": f"{ROOT}S{number * 2 + 1}"}, "b": {"$ref": f"{ROOT}S{number * 2 + 2}"}},
        }
        for number in range(2000)
    }
    schemas |= {f"S{number}": {"type": "string"} for number in range(2000, 4001)}
    body = {"content": {"application/json": {"schema": {"$ref": f"{ROOT}S0"}}}}
    action = operation({"requestBody": body, "responses": {"200": body}}, schemas=schemas)
    check(action)
    assert len(str(action.input_schema)) < INPUT_BUDGET * 1.3
    assert len(str(action.output_schema)) < len(str(action.input_schema)) / 2
    assert action.input_schema["$defs"]["S1"]["type"] == "object", "what is near is whole"
    assert {} in action.input_schema["$defs"].values()


def test_long_chains_take_no_recursion() -> None:
    schemas: dict[str, Any] = {f"C{number}": {"$ref": f"{ROOT}C{number + 1}"} for number in range(3000)}
    found = converted({"type": "array", "items": {"$ref": f"{ROOT}C0"}}, **schemas, C3000={"type": "string"})
    assert len(references(found)) > 500

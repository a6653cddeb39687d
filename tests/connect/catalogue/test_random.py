"""Whatever a document says, an action that is made of it is sound."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.errors import Invalid
from tests.connect.catalogue.made import check, compiled

NAMES = st.sampled_from(["A", "B", "C", "D/e~f g", "Ж"])
POINTERS = NAMES.map(lambda name: "#/components/schemas/" + name.replace("~", "~0").replace("/", "~1"))
JUNK = st.sampled_from([None, True, 0, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, [None], ["a", "a"]])
KEYWORDS = st.sampled_from(
    [
        "type",
        "nullable",
        "enum",
        "required",
        "default",
        "example",
        "examples",
        "pattern",
        "format",
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "exclusiveMaximum",
        "minLength",
        "multipleOf",
        "const",
        "title",
        "description",
        "readOnly",
        "writeOnly",
        "deprecated",
        "discriminator",
        "xml",
        "x-own",
        "$id",
        "$schema",
        "$anchor",
        "$defs",
        "dependentRequired",
        "uniqueItems",
        "contentEncoding",
        "$dynamicRef",
    ]
)
TYPES = st.sampled_from(["string", "object", "array", "integer", "null", "file", "any", ["string", "null"], [], "x"])


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "$ref": POINTERS,
            "nullable": st.booleans(),
            "properties": st.dictionaries(
                st.sampled_from(["a", "b", "id", "x[y]", "$ref", "кількість", ""]), inner, max_size=3
            ),
            "required": st.lists(st.sampled_from(["a", "b", "id", "z"]), max_size=3),
            "items": inner | st.lists(inner, max_size=2),
            "additionalProperties": inner | st.booleans(),
            "allOf": st.lists(inner, max_size=2),
            "oneOf": st.lists(inner, max_size=2),
            "anyOf": st.lists(inner, max_size=2),
            "not": inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "(", "\\Z"]), inner, max_size=1),
            "prefixItems": st.lists(inner, max_size=2),
            "if": inner,
        },
    )


PLAIN = st.dictionaries(KEYWORDS, JUNK, max_size=4) | JUNK | st.fixed_dictionaries({"$ref": POINTERS})
SCHEMAS = st.recursive(PLAIN, _grown, max_leaves=5)
MEDIA = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
        "*/*",
        "image/png",
        "a",
    ]
)
CONTENT = st.dictionaries(MEDIA, st.fixed_dictionaries({}, optional={"schema": SCHEMAS, "encoding": JUNK}), max_size=2)
PARAMETERS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["id", "a", "filter[x]", "X-Key", "", "body"]),
        "in": st.sampled_from(["path", "query", "header", "cookie", "body", "x"]),
    },
    optional={
        "schema": SCHEMAS,
        "content": CONTENT,
        "required": st.booleans(),
        "style": JUNK,
        "explode": JUNK,
        "description": JUNK,
    },
)
ANSWERS = st.dictionaries(
    st.sampled_from(["200", "2XX", "default", "x"]), st.fixed_dictionaries({"content": CONTENT}), min_size=1, max_size=2
)
OPERATIONS = st.fixed_dictionaries(
    {
        "parameters": st.lists(PARAMETERS, max_size=4),
        "requestBody": st.fixed_dictionaries({"content": CONTENT}, optional={"required": JUNK}),
        "responses": ANSWERS,
    },
    optional={
        "operationId": st.sampled_from(["get", "getX", "отримати", "", "a" * 200]),
        "summary": JUNK,
        "description": JUNK,
        "tags": JUNK,
        "security": JUNK,
        "servers": JUNK,
        "deprecated": JUNK,
        "x-action": JUNK,
        "x-search": JUNK,
    },
)
#: One of their members is something else altogether.
BROKEN = st.builds(
    lambda operation, name, junk: {**operation, name: junk},
    OPERATIONS,
    st.sampled_from(["parameters", "requestBody", "responses", "operationId"]),
    JUNK | st.lists(JUNK, max_size=2) | st.dictionaries(st.just("content"), JUNK),
)
METHODS = st.sampled_from(["get", "put", "post", "delete", "patch", "query", "trace", "parameters", "x-own"])
PATHS = st.dictionaries(
    st.sampled_from(["/", "/a", "/a/{id}", "/a/{id}/{id}", "/{}", "/a{id}?x=1", "b", "x-own"]),
    st.dictionaries(METHODS, st.one_of(OPERATIONS, OPERATIONS, BROKEN, JUNK), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    paths=PATHS,
    schemas=st.dictionaries(NAMES, SCHEMAS, max_size=4),
    servers=JUNK | st.lists(st.fixed_dictionaries({"url": st.sampled_from(["/", "", "https://a.example/{b}", "{x}"])})),
    security=JUNK | st.dictionaries(NAMES, st.fixed_dictionaries({"type": JUNK}), max_size=2),
    version=st.sampled_from(["3.0.3", "3.1.0", "3.2.0"]),
)
def test_an_action_of_any_document_is_sound(
    paths: Any, schemas: Any, servers: Any, security: Any, version: str
) -> None:
    document = {
        "openapi": version,
        "info": {"title": "X"},
        "paths": paths,
        "servers": servers,
        "components": {"schemas": schemas, "securitySchemes": security},
    }
    try:
        draft = compiled(document)
    except Invalid:
        return
    for action in draft.actions:
        check(action)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    parameters=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["id", "a", "b[]"]),
                "in": st.sampled_from(["path", "query", "formData", "body", "header"]),
            },
            optional={
                "type": TYPES,
                "items": SCHEMAS,
                "schema": SCHEMAS,
                "required": JUNK,
                "collectionFormat": JUNK,
                "enum": JUNK,
            },
        )
        | JUNK,
        max_size=4,
    ),
    definitions=st.dictionaries(NAMES, SCHEMAS, max_size=3),
    consumes=JUNK,
    security=JUNK,
)
def test_an_action_of_any_swagger_document_is_sound(
    parameters: Any, definitions: Any, consumes: Any, security: Any
) -> None:
    operation = {
        "parameters": parameters,
        "consumes": consumes,
        "responses": {"200": {"schema": {"$ref": "#/definitions/A"}}},
    }
    document = {
        "swagger": "2.0",
        "info": {"title": "X"},
        "paths": {"/a/{id}": {"post": operation, "get": operation, "parameters": parameters}},
        "definitions": definitions,
        "components": {"schemas": definitions},
        "securityDefinitions": security,
    }
    try:
        draft = compiled(document)
    except Invalid:
        return
    for action in draft.actions:
        check(action)

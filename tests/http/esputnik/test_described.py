"""The document of the connector: current, complete, and readable by somebody who has never seen the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemathesis
import yaml

from syncom.http.esputnik.app import METHODS
from syncom.http.esputnik.described import DOCUMENT, document_text

#: What pages of web sites call, without a key.
_OF_PAGES = {"/v2", "/v2/script/{file:text}", "/v2/webpush", "/v2/webpush/{file:text}"}


def document() -> dict[str, Any]:
    return yaml.safe_load(DOCUMENT.read_text("utf-8"))


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document()["paths"].items():
        for verb, operation in item.items():
            yield f"{verb.upper()} {path}", operation


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == document_text(), (
        "methods or their words have changed: run python -m syncom.http.esputnik.described"
    )


def test_every_method_that_takes_a_key_is_described() -> None:
    assert len(list(operations())) == len([method for method in METHODS if method.path not in _OF_PAGES])


def test_operations_are_named_once_and_described() -> None:
    found = list(operations())
    assert len({operation["operationId"] for _, operation in found}) == len(found)
    for name, operation in found:
        assert operation["operationId"].isalnum(), name
        assert operation["summary"], name
        assert len(operation["description"]) > 20 or operation["description"].startswith("The same"), name
        assert all(parameter["description"] for parameter in operation.get("parameters", ())), name


def test_every_member_of_every_schema_is_described() -> None:
    for name, schema in document()["components"]["schemas"].items():
        assert schema["description"], name
        for member, described in schema.get("properties", {}).items():
            assert described["description"], f"{name}.{member}"


def test_every_reference_leads_to_something() -> None:
    whole = document()

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in set(references(whole)):
        found = whole
        for piece in reference.removeprefix("#/").split("/"):
            assert piece in found, reference
            found = found[piece]


def test_clients_can_be_made_of_the_document() -> None:
    schema = schemathesis.openapi.from_dict(document())
    schema.validate()
    assert all(found.ok() for found in schema.get_all_operations())

"""Compiling documents in tests, and what is true of every action."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import msgspec

from syncom.connect.catalogue.compile import Sources, compile_connector
from syncom.connect.catalogue.model import ActionDraft, ConnectorSettings, Draft
from syncom.connect.model import Place


def compiled(
    document: dict[str, Any], *, settings: ConnectorSettings | None = None, overlay: str = "", source: str = ""
) -> Draft:
    return compile_connector(
        Sources(
            settings=settings or ConnectorSettings(key="x"),
            document=msgspec.json.encode(document),
            overlay=overlay.encode() or None,
            source=source,
        )
    )


def only(draft: Draft) -> ActionDraft:
    """The one action of a document."""
    assert len(draft.actions) == 1, [one.key for one in draft.actions]
    return draft.actions[0]


def operation(given: dict[str, Any], *, path: str = "/x", method: str = "post", **components: Any) -> ActionDraft:
    """The action of a document with one operation."""
    return only(
        compiled(
            {
                "openapi": "3.1.0",
                "info": {"title": "X"},
                "servers": [{"url": "https://x.example"}],
                "paths": {path: {method: {"operationId": "op", "responses": {}, **given}}},
                "components": components,
            }
        )
    )


def check(action: ActionDraft, *, whole: bool = True) -> None:
    """What programs that read an action rely on. ``whole``: make validators too, which takes long."""
    for schema in (action.input_schema, action.output_schema):
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        if whole:
            jsonschema_rs.Draft202012Validator(schema, offline=True).is_valid({})
        defined, used = set(schema.get("$defs", {})), references(schema)
        assert {name.removeprefix("#/$defs/") for name in used} == defined, "every reference resolves, none is in vain"
        assert len(msgspec.json.encode(schema)) < 200_000
    shape = action.input_schema
    assert shape["type"] == "object"
    assert set(shape.get("required", [])) <= set(shape["properties"])
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", action.key)
    assert len(action.key) <= 100
    assert 0 < len(action.name) <= 121
    assert 0 < len(action.description) <= 1100
    assert action.keywords or not action.written
    assert len(action.intents) >= 3
    assert action.operation is not None
    named = [one.input for one in action.operation.arguments]
    assert sorted(named) == sorted(shape["properties"]), "every member goes somewhere"
    assert len({(one.place, one.name) for one in action.operation.arguments}) == len(named)
    in_path = {one.name for one in action.operation.arguments if one.place is Place.PATH}
    assert in_path == set(re.findall(r"\{([^{}/]+)\}", action.operation.path))


def references(value: Any) -> set[str]:
    """Every reference in a schema, without recursion."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if isinstance(one.get("$ref"), str):
                found.add(one["$ref"])
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return found

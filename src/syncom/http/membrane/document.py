"""The adapter's part of the OpenAPI document, made from its table of methods."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from syncom.http.membrane.errors import ErrorObject
from syncom.http.membrane.method import PREFIX, Method, Who
from syncom.http.parameters import described

TAG: Final = "Membrane API"
_NAMES: Final = "Membrane"
_REFERENCE: Final = "#/components/schemas/"
_MEMBER: Final = re.compile(r"\{(\w+)\}")
_MEANINGS: Final = {
    "400": "The request is wrong, or an app behind a connection refused; `type`, `key` and `message` say what",
    "401": "No valid token",
    "403": "The token may not do this",
    "404": "There is no such thing for this token",
    "413": "The body is too large",
    "429": "Too many requests; see the header Retry-After",
    "503": "A part of this installation is down; see the header Retry-After",
}


def add_membrane(document: dict[str, Any], methods: Sequence[Method]) -> None:
    """Put the methods into the document, under their own tag and with their own names of schemas."""
    types = [type_ for method in methods for type_ in (method.body, method.answer) if type_ is not None]
    template = _REFERENCE + _NAMES + "{name}"
    shapes, schemas = msgspec.json.schema_components([ErrorObject, *types], ref_template=template)
    found = iter(shapes[1:])
    components: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    components.update({f"{_NAMES}{name}": schema for name, schema in schemas.items()})
    document["components"].setdefault("securitySchemes", {})["membrane"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of a tenant, a workspace manager or a person (docs/agents.md), or an API key.",
    }
    document.setdefault("tags", []).append(
        {"name": TAG, "description": "The integration layer, as Membrane's SDK and CLI call it: point `apiUri` here."}
    )
    for method in methods:
        body = next(found) if method.body is not None else None
        answer = next(found) if method.answer is not None else None
        document["paths"].setdefault(PREFIX + method.path, {})[method.verb.lower()] = _operation(method, body, answer)


def _operation(method: Method, body: dict[str, Any] | None, answer: dict[str, Any] | None) -> dict[str, Any]:
    media = "application/json"
    operation: dict[str, Any] = {
        "tags": [TAG],
        "operationId": "membrane_" + re.sub(r"\W+", "_", f"{method.verb.lower()}{method.path}").strip("_"),
        "summary": method.summary,
        "x-permission": method.who.value,
        "security": [] if method.who is Who.PUBLIC else [{"membrane": []}],
        "parameters": [
            {"name": member[1], "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for member in _MEMBER.finditer(method.path)
        ]
        + described(method.query),
    }
    done: dict[str, Any] = {"description": "Done"}
    if answer is not None:
        done["content"] = {media: {"schema": answer}}
    if body is not None:
        operation["requestBody"] = {"required": not method.body_optional, "content": {media: {"schema": body}}}
    content = {media: {"schema": {"$ref": f"{_REFERENCE}{_NAMES}ErrorObject"}}}
    refusals = {status: {"description": meaning, "content": content} for status, meaning in _MEANINGS.items()}
    operation["responses"] = {"200": done, **refusals}
    return operation

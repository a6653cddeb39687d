"""The adapter's part of the OpenAPI document, made from its table of methods."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from syncom.http.esputnik.method import Method
from syncom.http.parameters import described

TAG: Final = "eSputnik"
_PREFIX: Final = "Esputnik"
_REFERENCE: Final = "#/components/schemas/"
_MEMBER: Final = re.compile(r"\{(\w+)(:text)?\}")
_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "title": "EsputnikError",
    "description": "What went wrong; `message` is a sentence for people.",
    "required": ["timestamp", "status", "error", "message", "path"],
    "properties": {
        "timestamp": {"type": "string"},
        "status": {"type": "integer"},
        "error": {"type": "string"},
        "message": {"type": "string"},
        "path": {"type": "string"},
    },
}
_MEANINGS: Final = {
    "400": "The request is wrong; `message` says what",
    "401": "No valid credentials",
    "403": "The key has no right for this method",
    "404": "There is no such thing in this account",
    "405": "The path knows other methods; see the header Allow",
    "409": "The same request was done within the last minute",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "429": "Too many requests; see the header Retry-After",
    "503": "A part of this installation is down; see the header Retry-After",
}


def add_esputnik(document: dict[str, Any], methods: Sequence[Method]) -> None:
    """Put the methods into the document, under their own tag and with their own names of schemas."""
    types = [type_ for method in methods for type_ in (method.body, method.answer) if type_ is not None]
    shapes, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE + _PREFIX + "{name}")
    found = iter(shapes)
    components: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    components[f"{_PREFIX}Error"] = _ERROR
    components.update({f"{_PREFIX}{name}": schema for name, schema in schemas.items()})
    document["components"].setdefault("securitySchemes", {})["basic"] = {
        "type": "http",
        "scheme": "basic",
        "description": "Any user name; the API key as the password.",
    }
    document.setdefault("tags", []).append(
        {"name": TAG, "description": "The same HTTP API as eSputnik's: change the host name, keep the integration."}
    )
    for method in methods:
        body = next(found) if method.body is not None else None
        answer = next(found) if method.answer is not None else None
        path = "/api" + _MEMBER.sub(r"{\1}", method.path)
        document["paths"].setdefault(path, {})[method.verb.lower()] = _operation(method, body, answer)


def _operation(method: Method, body: dict[str, Any] | None, answer: dict[str, Any] | None) -> dict[str, Any]:
    media = "application/json"
    operation: dict[str, Any] = {
        "tags": [TAG],
        "operationId": "esputnik_" + re.sub(r"\W+", "_", f"{method.verb.lower()}{method.path}").strip("_"),
        "summary": method.summary,
        "x-permission": "public" if method.public else method.scope.value.value,
        "security": [] if method.public else [{"basic": []}, {"key": []}],
        "parameters": [
            {"name": member[1], "in": "path", "required": True, "schema": _path_schema(is_text=bool(member[2]))}
            for member in _MEMBER.finditer(method.path)
        ]
        + described(method.query),
    }
    done: dict[str, Any] = {"description": "Done"}
    if answer is not None:
        done["content"] = {media: {"schema": answer}}
    if body is not None:
        others = {other: {"schema": {"type": "string"}} for other in method.media}
        operation["requestBody"] = {
            "required": not method.body_optional,
            "content": {media: {"schema": body}, **others},
        }
    content = {media: {"schema": {"$ref": f"{_REFERENCE}{_PREFIX}Error"}}}
    refusals = {status: {"description": _MEANINGS[status], "content": content} for status in _statuses(method)}
    operation["responses"] = {"200": done, **refusals}
    return operation


def _path_schema(*, is_text: bool) -> dict[str, Any]:
    return {"type": "string", "minLength": 1} if is_text else {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}


def _statuses(method: Method) -> list[str]:
    found = ["400", "401", "403", "503", *method.refusals]
    if "{" in method.path or method.verb == "DELETE":
        found.append("404")
    if method.body is not None:
        found += ["404", "413", "415"]
    if method.once:
        found.append("409")
    if method.paced:
        found.append("429")
    return sorted(set(found))

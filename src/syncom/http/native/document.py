"""The OpenAPI 3.1 document of the native API: what Litestar derives from the handlers, made exact and readable."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from syncom.http.native.always import require_what_is_always_sent
from syncom.http.native.routing import edited_of, may_replay, permission_of
from syncom.http.problems import MEDIA_TYPE

Document = dict[str, Any]

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_GENERIC = re.compile(r"^(\w+?)_(?:[\w.]+\.)?(\w+?)_$")

#: Answers of nearly every route.
_MEANINGS = {
    "400": "The body is not JSON",
    "401": "No valid credentials",
    "403": "The role lacks the permission, or the request comes from another site",
    "404": "There is no such thing in this account",
    "409": "The request contradicts what is stored",
    "422": "The input is wrong; `errors` names the fields",
}


def openapi_document(api: Litestar, base_url: str) -> Document:
    """The document as JSON values. ``base_url`` is how the world reaches this server."""
    document: Document = api.openapi_schema.to_schema()
    document["servers"] = [{"url": base_url}]
    handlers = _handlers(api)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(operation, handlers[path, method.upper()], has_path_ids="{" in path)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _problem_schema()
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, `sk_...`"},
        "session": {"type": "apiKey", "in": "cookie", "name": "syncom_session"},
    }
    require_what_is_always_sent(document)
    # Defaults of parameters and members are values of our own types until here.
    plain = msgspec.to_builtins(document)
    return _rename(plain, {name: _short(name) for name in schemas})


def _handlers(api: Litestar) -> dict[tuple[str, str], HTTPRouteHandler]:
    found: dict[tuple[str, str], HTTPRouteHandler] = {}
    for route in api.routes:
        for handler in getattr(route, "route_handlers", []):
            for method in handler.http_methods:
                found[route.path_format, method] = handler
    return found


def _complete(operation: Document, handler: HTTPRouteHandler, *, has_path_ids: bool) -> None:
    permission = permission_of(handler.opt)
    operation["operationId"] = handler.handler_name
    text = str(operation.get("description", ""))
    operation["summary"] = text.partition(". ")[0].partition(".\n")[0].rstrip(".")
    operation["x-permission"] = permission.value if permission else "public"
    operation["security"] = [{"key": []}, {"session": []}] if permission else []
    for parameter in operation.get("parameters", []):
        for noise in ("deprecated", "allowEmptyValue", "allowReserved"):
            parameter.pop(noise, None)
    if may_replay(handler.opt) and "POST" in handler.http_methods:
        operation.setdefault("parameters", []).append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "maxLength": 255},
                "description": "Any text of yours. Sent again with it, the request is answered again, not done again.",
            }
        )
    if edited_of(handler.opt) and has_path_ids and not handler.http_methods & {"GET"}:
        operation.setdefault("parameters", []).append(
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "description": "`ETag` of the answer you began from; 409 `edited_since` when somebody saved since.",
            }
        )
    _complete_answers(operation, public=permission is None, has_path_ids=has_path_ids)


def _complete_answers(operation: Document, *, public: bool, has_path_ids: bool) -> None:
    answers: Document = operation["responses"]
    answers.pop("400", None)
    for answer in answers.values():
        answer.pop("headers", None)
        if answer.get("description", "").startswith(("Request fulfilled", "Document created")):
            answer["description"] = "Done"
    expected = ["401"] if public else ["401", "403"]
    if has_path_ids:
        expected.append("404")
    if "requestBody" in operation:
        expected += ["400", "409", "422"]
    elif operation.get("parameters"):
        expected.append("422")
    for status in sorted(expected):
        answers[status] = {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}


def _problem_schema() -> Document:
    text = {"type": "string"}
    wrong = {
        "type": "object",
        "required": ["field", "reason", "code", "pointer"],
        "properties": {
            "field": {**text, "description": "A dotted path into the input."},
            "reason": text,
            "code": {
                **text,
                "description": "`missing`, `unknown_field`, `wrong_type`, `not_a_choice`, `wrong_length`, "
                "`out_of_range`, `wrong_format` or `invalid`: for translating.",
            },
            "pointer": {**text, "description": "The same place as a JSON pointer; empty for the whole body."},
        },
    }
    return {
        "type": "object",
        "title": "Problem",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": {**text, "description": "Ends in a short name that does not change between releases."},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "request_id": {**text, "description": "Names this request in the server's log."},
            "errors": {"type": "array", "items": wrong},
            "newer": {
                "type": "object",
                "description": "Of `edited_since`: who saved another version, and when.",
                "required": ["version", "by", "name", "at"],
                "properties": {
                    "version": {"type": "integer"},
                    "by": {**text, "description": "Such as `user:7` or `key:3`; empty when it was done elsewhere."},
                    "name": {"type": ["string", "null"], "description": "Of the person."},
                    "at": {"type": ["string", "null"], "format": "date-time"},
                },
            },
        },
    }


def _short(name: str) -> str:
    """``Page_syncom.accounts.model.User_`` as ``PageOfUser``."""
    generic = _GENERIC.match(name)
    return f"{generic[1]}Of{generic[2]}" if generic else name.rpartition(".")[2]


def _rename(value: Any, names: dict[str, str]) -> Any:
    prefix = "#/components/schemas/"
    if isinstance(value, dict):
        renamed: Document = {}
        for key, inner in cast("Document", value).items():
            if key == "$ref" and str(inner).startswith(prefix):
                renamed[key] = prefix + names[str(inner)[len(prefix) :]]
            elif key == "schemas":
                renamed[key] = {names[name]: _rename(schema, names) for name, schema in inner.items()}
            else:
                renamed[key] = _rename(inner, names)
        return renamed
    if isinstance(value, list):
        return [_rename(inner, names) for inner in cast("list[Any]", value)]
    return value

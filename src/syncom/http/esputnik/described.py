"""The OpenAPI document of the eSputnik connector: the table of methods, told to somebody who has never seen this API.

It is kept beside the connector (``connectors/esputnik/openapi.yaml``). When methods or their types change, renew it:
``python -m syncom.http.esputnik.described`` writes the file, and a test says when it is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, cast, get_args

import msgspec
import yaml

import syncom
from syncom.http.esputnik.app import METHODS
from syncom.http.esputnik.channel_messages import CHANNELS
from syncom.http.esputnik.method import PAGING, Method, Parameter
from syncom.http.esputnik.promocodes import PromocodesBody

Json = dict[str, Any]

#: Where the document is kept.
DOCUMENT: Final = Path(syncom.__file__).parent / "connectors" / "esputnik" / "openapi.yaml"

#: Pages of web sites call these, with no key: they are no part of the API that integrations call.
_OF_PAGES: Final = frozenset({"/v2", "/v2/script/{file:text}", "/v2/webpush", "/v2/webpush/{file:text}"})
#: Bodies that their methods read themselves.
_BODIES: Final[Mapping[str, Any]] = {"POST /v1/promocodes": PromocodesBody}
_SERVER: Final = {"url": "https://esputnik.com/api", "description": "The cloud of eSputnik"}
_REFERENCE: Final = "#/components/schemas/"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_MOST_ROWS: Final = 500
#: How lists are read to their end (x-pagination of an operation).
_PAGES: Final = {
    "style": "offset",
    "parameter": "startindex",
    "sizeParameter": "maxrows",
    "size": _MOST_ROWS,
    "first": 1,
    "exact": True,
}
_REFUSALS: Final = {
    400: ("Wrong", "The request is wrong; message says what"),
    401: ("NotAllowed", "No valid API key"),
    403: ("NoRight", "The API key has no right for this method"),
    404: ("NotFound", "There is no such thing in this account"),
    409: ("Repeated", "The same request was done within the last minute"),
    429: ("TooMany", "Too many requests; see the header Retry-After"),
}


class UnknownMethod(LookupError):
    """``words.yaml`` says nothing about a method, a schema or one of its members."""


@cache
def _words() -> Json:
    text = resources.files("syncom.http.esputnik").joinpath("words.yaml").read_text("utf-8")
    return cast("Json", yaml.safe_load(text))


def connector_document() -> Json:
    """The document. Raises UnknownMethod when there are no words for something that is served."""
    methods = [method for method in METHODS if method.path not in _OF_PAGES]
    schemas, shapes = _schemas(methods)
    paths: dict[str, Json] = {}
    for method, (body, answer) in zip(methods, shapes, strict=True):
        path, members = _path(method)
        body, answer = (_narrowed(method, shape, schemas) for shape in (body, answer))
        paths.setdefault(path, {})[method.verb.lower()] = _operation(method, members, body, answer)
    words = _words()
    return {
        "openapi": "3.1.0",
        "info": {"title": words["info"]["title"], "version": "1", "description": words["info"]["description"].strip()},
        "servers": [_SERVER],
        "security": [{"basic": []}],
        "tags": [{"name": name, "description": text} for name, text in words["tags"].items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Any user name; the API key as the password.",
                }
            },
            "responses": {
                name: {"description": text, "content": {_JSON: {"schema": {"$ref": f"{_REFERENCE}Error"}}}}
                for name, text in _REFUSALS.values()
            },
            "schemas": _used({**schemas, "Error": _error()}, paths),
        },
    }


def document_text() -> str:
    """The document as it is kept."""
    return yaml.dump(
        connector_document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False
    )


class _Dumper(yaml.SafeDumper):
    """Writes everything out: an alias saves nothing for readers."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


# ---------------------------------------------------------------- operations


def _operation(method: Method, members: list[Json], body: Json | None, answer: Json | None) -> Json:
    words = _operation_words(method)
    headers: list[Json] = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in words.get("headers", {}).items()
    ]
    parameters = [*members, *map(_parameter, method.query), *headers]
    operation: Json = {
        "operationId": words["id"],
        "tags": [words["tag"]],
        "summary": words["summary"],
        "description": words["description"],
    }
    if method.public:
        operation["security"] = []
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": not method.body_optional, "content": {_JSON: {"schema": body}}}
    done = _done(method, words.get("answer", ""), answer)
    refusals = {str(status): {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"} for status in _statuses(method)}
    operation["responses"] = {"200": done, **refusals}
    pages = words.get("pages", _PAGES if _is_paged(method) else None)
    if pages is not None:
        operation["x-pagination"] = pages
    return operation


def _is_paged(method: Method) -> bool:
    return all(parameter in method.query for parameter in PAGING)


def _operation_words(method: Method) -> Json:
    words = _words()
    name = f"{method.verb} {method.path}"
    found: Json | None = words["operations"].get(name)
    if found is not None:
        return found
    channel = _channel(method)
    if channel:
        rest = method.path.removeprefix(f"/v1/messages/{channel}").strip("/").replace(":text", "")
        pattern: dict[str, str] | None = words["channel"].get(f"{method.verb} {rest}".strip())
        if pattern is not None:
            filling = words["channels"][channel]
            return {"tag": "Prepared messages", **{key: text.format(**filling) for key, text in pattern.items()}}
    raise UnknownMethod(f"words.yaml says nothing about {name}")


def _path(method: Method) -> tuple[str, list[Json]]:
    """The path as OpenAPI writes it, and its members as parameters."""
    names: dict[str, list[str]] = _words()["path"]
    segments = method.path.split("/")
    parameters: list[Json] = []
    for place, segment in enumerate(segments):
        if not segment.startswith("{"):
            continue
        member, _, kind = segment.strip("{}").partition(":")
        found = names.get(f"{segments[place - 1]}.{member}") or names.get(f"*.{member}")
        if found is None:
            raise UnknownMethod(f"words.yaml says nothing about {segment} of {method.path}")
        name, text = found
        schema = {"type": "string", "minLength": 1} if kind else {"type": "integer", "minimum": 1}
        parameters.append({"name": name, "in": "path", "required": True, "description": text, "schema": schema})
        segments[place] = f"{{{name}}}"
    return "/".join(segments), parameters


def _parameter(parameter: Parameter) -> Json:
    schema: Json = {"type": parameter.type}
    text = parameter.text
    for keyword, value in _words()["query"].get(parameter.name, {}).items():
        if keyword == "description":
            text = value
        else:
            schema[keyword] = value
    if parameter in PAGING and parameter.name == "maxrows":
        schema |= {"maximum": _MOST_ROWS, "default": _MOST_ROWS}
    found: Json = {"name": parameter.name, "in": "query"}
    if parameter.required:
        found["required"] = True
    return found | {"description": text, "schema": schema}


def _done(method: Method, kind: str, answer: Json | None) -> Json:
    """The answer of a success. A sentence comes under the content type of JSON and is none (reference, 2.3)."""
    if answer is not None:
        done: Json = {"description": "Done"}
        if _is_paged(method):
            done["headers"] = {"TotalCount": {"description": "How many rows there are.", "schema": {"type": "integer"}}}
        return done | {"content": {_JSON: {"schema": answer}}}
    if kind:
        text = "Done; a sentence says so" if kind == "sentence" else "The text"
        return {"description": text, "content": {_TEXT: {"schema": {"type": "string"}}}}
    return {"description": "Done; the answer is empty"}


def _statuses(method: Method) -> list[int]:
    found = [400, 401, 403]
    if "{" in method.path or method.verb == "DELETE":
        found.append(404)
    if method.once or "409" in method.refusals:
        found.append(409)
    return [*found, 429]


# ---------------------------------------------------------------- schemas


def _schemas(methods: list[Method]) -> tuple[Json, list[tuple[Json | None, Json | None]]]:
    """The schemas by name, and of each method those of its body and its answer."""
    types = [type_ for method in methods for type_ in (_body(method), method.answer) if type_ is not None]
    shapes, raw = msgspec.json.schema_components(types, ref_template=_REFERENCE + "{name}")
    words: Json = _words()["schemas"]
    unknown = sorted(name for name in raw if name not in words)
    if unknown:
        raise UnknownMethod(f"words.yaml says nothing about the schemas {', '.join(unknown)}")
    names = {name: words[name].get("name", name) for name in raw}
    found = iter(shapes)
    pairs = [
        (next(found) if _body(method) is not None else None, next(found) if method.answer is not None else None)
        for method in methods
    ]
    written = _reachable(raw, [body for body, _ in pairs if body is not None])
    schemas = {names[name]: _schema(name, schema, is_body=name in written) for name, schema in raw.items()}
    renamed = cast("list[tuple[Json | None, Json | None]]", _renamed([list(pair) for pair in pairs], names))
    return cast("Json", _renamed(schemas, names)), [(body, answer) for body, answer in renamed]


def _body(method: Method) -> Any:
    """The type of the body; of several that are taken the first, which is the documented one."""
    given = _BODIES.get(f"{method.verb} {method.path}", method.body)
    several = get_args(given)
    return several[0] if several else given


def _narrowed(method: Method, shape: Json | None, schemas: Json) -> Json | None:
    """The shape as this method means it; its schemas are put beside the others.

    Prepared messages of a channel have members of that channel, and what is changed by the id in a path has none in
    the body.
    """
    if shape is None:
        return None
    if "items" in shape:
        return shape | {"items": _narrowed(method, shape["items"], schemas)}
    name = str(shape.get("$ref", "")).removeprefix(_REFERENCE)
    if name.startswith("ChannelMessage"):
        words: Json = _words()["channels"][_channel(method)]
        narrow = words["Id"] + name.removeprefix("Channel")
        general = schemas[name]
        schemas[narrow] = general | {"properties": {**general["properties"], **words["members"]}}
        name = narrow
    if method.verb == "PUT" and name.endswith("Input") and "id" in schemas[name]["properties"]:
        general, name = schemas[name], name.removesuffix("Input") + "Change"
        properties = {member: schema for member, schema in general["properties"].items() if member != "id"}
        schemas[name] = general | {"properties": properties}
    return {"$ref": _REFERENCE + name} if name else shape


def _channel(method: Method) -> str:
    """The channel in the path of a method of prepared messages, else an empty text."""
    segments = method.path.split("/")
    return segments[3] if segments[2] == "messages" and segments[3] in CHANNELS else ""


def _reachable(raw: Json, shapes: list[Json]) -> set[str]:
    """Names of the schemas that these lead to."""
    found: set[str] = set()
    waiting = [name for shape in shapes for name in _references(shape)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(raw[name])
    return found


def _used(schemas: Json, paths: Json) -> Json:
    """The schemas that something leads to, by name."""
    used = _reachable(schemas, [paths]) | {"Error"}
    return {name: schema for name, schema in sorted(schemas.items()) if name in used}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in cast("Json", value).items():
            if key == "$ref" and str(inner).startswith(_REFERENCE):
                yield str(inner).removeprefix(_REFERENCE)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _references(inner)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _REFERENCE + names.get(str(inner).removeprefix(_REFERENCE), str(inner).removeprefix(_REFERENCE))
            if key == "$ref"
            else _renamed(inner, names)
            for key, inner in cast("Json", value).items()
        }
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in cast("list[Any]", value)]
    return value


def _schema(name: str, raw: Json, *, is_body: bool) -> Json:
    words: Json = _words()["schemas"][name]
    if "properties" not in raw:
        return {"description": words["description"], **{key: raw[key] for key in ("type", "enum") if key in raw}}
    required = list(raw.get("required", ()))
    properties: Json = {}
    for member, given in raw["properties"].items():
        said = _member_words(name, words.get("members", {}), member)
        if said.get("drop"):
            continue
        if said.get("required") and member not in required:
            required.append(member)
        properties[member] = _member(given, said, is_body=is_body)
    schema: Json = {"description": words["description"], "type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if words.get("additional"):
        schema["additionalProperties"] = True
    return schema


def _member_words(schema: str, own: Json, member: str) -> Json:
    """What is said about a member: by its schema, else by its name wherever it is."""
    general = _words()["members"].get(member)
    said = own.get(member, general)
    if said is None:
        raise UnknownMethod(f"words.yaml says nothing about {member} of {schema}")
    if isinstance(said, str):
        return {"description": said}
    return {"description": general, **said} if general is not None else dict(said)


def _member(given: Json, said: Json, *, is_body: bool) -> Json:
    """A member's schema: without null and empty defaults in bodies, where they count as absent (2.3)."""
    schema = _plain(said.get("=", given), is_body=is_body)
    words = {key: value for key, value in said.items() if key not in ("=", "required", "drop")}
    examples = [words.pop("example")] if "example" in words else None
    schema = {"description": words.pop("description"), **schema, **words}
    if examples:
        schema["examples"] = examples
    return schema


def _plain(given: Json, *, is_body: bool) -> Json:
    schema = dict(given)
    if schema.get("default") in (None, "", 0, [], {}) and schema.get("default") is not False:
        schema.pop("default", None)
    choices = cast("list[Json] | None", schema.pop("anyOf", None))
    if choices is not None:
        filled = [_plain(choice, is_body=is_body) for choice in choices if choice != {"type": "null"}]
        is_nullable = len(filled) < len(choices) and not is_body
        if len(filled) == 1 and not is_nullable:
            schema |= filled[0]
        elif len(filled) == 1 and isinstance(filled[0].get("type"), str):
            schema |= filled[0] | {"type": [filled[0]["type"], "null"]}
        else:
            schema["anyOf"] = [*filled, *([{"type": "null"}] if is_nullable else [])]
    if schema.get("format") == "decimal":
        # Amounts are written as numbers here; texts of digits are taken too.
        schema.pop("format")
        schema["type"] = ["number", "null"] if isinstance(schema["type"], list) else "number"
    if "items" in schema:
        schema["items"] = _plain(schema["items"], is_body=is_body)
    return schema


def _error() -> Json:
    texts = {
        "timestamp": "When it happened.",
        "status": "The HTTP status.",
        "error": "Its name.",
        "message": "What is wrong, in a sentence.",
        "path": "What was called.",
    }
    return {
        "description": "What went wrong. Some answers are the bare sentence instead.",
        "type": "object",
        "properties": {
            name: {"description": text, "type": "integer" if name == "status" else "string"}
            for name, text in texts.items()
        },
        "required": ["status", "message"],
    }


if __name__ == "__main__":
    DOCUMENT.write_text(document_text(), "utf-8")
    sys.stdout.write(f"wrote {DOCUMENT}\n")

"""Swagger 2.0 in the words of OpenAPI 3: what differs is servers, bodies, answers and security.

References need no rewriting: ``#/definitions/Pet`` is found where it is.
"""

from __future__ import annotations

from typing import Any, Final

from syncom.connect.catalogue.tree import Document, items, members, text, texts

#: Members of a parameter that are its schema in OpenAPI 3.
_SCHEMA: Final = (
    "type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength",
    "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf", "x-nullable", "x-example",
)  # fmt: skip
#: Of a list in a query. There is no word for tabs any more: commas stand in.
_STYLES: Final[dict[str, dict[str, Any]]] = {
    "csv": {"explode": False},
    "tsv": {"explode": False},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
    "multi": {"explode": True},
}
_FLOWS: Final = {"accessCode": "authorizationCode", "application": "clientCredentials", "implicit": "implicit"}


def servers(root: dict[str, Any]) -> list[Any]:
    """``host``, ``basePath`` and ``schemes`` as servers; https first."""
    host, path = text(root.get("host")), text(root.get("basePath")).rstrip("/")
    if not host:
        return [{"url": path}] if path else []
    schemes = [one for one in texts(root.get("schemes")) if one in ("http", "https")] or ["https"]
    return [{"url": f"{scheme}://{host}{path}"} for scheme in sorted(schemes, reverse=True)]


def operation(document: Document, given: dict[str, Any], shared: list[Any]) -> dict[str, Any]:
    """An operation, with its path's ``shared`` parameters, as one of OpenAPI 3. Parameters of the path come first."""
    parameters: dict[tuple[str, str], dict[str, Any]] = {}
    for one in [*shared, *items(given.get("parameters"))]:
        found = document.followed(one)
        parameters[text(found.get("name")), text(found.get("in"))] = found
    consumes = texts(given.get("consumes")) or texts(document.root.get("consumes"))
    produces = texts(given.get("produces")) or texts(document.root.get("produces")) or ("application/json",)
    body = _body(list(parameters.values()), consumes)
    made = {name: value for name, value in given.items() if name not in ("parameters", "schemes")}
    made["parameters"] = [
        _parameter(found) for found in parameters.values() if found.get("in") not in ("body", "formData")
    ]
    if body:
        made["requestBody"] = body
    made["responses"] = {
        status: _response(document.followed(one), produces) for status, one in members(given.get("responses")).items()
    }
    return made


def _parameter(given: dict[str, Any]) -> dict[str, Any]:
    made = {name: given[name] for name in ("name", "in", "description", "required", "deprecated") if name in given}
    made["schema"] = {name: given[name] for name in _SCHEMA if name in given}
    if given.get("type") == "array":
        style = text(given.get("collectionFormat")) or "csv"
        # In paths and headers a comma is the only way there is.
        made |= _STYLES.get(style, {}) if given.get("in") == "query" else {}
    return made


def _body(parameters: list[dict[str, Any]], consumes: tuple[str, ...]) -> dict[str, Any]:
    for one in parameters:
        if one.get("in") == "body":
            media = next((kind for kind in consumes if "json" in kind), consumes[0] if consumes else "application/json")
            if media in ("application/x-www-form-urlencoded", "multipart/form-data"):
                media = "application/json"
            schema = one.get("schema", {})
            return {
                "description": text(one.get("description")),
                "required": one.get("required") is True,
                "content": {media: {"schema": schema}},
            }
    fields = [one for one in parameters if one.get("in") == "formData"]
    if not fields:
        return {}
    files = any(one.get("type") == "file" for one in fields)
    forms = [kind for kind in consumes if kind in ("application/x-www-form-urlencoded", "multipart/form-data")]
    media = "multipart/form-data" if files or not forms else forms[0]
    schema = {
        "type": "object",
        "properties": {text(one.get("name")): _field(one) for one in fields},
        "required": [text(one.get("name")) for one in fields if one.get("required") is True],
    }
    encoding = {
        text(one.get("name")): {"style": "form", **_STYLES[text(one.get("collectionFormat"))]}
        for one in fields
        if one.get("type") == "array" and text(one.get("collectionFormat")) in _STYLES
    }
    return {"required": bool(schema["required"]), "content": {media: {"schema": schema, "encoding": encoding}}}


def _field(given: dict[str, Any]) -> dict[str, Any]:
    made = {name: given[name] for name in _SCHEMA if name in given}
    if given.get("type") == "file":
        made |= {"type": "string", "format": "binary"}
    return made | ({"description": given["description"]} if text(given.get("description")) else {})


def _response(given: dict[str, Any], produces: tuple[str, ...]) -> dict[str, Any]:
    if "schema" not in given:
        return {}
    media = next((kind for kind in produces if "json" in kind), produces[0])
    return {"content": {media: {"schema": given["schema"]}}}


def security_schemes(root: dict[str, Any]) -> dict[str, Any]:
    """``securityDefinitions`` as security schemes."""
    return {name: _scheme(members(one)) for name, one in members(root.get("securityDefinitions")).items()}


def _scheme(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("type") == "basic":
        return {**given, "type": "http", "scheme": "basic"}
    if given.get("type") != "oauth2":
        return given
    flow = {name: given[name] for name in ("authorizationUrl", "tokenUrl", "scopes") if name in given}
    return {
        "type": "oauth2",
        "description": given.get("description", ""),
        "flows": {_FLOWS.get(text(given.get("flow")), "password"): flow},
    }

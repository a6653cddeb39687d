"""Ten large documents in the shapes of well-known public APIs. Written here; nobody's document is copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tree = dict[str, Any]

_ANSWER = {"description": "ok"}


def _ref(name: str) -> Tree:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Tree, media: str = "application/json") -> Tree:
    return {"content": {media: {"schema": schema}}}


def _document(title: str, paths: Tree, schemas: Tree, **more: Any) -> Tree:
    components = {"schemas": schemas, **more.pop("components", {})}
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1", "description": f"The API of **{title}**."},
        "servers": [{"url": f"https://api.{title.lower().replace(' ', '')}.example"}],
        "paths": paths,
        "components": components,
        **more,
    }


def code_host() -> Tree:
    """Four hundred operations, parameters by reference, everything refers to everything, nullable unions."""
    schemas: Tree = {
        f"thing-{number}": {
            "type": "object",
            "required": ["id", "owner"],
            "properties": {
                "id": {"type": "integer", "format": "int64", "readOnly": True},
                "name": {"type": "string", "nullable": True, "example": "main"},
                "owner": {"nullable": True, "allOf": [_ref(f"thing-{(number * 7 + 1) % 150}")]},
                "others": {"type": "array", "items": _ref(f"thing-{(number + 1) % 150}")},
                "state": {"type": "string", "nullable": True, "enum": ["open", "closed"]},
                "parent": {"oneOf": [_ref(f"thing-{number}"), {"type": "string"}]},
            },
        }
        for number in range(150)
    }
    paths: Tree = {}
    for number in range(100):
        thing = _ref(f"thing-{number % 150}")
        shared = [{"$ref": "#/components/parameters/owner"}, {"$ref": "#/components/parameters/repo"}]
        many, one = (
            f"/repos/{{owner}}/{{repo}}/things{number}",
            f"/repos/{{owner}}/{{repo}}/things{number}/{{thing_id}}",
        )
        paths[many] = {
            "parameters": shared,
            "get": {
                "operationId": f"things/list-{number}",
                "summary": f"List things{number}",
                "tags": ["things"],
                "parameters": [{"$ref": "#/components/parameters/per-page"}],
                "responses": {"200": {**_ANSWER, **_json({"type": "array", "items": thing})}},
            },
            "post": {
                "operationId": f"things/create-{number}",
                "summary": f"Create a thing{number}",
                "requestBody": {"required": True, **_json(thing)},
                "responses": {"201": {**_ANSWER, **_json(thing)}, "422": {"$ref": "#/components/responses/wrong"}},
            },
        }
        paths[one] = {
            "parameters": [
                *shared,
                {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "integer"}},
            ],
            "get": {"operationId": f"things/get-{number}", "responses": {"200": {**_ANSWER, **_json(thing)}}},
            "delete": {"operationId": f"things/delete-{number}", "responses": {"204": _ANSWER}},
        }
    parameters = {
        "owner": {"name": "owner", "in": "path", "required": True, "schema": {"type": "string"}},
        "repo": {"name": "repo", "in": "path", "required": True, "schema": {"type": "string"}},
        "per-page": {"name": "per_page", "in": "query", "schema": {"type": "integer", "default": 30}},
    }
    return _document(
        "Code Host", paths, schemas, components={"parameters": parameters, "responses": {"wrong": _ANSWER}}
    )


def payments() -> Tree:
    """Forms with nested objects, expandable members, GETs with empty forms, discriminated unions."""
    schemas: Tree = {}
    for number in range(120):
        schemas[f"object_{number}"] = {
            "title": f"Object{number}",
            "type": "object",
            "properties": {
                "object": {"type": "string", "enum": [f"object_{number}"]},
                "customer": {
                    "anyOf": [{"type": "string", "maxLength": 5000}, _ref(f"object_{(number + 1) % 120}")],
                    "x-expansionResources": {"oneOf": [_ref(f"object_{(number + 1) % 120}")]},
                },
                "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                "source": {
                    "oneOf": [_ref(f"object_{(number + 5) % 120}"), _ref(f"object_{(number + 9) % 120}")],
                    "discriminator": {"propertyName": "object"},
                },
                "amount": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            },
            "required": ["object"],
        }
    paths: Tree = {}
    for number in range(150):
        form = {
            "type": "object",
            "properties": {
                "amount": {"type": "integer"},
                "expand": {"type": "array", "items": {"type": "string"}},
                "shipping": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "address": {"type": "object", "properties": {}}},
                },
                "metadata": {"anyOf": [{"type": "object"}, {"type": "string", "enum": [""]}]},
            },
            "required": ["amount"],
        }
        encoding = {
            "expand": {"style": "deepObject", "explode": True},
            "shipping": {"style": "deepObject", "explode": True},
        }
        answer = {"200": {**_ANSWER, **_json(_ref(f"object_{number % 120}"))}, "default": _ANSWER}
        empty = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {}}}}
        paths[f"/v1/objects{number}"] = {
            "get": {
                "operationId": f"GetObjects{number}",
                "requestBody": {"required": False, "content": empty},
                "parameters": [
                    {
                        "name": "created",
                        "in": "query",
                        "style": "deepObject",
                        "explode": True,
                        "schema": {"anyOf": [{"type": "object", "properties": {"gt": {}}}, {"type": "integer"}]},
                    },
                    {
                        "name": "expand",
                        "in": "query",
                        "style": "deepObject",
                        "explode": True,
                        "schema": {"type": "array", "items": {"type": "string"}},
                    },
                ],
                "responses": answer,
            },
            "post": {
                "operationId": f"PostObjects{number}",
                "requestBody": {
                    "required": True,
                    "content": {"application/x-www-form-urlencoded": {"schema": form, "encoding": encoding}},
                },
                "responses": answer,
            },
        }
    security = {"basic": {"type": "http", "scheme": "basic"}, "bearer": {"type": "http", "scheme": "bearer"}}
    return _document(
        "Payments",
        paths,
        schemas,
        components={"securitySchemes": security},
        security=[{"basic": []}, {"bearer": []}],
    )


def crm() -> Tree:
    """OAuth beside keys, both at once, maps of properties, filters as JSON in a parameter, odd names."""
    schemas: Tree = {
        f"Record{number}Input": {
            "type": "object",
            "required": ["properties"],
            "properties": {
                "properties": {"type": "object", "additionalProperties": {"type": "string"}},
                "associations": {"type": "array", "items": _ref(f"Record{(number + 3) % 80}Input")},
            },
        }
        for number in range(80)
    }
    paths: Tree = {}
    for number in range(80):
        body = {"required": True, **_json(_ref(f"Record{number}Input"))}
        paths[f"/crm/v3/records{number}/{{recordId}}"] = {
            "patch": {
                "operationId": f"patch-/crm/v3/records{number}/{{recordId}}_update",
                "tags": ["Basic"],
                "parameters": [
                    {"name": "recordId", "in": "path", "required": True, "schema": {"type": "string"}},
                    {
                        "name": "filter[status][]",
                        "in": "query",
                        "schema": {"type": "array", "items": {"type": "string"}},
                        "style": "pipeDelimited",
                        "explode": False,
                    },
                    {"name": "where", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
                    {"name": "hapikey", "in": "query", "schema": {"type": "string"}},
                    {"name": "properties", "in": "query", "schema": {"type": "string"}},
                ],
                "requestBody": body,
                "responses": {"200": {**_ANSWER, **_json(_ref(f"Record{number}Input"), "*/*")}},
                "security": [{"oauth": ["crm.write"]}, {"hapikey": []}, {"hapikey": [], "portal": []}],
            }
        }
    flows = {
        "authorizationCode": {
            "authorizationUrl": "https://app.crm.example/oauth/authorize",
            "tokenUrl": "https://api.crm.example/oauth/v1/token",
            "scopes": {"crm.read": "", "crm.write": ""},
        },
        "clientCredentials": {"tokenUrl": "https://api.crm.example/oauth/v1/token", "scopes": {}},
    }
    security = {
        "oauth": {"type": "oauth2", "flows": flows},
        "hapikey": {"type": "apiKey", "name": "hapikey", "in": "query"},
        "portal": {"type": "apiKey", "name": "X-Portal", "in": "header"},
    }
    return _document("CRM", paths, schemas, components={"securitySchemes": security})


def chat() -> Tree:
    """Swagger 2: forms, files, lists in every format, implicit OAuth, tokens as headers."""
    paths: Tree = {}
    formats = ("csv", "ssv", "tsv", "pipes", "multi")
    for number in range(150):
        paths[f"/chat.method{number}"] = {
            "post": {
                "operationId": f"chat_method{number}",
                "consumes": ["application/x-www-form-urlencoded", "application/json"],
                "parameters": [
                    {"name": "token", "in": "header", "type": "string", "required": True},
                    {
                        "name": "channel",
                        "in": "formData",
                        "type": "string",
                        "required": True,
                        "description": "Where *to*.",
                    },
                    {
                        "name": "users",
                        "in": "formData",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": formats[number % 5],
                    },
                    *([{"name": "file", "in": "formData", "type": "file"}] if number % 10 == 0 else []),
                ],
                "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/answer"}}},
                "security": [{"app": ["chat:write"]}],
            },
            "get": {
                "operationId": f"chat_read{number}",
                "parameters": [
                    {
                        "name": "types",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": formats[number % 5],
                    },
                    {"$ref": "#/parameters/cursor"},
                ],
                "responses": {"200": {"$ref": "#/responses/answer"}},
            },
        }
    return {
        "swagger": "2.0",
        "info": {"title": "Chat", "version": "1.7"},
        "host": "chat.example",
        "basePath": "/api",
        "schemes": ["http", "https"],
        "paths": paths,
        "parameters": {"cursor": {"name": "cursor", "in": "query", "type": "string", "x-nullable": True}},
        "responses": {"answer": {"description": "ok", "schema": {"$ref": "#/definitions/answer"}}},
        "definitions": {
            "answer": {
                "type": "object",
                "required": ["ok"],
                "additionalProperties": False,
                "properties": {
                    "ok": {"type": "boolean", "enum": [True]},
                    "reply": {"$ref": "#/definitions/answer"},
                    "blocks": {"type": "array", "items": [{"type": "string"}, {"type": "null"}]},
                },
            }
        },
        "securityDefinitions": {
            "app": {
                "type": "oauth2",
                "flow": "accessCode",
                "authorizationUrl": "https://chat.example/oauth/authorize",
                "tokenUrl": "https://chat.example/api/oauth.access",
                "scopes": {"chat:write": "Write"},
            },
            "old": {"type": "oauth2", "flow": "implicit", "authorizationUrl": "https://chat.example/o", "scopes": {}},
        },
    }


def cluster() -> Tree:
    """Swagger 2: dots and slashes in names of definitions, PATCH by several media types, parameters of the path."""
    definitions: Tree = {
        f"io.cluster.api/v1.Kind{number}": {
            "type": "object",
            "x-cluster-group": [{"kind": number}],
            "properties": {
                "metadata": {"$ref": f"#/definitions/io.cluster.api~1v1.Kind{(number + 1) % 100}"},
                "spec": {
                    "type": "object",
                    "additionalProperties": {"$ref": f"#/definitions/io.cluster.api~1v1.Kind{number}"},
                },
                "status": {"description": "What it is. " * 50, "type": "string", "readOnly": True},
            },
        }
        for number in range(100)
    }
    paths: Tree = {}
    for number in range(100):
        kind = {"$ref": f"#/definitions/io.cluster.api~1v1.Kind{number}"}
        body = {"name": "body", "in": "body", "required": True, "schema": kind}
        answers = {"200": {"description": "OK", "schema": kind}, "401": {"description": "no"}}
        paths[f"/api/v1/namespaces/{{namespace}}/kinds{number}/{{name}}"] = {
            "parameters": [
                {"name": "namespace", "in": "path", "required": True, "type": "string", "uniqueItems": True},
                {"name": "name", "in": "path", "required": True, "type": "string", "uniqueItems": True},
                {"name": "pretty", "in": "query", "type": "string"},
            ],
            "get": {"operationId": f"readNamespacedKind{number}", "responses": answers},
            "put": {"operationId": f"replaceNamespacedKind{number}", "parameters": [body], "responses": answers},
            "patch": {
                "operationId": f"patchNamespacedKind{number}",
                "consumes": ["application/json-patch+json", "application/merge-patch+json"],
                "parameters": [{"name": "body", "in": "body", "schema": {}}],
                "responses": answers,
            },
            "options": {"responses": {"200": {"description": "OK"}}},
        }
    return {
        "swagger": "2.0",
        "info": {"title": "Cluster", "version": "v1"},
        "produces": ["application/json", "application/yaml"],
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": {"Token": {"type": "apiKey", "in": "header", "name": "authorization"}},
        "security": [{"Token": []}],
    }


def cloud() -> Tree:
    """Paths that differ by their query, signature headers, patterns of other engines, no summaries at all."""
    paths: Tree = {}
    for number in range(200):
        paths[f"/?Action=DescribeThing{number}"] = {
            "parameters": [{"name": "X-Cloud-Date", "in": "header", "schema": {"type": "string"}}],
            "post": {
                "operationId": f"POST_DescribeThing{number}",
                "description": "<p>Describes <i>one</i> thing.</p><note><p>Slow.</p></note>",
                "requestBody": {"content": {"text/xml": {"schema": {"type": "string"}}}},
                "responses": {"200": {**_ANSWER, "content": {"text/xml": {"schema": _ref(f"T{number % 50}")}}}},
            },
            "get": {
                "operationId": f"GET_DescribeThing{number}",
                "parameters": [
                    {
                        "name": "Arn",
                        "in": "query",
                        "required": True,
                        "schema": {
                            "type": "string",
                            "pattern": "^arn:[\\p{L}\\p{Alpha}]+:(?=x)[\\w-.]+\\Z",
                            "minLength": 20,
                        },
                    },
                    {"name": "Max", "in": "query", "schema": {"type": "long", "minimum": "1", "maximum": 100}},
                ],
                "responses": {"200": {**_ANSWER, **_json(_ref(f"T{number % 50}"))}},
            },
        }
    schemas: Tree = {
        f"T{number}": {"type": "structure", "members": {}, "properties": {"Next": _ref(f"T{number + 1}")}}
        for number in range(50)
    }
    return _document("Cloud", paths, schemas)  # T50 is nowhere


def help_desk() -> Tree:
    """OpenAPI 3.1: lists of types, constants, tuples, schemas that are true or false, path items by reference."""
    schemas: Tree = {
        f"Ticket{number}": {
            "$id": f"https://desk.example/schemas/ticket{number}",
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": ["object", "null"],
            "required": ["kind"],
            "properties": {
                "kind": {"const": f"ticket{number}"},
                "priority": {"type": ["integer", "string"], "exclusiveMinimum": 0},
                "position": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}], "items": False},
                "anything": True,
                "nothing": False,
                "next": _ref(f"Ticket{(number + 1) % 60}"),
                "extra": {"$ref": f"#/components/schemas/Ticket{number}/properties/position", "description": "Again."},
            },
            "patternProperties": {"^x_": {"type": "string"}, "^(broken": {"type": "string"}},
            "unevaluatedProperties": False,
            "examples": [{"kind": f"ticket{number}"}],
        }
        for number in range(60)
    }
    items: Tree = {
        f"ticket{number}": {
            "summary": "shared",
            "post": {
                "operationId": f"createTicket{number}",
                "requestBody": {"$ref": f"#/components/requestBodies/ticket{number}"},
                "responses": {"2XX": {**_ANSWER, **_json(_ref(f"Ticket{number}"), "application/vnd.desk.v1+json")}},
            },
        }
        for number in range(60)
    }
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {"title": "Help desk", "version": "2"},
        "servers": [{"url": "https://{account}.desk.example/api", "variables": {"account": {"default": "demo"}}}],
        "paths": {f"/tickets{number}": {"$ref": f"#/components/pathItems/ticket{number}"} for number in range(60)},
        "webhooks": {"created": {"post": {"responses": {"200": _ANSWER}}}},
        "components": {
            "schemas": schemas,
            "pathItems": items,
            "requestBodies": {f"ticket{number}": _json(_ref(f"Ticket{number}")) for number in range(60)},
            "securitySchemes": {"oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://desk.example/x"}},
        },
        "security": [{"oidc": []}],
    }


def storage() -> Tree:
    """Multipart forms with files, raw uploads, several servers, servers of operations and of paths."""
    paths: Tree = {}
    for number in range(60):
        form = {
            "type": "object",
            "required": ["file", "meta"],
            "properties": {
                "file": {"type": "string", "format": "binary", "description": "The file."},
                "more": {"type": "array", "items": {"type": "string", "format": "binary"}},
                "meta": _ref("Meta"),
                "size": {"type": "integer", "readOnly": True},
            },
        }
        paths[f"/files{number}/{{path}}"] = {
            "servers": [{"url": "https://upload.storage.example/{zone}", "variables": {"zone": {"default": "eu"}}}],
            "post": {
                "operationId": f"upload{number}",
                "requestBody": {
                    "required": True,
                    "content": {
                        "multipart/form-data": {
                            "schema": form,
                            "encoding": {"meta": {"contentType": "application/json"}},
                        }
                    },
                },
                "responses": {"200": {**_ANSWER, **_json(_ref("Meta"))}},
            },
            "put": {
                "operationId": f"put{number}",
                "servers": [{"url": "/raw"}],
                "requestBody": {
                    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
                },
                "responses": {"200": {**_ANSWER, "content": {"application/octet-stream": {}}}},
            },
        }
    document = _document(
        "Storage",
        paths,
        {"Meta": {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}},
    )
    document["servers"] = [
        {"url": "https://eu.storage.example/v2/"},
        {"url": "https://us.storage.example/v2/"},
        {"url": "https://{cluster}.private.storage.example"},
        {"url": "/v2"},
    ]
    return document


def mail() -> Tree:
    """The same operationId many times, none at all, other alphabets, cookies, allOf bodies, collisions of names."""
    paths: Tree = {}
    for number in range(60):
        body = {
            "allOf": [
                _ref("Named"),
                {"type": "object", "required": ["subject"], "properties": {"subject": {"type": "string"}}},
            ]
        }
        paths[f"/lists/{{id}}/mail{number}"] = {
            "get": {"operationId": "getMail", "tags": ["Розсилки"], "responses": {"200": _ANSWER}},
            "post": {
                "summary": "Надіслати лист",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "id", "in": "query", "schema": {"type": "string"}},
                    {"name": "session", "in": "cookie", "schema": {"type": "string"}},
                    {"name": "Accept", "in": "header", "schema": {"type": "string"}},
                ],
                "requestBody": _json(body),
                "responses": {"202": _ANSWER},
            },
            "put": {
                "operationId": "мейл",
                "requestBody": _json({"type": "object", "properties": {"id": {"type": "integer"}}}),
                "responses": {"default": {**_ANSWER, **_json({"type": "string"})}},
            },
            "patch": {
                "operationId": f"x{'y' * 300}{number}",
                "requestBody": {"required": False, **_json(_ref("Named"))},
                "responses": {},
            },
        }
    schemas = {
        "Named": {
            "type": "object",
            "required": ["name", "created"],
            "properties": {"name": {"type": "string"}, "created": {"type": "string", "readOnly": True}},
        }
    }
    security = {
        "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
        "digest": {"type": "http", "scheme": "digest"},
        "mutual": {"type": "mutualTLS"},
    }
    return _document("Mail", paths, schemas, components={"securitySchemes": security})


def erp() -> Tree:
    """OpenAPI 3.2: deep nesting, a hierarchy of kinds, long enumerations, methods of one's own, endless definitions."""
    deep: Tree = {"type": "string"}
    for level in range(60):
        deep = {"type": "object", "properties": {f"level{level}": deep}}
    schemas: Tree = {
        "Deep": deep,
        "Base": {
            "type": "object",
            "required": ["kind"],
            "discriminator": {"propertyName": "kind", "mapping": {"a": "#/components/schemas/A"}},
            "properties": {"kind": {"type": "string"}},
            "oneOf": [_ref("A"), _ref("B")],
        },
        "A": {"allOf": [_ref("Base"), {"type": "object", "properties": {"a": _ref("Endless")}}]},
        "B": {"allOf": [_ref("Base")]},
        "Endless": {"allOf": [_ref("Endless2")]},
        "Endless2": {"anyOf": [_ref("Endless")]},
        "Itself": _ref("Itself"),
        "Codes": {"type": "string", "enum": list(range(3000))},
    }
    names = list(schemas)
    paths: Tree = {}
    for number in range(100):
        schema = _ref(names[number % len(names)])
        paths[f"/entities{number}"] = {
            "query": {"operationId": f"queryEntities{number}", "requestBody": _json(schema), "responses": {}},
            "additionalOperations": {
                "COPY": {"operationId": f"copyEntities{number}", "requestBody": _json(schema), "responses": {}},
                "TRACE": {"responses": {}},
            },
            "post": {
                "operationId": f"postEntities{number}",
                "requestBody": _json({"type": "array", "items": schema}),
                "responses": {"200": {**_ANSWER, **_json(schema)}},
                "callbacks": {"done": {"{$request.body#/url}": {"post": {"responses": {}}}}},
            },
        }
    document = _document("ERP", paths, schemas)
    return {**document, "openapi": "3.2.0"}


#: How many operations become actions.
DOCUMENTS: dict[Callable[[], Tree], int] = {
    code_host: 400,
    payments: 300,
    crm: 80,
    chat: 300,
    cluster: 400,
    cloud: 400,
    help_desk: 60,
    storage: 120,
    mail: 240,
    erp: 300,
}

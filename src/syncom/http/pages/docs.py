"""The API's documentation as one page, drawn from the OpenAPI document: readable offline and without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any, cast

from syncom.http.pages.page import page

Document = dict[str, Any]

_PROBLEMS = (
    ("malformed", "400", "The body is not JSON, or not the multipart form it says it is."),
    ("unauthorized", "401", "No credentials, or they are wrong, revoked or at their end."),
    ("two_factor_required", "401", "The password is right; send it again with a code of the authenticator app."),
    ("two_factor_wrong", "401", "The code is wrong or was used already."),
    ("forbidden", "403", "The role lacks the permission, or a browser's request came from another site."),
    ("not_found", "404", "There is no such thing in this account."),
    ("method_not_allowed", "405", "The route exists and does not know this method."),
    ("conflict", "409", "It contradicts what is stored: a taken address, a wrong state, a used Idempotency-Key."),
    ("edited_since", "409", "Somebody saved it since the version named by If-Match; newer says who and when."),
    ("too_large", "413", "The body is larger than the route takes."),
    ("unsupported_media_type", "415", "The route reads another content type."),
    ("invalid", "422", "The input is wrong. errors names every wrong field."),
    ("rate_limited", "429", "Too many requests. Retry-After says how many seconds to wait."),
    ("internal", "500", "The server failed. Its log has the reason under the request id."),
    ("upstream", "502", "Another server failed, such as your SMTP server."),
    ("unavailable", "503", "A part of the installation is down for the moment."),
)
_CODE = re.compile(r"`([^`]+)`")


def docs_page(document: Document) -> bytes:
    """The whole page."""
    groups: dict[str, list[tuple[str, str, Document]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            groups.setdefault((operation.get("tags") or ["Other"])[0], []).append((path, method, operation))
    base = document["servers"][0]["url"]
    parts = [
        f"<h1>API</h1><p>{_text(document['info']['description'])}</p>",
        '<p>For programs: <a href="/syncom/v1/openapi.json">OpenAPI 3.1 document</a>.</p>',
        "<pre>" + escape(f'curl {base}/syncom/v1/account -H "Authorization: Bearer $SYNCOM_KEY"') + "</pre>",
        '<ul class="toc">' + "".join(f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a></li>' for tag in groups),
        '<li><a href="#problems">Errors</a></li></ul>',
    ]
    for tag, routes in groups.items():
        parts.append(f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>')
        parts += [_route(document, base, path, method, operation) for path, method, operation in routes]
    parts.append(_problems())
    return page("API", "".join(parts), wide=True)


def _route(document: Document, base: str, path: str, method: str, operation: Document) -> str:
    permission = operation.get("x-permission", "")
    needs = "no credentials" if permission == "public" else f"the permission <code>{escape(permission)}</code>"
    body = _body_schema(operation)
    parts = [
        f'<details class="route" id="{escape(operation["operationId"])}"><summary>',
        f'<span class="method">{method.upper()}</span><span class="path">{escape(path)}</span>',
        f'<span class="soft">{_text(operation.get("summary", ""))}</span></summary><div>',
        f'<p>{_text(operation.get("description", ""))}</p><p class="soft">Needs {needs}.</p>',
        _parameters(document, operation),
    ]
    if body is not None:
        media, schema = body
        parts.append(f'<h3>Body <span class="soft">{escape(media)}</span></h3>{_schema_table(document, schema)}')
    parts.append(f"<h3>Example</h3><pre>{escape(_curl(document, base, path, method, operation))}</pre>")
    for status, answer in operation["responses"].items():
        parts.append(_answer(document, status, answer))
    parts.append("</div></details>")
    return "".join(parts)


def _parameters(document: Document, operation: Document) -> str:
    parameters = operation.get("parameters", [])
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{escape(_type(document, parameter.get('schema', {})))}"
        f"{'' if parameter.get('required') else ' <span class=soft>optional</span>'}</td>"
        f"<td>{_text(parameter.get('description', ''))}</td></tr>"
        for parameter in parameters
    )
    return _table("<th>Parameter</th><th>In</th><th>Type</th><th></th>", rows)


def _schema_table(document: Document, schema: Document) -> str:
    resolved = _resolve(document, schema)
    if "properties" not in resolved:
        return f"<p><code>{escape(_type(document, schema))}</code></p>"
    required = set(resolved.get("required", []))
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type(document, member))}"
        f"{'' if name in required else ' <span class=soft>optional</span>'}</td>"
        f"<td>{_text(member.get('description', ''))}</td></tr>"
        for name, member in resolved["properties"].items()
    )
    return _table("<th>Member</th><th>Type</th><th></th>", rows)


def _answer(document: Document, status: str, answer: Document) -> str:
    heading = f'<h3>{escape(status)} <span class="soft">{_text(answer.get("description", ""))}</span></h3>'
    if not status.startswith("2"):
        return f'<p class="soft"><code>{escape(status)}</code> {_text(answer.get("description", ""))}</p>'
    for content in answer.get("content", {}).values():
        schema = content.get("schema", {})
        example = json.dumps(_example(document, schema), indent=2, ensure_ascii=False)
        return f"{heading}<pre>{escape(example)}</pre>"
    return heading


def _curl(document: Document, base: str, path: str, method: str, operation: Document) -> str:
    lines = [f"curl -X {method.upper()} {base}{path}"]
    if operation.get("x-permission") != "public":
        lines.append('-H "Authorization: Bearer $SYNCOM_KEY"')
    body = _body_schema(operation)
    if body is not None and body[0] == "application/json":
        lines.append("-H 'Content-Type: application/json'")
        example = json.dumps(_example(document, body[1]), ensure_ascii=False)
        lines.append("-d '" + example.replace("'", "'\\''") + "'")
    return " \\\n  ".join(lines)


def _body_schema(operation: Document) -> tuple[str, Document] | None:
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        return media, content.get("schema", {})
    return None


def _resolve(document: Document, schema: Document) -> Document:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return document["components"]["schemas"][str(reference).rpartition("/")[2]]


def _type(document: Document, schema: Document) -> str:
    if "$ref" in schema:
        resolved = _resolve(document, schema)
        if "enum" in resolved:
            return _type(document, resolved)
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for joint in ("oneOf", "anyOf"):
        if joint in schema:
            return " | ".join(dict.fromkeys(_type(document, option) for option in schema[joint]))
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " | ".join(cast("list[str]", kind))
    if kind == "array":
        return f"list of {_type(document, schema.get('items', {}))}"
    form = schema.get("format")
    return f"{kind} ({form})" if form else str(kind)


def _example(document: Document, schema: Document, depth: int = 0) -> Any:
    """A value that fits the schema, for reading and for pasting."""
    schema = _resolve(document, schema)
    if "default" in schema and schema["default"] is not None:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    for joint in ("oneOf", "anyOf"):
        if joint in schema:
            return _example(document, schema[joint][0], depth)
    if depth > 4:
        return {}
    kind = schema.get("type")
    if "properties" in schema:
        required = schema.get("required") or list(schema["properties"])[:3]
        return {name: _example(document, schema["properties"][name], depth + 1) for name in required}
    if kind == "array":
        return [_example(document, schema.get("items", {}), depth + 1)]
    if kind == "string" or kind is None:
        return _STRINGS.get(schema.get("format", ""), "text" if kind else None)
    return _PLAIN.get(str(kind))


_PLAIN: Document = {"integer": 1, "number": 1.5, "boolean": True, "object": {}}
_STRINGS = {
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "email": "anna@example.com",
}


def _problems() -> str:
    rows = "".join(
        f'<tr id="problem-{name}"><td><code>{name}</code></td><td>{status}</td><td>{escape(text)}</td></tr>'
        for name, status, text in _PROBLEMS
    )
    return (
        '<h2 id="problems">Errors</h2><p>Every error is <code>application/problem+json</code> (RFC 9457) with '
        "<code>type</code>, <code>title</code>, <code>status</code>, <code>detail</code>, <code>request_id</code> "
        "and, for wrong input, <code>errors</code>: every wrong member with "
        "<code>field</code>, <code>pointer</code>, <code>code</code> and <code>reason</code>.</p>"
        + _table("<th>Name</th><th>Status</th><th></th>", rows)
    )


def _table(head: str, rows: str) -> str:
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _text(text: str) -> str:
    """Escaped, with `code` in backticks as code."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    for index, piece in enumerate(_CODE.split(text)):
        yield f"<code>{escape(piece)}</code>" if index % 2 else escape(piece)


def _anchor(tag: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", tag.lower())

"""Requests out of actions: arguments to their places in the styles of OpenAPI, steps by their formulas, bodies."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote

import msgspec

from syncom.connect.model import Argument, Operation, Place, Step
from syncom.connect.runs.formula import as_text, evaluate, evaluate_path, is_empty
from syncom.connect.runs.model import Wanted
from syncom.connect.transport.address import encode_query
from syncom.errors import Invalid

Pairs = list[tuple[str, str]]

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
_ACCEPT: Final = ("accept", "application/json, text/plain;q=0.8, */*;q=0.5")
_PARAMETER: Final = re.compile(r"\{(?:=)?([^{}]{1,100})\}")
#: What a person's header may not say in the app's name.
FORBIDDEN_HEADERS: Final = frozenset(
    {"host", "authorization", "cookie", "content-length", "connection", "transfer-encoding", "proxy-authorization"}
)
_encode = msgspec.json.Encoder().encode


# ---------------------------------------------------------------- operations


def operation_request(operation: Operation, given: Mapping[str, Any], parameters: Mapping[str, Any]) -> Wanted:
    """The request of a generated action. Raises Invalid naming the member of the input that does not fit."""
    path = operation.path
    query: Pairs = []
    headers: Pairs = []
    cookies: Pairs = []
    body: dict[str, Any] = {}
    whole: Any = None
    styles: dict[str, Argument] = {}
    for argument in operation.arguments:
        name = argument.name or argument.input
        value = given.get(argument.input)
        if value is None:
            if argument.required and argument.place is Place.PATH:
                raise Invalid(f"$.{argument.input}", "is required")
            if argument.input not in given or argument.place not in (Place.BODY, Place.WHOLE_BODY):
                continue
        if argument.style == "file":
            value = _as_file(value)
        match argument.place:
            case Place.PATH:
                path = path.replace(f"{{{name}}}", path_value(argument, name, value))
            case Place.QUERY:
                query += query_pairs(argument, name, value)
            case Place.HEADER:
                headers.append((name, _simple(value, argument.explode or False, encoded=False)))
            case Place.COOKIE:
                cookies += [(key, quote(text, safe="")) for key, text in query_pairs(argument, name, value)]
            case Place.BODY:
                body[name] = value
                styles[name] = argument
            case Place.WHOLE_BODY:
                whole = value
    if whole is None and body:
        whole = body
    if operation.base_url:
        path = filled(operation.base_url, parameters).rstrip("/") + "/" + path.lstrip("/")
    made, media = encode_body(whole, operation.media or _JSON, styles)
    return Wanted(
        method=operation.method.upper(),
        path=path,
        query=tuple(query),
        headers=_with_defaults(headers),
        cookies=tuple(cookies),
        body=made,
        media=media,
    )


def filled(template: str, parameters: Mapping[str, Any]) -> str:
    """``https://{shop}.example`` with the connection's parameters. Raises Invalid for one that is missing."""

    def value(match: re.Match[str]) -> str:
        found = parameters.get(match[1])
        if is_empty(found):
            raise Invalid(f"parameters.{match[1]}", "is not set on this connection")
        return quote(as_text(found), safe="")

    return _PARAMETER.sub(value, template)


def path_value(argument: Argument, name: str, value: Any) -> str:
    """A path parameter (OpenAPI 3.1, 4.8.12.3): styles simple, label, matrix. Raises Invalid for an empty one."""
    explode = argument.explode or False
    match argument.style:
        case "label":
            text = "." + _parts(value, explode, "." if explode else ",", "=" if explode else ",")
        case "matrix":
            text = _matrix(name, value, explode)
        case _:
            text = _simple(value, explode)
    if text in ("", ".", ".."):
        raise Invalid(f"$.{argument.input}", "must be something that can stand in a path")
    return text


def query_pairs(argument: Argument, name: str, value: Any) -> Pairs:
    """A query parameter or cookie: styles form, spaceDelimited, pipeDelimited, deepObject, and JSON as content."""
    if argument.style == "json":
        return [(name, as_text(value, plain=False))]
    if argument.style == "deepObject" and isinstance(value, (dict, list)):
        return bracketed(name, value)
    explode = argument.explode if argument.explode is not None else argument.style in ("", "form")
    if isinstance(value, list):
        texts = [_text(item) for item in cast("list[Any]", value)]
        if explode:
            return [(name, text) for text in texts]
        between = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(argument.style, ",")
        return [(name, between.join(texts))]
    if isinstance(value, dict):
        members = [(key, _text(item)) for key, item in cast("dict[str, Any]", value).items() if item is not None]
        return members if explode else [(name, ",".join(part for pair in members for part in pair))]
    return [(name, _text(value))]


def bracketed(name: str, value: Any) -> Pairs:
    """``filter[city]=Kyiv``, ``items[0][id]=1``."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return [pair for key, item in members for pair in bracketed(f"{name}[{key}]", item)]
    if isinstance(value, list):
        items = enumerate(cast("list[Any]", value))
        return [pair for number, item in items for pair in bracketed(f"{name}[{number}]", item)]
    return [] if value is None else [(name, _text(value))]


def _simple(value: Any, explode: bool, *, encoded: bool = True) -> str:
    return _parts(value, explode, ",", "=" if explode else ",", encoded=encoded)


def _parts(value: Any, explode: bool, between: str, inner: str, *, encoded: bool = True) -> str:
    del explode

    def text(item: Any) -> str:
        return quote(_text(item), safe="") if encoded else _text(item)

    if isinstance(value, list):
        return between.join(text(item) for item in cast("list[Any]", value))
    if isinstance(value, dict):
        return between.join(f"{text(key)}{inner}{text(item)}" for key, item in cast("dict[str, Any]", value).items())
    return text(value)


def _matrix(name: str, value: Any, explode: bool) -> str:
    if explode and isinstance(value, list):
        return "".join(f";{name}={quote(_text(item), safe='')}" for item in cast("list[Any]", value))
    if explode and isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return "".join(f";{quote(key, safe='')}={quote(_text(item), safe='')}" for key, item in members)
    return f";{name}={_simple(value, explode=False)}"


def _text(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    return "" if value is None else as_text(value)


# ---------------------------------------------------------------- steps


def step_request(step: Step, scope: Mapping[str, Any]) -> Wanted:
    """The request of a step of a hand-shaped action. Raises FormulaError."""
    path = evaluate_path(step.path, scope, place=f"$.steps.{step.id}.path")
    query = evaluate(step.query, scope, place=f"$.steps.{step.id}.query")
    headers = evaluate(step.headers, scope, place=f"$.steps.{step.id}.headers")
    body = evaluate(step.body, scope, place=f"$.steps.{step.id}.body")
    made, media = encode_body(body, step.media, {})
    return Wanted(
        method=step.method.upper(),
        path=path,
        query=tuple(plain_pairs(query, f"$.steps.{step.id}.query")),
        headers=_with_defaults(plain_pairs(headers, f"$.steps.{step.id}.headers")),
        body=made,
        media=media,
    )


def plain_pairs(value: Any, place: str) -> Pairs:
    """An object as pairs: what is null is left out, a list is repeated."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise Invalid(place, "must be an object")
    pairs: Pairs = []
    for name, item in cast("dict[str, Any]", value).items():
        items: list[Any] = cast("list[Any]", item) if isinstance(item, list) else [item]
        pairs += [(name, _text(one)) for one in items if one is not None]
    return pairs


def _with_defaults(headers: Pairs) -> tuple[tuple[str, str], ...]:
    if not any(name.lower() == "accept" for name, _ in headers):
        headers = [*headers, _ACCEPT]
    return tuple(headers)


# ---------------------------------------------------------------- bodies


def encode_body(value: Any, media: str, styles: Mapping[str, Argument]) -> tuple[bytes | None, str]:
    """The body and its content type. Raises Invalid for a value that does not fit its media type."""
    if value is None:
        return None, ""
    kind = media.partition(";")[0].strip().lower()
    if kind == _FORM:
        return encode_query(_form_pairs(value, styles)).encode(), media
    if kind == _MULTIPART:
        boundary = secrets.token_hex(16)
        return _multipart(value, boundary), f"{_MULTIPART}; boundary={boundary}"
    if kind == _JSON or kind.endswith(("+json", "/json")) or not isinstance(value, str):
        # In JSON {"content": "Hello"} is what it says.
        binary = None if kind.endswith("json") else _binary(value)
        if binary is not None:
            return binary, media
        try:
            return _encode(value), media if kind.endswith("json") else _JSON
        except (TypeError, ValueError, RecursionError, UnicodeError):
            raise Invalid("$", "cannot be written as JSON") from None
    return value.encode("utf-8", "replace"), media


def _form_pairs(value: Any, styles: Mapping[str, Argument]) -> Pairs:
    if not isinstance(value, dict):
        raise Invalid("$", "must be an object: it is sent as a form")
    pairs: Pairs = []
    for name, item in cast("dict[str, Any]", value).items():
        style = styles.get(name)
        if item is None:
            continue
        if style is not None and style.style:
            pairs += query_pairs(style, name, item)
        elif isinstance(item, dict):
            pairs += bracketed(name, item)
        elif isinstance(item, list):
            nested = any(isinstance(one, (dict, list)) for one in cast("list[Any]", item))
            pairs += bracketed(name, item) if nested else [(name, _text(one)) for one in cast("list[Any]", item)]
        else:
            pairs.append((name, _text(item)))
    return pairs


def _multipart(value: Any, boundary: str) -> bytes:
    """Fields as text, objects as JSON, files as ``{"content": base64, "filename": …, "contentType": …}``."""
    if not isinstance(value, dict):
        raise Invalid("$", "must be an object: it is sent as a form")
    parts: list[bytes] = []
    for name, item in cast("dict[str, Any]", value).items():
        items: list[Any] = cast("list[Any]", item) if isinstance(item, list) else [item]
        parts += [_part(name, one, boundary) for one in items if one is not None]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def _part(name: str, value: Any, boundary: str) -> bytes:
    disposition = f'form-data; name="{_quoted(name)}"'
    content = _binary(value)
    media = ""
    if content is not None:
        members = cast("dict[str, Any]", value)
        disposition += f'; filename="{_quoted(str(members.get("filename") or "file"))}"'
        media = re.sub(r"[\r\n\0]", "", str(members.get("contentType") or "application/octet-stream"))
    elif isinstance(value, (dict, list)):
        content, media = _encode(value), _JSON
    else:
        content = _text(value).encode("utf-8", "replace")
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
    head += f"Content-Type: {media}\r\n" if media else ""
    return head.encode("utf-8", "replace") + b"\r\n" + content + b"\r\n"


def _quoted(text: str) -> str:
    """As browsers write it (WHATWG, multipart/form-data encoding)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "")


def _as_file(value: Any) -> Any:
    """Base64 text as a file without a name; the same for each of a list."""
    if isinstance(value, list):
        return [_as_file(one) for one in cast("list[Any]", value)]
    return {"content": value} if isinstance(value, str) else value


def _binary(value: Any) -> bytes | None:
    """The bytes of ``{"content": base64}``."""
    if not isinstance(value, dict):
        return None
    members = cast("dict[str, Any]", value)
    content = members.get("content")
    if not isinstance(content, str) or not set(members) <= {"content", "filename", "contentType"}:
        return None
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("$.content", "must be base64") from None


def own_headers(headers: Iterable[tuple[str, str]]) -> Pairs:
    """Headers that a caller may set on a raw request."""
    return [(name, value) for name, value in headers if name.lower() not in FORBIDDEN_HEADERS]

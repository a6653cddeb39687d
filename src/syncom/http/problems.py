"""Errors as answers: the one translation of the domains' errors into problem+json (RFC 9457)."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import Scope, Send

from syncom.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    SyncomError,
    Unauthorized,
    Unavailable,
    Upstream,
)
from syncom.http.headers import request_id_of
from syncom.postgres.edits import Newer, Stale

MEDIA_TYPE = "application/problem+json"
#: Where a request keeps the function that finds all that is wrong with its body.
REFUSED_BODY = "syncom.refused_body"

_log = logging.getLogger(__name__)


class UnsupportedMedia(SyncomError):
    """The body is of a kind this route does not read."""

    code = "unsupported_media_type"


class Malformed(SyncomError):
    """The body is not what its content type says."""

    code = "malformed"


class TooLarge(SyncomError):
    """The body is larger than this route takes."""

    code = "too_large"


class WrongField(msgspec.Struct, frozen=True, kw_only=True):
    """One wrong field: a dotted path into the input, and what is wrong with it."""

    field: str
    reason: str
    #: A short name of what is wrong that does not change between releases, to translate by.
    code: str = ""
    #: The same place as a JSON pointer (RFC 6901); empty for the whole body.
    pointer: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "code", _code_of(self.reason))
        place = "" if self.field == "body" else "/" + self.field.replace("~", "~0").replace("/", "~1").replace(".", "/")
        msgspec.structs.force_setattr(self, "pointer", place)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong (RFC 9457). ``type`` ends in a short name that does not change between releases."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    #: The wrong fields of the input.
    errors: list[WrongField] = []
    #: Who saved another version since, and when: of `edited_since`.
    newer: Newer | None = None


_STATUS: dict[type[SyncomError], tuple[int, str]] = {
    Invalid: (422, "The input is wrong"),
    Malformed: (400, "The request cannot be read"),
    Unauthorized: (401, "Credentials are missing or wrong"),
    Forbidden: (403, "This is not allowed"),
    NotFound: (404, "There is no such thing"),
    Conflict: (409, "This contradicts what is stored"),
    TooLarge: (413, "The request is too large"),
    UnsupportedMedia: (415, "This kind of content is not read here"),
    RateLimited: (429, "Too many requests"),
    Upstream: (502, "Another server failed"),
    Unavailable: (503, "A part of this installation is down"),
}
_FAILED = 500, "Something failed"
_CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "rate_limited",
}


def problem_of(error: Exception, scope: Scope) -> tuple[Problem, dict[str, str]]:
    """The answer to an error, with headers that belong to it. Anything unexpected is logged and says nothing."""
    request_id = request_id_of(scope)
    if isinstance(error, SyncomError):
        status, title = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), _FAILED)
        problem = _problem(error.code, title, status, error.message, request_id, _fields(error))
        if isinstance(error, Stale):
            problem = msgspec.structs.replace(problem, newer=error.newer)
        return problem, _headers(error)
    if isinstance(error, ValidationException):
        errors = _all_wrong(error, scope)
        detail = "; ".join(f"{wrong.field}: {wrong.reason}" for wrong in errors) or "the input is wrong"
        return _problem("invalid", "The input is wrong", 422, detail, request_id, errors), {}
    if isinstance(error, msgspec.ValidationError):
        wrong = wrong_field(error)
        detail = f"{wrong.field}: {wrong.reason}"
        return _problem("invalid", "The input is wrong", 422, detail, request_id, [wrong]), {}
    if isinstance(error, HTTPException) and error.status_code < 500:
        code = _CODES.get(error.status_code, "error")
        detail = _HTTP_DETAILS.get(error.status_code, error.detail)
        return _problem(code, _title(error.status_code), error.status_code, detail, request_id, []), dict(
            error.headers or {}
        )
    _log.error("request %s failed", request_id, exc_info=error)
    detail = f"the server failed; its log says why under request {request_id}"
    return _problem("internal", "The server failed", 500, detail, request_id, []), {}


_HTTP_DETAILS = {
    404: "there is no such route; /docs lists them",
    405: "this route does not know this method; /docs lists them",
    413: "the request is larger than this route takes",
}


def handle_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Litestar's exception handler for everything."""
    problem, headers = problem_of(error, request.scope)
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


async def send_problem(error: Exception, scope: Scope, send: Send) -> None:
    """The same answer from a plain ASGI route."""
    problem, headers = problem_of(error, scope)
    body = msgspec.json.encode(problem)
    raw = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    raw += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def wrong_field(error: msgspec.ValidationError) -> WrongField:
    """The path and the reason out of msgspec's message, ``Expected `str`, got `int` - at `$.fields.x```."""
    reason, _, place = str(error).partition(" - at `$")
    path = _dotted(place.rstrip("`"))
    if path == "" and (unknown := _UNKNOWN.search(reason)):
        return WrongField(field=unknown[1], reason="there is no such field")
    if unknown := _UNKNOWN.search(reason):
        return WrongField(field=f"{path}.{unknown[1]}", reason="there is no such field")
    if missing := _MISSING.search(reason):
        return WrongField(field=f"{path}.{missing[1]}".lstrip("."), reason="is required")
    return WrongField(field=path or "body", reason=_plain(reason))


#: Words of a reason, and the code for it; the first that fits.
_REASONS = (
    (re.compile(r"^is required"), "missing"),
    (re.compile(r"^there is no such field"), "unknown_field"),
    (re.compile(r"^invalid enum value"), "not_a_choice"),
    (re.compile(r"of length"), "wrong_length"),
    (re.compile(r"^expected \S+ (>|<|multiple)"), "out_of_range"),
    (re.compile(r"^expected .*, got "), "wrong_type"),
    (re.compile(r"^invalid |matching regex"), "wrong_format"),
)


def _code_of(reason: str) -> str:
    return next((code for words, code in _REASONS if words.search(reason)), "invalid")


_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")


def _dotted(place: str) -> str:
    """``.contacts[3].email`` as ``contacts.3.email``."""
    return _INDEX.sub(r".\1", place).lstrip(".")


def _plain(reason: str) -> str:
    return (reason[:1].lower() + reason[1:]).replace("`", "")


def _entries(error: ValidationException) -> list[dict[str, str]]:
    extra = error.extra
    return [entry for entry in extra if isinstance(entry, dict)] if isinstance(extra, list) else []


def _all_wrong(error: ValidationException, scope: Scope) -> list[WrongField]:
    """Every wrong parameter, and every wrong member of the body where a route has kept it (:data:`REFUSED_BODY`)."""
    entries = _entries(error)
    look: Callable[[], list[WrongField]] | None = cast("dict[str, Any]", scope).get(REFUSED_BODY)
    inside = look() if look is not None and any(entry.get("source") == "body" for entry in entries) else []
    if inside:
        entries = [entry for entry in entries if entry.get("source") != "body"]
    return [*(_wrong_field(entry) for entry in entries), *inside]


def _wrong_field(entry: dict[str, str]) -> WrongField:
    key = entry.get("key", "")
    key = "" if key == "data" else key
    message = entry.get("message", "is wrong")
    found = wrong_field(msgspec.ValidationError(message))
    if found.field == "body":
        return WrongField(field=_dotted(key) or "body", reason=found.reason)
    return WrongField(field=f"{_dotted(key)}.{found.field}".lstrip("."), reason=found.reason)


def _fields(error: SyncomError) -> list[WrongField]:
    if isinstance(error, Invalid):
        return [WrongField(field=wrong.field, reason=wrong.reason) for wrong in error.fields]
    if isinstance(error, Conflict) and error.field:
        return [WrongField(field=error.field, reason=error.message)]
    return []


def _headers(error: SyncomError) -> dict[str, str]:
    if isinstance(error, RateLimited):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Unavailable):
        return {"Retry-After": "5"}
    return {}


def _problem(code: str, title: str, status: int, detail: str, request_id: str, errors: list[WrongField]) -> Problem:
    return Problem(
        type=f"/docs#problem-{code}", title=title, status=status, detail=detail, request_id=request_id, errors=errors
    )


def _title(status: int) -> str:
    for known, title in _STATUS.values():
        if known == status:
            return title
    return "The request was refused"

"""Errors as answers: the one translation of the domains' errors into the error object (membrane-api, 4.1)."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import psycopg
from litestar.types import Scope

from syncom.connect.model import Fault
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
from syncom.http.headers import header, request_id_of
from syncom.http.membrane.method import Refused
from syncom.http.problems import TooLarge, wrong_field

_log = logging.getLogger(__name__)

_DEFUNCT: Final = "connection_is_defunct"


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The body of every error."""

    #: Clients make a typed error of it only when it is one of those they know.
    type: str
    message: str
    key: str = ""
    data: Any = None
    caused_by_error: ErrorObject | None = None
    #: The run that failed.
    action_run_id: str = ""
    #: Old scripts tell a connection that is dead by it.
    code: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """An error as it is answered."""

    status: int
    body: ErrorObject
    headers: Mapping[str, str] = {}


def refusal(error: Exception, scope: Scope, *, challenge: str) -> Refusal:
    """The answer to an error. Anything unexpected is logged and says nothing.

    ``challenge``: WWW-Authenticate of a 401 (RFC 9728, 5.1). An error with a ``fault`` (connect/model.py) is answered
    as that fault; one with a ``run_id`` names the run.
    """
    fault = getattr(error, "fault", None)
    if isinstance(error, SyncomError) and isinstance(fault, Fault):
        return _of_fault(error, fault)
    if isinstance(error, Refused):
        body = ErrorObject(type="bad_request", key=error.key, message=error.message, data=error.data)
        return Refusal(error.status, body, error.headers)
    if isinstance(error, msgspec.ValidationError):
        wrong = wrong_field(error)
        error = Invalid(wrong.field, wrong.reason)
    if isinstance(error, SyncomError):
        return _of_error(error, challenge)
    if isinstance(error, (msgspec.MsgspecError, RecursionError, UnicodeError)):
        return Refusal(400, ErrorObject(type="bad_request", message="the body is not JSON that can be read"))
    if isinstance(error, psycopg.DataError):
        _log.warning("request %s holds what cannot be stored: %s", request_id_of(scope), error)
        return Refusal(400, ErrorObject(type="bad_request", message="the input holds values that cannot be stored"))
    if isinstance(error, psycopg.OperationalError):
        _log.warning("request %s waits for the database: %s", request_id_of(scope), error)
        return _of_error(Unavailable("the database is busy or down; try again"), challenge)
    request_id = request_id_of(scope)
    _log.error("request %s failed", request_id, exc_info=error)
    message = f"the server failed; its log says why under request {request_id}"
    return Refusal(500, ErrorObject(type="internal", message=message, data={"errorId": request_id}))


def error_object(fault: Fault) -> ErrorObject:
    """A stored error as it is answered."""
    code = "CONNECTION_DISCONNECTED" if fault.key == _DEFUNCT else ""
    return ErrorObject(type=fault.type, key=fault.key, message=fault.message, data=fault.data, code=code)


def _of_fault(error: SyncomError, fault: Fault) -> Refusal:
    body = error_object(fault)
    run_id, cause = getattr(error, "run_id", None), getattr(error, "cause", None)
    if isinstance(run_id, str):
        body = msgspec.structs.replace(body, action_run_id=run_id)
    if isinstance(cause, Fault):
        code = body.code or error_object(cause).code
        body = msgspec.structs.replace(body, caused_by_error=error_object(cause), code=code)
    if isinstance(error, RateLimited):
        return Refusal(429, body, _retry_after(error))
    for kind, status in ((Unauthorized, 401), (Forbidden, 403), (NotFound, 404)):
        if isinstance(error, kind):
            return Refusal(status, body)
    return Refusal(400, body)


def _of_error(error: SyncomError, challenge: str) -> Refusal:
    said = error.message
    if isinstance(error, Unauthorized):
        body = ErrorObject(type="bad_request", key="not_authenticated", message=said)
        return Refusal(401, body, {"WWW-Authenticate": challenge})
    if isinstance(error, Forbidden):
        return Refusal(403, ErrorObject(type="bad_request", key="access_denied", message=said))
    if isinstance(error, NotFound):
        message = f'{error.what.capitalize()} "{error.ident}" not found'
        return Refusal(404, ErrorObject(type="bad_request", key="not_found", message=message))
    if isinstance(error, RateLimited):
        body = ErrorObject(type="bad_request", key="rate_limit_exceeded", message=said)
        return Refusal(429, body, _retry_after(error))
    if isinstance(error, Invalid):
        errors = [{"field": wrong.field, "reason": wrong.reason} for wrong in error.fields]
        return Refusal(400, ErrorObject(type="bad_request", message=said, data={"errors": errors}))
    if isinstance(error, Conflict):
        key = "already_exists" if error.field else "conflict"
        return Refusal(400, ErrorObject(type="bad_request", key=key, message=said))
    if isinstance(error, Upstream):
        return Refusal(400, ErrorObject(type="connection", message=said))
    if isinstance(error, TooLarge):
        return Refusal(413, ErrorObject(type="bad_request", key="too_large", message=said))
    if isinstance(error, Unavailable):
        return Refusal(503, ErrorObject(type="internal", key="unavailable", message=said), {"Retry-After": "5"})
    return Refusal(400, ErrorObject(type="bad_request", message=said))


def _retry_after(error: RateLimited) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}


def bearer_token(scope: Scope) -> str:
    """The token of the request (RFC 6750, 2.1). Raises Unauthorized when there is none."""
    scheme, _, token = header(scope, b"authorization").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("send a token: `Authorization: Bearer ...`")
    return token

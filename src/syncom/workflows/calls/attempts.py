"""One attempt at a call that a step makes: the request, and what its answer means.

What a server takes (2xx) is done. What it refuses for good is not asked again: 3xx, and 4xx but 408, 425 and 429. All
else, and no answer, is tried again. A request that may have arrived is repeated with the key it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from syncom.errors import Invalid
from syncom.outbound import OutboundClient, Unreachable, refusal, retry_after

KEY: Final = "Idempotency-Key"
#: Bytes of an answer that the steps after it see. More is not read.
ANSWER_LIMIT: Final = 16 * 1024
#: Seconds that a webhook's server may take.
SECONDS: Final = 30.0
#: Refusals that may be otherwise later (RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4).
_LATER: Final = frozenset({408, 425, 429})


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt."""

    #: Why it was not taken; empty: it was.
    error: str = ""
    #: None: there was no answer, or no HTTP.
    status: int | None = None
    #: It would be refused again.
    is_final: bool = False
    #: JSON of at most :data:`ANSWER_LIMIT` bytes.
    answer: str = "null"
    #: Seconds that the other side asks to be left alone.
    rest: float = 0.0
    #: Of an action.
    run_id: str = ""
    #: The same call is under way, or its end is not known: it is asked for again by the key it has.
    is_open: bool = False


async def post(client: OutboundClient, request: Mapping[str, Any], key: str, now: datetime) -> Came:
    """Call an address."""
    body, kind = _body(request.get("body"))
    given: dict[str, Any] = request["headers"]
    headers = {name: _text(value) for name, value in given.items()}
    if kind and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    try:
        async with client.stream(
            request["method"],
            _text(request["url"]),
            headers={**headers, KEY: key},
            body=body,
            seconds=SECONDS,
            limit=ANSWER_LIMIT * 64,
        ) as answer:
            status, asked = answer.status, retry_after(answer.headers.items(), now)
            begun = await _beginning(answer.pieces)
    except Unreachable as error:
        return Came(error=error.message)
    except Invalid as error:
        return Came(error=error.message, is_final=True)
    if 200 <= status < 300:
        return Came(status=status, answer=_read(begun))
    return Came(error=refusal(status, begun), status=status, is_final=is_final(status), rest=asked or 0.0)


def is_final(status: int) -> bool:
    """Whether a server that answers so would answer so again."""
    return 300 <= status < 500 and status not in _LATER


def bounded(answer: object) -> str:
    """An answer as JSON for the steps after it; ``null`` when it is too long, or none."""
    try:
        encoded = msgspec.json.encode(answer)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return "null"
    # The database keeps no NUL in texts.
    return "null" if len(encoded) > ANSWER_LIMIT or b"\\u0000" in encoded else encoded.decode()


async def _beginning(pieces: Any) -> bytes:
    """The beginning of a body. The status has come: a body that breaks off does not change what it says."""
    found = bytearray()
    try:
        async for piece in pieces:
            found += piece
            if len(found) > ANSWER_LIMIT:
                break
    except Unreachable:
        found.clear()
    return bytes(found)


def _read(body: bytes) -> str:
    if len(body) > ANSWER_LIMIT:
        return "null"
    try:
        return bounded(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "null"


def _body(body: Any) -> tuple[bytes | None, str]:
    """Bytes and their kind: a text goes as it is, all else as JSON."""
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return msgspec.json.encode(body), "application/json"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

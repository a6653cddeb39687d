"""The body of a request, whole and not too large."""

from __future__ import annotations

from litestar.types import Receive

from syncom.http.problems import Malformed, TooLarge


async def read_body(receive: Receive, limit: int) -> bytes:
    """``limit`` is in bytes. Raises TooLarge, Malformed when it was cut off."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Malformed("the request was cut off")
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise TooLarge(f"the body is larger than {limit} bytes: send less at a time")
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)

"""Pages of a list: an opaque cursor that says where the last page ended."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from syncom.errors import Invalid

Item = TypeVar("Item")
Key = TypeVar("Key")

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many items at most.")]
Cursor = Annotated[
    str | None, QueryParameter(description="`next_cursor` of the page before; nothing for the first one.")
]


class Page(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """Some items, and the cursor of those after them; no cursor: these were the last."""

    items: list[Item]
    next_cursor: str | None


def page_of(found: Sequence[Item], limit: int, key: Callable[[Item], object]) -> Page[Item]:
    """A page out of up to ``limit + 1`` items: the one too many says that there is a next page."""
    items = list(found[:limit])
    return Page(items=items, next_cursor=cursor_for(key(items[-1])) if len(found) > limit else None)


def cursor_for(key: object) -> str:
    """The cursor that leads to what comes after ``key``."""
    return urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode("ascii")


def read_cursor(cursor: str | None, kind: type[Key]) -> Key | None:
    """The key in a cursor. It is a place in the caller's own list, checked like any other input."""
    if cursor is None or cursor == "":
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.DecodeError):
        raise Invalid("cursor", "is not one that this list gave; leave it out to begin again") from None

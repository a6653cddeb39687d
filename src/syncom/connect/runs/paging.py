"""Lists page by page: where the rows are, what asks for the next page, and when to stop."""

from __future__ import annotations

import re
from typing import Any, Final, cast

import msgspec

from syncom.connect.model import Pagination
from syncom.connect.pointer import at_pointer
from syncom.connect.runs.model import Answered, Wanted

MAX_PAGES: Final = 100
MAX_ROWS: Final = 10_000
_LINK: Final = re.compile(r"<([^<>]*)>((?:\s*;\s*[^;,=]+(?:=(?:\"[^\"]*\"|[^;,\"]*))?)*)")
_NEXT: Final = re.compile(r";\s*rel=(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next)(?=\s*(?:;|$))", re.IGNORECASE)


class Pages:
    """One list, gathered. Ask ``first`` for the first request, then ``onward`` after each answer."""

    def __init__(self, pagination: Pagination, wanted: Wanted) -> None:
        self._pagination = pagination
        self._wanted = wanted
        asked = {name for name, _ in wanted.query}
        named = {name for name in (pagination.parameter, pagination.size_parameter) if name}
        #: Whoever asks for a page himself gets that one.
        self.automatic = pagination.style != "none" and wanted.method == "GET" and not asked & named
        self._place = pagination.first
        self._items = pagination.items
        self._rows: list[Any] = []
        self._pages = 0
        self._first_size: int | None = None
        self._last_encoded: bytes | None = None
        self._last: Any = None
        self._seen: set[str] = set()
        #: There is more than was fetched.
        self.cut = False

    def first(self) -> Wanted:
        if not self.automatic:
            return self._wanted
        pagination = self._pagination
        more: list[tuple[str, str]] = []
        if pagination.size_parameter:
            more.append((pagination.size_parameter, str(pagination.size)))
        if pagination.parameter and pagination.style in ("page", "offset"):
            more.append((pagination.parameter, str(self._place)))
        return _with_query(self._wanted, more)

    def onward(self, answered: Answered) -> Wanted | None:
        """Take a page in; the request of the next one, or None."""
        self._pages += 1
        self._items = items_at(answered.data, self._pagination.items)
        rows = at_pointer(answered.data, self._items)
        if not self.automatic or not isinstance(rows, list):
            # Not a list after all: the answer is what it is.
            self._last = answered.data if self._pages == 1 else self._last
            return None
        found = cast("list[Any]", rows)
        encoded = msgspec.json.encode(found)
        if found and encoded == self._last_encoded:
            # The app does not know the parameter and says the same again.
            return None
        self._last_encoded = encoded
        self._last = answered.data
        self._rows += found
        following = self._following(answered, found)
        if following is not None and (self._pages >= MAX_PAGES or len(self._rows) >= MAX_ROWS):
            self.cut = True
            return None
        return following

    @property
    def data(self) -> Any:
        """The last answer with the rows of all pages in it, or the answer that was no list."""
        if not self._rows:
            return self._last
        return _replaced(self._last, self._items, self._rows[:MAX_ROWS])

    def _following(self, answered: Answered, rows: list[Any]) -> Wanted | None:
        pagination = self._pagination
        if pagination.more and at_pointer(answered.data, pagination.more) is not True:
            return None
        if pagination.exact and len(rows) < pagination.size:
            return None
        pointed = at_pointer(answered.data, pagination.next) if pagination.next else None
        if pagination.style == "link" or (isinstance(pointed, str) and pointed.startswith(("http://", "https://"))):
            link = pointed if isinstance(pointed, str) and pointed else next_link(answered.headers)
            return self._at_address(link)
        if pagination.style == "cursor":
            return self._at_cursor(pointed)
        if not rows or (pagination.next and not pointed):
            return None
        if self._first_size is None:
            self._first_size = len(rows)
        elif len(rows) < self._first_size and not pagination.more:
            return None
        self._place += len(rows) if pagination.style == "offset" else 1
        more = [(pagination.parameter, str(self._place))]
        if pagination.size_parameter:
            more.append((pagination.size_parameter, str(pagination.size)))
        return _with_query(self._wanted, more)

    def _at_address(self, link: str | None) -> Wanted | None:
        if not link or link in self._seen:
            return None
        self._seen.add(link)
        return msgspec.structs.replace(self._wanted, path=link, query=())

    def _at_cursor(self, cursor: Any) -> Wanted | None:
        if cursor in (None, "", False) or isinstance(cursor, (dict, list)) or str(cursor) in self._seen:
            return None
        self._seen.add(str(cursor))
        more = [(self._pagination.parameter, str(cursor))]
        if self._pagination.size_parameter:
            more.append((self._pagination.size_parameter, str(self._pagination.size)))
        return _with_query(self._wanted, more)


def next_link(headers: tuple[tuple[str, str], ...]) -> str | None:
    """The address of ``rel=next`` in Link headers (RFC 8288)."""
    for name, value in headers:
        if name == "link":
            for match in _LINK.finditer(value[:16_384]):
                if _NEXT.search(match[2]):
                    return match[1]
    return None


def items_at(answer: Any, pointer: str) -> str:
    """Where the rows are: as the connector says, or in the only list of an object: apps name it after what is in it."""
    if pointer or not isinstance(answer, dict):
        return pointer
    members = cast("dict[str, Any]", answer)
    lists = [name for name, value in members.items() if isinstance(value, list)]
    return f"/{lists[0].replace('~', '~0').replace('/', '~1')}" if len(lists) == 1 else pointer


def _replaced(value: Any, pointer: str, rows: list[Any]) -> Any:
    if not pointer:
        return rows
    name, _, rest = pointer[1:].partition("/")
    name = name.replace("~1", "/").replace("~0", "~")
    if not isinstance(value, dict):
        return rows
    members = cast("dict[str, Any]", value)
    return members | {name: _replaced(members.get(name), f"/{rest}" if rest else "", rows)}


def _with_query(wanted: Wanted, more: list[tuple[str, str]]) -> Wanted:
    names = {name for name, _ in more}
    kept = [pair for pair in wanted.query if pair[0] not in names]
    return msgspec.structs.replace(wanted, query=(*kept, *more))

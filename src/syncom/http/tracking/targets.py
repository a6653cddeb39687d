"""Where links lead: the stored targets of a content, made safe for a `Location` header."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote, urlsplit, urlunsplit

#: Reads the targets of a content's links by (account id, content id); None when there is no such content.
LoadLinks = Callable[[int, int], Awaitable[Sequence[str] | None]]

_LONGEST_TARGET = 8000
#: Nothing of a name before the host: `https://bank.example@evil.example/` shows one host and leads to
#: another.
_SAFE = re.compile(r"https?://(?![^/?#]*@)[a-z0-9][!#-;=?-Z\[\]_a-z~]*", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}]")


def location(target: str) -> bytes | None:
    """A target as a header's value: http or https, ASCII, one line. None for anything else.

    Targets are written by marketers, also with an international domain or path; those are encoded (RFC
    3987, 3.1).
    """
    if len(target) > _LONGEST_TARGET:
        return None
    if _SAFE.fullmatch(target):
        return target.encode("ascii")
    text = _FORBIDDEN.sub(lambda found: quote(found[0]) if found[0] in ' "<>^`{|}' else "\n", target.strip())
    if "\n" in text:
        return None
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UnicodeError):
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    if ":" in host:
        host = f"[{host}]"
    safe = "!#$%&'()*+,/:;=?@[]~"
    encoded = urlunsplit(
        (
            parts.scheme.lower(),
            host + port,
            quote(parts.path, safe=safe),
            quote(parts.query, safe=safe),
            quote(parts.fragment, safe=safe),
        )
    )
    return encoded.encode("ascii") if _SAFE.fullmatch(encoded) else None


class Targets:
    """The targets of the contents that were used last. Contents never change, so nothing expires."""

    def __init__(self, load: LoadLinks, *, size: int = 2000) -> None:
        self._load = load
        self._size = size
        self._known: OrderedDict[tuple[int, int], tuple[bytes | None, ...]] = OrderedDict()
        self._loading: dict[tuple[int, int], asyncio.Task[tuple[bytes | None, ...] | None]] = {}

    async def of(self, account_id: int, content_id: int) -> tuple[bytes | None, ...] | None:
        """Targets by number (None: not a place to lead anybody to); None when there is no such content."""
        key = (account_id, content_id)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        # Many requests for a fresh campaign arrive at once: one of them reads, the others wait for it.
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._read(key))
            self._loading[key] = task
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)

    async def _read(self, key: tuple[int, int]) -> tuple[bytes | None, ...] | None:
        links = await self._load(*key)
        if links is None:
            return None
        targets = tuple(location(link) for link in links)
        self._known[key] = targets
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return targets

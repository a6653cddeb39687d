"""`/t/i/...`: images of the gallery, for everybody who has a mail that shows them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from syncom.content.images.model import ENDINGS, ServedImage
from syncom.http.tracking.answers import BARE_POLICY, NOT_FOUND, WRONG_METHOD, Answer

#: An image by its key, or its small one.
FindImage = Callable[[str, bool], Awaitable[ServedImage | None]]

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")
_HEADERS = [
    # An address never answers anything else, so nobody has to ask again for a year.
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
    # Mails are read on pages of other sites.
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"access-control-allow-origin", b"*"),
    BARE_POLICY,
]


class Pictures:
    """Answers `<key>.<ending>` and `<key>/small.webp`."""

    def __init__(self, find: FindImage) -> None:
        self._find = find

    async def answer(self, method: str, name: str) -> Answer:
        """The image. An address with another ending than the image's own is none."""
        key, _, ending = name.partition(".")
        found = await self._find(key, False) if _KEY.fullmatch(key) else None
        if found is None or ENDINGS[found.content_type] != ending:
            return NOT_FOUND
        return _answer(method, found)

    async def small(self, method: str, key: str) -> Answer:
        """The small one."""
        found = await self._find(key, True) if _KEY.fullmatch(key) else None
        return NOT_FOUND if found is None else _answer(method, found)


def _answer(method: str, image: ServedImage) -> Answer:
    if method not in ("GET", "HEAD"):
        return WRONG_METHOD
    kind = (b"content-type", image.content_type.encode())
    return Answer(200, [*_HEADERS, kind, (b"content-length", str(len(image.content)).encode())], image.content)

"""Values of the gallery."""

from __future__ import annotations

from datetime import datetime

import msgspec

#: Bytes of a file. Mail clients load pictures over phones' networks: what is larger than this is a mistake.
MAX_FILE = 10_000_000
#: Pixels on a side, and of all frames together: what they take in memory is four bytes each.
MAX_SIDE = 10_000
MAX_PIXELS = 40_000_000
MAX_FRAMES = 500
#: Pixels of all frames of one that moves.
MAX_MOVING_PIXELS = 150_000_000
#: Longest side of the small one.
THUMBNAIL_SIDE = 320
THUMBNAIL_TYPE = "image/webp"
#: The ending that a content type has in an address.
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image of the gallery. ``url`` is public and always answers the same bytes."""

    image_id: int
    name: str
    #: image/png, image/jpeg, image/gif or image/webp.
    content_type: str
    #: Pixels.
    width: int
    height: int
    #: More than 1: it moves.
    frames: int
    #: Bytes.
    size: int
    url: str
    #: A small one (WebP, 320 pixels at most), for lists.
    thumbnail_url: str
    created_at: datetime
    updated_at: datetime


class Cleaned(msgspec.Struct, frozen=True, array_like=True):
    """A file after it was read and written again: without metadata and without anything behind its end."""

    content_type: str
    width: int
    height: int
    frames: int
    content: bytes
    thumbnail: bytes


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What became of a file: the image, or why it is refused."""

    cleaned: Cleaned | None = None
    refused: str = ""


class ServedImage(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to whoever looks at an image."""

    content_type: str
    content: bytes

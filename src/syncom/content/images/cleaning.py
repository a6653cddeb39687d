"""Reads a file that says it is a picture, in a process of its own, and writes it again without the rest.

Decoders of pictures are written in C and read what strangers made: they get a process with limits of time and memory.
What was written again has no metadata (where a photo was taken, by whom, with what) and nothing behind its end, so that
no file is a picture and a script at once. Colours keep their profile, photos their quality and the way they are held.
"""

from __future__ import annotations

import io
import re
from typing import Any

import msgspec
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from syncom.aside import answer
from syncom.content.images.model import (
    MAX_FRAMES,
    MAX_MOVING_PIXELS,
    MAX_PIXELS,
    MAX_SIDE,
    THUMBNAIL_SIDE,
    Answer,
    Cleaned,
)

#: Bytes of memory of the process: 40 million pixels of four bytes, three times, and the program.
MEMORY = 1_500_000_000
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_SVG = re.compile(rb"\s*(?:<\?xml|<!--|<!DOCTYPE\s+svg|<svg)", re.IGNORECASE)
_SVG_REFUSED = "is an SVG, which mail clients do not show and which can hold scripts; save it as PNG"
_KIND_REFUSED = "is no PNG, JPEG, GIF or WebP, whatever its name says; save it as one of them"
_BROKEN = "is damaged or was cut off on its way; save it again and upload that"


class _Refused(Exception):
    """The file is not taken; the text says why and what to do."""


def clean(file: bytes) -> Answer:
    """The image in a file, or why it is refused."""
    try:
        return Answer(_cleaned(file))
    except _Refused as refused:
        return Answer(refused=str(refused))
    except UnidentifiedImageError:
        return Answer(refused=_SVG_REFUSED if _is_svg(file) else _KIND_REFUSED)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - decoders raise anything for a damaged file
        return Answer(refused=_BROKEN)


def _cleaned(file: bytes) -> Cleaned:
    if _is_svg(file):
        raise _Refused(_SVG_REFUSED)
    # Ours is the limit, by what the file says of itself, before anything is unpacked.
    Image.MAX_IMAGE_PIXELS = None
    image = Image.open(io.BytesIO(file), formats=tuple(_TYPES))
    kind = image.format or ""
    frames = int(getattr(image, "n_frames", 1))
    _check_size(image.width, image.height, frames)
    _forget(image)
    content = _moving(image, kind) if frames > 1 else _still(image, kind, file)
    written = Image.open(io.BytesIO(content))
    return Cleaned(
        content_type=_TYPES[kind],
        width=written.width,
        height=written.height,
        frames=int(getattr(written, "n_frames", 1)),
        content=content,
        thumbnail=_thumbnail(written),
    )


def _check_size(width: int, height: int, frames: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _Refused(
            f"has {width:,} × {height:,} pixels; {MAX_SIDE:,} on a side and {MAX_PIXELS // 1_000_000} million in all "
            "are the most: make it smaller, mails are seldom wider than 1,200"
        )
    if frames > MAX_FRAMES:
        raise _Refused(f"has {frames:,} frames; {MAX_FRAMES} are the most: make it shorter")
    if frames > 1 and width * height * frames > MAX_MOVING_PIXELS:
        raise _Refused("moves and is too large to be unpacked; make it smaller or shorter")


def _still(image: Image.Image, kind: str, file: bytes) -> bytes:
    if kind == "JPEG":
        # How the camera was held is in the metadata: the pixels are turned before it goes.
        turned = ImageOps.exif_transpose(image)
        if turned.getexif() or turned.size != image.size or _is_turned(image):
            _forget(turned)
            return _written(turned, kind, quality=92, progressive=True, icc_profile=image.info.get("icc_profile"))
        image.load()
        _forget(image)
        return _written(image, kind, quality="keep", progressive=True, icc_profile=image.info.get("icc_profile"))
    if kind == "WEBP":
        return _written(
            image, kind, lossless=b"VP8L" in file[:64], quality=90, icc_profile=image.info.get("icc_profile")
        )
    return _written(image, kind, optimize=kind == "PNG", icc_profile=image.info.get("icc_profile"))


def _is_turned(image: Image.Image) -> bool:
    """Whether its metadata says to turn it (0x0112, 1: as it is)."""
    return image.getexif().get(0x0112, 1) != 1


def _moving(image: Image.Image, kind: str) -> bytes:
    frames: list[Image.Image] = []
    durations: list[int] = []
    for frame in ImageSequence.Iterator(image):
        durations.append(int(frame.info.get("duration", 100)))
        frames.append(frame.copy())
    for frame in frames:
        _forget(frame)
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": durations}
    if "loop" in image.info:
        options["loop"] = image.info["loop"]
    if kind == "GIF":
        # Every frame is whole: none shows through the next one.
        options["disposal"] = 2
    if kind == "WEBP":
        options["quality"] = 85
    return _written(frames[0], kind, **options)


def _forget(image: Image.Image) -> None:
    """Drop what writers would write again: comments, EXIF (with places), XMP, notes of programs."""
    for name in ("exif", "xmp", "XML:com.adobe.xmp", "comment", "photoshop", "pnginfo", "Raw profile type exif"):
        image.info.pop(name, None)


def _written(image: Image.Image, kind: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    chosen = {name: value for name, value in options.items() if value is not None}
    image.save(sink, kind, **chosen)
    return sink.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    image.seek(0)
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    _forget(small)
    return _written(small, "WEBP", quality=80)


def _is_svg(file: bytes) -> bool:
    head = file[:2_000]
    return bool(_SVG.match(head)) and b"<svg" in file[:100_000].lower()


def _work(file: bytes) -> bytes:
    return msgspec.msgpack.encode(clean(file))


if __name__ == "__main__":
    answer(_work, memory=MEMORY)

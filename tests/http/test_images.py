"""The gallery: what is taken, what is refused, and how the world sees it."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from tests.http.running_site import Site

PLACE = 0x8825  # GPS
TURNED = 0x0112


def picture(kind: str, size: tuple[int, int] = (40, 20), **options: Any) -> bytes:
    sink = io.BytesIO()
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 30, 200), (0, 0, size[0] // 2, size[1]))
    image.save(sink, kind, **options)
    return sink.getvalue()


def photo(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[TURNED] = orientation
    exif[0x010E] = "secret words about the photo"
    exif.get_ifd(PLACE)[1] = "N"
    exif.get_ifd(PLACE)[2] = (50.0, 27.0, 0.0)
    return picture("JPEG", exif=exif)


def moving(kind: str) -> bytes:
    sink = io.BytesIO()
    frames = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (10, 120, 240)]
    frames[0].save(sink, kind, save_all=True, append_images=frames[1:], duration=[80, 160, 240], loop=0)
    return sink.getvalue()


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(90_000))) + chunk(b"IEND", b"")
    )


def redness(image: Image.Image, across: int, down: int) -> int:
    """How red a pixel is, 0 to 255."""
    place = (across, down, across + 1, down + 1)
    return image.convert("RGB").crop(place).tobytes()[0]


async def upload(site: Site, content: bytes, name: str = "picture.png", key: str = "", **fields: str) -> Any:
    async with site.client(key) as client:
        return await client.post("/syncom/v1/images", files={"file": (name, content)}, data=fields)


@pytest.mark.parametrize(
    ("kind", "type_", "ending"),
    [
        ("PNG", "image/png", "png"),
        ("JPEG", "image/jpeg", "jpg"),
        ("GIF", "image/gif", "gif"),
        ("WEBP", "image/webp", "webp"),
    ],
    ids=["png", "jpeg", "gif", "webp"],
)
async def test_an_image_is_served_to_everybody_for_ever_as_what_it_is(
    site: Site, kind: str, type_: str, ending: str
) -> None:
    answer = await upload(site, picture(kind), name=f"wrong name of {kind}.exe")
    assert answer.status_code == 201, answer.text
    stored = answer.json()
    assert (stored["content_type"], stored["width"], stored["height"], stored["frames"]) == (type_, 40, 20, 1)
    assert stored["url"].endswith(f".{ending}")
    async with site.client(None) as anybody:
        served = await anybody.get(stored["url"])
        small = await anybody.get(stored["thumbnail_url"])
        other = await anybody.get(stored["url"].rpartition(".")[0] + ".html")
        posted = await anybody.post(stored["url"])
    assert served.status_code == 200
    assert served.headers["content-type"] == type_
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in served.headers["cache-control"]
    assert "default-src 'none'" in served.headers["content-security-policy"]
    assert redness(Image.open(io.BytesIO(served.content)), 35, 10) > 150
    assert Image.open(io.BytesIO(small.content)).format == "WEBP"
    assert small.headers["content-type"] == "image/webp"
    assert other.status_code == 404
    assert posted.status_code == 405


async def test_metadata_goes_and_a_photo_stays_as_the_camera_was_held(site: Site) -> None:
    for orientation, size in ((1, (40, 20)), (6, (20, 40))):
        stored = (await upload(site, photo(orientation), name=f"{orientation}.jpg")).json()
        assert (stored["width"], stored["height"]) == size
        async with site.client(None) as anybody:
            content = (await anybody.get(stored["url"])).content
        assert b"secret words" not in content
        assert not Image.open(io.BytesIO(content)).getexif()


async def test_comments_of_a_png_and_what_stands_behind_its_end_go(site: Site) -> None:
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "somebody at home")
    stored = (await upload(site, picture("PNG", pnginfo=notes) + b"<script>alert(1)</script>")).json()
    async with site.client(None) as anybody:
        content = (await anybody.get(stored["url"])).content
    assert b"somebody" not in content
    assert b"script" not in content


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"], ids=["gif", "webp", "png"])
async def test_what_moves_goes_on_moving(site: Site, kind: str) -> None:
    answer = await upload(site, moving(kind), name=f"moving.{kind}")
    assert answer.status_code == 201, answer.text
    assert answer.json()["frames"] == 3
    async with site.client(None) as anybody:
        image = Image.open(io.BytesIO((await anybody.get(answer.json()["url"])).content))
    image.seek(2)
    assert redness(image, 8, 8) > 200


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG"),
        (b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<html><script>alert(1)</script></html>", "PNG, JPEG, GIF or WebP"),
        (b"BM" + bytes(200), "PNG, JPEG, GIF or WebP"),
        (picture("PNG")[:60], "damaged"),
        (picture("JPEG", (400, 400))[:900], "damaged"),
        (bomb(), "30,000 × 30,000"),
        (b"", "empty"),
    ],
    ids=["svg", "svg-with-a-head", "html", "bmp", "half-a-png", "half-a-jpeg", "bomb", "empty"],
)
async def test_what_is_no_good_picture_is_refused_with_the_reason(site: Site, content: bytes, word: str) -> None:
    answer = await upload(site, content)
    assert answer.status_code == 422, answer.text
    assert "file" in answer.text
    assert word in answer.text


async def test_a_file_that_is_too_large_is_refused(site: Site) -> None:
    answer = await upload(site, picture("PNG") + bytes(10_000_001))
    assert answer.status_code == 422
    assert "10 MB" in answer.text
    assert (await upload(site, bytes(12_000_000))).status_code == 413


async def test_the_same_file_again_is_the_same_image_even_at_the_same_moment(site: Site) -> None:
    content = picture("PNG", (31, 17))
    answers = await asyncio.gather(*(upload(site, content, name="one.png") for _ in range(3)))
    assert len({answer.json()["image_id"] for answer in answers}) == 1
    theirs = await upload(site, content, key=site.other_key)
    assert theirs.json()["image_id"] != answers[0].json()["image_id"]
    assert theirs.json()["url"] != answers[0].json()["url"]


async def test_images_are_listed_found_renamed_and_deleted(site: Site) -> None:
    ids = [
        (await upload(site, picture("PNG", (50 + place, 9)), name=f"Banner {place}.png")).json()["image_id"]
        for place in range(3)
    ]
    async with site.client() as client:
        first = (await client.get("/syncom/v1/images", params={"search": "banner", "limit": 2})).json()
        assert [one["image_id"] for one in first["items"]] == [ids[2], ids[1]]
        rest = await client.get(
            "/syncom/v1/images", params={"search": "banner", "limit": 2, "cursor": first["next_cursor"]}
        )
        assert [one["image_id"] for one in rest.json()["items"]] == [ids[0]]
        renamed = await client.put(f"/syncom/v1/images/{ids[0]}", json={"name": "Spring"})
        assert renamed.json()["name"] == "Spring"
        assert (await client.put(f"/syncom/v1/images/{ids[0]}", json={"name": " "})).status_code == 422
        url = renamed.json()["url"]
        assert (await client.get(url)).status_code == 200
        assert (await client.delete(f"/syncom/v1/images/{ids[0]}")).status_code == 204
        assert (await client.get(url)).status_code == 404
        assert (await client.get(f"/syncom/v1/images/{ids[0]}")).status_code == 404


async def test_an_image_that_a_template_shows_is_not_deleted(site: Site) -> None:
    stored = (await upload(site, picture("PNG", (77, 7)), name="used.png")).json()
    async with site.client() as client:
        source = f'<p><img src="{stored["url"]}" alt=""></p>'
        made = await client.post("/syncom/v1/templates", json={"name": "Spring news", "subject": "S", "source": source})
        refused = await client.delete(f"/syncom/v1/images/{stored['image_id']}")
        assert refused.status_code == 409
        assert "Spring news" in refused.text
        await client.delete(f"/syncom/v1/templates/{made.json()['template_id']}")
        assert (await client.delete(f"/syncom/v1/images/{stored['image_id']}")).status_code == 204

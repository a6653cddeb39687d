"""/images: the gallery that mails show pictures from."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.datastructures import UploadFile
from litestar.params import FromPath, JSONBody, MultipartBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.content.images.model import MAX_FILE, Image
from syncom.http.native.given import By, Images
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Images"]
#: The file, and what a multipart body has around it.
_MAX_BODY = MAX_FILE + 100_000


class ImageUpload(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A PNG, JPEG, GIF or WebP of up to 10 MB, and what it is called; its file's name unless given."""

    file: UploadFile
    name: str = ""


class ImageName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an image is called."""

    name: str


@get("/images", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_images(
    by: By,
    images: Images,
    limit: Limit = 100,
    cursor: Cursor = None,
    search: Annotated[str, QueryParameter(description="Words in the name.")] = "",
) -> Page[Image]:
    """Images, newest first."""
    found = await images.list(by.account_id, words=search, before=read_cursor(cursor, int), limit=limit + 1)
    return page_of(found, limit, lambda one: one.image_id)


@post(
    "/images",
    tags=_TAGS,
    request_max_body_size=_MAX_BODY,
    opt=needs(Permission.WRITE_CONTENT, media="multipart/form-data", replay=False),
)
async def upload_image(by: By, images: Images, data: MultipartBody[ImageUpload]) -> Image:
    """Upload an image. It is written again without metadata; the same file again is the image that is there."""
    return await images.add(by.account_id, data.name or data.file.filename, await data.file.read())


@get("/images/{image_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def get_image(by: By, images: Images, image_id: FromPath[int]) -> Image:
    """One image."""
    return await images.get(by.account_id, image_id)


@put("/images/{image_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def rename_image(by: By, images: Images, image_id: FromPath[int], data: JSONBody[ImageName]) -> Image:
    """Call it something else; its address stays."""
    return await images.rename(by.account_id, image_id, data.name)


@delete("/images/{image_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def delete_image(by: By, images: Images, image_id: FromPath[int]) -> None:
    """Delete an image that no template and no campaign under way shows. Sent mails lose it."""
    await images.delete(by.account_id, image_id)


HANDLERS: list[Any] = [list_images, upload_image, get_image, rename_image, delete_image]

"""Use cases of the gallery."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from syncom.aside import Died, Turns, ask
from syncom.clock import Clock
from syncom.content.images import store
from syncom.content.images.model import ENDINGS, MAX_FILE, THUMBNAIL_TYPE, Answer, Cleaned, Image, ServedImage
from syncom.content.images.store import ImageRow
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Connection, Database

#: Where images are served, below the public address.
PREFIX = "/t/i"
#: Bytes of all images of an account.
MAX_SPACE = 2_000_000_000
_MAX_NAME = 200
_SECONDS = 30.0


class ImagesService:
    """Pictures of an account: uploaded once, served to anybody who has a mail that shows them."""

    def __init__(self, database: Database, clock: Clock, *, base_url: str) -> None:
        self._database = database
        self._clock = clock
        self._base_url = base_url
        self._turns = Turns(at_once=2, waiting=8, full="several images are being read; try again in a moment")

    async def add(self, account_id: int, name: str, file: bytes) -> Image:
        """Store a file; one that is there already is the image it became. Raises Invalid naming 'file' or 'name'."""
        name = _clean_name(name)
        if not file:
            raise Invalid("file", "is empty")
        if len(file) > MAX_FILE:
            raise Invalid("file", f"has more than {MAX_FILE // 1_000_000} MB; make it smaller, mails load slowly else")
        digest = sha256(file).digest()
        known = await self._known(account_id, digest)
        if known is not None:
            return known
        cleaned = await self._cleaned(file)
        async with self._database.tenant(account_id) as connection:
            if await store.used_space(connection, account_id) + len(cleaned.content) > MAX_SPACE:
                raise Invalid("file", f"does not fit: images may have {MAX_SPACE // 10**9} GB; delete some first")
            key = secrets.token_urlsafe(16)
            await store.add(connection, account_id, key=key, name=name, upload_hash=digest, cleaned=cleaned)
        stored = await self._known(account_id, digest)
        if stored is None:
            raise Conflict("the image was deleted while it was uploaded; upload it again")
        return stored

    async def get(self, account_id: int, image_id: int) -> Image:
        """Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            return self._image(await _found(connection, account_id, image_id))

    async def list(
        self, account_id: int, *, words: str = "", before: int | None = None, limit: int = 100
    ) -> Sequence[Image]:
        """Newest first, older than ``before``; those with these words in their name."""
        async with self._database.tenant(account_id) as connection:
            found = await store.list_images(connection, account_id, words=words.strip(), before=before, limit=limit)
        return [self._image(row) for row in found]

    async def rename(self, account_id: int, image_id: int, name: str) -> Image:
        """Its address stays. Raises NotFound, Invalid."""
        name = _clean_name(name)
        async with self._database.tenant(account_id) as connection:
            await _found(connection, account_id, image_id, lock=True)
            await store.rename(connection, account_id, image_id, name, self._clock.now())
            return self._image(await _found(connection, account_id, image_id))

    async def delete(self, account_id: int, image_id: int) -> None:
        """Mails that were sent with it show a hole from now on. Raises NotFound, and Conflict naming who shows it."""
        async with self._database.tenant(account_id) as connection:
            row = await _found(connection, account_id, image_id, lock=True)
            users = await store.users(connection, account_id, row.key)
            if users:
                raise Conflict(f"{', '.join(users)} shows this image; take it out there first")
            await store.delete(connection, account_id, image_id)

    async def served(self, key: str, small: bool = False) -> ServedImage | None:
        """What a public address answers; None: there is no such image."""
        async with self._database.system() as connection:
            found = await store.serve(connection, key, small=small)
        if found is None:
            return None
        return ServedImage(content_type=THUMBNAIL_TYPE if small else found[0], content=found[1])

    async def _known(self, account_id: int, digest: bytes) -> Image | None:
        async with self._database.tenant(account_id) as connection:
            image_id = await store.find_upload(connection, account_id, digest)
            return None if image_id is None else self._image(await _found(connection, account_id, image_id))

    async def _cleaned(self, file: bytes) -> Cleaned:
        async with self._turns.taken():
            try:
                output = await ask("syncom.content.images.cleaning", question=file, seconds=_SECONDS)
            except (TimeoutError, Died):
                raise Invalid("file", "takes too long or too much memory to unpack; save it smaller") from None
        found = msgspec.msgpack.decode(output, type=Answer)
        if found.cleaned is None:
            raise Invalid("file", found.refused)
        return found.cleaned

    def _image(self, row: ImageRow) -> Image:
        address = f"{self._base_url}{PREFIX}/{row.key}"
        return Image(
            image_id=row.image_id,
            name=row.name,
            content_type=row.content_type,
            width=row.width,
            height=row.height,
            frames=row.frames,
            size=row.size,
            url=f"{address}.{ENDINGS[row.content_type]}",
            thumbnail_url=f"{address}/small.webp",
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


async def _found(connection: Connection, account_id: int, image_id: int, *, lock: bool = False) -> ImageRow:
    row = await store.find(connection, account_id, image_id, lock=lock)
    if row is None:
        raise NotFound("image", image_id)
    return row


def _clean_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise Invalid("name", f"must have 1 to {_MAX_NAME} printable characters")
    return name

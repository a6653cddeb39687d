"""The gallery in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from syncom.content.images.model import Cleaned
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.content.images", "images.sql")


class ImageRow(NamedTuple):
    """A row without its bytes."""

    image_id: int
    key: str
    name: str
    content_type: str
    width: int
    height: int
    frames: int
    size: int
    created_at: datetime
    updated_at: datetime


async def find_upload(connection: Connection, account_id: int, upload_hash: bytes) -> int | None:
    values = {"account_id": account_id, "upload_hash": upload_hash}
    row = await (await connection.execute(_SQL["find_upload"], values)).fetchone()
    return row[0] if row else None


async def add(
    connection: Connection, account_id: int, *, key: str, name: str, upload_hash: bytes, cleaned: Cleaned
) -> None:
    values = {
        "account_id": account_id,
        "key": key,
        "name": name,
        "upload_hash": upload_hash,
        "content_type": cleaned.content_type,
        "width": cleaned.width,
        "height": cleaned.height,
        "frames": cleaned.frames,
        "size": len(cleaned.content),
        "content": cleaned.content,
        "thumbnail": cleaned.thumbnail,
    }
    await connection.execute(_SQL["add"], values)


async def find(connection: Connection, account_id: int, image_id: int, *, lock: bool = False) -> ImageRow | None:
    cursor = connection.cursor(row_factory=class_row(ImageRow))
    values = {"account_id": account_id, "image_id": image_id}
    return await (await cursor.execute(_SQL["lock" if lock else "find"], values)).fetchone()


async def list_images(
    connection: Connection, account_id: int, *, words: str, before: int | None, limit: int
) -> Sequence[ImageRow]:
    cursor = connection.cursor(row_factory=class_row(ImageRow))
    values = {"account_id": account_id, "words": words.lower(), "before": before, "limit": limit}
    return await (await cursor.execute(_SQL["list"], values)).fetchall()


async def used_space(connection: Connection, account_id: int) -> int:
    row = await (await connection.execute(_SQL["used_space"], {"account_id": account_id})).fetchone()
    assert row is not None, "a sum gives a row"
    return row[0]


async def rename(connection: Connection, account_id: int, image_id: int, name: str, now: datetime) -> None:
    values = {"account_id": account_id, "image_id": image_id, "name": name, "now": now}
    await connection.execute(_SQL["rename"], values)


async def delete(connection: Connection, account_id: int, image_id: int) -> None:
    await connection.execute(_SQL["delete"], {"account_id": account_id, "image_id": image_id})


async def users(connection: Connection, account_id: int, key: str) -> list[str]:
    """What shows the image, in words."""
    cursor = await connection.execute(_SQL["users"], {"account_id": account_id, "key": key})
    return [f"{kind} {name!r}" for kind, name in await cursor.fetchall()]


async def serve(connection: Connection, key: str, *, small: bool) -> tuple[str, bytes] | None:
    """The kind of the image, and its bytes or those of the small one."""
    statement = _SQL["serve_thumbnail" if small else "serve"]
    row = await (await connection.execute(statement, {"key": key})).fetchone()
    return (row[0], bytes(row[1])) if row else None

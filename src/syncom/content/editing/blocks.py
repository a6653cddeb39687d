"""The library of blocks: parts of mails that are used again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from psycopg import errors

from syncom.clock import Clock
from syncom.content.editing.model import Block, BlockInput
from syncom.content.model import Format, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.content.editing", "editing.sql")
_MAX_NAME = 200
_MAX_SOURCE = 200_000
_FIRST_TAG = re.compile(r"<(mj-[a-z-]+|[a-z][\w-]*)", re.IGNORECASE)
#: What stands in the body of MJML, and in its sections; everything else stands in a column.
_IN_BODY = frozenset({"mj-section", "mj-wrapper", "mj-hero", "mj-raw"})
_IN_SECTION = frozenset({"mj-column", "mj-group"})


class BlocksService:
    """Blocks of an account."""

    def __init__(self, database: Database, content: ContentService, clock: Clock) -> None:
        self._database = database
        self._content = content
        self._clock = clock

    async def list(
        self, account_id: int, *, kind: Format | None = None, words: str = "", after: int = 0, limit: int = 100
    ) -> Sequence[Block]:
        """By ascending id, behind ``after``."""
        values = {
            "account_id": account_id,
            "format": kind.value if kind else None,
            "words": words.strip().lower(),
            "after": after,
            "limit": limit,
        }
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["list_blocks"], values)).fetchall()
        return [_block(row) for row in rows]

    async def get(self, account_id: int, block_id: int) -> Block:
        """Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            return await _found(connection, account_id, block_id)

    async def add(self, account_id: int, block: BlockInput) -> Block:
        """Keep a block. Raises Invalid naming the part and the line, and Conflict when the name is taken."""
        values = await self._checked(account_id, block)
        async with self._database.tenant(account_id) as connection:
            try:
                row = await (await connection.execute(_SQL["add_block"], values)).fetchone()
            except errors.UniqueViolation:
                raise _taken(block) from None
            assert row is not None, "INSERT … RETURNING gives a row"
            return await _found(connection, account_id, row[0])

    async def change(self, account_id: int, block_id: int, block: BlockInput) -> Block:
        """Replace a block; mails that it was put into stay as they are. Raises NotFound, Invalid, Conflict."""
        values = await self._checked(account_id, block) | {"block_id": block_id, "now": self._clock.now()}
        async with self._database.tenant(account_id) as connection:
            await _found(connection, account_id, block_id)
            try:
                await connection.execute(_SQL["change_block"], values)
            except errors.UniqueViolation:
                raise _taken(block) from None
            return await _found(connection, account_id, block_id)

    async def delete(self, account_id: int, block_id: int) -> None:
        """Raises NotFound."""
        values = {"account_id": account_id, "block_id": block_id}
        async with self._database.tenant(account_id) as connection:
            await _found(connection, account_id, block_id)
            await connection.execute(_SQL["delete_block"], values)

    async def _checked(self, account_id: int, block: BlockInput) -> dict[str, Any]:
        name, category = block.name.strip(), block.category.strip()
        for field, text, least in (("name", name, 1), ("category", category, 0)):
            if not least <= len(text) <= _MAX_NAME or (text and not text.isprintable()):
                raise Invalid(field, f"must have {least} to {_MAX_NAME} printable characters")
        if block.format is Format.TEXT:
            raise Invalid("format", "must be mjml or html")
        if len(block.source) > _MAX_SOURCE:
            raise Invalid("source", f"is larger than {_MAX_SOURCE:,} characters")
        if not block.source.strip():
            raise Invalid("source", "is empty")
        mail = TemplateInput(name=name, subject="", source=whole_mail(block), format=block.format)
        await self._content.trial(account_id, mail)
        return {
            "account_id": account_id,
            "name": name,
            "category": category,
            "format": block.format.value,
            "source": block.source,
        }


def whole_mail(block: BlockInput | Block) -> str:
    """A mail with nothing but this block."""
    if block.format is not Format.MJML:
        return block.source
    first = _FIRST_TAG.search(block.source)
    name = first[1].lower() if first else ""
    if name == "mjml":
        raise Invalid("source", "is a whole mail; a block is what stands in its body, such as <mj-section>")
    inner = block.source
    if name not in _IN_BODY:
        if name not in _IN_SECTION:
            inner = f"<mj-column>{inner}</mj-column>"
        inner = f"<mj-section>{inner}</mj-section>"
    return f"<mjml><mj-body>{inner}</mj-body></mjml>"


def _taken(block: BlockInput) -> Conflict:
    return Conflict(f"there is a block {block.name.strip()!r}; choose another name", field="name")


async def _found(connection: Connection, account_id: int, block_id: int) -> Block:
    values = {"account_id": account_id, "block_id": block_id}
    row = await (await connection.execute(_SQL["find_block"], values)).fetchone()
    if row is None:
        raise NotFound("block", block_id)
    return _block(row)


def _block(row: tuple[Any, ...]) -> Block:
    return Block(
        block_id=row[0],
        name=row[1],
        category=row[2],
        format=Format(row[3]),
        source=row[4],
        created_at=row[5],
        updated_at=row[6],
    )

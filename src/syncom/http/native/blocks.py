"""/blocks: parts of mails that are used again."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.content.editing.model import Block, BlockInput
from syncom.content.model import Format
from syncom.http.native.given import Blocks, By
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Blocks"]


@get("/blocks", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_blocks(
    by: By,
    blocks: Blocks,
    limit: Limit = 100,
    cursor: Cursor = None,
    search: Annotated[str, QueryParameter(description="Words in name or category.")] = "",
    format_: Annotated[Format | None, QueryParameter(name="format", description="mjml or html.")] = None,
) -> Page[Block]:
    """The library of blocks."""
    after = read_cursor(cursor, int) or 0
    found = await blocks.list(by.account_id, kind=format_, words=search, after=after, limit=limit + 1)
    return page_of(found, limit, lambda one: one.block_id)


@post("/blocks", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def add_block(by: By, blocks: Blocks, data: JSONBody[BlockInput]) -> Block:
    """Keep a block. It is compiled at once, so mistakes are told now."""
    return await blocks.add(by.account_id, data)


@get("/blocks/{block_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def get_block(by: By, blocks: Blocks, block_id: FromPath[int]) -> Block:
    """One block."""
    return await blocks.get(by.account_id, block_id)


@put("/blocks/{block_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def change_block(by: By, blocks: Blocks, block_id: FromPath[int], data: JSONBody[BlockInput]) -> Block:
    """Replace a block. Templates that it was put into stay as they are."""
    return await blocks.change(by.account_id, block_id, data)


@delete("/blocks/{block_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def delete_block(by: By, blocks: Blocks, block_id: FromPath[int]) -> None:
    """Remove a block from the library."""
    await blocks.delete(by.account_id, block_id)


HANDLERS: list[Any] = [list_blocks, add_block, get_block, change_block, delete_block]

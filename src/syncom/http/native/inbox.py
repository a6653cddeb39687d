"""/inbox: mail of the dev inbox, for operators."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import delete, get
from litestar.params import FromPath, QueryParameter

from syncom.accounts.model import Permission
from syncom.http.native.given import Inbox
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, read_cursor
from syncom.http.native.routing import needs
from syncom.inbox.model import InboxEntry, ParsedMail

_TAGS = ["Dev inbox"]


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """How many went."""

    deleted: int


@get("/inbox", tags=_TAGS, opt=needs(Permission.OPERATE))
async def list_mail(
    inbox: Inbox,
    to: Annotated[str | None, QueryParameter(description="Only mail to this address.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[InboxEntry]:
    """Mail that was sent without an SMTP account, newest first."""
    page = await inbox.list(cursor=read_cursor(cursor, int), recipient=to, limit=limit)
    following = None if page.next_cursor is None else cursor_for(page.next_cursor)
    return Page(items=page.entries, next_cursor=following)


@get("/inbox/{inbox_id:int}", tags=_TAGS, opt=needs(Permission.OPERATE))
async def get_mail(inbox: Inbox, inbox_id: FromPath[int]) -> ParsedMail:
    """What a mail client would show of one mail."""
    return await inbox.parse(inbox_id)


@delete("/inbox", tags=_TAGS, status_code=200, opt=needs(Permission.OPERATE))
async def clear_inbox(inbox: Inbox) -> Deleted:
    """Delete all mail of the dev inbox."""
    return Deleted(deleted=await inbox.clear())


HANDLERS: list[Any] = [list_mail, get_mail, clear_inbox]

"""/bulk-actions: what is done to many chosen contacts at once."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.bulk.model import BulkAction, Deed
from syncom.http.native.given import Bulk, By
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Bulk actions"]


class BulkInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do, and to whom: those who match a condition of the segment language, or chosen contacts."""

    deed: Deed
    condition: dict[str, Any] | None = None
    contact_ids: list[int] | None = None


@post("/bulk-actions", tags=_TAGS, status_code=202, opt=needs(Permission.WRITE_CONTACTS))
async def start_bulk_action(by: By, bulk: Bulk, data: JSONBody[BulkInput]) -> BulkAction:
    """Do something to many contacts, in the background. Follow it by the action; it can be undone for a week."""
    return await bulk.start(
        by.account_id, data.deed, actor=by.actor, condition=data.condition, contact_ids=data.contact_ids
    )


@get("/bulk-actions", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_bulk_actions(by: By, bulk: Bulk, limit: Limit = 100, cursor: Cursor = None) -> Page[BulkAction]:
    """All actions, newest first."""
    found = await bulk.list(by.account_id, before=read_cursor(cursor, int), limit=limit + 1)
    return page_of(found, limit, lambda one: one.action_id)


@get("/bulk-actions/{action_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_bulk_action(by: By, bulk: Bulk, action_id: FromPath[int]) -> BulkAction:
    """An action and how far it is."""
    return await bulk.get(by.account_id, action_id)


@post("/bulk-actions/{action_id:int}/cancel", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def cancel_bulk_action(by: By, bulk: Bulk, action_id: FromPath[int]) -> BulkAction:
    """Do no more of it. What was done stays, and can be undone."""
    return await bulk.cancel(by.account_id, action_id)


@post("/bulk-actions/{action_id:int}/undo", tags=_TAGS, status_code=202, opt=needs(Permission.WRITE_CONTACTS))
async def undo_bulk_action(by: By, bulk: Bulk, action_id: FromPath[int]) -> BulkAction:
    """Put back what it changed, where nobody changed the same since."""
    return await bulk.undo(by.account_id, action_id)


HANDLERS: list[Any] = [start_bulk_action, list_bulk_actions, get_bulk_action, cancel_bulk_action, undo_bulk_action]

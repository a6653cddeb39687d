"""/sender-groups: several senders under one name. Where a sender may be named, a group may."""

from __future__ import annotations

from typing import Any

from litestar import get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, SenderGroups
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.messages.groups import SenderGroup, SenderGroupInput

_TAGS = ["Senders"]


@get("/sender-groups", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_sender_groups(by: By, sender_groups: SenderGroups) -> Page[SenderGroup]:
    """All groups, with whom something is dealt to now."""
    return Page(items=await sender_groups.list(by.account_id), next_cursor=None)


@post("/sender-groups", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def create_sender_group(by: By, sender_groups: SenderGroups, data: JSONBody[SenderGroupInput]) -> SenderGroup:
    """Add a group. Its `sender_id` is what campaigns, templates, steps and sends name."""
    return await sender_groups.add(by.account_id, data)


@get("/sender-groups/{group_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_sender_group(by: By, sender_groups: SenderGroups, group_id: FromPath[int]) -> SenderGroup:
    """One group and its members."""
    return await sender_groups.get(by.account_id, group_id)


@put("/sender-groups/{group_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def update_sender_group(
    by: By, sender_groups: SenderGroups, group_id: FromPath[int], data: JSONBody[SenderGroupInput]
) -> SenderGroup:
    """Replace a group. What waits for senders that leave it goes to the others. It is deleted as a sender."""
    return await sender_groups.update(by.account_id, group_id, data)


HANDLERS: list[Any] = [list_sender_groups, create_sender_group, get_sender_group, update_sender_group]

"""/sending-policy: when marketing messages rest, how many a contact may get, when campaigns stop by themselves."""

from __future__ import annotations

from typing import Any

from litestar import get, put
from litestar.params import JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Policies
from syncom.http.native.routing import needs
from syncom.messages.policy.model import Policy

_TAGS = ["Sending policy"]


@get("/sending-policy", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_policy(by: By, policies: Policies) -> Policy:
    """What holds for the account's marketing messages."""
    return await policies.get(by.account_id)


@put("/sending-policy", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def put_policy(by: By, policies: Policies, data: JSONBody[Policy]) -> Policy:
    """Replace it. In force within seconds, for campaigns under way too."""
    return await policies.put(by.account_id, data)


HANDLERS: list[Any] = [get_policy, put_policy]

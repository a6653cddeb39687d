"""/messages: transactional mail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.errors import NotFound
from syncom.http.native.given import By, Messages
from syncom.http.native.routing import needs
from syncom.http.native.templates import Sent
from syncom.messages.model import MessageStatus
from syncom.messages.service import SendRequest

_TAGS = ["Messages"]


@post("/messages", tags=_TAGS, status_code=202, opt=needs(Permission.SEND))
async def send_message(by: By, messages: Messages, data: JSONBody[SendRequest]) -> Sent:
    """Send one template to up to 1,000 recipients, each with merge fields of their own.

    Answered once the queue is durable; never waits behind a campaign. Send an Idempotency-Key.
    """
    return Sent(message_ids=[str(sent) for sent in await messages.send(by.account_id, data)])


@get("/messages/{message_id:uuid}", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_message(by: By, messages: Messages, message_id: FromPath[UUID]) -> MessageStatus:
    """Where a message is, and what happened to it."""
    found = await messages.status(by.account_id, [message_id])
    if not found:
        raise NotFound("message", message_id)
    return found[0]


HANDLERS: list[Any] = [send_message, get_message]

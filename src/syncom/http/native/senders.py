"""/senders: where mail leaves."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Receipts, Senders, WarmUps, Wiring
from syncom.http.native.paging import Page
from syncom.http.native.routing import Edited, needs
from syncom.messages.channels.sms.callbacks.addresses import CallbackAddresses
from syncom.messages.destinations.model import Destination
from syncom.messages.model import Sender
from syncom.messages.senders import SenderInput
from syncom.messages.warming.model import Plan, Standing

_TAGS = ["Senders"]


class TestMail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the test goes."""

    to: str


class ServerWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiving server said to the body."""

    reply: str


class ReceiptCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Delivery receipts by what they say: 'delivered', 'undelivered', 'expired', 'rejected', 'deleted', 'accepted',
    'unknown'; 'repeated' said so before, 'unmatched' are of no message here."""

    counts: dict[str, int]


@get("/senders", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_senders(by: By, senders: Senders) -> Page[Sender]:
    """All senders. Passwords are never shown."""
    return Page(items=await senders.list(by.account_id), next_cursor=None)


@post("/senders", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, replay=False, edits=Edited.SENDER))
async def create_sender(by: By, senders: Senders, data: JSONBody[SenderInput]) -> Sender:
    """Add a sender. The first one with a server of its own becomes the default."""
    return await senders.add(by.account_id, data)


@get("/senders/{sender_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS, edits=Edited.SENDER))
async def get_sender(by: By, senders: Senders, sender_id: FromPath[int]) -> Sender:
    """One sender, without its password."""
    return await senders.get(by.account_id, sender_id)


@get("/senders/{sender_id:int}/receipts", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_sender_receipts(by: By, senders: Senders, receipts: Receipts, sender_id: FromPath[int]) -> ReceiptCounts:
    """What its peer said about texts it had taken, in the last 30 days."""
    await senders.get(by.account_id, sender_id)
    return ReceiptCounts(counts=await receipts.counts(by.account_id, sender_id))


@put("/senders/{sender_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, edits=Edited.SENDER))
async def update_sender(by: By, senders: Senders, sender_id: FromPath[int], data: JSONBody[SenderInput]) -> Sender:
    """Replace a sender. A password left out stays."""
    return await senders.update(by.account_id, sender_id, data)


@get("/senders/{sender_id:int}/callbacks", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def sender_callbacks(by: By, senders: Senders, wiring: Wiring, sender_id: FromPath[int]) -> CallbackAddresses:
    """Where the provider of a sender of texts posts receipts and texts of people: enter them there."""
    sender = await senders.get(by.account_id, sender_id)
    return wiring.callback_addresses(sender)


@delete("/senders/{sender_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def delete_sender(by: By, senders: Senders, sender_id: FromPath[int]) -> None:
    """Remove a sender that no campaign needs."""
    await senders.delete(by.account_id, sender_id)


@get("/senders/{sender_id:int}/destinations", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_destinations(by: By, senders: Senders, sender_id: FromPath[int]) -> Page[Destination]:
    """Receiving domains that asked for less within a day, or that refuse the sender, so that it rests there."""
    return Page(items=list(await senders.pressed(by.account_id, sender_id)), next_cursor=None)


@get("/senders/{sender_id:int}/warm-up", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_warm_up(by: By, warm_ups: WarmUps, sender_id: FromPath[int]) -> Standing:
    """How many messages a new sender may send a day, and how many it sent today."""
    return await warm_ups.get(by.account_id, sender_id)


@put("/senders/{sender_id:int}/warm-up", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def put_warm_up(by: By, warm_ups: WarmUps, sender_id: FromPath[int], data: JSONBody[Plan]) -> Standing:
    """Warm a sender up from today on, or change the plan under way."""
    return await warm_ups.put(by.account_id, sender_id, data)


@delete("/senders/{sender_id:int}/warm-up", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def delete_warm_up(by: By, warm_ups: WarmUps, sender_id: FromPath[int]) -> None:
    """End a warm-up: the sender sends as much as it can."""
    await warm_ups.delete(by.account_id, sender_id)


@post("/senders/{sender_id:int}/test", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def test_sender(
    by: By, senders: Senders, wiring: Wiring, sender_id: FromPath[int], data: JSONBody[TestMail]
) -> ServerWords:
    """Send one plain mail right now and tell what the server said."""
    return ServerWords(reply=await senders.test(by.account_id, sender_id, data.to, wiring.inbox_address))


HANDLERS: list[Any] = [
    list_senders,
    create_sender,
    get_sender,
    list_destinations,
    get_warm_up,
    put_warm_up,
    delete_warm_up,
    sender_callbacks,
    get_sender_receipts,
    update_sender,
    delete_sender,
    test_sender,
]

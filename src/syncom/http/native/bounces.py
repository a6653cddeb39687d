"""/bounces, /bounce-webhooks, /bounce-mailboxes: what became of messages after they were taken (docs/bounces.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.errors import Invalid
from syncom.http.native.given import Bounces, By, IncomingWebhooks, Mailboxes
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs
from syncom.messages.bounces.hooks.model import Hook, HookInput, NewHook
from syncom.messages.bounces.mailboxes.model import Mailbox, MailboxInput
from syncom.messages.bounces.model import Bounce, BounceFilter, ReportKind
from syncom.messages.bounces.service import BounceCounts

_TAGS = ["Bounces"]
_KINDS = {kind.name.lower(): kind for kind in ReportKind}


@get("/bounces", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_bounces(
    by: By,
    bounces: Bounces,
    kind: Annotated[str | None, QueryParameter(description=f"Only of this kind: {', '.join(_KINDS)}.")] = None,
    recipient: Annotated[str, QueryParameter(description="Only about this address.")] = "",
    matched: Annotated[
        bool | None, QueryParameter(description="false: only those that name nobody we sent to.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Bounce]:
    """Reports of servers and providers, newest first."""
    if kind is not None and kind not in _KINDS:
        raise Invalid("kind", f"{kind!r} is not one of {', '.join(_KINDS)}")
    chosen = BounceFilter(
        kind=None if kind is None else _KINDS[kind], recipient=recipient.strip().lower(), matched=matched
    )
    before = read_cursor(cursor, tuple[datetime, UUID])
    found = await bounces.list(by.account_id, chosen, before=before, limit=limit + 1)
    return page_of(found, limit, lambda one: (one.received_at, one.report_id))


@get("/bounces/counts", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def count_bounces(
    by: By,
    bounces: Bounces,
    since: Annotated[datetime | None, QueryParameter(description="From when on; 30 days ago unless given.")] = None,
) -> BounceCounts:
    """How many reports of which kind and class."""
    return await bounces.counts(by.account_id, since=since)


@get("/bounce-webhooks", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_incoming_webhooks(by: By, incoming_webhooks: IncomingWebhooks) -> Page[Hook]:
    """Webhooks of mail providers that are listened to."""
    return Page(items=await incoming_webhooks.list(by.account_id), next_cursor=None)


@post("/bounce-webhooks", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def add_incoming_webhook(by: By, incoming_webhooks: IncomingWebhooks, data: JSONBody[HookInput]) -> NewHook:
    """Listen to a provider's webhook. The address to give to the provider is shown this once."""
    return await incoming_webhooks.add(by.account_id, data)


@get("/bounce-webhooks/{hook_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_incoming_webhook(by: By, incoming_webhooks: IncomingWebhooks, hook_id: FromPath[int]) -> Hook:
    """One webhook, what came by it, and why the last request was refused, if it was."""
    return await incoming_webhooks.get(by.account_id, hook_id)


@delete("/bounce-webhooks/{hook_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def remove_incoming_webhook(by: By, incoming_webhooks: IncomingWebhooks, hook_id: FromPath[int]) -> None:
    """Listen no more; its address leads nowhere from now on."""
    await incoming_webhooks.remove(by.account_id, hook_id)


@get("/bounce-mailboxes", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_mailboxes(by: By, mailboxes: Mailboxes) -> Page[Mailbox]:
    """Mailboxes that are read for bounces, and how their readings go."""
    return Page(items=await mailboxes.list(by.account_id), next_cursor=None)


@post("/bounce-mailboxes", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def add_mailbox(by: By, mailboxes: Mailboxes, data: JSONBody[MailboxInput]) -> Mailbox:
    """Log in once, and read it from now on. Reports are deleted there, or moved; other mails are left alone."""
    return await mailboxes.add(by.account_id, data)


@get("/bounce-mailboxes/{mailbox_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_mailbox(by: By, mailboxes: Mailboxes, mailbox_id: FromPath[int]) -> Mailbox:
    """One mailbox and how its readings go."""
    return await mailboxes.get(by.account_id, mailbox_id)


@delete("/bounce-mailboxes/{mailbox_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def remove_mailbox(by: By, mailboxes: Mailboxes, mailbox_id: FromPath[int]) -> None:
    """Read it no more; what is in it stays."""
    await mailboxes.remove(by.account_id, mailbox_id)


HANDLERS: list[Any] = [
    list_bounces,
    count_bounces,
    list_incoming_webhooks,
    add_incoming_webhook,
    get_incoming_webhook,
    remove_incoming_webhook,
    list_mailboxes,
    add_mailbox,
    get_mailbox,
    remove_mailbox,
]

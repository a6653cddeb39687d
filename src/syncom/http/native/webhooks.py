"""/webhooks: servers that activity is posted to as it happens (docs/webhooks.md)."""

from __future__ import annotations

from typing import Any

from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Webhooks
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.webhooks.model import SavedWebhook, TestResult, Webhook, WebhookInput

_TAGS = ["Webhooks"]


@get("/webhooks", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_webhooks(by: By, webhooks: Webhooks) -> Page[Webhook]:
    """All webhooks and how their deliveries go. Passwords and values of headers are never shown."""
    return Page(items=await webhooks.list(by.account_id), next_cursor=None)


@post("/webhooks", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def create_webhook(by: By, webhooks: Webhooks, data: JSONBody[WebhookInput]) -> SavedWebhook:
    """Ask its server with a GET, and post to it what happens from now on."""
    return await webhooks.add(by.account_id, data)


@get("/webhooks/{webhook_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_webhook(by: By, webhooks: Webhooks, webhook_id: FromPath[int]) -> Webhook:
    """One webhook and how its deliveries go."""
    return await webhooks.get(by.account_id, webhook_id)


@put("/webhooks/{webhook_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def update_webhook(
    by: By, webhooks: Webhooks, webhook_id: FromPath[int], data: JSONBody[WebhookInput]
) -> SavedWebhook:
    """Replace it. A password and headers left out stay, unless the address leads to another host."""
    return await webhooks.update(by.account_id, webhook_id, data)


@delete("/webhooks/{webhook_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def delete_webhook(by: By, webhooks: Webhooks, webhook_id: FromPath[int]) -> None:
    """Remove it with everything that waits to be posted."""
    await webhooks.delete(by.account_id, webhook_id)


@post("/webhooks/{webhook_id:int}/test", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def test_webhook(by: By, webhooks: Webhooks, webhook_id: FromPath[int]) -> TestResult:
    """Ask its server with a GET and tell what it said."""
    return await webhooks.test(by.account_id, webhook_id)


@post("/webhooks/{webhook_id:int}/deactivate", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def deactivate_webhook(by: By, webhooks: Webhooks, webhook_id: FromPath[int]) -> Webhook:
    """Post nothing until it is activated again. What waits is kept; what happens meanwhile is not gathered."""
    return await webhooks.deactivate(by.account_id, webhook_id)


@post("/webhooks/{webhook_id:int}/activate", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def activate_webhook(by: By, webhooks: Webhooks, webhook_id: FromPath[int]) -> Webhook:
    """Post again: at once what waits, and what happens from now on."""
    return await webhooks.activate(by.account_id, webhook_id)


HANDLERS: list[Any] = [
    list_webhooks,
    create_webhook,
    get_webhook,
    update_webhook,
    delete_webhook,
    test_webhook,
    deactivate_webhook,
    activate_webhook,
]

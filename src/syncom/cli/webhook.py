"""``syncom webhook``."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import App, Parameter
from msgspec import UNSET

from syncom.cli.given import Many
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.feed.model import FeedStatus
from syncom.webhooks.model import TestResult, Webhook, WebhookInput

app = App(name="webhook", help="Servers that an account's activity is posted to as it happens.")
_DEFAULT = Options()

#: Where a password may be, so that it is in no command line and no history.
PASSWORD_VARIABLE = "SYNCOM_WEBHOOK_PASSWORD"  # noqa: S105 - the name of a variable


@app.command
async def add(
    url: str,
    *,
    name: str = "",
    username: str = "",
    header: Annotated[Many, Parameter(negative="")] = (),
    status: Annotated[tuple[FeedStatus, ...], Parameter(negative="")] = (),
    options: Options = _DEFAULT,
) -> None:
    """Post what happens from now on to a server, after a test GET.

    Parameters
    ----------
    url
        Where to: https://example.com/activity.
    name
        What to call it; the address unless given.
    username
        Of a Basic log-in. Its password is taken from the environment: SYNCOM_WEBHOOK_PASSWORD.
    header
        A header of one's own, 'Name: value'; five at most. May be repeated.
    status
        What to post: delivered, undelivered, read, clicked, ...; everything unless given. May be repeated.
    """
    given = WebhookInput(
        name=name or url[:200],
        url=url,
        username=username,
        password=os.environ.get(PASSWORD_VARIABLE, UNSET),
        headers=dict(_header(text) for text in header),
        statuses=status,
    )
    async with here(options) as services:
        saved = await services.app.webhooks.add(services.account_id, given)

    def human() -> None:
        _describe(saved.webhook)
        print(_said(saved.test))

    show(saved, json=options.json, human=human)


@app.command(name="list")
async def list_webhooks(*, options: Options = _DEFAULT) -> None:
    """List the webhooks and how their deliveries go."""
    async with here(options) as services:
        found = await services.app.webhooks.list(services.account_id)
    rows = [
        (
            one.webhook_id,
            one.name,
            one.url,
            one.is_active,
            one.waiting,
            one.delivered,
            one.last_delivered_at,
            one.last_error or None,
        )
        for one in found
    ]
    columns = ("id", "name", "url", "active", "waiting", "delivered", "last delivery", "problem")
    empty = "No webhooks. Add one: `syncom webhook add https://example.com/activity`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_webhook(webhook: int, *, options: Options = _DEFAULT) -> None:
    """Show one webhook.

    Parameters
    ----------
    webhook
        Its id.
    """
    async with here(options) as services:
        found = await services.app.webhooks.get(services.account_id, webhook)
    show(found, json=options.json, human=lambda: _describe(found))


@app.command(name="test")
async def ask(webhook: int, *, options: Options = _DEFAULT) -> int:
    """Ask a webhook's server with a GET and tell what it said.

    Parameters
    ----------
    webhook
        Its id.
    """
    async with here(options) as services:
        result = await services.app.webhooks.test(services.account_id, webhook)
    show(result, json=options.json, human=lambda: print(_said(result)))
    return 1 if result.problem else 0


@app.command
async def pause(webhook: int, *, options: Options = _DEFAULT) -> None:
    """Post nothing until it is resumed. What waits is kept; what happens meanwhile is not gathered.

    Parameters
    ----------
    webhook
        Its id.
    """
    async with here(options) as services:
        found = await services.app.webhooks.deactivate(services.account_id, webhook)
    show(found, json=options.json, human=lambda: _describe(found))


@app.command
async def resume(webhook: int, *, options: Options = _DEFAULT) -> None:
    """Post again: at once what waits, and what happens from now on.

    Parameters
    ----------
    webhook
        Its id.
    """
    async with here(options) as services:
        found = await services.app.webhooks.activate(services.account_id, webhook)
    show(found, json=options.json, human=lambda: _describe(found))


@app.command
async def remove(webhook: int, *, options: Options = _DEFAULT) -> None:
    """Remove a webhook with everything that waits to be posted.

    Parameters
    ----------
    webhook
        Its id.
    """
    async with here(options) as services:
        await services.app.webhooks.delete(services.account_id, webhook)
    show({"removed": webhook}, json=options.json, human=lambda: print(f"Webhook {webhook} is removed."))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise Invalid("header", f"{text!r} is not 'Name: value'")
    return name.strip(), value.strip()


def _said(result: TestResult) -> str:
    if result.problem:
        return f"The test: {result.problem}. Rows count as delivered when the answer to their POST is 200."
    return "The test GET was answered with 200."


def _describe(webhook: Webhook) -> None:
    facts(
        [
            ("id", webhook.webhook_id),
            ("name", webhook.name),
            ("url", webhook.url),
            ("log-in", webhook.username or None),
            ("headers", ", ".join(webhook.header_names) or None),
            ("statuses", ", ".join(status.value for status in webhook.statuses)),
            ("active", webhook.is_active),
            ("waiting", webhook.waiting),
            ("delivered", webhook.delivered),
            ("last delivery", webhook.last_delivered_at),
            ("failures in a row", webhook.failures),
            ("next attempt", webhook.next_attempt_at if webhook.failures else None),
            ("problem", webhook.last_error or None),
        ]
    )

"""``syncom bounce``."""

from __future__ import annotations

import msgspec
from cyclopts import App

from syncom.cli.given import Many, Switch
from syncom.cli.output import show, table
from syncom.cli.secrets import secret_of
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.messages.bounces.hooks.model import HookInput, Provider
from syncom.messages.bounces.mailboxes.model import MailboxInput, MailboxProtocol
from syncom.messages.bounces.model import Bounce, BounceFilter, ReportKind
from syncom.messages.channels.email.model import Security

app = App(name="bounce", help="Bounces and complaints, and the mailboxes and webhooks they come by.")
mailbox = App(name="mailbox", help="Mailboxes that are read for bounces.")
webhook = App(name="webhook", help="Webhooks of mail providers that are listened to.")
app.command(mailbox)
app.command(webhook)
_DEFAULT = Options()
_PAGE = 1000

#: Where secrets may be, so that they are in no command line and no history.
PASSWORD_VARIABLE = "SYNCOM_MAILBOX_PASSWORD"  # noqa: S105 - the name of a variable
KEY_VARIABLE = "SYNCOM_WEBHOOK_KEY"
#: What a provider calls the key that its requests are checked with.
_KEYS = {
    Provider.SENDGRID: "verification key of the signed event webhook",
    Provider.MAILGUN: "HTTP webhook signing key",
    Provider.POSTMARK: "password of the log-in that --username names",
}


@app.command(name="list")
async def list_bounces(
    *,
    kind: ReportKind | None = None,
    recipient: str = "",
    unmatched: bool = False,
    limit: int = 100,
    options: Options = _DEFAULT,
) -> None:
    """List refusals and reports, newest first.

    Parameters
    ----------
    kind
        Only of this kind: refused at once, bounced later, delayed ...
    recipient
        Only about this address.
    unmatched
        Only those that name nobody we sent to.
    limit
        How many at most.
    """
    if limit < 1:
        raise Invalid("limit", "must be at least 1")
    chosen = BounceFilter(kind=kind, recipient=recipient.strip().lower(), matched=False if unmatched else None)
    found: list[Bounce] = []
    async with here(options) as services:
        while len(found) < limit:
            wanted = min(_PAGE, limit - len(found))
            before = (found[-1].received_at, found[-1].report_id) if found else None
            page = await services.app.bounces.list(services.account_id, chosen, before=before, limit=wanted)
            found += page
            if len(page) < wanted:
                break
    rows = [
        (
            one.received_at,
            one.kind.name.lower(),
            one.bounce_class or None,
            one.recipient,
            one.status or None,
            one.action.value or None,
            one.source,
            one.words or None,
        )
        for one in found
    ]
    columns = ("received", "kind", "class", "recipient", "status", "action", "source", "words")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="Nothing was reported."))


@app.command
async def counts(*, options: Options = _DEFAULT) -> None:
    """How many reports of which kind and class, in the last 30 days."""
    async with here(options) as services:
        found = await services.app.bounces.counts(services.account_id)
    rows = [*found.kinds.items(), *((f"  {name}", number) for name, number in found.classes.items())]
    rows.append(("name nobody we sent to", found.unmatched))
    show(found, json=options.json, human=lambda: table(("reports", "number"), rows, empty=""))


@app.command
async def address(*, options: Options = _DEFAULT) -> None:
    """The local part of the address to give to complaint feedback loops: at any return path's host."""
    async with here(options) as services:
        found = services.app.bounces.feedback_address(services.account_id)
    show({"local_part": found}, json=options.json, human=lambda: print(found))


@mailbox.command(name="add")
async def add_mailbox(
    host: str,
    username: str,
    *,
    name: str = "",
    protocol: MailboxProtocol = MailboxProtocol.IMAP,
    port: int | None = None,
    security: Security = Security.TLS,
    folder: str = "INBOX",
    move_to: str = "",
    every: int = 60,
    password_stdin: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Read a mailbox for bounces. Its password is in SYNCOM_MAILBOX_PASSWORD, or typed when asked.

    Parameters
    ----------
    host
        Its server.
    username
        The log-in.
    name
        What to call it.
    protocol
        How it is read.
    port
        The usual one unless given.
    security
        How the conversation is protected.
    folder
        IMAP: the folder that is read.
    move_to
        IMAP: the folder that reports are moved to when they are read; they are deleted unless given.
    every
        Seconds between readings.
    password_stdin
        The password is the first line of standard input.
    """
    password = secret_of(
        None, stdin=password_stdin, variable=PASSWORD_VARIABLE, prompt=f"Password of {username} at {host}"
    )
    if not password:
        raise Invalid(PASSWORD_VARIABLE, "is not set: it holds the password of the mailbox")
    given = MailboxInput(
        host=host,
        username=username,
        password=password,
        name=name,
        protocol=protocol,
        port=port,
        security=security,
        folder=folder,
        move_to=move_to,
        every=every,
    )
    async with here(options) as services:
        made = await services.app.bounce_mailboxes.add(services.account_id, given)
    said = f"Mailbox {made.mailbox_id} is read every {made.every} seconds."
    show(made, json=options.json, human=lambda: print(said))


@mailbox.command(name="list")
async def list_mailboxes(*, options: Options = _DEFAULT) -> None:
    """List the mailboxes and how their readings go."""
    async with here(options) as services:
        found = await services.app.bounce_mailboxes.list(services.account_id)
    rows = [
        (one.mailbox_id, one.name, one.protocol.value, one.read, one.reports, one.last_read_at, one.problem or None)
        for one in found
    ]
    columns = ("id", "name", "protocol", "read", "reports", "last reading", "problem")
    empty = "No mailboxes. Add one: `syncom bounce mailbox add imap.example.com bounces@example.com`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@mailbox.command(name="remove")
async def remove_mailbox(mailbox_id: int, *, options: Options = _DEFAULT) -> None:
    """Read a mailbox no more; what is in it stays.

    Parameters
    ----------
    mailbox_id
        Its id.
    """
    async with here(options) as services:
        await services.app.bounce_mailboxes.remove(services.account_id, mailbox_id)
    show({"removed": mailbox_id}, json=options.json, human=lambda: print(f"Mailbox {mailbox_id} is removed."))


@webhook.command(name="add")
async def add_webhook(
    provider: Provider,
    *,
    name: str = "",
    topic: Many = (),
    username: str = "",
    key_stdin: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Listen to a provider's webhook; prints the address to give to the provider, this once.

    The key that its requests are checked with is in SYNCOM_WEBHOOK_KEY, or typed when asked. For SendGrid it is the
    verification key of the signed event webhook, for Mailgun the HTTP webhook signing key, for Postmark the password
    of the log-in that `username` names; SES needs none.

    Parameters
    ----------
    provider
        Whose webhook it is.
    name
        What to call it.
    topic
        SES: ARN of an SNS topic. May be repeated.
    username
        Postmark: the Basic log-in of the webhook, if it has one.
    key_stdin
        The key is the first line of standard input.
    """
    is_login = provider is Provider.POSTMARK
    is_needed = bool(username) if is_login else provider is not Provider.SES
    prompt = _KEYS.get(provider, "") if is_needed else ""
    found = secret_of(None, stdin=key_stdin, variable=KEY_VARIABLE, prompt=prompt)
    key = "" if found is msgspec.UNSET else found
    if is_needed and not key:
        raise Invalid(KEY_VARIABLE, f"is not set: it holds the {_KEYS[provider]}")
    given = HookInput(
        provider=provider,
        name=name,
        topics=topic,
        username=username,
        password=key if is_login else "",
        signing_key="" if is_login else key,
    )
    async with here(options) as services:
        made = await services.app.bounce_hooks.add(services.account_id, given)
    show(made, json=options.json, human=lambda: print(made.url))


@webhook.command(name="list")
async def list_webhooks(*, options: Options = _DEFAULT) -> None:
    """List the webhooks and what came by them."""
    async with here(options) as services:
        found = await services.app.bounce_hooks.list(services.account_id)
    rows = [
        (one.hook_id, one.name, one.provider.value, one.received, one.last_received_at, one.problem or None)
        for one in found
    ]
    columns = ("id", "name", "provider", "reports", "last", "problem")
    empty = "No webhooks. Add one: `syncom bounce webhook add mailgun`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@webhook.command(name="remove")
async def remove_webhook(hook_id: int, *, options: Options = _DEFAULT) -> None:
    """Listen to a webhook no more; its address leads nowhere from now on.

    Parameters
    ----------
    hook_id
        Its id.
    """
    async with here(options) as services:
        await services.app.bounce_hooks.remove(services.account_id, hook_id)
    show({"removed": hook_id}, json=options.json, human=lambda: print(f"Webhook {hook_id} is removed."))

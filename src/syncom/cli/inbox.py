"""``syncom inbox``."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from syncom.cli.output import facts, show, table
from syncom.cli.services import Output, installation
from syncom.inbox.model import InboxEntry
from syncom.inbox.service import MAX_PAGE

app = App(name="inbox", help="Mails and texts that were sent without a server or gateway.")
_PLAIN = Output()


@app.command(name="list")
async def list_mail(*, to: str | None = None, limit: int = MAX_PAGE, output: Output = _PLAIN) -> None:
    """List what the dev inbox holds, newest first.

    Parameters
    ----------
    to
        Only mail to this address.
    limit
        How many at most.
    """
    async with installation() as services:
        found = (await services.inbox.list(recipient=to, limit=limit)).entries
    rows = [(mail.inbox_id, mail.received_at, mail.channel, mail.to, mail.subject) for mail in found]
    empty = "The dev inbox is empty. Campaigns arrive here until a sender is configured."
    show(
        [_value(mail) for mail in found],
        json=output.json,
        human=lambda: table(("id", "received", "channel", "to", "subject"), rows, empty=empty),
    )


@app.command(name="show")
async def show_mail(inbox_id: int, *, raw: bool = False, output: Output = _PLAIN) -> None:
    """Print one mail.

    Parameters
    ----------
    inbox_id
        As in `syncom inbox list`.
    raw
        The message as it came.
    """
    async with installation() as services:
        mail = await services.inbox.get(inbox_id)
        parsed = await services.inbox.parse(inbox_id)
        source = (await services.inbox.raw(inbox_id)).decode("utf-8", "replace")
    value = {**_value(mail), "headers": parsed.headers, "html": parsed.html, "text": parsed.text}

    def human() -> None:
        if raw:
            print(source)
            return
        facts(parsed.headers)
        print()
        print(parsed.text or parsed.html)

    show({**value, "raw": source} if raw else value, json=output.json, human=human)


@app.command
async def clear(*, output: Output = _PLAIN) -> None:
    """Delete all mail of the dev inbox."""
    async with installation() as services:
        count = await services.inbox.clear()
    show({"deleted": count}, json=output.json, human=lambda: print(f"{count} deleted."))


def _value(mail: InboxEntry) -> dict[str, Any]:
    return {
        "id": mail.inbox_id,
        "received_at": mail.received_at,
        "channel": mail.channel,
        "from": mail.mail_from,
        "to": mail.to,
        "subject": mail.subject,
        "message_id": mail.message_id,
    }

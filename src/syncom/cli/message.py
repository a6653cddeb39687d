"""``syncom message``."""

from __future__ import annotations

from uuid import UUID

from cyclopts import App

from syncom.cli.given import Many, pairs
from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.messages.service import MessageRecipient, SendRequest

app = App(name="message", help="Single messages: send one, see where it is.")
_DEFAULT = Options()


@app.command
async def send(
    *,
    template: int,
    to: str | None = None,
    contact: int | None = None,
    param: Many = (),
    sender: int | None = None,
    from_name: str = "",
    language: str = "",
    external_request_id: str = "",
    options: Options = _DEFAULT,
) -> None:
    """Send a template to one person, at once.

    Parameters
    ----------
    template
        Id of the template.
    to
        An email address. Its contact is found, or made without consent to marketing.
    contact
        Id of a contact, instead of an address.
    param
        A merge field of this message, NAME=VALUE. May be repeated.
    sender
        Id of the sender; the template's or the default one unless given.
    from_name
        Stands in for the sender's name.
    language
        Send the version in this language; the contact's own unless given.
    external_request_id
        Your own id of this message, kept with it.
    """
    if (to is None) == (contact is None):
        raise Invalid("to", "give either --to ADDRESS or --contact ID")
    recipient = MessageRecipient(contact_id=contact, email=to, params=dict(pairs("param", param)), language=language)
    async with here(options) as services:
        request = SendRequest(
            template_id=template,
            recipients=(recipient,),
            sender_id=sender,
            from_name=from_name,
            external_request_id=external_request_id,
        )
        message_ids = await services.app.messages.send(services.account_id, request)
    said = f"Message {message_ids[0]} is queued: `syncom message status {message_ids[0]}` tells where it is."
    show({"message_ids": message_ids}, json=options.json, human=lambda: print(said))


@app.command
async def status(*messages: UUID, options: Options = _DEFAULT) -> None:
    """Say where messages are and what happened to them.

    Parameters
    ----------
    messages
        Their ids.
    """
    if not messages:
        raise Invalid("messages", "name at least one message")
    async with here(options) as services:
        found = await services.app.messages.status(services.account_id, messages)
    rows = [
        (one.message_id, one.address, one.state, one.settled_at, one.opened_at, one.clicked_at, one.reason)
        for one in found
    ]
    columns = ("message", "to", "state", "settled", "opened", "clicked", "reason")
    empty = "No message of this account has such an id."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))

"""``syncom event``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from cyclopts import App, Parameter

from syncom.cli.given import Many, pairs
from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.events.model import EventInput

app = App(name="event", help="What happened in other systems.")
_DEFAULT = Options()


@app.command
async def send(
    type_key: str,
    *,
    key: str = "",
    dedupe_key: str = "",
    param: Many = (),
    contact: int | None = None,
    at: datetime | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Record an event.

    Parameters
    ----------
    type_key
        Its type, such as invoicePaid; made when there is none.
    key
        Your own name for what it is about, such as an invoice's number.
    dedupe_key
        Your own name for this one event: another one of its type with this key is not recorded.
    param
        A parameter as NAME=VALUE, such as sum=120.50. May be repeated.
    contact
        Id of the contact it is about; unless given, whoever a parameter such as EmailAddress names.
    at
        When it happened, such as 2026-01-31T12:00:00Z; now unless given.
    """
    if at is not None and at.tzinfo is None:
        raise Invalid("at", "must say its offset, such as Z or +03:00")
    event = EventInput(
        type_key=type_key,
        key=key,
        dedupe_key=dedupe_key,
        params=dict(pairs("param", param)),
        contact_id=contact,
        occurred_at=at,
    )
    async with here(options) as services:
        [recorded] = await services.app.events.record(services.account_id, [event], once=True, create_contacts=True)
    about = f"of contact {recorded.contact_id}" if recorded.contact_id else "of nobody who is known"
    said = "It was recorded before." if recorded.repeated else f"Recorded, {about}."
    show(recorded, json=options.json, human=lambda: print(said))


@app.command(name="list")
async def list_events(
    *,
    contact: int | None = None,
    type_: Annotated[str | None, Parameter(name="--type")] = None,
    limit: int = 100,
    options: Options = _DEFAULT,
) -> None:
    """List the events of a contact or of a type, newest first.

    Parameters
    ----------
    contact
        Id of the contact.
    type_
        Key of the type.
    limit
        How many at most.
    """
    async with here(options) as services:
        if contact is not None:
            await services.app.contacts.get(services.account_id, contact)
            page = await services.app.events.of_contact(services.account_id, contact, limit=limit)
        elif type_ is not None:
            page = await services.app.events.of_type(services.account_id, type_, limit=limit)
        else:
            raise Invalid("contact", "is missing: name a contact or a type")
    found = [one for one in page.events if type_ is None or one.type_key == type_]
    rows = [(one.occurred_at, one.type_key, one.key, one.contact_id or "") for one in found]
    empty = "No event yet: `syncom event send TYPE --param NAME=VALUE` records one."
    show(found, json=options.json, human=lambda: table(("happened", "type", "key", "contact"), rows, empty=empty))

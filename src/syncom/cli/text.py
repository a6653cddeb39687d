"""``syncom text``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, Output, here
from syncom.inbound_texts.model import InboundFilter, InboundText
from syncom.messages.channels.sms.counted import count_text

app = App(name="text", help="Texts for phones: what one costs, and what people sent to the account's numbers.")
_DEFAULT = Options()
_PLAIN = Output()
_PAGE = 1000


@app.command
async def parts(text: str, *, options: Output = _PLAIN) -> None:
    """Count the parts of a text, and say which characters make it dear.

    Parameters
    ----------
    text
        As it will be sent.
    """
    counted = count_text(text)
    lines: list[tuple[str, object]] = [
        ("parts", counted.parts),
        ("alphabet", counted.alphabet),
        ("characters", counted.characters),
        ("units", f"{counted.units}, {counted.left} more fit"),
        ("force UCS-2", " ".join(counted.forcing) or None),
        ("count twice", " ".join(counted.double) or None),
    ]
    show(counted, json=options.json, human=lambda: facts(lines))


@app.command(name="inbound")
async def list_inbound(
    *,
    contact: Annotated[int | None, Parameter(help="Of this contact only.")] = None,
    phone: Annotated[str, Parameter(help="From this number only.")] = "",
    sender: Annotated[int | None, Parameter(help="To the numbers of this sender only.")] = None,
    keyword: Annotated[str, Parameter(help="stop, help or start: only those read as this.")] = "",
    limit: Annotated[int, Parameter(help="How many at most.")] = 100,
    options: Options = _DEFAULT,
) -> None:
    """List what people sent, newest first."""
    wanted = InboundFilter(contact_id=contact, phone=phone, sender_id=sender, keyword=keyword)
    found: list[InboundText] = []
    async with here(options) as services:
        while len(found) < limit:
            before = found[-1].inbound_text_id if found else None
            count = min(_PAGE, limit - len(found))
            page = await services.app.inbound_texts.list(services.account_id, wanted, before=before, limit=count)
            found += page
            if len(page) < count:
                break
    rows = [
        (one.received_at, one.phone, one.recipient, one.contact_id, one.keyword or None, " ".join(one.text.split()))
        for one in found
    ]
    columns = ("received", "from", "to", "contact", "keyword", "text")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="Nobody has sent a text yet."))

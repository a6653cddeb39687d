"""``syncom activity``."""

from __future__ import annotations

from cyclopts import App

from syncom.activity.model import Engagement
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here

app = App(name="activity", help="What happened to messages, and how engaged contacts are.")
_DEFAULT = Options()


@app.command
async def engagement(contact: int | None = None, *, options: Options = _DEFAULT) -> None:
    """The engagement score of a contact; without one, how many contacts are in each band.

    Parameters
    ----------
    contact
        Its id.
    """
    async with here(options) as services:
        if contact is not None:
            await services.app.contacts.get(services.account_id, contact)
            found = await services.app.activity.engagement(services.account_id, contact)
            show(found, json=options.json, human=lambda: _engagement(found))
            return
        bands = await services.app.activity.engagement_bands(services.account_id)
    rows = [(size.band, f"{size.floor:g}", f"{size.contacts:,}") for size in bands]
    show(bands, json=options.json, human=lambda: table(("band", "from", "contacts"), rows, empty=""))


def _engagement(found: Engagement) -> None:
    facts(
        [
            ("contact", found.contact_id),
            ("score", f"{found.score:g}"),
            ("band", found.band),
            ("sent", found.sent),
            ("opened", found.opened),
            ("clicked", found.clicked),
            ("last sent", found.last_sent_at),
            ("last opened", found.last_open_at),
            ("last clicked", found.last_click_at),
        ]
    )

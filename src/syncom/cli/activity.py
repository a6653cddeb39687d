"""``syncom activity``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from cyclopts import App, Parameter

from syncom.activity.model import ActivityFilter, Engagement, TimelineEvent
from syncom.cli.given import Many, Switch
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.contacts.model import Channel

app = App(name="activity", help="What happened to messages, and how engaged contacts are.")
_DEFAULT = Options()


ChannelName = Literal["email", "sms", "webpush", "mobilepush", "viber", "telegram"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which lines of the timeline; all that is given must hold."""

    #: From this moment on; without an offset it is UTC.
    since: datetime | None = None
    #: Before this moment.
    until: datetime | None = None
    #: Id of a contact: its lines and those of contacts merged into it.
    contact: int | None = None
    #: Id of a message.
    message: UUID | None = None
    #: Id of a campaign; 0: single messages.
    campaign: int | None = None
    #: sent, failed, excluded, opened, clicked, ...; may be repeated.
    kind: Many = ()
    #: May be repeated.
    channel: Annotated[tuple[ChannelName, ...], Parameter(negative=(), show_default=False)] = ()
    #: Leave out what machines did.
    people_only: Switch = False

    def filter(self) -> ActivityFilter:
        """As the domain takes it."""
        return ActivityFilter(
            since=_moment(self.since),
            until=_moment(self.until),
            contact_id=self.contact,
            message_id=self.message,
            campaign_id=self.campaign,
            kinds=frozenset(self.kind),
            channels=frozenset(Channel[name.upper()] for name in self.channel),
            machines=not self.people_only,
        )


_ALL = Chosen()


@app.command(name="list")
async def list_activity(*, chosen: Chosen = _ALL, limit: int = 50, options: Options = _DEFAULT) -> None:
    """What happened to messages, newest first.

    Parameters
    ----------
    limit
        How many lines at most.
    """
    async with here(options) as services:
        page = await services.app.activity.activity(services.account_id, chosen.filter(), limit=limit)
    rows = [
        (event.occurred_at, event.kind, event.channel.name.lower(), event.contact_id, event.campaign_id, _more(event))
        for event in page.events
    ]
    columns = ("when", "what", "channel", "contact", "campaign", "more")
    show(page.events, json=options.json, human=lambda: table(columns, rows, empty="Nothing has happened yet."))


def _more(event: TimelineEvent) -> str:
    by = "" if event.hit_class is None or event.hit_class.value == 0 else event.hit_class.name.lower()
    link = "" if event.link is None else f"link {event.link}"
    return " ".join(part for part in (event.address or "", link, by, event.detail or "") if part)


def _moment(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given


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

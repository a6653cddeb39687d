"""``syncom campaign``."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter

from syncom.campaigns.model import (
    Alternative,
    Audience,
    AudienceCount,
    Campaign,
    CampaignInput,
    CampaignState,
    Late,
    LedgerRow,
    Report,
)
from syncom.cli.given import Many, Switch, condition, list_ids, segment_ids
from syncom.cli.output import facts, show, table
from syncom.cli.report import draw
from syncom.cli.services import Here, Options, here, tell
from syncom.content.model import Severity
from syncom.errors import Invalid
from syncom.messages.model import LedgerState, SenderKind

app = App(name="campaign", help="One mail to many people: audience, life, report.")
_DEFAULT = Options()
_PAGE = 1000
#: Seconds between two looks at a campaign that is being sent.
_LOOK = 0.25
_UNDER_WAY = (CampaignState.EXPANDING, CampaignState.SENDING)


@app.command
async def create(
    *,
    name: str,
    template: int,
    list_: Annotated[Many, Parameter(name="--list")] = (),
    segment: Many = (),
    condition_: Annotated[str | None, Parameter(name="--condition")] = None,
    everyone: Switch = False,
    exclude_list: Many = (),
    exclude_segment: Many = (),
    category: Many = (),
    sender: int | None = None,
    from_name: str = "",
    track_links: Annotated[bool, Parameter(negative="--no-track-links")] = True,
    alternative: Annotated[
        Many, Parameter(help="TEMPLATE or TEMPLATE:SENDER of another channel, for whom those before do not reach.")
    ] = (),
    options: Options = _DEFAULT,
) -> None:
    """Save a draft for everybody that one of --list, --segment, --condition names, or for --everyone.

    Parameters
    ----------
    name
        What to call it.
    template
        Id of the template.
    list_
        A list: its id or name. May be repeated.
    segment
        A segment: its id or name. May be repeated.
    condition_
        A condition as in docs/segments.md, JSON or @FILE.
    everyone
        All contacts. Who is unsubscribed or suppressed never gets mail.
    exclude_list
        A list that shall not get it. May be repeated.
    exclude_segment
        A segment that shall not get it. May be repeated.
    category
        Key of a subscription category it belongs to; those of the template unless given. May be repeated.
    sender
        Id of the sender; the default one unless given.
    from_name
        The sender's name on these mails; that of the template or of the sender unless given.
    track_links
        See clicks; without, links lead to their targets directly.
    """
    tree = None if condition_ is None else condition("condition", condition_)
    async with here(options) as services:
        audience = Audience(
            everyone=everyone,
            lists=await list_ids(services, list_),
            segments=await segment_ids(services, segment),
            condition=tree,
            exclude_lists=await list_ids(services, exclude_list),
            exclude_segments=await segment_ids(services, exclude_segment),
            categories=tuple(category),
        )
        given = CampaignInput(
            name=name,
            template_id=template,
            audience=audience,
            sender_id=sender,
            from_name=from_name,
            track_links=track_links,
            alternatives=tuple(_alternative(one) for one in alternative),
        )
        made = await services.app.campaigns.create(services.account_id, given)
        notice = await _notice(services, made)

    def human() -> None:
        print(f"Campaign {made.campaign_id} is a draft. Who gets it: `syncom campaign audience {made.campaign_id}`.")
        print(f"Send it: `syncom campaign start {made.campaign_id} --wait`.{notice}")

    show(made, json=options.json, human=human)


@app.command
async def audience(campaign: int, *, options: Options = _DEFAULT) -> None:
    """Count who would get a campaign now, and who would not and why.

    Parameters
    ----------
    campaign
        Its id.
    """
    async with here(options) as services:
        count = await services.app.campaigns.preview(services.account_id, campaign)
    show(count, json=options.json, human=lambda: facts(_counted(count)))


@app.command
async def start(campaign: int, *, wait: Switch = False, options: Options = _DEFAULT) -> int:
    """Begin to send. A running `syncom up` does the work.

    Parameters
    ----------
    campaign
        Its id.
    wait
        Show the progress until it is finished, then the report.
    """
    async with here(options) as services:
        started = await services.app.campaigns.start(services.account_id, campaign)
        if not wait:
            notice = await _notice(services, started)
            said = f"Campaign {campaign} is started: `syncom campaign show {campaign}` tells how it goes.{notice}"
            show(started, json=options.json, human=lambda: print(said))
            return 0
        report = await _watch(services, started)
    show(report, json=options.json, human=lambda: draw(report))
    return 0 if report.campaign.state is CampaignState.FINISHED else 1


@app.command
async def schedule(
    campaign: int,
    *,
    at: datetime | None = None,
    local_at: datetime | None = None,
    late: Late = Late.SEND,
    options: Options = _DEFAULT,
) -> None:
    """Let a campaign start by itself, at one moment for all (--at) or at each contact's local time (--local-at).

    Parameters
    ----------
    campaign
        Its id.
    at
        When, with the offset: 2027-01-31T09:00:00+02:00.
    local_at
        When in each contact's own zone: 2027-01-31T09:00:00. Contacts without a zone are in the account's.
    late
        Contacts for whom the local time has passed when it starts: send at once, next-day at that time, or skip.
    """
    if (at is None) == (local_at is None):
        raise Invalid("at", "or --local-at must be given, and not both")
    async with here(options) as services:
        campaigns = services.app.campaigns
        if local_at is not None:
            moved = await campaigns.schedule_locally(services.account_id, campaign, local_at, late)
            said = f"Campaign {campaign} goes to each contact at {local_at.isoformat(sep=' ')} of the own zone."
        else:
            assert at is not None
            moved = await campaigns.schedule(services.account_id, campaign, at)
            said = f"Campaign {campaign} starts at {at.isoformat()}."
    show(moved, json=options.json, human=lambda: print(said))


@app.command
async def pause(campaign: int, *, options: Options = _DEFAULT) -> None:
    """Begin no more mails; those on the wire are finished.

    Parameters
    ----------
    campaign
        Its id.
    """
    async with here(options) as services:
        moved = await services.app.campaigns.pause(services.account_id, campaign)
    said = f"Campaign {campaign} is paused: `syncom campaign resume {campaign}` goes on."
    show(moved, json=options.json, human=lambda: print(said))


@app.command
async def resume(campaign: int, *, note: str = "", options: Options = _DEFAULT) -> None:
    """Go on with a paused campaign.

    Parameters
    ----------
    campaign
        Its id.
    note
        Of one that paused itself: why it may go on. Limits do not hold for it any more.
    """
    async with here(options) as services:
        moved = await services.app.campaigns.resume(services.account_id, campaign, note=note)
    show(moved, json=options.json, human=lambda: print(f"Campaign {campaign} is {moved.state.value}."))


@app.command
async def cancel(campaign: int, *, options: Options = _DEFAULT) -> None:
    """End a campaign now. Who has not got it will not.

    Parameters
    ----------
    campaign
        Its id.
    """
    async with here(options) as services:
        moved = await services.app.campaigns.cancel(services.account_id, campaign)
    show(moved, json=options.json, human=lambda: print(f"Campaign {campaign} is cancelled."))


@app.command
async def retry_failed(campaign: int, *, options: Options = _DEFAULT) -> None:
    """Try the failed recipients once more. Suppressed addresses are left out.

    Parameters
    ----------
    campaign
        Its id.
    """
    async with here(options) as services:
        count = await services.app.campaigns.retry_failed(services.account_id, campaign)
    show({"retried": count}, json=options.json, human=lambda: print(f"{count} will be tried again."))


@app.command
async def delete(campaign: int, *, options: Options = _DEFAULT) -> None:
    """Delete a draft.

    Parameters
    ----------
    campaign
        Its id.
    """
    async with here(options) as services:
        await services.app.campaigns.delete(services.account_id, campaign)
    show({"deleted": campaign}, json=options.json, human=lambda: print(f"Campaign {campaign} is deleted."))


@app.command(name="list")
async def list_campaigns(*, limit: int = 50, options: Options = _DEFAULT) -> None:
    """List campaigns, newest first.

    Parameters
    ----------
    limit
        How many at most.
    """
    async with here(options) as services:
        found = await services.app.campaigns.list(services.account_id, limit=limit)
    rows = [
        (one.campaign_id, one.name, one.state, one.audience_size or None, one.launched_at or one.scheduled_at)
        for one in found
    ]
    empty = "No campaign yet: `syncom campaign create --name NAME --template ID --everyone`."
    columns = ("id", "name", "state", "audience", "started")
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_campaign(campaign: int, *, options: Options = _DEFAULT) -> None:
    """Draw the report of a campaign.

    Parameters
    ----------
    campaign
        Its id.
    """
    async with here(options) as services:
        report = await services.app.campaigns.report(services.account_id, campaign)
    show(report, json=options.json, human=lambda: draw(report))


@app.command
async def recipients(
    campaign: int, *, state: LedgerState | None = None, limit: int = 100, options: Options = _DEFAULT
) -> None:
    """List the ledger: every recipient and how it ended, with the server's words.

    Parameters
    ----------
    campaign
        Its id.
    state
        Only those that ended so.
    limit
        How many at most.
    """
    found: list[LedgerRow] = []
    async with here(options) as services:
        while len(found) < limit:
            wanted = min(_PAGE, limit - len(found))
            after = UUID(found[-1].message_id) if found else None
            page = await services.app.campaigns.recipients(
                services.account_id, campaign, state=state, after=after, limit=wanted
            )
            found += page
            if len(page) < wanted:
                break
    rows = [(one.contact_id, one.address, one.state, one.attempts, one.settled_at, one.reason) for one in found]
    columns = ("contact", "address", "state", "attempts", "settled", "reason")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="Nobody here yet."))


async def _watch(services: Here, started: Campaign) -> Report:
    """Show the progress until the campaign is at rest; what is left to say is the report."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    campaigns = services.app.campaigns
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            line = bar.add_task(escape(started.name), total=None, counts="")
            while True:
                report = await campaigns.report(services.account_id, started.campaign_id)
                left = report.waiting + report.retrying
                counts = f"{report.sent:,} sent, {report.failed:,} failed, {sum(report.excluded.values()):,} excluded"
                bar.update(line, total=report.audience or None, completed=max(0, report.audience - left), counts=counts)
                if report.campaign.state not in _UNDER_WAY:
                    return report
                await asyncio.sleep(_LOOK)
    except asyncio.CancelledError:
        tell(f"\nNo longer watching; the campaign goes on: `syncom campaign show {started.campaign_id}`.")
        raise


async def _notice(services: Here, campaign: Campaign) -> str:
    """What whoever is about to send should know: a mail that is not made for some, and where it goes."""
    found = await services.app.content.check(services.account_id, campaign.template_id)
    sender = await services.app.senders.get(services.account_id, campaign.sender_id)
    lines = [
        f"Template {campaign.template_id}, {one.where}: {one.message}"
        for one in found
        if one.severity is Severity.ERROR
    ]
    if sender.kind is SenderKind.INBOX:
        lines.append("It goes to the dev inbox: no mail leaves this machine.")
    return "".join(f"\n{line}" for line in lines)


def _alternative(text: str) -> Alternative:
    """Raises Invalid."""
    template, _, sender = text.partition(":")
    if not template.isdecimal() or (":" in text and not sender.isdecimal()):
        raise Invalid("alternative", f"'{text}' must be TEMPLATE or TEMPLATE:SENDER")
    return Alternative(template_id=int(template), sender_id=int(sender) if sender else None)


def _counted(count: AudienceCount) -> list[tuple[str, Any]]:
    return [
        ("recipients", count.recipients),
        *((f"by {name}", number) for name, number in count.channels.items() if len(count.channels) > 1),
        *((f"excluded: {reason}", number) for reason, number in count.excluded.items()),
        ("matched", count.matched),
        *((("of categories", ", ".join(count.categories)),) if count.categories else ()),
    ]

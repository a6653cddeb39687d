"""Use cases of campaigns: audience, life cycle, report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from syncom.activity.service import ActivityService
from syncom.attribution.model import Source
from syncom.attribution.service import AttributionService
from syncom.campaigns import store
from syncom.campaigns.model import (
    CAMPAIGN_CHANNELS,
    Audience,
    AudienceCount,
    CallOut,
    Campaign,
    CampaignFigure,
    CampaignInput,
    CampaignState,
    Compared,
    HourCounts,
    Late,
    LedgerRow,
    LinkClicks,
    LinkHeat,
    OutcomeReason,
    PartsCost,
    Report,
)
from syncom.campaigns.timing import starts_at
from syncom.clock import Clock
from syncom.contacts.categories import require_known
from syncom.contacts.model import Channel
from syncom.contacts.usage import Usage, refer
from syncom.content.filing import clean_from_name
from syncom.content.model import TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Conflict, Invalid, NotFound
from syncom.ids import campaign_of_message, contact_of_campaign_message
from syncom.messages.dealing import hand_of
from syncom.messages.model import LedgerState, SenderKind, Way
from syncom.messages.notices import announce_campaigns
from syncom.messages.policy.local_time import LATEST, moment_of, zone_of
from syncom.messages.senders import SendersService, own_name
from syncom.postgres.pool import Connection, Database
from syncom.segments.compile import Predicate
from syncom.segments.service import SegmentsService, has_leaf

NAME_LIMIT = 200
NOTE_LIMIT = 500
#: Campaigns that are put side by side, and reasons that are told.
_COMPARED = 10
_REASONS = 100
_NOBODY: dict[str, Any] = {"any": []}
_EVERYONE: dict[str, Any] = {"all": []}


class CampaignsService:
    """Campaigns of an account."""

    def __init__(
        self,
        database: Database,
        segments: SegmentsService,
        content: ContentService,
        senders: SendersService,
        activity: ActivityService,
        attribution: AttributionService,
        clock: Clock,
        *,
        usage: Usage,
    ) -> None:
        """``usage``: who is asked before a campaign is deleted; campaigns answer there for their audiences."""
        self._database = database
        self._usage = usage
        usage.ask(self.users)
        self._activity = activity
        self._attribution = attribution
        self._segments = segments
        self._content = content
        self._senders = senders
        self._clock = clock

    # ------------------------------------------------------------ drafts

    async def create(self, account_id: int, given: CampaignInput) -> Campaign:
        """Save a draft. Raises Invalid or NotFound naming what is wrong."""
        given, sender_id, channel, ways = await self._check(account_id, given)
        async with self._database.tenant(account_id) as connection:
            await require_known(connection, account_id, given.audience.categories, at="audience.categories")
            await self._agree(connection, account_id, given.audience)
            return await store.insert(connection, account_id, given, sender_id, channel, ways)

    async def broadcast(self, account_id: int, given: CampaignInput, at: datetime | None) -> Campaign:
        """Save a campaign and start it, at once or at a moment in the future: both or nothing.

        Raises Invalid or NotFound naming what is wrong.
        """
        _check_moment(at, self._clock.now())
        given, sender_id, channel, ways = await self._check(account_id, given)
        async with self._database.tenant(account_id) as connection:
            await self._agree(connection, account_id, given.audience)
            draft = await store.insert(connection, account_id, given, sender_id, channel, ways)
            if at is None:
                begun = await launch(connection, self._content, draft)
            else:
                begun = await store.move(
                    connection,
                    account_id,
                    draft.campaign_id,
                    allowed=("draft",),
                    state=CampaignState.SCHEDULED.value,
                    scheduled_at=at,
                )
            assert begun is not None, "the draft was made in this transaction"
            await announce_campaigns(connection)
        return begun

    async def update(self, account_id: int, campaign_id: int, given: CampaignInput) -> Campaign:
        """Replace a draft or a scheduled campaign. Raises Conflict once it has started."""
        given, sender_id, channel, ways = await self._check(account_id, given)
        async with self._database.tenant(account_id) as connection:
            await require_known(connection, account_id, given.audience.categories, at="audience.categories")
            await self._agree(connection, account_id, given.audience)
            campaign = await store.update(connection, account_id, campaign_id, given, sender_id, channel, ways)
            if campaign is None:
                raise await self._refusal(connection, account_id, campaign_id, "changed")
        return campaign

    async def get(self, account_id: int, campaign_id: int) -> Campaign:
        async with self._database.tenant(account_id) as connection:
            return await self._get(connection, account_id, campaign_id)

    async def list(
        self,
        account_id: int,
        *,
        before: int | None = None,
        limit: int = 100,
        states: Sequence[CampaignState] = (),
        words: str = "",
    ) -> list[Campaign]:
        """Newest first; pass the last id of a page as ``before`` of the next.

        Without states: in any; ``words``: part of the name.
        """
        async with self._database.tenant(account_id) as connection:
            return await store.page(connection, account_id, before or 2**62, limit, states=states, words=words.strip())

    async def part(self, account_id: int, *, offset: int, limit: int) -> tuple[list[Campaign], int]:
        """Campaigns from a place in the list, newest first, and how many there are in all."""
        async with self._database.tenant(account_id) as connection:
            return await store.part(connection, account_id, offset=offset, limit=limit)

    async def delete(self, account_id: int, campaign_id: int) -> None:
        """Delete a draft. What was sent stays for the record. Raises Conflict naming whose conditions ask for it."""
        async with self._database.tenant(account_id) as connection:
            await self._usage.require_none(connection, account_id, "campaign", campaign_id)
            if not await store.delete(connection, account_id, campaign_id):
                raise await self._refusal(connection, account_id, campaign_id, "deleted")

    async def count_audience(
        self,
        account_id: int,
        audience: Audience,
        *,
        channels: Sequence[Channel] = (Channel.EMAIL,),
        template_id: int = 0,
    ) -> AudienceCount:
        """Who would get it now, and who would not and why: the same statement that freezes the audience.

        An audience without categories is meant for those of the template, as it is when it is frozen; 0: none is known.
        """
        async with self._database.tenant(account_id) as connection:
            categories = await store.meant_categories(connection, account_id, audience, template_id)
            included, excluded = await audience_predicates(self._segments, connection, account_id, audience)
            counts = await store.count_audience(connection, account_id, channels, categories, included, excluded)
        reached = {channel.name.lower(): counts[channel] for channel in channels if channel in counts}
        left_out = {reason: count for reason, count in counts.items() if isinstance(reason, str)}
        return AudienceCount(
            matched=sum(counts.values()),
            recipients=sum(reached.values()),
            excluded=dict(sorted(left_out.items())),
            channels=reached,
            categories=categories,
        )

    async def preview(self, account_id: int, campaign_id: int) -> AudienceCount:
        """The same for a campaign: its audience, its template, and its channels in their order. Raises NotFound."""
        found = await self.get(account_id, campaign_id)
        # Once it has started its categories are frozen, whatever the template says by now.
        template_id = found.template_id if found.launched_at is None else 0
        return await self.count_audience(account_id, found.audience, channels=found.channels, template_id=template_id)

    async def count_template_audience(
        self, account_id: int, audience: Audience, template_id: int, *, channels: Sequence[Channel] | None = None
    ) -> AudienceCount:
        """The same for a template that no campaign has yet, over its own channel unless others are given.

        Raises NotFound; Invalid for a template of a channel without campaigns.
        """
        template = await self._content.get(account_id, template_id)
        if template.channel not in CAMPAIGN_CHANNELS:
            raise Invalid(
                "template", f"is a message of {template.channel.name.lower()}, which is not sent by campaigns"
            )
        return await self.count_audience(
            account_id, audience, channels=channels or (template.channel,), template_id=template_id
        )

    # ------------------------------------------------------------ life

    async def schedule(self, account_id: int, campaign_id: int, at: datetime) -> Campaign:
        """Start by itself at a moment in the future."""
        _check_moment(at, self._clock.now())
        return await self._move(account_id, campaign_id, ("draft", "scheduled"), CampaignState.SCHEDULED, at)

    async def schedule_locally(
        self, account_id: int, campaign_id: int, at: datetime, late: Late = Late.SEND
    ) -> Campaign:
        """Send at a wall time in each contact's zone; contacts without one are in the account's.

        It starts by itself before the first zone has that time, at once when that has begun; ``late`` says what becomes
        of contacts whose time has passed by then.
        """
        if at.tzinfo is not None:
            raise Invalid("local_at", "is a time in every contact's own zone: leave the offset out")
        now = self._clock.now()
        if moment_of(at, zone_of("UTC")) + LATEST <= now:
            raise Invalid("local_at", "has passed in every zone; start it instead")
        async with self._database.tenant(account_id) as connection:
            moved = await store.move(
                connection,
                account_id,
                campaign_id,
                allowed=("draft", "scheduled"),
                state=CampaignState.SCHEDULED.value,
                scheduled_at=max(starts_at(at), now),
                local_at=at,
                late=late,
            )
            if moved is None:
                raise await self._refusal(connection, account_id, campaign_id, "scheduled")
            await announce_campaigns(connection)
        return moved

    async def start(self, account_id: int, campaign_id: int) -> Campaign:
        """Freeze the content and begin: the audience is expanded in the background. Raises Conflict when started."""
        async with self._database.tenant(account_id) as connection:
            campaign = await self._get(connection, account_id, campaign_id)
            launched = await launch(connection, self._content, campaign)
            if launched is None:
                raise await self._refusal(connection, account_id, campaign_id, "started")
            await announce_campaigns(connection)
        return launched

    async def send_at_once(
        self,
        account_id: int,
        message: TemplateInput,
        audience: Audience,
        *,
        track_links: bool = False,
    ) -> Campaign:
        """Send a text that comes with the request to an audience of any size, as a campaign that has started.

        ``message.from_name`` must be a name of one of the account's senders; empty: the default one. Raises Invalid
        naming what is wrong.
        """
        sender = await self._senders.of_texts(account_id, message.channel, message.from_name)
        if message.from_name:
            message = msgspec.structs.replace(message, from_name=own_name(sender, message.from_name))
        content_id = await self._content.made_for_send(account_id, message, track_links=track_links)
        async with self._database.tenant(account_id) as connection:
            await self._agree(connection, account_id, audience)
            await self._content.mark_used(connection, account_id, (content_id,))
            campaign = await store.insert_launched(
                connection,
                account_id,
                name=message.name,
                content_id=content_id,
                channel=message.channel,
                sender_id=sender.sender_id,
                audience=audience,
            )
            await announce_campaigns(connection)
        return campaign

    async def of_sends(self, account_id: int, request_ids: Sequence[UUID]) -> dict[UUID, Campaign]:
        """The campaigns that these ids of sends to groups stand for; other ids are left out.

        Such an id is that of the campaign's message to contact 0, whom nobody is.
        """
        wanted = {one: campaign_of_message(one) or 0 for one in request_ids if contact_of_campaign_message(one) == 0}
        if not any(wanted.values()):
            return {}
        async with self._database.tenant(account_id) as connection:
            found = {one.campaign_id: one for one in await store.many(connection, account_id, set(wanted.values()))}
        return {one: found[campaign_id] for one, campaign_id in wanted.items() if campaign_id in found}

    async def call_outs(
        self, account_id: int, channel: Channel, *, skip: int = 0, limit: int = 500
    ) -> tuple[list[CallOut], int]:
        """Campaigns of a channel that were started, newest first, and how many there are in all."""
        async with self._database.tenant(account_id) as connection:
            return await store.call_outs(connection, account_id, channel, skip=skip, limit=limit)

    async def pause(self, account_id: int, campaign_id: int) -> Campaign:
        """Begin no more mails; those on the wire are finished."""
        allowed = ("expanding", "sending", "scheduled")
        return await self._move(account_id, campaign_id, allowed, CampaignState.PAUSED)

    async def resume(self, account_id: int, campaign_id: int, *, note: str = "") -> Campaign:
        """Go on where it was paused.

        One that paused itself goes on with a note that says why; limits do not hold for it any more. Raises Invalid
        without one.
        """
        note = note.strip()
        if len(note) > NOTE_LIMIT:
            raise Invalid("note", f"must have at most {NOTE_LIMIT} characters")
        async with self._database.tenant(account_id) as connection:
            campaign = await self._get(connection, account_id, campaign_id)
            if campaign.state is CampaignState.PAUSED and campaign.launched_at is None:
                state = CampaignState.SCHEDULED
                resumed = await store.move(connection, account_id, campaign_id, allowed=("paused",), state=state.value)
            else:
                if campaign.self_paused and not note:
                    raise Invalid("note", f"must say why it may go on: the campaign {campaign.problem}")
                resumed = await store.resume(connection, account_id, campaign_id, note)
            if resumed is None:
                raise await self._refusal(connection, account_id, campaign_id, "resumed")
            await announce_campaigns(connection)
        return resumed

    async def cancel(self, account_id: int, campaign_id: int) -> Campaign:
        """End it now; who has not got it will not. The ledger says so for each."""
        allowed = ("scheduled", "expanding", "sending", "paused")
        return await self._move(account_id, campaign_id, allowed, CampaignState.CANCELLED)

    async def call_off(self, account_id: int, campaign_id: int) -> bool:
        """Cancel a campaign that waits for its time; False when it does not wait (any more)."""
        async with self._database.tenant(account_id) as connection:
            called_off = await store.move(
                connection,
                account_id,
                campaign_id,
                allowed=("scheduled",),
                state=CampaignState.CANCELLED.value,
            )
        return called_off is not None

    async def retry_failed(self, account_id: int, campaign_id: int) -> int:
        """Try the failed recipients once more; returns how many. Suppressed addresses are left out."""
        async with self._database.system() as connection:
            campaign = await self._get(connection, account_id, campaign_id)
            if campaign.state not in (CampaignState.FINISHED, CampaignState.SENDING, CampaignState.FAILED):
                raise Conflict(f"the campaign is {campaign.state.value}: only a sent one can be retried")
            count = await store.retry_failed(connection, campaign)
            if count:
                await store.move(
                    connection,
                    account_id,
                    campaign_id,
                    allowed=("finished", "sending", "failed"),
                    state=CampaignState.SENDING.value,
                )
                await announce_campaigns(connection)
        return count

    # ------------------------------------------------------------ results

    async def users(self, connection: Connection, account_id: int, kind: str, key: int | str) -> list[str]:
        """The campaigns whose audience is still to be chosen and names this, such as ``("list", 5)``."""
        return [
            f"campaign {name!r}"
            for name, audience in await store.undecided(connection, account_id)
            if _names(audience, kind, key)
        ]

    async def report(self, account_id: int, campaign_id: int) -> Report:
        """The numbers of a campaign, from counters: the cost does not grow with the audience."""
        async with self._database.tenant(account_id) as connection:
            campaign = await self._get(connection, account_id, campaign_id)
            waiting, retrying, next_at = await store.queue(connection, campaign_id)
        kinds = await self._activity.campaign_counts(account_id, campaign_id)
        sent = kinds.get("sent", 0)
        opened, clicked = kinds.get("opened.first", 0), kinds.get("clicked.first", 0)
        unsubscribed = kinds.get("unsubscribed", 0)
        revenue = await self._attribution.revenue(account_id, Source.CAMPAIGN, campaign_id)
        orders = sum(one.orders for one in revenue)
        return Report(
            campaign=campaign,
            sender_problem=await self._sender_problem(campaign),
            audience=campaign.audience_size,
            sent=sent,
            channels={
                channel.name.lower(): kinds.get(f"sent.{channel.name.lower()}", 0) if campaign.alternatives else sent
                for channel in campaign.channels
            },
            failed=kinds.get("failed", 0),
            excluded={
                kind.removeprefix("excluded."): count
                for kind, count in sorted(kinds.items())
                if kind.startswith("excluded.") and count
            },
            cancelled=kinds.get("cancelled", 0),
            uncertain=kinds.get("uncertain", 0),
            in_doubt=kinds.get("in_doubt", 0),
            waiting=waiting,
            retrying=retrying,
            next_at=next_at if next_at is not None and next_at > self._clock.now() else None,
            parts=kinds.get("parts", 0),
            cost=await self._cost(campaign, kinds.get("parts", 0)),
            delivered=kinds.get("delivered", 0),
            bounced=kinds.get("bounced", 0),
            opened=opened,
            opened_total=kinds.get("opened", 0),
            clicked=clicked,
            clicked_total=kinds.get("clicked", 0),
            unsubscribed=unsubscribed,
            complained=kinds.get("complained", 0),
            machine_opens=kinds.get("opened.machine", 0),
            machine_clicks=kinds.get("clicked.machine", 0),
            open_rate=_share(opened, sent),
            click_rate=_share(clicked, sent),
            unsubscribe_rate=_share(unsubscribed, sent),
            orders=orders,
            order_rate=_share(orders, sent),
            revenue=revenue,
            links=await self._links(campaign),
            hours=await self._hours(campaign),
        )

    async def calendar(self, account_id: int, *, since: datetime, until: datetime, limit: int = 1000) -> list[Campaign]:
        """Campaigns that begin, or began, in a period, in that order. Raises Invalid for an empty one."""
        if until <= since:
            raise Invalid("until", "must be later than since")
        async with self._database.tenant(account_id) as connection:
            return await store.planned(connection, account_id, since=since, until=until, limit=limit)

    async def compare(self, account_id: int, campaign_ids: Sequence[int]) -> list[Compared]:
        """Several campaigns side by side, in the order given. Raises Invalid, NotFound."""
        wanted = list(dict.fromkeys(campaign_ids))
        if not 1 <= len(wanted) <= _COMPARED:
            raise Invalid("id", f"must name 1 to {_COMPARED} campaigns")
        return [_compared(await self.report(account_id, one)) for one in wanted]

    async def reasons(self, account_id: int, campaign_id: int) -> list[OutcomeReason]:
        """Why recipients did not get it, the commonest first: what the ledger can be asked for."""
        async with self._database.tenant(account_id) as connection:
            campaign = await self._get(connection, account_id, campaign_id)
            if campaign.launched_at is None:
                return []
            return await store.reasons(connection, campaign, limit=_REASONS)

    async def link_heat(self, account_id: int, campaign_id: int) -> list[LinkHeat]:
        """Every link of the mail in its place, with clicks and people: those without a click too."""
        async with self._database.tenant(account_id) as connection:
            campaign = await self._get(connection, account_id, campaign_id)
            people = await store.link_people(connection, account_id, campaign_id)
        if campaign.content_id is None:
            return []
        targets = (await self._content.compiled(account_id, campaign.content_id)).links
        clicked = {one.link: one for one in await self._links(campaign)}
        total = sum(one.clicks for one in clicked.values())
        found: list[LinkHeat] = []
        for link, target in enumerate(targets):
            counts = clicked.get(link)
            clicks = counts.clicks if counts else 0
            found.append(
                LinkHeat(
                    link=link,
                    target=target,
                    clicks=clicks,
                    people=people.get(link, 0),
                    machine_clicks=counts.machine_clicks if counts else 0,
                    share=_share(clicks, total),
                    condition={"activity": "clicked", "campaign": campaign_id, "link": link},
                )
            )
        return found

    async def figures(self, account_id: int, campaign_id: int) -> list[CampaignFigure]:
        """Figures of a report, each with the condition that finds its people: to look at them, or to keep a segment."""
        report = await self.report(account_id, campaign_id)

        def did(activity: str) -> dict[str, Any]:
            return {"activity": activity, "campaign": campaign_id}

        counts = {
            "sent": report.sent,
            "delivered": report.delivered,
            "bounced": report.bounced,
            "opened": report.opened,
            "clicked": report.clicked,
            "unsubscribed": report.unsubscribed,
            "complained": report.complained,
        }
        found = [CampaignFigure(figure=name, count=count, condition=did(name)) for name, count in counts.items()]
        for name in ("opened", "clicked"):
            condition = {"all": [did("sent"), {"not": did(name)}]}
            rest = max(0, report.sent - counts[name])
            found.append(CampaignFigure(figure=f"not_{name}", count=rest, condition=condition))
        return found

    async def recipients(
        self,
        account_id: int,
        campaign_id: int,
        *,
        state: LedgerState | None = None,
        reason: str = "",
        after: UUID | None = None,
        limit: int = 100,
    ) -> list[LedgerRow]:
        """The ledger of a campaign, a page at a time: pass the last message id as ``after`` of the next.

        ``reason``: only those with these words in their reason.
        """
        async with self._database.tenant(account_id) as connection:
            campaign = await self._get(connection, account_id, campaign_id)
            if campaign.launched_at is None:
                return []
            return await store.ledger_page(connection, campaign, state=state, reason=reason, after=after, limit=limit)

    # ------------------------------------------------------------ parts

    async def _sender_problem(self, campaign: Campaign) -> str:
        if campaign.state not in (CampaignState.EXPANDING, CampaignState.SENDING):
            return ""
        async with self._database.tenant(campaign.account_id) as connection:
            sender = await self._senders.require(connection, campaign.account_id, campaign.sender_id)
            if sender.kind is not SenderKind.GROUP:
                return sender.problem
            hand = await hand_of(connection, sender)
            if hand.is_able:
                return ""
            return (await self._senders.require(connection, campaign.account_id, hand.members[0][0])).problem

    async def _cost(self, campaign: Campaign, parts: int) -> PartsCost | None:
        """What this many parts cost through the campaign's sender."""
        if campaign.channel.consent is not Channel.SMS:
            return None
        try:
            price = (await self._senders.get(campaign.account_id, campaign.sender_id)).config.part_price
        except NotFound:
            return None
        return None if price is None else PartsCost(amount=price.amount * parts, currency=price.currency)

    async def _links(self, campaign: Campaign) -> list[LinkClicks]:
        """Clicks by link, the most clicked first; the honeypot is not a link of the author's."""
        if campaign.content_id is None:
            return []
        targets = (await self._content.compiled(campaign.account_id, campaign.content_id)).links
        counts = await self._activity.links(campaign.account_id, campaign.campaign_id)
        return [
            LinkClicks(
                link=count.link,
                target=targets[count.link],
                clicks=count.clicks,
                machine_clicks=count.machine_clicks,
            )
            for count in sorted(counts, key=lambda count: (-count.clicks, count.link))
            if 0 <= count.link < len(targets)
        ]

    async def _hours(self, campaign: Campaign) -> list[HourCounts]:
        hours: dict[datetime, dict[str, int]] = {}
        for count in await self._activity.campaign_hours(campaign.account_id, campaign.campaign_id):
            if not count.kind.startswith("excluded"):
                hours.setdefault(count.hour, {})[count.kind] = count.count
        return [HourCounts(hour=hour, counts=counts) for hour, counts in sorted(hours.items())]

    async def _agree(self, connection: Connection, account_id: int, audience: Audience) -> None:
        """Keep what an audience names, and see that it is right. Raises Invalid naming the place."""
        await refer(connection, account_id)
        await audience_predicates(self._segments, connection, account_id, audience)
        if audience.condition is not None:
            compiler = await self._segments.compiler(connection, account_id)
            compiler.require_possible(audience.condition, at="audience.condition")

    async def _get(self, connection: Connection, account_id: int, campaign_id: int) -> Campaign:
        campaign = await store.get(connection, account_id, campaign_id)
        if campaign is None:
            raise NotFound("campaign", campaign_id)
        return campaign

    async def _move(
        self,
        account_id: int,
        campaign_id: int,
        allowed: tuple[str, ...],
        state: CampaignState,
        at: datetime | None = None,
    ) -> Campaign:
        async with self._database.tenant(account_id) as connection:
            campaign = await store.move(
                connection, account_id, campaign_id, allowed=allowed, state=state.value, scheduled_at=at
            )
            if campaign is None:
                raise await self._refusal(connection, account_id, campaign_id, state.value)
            await announce_campaigns(connection)
        return campaign

    async def _refusal(self, connection: Connection, account_id: int, campaign_id: int, wish: str) -> Conflict:
        """Why a campaign cannot be moved. Raises NotFound when there is none."""
        campaign = await self._get(connection, account_id, campaign_id)
        return Conflict(f"the campaign is {campaign.state.value} and cannot be {wish} now")

    async def _check(
        self, account_id: int, given: CampaignInput
    ) -> tuple[CampaignInput, int, Channel, tuple[Way, ...]]:
        """What is given in its clean form, the sender (the named one, the template's, or the default), the channel, and
        the alternatives.

        Raises Invalid for a wrong name, for a message of a channel without campaigns, for a sender of another one, and
        for two messages that would reach the same people.
        """
        name = given.name.strip()
        if not name or len(name) > NAME_LIMIT:
            raise Invalid("name", f"must have 1 to {NAME_LIMIT} characters")
        given = msgspec.structs.replace(given, from_name=clean_from_name(given.from_name))
        own = await self._way(account_id, given.template_id, given.sender_id, given.from_name)
        ways: list[Way] = []
        for place, other in enumerate(given.alternatives):
            at = f"alternatives.{place}."
            way = await self._way(account_id, other.template_id, other.sender_id, at=at)
            if way.channel.consent in {one.channel.consent for one in (own, *ways)}:
                name = way.channel.name.lower()
                raise Invalid(f"{at}template_id", f"is of {name}, which reaches those whom a message before it reaches")
            ways.append(way)
        return given, own.sender_id, own.channel, tuple(ways)

    async def _way(
        self, account_id: int, template_id: int, sender_id: int | None, from_name: str = "", *, at: str = ""
    ) -> Way:
        """A message and who sends it. Raises Invalid, NotFound."""
        template = await self._content.get(account_id, template_id)
        channel = template.channel
        if channel not in CAMPAIGN_CHANNELS:
            raise Invalid(f"{at}template_id", f"is a message of {channel.name.lower()}, which is not sent by campaigns")
        named = template.sender_id if sender_id is None else sender_id
        if named is not None:
            sender = await self._senders.get(account_id, named)
        elif channel.consent is not Channel.SMS:
            sender = await self._senders.default(account_id, channel)
        else:
            sender = await self._senders.of_texts(account_id, channel, from_name or template.from_name)
        if sender.channel is not channel.consent:
            raise Invalid(f"{at}sender_id", f"is a sender of {sender.channel.name.lower()}")
        group_id = sender.sender_id if sender.kind is SenderKind.GROUP else 0
        return Way(channel=channel, template_id=template_id, sender_id=sender.sender_id, group_id=group_id)


def _check_moment(at: datetime | None, now: datetime) -> None:
    if at is None:
        return
    if at.tzinfo is None:
        raise Invalid("at", "must say its offset, such as Z or +03:00")
    if at <= now:
        raise Invalid("at", "must be in the future; start it instead")


async def launch(connection: Connection, content: ContentService, campaign: Campaign) -> Campaign | None:
    """Freeze content and start; None when the campaign has started already."""
    template = await content.freeze(
        connection,
        campaign.account_id,
        campaign.template_id,
        from_name=campaign.from_name,
        track_links=campaign.track_links,
    )
    return await store.launch(
        connection,
        campaign.account_id,
        campaign.campaign_id,
        content_id=template.content_id,
        languages=template.all_languages,
        sender_id=campaign.sender_id,
        alternatives=[await _frozen(connection, content, campaign, way) for way in campaign.alternatives],
    )


async def _frozen(connection: Connection, content: ContentService, campaign: Campaign, way: Way) -> Way:
    template = await content.freeze(
        connection, campaign.account_id, way.template_id, from_name="", track_links=campaign.track_links
    )
    if template.channel is not way.channel:
        raise Invalid(
            "alternatives", f"name template {way.template_id}, which is now of {template.channel.name.lower()}"
        )
    return msgspec.structs.replace(way, content_id=template.content_id, content_languages=dict(template.all_languages))


async def audience_predicates(
    segments: SegmentsService, connection: Connection, account_id: int, audience: Audience
) -> tuple[Predicate, Predicate]:
    """Who is included and who excluded, compiled with one set of values. Raises Invalid naming the place."""
    included: list[dict[str, Any]] = [{"list": list_id} for list_id in audience.lists]
    included += [{"segment": segment_id} for segment_id in audience.segments]
    if audience.condition is not None:
        included.append(audience.condition)
    if audience.everyone:
        included = [_EVERYONE]
    if not included:
        raise Invalid("audience", "names nobody: give lists, segments, a condition, or everyone")
    excluded: list[dict[str, Any]] = [{"list": list_id} for list_id in audience.exclude_lists]
    excluded += [{"segment": segment_id} for segment_id in audience.exclude_segments]
    compiler = await segments.compiler(connection, account_id)
    if audience.condition is not None:
        compiler.compile(audience.condition, at="audience.condition")  # refused under its own name
    return (
        compiler.compile({"any": included}, at="audience"),
        compiler.compile({"any": excluded} if excluded else _NOBODY, at="audience.exclude"),
    )


def _names(audience: Audience, kind: str, key: int | str) -> bool:
    if kind == "category" and str(key).lower() in {one.strip().lower() for one in audience.categories}:
        return True
    if kind == "list" and key in audience.lists + audience.exclude_lists:
        return True
    if kind == "segment" and key in audience.segments + audience.exclude_segments:
        return True
    return has_leaf(audience.condition, kind, key)


def _compared(report: Report) -> Compared:
    campaign, sent = report.campaign, report.sent
    return Compared(
        campaign_id=campaign.campaign_id,
        name=campaign.name,
        state=campaign.state,
        launched_at=campaign.launched_at,
        audience=report.audience,
        sent=sent,
        failed=report.failed,
        delivered=report.delivered,
        bounced=report.bounced,
        opened=report.opened,
        clicked=report.clicked,
        unsubscribed=report.unsubscribed,
        complained=report.complained,
        orders=report.orders,
        bounce_rate=_share(report.bounced, sent),
        open_rate=report.open_rate,
        click_rate=report.click_rate,
        click_to_open_rate=_share(report.clicked, report.opened),
        unsubscribe_rate=report.unsubscribe_rate,
        complaint_rate=_share(report.complained, sent),
        order_rate=report.order_rate,
        revenue=report.revenue,
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0

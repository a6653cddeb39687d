"""A sending house for tests: services on a fresh database, a sender into a peer, contacts to write to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from syncom.activity.service import ActivityService
from syncom.attribution.service import AttributionService
from syncom.campaigns.jobs import CampaignKeeper
from syncom.campaigns.model import Audience, Campaign, CampaignInput, CampaignState, LedgerRow
from syncom.campaigns.service import CampaignsService
from syncom.clock import SystemClock
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.content.model import TemplateInput
from syncom.content.service import ContentService
from syncom.inbox.service import InboxService
from syncom.messages.bounces.refusals import Refusals
from syncom.messages.channels.email.model import Security
from syncom.messages.channels.push.browsers import Browsers
from syncom.messages.channels.sms.inbound import NobodyReads, TextsReceived
from syncom.messages.channels.sms.parts_received import PartsReceived
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.messages.identity.signing import Identities
from syncom.messages.model import OnUncertain, SenderConfig, SenderRole
from syncom.messages.policy.service import PoliciesService
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.senders import InboxAddress, SenderInput, SendersService
from syncom.messages.sending.carriers import Carriers
from syncom.messages.sending.loop import SendingLoop
from syncom.messages.service import MessagesService
from syncom.postgres.pool import Database
from syncom.products.service import ProductsService
from syncom.recommendations.blocks import ProductBlocks
from syncom.security import Keyring
from syncom.segments.service import SegmentsService
from syncom.sites.push_keys import PushKeys
from syncom.tokens import MessageTokens

LETTER = TemplateInput(
    name="Letter",
    subject="Hello {{ first_name }}",
    source=(
        '<html><body><p>Hello {{ first_name }}</p><a href="https://shop.example/a">A</a>'
        '<a href="{{ unsubscribe_url }}">Unsubscribe</a></body></html>'
    ),
)
BASE_URL = "http://127.0.0.1:8080"


@dataclass(kw_only=True)
class SendingHouse:
    """Everything a test of sending needs."""

    database: Database
    account_id: int
    data_dir: Path
    clock: SystemClock
    keyring: Keyring
    identities: Identities
    contacts: ContactsService
    products: ProductsService
    content: ContentService
    segments: SegmentsService
    senders: SendersService
    messages: MessagesService
    activity: ActivityService
    campaigns: CampaignsService
    keeper: CampaignKeeper
    policies: PoliciesService
    receipts: ReceiptsService
    #: Texts that people wrote.
    texts: TextsReceived
    outbound_allow: str = "127.0.0.0/8"

    @classmethod
    def on(cls, database: Database, account_id: int, data_dir: Path) -> SendingHouse:
        clock = SystemClock()
        keyring = Keyring.open(data_dir / "secret.key")
        contacts = ContactsService(database, clock, keyring)
        products = ProductsService(database, clock)
        content = ContentService(database, clock, ProductBlocks(database, products, clock))
        segments = SegmentsService(database, clock, contacts.usage)
        identities = Identities(database, keyring, clock)
        senders = SendersService(database, keyring, clock, identities=identities, outbound_allow="127.0.0.0/8")
        activity = ActivityService(database, clock)
        return cls(
            database=database,
            account_id=account_id,
            data_dir=data_dir,
            clock=clock,
            keyring=keyring,
            identities=identities,
            contacts=contacts,
            products=products,
            content=content,
            segments=segments,
            senders=senders,
            messages=MessagesService(database, contacts, content, senders),
            activity=activity,
            campaigns=CampaignsService(
                database,
                segments,
                content,
                senders,
                activity,
                AttributionService(database),
                clock,
                usage=contacts.usage,
            ),
            keeper=CampaignKeeper(database, segments, content, clock),
            policies=PoliciesService(database, clock),
            receipts=ReceiptsService(database, activity, clock),
            texts=NobodyReads(),
        )

    def loop(self, role: SenderRole = SenderRole.BULK) -> SendingLoop:
        return SendingLoop(
            database=self.database,
            contacts=self.contacts,
            content=self.content,
            senders=self.senders,
            carriers=self.carriers(),
            policies=self.policies,
            refusals=Refusals(self.keyring),
            clock=self.clock,
            data_dir=self.data_dir,
            role=role,
        )

    def carriers(self, **others: Any) -> Carriers:
        """What opens carriers; ``others`` take the place of its parts."""
        parts: dict[str, Any] = {
            "clock": self.clock,
            "tokens": MessageTokens(self.keyring),
            "base_url": BASE_URL,
            "inbox_address": InboxAddress(),
            "inbox": InboxService(self.database),
            "short_links": ShortLinks(self.database),
            "push_keys": PushKeys(self.database, self.keyring),
            "browsers": Browsers(self.database),
            "identities": self.identities,
            "receipts": self.receipts,
            "parts_received": PartsReceived(self.database, self.texts, self.clock),
            "operator": "admin@example.org",
            "outbound_allow": self.outbound_allow,
        }
        return Carriers(**parts | others)

    async def people(self, count: int, **more: Any) -> list[int]:
        """Contacts p1@example.com … with a name each."""
        rows = [
            ContactInput(email=f"p{number}@example.com", first_name=f"Name{number}", **more)
            for number in range(1, count + 1)
        ]
        result = await self.contacts.upsert(self.account_id, rows, UpsertOptions())
        assert not result.problems
        return [contact_id for contact_id in result.contact_ids if contact_id is not None]

    async def sender(self, port: int, *, on_uncertain: OnUncertain = OnUncertain.RESEND, **config: Any) -> int:
        """A sender into the peer on this port."""
        settings: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "security": Security.PLAIN,
            "max_connections": 4,
            "timeout": 5.0,
            "on_uncertain": on_uncertain,
            **config,
        }
        given = SenderInput(
            name="Peer", from_email="news@brand.example", from_name="Brand", config=SenderConfig(**settings)
        )
        return (await self.senders.add(self.account_id, given)).sender_id

    async def campaign(self, *, letter: TemplateInput = LETTER, audience: Audience | None = None) -> Campaign:
        """A started campaign to everybody, its audience frozen."""
        template = await self.content.create(self.account_id, letter)
        campaign = await self.campaigns.create(
            self.account_id,
            CampaignInput(name="News", template_id=template.template_id, audience=audience or Audience(everyone=True)),
        )
        await self.campaigns.start(self.account_id, campaign.campaign_id)
        await self.keeper_rests()
        return await self.campaigns.get(self.account_id, campaign.campaign_id)

    async def keeper_rests(self) -> None:
        while await self.keeper.step():
            pass

    async def until(self, campaign_id: int, *states: CampaignState, patience: float = 60) -> Campaign:
        """Wait until the campaign is in one of the states, the keeper working meanwhile."""
        async with asyncio.timeout(patience):
            while True:
                await self.keeper_rests()
                campaign = await self.campaigns.get(self.account_id, campaign_id)
                if campaign.state in states:
                    return campaign
                await asyncio.sleep(0.05)

    async def ledger(self, campaign_id: int) -> list[LedgerRow]:
        """Every row of a campaign, page by page."""
        rows: list[LedgerRow] = []
        while True:
            after = UUID(rows[-1].message_id) if rows else None
            page = await self.campaigns.recipients(self.account_id, campaign_id, after=after, limit=500)
            rows += page
            if len(page) < 500:
                return rows

    async def retries_are_due(self) -> int:
        """Time passes: what waits for another attempt may go now. Returns how many wait."""
        async with self.database.system() as connection:
            cursor = await connection.execute("UPDATE messages SET due_at = now() WHERE due_at > now()")
            row = await (await connection.execute("SELECT count(*) FROM messages")).fetchone()
        assert cursor is not None
        assert row is not None
        return row[0]


@asynccontextmanager
async def sending(*loops: SendingLoop) -> AsyncGenerator[None]:
    """Sending processes at work."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(loop.run(stop)) for loop in loops]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


def states(rows: Sequence[LedgerRow]) -> dict[str, int]:
    """How many rows are in each state."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    return counts

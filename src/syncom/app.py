"""The only place where parts are wired together: settings in, services out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from procrastinate import App as JobRunner

from syncom.accounts.model import PERMISSIONS, KeyScope, Permission, Principal, Role
from syncom.accounts.service import AccountsService, machine_principal
from syncom.activity.rollups import jobs as rollup_jobs
from syncom.activity.rollups.service import RollupsService
from syncom.activity.service import ActivityService
from syncom.activity.subscriptions import Subscriptions
from syncom.attribution.jobs import AttributionKeeper
from syncom.attribution.service import AttributionService
from syncom.bulk.jobs import BulkKeeper
from syncom.bulk.service import BulkService
from syncom.campaigns.jobs import CampaignKeeper
from syncom.campaigns.service import CampaignsService
from syncom.carts.jobs import CartKeeper
from syncom.carts.service import CartsService
from syncom.clock import Clock, SystemClock
from syncom.connect.catalogue.service import CatalogueService
from syncom.connect.connections.jobs import ConnectionKeeper
from syncom.connect.connections.model import Agreed, OwnKey
from syncom.connect.connections.service import ConnectionsService
from syncom.connect.connections.telling import OwnerTeller
from syncom.connect.intents.embedder import open_embedder
from syncom.connect.intents.jobs import VectorKeeper
from syncom.connect.intents.service import IntentsService
from syncom.connect.runs.service import RunsService
from syncom.connect.tenants.model import KeyHolder, Member
from syncom.connect.tenants.service import TenantsService
from syncom.connect.transport.doubts import Doubts
from syncom.connect.transport.service import Transport
from syncom.consent.forms import Forms
from syncom.consent.optin import OptIns
from syncom.consent.person import PersonExport
from syncom.consent.preferences import PreferencesService
from syncom.contacts.imports import jobs as imports
from syncom.contacts.imports.export import ContactExport
from syncom.contacts.imports.fetch import FileFetcher
from syncom.contacts.imports.service import ImportService
from syncom.contacts.service import ContactsService
from syncom.content.editing.blocks import BlocksService
from syncom.content.editing.drafts import TemplateDrafts
from syncom.content.editing.previews import PreviewsService
from syncom.content.images.service import ImagesService
from syncom.content.service import ContentService
from syncom.errors import Invalid, NotFound
from syncom.events.service import EventsService
from syncom.feed.service import FeedService
from syncom.home.service import HomeService
from syncom.inbound_texts.service import InboundTextsService
from syncom.inbox.service import InboxService
from syncom.jobs.keeping import keep
from syncom.jobs.runner import make_app
from syncom.keys.service import KeysService, open_keyring
from syncom.listening import ServerCertificate
from syncom.live.service import LiveService
from syncom.messages.bounces.hooks.service import BounceHooks
from syncom.messages.bounces.intake import Intake
from syncom.messages.bounces.jobs import BounceKeeper
from syncom.messages.bounces.listener import BounceListener
from syncom.messages.bounces.mailboxes.jobs import MailboxKeeper
from syncom.messages.bounces.mailboxes.service import MailboxesService
from syncom.messages.bounces.refusals import Refusals
from syncom.messages.bounces.service import BouncesService
from syncom.messages.bounces.spool import Spool, SpoolReader
from syncom.messages.channels.push.browsers import Browsers
from syncom.messages.channels.sms.callbacks.addresses import CallbackAddresses, callback_addresses
from syncom.messages.channels.sms.parts_received import PartsReceived
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.messages.consents import MessageConsents
from syncom.messages.groups import SenderGroupsService
from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.dns import DnsNames
from syncom.messages.identity.jobs import DomainKeeper
from syncom.messages.identity.service import DomainsService
from syncom.messages.identity.signing import Identities
from syncom.messages.model import Sender, SenderRole
from syncom.messages.planned import PlannedSends
from syncom.messages.policy.service import PoliciesService
from syncom.messages.receipts.jobs import ReceiptKeeper
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.senders import InboxAddress, SendersService
from syncom.messages.sending.carriers import Carriers
from syncom.messages.sending.loop import SendingLoop
from syncom.messages.service import MessagesService
from syncom.messages.warming.service import WarmUpsService
from syncom.messages.web_versions import WebVersions
from syncom.orders import jobs as order_jobs
from syncom.orders.service import OrdersService
from syncom.outbound import OutboundClient
from syncom.postgres.migrate import ensure_partitions
from syncom.postgres.pool import Database
from syncom.products.feeds import jobs as feed_jobs
from syncom.products.feeds.service import FeedsService
from syncom.products.service import ProductsService
from syncom.promocodes.service import PromocodesService
from syncom.pulls.jobs import PullKeeper
from syncom.pulls.service import PullsService
from syncom.recommendations.blocks import ProductBlocks
from syncom.recommendations.service import RecommendationsService
from syncom.retention import jobs as retention_jobs
from syncom.retention.service import RetentionService
from syncom.rfm import jobs as rfm_jobs
from syncom.rfm.predictions.service import PredictionsService
from syncom.rfm.service import RfmService
from syncom.security import Keyring
from syncom.segments.jobs import MembershipKeeper
from syncom.segments.membership import MembershipService
from syncom.segments.service import SegmentsService
from syncom.segments.table import ContactTable
from syncom.settings import Settings
from syncom.sites.landing import Landings
from syncom.sites.push import WebPush
from syncom.sites.push_keys import PushKeys
from syncom.sites.service import SitesService
from syncom.tokens import MessageTokens
from syncom.webhooks.jobs import WebhookPoster
from syncom.webhooks.service import WebhooksService
from syncom.workflows.calls.actions import Actions
from syncom.workflows.calls.keeper import CallsKeeper
from syncom.workflows.checking import Checker
from syncom.workflows.drafts import DraftsService
from syncom.workflows.jobs import WorkflowKeeper
from syncom.workflows.journeys import JourneysService
from syncom.workflows.parked import ParkedService
from syncom.workflows.recipes.service import RecipesService
from syncom.workflows.results import ResultsService
from syncom.workflows.service import WorkflowsService
from syncom.workflows.simulation.service import SimulationsService
from syncom.workflows.steps.tools import Tools

_log = logging.getLogger(__name__)

#: Seconds between rounds of upkeep.
_UPKEEP = 3600.0


class App:
    """Everything an edge may use. Made by :func:`open_app`."""

    def __init__(self, settings: Settings, database: Database, keyring: Keyring, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.keyring = keyring
        self.clock = clock
        self.tokens = MessageTokens(keyring)
        self.outbound = OutboundClient(settings.outbound_allow)
        self.keys = KeysService(database, keyring, clock)
        self.accounts = AccountsService(database, keyring, clock)
        self.contacts = ContactsService(database, clock, keyring)
        self.export = ContactExport(database, self.contacts)
        self.segments = SegmentsService(database, clock, self.contacts.usage)
        self.bulk = BulkService(database, self.contacts, self.segments, clock)
        self.contact_table = ContactTable(database, self.contacts, self.segments)
        self.membership = MembershipService(database, self.segments, clock)
        self.events = EventsService(database, self.contacts, clock)
        self.imports = ImportService(
            database,
            self.contacts,
            settings.data_dir,
            clock,
            keep_days=settings.upload_days,
            new_contacts=self.events.write_new_contacts,
        )
        self.files = FileFetcher(self.imports, self.contacts.sessions, self.outbound)
        self.rfm = RfmService(database, clock)
        self.predictions = PredictionsService(database, clock)
        self.attribution = AttributionService(database)
        self.carts = CartsService(database, self.events, clock)
        self.orders = OrdersService(
            database,
            self.contacts,
            self.events,
            recounted=self.rfm.rescore,
            changed=self.attribution.orders_changed,
        )
        self.products = ProductsService(database, clock)
        self.product_feeds = FeedsService(database, keyring, self.outbound, clock, settings.data_dir)
        self.promocodes = PromocodesService(database, clock)
        self.sites = SitesService(database, self.contacts, self.events, keyring, clock)
        self.landings = Landings(self.sites, clock)
        self.push_keys = PushKeys(database, keyring)
        self.web_push = WebPush(
            database, self.contacts, self.sites, self.push_keys, outbound_allow=settings.outbound_allow
        )
        self.recommendations = RecommendationsService(database, self.products, clock)
        self.activity = ActivityService(database, clock)
        self.rollups = RollupsService(database, clock)
        self.home = HomeService(database, self.rollups, clock)
        self.receipts = ReceiptsService(database, self.activity, clock)
        self.retention = RetentionService(database, clock, forgotten=self.membership.rebuild)
        self.inbox = InboxService(database)
        self.live = LiveService(database, clock)
        self.content = ContentService(database, clock, ProductBlocks(database, self.products, clock))
        self.contacts.usage.ask(self.content.users)
        self.template_drafts = TemplateDrafts(database, self.content, clock)
        self.blocks = BlocksService(database, self.content, clock)
        self.previews = PreviewsService(database, self.content, clock, base_url=settings.base_url)
        self.images = ImagesService(database, clock, base_url=settings.base_url)
        self.identities = Identities(database, keyring, clock)
        self.domains = DomainsService(
            database,
            keyring,
            DnsNames(settings.name_servers),
            Certificates(self.outbound),
            clock,
            public_host=settings.public_host,
        )
        self.senders = SendersService(
            database, keyring, clock, identities=self.identities, outbound_allow=settings.outbound_allow
        )
        self.policies = PoliciesService(database, clock)
        self.sender_groups = SenderGroupsService(database)
        self.warm_ups = WarmUpsService(database, self.senders, clock)
        self.messages = MessagesService(database, self.contacts, self.content, self.senders)
        self.message_consents = MessageConsents(database, self.contacts)
        self.optins = OptIns(
            database,
            self.contacts,
            self.content,
            self.messages,
            self.activity,
            self.sites,
            keyring,
            clock,
            base_url=settings.base_url,
        )
        self.forms = Forms(database, self.contacts, self.optins, self.sites, keyring, clock)
        self.person_export = PersonExport(database, self.contacts)
        self.preferences = PreferencesService(database, self.contacts, self.activity, clock)
        self.web_versions = WebVersions(
            database,
            self.contacts,
            self.content,
            self.tokens,
            clock,
            base_url=settings.base_url,
            days=settings.view_days,
        )
        self.bounces = BouncesService(database, self.tokens, clock)
        self.bounce_mailboxes = MailboxesService(database, keyring, outbound_allow=settings.outbound_allow)
        self.refusals = Refusals(keyring)
        self.bounce_intake = Intake(self.activity, keyring, clock)
        self.bounce_hooks = BounceHooks(
            database,
            keyring,
            self.tokens,
            self.bounce_intake,
            self.outbound,
            clock,
            base_url=settings.base_url,
        )
        self.short_links = ShortLinks(database)
        self.inbound_texts = InboundTextsService(
            database,
            self.content,
            self.events,
            self.senders,
            self.messages,
            self.activity,
            clock,
            keep_days=settings.inbound_days,
        )
        self.parts_received = PartsReceived(database, self.inbound_texts, clock)
        self.campaigns = CampaignsService(
            database,
            self.segments,
            self.content,
            self.senders,
            self.activity,
            self.attribution,
            clock,
            usage=self.contacts.usage,
        )
        self.subscriptions = Subscriptions(self.contacts, self.activity)
        self.feed = FeedService(database, self.tokens, base_url=settings.base_url)
        self.webhooks = WebhooksService(database, keyring, self.outbound)
        self.catalogue = CatalogueService(database, clock)
        self.embedder = open_embedder(settings.intent_model)
        self.intents = IntentsService(database, clock, self.embedder)
        self.tenants = TenantsService(
            database,
            keyring,
            clock,
            people=_People(self.accounts),
            client=self.outbound,
            base_url=settings.base_url,
        )
        self.accounts.password_changed = self.tenants.oauth.revoke_sign_ins

        self.connections = ConnectionsService(
            database,
            self.catalogue,
            keyring,
            self.outbound,
            clock,
            base_url=settings.base_url,
            own_keys=_OwnKeys(self.accounts),
        )
        self.transport = Transport(database, self.catalogue, clock, allow=settings.outbound_allow)
        self.doubts = Doubts(self.connections, self.transport, clock)
        self.runs = RunsService(
            database,
            self.catalogue,
            self.connections,
            self.transport,
            self.doubts,
            keyring,
            clock,
            keep_days=settings.run_days,
        )
        self.planned_sends = PlannedSends(self.content, self.senders)
        self.workflow_actions = Actions(self.catalogue, self.connections, self.runs)
        checker = Checker(self.contacts, self.segments, self.content, self.senders, self.workflow_actions)
        self.workflows = WorkflowsService(
            database, self.contacts, self.events, self.membership, self.senders, checker, clock
        )
        self.journeys = JourneysService(database, clock)
        self.parked = ParkedService(database, clock)
        self.simulations = SimulationsService(
            database,
            self.contacts,
            self.events,
            self.segments,
            self.content,
            self.planned_sends,
            checker,
            clock,
        )
        self.drafts = DraftsService(database, self.workflows, clock)
        self.workflow_results = ResultsService(database, self.attribution, clock)
        self.recipes = RecipesService(self.workflows, self.content, self.segments, self.contacts.fields)
        self.contacts.usage.ask(self.workflows.users)
        self.pulls = PullsService(
            database,
            clock,
            catalogue=self.catalogue,
            connections=self.connections,
            tenants=self.tenants,
            runs=self.runs,
            contacts=self.contacts,
            orders=self.orders,
        )

    @property
    def inbox_address(self) -> InboxAddress:
        """Where the dev inbox takes mail."""
        return InboxAddress(port=self.settings.inbox_port)

    def callback_addresses(self, sender: Sender) -> CallbackAddresses:
        """Where the provider of a sender of texts posts. Raises Invalid for another sender."""
        if sender.config.form is None:
            raise Invalid("sender_id", "is of a sender whose provider posts nothing")
        return callback_addresses(self.settings.base_url, self.tokens, sender.sender_id)

    def jobs(self, dsn: str) -> JobRunner:
        """The runner of background jobs, with every room's tasks."""
        runner = make_app(dsn)
        imports.register(runner, self.imports)
        imports.register_files(runner, self.files)
        order_jobs.register(runner, self.orders)
        rfm_jobs.register(runner, self.rfm, self.predictions)
        rollup_jobs.register(runner, self.rollups)
        feed_jobs.register(runner, self.product_feeds)
        retention_jobs.register(runner, self.retention)
        return runner

    async def upkeep(self, stop: asyncio.Event) -> None:
        """What has to be done now and then: partitions of the months to come, and what has had its time goes."""
        await keep("upkeep", self._tidy, stop, rest=_UPKEEP)

    async def _tidy(self) -> bool:
        async with self.database.autocommit() as connection:
            await ensure_partitions(connection, self.clock.now())
        await self.inbox.trim()
        await self.web_versions.forget()
        await self.previews.forget()
        await self.bulk.forget()
        await self.policies.forget()
        await self.imports.clear()
        await self.contacts.sessions.forget_old()
        await self.content.collect(link_days=self.settings.link_days)
        await self.contacts.tokens.forget_old()
        if self.contacts.roots is not None:
            await self.contacts.roots.make_due()
        await self.optins.forget_old()
        await self.accounts.forget_tokens()
        await self.runs.upkeep()
        await self.inbound_texts.forget()
        await self.tenants.oauth.forget()
        await self.receipts.tidy()
        await self.bounces.forget()
        await self.bounce_hooks.forget()
        return False

    def bulk_keeper(self) -> BulkKeeper:
        """What does bulk actions in the background."""
        return BulkKeeper(self.bulk)

    def webhook_poster(self) -> WebhookPoster:
        """What posts activity to outgoing webhooks in the background."""
        return WebhookPoster(self.database, self.feed, self.keyring, self.outbound, self.clock)

    def bounce_listener(self) -> BounceListener:
        """The SMTP server that bounces come back to."""
        return BounceListener(
            Spool(self.database, self.clock),
            self.tokens,
            self.clock,
            host=self.settings.bounce_host,
            port=self.settings.bounce_port,
            name=self.settings.public_host or "localhost",
            certificate=self._bounce_certificate(),
        )

    def _bounce_certificate(self) -> ServerCertificate | None:
        files = self.settings.bounce_files
        return None if files is None else ServerCertificate(*files, self.clock, setting="SYNCOM_BOUNCE_CERTIFICATE")

    def bounce_keeper(self) -> BounceKeeper:
        """What reads bounces in the background."""
        mailboxes = MailboxKeeper(
            self.database,
            self.bounce_intake,
            self.tokens,
            self.keyring,
            self.clock,
            outbound_allow=self.settings.outbound_allow,
        )
        return BounceKeeper(SpoolReader(self.database, self.bounce_intake, self.tokens, self.clock), mailboxes)

    def connection_keeper(self) -> ConnectionKeeper:
        """What renews credentials of connections in the background, before they end."""
        return ConnectionKeeper(self.connections, self.clock)

    def owner_teller(self) -> OwnerTeller:
        """What posts to the owners of workspaces what becomes of their connections."""
        return OwnerTeller(self.database, self.tenants.sign_event, self.outbound, self.clock)

    def pull_keeper(self) -> PullKeeper:
        """What pulls out of connected apps in the background."""
        return PullKeeper(self.database, self.pulls, self.clock)

    def domain_keeper(self) -> DomainKeeper:
        """What asks DNS about sending domains in the background."""
        return DomainKeeper(self.domains)

    def attribution_keeper(self) -> AttributionKeeper:
        """What looks anew at orders whose hits came late, in the background."""
        return AttributionKeeper(self.attribution)

    def vector_keeper(self) -> VectorKeeper:
        """What works out the meaning of new actions in the background."""
        return VectorKeeper(self.database, self.embedder)

    def keeper(self) -> CampaignKeeper:
        """What moves campaigns along in the background."""
        return CampaignKeeper(self.database, self.segments, self.content, self.clock)

    def membership_keeper(self) -> MembershipKeeper:
        """What keeps the members of segments in the background."""
        return MembershipKeeper(self.database, self.segments, self.clock)

    def workflow_keeper(self) -> WorkflowKeeper:
        """What moves contacts through workflows in the background."""
        tools = Tools(contacts=self.contacts, events=self.events, sends=self.planned_sends)
        return WorkflowKeeper(self.database, tools, self.segments, self.membership, self.clock, heard=self.carts.heed)

    def calls_keeper(self) -> CallsKeeper:
        """What makes the calls of workflows in the background."""
        return CallsKeeper(self.database, self.outbound, self.workflow_actions, self.clock)

    def receipt_keeper(self) -> ReceiptKeeper:
        """What finds the messages of receipts that came too early, in the background."""
        return ReceiptKeeper(self.receipts)

    def cart_keeper(self) -> CartKeeper:
        """What tells of abandoned carts in the background."""
        return CartKeeper(self.carts)

    def sending_loop(self, role: SenderRole) -> SendingLoop:
        """One sending process."""
        return SendingLoop(
            database=self.database,
            contacts=self.contacts,
            content=self.content,
            senders=self.senders,
            carriers=Carriers(
                clock=self.clock,
                tokens=self.tokens,
                base_url=self.settings.base_url,
                inbox_address=self.inbox_address,
                inbox=self.inbox,
                short_links=self.short_links,
                push_keys=self.push_keys,
                browsers=Browsers(self.database),
                identities=self.identities,
                receipts=self.receipts,
                parts_received=self.parts_received,
                operator=self.settings.admin_email,
                outbound_allow=self.settings.outbound_allow,
            ),
            policies=self.policies,
            refusals=self.refusals,
            clock=self.clock,
            data_dir=self.settings.data_dir,
            role=role,
        )


class _People:
    """What the integration layer asks about users and keys."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def key_holder(self, key: str) -> KeyHolder:
        return _key_holder(await self._accounts.authenticate_key(key))

    def known_holder(self, key: str) -> KeyHolder | None:
        known = self._accounts.known_key(key)
        return None if known is None else _key_holder(known)

    async def members(self, user_id: int) -> list[Member]:
        return [
            Member(
                account_id=found.account_id,
                account_name=found.account_name,
                user_id=found.user_id,
                email=found.email,
                name=found.name,
                may_write=Permission.SEND in PERMISSIONS[found.role],
                may_manage=Permission.MANAGE_KEYS in PERMISSIONS[found.role],
            )
            for found in await self._accounts.memberships_of(user_id)
        ]


def _key_holder(by: Principal) -> KeyHolder:
    return KeyHolder(
        account_id=by.account_id,
        actor=by.actor,
        may_write=Permission.SEND in PERMISSIONS[by.role],
        elsewhere="" if by.scope is KeyScope.FULL else by.scope.value,
    )


class _OwnKeys:
    """API keys of this installation for connections to itself."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def issue(self, by: Agreed, name: str) -> OwnKey:
        role = Role(by.role)
        person = Principal(account_id=by.account_id, role=role, actor=f"user:{by.user_id}", user_id=by.user_id)
        made = await self._accounts.create_api_key(person, name=f"Connection: {name}"[:100], role=role)
        return OwnKey(api_key_id=made.api_key.api_key_id, key=made.key)

    async def revoke(self, account_id: int, api_key_id: int) -> None:
        with suppress(NotFound):
            await self._accounts.revoke_api_key(machine_principal(account_id), api_key_id)


@asynccontextmanager
async def open_app(
    settings: Settings, *, dsn: str | None = None, clock: Clock | None = None, pool_size: int = 16, name: str = "syncom"
) -> AsyncGenerator[App]:
    """The services on one database, until the block ends.

    ``dsn`` stands in for ``settings.database_url``, which is empty while the embedded server is used; ``name`` is
    how the process shows in ``pg_stat_activity``. The schema must be there: ``syncom migrate`` makes it.
    Raises Unavailable when the database does not answer, Conflict when the key file is lost or does not fit.
    """
    address = dsn or settings.database_url
    if not address:
        raise Invalid("SYNCOM_DATABASE_URL", "is empty, and no embedded server was started for this process")
    async with Database(address, max_size=pool_size, name=name) as database:
        keyring = await open_keyring(database, settings.key_file)
        app = App(settings, database, keyring, clock or SystemClock())
        try:
            yield app
        finally:
            await app.live.close()
            await app.receipts.close()
            await app.bounce_hooks.close()
            await app.events.close()
            await app.contacts.close()
            await app.doubts.settle()
            await app.transport.close()
            await app.connections.close()
            await app.tenants.stop()
            await app.accounts.stop()
            await app.outbound.close()
            if app.embedder is not None:
                app.embedder.close()

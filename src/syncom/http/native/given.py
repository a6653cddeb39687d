"""What handlers are given by name: who is asking, and the services."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.di import NamedDependency, Provide
from procrastinate import App as JobRunner

from syncom.accounts.model import Principal
from syncom.accounts.service import AccountsService
from syncom.activity.rollups.service import RollupsService
from syncom.activity.service import ActivityService
from syncom.app import App
from syncom.attribution.service import AttributionService
from syncom.bulk.service import BulkService
from syncom.campaigns.service import CampaignsService
from syncom.carts.service import CartsService
from syncom.contacts.imports.export import ContactExport
from syncom.contacts.imports.service import ImportService
from syncom.contacts.service import ContactsService
from syncom.content.editing.blocks import BlocksService
from syncom.content.editing.drafts import TemplateDrafts
from syncom.content.editing.previews import PreviewsService
from syncom.content.images.service import ImagesService
from syncom.content.service import ContentService
from syncom.events.service import EventsService
from syncom.home.service import HomeService
from syncom.http.authentication import Authentication
from syncom.inbound_texts.service import InboundTextsService
from syncom.inbox.service import InboxService
from syncom.live.service import LiveService
from syncom.messages.bounces.hooks.service import BounceHooks
from syncom.messages.bounces.mailboxes.service import MailboxesService
from syncom.messages.bounces.service import BouncesService
from syncom.messages.groups import SenderGroupsService
from syncom.messages.identity.service import DomainsService
from syncom.messages.policy.service import PoliciesService
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.senders import SendersService
from syncom.messages.service import MessagesService
from syncom.messages.warming.service import WarmUpsService
from syncom.orders.service import OrdersService
from syncom.products.feeds.service import FeedsService
from syncom.products.service import ProductsService
from syncom.pulls.service import PullsService
from syncom.recommendations.service import RecommendationsService
from syncom.rfm.predictions.service import PredictionsService
from syncom.rfm.service import RfmService
from syncom.segments.membership import MembershipService
from syncom.segments.service import SegmentsService
from syncom.segments.table import ContactTable
from syncom.sites.service import SitesService
from syncom.webhooks.service import WebhooksService
from syncom.workflows.drafts import DraftsService
from syncom.workflows.journeys import JourneysService
from syncom.workflows.parked import ParkedService
from syncom.workflows.recipes.service import RecipesService
from syncom.workflows.results import ResultsService
from syncom.workflows.service import WorkflowsService
from syncom.workflows.simulation.service import SimulationsService

By = NamedDependency[Principal]
Signing = NamedDependency[Authentication]
Accounts = NamedDependency[AccountsService]
Contacts = NamedDependency[ContactsService]
Imports = NamedDependency[ImportService]
Export = NamedDependency[ContactExport]
Jobs = NamedDependency[JobRunner]
Segments = NamedDependency[SegmentsService]
Bulk = NamedDependency[BulkService]
FirstPage = NamedDependency[HomeService]
Table = NamedDependency[ContactTable]
Members = NamedDependency[MembershipService]
Rfm = NamedDependency[RfmService]
Predictions = NamedDependency[PredictionsService]
Events = NamedDependency[EventsService]
Orders = NamedDependency[OrdersService]
Products = NamedDependency[ProductsService]
ProductFeeds = NamedDependency[FeedsService]
Attribution = NamedDependency[AttributionService]
Carts = NamedDependency[CartsService]
Recommendations = NamedDependency[RecommendationsService]
Activity = NamedDependency[ActivityService]
Rollups = NamedDependency[RollupsService]
InboundTexts = NamedDependency[InboundTextsService]
Live = NamedDependency[LiveService]
Inbox = NamedDependency[InboxService]
Content = NamedDependency[ContentService]
TemplateWriting = NamedDependency[TemplateDrafts]
Blocks = NamedDependency[BlocksService]
Previews = NamedDependency[PreviewsService]
Images = NamedDependency[ImagesService]
Senders = NamedDependency[SendersService]
WarmUps = NamedDependency[WarmUpsService]
Policies = NamedDependency[PoliciesService]
SenderGroups = NamedDependency[SenderGroupsService]
Domains = NamedDependency[DomainsService]
Receipts = NamedDependency[ReceiptsService]
Messages = NamedDependency[MessagesService]
Campaigns = NamedDependency[CampaignsService]
Bounces = NamedDependency[BouncesService]
IncomingWebhooks = NamedDependency[BounceHooks]
Mailboxes = NamedDependency[MailboxesService]
Webhooks = NamedDependency[WebhooksService]
Pulls = NamedDependency[PullsService]
Workflows = NamedDependency[WorkflowsService]
Journeys = NamedDependency[JourneysService]
Parked = NamedDependency[ParkedService]
Simulations = NamedDependency[SimulationsService]
Drafts = NamedDependency[DraftsService]
Recipes = NamedDependency[RecipesService]
Results = NamedDependency[ResultsService]
Sites = NamedDependency[SitesService]
#: For the few things that are no service.
Wiring = NamedDependency[App]


def given(app: App, authentication: Authentication, jobs: JobRunner) -> dict[str, Provide]:
    """The providers, by the name of the handler's argument."""

    async def principal(request: Request[Any, Any, Any]) -> Principal:
        return await authentication.principal(request.scope)

    parts: dict[str, Any] = {
        "authentication": authentication,
        "accounts": app.accounts,
        "contacts": app.contacts,
        "imports": app.imports,
        "export": app.export,
        "jobs": jobs,
        "segments": app.segments,
        "table": app.contact_table,
        "first_page": app.home,
        "bulk": app.bulk,
        "membership": app.membership,
        "rfm": app.rfm,
        "predictions": app.predictions,
        "events": app.events,
        "orders": app.orders,
        "products": app.products,
        "product_feeds": app.product_feeds,
        "attribution": app.attribution,
        "carts": app.carts,
        "recommendations": app.recommendations,
        "activity": app.activity,
        "rollups": app.rollups,
        "inbound_texts": app.inbound_texts,
        "live": app.live,
        "inbox": app.inbox,
        "content": app.content,
        "images": app.images,
        "template_drafts": app.template_drafts,
        "blocks": app.blocks,
        "previews": app.previews,
        "senders": app.senders,
        "policies": app.policies,
        "warm_ups": app.warm_ups,
        "sender_groups": app.sender_groups,
        "domains": app.domains,
        "receipts": app.receipts,
        "messages": app.messages,
        "campaigns": app.campaigns,
        "bounces": app.bounces,
        "incoming_webhooks": app.bounce_hooks,
        "mailboxes": app.bounce_mailboxes,
        "webhooks": app.webhooks,
        "pulls": app.pulls,
        "workflows": app.workflows,
        "recipes": app.recipes,
        "journeys": app.journeys,
        "parked": app.parked,
        "simulations": app.simulations,
        "drafts": app.drafts,
        "results": app.workflow_results,
        "sites": app.sites,
        "wiring": app,
    }
    return {"by": Provide(principal), **{name: _provide(part) for name, part in parts.items()}}


def _provide(part: Any) -> Provide:
    def give() -> Any:
        return part

    return Provide(give, sync_to_thread=False)

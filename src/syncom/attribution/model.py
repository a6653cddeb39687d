"""Values of attribution."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import msgspec


class Model(Enum):
    """Which message an order is led back to."""

    #: The last one that was clicked within the window of clicks before the order.
    LAST_CLICK = "last_click"
    #: The last one that was opened or clicked within the window of opens.
    LAST_OPEN = "last_open"
    #: The last one that was clicked; where there is none, the last one that was opened.
    LAST_CLICK_THEN_OPEN = "last_click_then_open"

    @property
    def number(self) -> int:
        """As it is stored."""
        return list(Model).index(self) + 1


class Source(Enum):
    """What a message was sent by."""

    CAMPAIGN = "campaign"
    WORKFLOW = "workflow"
    #: A message that belongs to neither; all of them together are one source, with the id 0.
    SINGLE = "single"

    @property
    def number(self) -> int:
        """As it is stored."""
        return list(Source).index(self) + 1


class AttributionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an account leads its orders back to messages."""

    #: What reports show; the sums of all models are kept.
    model: Model = Model.LAST_CLICK
    #: Days between a click, or an open, and the order.
    click_days: int = 5
    open_days: int = 5


class AttributionState(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, and whether orders of before are still being looked at anew."""

    settings: AttributionSettings
    is_settled: bool


class Revenue(msgspec.Struct, frozen=True, kw_only=True):
    """Orders and what they came to, in one currency. Amounts of different currencies are never added."""

    currency: str
    orders: int
    #: Sum of the orders' totals, and what was refunded of it.
    gross: Decimal
    refunded: Decimal
    net: Decimal


class SourceRevenue(Revenue, frozen=True, kw_only=True):
    """What a campaign, a workflow, or all other single messages together led to, by one model."""

    model: Model
    source: Source
    #: Of the campaign or workflow.
    source_id: int
    #: Its name; empty: it has none, or was deleted.
    name: str


class SourceDayRevenue(Revenue, frozen=True, kw_only=True):
    """What all campaigns, all workflows, or all other single messages together led to on one day of orders, UTC."""

    day: date
    source: Source


class Touch(msgspec.Struct, frozen=True, kw_only=True):
    """The message that an order is led back to."""

    #: By which models it is that one.
    models: tuple[Model, ...]
    #: Whether it was clicked, not only opened.
    is_click: bool
    occurred_at: datetime
    message_id: UUID
    source: Source
    #: Of the campaign or workflow; 0: another single message.
    source_id: int
    #: Its name; empty: it has none, or was deleted.
    name: str


class DayRevenue(Revenue, frozen=True, kw_only=True):
    """The same on one day of orders, UTC."""

    day: date

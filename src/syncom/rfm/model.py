"""Values of RFM: how customers are scored, and what came of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import msgspec


class Revenue(Enum):
    """What of an order counts as money."""

    #: What the order says its total is.
    TOTAL = "total"
    #: The total less shipping and taxes, where the order says them.
    NET = "net"


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Boundaries of one's own, four for each score."""

    #: Days since the last order, growing: at most the first gives 5, more than the last gives 1.
    recency_days: tuple[int, int, int, int]
    #: Orders, growing: at least the last gives 5, fewer than the first gives 1.
    frequency: tuple[int, int, int, int]
    #: Revenue, growing: at least the last gives 5, less than the first gives 1.
    monetary: tuple[Decimal, Decimal, Decimal, Decimal]


class RfmSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an account scores its customers."""

    #: Statuses of orders that count, in any case.
    statuses: tuple[str, ...] = ("DELIVERED",)
    #: ISO 4217: only amounts in it are money; empty: in that of most orders, chosen when boundaries are renewed.
    currency: str = ""
    revenue: Revenue = Revenue.TOTAL
    #: Orders of so many days before boundaries were renewed, and later ones; None: all.
    window_days: int | None = None
    #: None: quintiles.
    thresholds: Thresholds | None = None


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The boundaries in force: a score is one more than the boundaries that a value is above."""

    bounded_at: datetime
    recency: list[datetime]
    frequency: list[int]
    monetary: list[Decimal]


class RfmState(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an account with the boundaries in force; None: no customer was there to draw them by."""

    settings: RfmSettings
    bounds: Bounds | None
    #: Whose amounts are money; empty: those of orders that name no currency, or nothing was chosen yet.
    currency: str
    recomputed_at: datetime | None


class RfmScore(msgspec.Struct, frozen=True, kw_only=True):
    """How a customer is scored. ``rfm_class`` is the name."""

    contact_id: int
    recency: int
    frequency: int
    monetary: int
    rfm_class: str
    orders: int
    revenue: Decimal
    last_order_at: datetime
    computed_at: datetime


class GridCell(msgspec.Struct, frozen=True, kw_only=True):
    """Customers with these scores."""

    recency: int
    frequency: int
    contacts: int
    revenue: Decimal


class ClassShare(msgspec.Struct, frozen=True, kw_only=True):
    """Customers of a class."""

    rfm_class: str
    contacts: int
    revenue: Decimal


class RfmGrid(msgspec.Struct, frozen=True, kw_only=True):
    """All customers: 25 cells by recency and frequency, the best first, and every class."""

    cells: list[GridCell]
    classes: list[ClassShare]


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts of one class on the first day and of another, or the same, on the second; None: no customer."""

    was: str | None
    became: str | None
    contacts: int


class Transitions(msgspec.Struct, frozen=True, kw_only=True):
    """The moves between two days, each at its end (UTC)."""

    since: date
    until: date
    moves: list[Transition]

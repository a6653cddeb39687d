"""Values of the orders domain."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec


class OrderStatus(Enum):
    """Where an order is, in the words that mean something here. A shop's own words are kept as they are."""

    #: A cart that was left: no sale.
    ABANDONED_SHOPPING_CART = "ABANDONED_SHOPPING_CART"
    INITIALIZED = "INITIALIZED"
    IN_PROGRESS = "IN_PROGRESS"
    #: The sale is done.
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"

    @staticmethod
    def step_of(word: str) -> int:
        """How far an order with this status is: later steps win over earlier ones of the same moment."""
        return _STEPS.get(word.upper(), _STEPS["IN_PROGRESS"])


_STEPS = {status.value: step for step, status in enumerate(OrderStatus)}


class OrderItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of an order. ``price`` is of one piece, in the order's currency."""

    name: str
    quantity: Decimal = Decimal(1)
    price: Decimal = Decimal(0)
    external_id: str = ""
    category: str = ""
    url: str = ""
    image_url: str = ""
    description: str = ""


class Customer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who ordered, as the shop knows them: by its own id, else the email, else the phone. Unknown ones are created."""

    external_id: str = ""
    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an order says, apart from whose it is."""

    #: The order's number in the shop, unique in the account.
    external_id: str
    status: str
    total: Decimal
    ordered_at: datetime
    #: When the shop changed the order; ``ordered_at`` unless given. Decides which of two states is the newer one.
    changed_at: datetime | None = None
    #: ISO 4217, or empty.
    currency: str = ""
    items: tuple[OrderItem, ...] = ()
    shipping: Decimal | None = None
    discount: Decimal | None = None
    taxes: Decimal | None = None
    #: Leads back to the order or the cart.
    restore_url: str = ""
    status_description: str = ""
    store_id: str = ""
    #: 'offline', or anything else for online.
    source: str = ""
    delivery_method: str = ""
    payment_method: str = ""
    delivery_address: str = ""
    #: The shop's own data.
    additional_info: dict[str, Any] = {}


class OrderInput(OrderFacts, frozen=True, kw_only=True):
    """What a shop says about one order. The same external id again updates it.

    Whose it is: a known contact, or a customer to be recognised. Neither: the contact of the known order.
    """

    contact_id: int | None = None
    customer: Customer | None = None


class Order(OrderFacts, frozen=True, kw_only=True):
    """An order as stored."""

    order_id: int
    contact_id: int
    #: Of the total; what is left of it is net.
    refunded: Decimal
    created_at: datetime


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders somebody looks for. What is None does not matter."""

    #: In whatever case.
    status: str | None = None
    #: Of the total, both included.
    least: Decimal | None = None
    most: Decimal | None = None
    source: str | None = None
    #: With this number of the shop.
    external_id: str | None = None
    contact_id: int | None = None
    #: Made from then on, and before then.
    since: datetime | None = None
    until: datetime | None = None


class OrderPlace(NamedTuple):
    """Where a page of orders ends: older ones follow, those of one moment by their number, backwards."""

    ordered_at: datetime
    external_id: str


class ListedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as lists show it, with whose it is."""

    order_id: int
    external_id: str
    status: str
    total: Decimal
    refunded: Decimal
    #: Empty: the shop said none.
    currency: str
    ordered_at: datetime
    changed_at: datetime
    source: str
    #: Lines.
    items: int
    contact_id: int
    contact_name: str
    email: str | None
    phone: str | None


class OrderList(msgspec.Struct, frozen=True, kw_only=True):
    """Some orders, newest first, and where they end; None: there are no older ones that fit.

    A filter that few orders fit may bring an empty page with an end: so far it was looked."""

    orders: list[ListedOrder]
    end: OrderPlace | None


class StatusTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Orders in one status and currency. Amounts of different currencies are never added."""

    #: As the shop writes it, in capitals.
    status: str
    #: Whether its orders count as sold: neither cancelled nor left in the cart.
    is_sale: bool
    #: Empty: the shop said none.
    currency: str
    orders: int
    #: Sum of the orders' totals.
    gross: Decimal
    refunded: Decimal
    #: Gross less refunded.
    net: Decimal


class OrderTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What orders come to."""

    #: Those of most orders first.
    items: list[StatusTotals]
    #: False: there are more orders; the newest 100,000 were added up.
    is_exact: bool


class RefundedItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came back of an order, as far as the shop says."""

    external_id: str
    quantity: Decimal = Decimal(1)


class RefundInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shop gave back of an order. The same number again in the same order updates the refund."""

    #: Number of the order in the shop. It may be one that comes later.
    order: str
    #: The refund's number in the shop, unique in its order.
    external_id: str
    refunded_at: datetime
    #: In the order's currency; None: all of the order. 0 takes the refund back.
    amount: Decimal | None = None
    #: When the shop changed the refund; ``refunded_at`` unless given. Decides which of two states is the newer one.
    changed_at: datetime | None = None
    reason: str = ""
    items: tuple[RefundedItem, ...] = ()


class Refund(RefundInput, frozen=True, kw_only=True):
    """A refund as stored."""

    created_at: datetime


class CurrencyRevenue(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact's purchases came to in one currency. Amounts of different currencies are never added."""

    #: Empty: orders that say none.
    currency: str
    orders: int
    #: Sum of the orders' totals.
    gross: Decimal
    refunded: Decimal
    #: Gross less refunded.
    net: Decimal
    first_order_at: datetime
    last_order_at: datetime


class OrderKey(NamedTuple):
    """An order that was written, moved, refunded or deleted; one that moved is changed for both contacts."""

    contact_id: int
    order_id: int
    external_id: str


class OrderState(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an order that an update has to know."""

    contact_id: int
    status: str
    changed_at: datetime
    created_at: datetime


class OrderProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why one order of a batch was not taken: its place, the field, the reason."""

    index: int
    field: str
    reason: str


class StatusChange(msgspec.Struct, frozen=True, kw_only=True):
    """An order came to a status it was not in before."""

    order_id: int
    contact_id: int
    order: OrderFacts


class OrdersTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch of orders did."""

    problems: list[OrderProblem]
    #: In the order of the batch.
    changes: list[StatusChange]


class OrderDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that somebody wants gone: by number, or those made from ``since`` on and before ``until``."""

    account_id: int
    #: Says how far it is (``contacts.sessions``).
    session_id: UUID
    external_ids: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

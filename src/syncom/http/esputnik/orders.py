"""Orders (eSputnik reference, 5.8)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import msgspec

from syncom.accounts.model import Compat
from syncom.contacts.model import SessionStatus
from syncom.http.esputnik.contact_body import international
from syncom.http.esputnik.method import EMPTY, Call, Method, Parameter, Refused, Scope
from syncom.http.esputnik.moments import account_zone, read_moment
from syncom.orders import jobs
from syncom.orders.model import Customer, OrderDeletion, OrderInput, OrderItem, OrderProblem, OrderStatus
from syncom.orders.service import MAX_ORDERS

_STATUSES: Final = frozenset(status.value for status in OrderStatus)
_DAY: Final = timedelta(days=1)
_SESSION_KIND: Final = "orders"


class ApiOrderItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of an order."""

    external_item_id: str
    name: str
    quantity: Decimal
    cost: Decimal
    category: str = ""
    url: str = ""
    image_url: str = ""
    description: str = ""


class ApiOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An order (eSputnik reference, 3.5). ``updatedAt`` is ours: when the shop changed it, unless that is ``date``."""

    external_order_id: str
    total_cost: Decimal
    status: str
    date: str
    currency: str
    external_customer_id: str = ""
    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    updated_at: str = ""
    shipping: Decimal | None = None
    discount: Decimal | None = None
    taxes: Decimal | None = None
    restore_url: str = ""
    status_description: str = ""
    store_id: str = ""
    source: str = ""
    delivery_method: str = ""
    payment_method: str = ""
    delivery_address: str = ""
    additional_info: dict[str, Any] = {}
    items: list[ApiOrderItem] = []


class OrdersBody(msgspec.Struct, frozen=True, kw_only=True):
    """Orders to add or update."""

    orders: list[ApiOrder]


class OrdersAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a batch. ``failed_orders``: those that were not taken, each as it came, with ``errorMessage``."""

    id: int = 0
    async_session_id: str
    failed_orders: list[dict[str, Any]]


class DeletionBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Orders to delete, by number. Most callers name one in the query instead."""

    external_order_ids: list[str] = []


class DeletionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Orders will be removed in the background."""

    async_session_id: str
    message: str


# ---------------------------------------------------------------- adding


async def add_orders(call: Call[OrdersBody]) -> object:
    given = call.body.orders
    if not given:
        raise Refused(400, "'orders' must have at least one order")
    if len(given) > MAX_ORDERS:
        raise Refused(400, f"Maximum {MAX_ORDERS} orders per request")
    zone = await account_zone(call)
    submitted = _submitted(call)
    failed: dict[int, str] = {}
    places: list[int] = []
    orders: list[OrderInput] = []
    for place, order in enumerate(given):
        try:
            orders.append(order_input(order, zone, extra_members(submitted[place])))
            places.append(place)
        except ValueError as error:
            failed[place] = str(error)
    taken = await call.app.orders.take(call.account_id, orders)
    failed |= {places[problem.index]: _sentence(problem) for problem in taken.problems}
    session_id = uuid.uuid4()
    done = f"{len(given) - len(failed)} taken, {len(failed)} refused"
    await call.app.contacts.sessions.put(
        call.account_id, session_id, _SESSION_KIND, SessionStatus.FINISHED, description=done
    )
    if not failed and Compat.EMPTY_ORDERS in call.by.compat:
        return EMPTY
    return OrdersAnswer(
        async_session_id=str(session_id),
        failed_orders=[submitted[place] | {"errorMessage": failed[place]} for place in sorted(failed)],
    )


def _submitted(call: Call[OrdersBody]) -> list[dict[str, Any]]:
    """The orders as they came, with the members that nobody knows."""
    try:
        body = msgspec.json.decode(call.raw)
        orders = body["orders"]
        found = cast("list[Any]", orders) if isinstance(orders, list) else [orders]
        if len(found) == len(call.body.orders) and all(isinstance(order, dict) for order in found):
            return found
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # in another charset: what was understood will do
    return [msgspec.to_builtins(order) for order in call.body.orders]


_KNOWN_MEMBERS: Final = frozenset(ApiOrder.__struct_encode_fields__)


def extra_members(order: dict[str, Any]) -> dict[str, Any]:
    """Members of a shop's own, such as ``trackingNumber``."""
    return {name: value for name, value in order.items() if name not in _KNOWN_MEMBERS and value is not None}


def order_input(order: ApiOrder, zone: ZoneInfo, extra: dict[str, Any]) -> OrderInput:
    """The order in our words. Raises ValueError with a sentence."""
    status = order.status.strip().upper()
    if status not in _STATUSES:
        raise ValueError(f"'status' must be one of {', '.join(status.value for status in OrderStatus)}")
    customer = Customer(
        external_id=order.external_customer_id.strip(),
        email=order.email.strip(),
        phone=international(order.phone.strip()),
        first_name=order.first_name.strip(),
        last_name=order.last_name.strip(),
    )
    named = customer.external_id or customer.email or customer.phone
    return OrderInput(
        external_id=order.external_order_id.strip(),
        status=status,
        total=order.total_cost,
        ordered_at=_moment("date", order.date, zone),
        changed_at=_moment("updatedAt", order.updated_at, zone) if order.updated_at.strip() else None,
        currency=order.currency.strip().upper(),
        customer=customer if named else None,
        shipping=order.shipping,
        discount=order.discount,
        taxes=order.taxes,
        restore_url=order.restore_url.strip(),
        status_description=order.status_description.strip(),
        store_id=order.store_id.strip(),
        source="offline" if order.source.strip().lower() == "offline" else "online",
        delivery_method=order.delivery_method.strip(),
        payment_method=order.payment_method.strip(),
        delivery_address=order.delivery_address.strip(),
        additional_info=extra | order.additional_info,
        items=tuple(_item(item) for item in order.items),
    )


def _item(item: ApiOrderItem) -> OrderItem:
    return OrderItem(
        external_id=item.external_item_id.strip(),
        name=item.name,
        category=item.category,
        quantity=item.quantity,
        price=item.cost,
        url=item.url.strip(),
        image_url=item.image_url.strip(),
        description=item.description,
    )


def _moment(name: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        return read_moment(text, zone)
    except ValueError as error:
        raise ValueError(f"'{name}' {error}") from None


#: Our names of members and theirs.
_NAMES: Final = {
    "external_id": "externalOrderId",
    "total": "totalCost",
    "ordered_at": "date",
    "changed_at": "updatedAt",
    "customer": "externalCustomerId",
    "customer.external_id": "externalCustomerId",
    "customer.email": "email",
    "customer.phone": "phone",
    "customer.first_name": "firstName",
    "customer.last_name": "lastName",
}
_ITEM_NAMES: Final = {"price": "cost", "external_id": "externalItemId"}


def _sentence(problem: OrderProblem) -> str:
    name = _NAMES.get(problem.field)
    if name is None:
        *path, last = problem.field.split(".")
        last = _ITEM_NAMES.get(last, last) if path else last
        name = ".".join([*path, _camel(last)])
    return f"'{name}' {problem.reason}"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


# ---------------------------------------------------------------- removing

_NEITHER: Final = "Either externalOrderId or from and to must be given"
_NO_DATE: Final = "Dates must be in the format yyyy-MM-dd'T'HH:mm:ss"
_REVERSED: Final = "The start of the range must be before its end"
_TOO_LONG: Final = "The range must not be longer than 24 hours"


async def delete_orders(call: Call[DeletionBody]) -> DeletionAnswer:
    number = call.query.text("externalOrderId")
    numbers = [number] if number is not None else call.body.external_order_ids
    if len(numbers) > MAX_ORDERS:
        raise Refused(400, f"Maximum {MAX_ORDERS} orders per request")
    if numbers:
        known = await call.app.orders.known(call.account_id, numbers)
        if not known:
            raise Refused(404, f"Order with id='{numbers[0]}' not found")
        deletion = OrderDeletion(account_id=call.account_id, session_id=uuid.uuid4(), external_ids=tuple(known))
    else:
        since, until = _range(call)
        deletion = OrderDeletion(account_id=call.account_id, session_id=uuid.uuid4(), since=since, until=until)
    await call.app.contacts.sessions.put(
        call.account_id, deletion.session_id, _SESSION_KIND, SessionStatus.STARTED, description="deletion"
    )
    await jobs.start(call.jobs, deletion)
    return DeletionAnswer(async_session_id=str(deletion.session_id), message="The orders will be deleted")


def _range(call: Call[Any]) -> tuple[datetime, datetime]:
    """``from`` and ``to``, in UTC. Raises Refused with one of the four complaints, as a bare sentence."""
    since, until = call.query.text("from"), call.query.text("to")
    if since is None or until is None:
        raise Refused(400, _NEITHER, plain=True)
    try:
        start, end = (datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) for text in (since, until))
    except ValueError:
        raise Refused(400, _NO_DATE, plain=True) from None
    if start >= end:
        raise Refused(400, _REVERSED, plain=True)
    if end - start > _DAY:
        raise Refused(400, _TOO_LONG, plain=True)
    return start, end


METHODS: Final = [
    Method(
        "POST",
        "/v1/orders",
        add_orders,
        scope=Scope.EVENTS,
        body=OrdersBody,
        once=True,
        summary="Add or update up to 1,000 orders; unknown customers become contacts",
        answer=OrdersAnswer,
    ),
    Method(
        "DELETE",
        "/v1/orders",
        delete_orders,
        scope=Scope.EVENTS,
        body=DeletionBody,
        body_optional=True,
        query=(
            Parameter(name="externalOrderId", text="The order to delete."),
            Parameter(name="from", text="Or: orders made from this moment on, such as 2026-03-08T00:00:00 (UTC)."),
            Parameter(name="to", text="And before this one, at most 24 hours later."),
        ),
        summary="Delete orders in the background",
        answer=DeletionAnswer,
    ),
]

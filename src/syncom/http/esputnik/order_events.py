"""Orders that come as events: ``orderCreated``, ``orderUpdated``, ``orderDelivered``, ``orderCancelled`` (eSputnik
reference, 5.7). Their parameters are named as the members of an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from syncom.app import App
from syncom.http.esputnik.lenient import BodyReader
from syncom.http.esputnik.method import Refused
from syncom.http.esputnik.orders import ApiOrder, extra_members, order_input
from syncom.orders.model import OrderStatus
from syncom.orders.service import order_words

#: The status an event stands for, when its parameters name none.
ORDER_EVENTS: Final[Mapping[str, OrderStatus]] = {
    "orderCreated": OrderStatus.INITIALIZED,
    "orderUpdated": OrderStatus.IN_PROGRESS,
    "orderDelivered": OrderStatus.DELIVERED,
    "orderCancelled": OrderStatus.CANCELLED,
}
#: These change an order that is there, and do nothing without one.
_CLOSING: Final = frozenset({"orderDelivered", "orderCancelled"})
_reader: Final = BodyReader(ApiOrder)


async def take_order_event(app: App, account_id: int, type_key: str, params: Mapping[str, Any]) -> bool:
    """Take the order out of an event; whether there was one to take.

    An event of another type, without a member that an order needs, or with a wrong one is left at that: it is
    recorded, and no order comes of it. Members an update does not name stay as they are.
    """
    default = ORDER_EVENTS.get(type_key)
    number = params.get("externalOrderId")
    if default is None or not isinstance(number, (str, int)) or not str(number).strip():
        return False
    known = await app.orders.find(account_id, str(number).strip())
    if known is None and type_key in _CLOSING:
        return False
    given = {name: _decoded(value) for name, value in params.items() if value is not None}
    status = default.value if known is None or type_key != "orderUpdated" else known.status
    members = ({} if known is None else order_words(known)) | {"status": status} | given
    if type_key in _CLOSING:
        members["status"] = status
    zone = ZoneInfo((await app.accounts.get_account(account_id)).time_zone)
    try:
        order = _reader.read(msgspec.json.encode(members))
        wanted = order_input(order, zone, extra_members(members))
    except (Refused, ValueError):
        return False
    if known is not None and wanted.changed_at is None:
        # The event comes after what is known, whenever the order itself was made.
        wanted = msgspec.structs.replace(
            wanted, changed_at=max(known.changed_at or known.ordered_at, wanted.ordered_at)
        )
    taken = await app.orders.take(account_id, [wanted])
    return not taken.problems


def _decoded(value: Any) -> Any:
    """Version 1 of the method carries lists and objects as text."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value

"""The events that orders make: ``orderDELIVERED`` and the like (eSputnik reference, 5.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from syncom.events.model import EventInput
from syncom.orders.model import StatusChange
from syncom.orders.store import Reach
from syncom.orders.words import order_words

#: Bytes of JSON that the lines of an order may take in an event; longer ones are left to the order itself.
_ITEMS_LIMIT: Final = 128 * 1024
_encode = msgspec.json.Encoder(decimal_format="number").encode


def status_events(changes: Sequence[StatusChange], reach: Mapping[int, Reach]) -> list[EventInput]:
    """One event for each change of status, with the variables that templates and workflows of orders read."""
    return [_event(change, reach[change.contact_id]) for change in changes]


def _event(change: StatusChange, reach: Reach) -> EventInput:
    order = change.order
    params: dict[str, Any] = {
        "eventKey": order.external_id,
        "orderId": change.order_id,
        "contactId": change.contact_id,
        "EmailAddress": reach.email,
        "SMS": reach.phone,
        **order_words(order),
    }
    if len(_encode(params["items"])) > _ITEMS_LIMIT:
        params["items"] = []
    return EventInput(
        type_key=f"order{order.status}",
        key=order.external_id,
        params={name: value for name, value in params.items() if value not in (None, "", {}, [])},
        contact_id=change.contact_id,
    )

"""The events that orders make: ``orderDELIVERED`` and the like (eSputnik reference, 5.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from syncom.events.model import EventInput
from syncom.orders.model import OrderItem, StatusChange
from syncom.orders.store import Reach

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
        "externalOrderId": order.external_id,
        "status": order.status,
        "totalCost": order.total,
        "currency": order.currency,
        "date": order.ordered_at,
        "shipping": order.shipping,
        "discount": order.discount,
        "taxes": order.taxes,
        "restoreUrl": order.restore_url,
        "statusDescription": order.status_description,
        "storeId": order.store_id,
        "source": order.source,
        "deliveryMethod": order.delivery_method,
        "paymentMethod": order.payment_method,
        "deliveryAddress": order.delivery_address,
        "additionalInfo": order.additional_info,
        "items": _items(order.items),
    }
    return EventInput(
        type_key=f"order{order.status}",
        key=order.external_id,
        params={name: value for name, value in params.items() if value not in (None, "", {}, [])},
        contact_id=change.contact_id,
    )


def _items(items: Sequence[OrderItem]) -> list[dict[str, Any]]:
    lines = [
        {
            "externalItemId": item.external_id,
            "name": item.name,
            "category": item.category,
            "quantity": item.quantity,
            "cost": item.price,
            "url": item.url,
            "imageUrl": item.image_url,
            "description": item.description,
        }
        for item in items
    ]
    return lines if len(_encode(lines)) <= _ITEMS_LIMIT else []

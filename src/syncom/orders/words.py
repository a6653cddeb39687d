"""An order in the words of eSputnik (reference, 3.5): those that events, templates and workflows of orders read."""

from __future__ import annotations

from typing import Any

from syncom.orders.model import OrderFacts


def order_words(order: OrderFacts) -> dict[str, Any]:
    """The members of an order and of its lines. Whose it is is left out; ``date`` is a datetime."""
    return {
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
        "items": [
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
            for item in order.items
        ],
    }

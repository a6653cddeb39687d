"""Deleting orders in the background."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from procrastinate import App

from syncom.orders.model import OrderDeletion
from syncom.orders.service import OrdersService

_DELETE: Final = "orders.delete"
_QUEUE: Final = "orders"


def register(app: App, orders: OrdersService) -> None:
    """Add the tasks of orders to the runner."""

    @app.task(name=_DELETE, queue=_QUEUE)
    async def delete(deletion: dict[str, Any]) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        await orders.delete(msgspec.convert(deletion, OrderDeletion))


async def start(app: App, deletion: OrderDeletion) -> None:
    """Queue a deletion. It is durable when this returns, and safe to run twice."""
    await app.configure_task(_DELETE, queue=_QUEUE).defer_async(deletion=msgspec.to_builtins(deletion))

"""The purchase history of CDNOW: everybody who first bought in early 1997, and what they bought until June 1998.

Real data that marketing science publishes its figures for (Fader, Hardie). It comes with the package ``lifetimes``, of
which nothing is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import distribution
from typing import NamedTuple

from syncom.contacts.model import ContactInput, IdentityKind, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.orders.model import OrderInput
from syncom.orders.service import MAX_ORDERS, OrdersService

#: The last day of the whole history, and of the part that the published models are fitted to.
END = datetime(1998, 6, 30, 23, tzinfo=UTC)
FITTED_UNTIL = datetime(1997, 9, 30, 23, tzinfo=UTC)


class Purchase(NamedTuple):
    customer: str
    at: datetime
    total: Decimal


def everything() -> list[Purchase]:
    """All 69,659 purchases."""
    return [_purchase(row) for row in _rows("CDNOW_master.txt") if row[0].isdigit()]


def tenth() -> list[Purchase]:
    """Those of the 2,357 customers that are published as the 1/10 sample."""
    return [_purchase(row[1:]) for row in _rows("CDNOW_sample.txt")]


def _rows(name: str) -> Iterable[list[str]]:
    path = distribution("lifetimes").locate_file(f"lifetimes/datasets/{name}")
    return (line.split() for line in str(path.read_text("ascii")).splitlines())


def _purchase(row: Sequence[str]) -> Purchase:
    customer, day, _, total = row
    return Purchase(customer, datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC), Decimal(total))


async def load(
    account_id: int, contacts: ContactsService, orders: OrdersService, purchases: Sequence[Purchase]
) -> dict[str, int]:
    """Take purchases in as orders, as shops send them; returns the contacts by customer."""
    names = sorted({one.customer for one in purchases})
    ids: dict[str, int] = {}
    for start in range(0, len(names), 10_000):
        part = names[start : start + 10_000]
        made = await contacts.upsert(
            account_id,
            [ContactInput(external_id=name) for name in part],
            UpsertOptions(key=IdentityKind.EXTERNAL_ID),
        )
        assert not made.problems
        ids |= {name: one for name, one in zip(part, made.contact_ids, strict=True) if one is not None}
    for start in range(0, len(purchases), MAX_ORDERS):
        taken = await orders.take(
            account_id,
            [
                OrderInput(
                    external_id=f"{start + place}",
                    contact_id=ids[one.customer],
                    status="DELIVERED",
                    total=one.total,
                    currency="USD",
                    ordered_at=one.at,
                )
                for place, one in enumerate(purchases[start : start + MAX_ORDERS])
            ],
        )
        assert not taken.problems
    return ids

"""Orders a second of a bulk load, 1,000 a batch, against a bare COPY of the rows that came of it.

The product finds whose each order is, makes the contacts it does not know, keeps the newer state, counts statistics,
scores, and leads the order back to what was clicked; the floor puts the same rows, with the same indexes, in
transactions of as many, and does nothing else. Each round has an account of its own, half of whose customers are known
before. Runs alternate; the median counts.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from psycopg import sql

from bench.figures import Figure
from bench.house import house
from syncom.app import App
from syncom.orders.model import Customer, OrderInput, OrderItem

BATCH = 1_000
BATCHES = 20
ROUNDS = 3
_NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


async def run(*, batches: int = BATCHES, rounds: int = ROUNDS) -> list[Figure]:
    """Two figures: new orders, and the same orders in another status."""
    added: list[float] = []
    changed: list[float] = []
    copied: list[float] = []
    async with house() as made:
        app = made.app
        for _ in range(rounds):
            account_id = await _account(app, batches * BATCH // 4)
            added.append(await _take(app, account_id, batches, "IN_PROGRESS", hours=0))
            changed.append(await _take(app, account_id, batches, "DELIVERED", hours=1))
            copied.append(await _copy(app, account_id, batches))
    floor = statistics.median(copied)
    return [
        Figure(
            issue="04",
            name=f"{what}, {BATCH:,} a batch, against COPY of their rows",
            measured=statistics.median(measured),
            floor=floor,
            unit="orders/s",
            must=must,
            aim=aim,
        )
        for what, measured, must, aim in (
            ("orders taken", added, 0.05, 0.1),
            ("orders that come to another status", changed, 0.05, 0.1),
        )
    ]


async def _account(app: App, known: int) -> int:
    """A fresh account that knows so many of its customers."""
    from syncom.accounts.service import machine_principal
    from syncom.contacts.model import ContactInput, UpsertOptions

    account_id = (await app.accounts.create_account(machine_principal(0), name="Bench")).account_id
    people = [ContactInput(email=f"customer{number}@example.com") for number in range(known)]
    for start in range(0, known, BATCH):
        await app.contacts.upsert(account_id, people[start : start + BATCH], UpsertOptions())
    return account_id


async def _take(app: App, account_id: int, batches: int, status: str, *, hours: int) -> float:
    """Orders a second, of customers with two orders each."""
    given = [
        [_order(number, batches * BATCH // 2, status, hours) for number in range(start, start + BATCH)]
        for start in range(0, batches * BATCH, BATCH)
    ]
    started = time.monotonic()
    for orders in given:
        taken = await app.orders.take(account_id, orders)
        if taken.problems:
            raise RuntimeError(f"orders were refused: {taken.problems[:3]}")
    seconds = time.monotonic() - started
    async with app.database.system() as connection:
        row = await (
            await connection.execute(
                "SELECT count(*) FROM orders WHERE account_id = %s AND status = %s", (account_id, status)
            )
        ).fetchone()
    if row != (batches * BATCH,):
        raise RuntimeError(f"{row} orders were written")
    return batches * BATCH / seconds


async def _copy(app: App, account_id: int, batches: int) -> float:
    """Rows a second of the same rows into a table of the same shape."""
    async with app.database.autocommit() as connection:
        await connection.execute("DROP TABLE IF EXISTS bare_orders")
        await connection.execute("CREATE TABLE bare_orders (LIKE orders INCLUDING ALL)")
        select = sql.SQL("COPY (SELECT * FROM orders WHERE account_id = {} ORDER BY order_id) TO STDOUT").format(
            account_id
        )
        lines: list[bytes] = []
        async with connection.cursor().copy(select) as copy:
            async for line in copy:
                lines.append(bytes(line))
        if len(lines) != batches * BATCH:
            raise RuntimeError(f"{len(lines)} rows came of {batches * BATCH} orders")
        started = time.monotonic()
        for start in range(0, len(lines), BATCH):
            async with connection.cursor().copy("COPY bare_orders FROM STDIN") as copy:
                await copy.write(b"".join(lines[start : start + BATCH]))
        return len(lines) / (time.monotonic() - started)


def _order(number: int, customers: int, status: str, hours: int) -> OrderInput:
    customer = number % customers
    items = tuple(
        OrderItem(
            external_id=f"P-{(number * 7 + place) % 5000}",
            name=f"Product {place}",
            quantity=Decimal(1 + place),
            price=Decimal("19.90"),
            category="Shoes",
            url=f"https://shop.example/p/{place}",
        )
        for place in range(3)
    )
    ordered_at = _NOW - timedelta(minutes=number % 500_000)
    return OrderInput(
        external_id=f"A-{number}",
        status=status,
        total=Decimal("119.40"),
        currency="UAH",
        ordered_at=ordered_at,
        changed_at=ordered_at + timedelta(hours=hours),
        customer=Customer(email=f"customer{customer}@example.com", first_name="Olena"),
        items=items,
    )

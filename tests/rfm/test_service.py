"""Scoring customers: boundaries, classes, one order at once and all anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid, NotFound
from syncom.events.service import EventsService
from syncom.orders.model import OrderDeletion, OrderInput
from syncom.orders.service import OrdersService
from syncom.postgres.pool import Database
from syncom.rfm import store
from syncom.rfm.model import Bounds, Revenue, RfmSettings, Thresholds
from syncom.rfm.predictions.service import PredictionsService
from syncom.rfm.service import RfmService
from syncom.segments.rfm_classes import CLASS_GRID, RFM_CLASSES, RfmClass, class_of
from tests.clocks import StandingClock

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
THRESHOLDS = Thresholds(
    recency_days=(30, 90, 180, 365),
    frequency=(2, 3, 5, 10),
    monetary=(Decimal(50), Decimal(100), Decimal(500), Decimal(1000)),
)


@dataclass
class Shop:
    database: Database
    account_id: int
    contacts: ContactsService
    orders: OrdersService
    rfm: RfmService
    predictions: PredictionsService
    clock: StandingClock

    async def people(self, count: int) -> list[int]:
        found = await self.contacts.upsert(
            self.account_id, [ContactInput(email=f"c{n}@example.com") for n in range(count)], UpsertOptions()
        )
        return [one for one in found.contact_ids if one is not None]

    async def scores(self) -> dict[int, tuple[object, ...]]:
        async with self.database.tenant(self.account_id) as connection:
            rows = await connection.execute(
                "SELECT contact_id, recency, frequency, monetary, class, orders, revenue, last_order_at FROM rfm_scores"
            )
            return {row[0]: row[1:] for row in await rows.fetchall()}

    async def classes(self) -> dict[str, int]:
        grid = await self.rfm.grid(self.account_id)
        return {one.rfm_class: one.contacts for one in grid.classes if one.contacts}


def shop_of(database: Database, account_id: int) -> Shop:
    clock = StandingClock(NOW)
    contacts = ContactsService(database, clock)
    events = EventsService(database, contacts, clock)
    rfm = RfmService(database, clock)
    orders = OrdersService(database, contacts, events, recounted=rfm.rescore)
    return Shop(database, account_id, contacts, orders, rfm, PredictionsService(database, clock), clock)


@pytest.fixture
async def shop(database: Database, account_id: int) -> Shop:
    return shop_of(database, account_id)


def order(number: str, contact_id: int, *, days: float = 1, total: str = "10", **more: object) -> OrderInput:
    fields: dict[str, object] = {"status": "DELIVERED", "currency": "EUR", **more}
    return OrderInput(
        external_id=number,
        contact_id=contact_id,
        total=Decimal(total),
        ordered_at=NOW - timedelta(days=days),
        **fields,
    )


async def test_fifths_of_the_customers_get_the_five_scores(shop: Shop) -> None:
    people = await shop.people(10)
    await shop.orders.add(
        shop.account_id, [order(f"A-{n}", one, days=100 - n, total=str(n)) for n, one in enumerate(people)]
    )
    await shop.rfm.recompute(shop.account_id)
    found = await shop.scores()
    assert [found[one][0] for one in people] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [found[one][2] for one in people] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


async def test_equal_values_get_equal_scores(shop: Shop) -> None:
    people = await shop.people(10)
    batch = [order(f"A-{n}", one, days=5) for n, one in enumerate(people)]
    batch.append(order("B", people[0], days=5))
    await shop.orders.add(shop.account_id, batch)
    await shop.rfm.recompute(shop.account_id)
    found = await shop.scores()
    assert {found[one][:3] for one in people[1:]} == {(1, 1, 1)}
    assert found[people[0]][:3] == (1, 5, 5)


async def test_thresholds_of_ones_own_count_from_their_value_on(shop: Shop) -> None:
    one, two = await shop.people(2)
    await shop.rfm.configure(shop.account_id, RfmSettings(thresholds=THRESHOLDS))
    await shop.orders.add(
        shop.account_id,
        [
            order("A", one, days=30, total="50"),
            order("B", two, days=366, total="49.99"),
            order("C", two, days=400, total="0"),
        ],
    )
    await shop.rfm.recompute(shop.account_id)
    found = await shop.scores()
    assert (found[one][:3], found[two][:3]) == ((5, 1, 2), (1, 2, 1))


async def test_an_order_changes_the_class_at_once_and_its_deletion_takes_it_back(shop: Shop) -> None:
    (one,) = await shop.people(1)
    await shop.rfm.configure(shop.account_id, RfmSettings(thresholds=THRESHOLDS))
    await shop.orders.add(shop.account_id, [order("A", one, days=400)])
    await shop.rfm.recompute(shop.account_id)
    assert await shop.classes() == {"lost": 1}
    await shop.orders.add(shop.account_id, [order("B", one, days=1)])
    assert (await shop.rfm.of_contact(shop.account_id, one)).rfm_class == "potential_loyalist"
    await shop.orders.delete(OrderDeletion(account_id=shop.account_id, session_id=uuid4(), external_ids=("B", "A")))
    with pytest.raises(NotFound):
        await shop.rfm.of_contact(shop.account_id, one)


async def test_only_completed_orders_in_the_window_and_money_of_the_currency_count(shop: Shop) -> None:
    (one,) = await shop.people(1)
    await shop.rfm.configure(
        shop.account_id, RfmSettings(currency="EUR", revenue=Revenue.NET, window_days=100, statuses=("delivered",))
    )
    await shop.orders.add(
        shop.account_id,
        [
            order("A", one, days=3, total="20", shipping=Decimal(3), taxes=Decimal("2.5")),
            order("B", one, days=2, total="7", currency="USD"),
            order("C", one, days=1, status="CANCELLED"),
            order("D", one, days=101),
        ],
    )
    await shop.rfm.recompute(shop.account_id)
    found = await shop.rfm.of_contact(shop.account_id, one)
    assert (found.orders, found.revenue, found.last_order_at) == (2, Decimal("14.50"), NOW - timedelta(days=2))


async def test_amounts_of_several_currencies_are_never_added(shop: Shop) -> None:
    one, two = await shop.people(2)
    await shop.orders.add(
        shop.account_id,
        [
            order("A", one, total="10"),
            order("B", one, total="5"),
            order("C", one, total="70000", currency="UAH"),
            order("D", two, total="900", currency="UAH"),
            order("E", two, total="7", status="CANCELLED", currency="UAH"),
            order("F", two, total="8", status="CANCELLED", currency="UAH"),
            order("G", two, total="3"),
        ],
    )
    await shop.rfm.recompute(shop.account_id)
    assert (await shop.rfm.state(shop.account_id)).currency == "EUR"
    assert (await shop.rfm.of_contact(shop.account_id, one)).revenue == 15
    assert (await shop.rfm.of_contact(shop.account_id, two)).revenue == 3
    await shop.orders.add(shop.account_id, [order(f"H-{n}", two, total="50", currency="UAH") for n in range(3)])
    assert (await shop.rfm.of_contact(shop.account_id, two)).revenue == 3, "until boundaries are renewed"
    await shop.rfm.recompute(shop.account_id)
    assert (await shop.rfm.state(shop.account_id)).currency == "UAH"
    assert (await shop.rfm.of_contact(shop.account_id, two)).revenue == 1050
    await shop.rfm.configure(shop.account_id, RfmSettings(currency="EUR"))
    await shop.rfm.recompute(shop.account_id)
    assert (await shop.rfm.of_contact(shop.account_id, two)).revenue == 3


async def test_moves_between_two_days_are_counted(shop: Shop) -> None:
    one, two = await shop.people(2)
    await shop.rfm.configure(shop.account_id, RfmSettings(thresholds=THRESHOLDS))
    await shop.orders.add(shop.account_id, [order("A", one, days=1)])
    await shop.rfm.recompute(shop.account_id)
    shop.clock.time = NOW + timedelta(days=200)
    await shop.orders.add(shop.account_id, [order("B", two, days=-199)])
    await shop.rfm.recompute(shop.account_id)
    found = await shop.rfm.transitions(shop.account_id, NOW.date(), shop.clock.time.date())
    assert {(m.was, m.became, m.contacts) for m in found.moves} == {("new", "hibernating", 1), (None, "new", 1)}
    before = await shop.rfm.transitions(shop.account_id, date(2020, 1, 1), date(2020, 1, 2))
    assert before.moves == []
    with pytest.raises(Invalid, match="since"):
        await shop.rfm.transitions(shop.account_id, date(2020, 1, 2), date(2020, 1, 1))


async def test_the_history_of_classes_is_kept_for_three_years_and_moves_in_them_stay_as_they_were(shop: Shop) -> None:
    (one,) = await shop.people(1)
    await shop.rfm.configure(shop.account_id, RfmSettings(thresholds=THRESHOLDS))
    await shop.orders.add(shop.account_id, [order("A", one, days=1)])
    for days in (0, 100, 200, 400):
        shop.clock.time = NOW + timedelta(days=days)
        await shop.rfm.recompute(shop.account_id)
    since, until = NOW.date() + timedelta(days=300), NOW.date() + timedelta(days=401)
    before = await shop.rfm.transitions(shop.account_id, since, until)
    assert [(move.was, move.became) for move in before.moves] == [("hibernating", "lost")]
    shop.clock.time = NOW + timedelta(days=300 + 3 * 366)
    await shop.rfm.recompute(shop.account_id)
    assert await shop.rfm.transitions(shop.account_id, since, until) == before
    async with shop.database.tenant(shop.account_id) as connection:
        rows = await connection.execute("SELECT day FROM rfm_history ORDER BY day")
        assert [(row[0] - NOW.date()).days for row in await rows.fetchall()] == [200, 400]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=40))
async def test_fifths_are_those_of_a_sorted_list_however_many_are_equal(
    shop: Shop, customers: list[tuple[int, int, int]]
) -> None:
    """Each customer: weeks since the last order, how many orders, and what each of them came to."""
    own = shop_of(shop.database, await _account(shop.database))
    people = await own.people(len(customers))
    await own.orders.take(
        own.account_id,
        [
            order(f"{one}-{place}", one, days=7 * weeks + 50 * place, total=str(total))
            for one, (weeks, count, total) in zip(people, customers, strict=True)
            for place in range(count)
        ],
    )
    await own.rfm.recompute(own.account_id)
    recency = _plain_scores([-weeks for weeks, _, _ in customers])
    frequency = _plain_scores([count for _, count, _ in customers])
    monetary = _plain_scores([count * total for _, count, total in customers])
    found = await own.scores()
    assert [found[one][:3] for one in people] == list(zip(recency, frequency, monetary, strict=True))


def _plain_scores(values: list[int]) -> list[int]:
    """A boundary is the least value that so many fifths of all are at or below; a score counts those below a value."""
    edges = [min(one for one in values if 5 * sum(v <= one for v in values) >= n * len(values)) for n in range(1, 5)]
    return [1 + sum(edge < value for edge in edges) for value in values]


async def test_the_schedule_takes_accounts_whose_scores_are_a_day_old(shop: Shop) -> None:
    (one,) = await shop.people(1)
    assert await shop.rfm.recompute_due() == 0
    await shop.orders.add(shop.account_id, [order("A", one)])
    assert await shop.rfm.recompute_due() == 1
    assert await shop.rfm.recompute_due() == 0
    shop.clock.time += timedelta(days=1, seconds=1)
    assert await shop.rfm.recompute_due() == 1


async def test_an_account_that_fails_does_not_keep_the_others_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = await shop.people(1)
    await shop.orders.add(shop.account_id, [order("A", one)])
    async with shop.database.system() as connection:
        row = await (await connection.execute("INSERT INTO accounts (name) VALUES ('Later') RETURNING 1")).fetchone()
        assert row is not None
        await connection.execute(
            "INSERT INTO orders (account_id, bucket, contact_id, external_id, status, total, ordered_at)"
            " SELECT max(account_id), 1, 1, 'x', 'DELIVERED', 1, now() FROM accounts"
        )
    recompute, asked = shop.rfm.recompute, list[int]()

    async def broken(account_id: int) -> int:
        asked.append(account_id)
        if account_id == shop.account_id:
            raise psycopg.OperationalError("the database is away")
        return await recompute(account_id)

    monkeypatch.setattr(shop.rfm, "recompute", broken)
    assert await shop.rfm.recompute_due() == 1
    assert await shop.rfm.recompute_due() == 0
    later = max(asked)
    assert asked == [shop.account_id, later, shop.account_id]
    async with shop.database.system() as connection:
        await connection.execute("DELETE FROM orders WHERE account_id = %s", (later,))
        await connection.execute("DELETE FROM accounts WHERE account_id = %s", (later,))


async def test_the_erased_lose_their_scores(shop: Shop) -> None:
    one, two = await shop.people(2)
    await shop.orders.add(shop.account_id, [order("A", one), order("B", two)])
    await shop.rfm.recompute(shop.account_id)
    await shop.contacts.erase(shop.account_id, one)
    assert set(await shop.scores()) == {two}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("statuses", RfmSettings(statuses=())),
        ("currency", RfmSettings(currency="euro")),
        ("window_days", RfmSettings(window_days=0)),
        (
            "thresholds.frequency",
            RfmSettings(
                thresholds=Thresholds(recency_days=(1, 2, 3, 4), frequency=(3, 2, 5, 9), monetary=THRESHOLDS.monetary)
            ),
        ),
    ],
)
async def test_wrong_settings_are_refused_by_name(shop: Shop, field: str, wrong: RfmSettings) -> None:
    with pytest.raises(Invalid, match=re.escape(field)):
        await shop.rfm.configure(shop.account_id, wrong)


_FACTS = st.tuples(
    st.integers(0, 11),  # number
    st.integers(0, 4),  # contact
    st.integers(0, 500),  # days ago
    st.integers(0, 900),  # total
    st.sampled_from(["DELIVERED", "IN_PROGRESS", "CANCELLED"]),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), before=st.lists(_FACTS, max_size=8), after=st.lists(_FACTS, min_size=1, max_size=16))
async def test_scores_kept_by_orders_are_those_of_all_made_anew(
    shop: Shop, data: st.DataObject, before: list[tuple], after: list[tuple]
) -> None:
    """With the same boundaries, whatever order the orders come in and whoever they turn out to be of."""
    own = shop_of(shop.database, await _account(shop.database))
    people = await own.people(5)
    if data.draw(st.booleans()):
        await own.rfm.configure(own.account_id, RfmSettings(thresholds=THRESHOLDS))
    await own.orders.take(own.account_id, [_order(people, fact) for fact in [(0, 0, 9, 5, "DELIVERED"), *before]])
    await own.rfm.recompute(own.account_id)
    arriving = data.draw(st.permutations(after + after[: len(after) // 2]))
    size = data.draw(st.integers(1, 4))
    for start in range(0, len(arriving), size):
        await own.orders.take(own.account_id, [_order(people, fact) for fact in arriving[start : start + size]])
    kept = await own.scores()
    bounds = (await own.rfm.state(own.account_id)).bounds
    assert bounds is not None
    async with own.database.tenant(own.account_id) as connection:
        await connection.execute("DELETE FROM rfm_scores")
        for bucket in {one & 255 for one in people}:
            await store.score_bucket(connection, own.account_id, bucket, NOW)
    assert kept == await own.scores() == await _by_hand(own, bounds)


def _order(people: list[int], fact: tuple) -> OrderInput:
    number, person, days, total, status = fact
    return order(f"N-{number}", people[person], days=days, total=str(total), status=status)


async def _by_hand(shop: Shop, bounds: Bounds) -> dict[int, tuple[object, ...]]:
    """The same from the stored orders, without the statement."""
    async with shop.database.tenant(shop.account_id) as connection:
        rows = await connection.execute(
            "SELECT contact_id, total, ordered_at FROM orders WHERE status = 'DELIVERED' ORDER BY contact_id"
        )
        orders = await rows.fetchall()
    found: dict[int, tuple[object, ...]] = {}
    for contact_id in {row[0] for row in orders}:
        mine = [row for row in orders if row[0] == contact_id]
        last, count, money = max(row[2] for row in mine), len(mine), sum(row[1] for row in mine)
        recency = 1 + sum(last > one for one in bounds.recency)
        frequency = 1 + sum(count > one for one in bounds.frequency)
        monetary = 1 + sum(money > one for one in bounds.monetary)
        found[contact_id] = (
            recency,
            frequency,
            monetary,
            int(class_of(recency, frequency, monetary)),
            count,
            money,
            last,
        )
    return found


async def _account(database: Database) -> int:
    async with database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Fresh') RETURNING account_id")
        ).fetchone()
    assert row is not None
    return row[0]


def test_the_grid_of_classes_has_each_class_and_the_page_says_it() -> None:
    assert {one for row in CLASS_GRID for one in row} == set(RfmClass)
    assert class_of(5, 5, 4) is RfmClass.CHAMPIONS
    page = (Path(__file__).parents[2] / "docs" / "rfm.md").read_text("utf-8")
    for recency in range(1, 6):
        row = " | ".join(one.word for one in CLASS_GRID[recency - 1])
        assert f"| {recency} | {row} |" in page
    for name, one in RFM_CLASSES.items():
        assert re.search(rf"\b{int(one)} {name}\b", page)

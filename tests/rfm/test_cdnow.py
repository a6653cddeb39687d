"""A real shop's history against the figures that are published for it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal

import pytest

from syncom.postgres.pool import Database
from syncom.segments.rfm_classes import class_of
from tests.rfm import cdnow
from tests.rfm.cdnow import Purchase
from tests.rfm.test_service import Shop, shop_of


async def test_the_whole_history_loads_and_every_customer_has_the_class_that_plain_counting_gives(
    database: Database, account_id: int
) -> None:
    shop = shop_of(database, account_id)
    shop.clock.time = cdnow.END
    purchases = cdnow.everything()
    ids = await cdnow.load(account_id, shop.contacts, shop.orders, purchases)
    async with database.tenant(account_id) as connection:
        row = await (
            await connection.execute("SELECT count(*), count(DISTINCT contact_id), sum(total) FROM orders")
        ).fetchone()
    assert row == (69_659, 23_570, Decimal("2500315.63"))
    assert len(ids) == 23_570
    await shop.rfm.recompute(account_id)
    expected = _classes(purchases)
    scores = await shop.scores()
    assert {customer: scores[one][:4] for customer, one in ids.items()} == expected
    grid = await shop.rfm.grid(account_id)
    assert sum(cell.contacts for cell in grid.cells) == 23_570
    assert sum(cell.revenue for cell in grid.cells) == Decimal("2500315.63")
    assert Counter({one.rfm_class: one.contacts for one in grid.classes if one.contacts}) == Counter(
        class_of(r, f, m).word for r, f, m, _ in expected.values()
    )


def _classes(purchases: list[Purchase]) -> dict[str, tuple[int, int, int, int]]:
    """Scores and class of each customer, from sorted lists."""
    mine: dict[str, list[Purchase]] = defaultdict(list)
    for one in purchases:
        mine[one.customer].append(one)
    last = {customer: max(one.at for one in those) for customer, those in mine.items()}
    count = {customer: len(those) for customer, those in mine.items()}
    money = {customer: sum((one.total for one in those), Decimal(0)) for customer, those in mine.items()}
    found: dict[str, tuple[int, int, int, int]] = {}
    recency, frequency, monetary = _fifths(last), _fifths(count), _fifths(money)
    for customer in mine:
        scores = (recency(last[customer]), frequency(count[customer]), monetary(money[customer]))
        found[customer] = (*scores, int(class_of(*scores)))
    return found


def _fifths(values: dict[str, datetime] | dict[str, int] | dict[str, Decimal]):
    ordered = sorted(values.values())
    edges = [ordered[math.ceil(len(ordered) * fifth / 5) - 1] for fifth in range(1, 5)]
    return lambda value: 1 + sum(value > edge for edge in edges)


@pytest.fixture(scope="module")
def sample() -> list[Purchase]:
    return [one for one in cdnow.tenth() if one.at <= cdnow.FITTED_UNTIL]


async def test_the_models_have_the_published_parameters(
    database: Database, account_id: int, sample: list[Purchase]
) -> None:
    shop = shop_of(database, account_id)
    shop.clock.time = cdnow.FITTED_UNTIL
    ids = await cdnow.load(account_id, shop.contacts, shop.orders, sample)
    await shop.rfm.recompute(account_id)
    assert await shop.predictions.renew(account_id) == 2357
    model = (await shop.predictions.state(account_id)).model
    assert model is not None
    assert model.values is not None
    purchases = model.purchases
    assert purchases.customers == 2357
    assert (purchases.r, purchases.alpha, purchases.a, purchases.b) == pytest.approx(
        (0.243, 4.414, 0.793, 2.426), abs=0.0006
    )
    assert purchases.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert model.values.customers == 946
    assert (model.values.p, model.values.q, model.values.gamma) == pytest.approx((6.25, 3.74, 15.45), abs=0.01)
    await _what_is_foreseen_is_near_what_came(shop, ids)


async def _what_is_foreseen_is_near_what_came(shop: Shop, ids: dict[str, int]) -> None:
    """Orders of the next 90 days in all are within a fifth, and more of them come where more are foreseen."""
    came: Counter[str] = Counter()
    for customer, day in {(one.customer, one.at) for one in cdnow.tenth()}:
        came[customer] += 0 < (day.date() - cdnow.FITTED_UNTIL.date()).days <= 90
    async with shop.database.tenant(shop.account_id) as connection:
        rows = await connection.execute("SELECT contact_id, orders_90_days FROM contact_predictions")
        by_contact = dict(await rows.fetchall())
    foreseen = {name: by_contact[one] for name, one in ids.items()}
    total = sum(foreseen.values())
    assert total == pytest.approx(sum(came.values()), rel=0.2)
    best = sorted(ids, key=foreseen.__getitem__, reverse=True)
    assert sum(came[name] for name in best[:236]) > sum(came.values()) / 3

"""What is foreseen of customers: kept, renewed where it changes, and gone with its reasons."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.errors import NotFound, Unavailable
from syncom.orders.model import OrderInput
from syncom.postgres.pool import Database
from syncom.rfm.predictions import formulas, working
from tests.rfm.test_service import NOW, Shop, order, shop_of

#: Of CDNOW, as published.
PURCHASES = np.array([0.243, 4.414, 0.793, 2.426])


@pytest.fixture
async def shop(database: Database, account_id: int) -> Shop:
    return shop_of(database, account_id)


async def _history(shop: Shop, customers: int) -> list[int]:
    """Customers who came again and again, at a pace of their own, and some of them no more."""
    chance = random.Random(4)
    people = await shop.people(customers)
    orders: list[OrderInput] = []
    for one in people:
        days, pace, end = chance.uniform(200, 600), chance.uniform(5, 90), chance.choice([0, 0, 0, 150])
        while days > end:
            orders.append(order(f"{one}-{len(orders)}", one, days=days, total=str(chance.randint(5, 80))))
            days -= chance.expovariate(1 / pace)
    for start in range(0, len(orders), 1000):
        await shop.orders.add(shop.account_id, orders[start : start + 1000])
    await shop.rfm.recompute(shop.account_id)
    return people


async def test_predictions_are_renewed_daily_and_written_where_they_change(shop: Shop) -> None:
    people = await _history(shop, 120)
    assert await shop.predictions.renew_due() == 1
    assert await shop.predictions.renew_due() == 0
    first = await shop.predictions.state(shop.account_id)
    assert first.model is not None
    assert first.model.purchases.customers == 120
    assert await shop.predictions.renew(shop.account_id, fit=False) == 0
    before = await shop.predictions.of_contact(shop.account_id, people[0])
    await shop.orders.add(shop.account_id, [order("new", people[0], days=0, total="500")])
    assert await shop.predictions.renew(shop.account_id, fit=False) == 1
    after = await shop.predictions.of_contact(shop.account_id, people[0])
    assert after.lifetime_value is not None
    assert before.lifetime_value is not None
    assert after.lifetime_value > before.lifetime_value
    shop.clock.time = NOW + timedelta(days=8)
    assert await shop.predictions.renew_due() == 1
    again = await shop.predictions.state(shop.account_id)
    assert again.fitted_at == shop.clock.time
    assert again.model != first.model


async def test_who_is_no_customer_any_more_has_no_prediction(shop: Shop) -> None:
    people = await _history(shop, 120)
    await shop.predictions.renew(shop.account_id)
    await shop.contacts.erase(shop.account_id, people[0])
    with pytest.raises(NotFound):
        await shop.predictions.of_contact(shop.account_id, people[0])
    async with shop.database.tenant(shop.account_id) as connection:
        await connection.execute("UPDATE orders SET status = 'CANCELLED' WHERE contact_id = %s", (people[1],))
    await shop.predictions.renew(shop.account_id, fit=False)
    with pytest.raises(NotFound):
        await shop.predictions.of_contact(shop.account_id, people[1])


async def test_few_customers_are_not_guessed_at(shop: Shop) -> None:
    people = await _history(shop, 20)
    assert await shop.predictions.renew(shop.account_id) == 0
    found = await shop.predictions.state(shop.account_id)
    assert found.model is None
    assert "too few" in found.problem
    with pytest.raises(NotFound):
        await shop.predictions.of_contact(shop.account_id, people[0])


async def test_without_the_optional_part_nothing_fails_and_the_state_says_what_is_missing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _history(shop, 20)
    monkeypatch.setattr(working, "find_spec", lambda _: None)
    assert await shop.predictions.renew_due() == 0
    assert "syncom[predictions]" in (await shop.predictions.state(shop.account_id)).problem
    with pytest.raises(Unavailable, match="syncom"):
        await shop.predictions.renew(shop.account_id)


def test_one_customer_is_foreseen_as_published() -> None:
    """Fader and Hardie's example: two repeat purchases, the last in week 30.43 of 38.86; 39 weeks ahead."""
    did = (np.array([2.0]), np.array([30.43]), np.array([38.86]))
    assert formulas.expected_purchases(PURCHASES, 39, *did)[0] == pytest.approx(1.226, abs=0.0005)


_times = st.floats(0, 500)


@settings(max_examples=200, deadline=None)
@given(
    repeats=st.integers(0, 800), recency=_times, since=_times, logs=st.lists(st.floats(-6, 6), min_size=4, max_size=4)
)
def test_whatever_the_model_says_makes_sense(repeats: int, recency: float, since: float, logs: list[float]) -> None:
    parameters, last = np.exp(np.array(logs)), recency if repeats else 0.0
    did = (np.array([float(repeats)]), np.array([last]), np.array([last + since]))
    alive = formulas.alive(parameters, *did)[0]
    assert 0 <= alive <= 1
    few, many = (formulas.expected_purchases(parameters, weeks, *did)[0] for weeks in (4, 52))
    assert 0 <= few <= many * (1 + 1e-6) + 1e-6
    assert many <= (parameters[0] + repeats) / (parameters[1] + did[2][0]) * 52 + 1e-6
    assert formulas.next_purchase(parameters, *did)[0] > 0

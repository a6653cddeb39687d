"""Refunds: what is left of orders, whatever arrives first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.clock import SystemClock
from syncom.errors import Invalid
from syncom.orders.model import Customer, OrderInput, RefundedItem, RefundInput
from syncom.orders.service import OrdersService
from syncom.rfm.service import RfmService
from tests.orders.shops import NOON, Shop, fresh_account, order


def refund(number: str, of: str = "A-1", *, hours: int = 0, **members: Any) -> RefundInput:
    return RefundInput(order=of, external_id=number, refunded_at=NOON + timedelta(hours=hours), **members)


async def left(shop: Shop, number: str = "A-1") -> Decimal:
    found = await shop.orders.find(shop.account_id, number)
    assert found is not None
    return found.total - found.refunded


async def test_refunds_add_up_and_a_repeated_one_counts_once(shop: Shop) -> None:
    await shop.take(order("A-1", total=Decimal(30)))
    for _ in range(2):
        await shop.orders.refunds.add(
            shop.account_id, [refund("R-1", amount=Decimal("4.50")), refund("R-2", amount=Decimal(3))]
        )
    assert await left(shop) == Decimal("22.50")
    stored = await shop.orders.refunds.of_order(shop.account_id, "A-1")
    assert [(one.external_id, one.amount) for one in stored] == [("R-1", Decimal("4.50")), ("R-2", Decimal(3))]


async def test_a_refund_without_an_amount_is_the_whole_order_whatever_its_total_becomes(shop: Shop) -> None:
    await shop.take(order("A-1", total=Decimal(30)))
    await shop.orders.refunds.add(shop.account_id, [refund("R-1"), refund("R-2", amount=Decimal(5))])
    assert await left(shop) == 0
    await shop.take(order("A-1", "DELIVERED", total=Decimal(99)))
    assert await left(shop) == 0


async def test_no_more_is_refunded_than_was_paid(shop: Shop) -> None:
    await shop.orders.refunds.add(shop.account_id, [refund("R-1", amount=Decimal(50))])
    await shop.take(order("A-1", total=Decimal(30)))
    assert await left(shop) == 0
    await shop.take(order("A-1", "DELIVERED", total=Decimal(80)))
    assert await left(shop) == 30


async def test_a_refund_of_an_order_that_comes_later_waits_for_it(shop: Shop) -> None:
    await shop.orders.refunds.add(shop.account_id, [refund("R-1", amount=Decimal(4))])
    assert await shop.orders.find(shop.account_id, "A-1") is None
    assert await shop.orders.known(shop.account_id, ["A-1"]) == []
    assert await shop.statistics() == {}
    refused = await shop.orders.take(shop.account_id, [order("A-1", customer=None)])
    assert [one.field for one in refused.problems] == ["customer"]
    await shop.take(order("A-1"))
    assert await left(shop) == 6


async def test_a_newer_state_of_a_refund_replaces_the_older_one_and_none_takes_it_back(shop: Shop) -> None:
    await shop.take(order("A-1"))
    newer = refund("R-1", amount=Decimal(0), changed_at=NOON + timedelta(hours=2))
    await shop.orders.refunds.add(shop.account_id, [refund("R-1", amount=Decimal(4), hours=1)])
    assert await left(shop) == 6
    await shop.orders.refunds.add(shop.account_id, [newer])
    await shop.orders.refunds.add(shop.account_id, [refund("R-1", amount=Decimal(4), hours=1)])
    assert await left(shop) == 10


async def test_refunds_follow_their_order_to_another_contact_into_a_merge_and_out_of_sight(shop: Shop) -> None:
    await shop.take(order("A-1"), order("B-1", customer=Customer(email="bob@example.com")))
    await shop.orders.refunds.add(shop.account_id, [refund("R-1", amount=Decimal(4)), refund("R-1", "B-1")])
    anna, bob = await shop.owner("A-1"), await shop.owner("B-1")
    await shop.take(order("A-1", "DELIVERED", customer=Customer(email="bob@example.com")))
    assert await left(shop) == 6
    await shop.contacts.merge(shop.account_id, anna, bob)
    assert (await left(shop), await left(shop, "B-1")) == (6, 0)
    assert len(await shop.orders.refunds.of_order(shop.account_id, "B-1")) == 1
    await shop.contacts.erase(shop.account_id, anna)
    async with shop.database.tenant(shop.account_id) as connection:
        assert await (await connection.execute("SELECT FROM refunds")).fetchall() == []


async def test_revenue_is_told_in_each_currency_and_never_added(shop: Shop) -> None:
    orders = [
        order("A-1", "DELIVERED", total=Decimal(30)),
        order("A-2", "DELIVERED", total=Decimal(12), hours=1),
        order("A-3", "CANCELLED", total=Decimal(99)),
        order("A-4", total=Decimal(500), currency="UAH"),
    ]
    await shop.take(*orders)
    await shop.orders.refunds.add(shop.account_id, [refund("R-1", amount=Decimal(5))])
    found = await shop.orders.revenue(shop.account_id, await shop.owner("A-1"))
    assert [(one.currency, one.orders, one.gross, one.refunded, one.net) for one in found] == [
        ("EUR", 2, 42, 5, 37),
        ("UAH", 1, 500, 0, 500),
    ]


async def test_a_refund_lowers_the_revenue_of_rfm_at_once(shop: Shop) -> None:
    rfm = RfmService(shop.database, SystemClock())
    orders = OrdersService(shop.database, shop.contacts, shop.events, recounted=rfm.rescore)
    await orders.take(shop.account_id, [order("A-1", "DELIVERED", total=Decimal(30))])
    await rfm.recompute(shop.account_id)
    await orders.refunds.add(shop.account_id, [refund("R-1", amount=Decimal(12))])
    assert (await rfm.of_contact(shop.account_id, await shop.owner("A-1"))).revenue == 18


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (refund(""), "refunds.0.external_id"),
        (refund("R-1", ""), "refunds.0.order"),
        (refund("R-1", amount=Decimal(-1)), "refunds.0.amount"),
        (refund("R-1", amount=Decimal("NaN")), "refunds.0.amount"),
        (refund("R-1", items=(RefundedItem(external_id="x"),)), "refunds.0.amount"),
        (
            refund("R-1", amount=Decimal(1), items=(RefundedItem(external_id="x", quantity=Decimal(0)),)),
            "refunds.0.items.0.quantity",
        ),
        (refund("R-1", reason="\0"), "refunds.0.reason"),
    ],
)
async def test_a_wrong_refund_is_refused_by_its_field(shop: Shop, wrong: RefundInput, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await shop.orders.refunds.add(shop.account_id, [wrong, refund("R-9")])
    assert [one.field for one in refused.value.fields] == [field]
    assert await shop.orders.refunds.of_order(shop.account_id, "A-1") == []


async def test_an_order_and_its_refunds_side_by_side_lose_nothing(shop: Shop) -> None:
    async def repay(number: str) -> None:
        await shop.orders.refunds.add(shop.account_id, [refund(number, of, amount=Decimal(1)) for of in ("A-1", "A-2")])

    await asyncio.gather(*(repay(f"R-{n}") for n in range(4)), shop.take(order("A-1"), order("A-2")))
    assert (await left(shop, "A-1"), await left(shop, "A-2")) == (6, 6)


_ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.integers(0, 2),
        st.sampled_from(["INITIALIZED", "DELIVERED", "CANCELLED"]),
        st.sampled_from(["C-1", "C-2"]),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda state: state[:3],
)
_REFUNDS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.sampled_from(["R", "S"]),
        st.integers(0, 2),
        st.none() | st.integers(0, 9),
    ),
    max_size=5,
    unique_by=lambda state: state[:3],
)
_STEPS = ["INITIALIZED", "DELIVERED", "CANCELLED"]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), states=_ORDERS, refunds=_REFUNDS)
async def test_orders_and_refunds_end_the_same_in_any_order(
    shop: Shop, data: st.DataObject, states: list[Any], refunds: list[Any]
) -> None:
    arriving: list[OrderInput | RefundInput] = [
        order(number, status, hours=hours, total=Decimal(total), customer=Customer(external_id=customer))
        for number, hours, status, customer, total in states
    ]
    arriving += [
        refund(number, of, hours=hours, amount=None if amount is None else Decimal(amount))
        for of, number, hours, amount in refunds
    ]
    expected = {}
    for number in {state[0] for state in states}:
        last = max((one for one in states if one[0] == number), key=lambda one: (one[1], _STEPS.index(one[2])))
        newest = {one[1]: one[3] for one in sorted(refunds, key=lambda one: one[2]) if one[0] == number}
        whole = None in newest.values()
        given_back = last[4] if whole else min(last[4], sum(newest.values()))
        expected[number] = last[2], last[4], given_back, last[3]
    for _ in range(2):
        account_id = await fresh_account(shop.database)
        for one in data.draw(st.permutations(arriving + arriving[:2])):
            if isinstance(one, RefundInput):
                await shop.orders.refunds.add(account_id, [one])
            else:
                await shop.orders.take(account_id, [one])
        async with shop.database.tenant(account_id) as connection:
            cursor = await connection.execute(
                "SELECT o.external_id, o.status, o.total, o.refunded, c.external_id FROM orders o"
                " JOIN contacts c USING (account_id, bucket, contact_id)"
            )
            assert {row[0]: row[1:] for row in await cursor.fetchall()} == expected

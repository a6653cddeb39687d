"""Orders led back to the messages before them: the same sums in whatever order things come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.activity.service import ActivityService
from syncom.attribution.model import AttributionSettings, AttributionState, Model, Revenue, Source
from syncom.attribution.service import AttributionService
from syncom.clock import SystemClock
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid
from syncom.events.service import EventsService
from syncom.ids import campaign_message_id, single_message_id
from syncom.orders.model import OrderDeletion, OrderInput, RefundInput
from syncom.orders.service import OrdersService
from syncom.postgres import migrate
from syncom.postgres.pool import Database
from tests.orders.shops import fresh_account, named_contact
from tests.settling import settle

_UPGRADE = Path(migrate.__file__).parent / "migrations/0078_attribute_old_orders.sql"
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
Totals = dict[tuple[str, int, int, str], tuple[int, Decimal, Decimal]]


@dataclass
class Shop:
    """An account with contacts, their hits and orders."""

    database: Database
    contacts: ContactsService
    orders: OrdersService
    attribution: AttributionService
    account_id: int

    async def contact(self, name: str) -> int:
        return await named_contact(self.contacts, self.account_id, name)

    async def hit(self, contact_id: int, kind: ActivityKind, *, days: float, campaign: int = 7, **members: Any) -> None:
        message = campaign_message_id(campaign, contact_id) if campaign else single_message_id(contact_id)
        given = {"message_id": message, **members}
        one = Hit(
            account_id=self.account_id,
            contact_id=contact_id,
            campaign_id=campaign,
            kind=kind,
            occurred_at=NOON - timedelta(days=days),
            **given,
        )
        async with self.database.autocommit() as connection:
            await ActivityService(self.database, SystemClock()).record(connection, [one])
        await settle(self.database)

    async def click(self, contact_id: int, *, days: float, **members: Any) -> None:
        await self.hit(contact_id, ActivityKind.CLICKED, days=days, **members)

    async def order(self, contact_id: int, number: str = "A-1", **members: Any) -> None:
        given: dict[str, Any] = {"status": "DELIVERED", "total": Decimal(100), "currency": "EUR", "ordered_at": NOON}
        taken = await self.orders.take(
            self.account_id, [OrderInput(external_id=number, contact_id=contact_id, **(given | members))]
        )
        assert not taken.problems

    async def refund(self, number: str, amount: int) -> None:
        given = RefundInput(order=number, external_id="R", amount=Decimal(amount), refunded_at=NOON)
        await self.orders.refunds.add(self.account_id, [given])

    async def catch_up(self) -> None:
        while await self.attribution.catch_up():
            pass

    async def totals(self) -> Totals:
        found = await self.attribution.report(self.account_id, models=list(Model))
        return {
            (one.model.value, one.source.number, one.source_id, one.currency): (one.orders, one.gross, one.refunded)
            for one in found
        }

    async def campaigns(self, model: Model = Model.LAST_CLICK) -> dict[int, Decimal]:
        """Net revenue by campaign."""
        found = await self.attribution.report(self.account_id, models=[model])
        return {one.source_id: one.net for one in found if one.source is Source.CAMPAIGN}


@pytest.fixture
async def shop(database: Database, account_id: int) -> AsyncIterator[Shop]:
    contacts = ContactsService(database, SystemClock())
    events = EventsService(database, contacts, SystemClock())
    attribution = AttributionService(database)
    orders = OrdersService(database, contacts, events, changed=attribution.orders_changed)
    yield Shop(database, contacts, orders, attribution, account_id)
    await events.close()
    await contacts.close()


async def test_an_order_is_led_back_to_the_last_click_before_it(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=3, campaign=7)
    await shop.click(anna, days=1, campaign=8)
    await shop.click(anna, days=-1, campaign=9)
    await shop.order(anna)
    assert await shop.campaigns() == {8: 100}
    assert await shop.attribution.revenue(shop.account_id, Source.CAMPAIGN, 8) == [
        Revenue(currency="EUR", orders=1, gross=Decimal(100), refunded=Decimal(0), net=Decimal(100))
    ]


async def test_a_click_before_the_window_leads_to_nothing(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=5.01)
    await shop.order(anna)
    assert await shop.campaigns() == {}
    await shop.click(anna, days=5, campaign=8)
    await shop.catch_up()
    assert await shop.campaigns() == {8: 100}


async def test_orders_from_before_an_upgrade_are_led_back_without_anybody_saving_settings(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=1)
    await shop.order(anna)
    before = await shop.totals()
    async with shop.database.autocommit() as connection:
        for table in ("attributions", "attribution_totals", "attribution_settings"):
            await connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        for _ in range(2):
            await connection.execute(_UPGRADE.read_bytes())
    assert await shop.totals() == {}
    assert not (await shop.attribution.state(shop.account_id)).is_settled
    await shop.catch_up()
    assert await shop.totals() == before != {}
    assert await shop.attribution.state(shop.account_id) == AttributionState(
        settings=AttributionSettings(), is_settled=True
    )


async def test_machines_lead_to_nothing(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=2, campaign=7)
    await shop.click(anna, days=1, campaign=8, hit_class=HitClass.MACHINE)
    await shop.hit(anna, ActivityKind.OPENED, days=1, campaign=9, hit_class=HitClass.UNKNOWN)
    await shop.order(anna)
    for model in Model:
        assert await shop.campaigns(model) == {7: 100}


async def test_models_stand_beside_each_other(shop: Shop) -> None:
    anna, bob = await shop.contact("anna"), await shop.contact("bob")
    await shop.click(anna, days=3, campaign=7)
    await shop.hit(anna, ActivityKind.OPENED, days=1, campaign=8)
    await shop.order(anna)
    await shop.hit(bob, ActivityKind.OPENED, days=1, campaign=8)
    await shop.order(bob, "B-1", total=Decimal(30))
    assert await shop.campaigns(Model.LAST_CLICK) == {7: 100}
    assert await shop.campaigns(Model.LAST_OPEN) == {8: 130}
    assert await shop.campaigns(Model.LAST_CLICK_THEN_OPEN) == {7: 100, 8: 30}
    await shop.attribution.configure(shop.account_id, AttributionSettings(model=Model.LAST_OPEN))
    [row] = await shop.attribution.report(shop.account_id)
    assert (row.source_id, row.orders, row.net) == (8, 2, 130)


async def test_an_order_tells_its_messages_and_each_day_its_sources(shop: Shop) -> None:
    anna, bob, cora = await shop.contact("anna"), await shop.contact("bob"), await shop.contact("cora")
    await shop.click(anna, days=3, campaign=7)
    await shop.hit(anna, ActivityKind.OPENED, days=1, campaign=0)
    await shop.order(anna)
    await shop.hit(bob, ActivityKind.OPENED, days=1, campaign=8)
    await shop.order(bob, "B-1", ordered_at=NOON + timedelta(days=1), total=Decimal(30))
    await shop.click(cora, days=1, campaign=8)
    await shop.order(cora, "C-1")
    await shop.order(await shop.contact("dan"), "D-1")

    async def touches(number: str) -> list[tuple[bool, Source, int, tuple[Model, ...]]]:
        order = await shop.orders.find(shop.account_id, number)
        assert order is not None
        found = await shop.attribution.touches(shop.account_id, order.contact_id, order.order_id)
        return [(one.is_click, one.source, one.source_id, one.models) for one in found]

    assert await touches("A-1") == [
        (True, Source.CAMPAIGN, 7, (Model.LAST_CLICK, Model.LAST_CLICK_THEN_OPEN)),
        (False, Source.SINGLE, 0, (Model.LAST_OPEN,)),
    ]
    assert await touches("B-1") == [(False, Source.CAMPAIGN, 8, (Model.LAST_OPEN, Model.LAST_CLICK_THEN_OPEN))]
    assert await touches("C-1") == [(True, Source.CAMPAIGN, 8, tuple(Model))]
    assert await touches("D-1") == []

    async def days(model: Model | None = None, **span: Any) -> list[tuple[int, Source, int, Decimal]]:
        found = await shop.attribution.source_days(shop.account_id, model=model, **span)
        return [(one.day.day, one.source, one.orders, one.net) for one in found]

    assert await days() == [(8, Source.CAMPAIGN, 2, 200)]
    assert await days(Model.LAST_OPEN) == [
        (8, Source.CAMPAIGN, 1, 100),
        (8, Source.SINGLE, 1, 100),
        (9, Source.CAMPAIGN, 1, 30),
    ]
    assert await days(Model.LAST_OPEN, since=date(2026, 3, 9), until=date(2026, 3, 9)) == [(9, Source.CAMPAIGN, 1, 30)]
    with pytest.raises(Invalid):
        await days(since=date(2026, 3, 9), until=date(2026, 3, 8))


async def test_a_late_click_takes_the_order_over(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=3, campaign=7)
    await shop.order(anna)
    await shop.click(anna, days=1, campaign=8)
    await shop.catch_up()
    assert await shop.campaigns() == {8: 100}


async def test_refunds_and_changes_of_an_order_change_the_sums(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=1)
    await shop.order(anna)
    await shop.refund("A-1", 30)
    assert (await shop.totals())["last_click", 1, 7, "EUR"] == (1, 100, 30)
    await shop.order(anna, total=Decimal(60), currency="UAH")
    assert (await shop.totals()).keys() == {(model.value, 1, 7, "UAH") for model in Model}
    await shop.order(anna, status="CANCELLED")
    assert await shop.totals() == {}


async def test_a_deleted_order_leads_to_nothing_and_one_that_moves_takes_its_revenue_along(shop: Shop) -> None:
    anna, bob = await shop.contact("anna"), await shop.contact("bob")
    await shop.click(anna, days=1, campaign=7)
    await shop.click(bob, days=1, campaign=8)
    await shop.order(anna)
    await shop.order(bob)
    assert await shop.campaigns() == {8: 100}
    await shop.orders.delete(OrderDeletion(account_id=shop.account_id, session_id=UUID(int=1), external_ids=("A-1",)))
    assert await shop.totals() == {}


async def test_messages_of_workflows_and_others_are_sources_too(shop: Shop) -> None:
    anna, bob = await shop.contact("anna"), await shop.contact("bob")
    message = single_message_id(anna)
    async with shop.database.system() as connection:
        await connection.execute(
            "INSERT INTO workflow_messages VALUES (%s, %s, %s, %s, 5)", (shop.account_id, anna & 255, message, anna)
        )
    await shop.click(anna, days=1, campaign=0, message_id=message)
    await shop.click(bob, days=1, campaign=0)
    await shop.order(anna)
    await shop.order(bob, "B-1")
    found = await shop.attribution.report(shop.account_id)
    assert {(one.source, one.source_id) for one in found} == {(Source.WORKFLOW, 5), (Source.SINGLE, 0)}


async def test_other_windows_count_for_orders_of_before(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=9)
    await shop.order(anna)
    state = await shop.attribution.configure(shop.account_id, AttributionSettings(click_days=10, open_days=0))
    assert not state.is_settled
    await shop.catch_up()
    assert (await shop.attribution.state(shop.account_id)).is_settled
    assert await shop.campaigns() == {7: 100}
    with pytest.raises(Invalid, match="click_days"):
        await shop.attribution.configure(shop.account_id, AttributionSettings(click_days=91))


async def test_a_merge_looks_among_the_hits_of_both_and_an_erasure_keeps_the_sums(shop: Shop) -> None:
    anna, old = await shop.contact("anna"), await shop.contact("old")
    await shop.click(old, days=1, campaign=8)
    await shop.order(anna)
    await shop.contacts.merge(shop.account_id, anna, old)
    await shop.catch_up()
    assert await shop.campaigns() == {8: 100}
    await shop.click(old, days=0.5, campaign=9)
    await shop.catch_up()
    assert await shop.campaigns() == {9: 100}, "a late hit of a mail to the merged contact"
    await shop.contacts.erase(shop.account_id, anna)
    await shop.catch_up()
    assert await shop.campaigns() == {9: 100}


async def test_a_touch_that_was_found_outlives_the_activity_it_is_known_from(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=1)
    await shop.order(anna)
    async with shop.database.system() as connection:
        await connection.execute("DELETE FROM activity WHERE account_id = %s", (shop.account_id,))
    await shop.refund("A-1", 40)
    assert await shop.campaigns() == {7: 60}


async def test_revenue_is_told_by_day_of_the_order(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.click(anna, days=1)
    await shop.order(anna)
    await shop.order(anna, "A-2", ordered_at=NOON + timedelta(days=1), total=Decimal(5))
    days = await shop.attribution.days(shop.account_id, Source.CAMPAIGN, 7)
    assert [(one.day.day, one.orders, one.net) for one in days] == [(8, 1, 100), (9, 1, 5)]
    only = await shop.attribution.report(shop.account_id, since=days[1].day)
    assert [one.net for one in only] == [5]


# ------------------------------------------------------------ a naive recount

Step = tuple[Any, ...]
_NAMES = ("anna", "bob")
_HITS = st.tuples(
    st.just("hit"),
    st.sampled_from(_NAMES),
    st.sampled_from([ActivityKind.OPENED, ActivityKind.CLICKED]),
    st.sampled_from([7, 8]),
    st.integers(0, 7),
    st.sampled_from([HitClass.HUMAN, HitClass.HUMAN, HitClass.HUMAN, HitClass.MACHINE]),
)
_ORDERS = st.tuples(
    st.just("order"),
    st.sampled_from(["A", "B"]),
    st.integers(0, 3),
    st.sampled_from(_NAMES),
    st.sampled_from(["DELIVERED", "DELIVERED", "DELIVERED", "CANCELLED"]),
    st.integers(1, 9),
    # Mostly within the window of some hit.
    st.integers(4, 7),
    st.sampled_from(["EUR", "UAH"]),
)
_REFUNDS = st.tuples(st.just("refund"), st.sampled_from(["A", "B"]), st.integers(1, 9))
_DAY = NOON - timedelta(days=8)


def _recount(steps: Sequence[Step], merged: bool) -> Totals:
    """The sums said in the plainest Python."""
    who = {name: "anna" if merged else name for name in _NAMES}
    newest: dict[str, Step] = {}
    for step in steps:
        if step[0] == "order" and (step[1] not in newest or step[2] > newest[step[1]][2]):
            newest[step[1]] = step
    refunds = {step[1]: step[2] for step in steps if step[0] == "refund"}
    totals: Totals = {}
    for number, (_, _, _, name, status, total, day, currency) in newest.items():
        if status == "CANCELLED":
            continue
        at = _DAY + timedelta(days=day)
        touches = [
            (_DAY + timedelta(days=hit[4]), kind, hit[3], hit[1])
            for hit in steps
            if hit[0] == "hit" and who[hit[1]] == who[name] and hit[5] is HitClass.HUMAN
            for kind in ({ActivityKind.OPENED, hit[2]})
            if timedelta(0) <= at - (_DAY + timedelta(days=hit[4])) <= timedelta(days=5)
        ]
        clicks = [touch for touch in touches if touch[1] is ActivityKind.CLICKED]
        chosen = {
            "last_click": _last(clicks),
            "last_open": _last(touches),
            "last_click_then_open": _last(clicks) or _last(touches),
        }
        for model, campaign in chosen.items():
            if campaign:
                key = model, 1, campaign, currency
                orders, gross, refunded = totals.get(key, (0, Decimal(0), Decimal(0)))
                given_back = Decimal(min(refunds.get(number, 0), total))
                totals[key] = orders + 1, gross + total, refunded + given_back
    return totals


def _last(touches: Sequence[tuple[Any, ...]]) -> int:
    """The campaign of the last one; of two at one moment the greater message id, which begins with the campaign."""
    return max(((touch[0], touch[2]) for touch in touches), default=(None, 0))[1]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    data=st.data(),
    hits=st.lists(_HITS, min_size=2, max_size=5),
    orders=st.lists(_ORDERS, min_size=1, max_size=4, unique_by=lambda step: step[1:3]),
    refunds=st.lists(_REFUNDS, max_size=2, unique_by=lambda step: step[1]),
    merged=st.booleans(),
)
async def test_any_order_of_hits_orders_refunds_and_merges_gives_what_a_recount_gives(
    shop: Shop, data: st.DataObject, hits: list[Step], orders: list[Step], refunds: list[Step], merged: bool
) -> None:
    steps: list[Step] = [*hits, *orders, *refunds]
    expected = _recount(steps, merged)
    arriving = data.draw(st.permutations([*steps, *orders[:1], *refunds[:1], *([("merge",)] if merged else [])]))
    mine = Shop(shop.database, shop.contacts, shop.orders, shop.attribution, await fresh_account(shop.database))
    ids = {name: await mine.contact(name) for name in _NAMES}
    owners = dict(ids)
    for step in arriving:
        if step[0] == "hit":
            await mine.hit(
                ids[step[1]],
                step[2],
                days=(NOON - _DAY - timedelta(days=step[4])).days,
                campaign=step[3],
                hit_class=step[5],
            )
        elif step[0] == "refund":
            await mine.refund(step[1], step[2])
        elif step[0] == "merge":
            await mine.contacts.merge(mine.account_id, ids["anna"], ids["bob"])
            owners["bob"] = ids["anna"]
        else:
            _, number, version, name, status, total, day, currency = step
            await mine.order(
                owners[name],
                number,
                status=status,
                total=Decimal(total),
                currency=currency,
                ordered_at=_DAY + timedelta(days=day),
                changed_at=NOON + timedelta(hours=version),
            )
        if data.draw(st.booleans()):
            await mine.catch_up()
    await mine.catch_up()
    assert await mine.totals() == expected

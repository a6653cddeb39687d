"""What came of a workflow: conversions, revenue, messages by step, and what those held out did without it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.activity.model import ActivityKind, Hit
from syncom.activity.service import ActivityService
from syncom.attribution.service import AttributionService
from syncom.errors import Invalid, NotFound
from syncom.orders.model import OrderInput
from syncom.orders.service import OrdersService
from syncom.postgres.sql import load_sql
from syncom.workflows.model import EnrolmentState, Workflow
from syncom.workflows.results import ResultsService, WorkflowResults
from syncom.workflows.uplift import uplift, wilson
from tests.messages.email.smtp_peer import running_peer
from tests.messages.house import sending
from tests.settling import settle
from tests.workflows.conftest import Journeys

DAY = 24 * 3600
WAIT = {"type": "wait", "id": "rest", "days": 1}
GOAL = {"type": "goal", "id": "bought", "event_type": "paid"}
KYIV = {"field": "city", "op": "equals", "value": "Kyiv"}


@dataclass
class Shop:
    """Workflows of an account with orders and hits."""

    journeys: Journeys
    orders: OrdersService
    attribution: AttributionService
    results: ResultsService

    async def started(self, *steps: dict[str, Any], **rules: Any) -> Workflow:
        journeys = self.journeys
        trigger = {"type": "event", "event_type": "joined"}
        definition = {"trigger": trigger, "steps": list(steps), "rules": rules}
        made = await journeys.workflows.create(journeys.account_id, "Welcome", definition)
        return await journeys.workflows.start(journeys.account_id, made.workflow_id)

    async def order(self, contact_id: int, number: str, **members: Any) -> None:
        account_id, now = self.journeys.account_id, self.journeys.clock.now()
        given: dict[str, Any] = {
            "status": "DELIVERED",
            "total": Decimal(100),
            "currency": "EUR",
            "ordered_at": now,
            **members,
        }
        taken = await self.orders.take(account_id, [OrderInput(external_id=number, contact_id=contact_id, **given)])
        assert not taken.problems

    async def hit(self, contact_id: int, message_id: UUID, kind: ActivityKind) -> None:
        one = Hit(
            account_id=self.journeys.account_id,
            contact_id=contact_id,
            campaign_id=0,
            kind=kind,
            occurred_at=self.journeys.clock.now(),
            message_id=message_id,
        )
        async with self.journeys.database.autocommit() as connection:
            await ActivityService(self.journeys.database, self.journeys.clock).record(connection, [one])
        await settle(self.journeys.database)

    async def of(self, workflow: Workflow, **period: Any) -> WorkflowResults:
        return await self.results.of_workflow(self.journeys.account_id, workflow.workflow_id, **period)

    async def held_out(self, workflow: Workflow) -> set[int]:
        async with self.journeys.database.system() as connection:
            rows = await connection.execute(
                "SELECT contact_id FROM enrolments WHERE workflow_id = %s AND state = 7", (workflow.workflow_id,)
            )
            return {row[0] for row in await rows.fetchall()}


@pytest.fixture
async def shop(journeys: Journeys) -> Shop:
    database = journeys.database
    attribution = AttributionService(database)
    orders = OrdersService(database, journeys.sending.contacts, journeys.events, changed=attribution.orders_changed)
    return Shop(journeys, orders, attribution, ResultsService(database, attribution, journeys.clock))


async def test_without_a_goal_an_order_in_time_is_a_conversion(shop: Shop) -> None:
    anna, boris, clara, dora = await shop.journeys.sending.people(4)
    await shop.order(dora, "before")
    workflow = await shop.started(WAIT, conversion_days=3)
    await shop.journeys.happen(anna, boris, clara, dora)
    await shop.journeys.settle()
    await shop.order(anna, "A-1")
    await shop.order(boris, "B-1", status="CANCELLED")
    await shop.journeys.time_passes(4 * DAY)
    await shop.order(clara, "late")
    found = await shop.of(workflow)
    assert (found.conversion, found.conversion_days) == ("order", 3)
    assert (found.journeys.entered, found.journeys.finished, found.journeys.converted) == (4, 4, 1)
    assert found.journeys.conversion_rate == 0.25
    assert found.holdout is None


async def test_with_a_goal_it_is_the_conversion_also_for_those_who_are_through(shop: Shop) -> None:
    anna, boris, clara, dora = await shop.journeys.sending.people(4)
    workflow = await shop.started(WAIT, GOAL, conversion_days=3)
    await shop.journeys.happen(anna, boris, clara, dora)
    await shop.journeys.settle()
    await shop.order(dora, "A-1")  # no conversion here
    await shop.journeys.happen(anna, event="paid")
    await shop.journeys.time_passes(DAY + 60)
    await shop.journeys.happen(boris, event="paid")
    await shop.journeys.settle()
    await shop.journeys.time_passes(3 * DAY)
    await shop.journeys.happen(clara, event="paid")
    await shop.journeys.settle()
    found = await shop.of(workflow)
    assert (found.conversion, found.journeys.entered, found.journeys.converted) == ("goal", 4, 2)
    assert await shop.journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: 4}


async def test_messages_are_told_by_step_and_lead_to_revenue(shop: Shop) -> None:
    journeys = shop.journeys
    anna, boris, gone = await journeys.sending.people(3)
    template = await journeys.template()
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        workflow = await shop.started(
            {"type": "send_email", "id": "hello", "template_id": template},
            WAIT,
            {"type": "send_email", "id": "again", "template_id": template},
        )
        await journeys.happen(anna, boris, gone, city="Lviv")
        await journeys.settle()
        await journeys.unsubscribe(gone)
        async with journeys.database.system() as connection:
            rows = await (await connection.execute("SELECT contact_id, message_id FROM messages")).fetchall()
        sent: dict[int, UUID] = dict(rows)
        async with sending(journeys.express()), asyncio.timeout(60):
            while await journeys.queued():
                await asyncio.sleep(0.02)
    await shop.hit(anna, sent[anna], ActivityKind.OPENED)
    await shop.hit(anna, sent[anna], ActivityKind.CLICKED)
    await shop.hit(boris, sent[boris], ActivityKind.OPENED)
    await shop.order(anna, "A-1")
    await shop.order(boris, "B-1")
    # Another version keeps the names of steps.
    await journeys.workflows.change(
        journeys.account_id,
        workflow.workflow_id,
        definition={
            "trigger": {"type": "event", "event_type": "joined"},
            "steps": [WAIT, {"type": "send_email", "id": "again", "template_id": template}],
        },
    )
    await journeys.time_passes(DAY + 1)
    async with journeys.database.system() as connection:
        # One of a release that did not keep its step.
        await connection.execute(
            "INSERT INTO workflow_messages (account_id, bucket, message_id, contact_id, workflow_id)"
            " VALUES (%s, 0, gen_random_uuid(), %s, %s)",
            (journeys.account_id, anna, workflow.workflow_id),
        )
    found = await shop.of(workflow)
    assert [(one.step_id, one.queued, one.sent, one.opened, one.clicked) for one in found.messages] == [
        ("again", 2, 0, 0, 0),
        ("", 1, 0, 0, 0),
        ("hello", 3, 2, 2, 1),
    ]
    assert found.messages[2].excluded == 1
    [money] = found.attributed
    assert (money.currency, money.orders, money.net) == ("EUR", 1, Decimal(100))


async def test_those_held_out_convert_by_the_same_goal_and_the_difference_is_told(shop: Shop) -> None:
    people = await shop.journeys.sending.people(60)
    workflow = await shop.started(WAIT, GOAL, holdout=50)
    await shop.journeys.happen(*people)
    await shop.journeys.settle()
    held = await shop.held_out(workflow)
    walking = [one for one in people if one not in held]
    assert held
    assert walking
    control = sorted(held)[:2]
    for one in (*walking[:10], *control):
        await shop.journeys.happen(one, event="paid")
        await shop.order(one, f"A-{one}", total=Decimal(30))
    await shop.journeys.settle()
    found = (await shop.of(workflow)).holdout
    assert found is not None
    assert (found.went_in.contacts, found.went_in.converted) == (len(walking), 10)
    assert (found.held_out.contacts, found.held_out.converted) == (len(held), 2)
    [money] = found.held_out.money
    assert (money.orders, money.revenue) == (2, Decimal(60))
    assert money.per_contact == round(Decimal(60) / len(held), 4)
    assert found.uplift == uplift(10, len(walking), 2, len(held))
    journeys = (await shop.of(workflow)).journeys
    assert (journeys.entered, journeys.converted) == (len(walking), 10)


async def test_a_goal_by_a_condition_is_noted_of_those_held_out_too(shop: Shop) -> None:
    journeys = shop.journeys
    people = await journeys.sending.people(30)
    workflow = await shop.started(WAIT, {"type": "goal", "id": "moved", "condition": KYIV}, holdout=50)
    keeper = journeys.membership_keeper()

    async def live_in_kyiv(*contact_ids: int) -> None:
        async with journeys.database.system() as connection:
            await connection.execute(
                "UPDATE contacts SET city = 'Kyiv' WHERE contact_id = ANY (%s)", (list(contact_ids),)
            )
        while await keeper.step(everything=True):
            pass

    await live_in_kyiv(people[0], people[1], people[2], people[3], people[4])
    await journeys.happen(*people)
    await journeys.settle()
    held = await shop.held_out(workflow)
    moving = [next(one for one in people[5:] if (one in held) is is_held) for is_held in (False, True)]
    await live_in_kyiv(*moving)
    await journeys.settle()
    await journeys.time_passes(DAY + 1)
    found = (await shop.of(workflow)).holdout
    assert found is not None
    before = {*people[:5], *moving}
    assert found.held_out.converted == len(held & before)
    assert found.went_in.converted == len(before - held)


async def test_a_contact_that_comes_in_often_is_compared_by_its_first_journey(shop: Shop) -> None:
    people = await shop.journeys.sending.people(20)
    workflow = await shop.started(WAIT, holdout=50)
    for key in "ab":
        await shop.journeys.happen(*people, key=key)
    await shop.journeys.settle()
    for one in people:
        await shop.order(one, f"A-{one}")
    found = (await shop.of(workflow)).holdout
    assert found is not None
    assert found.went_in.contacts + found.held_out.contacts == 20
    assert [one.orders for one in (*found.went_in.money, *found.held_out.money)] == [
        found.went_in.contacts,
        found.held_out.contacts,
    ]
    # Who is merged counts once, as the contact it is now.
    held = await shop.held_out(workflow)
    keep, drop = sorted(held)[:2]
    await shop.journeys.sending.contacts.merge(shop.journeys.account_id, keep, drop)
    merged = (await shop.of(workflow)).holdout
    assert merged is not None
    assert merged.held_out.contacts == found.held_out.contacts - 1


async def test_a_period_says_who_counts(shop: Shop) -> None:
    anna, boris = await shop.journeys.sending.people(2)
    workflow = await shop.started(WAIT)
    await shop.journeys.happen(anna)
    await shop.journeys.settle()
    first = shop.journeys.clock.now().date()
    await shop.journeys.time_passes(10 * DAY)
    await shop.journeys.happen(boris)
    await shop.journeys.settle()
    assert (await shop.of(workflow)).journeys.entered == 2
    assert (await shop.of(workflow, since=first, until=first)).journeys.entered == 1
    assert (await shop.of(workflow, since=first + timedelta(days=2))).journeys.waiting == 1
    for wrong in ({"since": first, "until": first - timedelta(days=1)}, {"since": first - timedelta(days=800)}):
        with pytest.raises(Invalid, match="since"):
            await shop.of(workflow, **wrong)
    with pytest.raises(NotFound):
        await shop.results.of_workflow(shop.journeys.account_id, 10**9)


async def test_results_read_by_their_indexes_alone(shop: Shop) -> None:
    """An account's results do not walk the tables of all."""
    workflow = await shop.started(WAIT)
    now = shop.journeys.clock.now()
    values = {
        "account_id": shop.journeys.account_id,
        "workflow_id": workflow.workflow_id,
        "since": now - timedelta(days=90),
        "until": now,
        "span": timedelta(days=7),
        "by_goal": False,
    }
    statements = load_sql("syncom.workflows", "results.sql")
    async with shop.journeys.database.system() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        for name, index in (
            ("journeys", "enrolments_key"),
            ("groups", "enrolments_key"),
            ("messages", "workflow_messages_workflow"),
        ):
            rows = await (await connection.execute("EXPLAIN " + statements[name], values)).fetchall()
            plan = "\n".join(row[0] for row in rows)
            assert index in plan, plan
            for table in ("enrolments", "orders", "workflow_messages", "ledger", "engagements", "merged_contacts"):
                assert f"Seq Scan on {table}" not in plan, plan


# ---------------------------------------------------------------- the statistics


def test_the_interval_of_a_difference_is_that_of_the_paper() -> None:
    """Newcombe 1998, table II: examples (a) and (d) by method 10."""
    first = uplift(56, 70, 48, 80)
    assert first is not None
    assert (round(first.absolute_interval.low, 4), round(first.absolute_interval.high, 4)) == (0.0524, 0.3339)
    fourth = uplift(5, 56, 0, 29)
    assert fourth is not None
    assert (round(fourth.absolute_interval.low, 4), round(fourth.absolute_interval.high, 4)) == (-0.0381, 0.1926)
    assert (first.significant, fourth.significant) == (True, False)
    assert (fourth.relative, fourth.relative_interval) == (None, None)


groups = st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(one=groups, other=groups)
def test_an_uplift_lies_in_its_interval_and_is_turned_round_by_turning_the_groups(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    found, turned = uplift(*one, *other), uplift(*other, *one)
    assert found is not None
    assert turned is not None
    interval = found.absolute_interval
    assert -1 - 1e-9 <= interval.low <= found.absolute + 1e-9
    assert found.absolute - 1e-9 <= interval.high <= 1 + 1e-9
    assert math.isclose(turned.absolute_interval.high, -interval.low, abs_tol=1e-9)
    assert found.significant == turned.significant
    if found.relative_interval is not None and found.relative is not None:
        assert found.relative_interval.low <= found.relative <= found.relative_interval.high
    assert 0 <= wilson(*one).low <= wilson(*one).high <= 1


def test_groups_without_anybody_have_no_uplift() -> None:
    assert uplift(0, 0, 1, 5) is None
    assert uplift(1, 5, 0, 0) is None

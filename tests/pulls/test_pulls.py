"""Contacts and orders pulled out of a shop that is connected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncom.contacts.model import IdentityKind, SubscriptionState
from syncom.errors import Conflict, Invalid, NotFound, SyncomError
from syncom.pulls.model import PullInput, PullKind
from tests.connect.connectors.desk import Desk, desk_of
from tests.connect.connectors.simulators import Shopify
from tests.http.conftest import module_dsn

__all__ = ["module_dsn"]

CUSTOMER = {
    "email": {"$var": "$.row.email"},
    "first_name": {"$var": "$.row.first_name"},
    "external_id": {"$concat": ["shop-", {"$var": "$.row.id"}]},
}
PAID = {"filter": {"$eq": [{"$var": "$.row.financial_status"}, "paid"]}, "value": "DELIVERED"}
ORDER = {
    "external_id": {"$concat": [{"$var": "$.row.id"}]},
    "status": {"$case": {"cases": [PAID], "default": "IN_PROGRESS"}},
    "total": {"$var": "$.row.total_price"},
    "currency": {"$var": "$.row.currency"},
    "ordered_at": {"$var": "$.row.created_at"},
    "customer": {"email": {"$var": "$.row.email"}},
}


@asynccontextmanager
async def shop(dsn: str, folder: Path) -> AsyncIterator[tuple[Desk, PullInput]]:
    """A desk connected to the shop, and what is pulled out of it."""
    async with desk_of("shopify", Shopify(), dsn, folder) as desk:
        await desk.connect({"shop": "tea"}, accessToken=Shopify.token)
        assert desk.connection is not None
        yield (
            desk,
            PullInput(
                name="Customers",
                kind=PullKind.CONTACTS,
                connection_id=desk.connection.connection_id,
                action="list-customers",
                rows="$.customers",
                input={"updated_at_min": {"$var": "$.since"}},
                mapping=CUSTOMER,
            ),
        )


async def test_contacts_are_pulled_and_the_next_time_only_what_changed(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as (desk, given):
        pulls, account_id = desk.app.pulls, desk.caller.account_id
        shown, problems = await pulls.preview(account_id, given)
        assert [row.first_name for row in shown] == [f"Buyer {n}" for n in range(5)]
        assert problems == []
        assert await desk.app.contacts.find(account_id, IdentityKind.EMAIL, "buyer1@example.com") is None

        pull = await pulls.add(account_id, given)
        assert await desk.app.pull_keeper().step() == 1
        assert await desk.app.pull_keeper().step() == 0, "not before its time"
        pull = await pulls.get(account_id, pull.pull_id)
        assert pull.last_error is None
        assert pull.last_result is not None
        assert (pull.last_result.rows, pull.last_result.created, pull.last_result.refused) == (5, 5, 0)
        assert pull.since is not None
        assert pull.next_at == pull.since + timedelta(seconds=3600)
        found = await desk.app.contacts.find(account_id, IdentityKind.EMAIL, "buyer1@example.com")
        assert found is not None
        assert (found.external_id, found.email_state) == ("shop-1001", SubscriptionState.NONE), "nobody agreed to mail"
        asked = [seen for seen in desk.simulator.seen if seen.path.endswith("customers.json")]
        assert all("updated_at_min" not in seen.query for seen in asked), "the first time everything"

        pull = await pulls.run_now(account_id, pull.pull_id)
        assert pull.last_result is not None
        assert (pull.last_result.created, pull.last_result.unchanged) == (0, 5)
        assert [seen for seen in desk.simulator.seen if "updated_at_min" in seen.query], "then what changed since"
        run = await desk.app.runs.get(desk.caller, pull.last_run_id or "")
        assert run.actor == f"pull:{pull.pull_id}"


async def test_orders_are_pulled_with_their_customers(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as (desk, given):
        pulls, account_id = desk.app.pulls, desk.caller.account_id
        orders = PullInput(
            name="Orders",
            kind=PullKind.ORDERS,
            connection_id=given.connection_id,
            action="list-orders",
            rows="$.orders",
            mapping=ORDER,
            every=0,
        )
        pull = await pulls.add(account_id, orders)
        assert pull.next_at is None, "only when somebody asks"
        pull = await pulls.run_now(account_id, pull.pull_id)
        assert pull.last_result is not None
        assert (pull.last_result.created, pull.last_result.problems) == (2, [])
        order = await desk.app.orders.find(account_id, "7001")
        assert order is not None
        assert (str(order.total), order.status, order.currency) == ("120.50", "DELIVERED", "UAH")
        pull = await pulls.run_now(account_id, pull.pull_id)
        assert pull.last_result is not None
        assert (pull.last_result.created, pull.last_result.updated) == (0, 2)


async def test_bad_rows_are_named_and_the_others_taken(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as (desk, given):
        wrong = {"filter": {"$eq": [{"$var": "$.row.id"}, 1002]}, "value": "no address"}
        email = {"$case": {"cases": [wrong], "default": {"$var": "$.row.email"}}}
        pull = await desk.app.pulls.add(desk.caller.account_id, _changed(given, mapping={**CUSTOMER, "email": email}))
        pull = await desk.app.pulls.run_now(desk.caller.account_id, pull.pull_id)
        assert pull.last_result is not None
        assert (pull.last_result.created, pull.last_result.refused) == (4, 1)
        [problem] = pull.last_result.problems
        assert (problem.row, problem.field) == (2, "email")


async def test_a_shop_that_fails_is_asked_again_later_and_nothing_is_forgotten(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as (desk, given):
        pulls, account_id = desk.app.pulls, desk.caller.account_id
        pull = await pulls.add(account_id, given)
        desk.simulator.hiccups.append((403, {}, {"errors": "This action requires merchant approval"}))
        assert await desk.app.pull_keeper().step() == 1
        pull = await pulls.get(account_id, pull.pull_id)
        assert "403" in (pull.last_error or "")
        assert Shopify.token not in (pull.last_error or "")
        assert (pull.since, pull.failures) == (None, 1)
        assert pull.next_at is not None
        assert pull.last_run_id is not None
        pull = await pulls.run_now(account_id, pull.pull_id)
        assert (pull.last_error, pull.failures) == (None, 0)
        desk.simulator.hiccups.append((403, {}, {"errors": "no"}))
        with pytest.raises(SyncomError, match="403"):
            await pulls.run_now(account_id, pull.pull_id)


async def test_what_cannot_work_is_refused_when_it_is_added(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as (desk, given):
        pulls, account_id = desk.app.pulls, desk.caller.account_id
        wrong: list[tuple[dict[str, Any], type[SyncomError]]] = [
            ({"name": " "}, Invalid),
            ({"every": 5}, Invalid),
            ({"connection_id": "0" * 24}, NotFound),
            ({"tenant": "nobody"}, NotFound),
            ({"action": "no-such"}, NotFound),
            ({"action": "create-customer"}, Invalid),
            ({"input": {"limit": {"$nonsense": 1}}}, Invalid),
        ]
        for members, kind in wrong:
            with pytest.raises(kind):
                await pulls.add(account_id, _changed(given, **members))
        assert await pulls.list(account_id) == []
        pull = await pulls.add(account_id, given)
        with pytest.raises(Conflict, match="Customers"):
            await pulls.add(account_id, given)
        assert not (await pulls.set_enabled(account_id, pull.pull_id, enabled=False)).enabled
        assert await desk.app.pull_keeper().step() == 0, "it rests"
        await pulls.remove(account_id, pull.pull_id)
        with pytest.raises(NotFound):
            await pulls.get(account_id, pull.pull_id)


def _changed(given: PullInput, **members: Any) -> PullInput:
    values = {name: getattr(given, name) for name in given.__struct_fields__}
    return PullInput(**(values | members))

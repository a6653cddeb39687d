"""Steps that run actions of connections: at least once, with the credentials of the account."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncom.connect.model import Caller, CallerKind
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.workflows.calls.keeper import ACTION_LEASE, CallsKeeper
from syncom.workflows.model import CallState, EnrolmentState, Workflow
from tests.clocks import ShiftedClock
from tests.connect.connectors.desk import Desk, desk_of
from tests.connect.connectors.simulators import Shopify
from tests.http.conftest import module_dsn

__all__ = ["module_dsn"]

FINISHED, WAITING, FAILED = EnrolmentState.FINISHED, EnrolmentState.WAITING, EnrolmentState.FAILED
MINUTE = 60


class Shop:
    """Workflows of an account that is connected to a shop."""

    def __init__(self, desk: Desk, clock: ShiftedClock) -> None:
        self.desk = desk
        self.app = desk.app
        self.account_id = desk.caller.account_id
        self.clock = clock
        self.keeper = self.app.workflow_keeper()
        self.calls = self.app.calls_keeper()

    @property
    def connection_id(self) -> str:
        assert self.desk.connection is not None
        return self.desk.connection.connection_id

    @property
    def made(self) -> list[dict[str, Any]]:
        """What was created at the shop."""
        seen = [one for one in self.desk.simulator.seen if one.method == "POST"]
        return [one.json["customer"] for one in seen]

    def action(self, **members: Any) -> dict[str, Any]:
        customer = {"email": "{{ contact.email }}", "first_name": "{{ contact.first_name }} of {{ data.city }}"}
        return {
            "type": "action",
            "id": "create",
            "connection": self.connection_id,
            "action": "create-customer",
            "input": {"customer": customer},
            **members,
        }

    async def started(self, *steps: dict[str, Any]) -> Workflow:
        trigger = {"type": "event", "event_type": "joined"}
        made = await self.app.workflows.create(self.account_id, "Shop", {"trigger": trigger, "steps": list(steps)})
        return await self.app.workflows.start(self.account_id, made.workflow_id)

    async def happen(self, *emails: str) -> None:
        for email in emails:
            contact = ContactInput(email=email, first_name="Name")
            made = await self.app.contacts.upsert_one(self.account_id, contact, UpsertOptions())
            event = EventInput(type_key="joined", key=email, params={"city": "Lviv"}, contact_id=made.contact_id)
            await self.app.events.record(self.account_id, [event])

    async def settle(self, keeper: CallsKeeper | None = None) -> None:
        more = True
        while more:
            while await self.keeper.step():
                pass
            more = await (keeper or self.calls).step()

    async def time_passes(self, seconds: float) -> None:
        self.clock.ahead += timedelta(seconds=seconds)
        await self.settle()

    async def states(self, workflow: Workflow) -> dict[EnrolmentState, int]:
        found = await self.app.workflows.counts(self.account_id, workflow.workflow_id)
        return {state: number for state, number in found.items() if number}

    async def rows(self) -> list[tuple[Any, ...]]:
        async with self.app.database.system() as connection:
            cursor = await connection.execute(
                "SELECT state, attempts, request FROM workflow_calls WHERE account_id = %s ORDER BY call_id",
                (self.account_id,),
            )
            return await cursor.fetchall()


@asynccontextmanager
async def shop(dsn: str, folder: Path) -> AsyncGenerator[Shop]:
    clock = ShiftedClock()
    async with desk_of("shopify", Shopify(), dsn, folder, clock) as desk:
        await desk.connect({"shop": "tea"}, accessToken=Shopify.token)
        yield Shop(desk, clock)


async def test_an_action_runs_with_the_accounts_credentials_and_steps_after_it_see_its_output(
    module_dsn: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with shop(module_dsn, tmp_path) as house:
        second = {"customer": {"email": "{{ data.answer.customer.id }}@example.com"}}
        workflow = await house.started(house.action(), house.action(id="again", input=second))
        await house.happen("anna@example.com")
        await house.settle()
        assert await house.states(workflow) == {FINISHED: 1}
        assert house.made == [
            {"email": "anna@example.com", "first_name": "Name of Lviv"},
            {"email": "2000@example.com"},
        ]
        rows = await house.rows()
        assert [state for state, _, _ in rows] == [CallState.DONE] * 2
        run = await house.app.runs.get(house.desk.caller, rows[0][1][0]["run_id"])
        assert run.actor == f"workflow:{workflow.workflow_id}"
        async with house.app.database.system() as connection:
            told = await (await connection.execute("SELECT row_to_json(c)::text FROM workflow_calls c")).fetchall()
        assert Shopify.token not in str(told)
        assert Shopify.token not in caplog.text


async def test_an_app_that_is_down_for_an_hour_loses_nothing_and_repeats_nothing(
    module_dsn: str, tmp_path: Path
) -> None:
    people = [f"p{number}@example.com" for number in range(12)]
    async with shop(module_dsn, tmp_path) as house:
        workflow = await house.started(house.action())
        await house.happen(*people)
        house.desk.simulator.hiccups = [(500, {}, {"errors": "down"})] * 12 * 4
        await house.settle()
        for minutes in (1, 5, 15, 38):
            assert await house.states(workflow) == {WAITING: 12}
            await house.time_passes(minutes * MINUTE + 1)
        assert house.desk.simulator.hiccups == []
        house.desk.simulator.seen.clear()
        await house.time_passes(23 * MINUTE)
        assert await house.states(workflow) == {FINISHED: 12}
        assert sorted(one["email"] for one in house.made) == sorted(people)
        tried = [[one.get("status") for one in attempts] for _, attempts, _ in await house.rows()]
        assert tried == [[500] * 4 + [None]] * 12, "of a run that went well there is no status"


async def test_what_the_app_refuses_parks_only_whom_it_refuses(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as house:
        workflow = await house.started(house.action())
        await house.happen("buyer1@example.com", "new@example.com")
        await house.settle()
        assert await house.states(workflow) == {FINISHED: 1, FAILED: 1}
        [(_, attempts, _)] = [row for row in await house.rows() if row[0] == CallState.GIVEN_UP]
        assert attempts[0]["status"] == 422
        assert "answered 422" in attempts[0]["error"]
        assert len(attempts) == 1


async def test_credentials_that_are_refused_wait_for_a_person(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as house:
        workflow = await house.started(house.action())
        house.desk.simulator.hiccups.append((401, {}, {"errors": "[API] Invalid API key"}))
        await house.happen("anna@example.com")
        await house.settle()
        await house.app.doubts.settle()
        assert await house.states(workflow) == {WAITING: 1}
        await house.time_passes(MINUTE + 1)
        assert await house.states(workflow) == {FINISHED: 1}


async def test_a_keeper_that_dies_during_a_run_does_not_make_it_twice(module_dsn: str, tmp_path: Path) -> None:
    """The run went on to its end and was recorded; the key tells the next keeper."""
    async with shop(module_dsn, tmp_path) as house:
        workflow = await house.started(house.action())
        await house.happen("anna@example.com")
        while await house.keeper.step():
            pass

        dying = house.app.calls_keeper()
        step = asyncio.create_task(dying.step())
        async with asyncio.timeout(30):
            while not house.made:
                await asyncio.sleep(0.001)
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)
        await dying.abandon()
        await house.settle()
        assert await house.states(workflow) in ({WAITING: 1}, {FINISHED: 1})
        await house.time_passes(ACTION_LEASE.total_seconds() + 1)
        assert await house.states(workflow) == {FINISHED: 1}
        assert len(house.made) == 1
        [(state, [attempt], _)] = await house.rows()
        assert (state, "error" in attempt) == (CallState.DONE, False)


async def test_a_connection_that_is_gone_parks_and_start_refuses(module_dsn: str, tmp_path: Path) -> None:
    async with shop(module_dsn, tmp_path) as house:
        workflow = await house.started(house.action())
        await house.happen("anna@example.com")
        manager = Caller(account_id=house.account_id, kind=CallerKind.MANAGER, workspace_key="", actor="test")
        await house.app.connections.archive(manager, house.connection_id)
        await house.settle()
        assert await house.states(workflow) == {FAILED: 1}
        await house.app.workflows.pause(house.account_id, workflow.workflow_id)
        with pytest.raises(Invalid, match=r"definition\.steps\.0\.connection"):
            await house.app.workflows.start(house.account_id, workflow.workflow_id)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"connection": "0" * 24}, "connection"),
        ({"action": "brew-coffee"}, "action"),
        ({"input": {}}, "input.customer"),
        ({"input": {"customer": {}, "tea": 1}}, "input.tea"),
        ({"input": {"customer": 5}}, "input.customer"),
        ({"input": {"customer": {"email": "{{ nonsense( }}"}}}, "input.customer.email"),
    ],
)
async def test_an_action_that_cannot_run_is_refused_with_its_place(
    module_dsn: str, tmp_path: Path, members: dict[str, Any], field: str
) -> None:
    async with shop(module_dsn, tmp_path) as house:
        with pytest.raises(Invalid) as caught:
            await house.started({"type": "wait", "days": 1}, house.action(**members))
        assert caught.value.fields[0].field == f"definition.steps.1.{field}"
        whole = {"customer": "{{ data.customer }}"}
        await house.started(house.action(input=whole))

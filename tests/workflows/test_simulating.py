"""Dry runs: what would be done is told, and nothing is done."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest

from syncom.contacts.model import FieldType
from syncom.errors import Invalid, NotFound
from syncom.messages.planned import PlannedSends
from syncom.workflows.simulation.service import SimulationsService
from syncom.workflows.simulation.tracing import Trace
from tests.workflows.conftest import Journeys, checker_of

JOINED = {"type": "event", "event_type": "joined"}


def simulations(journeys: Journeys) -> SimulationsService:
    sending = journeys.sending
    return SimulationsService(
        journeys.database,
        sending.contacts,
        journeys.events,
        sending.segments,
        sending.content,
        PlannedSends(sending.content, sending.senders),
        checker_of(sending, journeys.actions),
        journeys.clock,
    )


async def trace(journeys: Journeys, contact_id: int, *steps: dict[str, Any], **members: Any) -> Trace:
    """Of a definition that is not saved."""
    definition = {"trigger": JOINED, "rules": members.pop("rules", {}), "steps": list(steps)}
    return await simulations(journeys).of_contact(journeys.account_id, contact_id, definition=definition, **members)


async def act(journeys: Journeys, statement: str, *values: Any) -> None:
    async with journeys.database.system() as connection:
        await connection.execute(statement.encode(), values)


async def everything(journeys: Journeys) -> dict[str, int]:
    """How many rows each table has, and how often rows were changed."""
    async with journeys.database.system() as connection:
        tables = await (
            await connection.execute(
                "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            )
        ).fetchall()
        return {
            name: (await (await connection.execute(f'SELECT count(*) FROM "{name}"'.encode())).fetchone() or (0,))[0]
            for (name,) in tables
        }


# ---------------------------------------------------------------- one contact


async def test_each_step_is_told_with_its_moment_and_what_it_would_do_and_nothing_is_done(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    await act(journeys, "UPDATE contacts SET first_name = 'Anna', time_zone = 'Asia/Tokyo'")
    fields = journeys.sending.contacts.fields
    await fields.create(journeys.account_id, key="points", name="Points", type=FieldType.NUMBER)
    template = await journeys.template(name="Letter", subject="Hello {{ first_name }} of {{ data.city }}")
    before = await everything(journeys)
    told = await trace(
        journeys,
        anna,
        {"type": "send_email", "id": "hello", "template_id": template},
        {"type": "wait", "id": "rest", "days": 2, "within": {"begin": "10:00:00", "end": "11:00:00"}},
        {"type": "update_contact", "id": "points", "fields": {"points": 7}},
        {"type": "add_to_list", "id": "tag", "tag": "Never made"},
        {"type": "generate_event", "id": "tell", "event_type": "welcomed", "params": {"where": "{{ data.city }}"}},
        {"type": "stop", "id": "done"},
        params={"city": "Lviv"},
    )
    assert [one.step_id for one in told.steps] == ["hello", "rest", "points", "tag", "tell", "done"]
    hello, rest, points, tag, tell, done = told.steps
    assert hello.does == {"template_id": template, "template": "Letter", "subject": "Hello Anna of Lviv"}
    assert (hello.at, hello.next, hello.what) == (told.began_at, "rest", "passed")
    assert rest.until is not None
    assert rest.until.astimezone(UTC).hour in (1, 2)
    assert told.began_at + timedelta(days=2) <= rest.until < told.began_at + timedelta(days=3)
    assert points.does == {"set": {}, "fields": {"points": 7}}
    assert tag.does == {"tag": "Never made"}
    assert tell.does == {"event_type": "welcomed", "params": {"where": "Lviv"}}
    assert (done.at, done.next) == (rest.until, "end")
    assert (told.state, told.reason, told.ends_at) == ("finished", "step 'done'", rest.until)
    assert await everything(journeys) == before


async def test_splits_and_waits_go_the_way_that_is_asked_for(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    steps: tuple[dict[str, Any], ...] = (
        {
            "type": "split",
            "id": "half",
            "branches": [{"weight": 1, "next": "wait"}, {"weight": 3, "next": "end"}],
        },
        {"type": "wait_for", "id": "wait", "event_type": "ordered", "days": 3, "timeout": "late"},
        {"type": "stop", "id": "thanks"},
        {"type": "stop", "id": "late"},
    )
    chosen = {"half": "wait"}
    late = await trace(journeys, anna, *steps, branches=chosen)
    assert [(one.step_id, one.what) for one in late.steps] == [
        ("half", "branch 1"),
        ("wait", "timed out"),
        ("late", "passed"),
    ]
    assert [(one.next, one.percent) for one in late.steps[0].chances] == [("wait", 25.0), ("end", 75.0)]
    assert late.ends_at - late.began_at == timedelta(days=3)
    soon = await trace(journeys, anna, *steps, branches=chosen, happens={"wait": timedelta(hours=2)})
    assert [(one.step_id, one.what) for one in soon.steps][1:] == [("wait", "happened"), ("thanks", "passed")]
    assert soon.ends_at - soon.began_at == timedelta(hours=2)
    out = await trace(journeys, anna, *steps, branches={"half": "end"})
    assert [(one.step_id, one.next) for one in out.steps] == [("half", "end")]
    for wrong, field in (
        ({"branches": {"half": "late"}}, "branches.half"),
        ({"branches": {"wait": "late"}}, "branches.wait"),
        ({"happens": {"half": None}}, "happens.half"),
        ({"happens": {"wait": timedelta(days=4)}}, "happens.wait"),
    ):
        with pytest.raises(Invalid) as caught:
            await trace(journeys, anna, *steps, **wrong)
        assert caught.value.fields[0].field == field


async def test_who_gets_nothing_is_told_at_the_send(journeys: Journeys) -> None:
    left, suppressed, nowhere, fine = await journeys.sending.people(4)
    await journeys.unsubscribe(left)
    await act(
        journeys,
        "INSERT INTO suppressions (account_id, channel, address, reason)"
        " SELECT account_id, 1, email, 'complaint' FROM contacts WHERE contact_id = %s",
        suppressed,
    )
    await act(journeys, "UPDATE contacts SET email = NULL WHERE contact_id = %s", nowhere)
    send = {"type": "send_email", "template_id": await journeys.template()}
    notes = {
        one: (await trace(journeys, one, send, params={"city": "Lviv"})).steps[0]
        for one in (left, suppressed, nowhere, fine)
    }
    assert {one: step.note for one, step in notes.items()} == {
        left: "is not sent: unsubscribed",
        suppressed: "is not sent: suppressed",
        nowhere: "is not sent: no email",
        fine: "",
    }
    assert {one: step.what for one, step in notes.items()} == {
        left: "not sent",
        suppressed: "passed",
        nowhere: "not sent",
        fine: "passed",
    }
    [unmade] = (await trace(journeys, fine, send)).steps
    assert unmade.note.startswith("cannot be made: data.city: has no value for this recipient")


async def test_a_condition_is_answered_as_of_now_and_a_loop_is_followed_for_400_days(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    await act(journeys, "UPDATE contacts SET city = 'Lviv'")
    lives = {"field": "city", "op": "equals", "value": "Lviv"}
    told = await trace(
        journeys,
        anna,
        {"type": "condition", "id": "lives", "condition": lives, "otherwise": "end"},
        {"type": "wait", "id": "month", "days": 30, "next": "lives"},
    )
    assert {(one.step_id, one.what) for one in told.steps[:-1]} == {("lives", "matched"), ("month", "passed")}
    assert len(told.steps) == 28
    assert (told.state, told.reason) == ("waiting", "more than 400 days ahead: no further was looked")
    assert "conditions are asked as of now: at that moment they may be answered otherwise" in told.notes


async def test_rules_of_entry_are_asked_of_real_journeys_whatever_the_status_is(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    definition = {"trigger": JOINED, "rules": {"entry": {"again": "never"}}, "steps": [{"type": "stop"}]}
    made = await journeys.workflows.create(journeys.account_id, "Once", definition)
    service = simulations(journeys)

    async def refused() -> str:
        return (await service.of_contact(journeys.account_id, anna, workflow_id=made.workflow_id)).refused

    assert await refused() == ""
    await journeys.workflows.start(journeys.account_id, made.workflow_id)
    await journeys.happen(anna)
    await journeys.settle()
    await journeys.workflows.pause(journeys.account_id, made.workflow_id)
    assert await refused() == "never again"


async def test_what_cannot_run_and_who_is_not_there_is_refused(journeys: Journeys, other_account_id: int) -> None:
    [anna] = await journeys.sending.people(1)
    with pytest.raises(Invalid, match=r"definition\.steps\.0\.template_id"):
        await trace(journeys, anna, {"type": "send_email", "template_id": 9_999_999})
    with pytest.raises(NotFound):
        await trace(journeys, 9_999_999, {"type": "stop"})
    with pytest.raises(NotFound):
        await simulations(journeys).of_contact(
            other_account_id, anna, definition={"trigger": JOINED, "steps": [{"type": "stop"}]}
        )
    with pytest.raises(Invalid, match="definition: is missing"):
        await simulations(journeys).of_contact(journeys.account_id, anna)

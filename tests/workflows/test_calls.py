"""Steps that call what is outside: made at least once, tried again, given up, and never stuck."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from syncom.errors import Conflict, Invalid, NotFound
from syncom.retention.service import RetentionService
from syncom.workflows.calls.keeper import PER_TARGET, WEBHOOK_LEASE, CallsKeeper, wait_after
from syncom.workflows.journeys import JourneysService
from syncom.workflows.model import CallState, EnrolmentState, Outcome
from syncom.workflows.parked import ParkedService
from tests.workflows.conftest import Journeys
from tests.workflows.peer import Peer, a_peer

FINISHED, WAITING, FAILED = EnrolmentState.FINISHED, EnrolmentState.WAITING, EnrolmentState.FAILED
PAUSED, LEFT = EnrolmentState.PAUSED, EnrolmentState.LEFT
WAIT_A_DAY = {"type": "wait", "days": 1}
MINUTE, HOUR, DAY = 60, 3600, 86400


def webhook(peer: Peer, path: str = "/hook", **members: Any) -> dict[str, Any]:
    return {"type": "webhook", "id": "tell", "url": peer.url + path, **members}


def another(journeys: Journeys) -> CallsKeeper:
    """Keeper."""
    return CallsKeeper(journeys.database, journeys.outbound, journeys.actions, journeys.clock)


async def calls(journeys: Journeys) -> list[tuple[Any, ...]]:
    """State, attempts and request of each."""
    async with journeys.database.system() as connection:
        cursor = await connection.execute("SELECT state, attempts, request FROM workflow_calls ORDER BY call_id")
        return await cursor.fetchall()


async def journey(journeys: Journeys) -> dict[str, Any]:
    """The only one."""
    async with journeys.database.system() as connection:
        cursor = await connection.execute("SELECT state, step, reason, params, path FROM enrolments")
        [(state, step, reason, params, path)] = await cursor.fetchall()
    return {"state": state, "step": step, "reason": reason, "params": params, "path": path}


async def pass_the_time(journeys: Journeys, *seconds: float) -> None:
    """And make what is due after each."""
    for some in seconds:
        await journeys.time_passes(some)
        await journeys.called()


async def test_a_webhook_says_who_and_why_and_the_journey_goes_on(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        workflow = await journeys.started(webhook(peer), WAIT_A_DAY)
        await journeys.happen(anna, city="Lviv")
        await journeys.called()
        [asked] = peer.asked
        assert (asked.method, asked.path) == ("POST", "/hook")
        assert asked.headers["content-type"] == "application/json"
        assert len(asked.key) == 36
        body = msgspec.json.decode(asked.body)
        assert (body["contact"], body["data"]) == (
            {"id": anna, "email": "p1@example.com", "phone": None},
            {"city": "Lviv"},
        )
        assert await journeys.states(workflow.workflow_id) == {WAITING: 1}
        one = await journey(journeys)
        assert (one["step"], one["params"]["answer"]) == (1, {"taken": True})
        [(state, [attempt], request)] = await calls(journeys)
        assert (state, attempt["status"], "error" in attempt) == (CallState.DONE, 200, False)
        assert "body" not in request
        assert "headers" not in request
        await pass_the_time(journeys, DAY + 1)
        assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}
        assert len(peer.asked) == 1


async def test_templates_fill_address_headers_and_body_and_later_steps_see_the_answer(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        peer.answer = {"customer": {"level": "gold"}}
        await journeys.started(
            webhook(
                peer,
                "/people/{{ contact_id }}?city={{ data.city | urlencode }}",
                method="PUT",
                headers={"X-Key": "k-{{ data.code }}", "Authorization": "Bearer abc"},
                body={"total": "{{ data.total }}", "name": "Dear {{ contact.first_name }}"},
            ),
            webhook(peer, "/text", id="text", body="level={{ data.answer.customer.level }}"),
            webhook(peer, "/get", id="get", method="GET"),
        )
        await journeys.happen(anna, city="Ivano Frankivsk&1", code="7", total=12.5)
        await journeys.called()
        first, second, third = peer.asked
        assert (first.method, first.path) == ("PUT", f"/people/{anna}?city=Ivano%20Frankivsk%261")
        assert (first.headers["x-key"], first.headers["authorization"]) == ("k-7", "Bearer abc")
        assert msgspec.json.decode(first.body) == {"total": 12.5, "name": "Dear Name1"}
        assert (second.body, second.headers["content-type"]) == (b"level=gold", "text/plain; charset=utf-8")
        assert (third.method, third.body) == ("GET", b"")
        assert len({one.key for one in peer.asked}) == 3


async def test_what_fails_is_tried_again_with_the_same_key_until_it_is_taken(journeys: Journeys) -> None:
    """A server that is down for an hour."""
    people = await journeys.sending.people(20)
    async with a_peer() as peer:
        peer.statuses = [503]
        workflow = await journeys.started(webhook(peer))
        await journeys.happen(*people)
        await journeys.called()
        for minutes in (1, 5, 15, 38):
            assert await journeys.states(workflow.workflow_id) == {WAITING: len(people)}
            await pass_the_time(journeys, minutes * MINUTE + 1)
        peer.statuses = [200]
        await pass_the_time(journeys, 23 * MINUTE)
        assert await journeys.states(workflow.workflow_id) == {FINISHED: len(people)}
        found = await calls(journeys)
        assert [[one.get("status") for one in attempts] for _, attempts, _ in found] == [[503] * 4 + [200]] * len(
            people
        )
        assert all("answered 503" in attempts[0]["error"] for _, attempts, _ in found)
        assert len(peer.asked) == 5 * len(people)
        assert len({one.key for one in peer.asked}) == len(people)


async def test_a_server_that_is_not_there_is_asked_for_a_day_and_then_the_journey_fails_its_way(
    journeys: Journeys,
) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        pass
    workflow = await journeys.started(
        webhook(peer, failed="sorry", next="end"), {"type": "update_contact", "id": "sorry", "set": {"city": "None"}}
    )
    await journeys.happen(anna)
    await journeys.called()
    await pass_the_time(journeys, *[HOUR] * 22)
    assert await journeys.states(workflow.workflow_id) == {WAITING: 1}
    await pass_the_time(journeys, *[HOUR] * 2)
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}
    [(state, attempts, request)] = await calls(journeys)
    assert state == CallState.GIVEN_UP
    assert 20 <= len(attempts) <= 28
    assert "cannot be reached" in attempts[-1]["error"]
    assert request["url"] == peer.url + "/hook"
    one = await journey(journeys)
    assert one["path"][0:2] == [0, Outcome.WAITS]
    assert one["path"][3:5] == [0, Outcome.FAILED]
    assert (await journeys.sending.contacts.get(journeys.account_id, anna)).city == "None"


@pytest.mark.parametrize("status", [301, 400, 404, 422])
async def test_what_is_refused_for_good_parks_at_once_with_the_reason(journeys: Journeys, status: int) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        peer.statuses, peer.answer = [status], "no such person"
        workflow = await journeys.started(webhook(peer))
        await journeys.happen(anna)
        await journeys.called()
        await pass_the_time(journeys, DAY)
        assert await journeys.states(workflow.workflow_id) == {FAILED: 1}
        assert (await journey(journeys))["reason"] == f"step 'tell': answered {status}: \"no such person\""
        assert len(peer.asked) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502])
async def test_what_may_be_otherwise_later_is_asked_again_not_before_the_server_wants(
    journeys: Journeys, status: int
) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        peer.statuses, peer.headers = [status, 200], {"Retry-After": "600"}
        workflow = await journeys.started(webhook(peer))
        await journeys.happen(anna)
        await journeys.called()
        await pass_the_time(journeys, 5 * MINUTE)
        assert len(peer.asked) == 1
        await pass_the_time(journeys, 6 * MINUTE)
        assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}


def test_waits_grow_to_an_hour_and_what_a_server_asks_for_has_a_limit() -> None:
    assert [wait_after(failures) for failures in (1, 2, 3, 4, 5, 50)] == [
        timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 60, 60)
    ]
    assert wait_after(1, 30.0) == timedelta(minutes=1)
    assert wait_after(1, 86_400.0) == timedelta(hours=6)


async def test_private_addresses_are_refused_and_what_makes_no_address_fails(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    workflow = await journeys.started(
        {"type": "webhook", "id": "inside", "url": "http://10.1.2.3/{{ data.path }}", "failed": "outside"},
        {"type": "stop"},
        {"type": "webhook", "id": "outside", "url": "http://[::1]:9/"},
    )
    await journeys.happen(anna, path="a")
    await journeys.happen(boris, path="a b")
    await journeys.called()
    assert await journeys.states(workflow.workflow_id) == {FAILED: 2}
    said = [attempts[0]["error"] for _, attempts, _ in await calls(journeys)]
    assert sum("private network (10.1.2.3)" in one for one in said) == 1
    assert sum("private network (::1)" in one for one in said) == 2
    assert sum("must not contain blanks" in one for one in said) == 1


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"url": "ftp://files.example/"}, "url"),
        ({"url": "hook.example"}, "url"),
        ({"url": "https://user:secret@hook.example/"}, "url"),
        ({"url": "{{ data.url }}"}, "url"),
        ({"url": "https://{{ data.shop }}.example/"}, "url"),
        ({"url": "https://hook.example{{ data.path }}"}, "url"),
        ({"url": "https://hook.example/{{ data.path"}, "url"),
        ({"headers": {"Host": "other.example"}}, "headers.Host"),
        ({"headers": {"Idempotency-Key": "1"}}, "headers.Idempotency-Key"),
        ({"headers": {"X Y": "1"}}, "headers.X Y"),
        ({"headers": {"X": "a\nb"}}, "headers.X"),
        ({"headers": {"X": "{{ nonsense( }}"}}, "headers.X"),
        ({"headers": {f"X-{number}": "" for number in range(21)}}, "headers"),
        ({"body": {"a": ["{% if %}"]}}, "body.a.0"),
        ({"method": "BREW"}, "method"),
        ({"failed": "nowhere"}, "failed"),
    ],
)
async def test_a_webhook_that_cannot_be_called_is_refused_with_its_place(
    journeys: Journeys, members: dict[str, Any], field: str
) -> None:
    step = {"type": "webhook", "url": "https://hook.example/", **members}
    with pytest.raises(Invalid) as caught:
        await journeys.started(WAIT_A_DAY, step)
    assert caught.value.fields[0].field == f"definition.steps.1.{field}"


async def test_answers_are_kept_within_limits_and_one_that_breaks_off_was_an_answer(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        for number, answer in enumerate(["x" * 20_000, {"nul": "\0"}, "y" * 2_000_000]):
            peer.answer = answer
            await journeys.started(webhook(peer, f"/{number}"), event=f"e{number}")
            await journeys.happen(anna, event=f"e{number}")
            await journeys.called()
    async with journeys.database.system() as connection:
        rows = await (await connection.execute("SELECT state, params -> 'answer' FROM enrolments")).fetchall()
    assert rows == [(FINISHED, None)] * 3


async def test_a_request_that_is_too_long_parks_only_its_own_journey(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    async with a_peer() as peer:
        workflow = await journeys.started(webhook(peer, body=["{{ data.text }}"] * 20))
        await journeys.happen(anna, text="x" * 14_000)
        await journeys.happen(boris, text="x")
        await journeys.called()
        assert await journeys.states(workflow.workflow_id) == {FINISHED: 1, FAILED: 1}
        assert len(peer.asked) == 1


# ---------------------------------------------------------------- keepers


async def test_a_keeper_that_dies_after_the_call_leaves_it_to_another_with_the_same_key(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        peer.open.clear()
        workflow = await journeys.started(webhook(peer))
        await journeys.happen(anna)
        await journeys.settle()
        await journeys.calls.step()
        await peer.came.wait()
        await journeys.calls.abandon()
        peer.open.set()
        other = another(journeys)
        assert await other.step() is False, "the lease goes on"
        await journeys.time_passes(WEBHOOK_LEASE.total_seconds() + 1)
        while await other.step():
            pass
        await journeys.settle()
        first, second = peer.asked
        assert first.key == second.key
        assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}
        [(_, attempts, _)] = await calls(journeys)
        assert len(attempts) == 1, "of the first one nothing is known"


async def test_two_keepers_make_each_call_once(journeys: Journeys) -> None:
    people = await journeys.sending.people(60)
    async with a_peer() as peer:
        workflow = await journeys.started(webhook(peer))
        await journeys.happen(*people)
        await journeys.settle()
        other = another(journeys)

        async def work(keeper: CallsKeeper) -> None:
            while await keeper.step():
                pass

        await asyncio.gather(work(journeys.calls), work(other))
        await asyncio.gather(work(journeys.calls), work(other))
        await journeys.settle()
        assert sorted(one.key for one in peer.asked) == sorted({one.key for one in peer.asked})
        assert len(peer.asked) == len(people)
        assert await journeys.states(workflow.workflow_id) == {FINISHED: len(people)}
        assert peer.most_at_once <= 2 * PER_TARGET


async def test_a_slow_host_does_not_keep_the_others_waiting(journeys: Journeys) -> None:
    people = await journeys.sending.people(50)
    async with a_peer() as slow, a_peer("127.0.0.2") as quick:
        slow.open.clear()
        hanging = await journeys.started(webhook(slow))
        await journeys.happen(*people)
        await journeys.settle()
        await journeys.calls.step()
        going = await journeys.started(webhook(quick), event="other")
        await journeys.happen(*people, event="other")
        async with asyncio.timeout(30):
            while len(quick.asked) < len(people):
                await journeys.settle()
                await journeys.calls.step()
            while (await journeys.states(going.workflow_id)).get(FINISHED) != len(people):
                await journeys.settle()
                await journeys.calls.step()
        assert await journeys.states(hanging.workflow_id) == {WAITING: len(people)}
        assert len(slow.asked) == PER_TARGET
        slow.open.set()
        await journeys.called()
        assert await journeys.states(hanging.workflow_id) == {FINISHED: len(people)}


# ---------------------------------------------------------------- what happens meanwhile


async def under_way(journeys: Journeys, peer: Peer) -> None:
    """Until every call of the journeys that stand has arrived at the peer, and waits for its answer."""
    peer.open.clear()
    await journeys.settle()
    await journeys.calls.step()
    await peer.came.wait()


async def test_who_is_erased_or_merged_while_called(journeys: Journeys) -> None:
    anna, boris, kept = await journeys.sending.people(3)
    async with a_peer() as peer:
        workflow = await journeys.started(webhook(peer), {"type": "update_contact", "set": {"city": "Called"}})
        await journeys.happen(anna, boris)
        await under_way(journeys, peer)
        await journeys.sending.contacts.erase(journeys.account_id, anna)
        await journeys.sending.contacts.merge(journeys.account_id, kept, boris)
        peer.open.set()
        await journeys.called()
        assert await journeys.states(workflow.workflow_id) == {FINISHED: 1}
        assert (await journeys.sending.contacts.get(journeys.account_id, kept)).city == "Called"
        assert len(await calls(journeys)) == 1, "those of an erased contact are erased"


async def test_who_leaves_while_called_stays_away(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    async with a_peer() as peer:
        definition = {
            "trigger": {"type": "event", "event_type": "joined"},
            "rules": {"exits": [{"event_type": "gone"}]},
            "steps": [webhook(peer), WAIT_A_DAY],
        }
        made = await journeys.workflows.create(journeys.account_id, "Left", definition)
        await journeys.workflows.start(journeys.account_id, made.workflow_id)
        await journeys.happen(anna)
        await under_way(journeys, peer)
        await journeys.happen(anna, event="gone")
        await journeys.settle()
        peer.open.set()
        await journeys.called()
        assert await journeys.states(made.workflow_id) == {EnrolmentState.EXITED: 1}
        [(state, _, _)] = await calls(journeys)
        assert state == CallState.DONE


async def test_a_workflow_paused_while_called_goes_on_when_it_is_started(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    async with a_peer() as peer:
        peer.statuses = [200, 404]
        workflow = await journeys.started(
            webhook(peer, failed="other"), {"type": "stop"}, {"type": "stop", "id": "other"}
        )
        await journeys.happen(anna, boris)
        await under_way(journeys, peer)
        await journeys.workflows.pause(journeys.account_id, workflow.workflow_id)
        peer.open.set()
        await journeys.called()
        assert await journeys.states(workflow.workflow_id) == {PAUSED: 2}
        await journeys.workflows.start(journeys.account_id, workflow.workflow_id)
        await journeys.called()
        assert await journeys.states(workflow.workflow_id) == {FINISHED: 2}
        assert len(peer.asked) == 2


# ---------------------------------------------------------------- by hand


def parked(journeys: Journeys) -> ParkedService:
    return ParkedService(journeys.database, journeys.clock)


async def figures(journeys: Journeys, workflow_id: int) -> list[tuple[int, int, int]]:
    """Of each step: waiting, passed, failed."""
    found = await JourneysService(journeys.database, journeys.clock).figures(journeys.account_id, workflow_id)
    return [(one.waiting, one.passed, one.failed) for one in found.steps]


async def test_failed_journeys_are_tried_again_with_the_same_key_unless_the_request_is_another(
    journeys: Journeys,
) -> None:
    anna, boris = await journeys.sending.people(2)
    async with a_peer() as peer:
        peer.statuses = [404]
        workflow = await journeys.started(webhook(peer, body="{{ contact.city }}"), WAIT_A_DAY)
        await journeys.happen(anna, boris)
        await journeys.called()
        number, account_id = workflow.workflow_id, journeys.account_id
        assert await figures(journeys, number) == [(0, 0, 2), (0, 0, 0)]
        await journeys.workflows.pause(account_id, number)
        assert await parked(journeys).retry(account_id, number, step="tell") == 2
        assert await parked(journeys).retry(account_id, number) == 0
        assert await figures(journeys, number) == [(2, 0, 0), (0, 0, 0)]
        async with journeys.database.system() as connection:
            await connection.execute("UPDATE contacts SET city = 'Lviv' WHERE contact_id = %s", (anna,))
        peer.statuses = [200]
        await journeys.workflows.start(account_id, number)
        await journeys.called()
        assert await figures(journeys, number) == [(0, 2, 0), (2, 0, 0)]
        keys = [one.key for one in peer.asked]
        assert len(set(keys)) == 3
        assert sorted(keys.count(key) for key in set(keys)) == [1, 1, 2]
        page = await parked(journeys).calls(account_id, number, contact_id=anna)
        [call] = page.calls
        assert (call.step_id, call.state, call.what) == ("tell", "done", f"POST {peer.url}/hook")
        assert [one.status for one in call.attempts] == [404, 200]
        first = await parked(journeys).calls(account_id, number, limit=1)
        rest = await parked(journeys).calls(account_id, number, cursor=first.cursor)
        assert sorted(one.contact_id for one in (*first.calls, *rest.calls)) == [anna, boris]


async def test_failed_journeys_are_let_past_the_step_and_others_stay(journeys: Journeys) -> None:
    anna, boris, kept = await journeys.sending.people(3)
    async with a_peer() as peer:
        peer.statuses = [404]
        workflow = await journeys.started(webhook(peer), WAIT_A_DAY)
        await journeys.happen(anna, boris)
        await journeys.called()
        number, account_id = workflow.workflow_id, journeys.account_id
        await journeys.sending.contacts.merge(account_id, kept, boris)
        assert await parked(journeys).skip(account_id, number, contact_id=kept) == 1
        await journeys.called()
        assert await figures(journeys, number) == [(0, 1, 1), (1, 0, 0)]
        with pytest.raises(NotFound, match="step"):
            await parked(journeys).skip(account_id, number, step="nowhere")
        await journeys.workflows.stop(account_id, number)
        with pytest.raises(Conflict, match="stopped"):
            await parked(journeys).retry(account_id, number)


async def test_calls_that_are_over_are_forgotten_after_thirty_days(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    async with a_peer() as peer:
        await journeys.started(webhook(peer))
        await journeys.happen(anna)
        await journeys.called()
        retention = RetentionService(journeys.database, journeys.clock)
        await journeys.time_passes(29 * DAY)
        assert "workflow_calls" not in (await retention.apply()).rows
        await journeys.happen(boris)
        await journeys.settle()
        await journeys.time_passes(2 * DAY)
        assert (await retention.apply()).rows["workflow_calls"] == 1
        [(state, _, _)] = await calls(journeys)
        assert state == CallState.TO_DO

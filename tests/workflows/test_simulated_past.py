"""What would have been in a time that is over, against what the engine makes of the same events."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import Channel, FieldType
from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.postgres.pool import Database
from syncom.workflows.definition import read_definition
from syncom.workflows.journeys import JourneysService
from syncom.workflows.language import SendEmail, SendFirst
from syncom.workflows.model import EnrolmentState, Outcome
from syncom.workflows.simulation import service as simulating
from syncom.workflows.simulation.past import Simulation
from tests.clocks import ShiftedClock
from tests.workflows.conftest import Journeys
from tests.workflows.test_simulating import act, everything, simulations

#: A Monday that is over.
_A_DAY = (datetime.now(UTC) - timedelta(days=40)).replace(hour=0, minute=0, second=0, microsecond=0)
BEGAN = _A_DAY - timedelta(days=_A_DAY.weekday())
LASTED = timedelta(days=12, minutes=59, seconds=30)
ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "Europe/Kyiv", "")


class SetClock(ShiftedClock):
    """Stands where a test puts it."""

    def __init__(self, time: datetime) -> None:
        super().__init__()
        self.time = time

    def now(self) -> datetime:
        return self.time


class Happened(NamedTuple):
    """What a contact (by place) did, so many minutes after it all began."""

    minutes: int
    contact: int
    event: str
    key: int

    @property
    def at(self) -> datetime:
        return BEGAN + timedelta(minutes=self.minutes)


class Came(NamedTuple):
    """What became of the journeys, by the engine or in thought."""

    steps: Any
    ways: Any
    states: dict[str, int]
    reached: int
    sent: dict[str, int]
    not_sent: dict[str, int]


async def people(journeys: Journeys) -> list[int]:
    """Of all zones; one has unsubscribed, one has no address, half of them live in Lviv."""
    contacts = await journeys.sending.people(len(ZONES))
    for place, contact_id in enumerate(contacts):
        await act(
            journeys,
            "UPDATE contacts SET time_zone = %s, city = %s WHERE contact_id = %s",
            ZONES[place],
            "Lviv" if place % 2 else "Kyiv",
            contact_id,
        )
    await journeys.unsubscribe(contacts[1])
    await act(journeys, "UPDATE contacts SET email = NULL WHERE contact_id = %s", contacts[2])
    return contacts


async def really(
    journeys: Journeys,
    clock: SetClock,
    definition: dict[str, Any],
    contacts: Sequence[int],
    history: Sequence[Happened],
) -> int:
    """Let the events happen one after another, and everybody go on whenever its time comes; the workflow's id."""
    clock.time = BEGAN - timedelta(minutes=1)
    made = await journeys.workflows.create(journeys.account_id, "Real", definition)
    await journeys.workflows.start(journeys.account_id, made.workflow_id)
    for one in sorted(history):
        await _go_on(journeys, clock, one.at)
        # A moment later: an event is heard after it happened.
        clock.time = one.at + timedelta(milliseconds=1)
        event = EventInput(
            type_key=one.event,
            key=f"{one.minutes}",
            params={"k": one.key},
            contact_id=contacts[one.contact],
            occurred_at=one.at,
        )
        await journeys.events.record(journeys.account_id, [event])
        await journeys.settle()
    await _go_on(journeys, clock, BEGAN + LASTED)
    clock.time = BEGAN + LASTED
    return made.workflow_id


async def _go_on(journeys: Journeys, clock: SetClock, until: datetime) -> None:
    while True:
        async with journeys.database.system() as connection:
            row = await (
                await connection.execute(
                    "SELECT min(wake_at) FROM enrolments WHERE state = 1 AND wake_at <= %s", (until,)
                )
            ).fetchone()
        if row is None or row[0] is None:
            return
        clock.time = max(clock.time, row[0])
        await journeys.settle()


async def came_really(journeys: Journeys, workflow_id: int) -> Came:
    service = JourneysService(journeys.database, journeys.clock)
    figures = await service.figures(journeys.account_id, workflow_id)
    states = await journeys.states(workflow_id)
    names = [step.id for step in (await journeys.workflows.get(journeys.account_id, workflow_id)).definition.steps]
    definition = (await journeys.workflows.get(journeys.account_id, workflow_id)).definition
    sends = {number for number, step in enumerate(definition.steps) if isinstance(step, SendEmail | SendFirst)}
    sent: Counter[str] = Counter()
    not_sent: Counter[str] = Counter()
    async with journeys.database.system() as connection:
        rows = await (await connection.execute("SELECT state, converted_at, path FROM enrolments")).fetchall()
    for _, _, path in rows:
        for step, outcome in zip(path[::3], path[1::3], strict=True):
            if step in sends:
                sent[names[step]] += outcome == Outcome.PASSED
                not_sent[names[step]] += outcome == Outcome.NOT_SENT
    return Came(
        steps=figures.steps,
        ways=figures.ways,
        states={state.name.lower(): number for state, number in states.items()},
        reached=sum(row[1] is not None and row[0] != EnrolmentState.HELD_OUT for row in rows),
        sent={name: count for name, count in sent.items() if count},
        not_sent={name: count for name, count in not_sent.items() if count},
    )


def came_in_thought(past: Simulation) -> Came:
    states = {
        "waiting": past.inside,
        "finished": past.finished,
        "failed": past.failed,
        "exited": past.exited,
        "held_out": past.held_out,
    }
    sent: Counter[str] = Counter()
    not_sent: Counter[str] = Counter()
    for one in past.sends:
        sent[one.step_id] += one.sent
        not_sent[one.step_id] += sum(one.held_back.values())
    return Came(
        steps=past.figures.steps,
        ways=past.figures.ways,
        states={name: number for name, number in states.items() if number},
        reached=past.reached_goal,
        sent={name: count for name, count in sent.items() if count},
        not_sent={name: count for name, count in not_sent.items() if count},
    )


async def compare(
    journeys: Journeys,
    clock: SetClock,
    definition: dict[str, Any],
    contacts: Sequence[int],
    history: Sequence[Happened],
) -> Simulation:
    workflow_id = await really(journeys, clock, definition, contacts, history)
    past = await simulations(journeys).of_past(
        journeys.account_id, workflow_id=workflow_id, since=BEGAN, until=BEGAN + LASTED
    )
    assert came_in_thought(past) == await came_really(journeys, workflow_id)
    return past


# ---------------------------------------------------------------- made by chance

_HOURS = st.integers(1, 60)
_EVENTS = ("joined", "ordered", "visited")
_AFTER_JOINED = st.sampled_from(_EVENTS)
_TIMES = st.integers(0, 23).map(lambda hour: f"{hour:02}:00:00")


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Steps that lead on, to later ones, out, and back where they rest."""
    count = draw(st.integers(1, 6))
    steps: list[dict[str, Any]] = []
    for number in range(count):
        later = [f"s{one}" for one in range(number + 1, count)] + ["end"]
        following = later[0]
        elsewhere = st.sampled_from(later)
        kind = draw(
            st.sampled_from(
                [
                    "send",
                    "first",
                    "wait",
                    "window",
                    "time",
                    "wait_for",
                    "split",
                    "condition",
                    "switch",
                    "goal",
                    "back",
                    "plain",
                ]
            )
        )
        step: dict[str, Any]
        match kind:
            case "send":
                step = {"type": "send_email", "template_id": 0}
            case "first":
                step = {"type": "send", "channels": [{"template_id": 0}, {"template_id": 0}]}
            case "wait":
                step = {"type": "wait", "hours": draw(_HOURS)}
            case "window":
                within: dict[str, Any] = {"begin": draw(_TIMES), "end": draw(_TIMES)}
                if draw(st.booleans()):
                    within["weekdays"] = ["mon", "thu"]
                step = {"type": "wait", "hours": draw(_HOURS), "within": within}
            case "time":
                step = {"type": "wait_until", "at": draw(_TIMES)}
                if draw(st.booleans()):
                    step["weekdays"] = ["tue", "sat"]
            case "wait_for":
                step = {
                    "type": "wait_for",
                    "event_type": draw(_AFTER_JOINED),
                    "hours": draw(_HOURS),
                    "timeout": draw(elsewhere),
                }
            case "split":
                others = draw(st.lists(elsewhere, min_size=1, max_size=3))
                weights = [draw(st.integers(1, 4)) for _ in range(len(others) + 1)]
                ways = zip(weights, [following, *others], strict=True)
                step = {"type": "split", "branches": [{"weight": weight, "next": to} for weight, to in ways]}
            case "condition":
                step = {"type": "condition", "condition": _LIVES, "otherwise": draw(elsewhere)}
            case "switch":
                step = {"type": "switch", "cases": [{"condition": _LIVES, "next": draw(elsewhere)}]}
            case "goal":
                step = {
                    "type": "goal",
                    "event_type": draw(_AFTER_JOINED),
                    "next": draw(elsewhere),
                    "otherwise": following,
                }
            case "back":
                step = {
                    "type": "wait_for",
                    "event_type": draw(_AFTER_JOINED),
                    "hours": draw(_HOURS),
                    "timeout": draw(st.sampled_from([f"s{one}" for one in range(number + 1)])),
                }
            case _:
                step = {"type": "update_contact", "set": {"region": "West"}}
        steps.append({"id": f"s{number}", **step})
    rules: dict[str, Any] = {"entry": draw(_ENTRIES), "holdout": draw(st.sampled_from([0, 0, 40]))}
    if draw(st.integers(0, 3)) == 0:
        rules["exits"] = [{"event_type": draw(_AFTER_JOINED), "where": {"k": 1}}]
    if draw(st.integers(0, 3)) == 0:
        rules["quiet_hours"] = {"begin": "21:00:00", "end": "08:00:00"}
    return {
        "trigger": {"type": "event", "event_type": "joined", "where": draw(st.sampled_from([{}, {"k": {"lte": 2}}]))},
        "rules": rules,
        "steps": steps,
    }


_LIVES = {"field": "city", "op": "equals", "value": "Lviv"}
_ENTRIES = st.sampled_from(
    [
        {},
        {"again": "never"},
        {"again": "after", "days": 2},
        {"one_active": True},
        {"one_active": True, "again": "after", "days": 1},
        {"again": "never", "key": "k"},
        {"one_active": True, "key": "k"},
    ]
)


@st.composite
def histories(draw: st.DrawFn) -> list[Happened]:
    """Each at a minute of the hour of its own, so that nothing happens at the moment at which a wait ends."""
    hours = draw(st.lists(st.integers(0, 24 * 8), min_size=1, max_size=14))
    return [
        Happened(
            minutes=60 * hour + 4 * place + 2,
            contact=draw(st.integers(0, len(ZONES) - 1)),
            event="joined" if place == 0 else draw(st.sampled_from(_EVENTS)),
            key=draw(st.integers(1, 3)),
        )
        for place, hour in enumerate(hours)
    ]


@pytest.fixture
async def kept(kept_database: Database) -> Database:
    return kept_database


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    derandomize=True,
    # What is found is told as it is: to make it smaller takes minutes of real journeys.
    phases=[Phase.explicit, Phase.generate],
)
@given(definitions(), histories())
async def test_the_past_is_simulated_as_the_engine_does_it(
    kept: Database, definition: dict[str, Any], history: list[Happened]
) -> None:
    try:
        read_definition(definition)
    except Invalid:
        assume(False)
    async with kept.system() as connection:
        row = await (
            await connection.execute(
                "INSERT INTO accounts (name, time_zone) VALUES ('T', 'Asia/Kolkata') RETURNING account_id"
            )
        ).fetchone()
    assert row is not None
    folder = Path(tempfile.mkdtemp(prefix="syncom-home-"))
    clock = SetClock(BEGAN)
    journeys = Journeys.on(kept, row[0], folder, clock)
    try:
        template = await journeys.template(source="<p>Hello</p>")
        text = await journeys.template(channel=Channel.SMS, subject="", source="Hello")
        for step in definition["steps"]:
            if step["type"] == "send_email":
                step["template_id"] = template
            if step["type"] == "send":
                step["channels"] = [{"template_id": template}, {"template_id": text}]
        await compare(journeys, clock, definition, await people(journeys), history)
    finally:
        await journeys.events.close()
        await journeys.sending.contacts.close()
        shutil.rmtree(folder, ignore_errors=True)
        async with kept.system() as connection:
            await connection.execute("DELETE FROM enrolments")
            await connection.execute("DELETE FROM workflows")
            await connection.execute("DELETE FROM messages")


# ---------------------------------------------------------------- made by hand

STOP = {"type": "stop"}
JOINED = {"type": "event", "event_type": "joined"}


async def record(journeys: Journeys, *happened: tuple[int, timedelta], event: str = "joined", **params: Any) -> None:
    """Events of contacts, each so long ago."""
    now = journeys.clock.now()
    events = [
        EventInput(type_key=event, key=f"{ago}", contact_id=contact_id, occurred_at=now - ago, params=params)
        for contact_id, ago in happened
    ]
    await journeys.events.record(journeys.account_id, events)


async def of_past(journeys: Journeys, definition: dict[str, Any], **members: Any) -> Simulation:
    """Of a definition that is not saved."""
    return await simulations(journeys).of_past(journeys.account_id, definition=definition, **members)


def days(count: float) -> timedelta:
    return timedelta(days=count)


async def test_nothing_is_done_for_the_past_either(journeys: Journeys) -> None:
    anna, left, suppressed = await journeys.sending.people(3)
    await journeys.unsubscribe(left)
    await act(
        journeys,
        "INSERT INTO suppressions (account_id, channel, address, reason)"
        " SELECT account_id, 1, email, 'complaint' FROM contacts WHERE contact_id = %s",
        suppressed,
    )
    await record(journeys, (anna, days(40)), (anna, days(3)), (left, days(2)), (suppressed, days(0.5)))
    await journeys.events.types.discovery.flush()
    send = {"type": "send_email", "id": "hello", "template_id": await journeys.template()}
    definition = {
        "trigger": JOINED,
        "steps": [
            {"type": "wait", "days": 1},
            {"type": "add_to_list", "tag": "Never made"},
            {"type": "generate_event", "event_type": "never made"},
            send,
        ],
    }
    before = await everything(journeys)
    past = await of_past(journeys, definition)
    assert await everything(journeys) == before
    assert (past.events, past.enrolled, past.finished, past.inside) == (3, 3, 2, 1)
    assert (past.sent, past.held_back) == (1, 1)
    [hello] = past.sends
    assert (hello.step_id, hello.channel, hello.sent, hello.held_back) == ("hello", "email", 1, {"unsubscribed": 1})
    assert past.notes == ["events that steps would have recorded start and wake nobody"]
    later = await of_past(journeys, definition, since=datetime.now(UTC) - days(50), until=datetime.now(UTC) - days(10))
    assert (later.events, later.sent) == (1, 1)


async def test_rules_see_the_real_journeys_of_before_and_the_simulated_ones_of_the_time(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    definition = {"trigger": JOINED, "rules": {"entry": {"again": "never"}}, "steps": [STOP]}
    made = await journeys.workflows.create(journeys.account_id, "Once", definition)
    await journeys.workflows.start(journeys.account_id, made.workflow_id)
    await journeys.happen(anna)
    await journeys.settle()
    await act(journeys, "UPDATE enrolments SET entered_at = entered_at - interval '30 days'")
    await act(journeys, "DELETE FROM events")
    await record(journeys, (anna, days(3)), (boris, days(2)), (boris, days(1)))
    service = simulations(journeys)
    past = await service.of_past(journeys.account_id, workflow_id=made.workflow_id, since=datetime.now(UTC) - days(7))
    assert (past.enrolled, past.refused) == (1, {"never again": 2})
    # What really began within the time does not count: it is thought anew.
    whole = await service.of_past(journeys.account_id, workflow_id=made.workflow_id, since=datetime.now(UTC) - days(35))
    assert (whole.enrolled, whole.refused) == (2, {"never again": 1})


async def test_one_active_goes_by_how_long_simulated_journeys_last(journeys: Journeys) -> None:
    [anna] = await journeys.sending.people(1)
    await record(journeys, *((anna, timedelta(hours=hours)) for hours in (100, 80, 70, 40, 10)))
    definition = {
        "trigger": JOINED,
        "rules": {"entry": {"one_active": True}},
        "steps": [{"type": "wait", "days": 1}],
    }
    past = await of_past(journeys, definition)
    assert (past.enrolled, past.refused, past.finished, past.inside) == (4, {"still inside": 1}, 3, 1)


async def test_nobody_and_who_is_gone_come_in_nowhere(journeys: Journeys) -> None:
    anna, gone, kept, merged = await journeys.sending.people(4)
    await record(journeys, (anna, days(1)), (gone, days(1)), (kept, days(2)), (merged, days(1)))
    await journeys.events.record(
        journeys.account_id, [EventInput(type_key="joined", key="x", params={"EmailAddress": "nobody@example.com"})]
    )
    await journeys.sending.contacts.merge(journeys.account_id, kept, merged)
    await journeys.sending.contacts.delete(journeys.account_id, gone)
    definition = {"trigger": JOINED, "rules": {"entry": {"again": "never"}}, "steps": [STOP]}
    past = await of_past(journeys, definition)
    assert (past.events, past.of_nobody, past.enrolled) == (5, 1, 2)
    assert past.refused == {"contact is gone": 1, "never again": 1}


async def test_conditions_are_asked_as_of_now_and_counted(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    await act(journeys, "UPDATE contacts SET city = 'Lviv' WHERE contact_id = %s", anna)
    await record(journeys, (anna, days(2)), (boris, days(2)))
    steps = [{"type": "condition", "id": "lives", "condition": _LIVES, "otherwise": "end"}, {"type": "wait", "days": 7}]
    past = await of_past(journeys, {"trigger": JOINED, "steps": steps})
    assert (past.asked_as_of_now, past.finished, past.inside) == (2, 1, 1)
    assert "conditions are answered as contacts are now" in past.notes


async def test_segments_have_the_past_that_was_recorded(journeys: Journeys) -> None:
    anna, _ = await journeys.sending.people(2)
    segment = await journeys.sending.segments.create(journeys.account_id, "Lviv", _LIVES)
    keeper = journeys.membership_keeper()
    await keeper.settle()
    await act(journeys, "UPDATE contacts SET city = 'Lviv' WHERE contact_id = %s", anna)
    # As it is kept, but long ago.
    await keeper.settle()
    await act(journeys, "UPDATE segment_moves SET moved_at = moved_at - interval '1 day'")
    trigger = {"type": "segment", "segment_id": segment.segment_id}
    past = await of_past(journeys, {"trigger": trigger, "steps": [{"type": "wait", "hours": 3}]})
    assert (past.events, past.enrolled, past.finished) == (1, 1, 1)
    left = await of_past(journeys, {"trigger": {**trigger, "when": "leaves"}, "steps": [STOP]})
    assert left.events == 0


async def test_a_cap_is_said_not_to_be_looked_at(journeys: Journeys) -> None:
    past = await of_past(journeys, {"trigger": JOINED, "rules": {"cap": {"messages": 3}}, "steps": [STOP]})
    assert past.notes[-1] == "the cap is not looked at: who had got enough would have been passed over"


async def test_whose_day_came_and_whom_a_schedule_let_in_are_those_of_now(journeys: Journeys) -> None:
    [anna, boris, _] = await journeys.sending.people(3)
    fields = journeys.sending.contacts.fields
    birthday = await fields.create(journeys.account_id, key="birthday", name="Birthday", type=FieldType.DATE)
    today = datetime.now(UTC)
    for contact_id, ago in ((anna, 5), (boris, 60)):
        born = (today - days(ago)).date().replace(year=2000)
        await act(
            journeys,
            "UPDATE contacts SET fields = jsonb_build_object(%s::text, %s::text), city = 'Lviv' WHERE contact_id = %s",
            str(birthday.field_id),
            born.isoformat(),
            contact_id,
        )
    wait = {"type": "wait", "days": 2}
    past = await of_past(journeys, {"trigger": {"type": "date", "field": "birthday"}, "steps": [wait]})
    assert (past.events, past.enrolled, past.finished, past.inside) == (1, 1, 1, 0)
    assert past.notes == ["days are those that contacts have now"]
    with pytest.raises(Invalid, match="at most 365 days"):
        await of_past(
            journeys,
            {"trigger": {"type": "date", "field": "birthday"}, "steps": [wait]},
            since=today - days(400),
            until=today,
        )
    segment = await journeys.sending.segments.create(journeys.account_id, "Lviv", _LIVES)
    every = {"type": "schedule", "segment_id": segment.segment_id, "every": "day", "at": "12:00:00"}
    definition = {"trigger": every, "rules": {"entry": {"one_active": True}}, "steps": [{"type": "wait", "hours": 30}]}
    noon = today.replace(hour=12, minute=0, second=0, microsecond=0) - days(1)
    told = await of_past(journeys, definition, since=noon - days(3), until=noon)
    assert (told.events, told.enrolled, told.refused) == (6, 4, {"still inside": 2})
    assert told.notes == ["the segment has those in it who are in it now"]


async def test_what_has_no_past_or_too_much_of_it_is_refused(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    people_ = await journeys.sending.people(3)
    await record(journeys, *((one, days(1)) for one in people_))
    listed = await journeys.sending.contacts.lists.create(journeys.account_id, "VIP")
    for trigger, reason in (
        ({"type": "api"}, "only calls let contacts in"),
        ({"type": "list", "list_id": listed.list_id}, "there is no past before the workflow is saved"),
    ):
        with pytest.raises(Invalid, match=reason):
            await of_past(journeys, {"trigger": trigger, "steps": [STOP]})
    definition = {"trigger": JOINED, "steps": [STOP]}
    unknown = await of_past(journeys, {"trigger": {"type": "event", "event_type": "unheard"}, "steps": [STOP]})
    assert unknown.notes == ["no event of the type 'unheard' was ever recorded"]
    monkeypatch.setattr(simulating, "EVENTS_LIMIT", 2)
    with pytest.raises(Invalid, match="narrow the time"):
        await of_past(journeys, definition)
    for wrong in ({"until": datetime.now(UTC) + days(1)}, {"since": datetime(2026, 1, 1)}):  # noqa: DTZ001
        with pytest.raises(Invalid):
            await of_past(journeys, definition, **wrong)


async def test_more_contacts_than_one_batch_holds_come_to_the_same(
    journeys: Journeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = await journeys.sending.people(12)
    await record(journeys, *((one, timedelta(hours=hours)) for one in contacts for hours in (90, 50, 10)))
    definition = {
        "trigger": JOINED,
        "rules": {"entry": {"one_active": True}},
        "steps": [
            {"type": "split", "branches": [{"weight": 1, "next": "rest"}, {"weight": 1, "next": "end"}]},
            {"type": "wait", "id": "rest", "days": 2},
        ],
    }
    span = {"until": datetime.now(UTC)}
    whole = await of_past(journeys, definition, **span)
    for module in ("service", "past"):
        monkeypatch.setattr(f"syncom.workflows.simulation.{module}.BATCH", 5)
    assert await of_past(journeys, definition, **span) == whole
    assert whole.enrolled + sum(whole.refused.values()) == 36

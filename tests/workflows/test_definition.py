"""Definitions: what can run is read, and what cannot is refused with the step's name."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest

from syncom.errors import Invalid
from syncom.workflows.definition import read_definition
from syncom.workflows.filters import fits
from syncom.workflows.language import EventTrigger, QuietHours, SendEmail, Stop, Wait, Window

TRIGGER = {"type": "event", "event_type": "joined"}
SEND = {"type": "send_email", "template_id": 5}
WAIT = {"type": "wait", "days": 1}


def test_a_definition_is_read_and_its_steps_get_names() -> None:
    read = read_definition({"trigger": TRIGGER, "steps": [SEND, WAIT | {"id": "rest"}, SEND, {"type": "stop"}]})
    assert read.trigger == EventTrigger(event_type="joined")
    assert read.steps == (
        SendEmail(id="step-1", template_id=5),
        Wait(id="rest", days=1),
        SendEmail(id="step-3", template_id=5),
        Stop(id="step-4"),
    )
    assert isinstance(read.steps[1], Wait)
    assert read.steps[1].span == timedelta(days=1)


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        (None, "definition"),
        ([], "definition"),
        ({}, "definition.trigger"),
        ({"trigger": TRIGGER}, "definition.steps"),
        ({"trigger": TRIGGER, "steps": []}, "definition.steps"),
        ({"trigger": TRIGGER, "steps": "send"}, "definition.steps"),
        ({"trigger": TRIGGER, "steps": [WAIT] * 201}, "definition.steps"),
        ({"trigger": TRIGGER, "steps": [SEND], "edges": []}, "definition.edges"),
        ({"format": 3, "trigger": TRIGGER, "steps": [SEND]}, "definition.format"),
        ({"trigger": {"type": "moon"}, "steps": [SEND]}, "definition.trigger.type"),
        ({"trigger": {"event_type": "joined"}, "steps": [SEND]}, "definition.trigger.type"),
        ({"trigger": {"type": "event"}, "steps": [SEND]}, "definition.trigger"),
        ({"trigger": TRIGGER | {"event_type": " "}, "steps": [SEND]}, "definition.trigger.event_type"),
        ({"trigger": TRIGGER | {"where": {"a": [1]}}, "steps": [SEND]}, "definition.trigger.where.a"),
        ({"trigger": TRIGGER | {"where": {"a": None}}, "steps": [SEND]}, "definition.trigger.where.a"),
        ({"trigger": TRIGGER | {"unless": {}}, "steps": [SEND]}, "definition.trigger"),
        ({"trigger": TRIGGER, "steps": [SEND, {"type": "teleport"}]}, "definition.steps.1.type"),
        ({"trigger": TRIGGER, "steps": [SEND, {"template_id": 5}]}, "definition.steps.1.type"),
        ({"trigger": TRIGGER, "steps": [SEND, 5]}, "definition.steps.1"),
        ({"trigger": TRIGGER, "steps": [{"type": "send_email"}]}, "definition.steps.0"),
        ({"trigger": TRIGGER, "steps": [SEND | {"template_id": "five"}]}, "definition.steps.0.template_id"),
        ({"trigger": TRIGGER, "steps": [SEND | {"until": "x"}]}, "definition.steps.0"),
        ({"trigger": TRIGGER, "steps": [SEND | {"id": "a"}, WAIT | {"id": "a"}]}, "definition.steps.1.id"),
        ({"trigger": TRIGGER, "steps": [{"type": "wait"}]}, "definition.steps.0"),
        ({"trigger": TRIGGER, "steps": [{"type": "wait", "days": -1, "hours": 48}]}, "definition.steps.0"),
        ({"trigger": TRIGGER, "steps": [{"type": "wait", "days": 400}]}, "definition.steps.0"),
        ({"trigger": TRIGGER, "steps": [{"type": "wait", "days": 10**30}]}, "definition.steps.0"),
        ({"trigger": TRIGGER, "steps": [{"type": "stop"}, SEND]}, "definition.steps.1"),
    ],
)
def test_what_cannot_run_is_refused_by_the_name_of_its_step(definition: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_definition(definition)
    assert caught.value.fields[0].field == field


@pytest.mark.parametrize(
    ("where", "params", "expected"),
    [
        ({}, {}, True),
        ({"city": "Lviv"}, {"city": "Lviv", "sum": 1}, True),
        ({"city": "Lviv"}, {"city": "Kyiv"}, False),
        ({"city": "Lviv"}, {}, False),
        ({"sum": 5}, {"sum": "5"}, True),
        ({"sum": "5"}, {"sum": 5}, True),
        ({"vip": True}, {"vip": "true"}, True),
        ({"vip": True}, {"vip": 1}, False),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
    ],
)
def test_an_event_fits_when_its_parameters_have_the_values(
    where: dict[str, Any], params: dict[str, Any], expected: bool
) -> None:
    assert fits(where, params) is expected


def test_times_of_day_need_no_seconds() -> None:
    quiet = {"begin": "21:00", "end": "09:00:30"}
    window = {"type": "wait", "hours": 1, "within": {"begin": "10:30", "end": "18:00"}}
    read = read_definition({"trigger": TRIGGER, "rules": {"quiet_hours": quiet}, "steps": [window]})
    assert read.rules.quiet_hours == QuietHours(begin=time(21), end=time(9, 0, 30))
    assert read.steps == (Wait(id="step-1", hours=1, within=Window(begin=time(10, 30), end=time(18))),)
    with pytest.raises(Invalid, match=r"begin"):
        read_definition({"trigger": TRIGGER, "rules": {"quiet_hours": {"begin": "25:00"}}, "steps": [WAIT]})

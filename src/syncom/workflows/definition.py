"""Reading definitions: from JSON to what can run, or a refusal that names the step. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

import msgspec

from syncom.errors import Invalid
from syncom.workflows.model import (
    Condition,
    Definition,
    EventTrigger,
    SegmentTrigger,
    SendEmail,
    Step,
    Stop,
    Trigger,
    Wait,
)

FORMAT: Final = 1
STEPS_LIMIT: Final = 100
WHERE_LIMIT: Final = 20
LONGEST_WAIT: Final = timedelta(days=366)

_STEPS: Final[Mapping[str, type[Step]]] = {
    "condition": Condition,
    "send_email": SendEmail,
    "stop": Stop,
    "wait": Wait,
}
_MEMBERS: Final = frozenset({"format", "trigger", "steps"})
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
Value = TypeVar("Value")


def read_definition(given: object) -> Definition:
    """A definition as it is saved. Raises Invalid for what this release cannot run."""
    if not isinstance(given, Mapping):
        raise Invalid("definition", "must be an object with trigger and steps")
    members = cast("Mapping[str, Any]", given)
    unknown = sorted(set(members) - _MEMBERS)
    if unknown:
        raise Invalid(f"definition.{unknown[0]}", "is not known here; there are format, trigger and steps")
    if members.get("format", FORMAT) != FORMAT:
        raise Invalid("definition.format", f"must be {FORMAT}")
    return Definition(trigger=_trigger(members.get("trigger")), steps=_steps(members.get("steps")))


def _trigger(given: object) -> Trigger:
    at = "definition.trigger"
    kind = _type_of(given, at)
    if kind == "segment":
        return _converted(given, SegmentTrigger, at)
    if kind != "event":
        raise Invalid(f"{at}.type", f"'{kind}' cannot start a workflow here; an event or a segment can")
    trigger = _converted(given, EventTrigger, at)
    if not trigger.event_type.strip():
        raise Invalid(f"{at}.event_type", "is empty")
    if len(trigger.where) > WHERE_LIMIT:
        raise Invalid(f"{at}.where", f"must be at most {WHERE_LIMIT} parameters")
    for name, value in trigger.where.items():
        if not isinstance(value, (str, int, float, bool)):
            raise Invalid(f"{at}.where.{name}", "must be a text, a number, true or false")
    return trigger


def _steps(given: object) -> tuple[Step, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise Invalid("definition.steps", "must be a list of at least one step")
    listed = cast("Sequence[object]", given)
    if len(listed) > STEPS_LIMIT:
        raise Invalid("definition.steps", f"must be at most {STEPS_LIMIT}")
    steps: list[Step] = []
    names: set[str] = set()
    for place, one in enumerate(listed):
        at = f"definition.steps.{place}"
        if steps and isinstance(steps[-1], Stop):
            raise Invalid(at, "is behind a stop, so nobody comes to it")
        step = _step(one, at)
        if not step.id:
            step = msgspec.structs.replace(step, id=f"step-{place + 1}")
        if step.id in names:
            raise Invalid(f"{at}.id", f"there is a step '{step.id}' already")
        names.add(step.id)
        steps.append(step)
    return tuple(steps)


def _step(given: object, at: str) -> Step:
    kind = _type_of(given, at)
    known = _STEPS.get(kind)
    if known is None:
        raise Invalid(f"{at}.type", f"steps of the type '{kind}' cannot run here; there are {', '.join(_STEPS)}")
    step = _converted(given, known, at)
    if len(step.id) > 100 or not step.id.isprintable():
        raise Invalid(f"{at}.id", "must be at most 100 printable characters")
    if isinstance(step, Wait):
        parts = (step.days, step.hours, step.minutes, step.seconds)
        if min(parts) < 0 or max(parts) > 100_000_000 or not timedelta() < step.span <= LONGEST_WAIT:
            raise Invalid(at, "must wait for more than nothing and at most 366 days")
    return step


def _type_of(given: object, at: str) -> str:
    if not isinstance(given, Mapping):
        raise Invalid(at, "must be an object with a type")
    kind = cast("Mapping[str, Any]", given).get("type")
    if not isinstance(kind, str):
        raise Invalid(f"{at}.type", "is missing")
    return kind


def _converted(given: object, type_: type[Value], at: str) -> Value:
    try:
        return msgspec.convert(given, type_)
    except msgspec.ValidationError as error:
        text = str(error)
        path = _PATH.search(text)
        field = f"{at}.{path[1]}" if path and path[1] else at
        raise Invalid(field, _PATH.sub("", text)) from None


def fits(trigger: Trigger, params: Mapping[str, Any]) -> bool:
    """Whether an event of its type with these parameters lets its contact in."""
    return isinstance(trigger, EventTrigger) and all(
        name in params and _text(params[name]) == _text(value) for name, value in trigger.where.items()
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

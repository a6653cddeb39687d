"""Reading definitions: from JSON to what can run, or a refusal that names the step. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast, get_args

import msgspec

from syncom.errors import FieldError, Invalid
from syncom.workflows import language as words
from syncom.workflows.filters import check_where
from syncom.workflows.graph import Graph
from syncom.workflows.language import END, Definition, Rules, Step, Trigger

FORMATS: Final = (1, 2)
STEPS_LIMIT: Final = 200
BRANCHES_LIMIT: Final = 20
CHANNELS_LIMIT: Final = 5
LONGEST_WAIT: Final = timedelta(days=366)
LONGEST_OFFSET: Final = 366

_STEPS: Final[Mapping[str, type[Step]]] = {
    str(kind.__struct_config__.tag): kind for kind in cast("tuple[type[Step], ...]", get_args(Step))
}
_TRIGGERS: Final[Mapping[str, type[Trigger]]] = {
    str(kind.__struct_config__.tag): kind for kind in cast("tuple[type[Trigger], ...]", get_args(Trigger))
}
_MEMBERS: Final = frozenset({"format", "trigger", "rules", "steps"})
_MINUTE = re.compile(r"[0-2]\d:[0-5]\d")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
Value = TypeVar("Value")


def read_definition(given: object) -> Definition:
    """A definition as it is saved, every step with an id. Raises Invalid for what cannot run."""
    if not isinstance(given, Mapping):
        raise Invalid("definition", "must be an object with trigger and steps")
    members = cast("Mapping[str, Any]", given)
    unknown = sorted(set(members) - _MEMBERS)
    if unknown:
        raise Invalid(f"definition.{unknown[0]}", "is not known here; there are format, trigger, rules and steps")
    language = members.get("format", FORMATS[-1])
    if isinstance(language, bool) or language not in FORMATS:
        raise Invalid("definition.format", f"must be {FORMATS[-1]}")
    definition = Definition(
        trigger=_trigger(members.get("trigger")),
        rules=_rules(members.get("rules", {})),
        steps=_steps(members.get("steps")),
    )
    _check_ways(definition)
    return definition


def look_through(given: object) -> tuple[Definition | None, list[FieldError]]:
    """The same for what is still being written: the definition, if it can be read, and of each part and step what is
    wrong first."""
    try:
        return read_definition(given), []
    except Invalid as error:
        first = list(error.fields)
    if not isinstance(given, Mapping):
        return None, first
    members = cast("Mapping[str, Any]", given)
    steps = members.get("steps")
    listed = cast("Sequence[object]", steps) if isinstance(steps, Sequence) and not isinstance(steps, str) else ()
    looks: list[Callable[[], object]] = [
        lambda: _trigger(members.get("trigger")),
        lambda: _rules(members.get("rules", {})),
    ]
    looks += [partial(_step, one, f"definition.steps.{place}") for place, one in enumerate(listed)]
    found: list[FieldError] = []
    for look in looks:
        try:
            look()
        except Invalid as error:
            found += error.fields
    # What is wrong with the whole, such as two steps of one name, or a way that leads nowhere.
    known = {one.field for one in found}
    return None, [*(one for one in first if one.field not in known), *found]


# ---------------------------------------------------------------- triggers and rules


def _trigger(given: object) -> Trigger:
    at = "definition.trigger"
    kind = _type_of(given, at)
    known = _TRIGGERS.get(kind)
    if known is None:
        raise Invalid(f"{at}.type", f"'{kind}' cannot start a workflow; there are {', '.join(_TRIGGERS)}")
    trigger = _converted(given, known, at)
    match trigger:
        case words.EventTrigger():
            _require(trigger.event_type.strip(), f"{at}.event_type", "is empty")
        case words.OrderTrigger():
            _require(trigger.status.strip(), f"{at}.status", "is empty")
        case words.ActivityTrigger():
            _require(trigger.link is None or trigger.did == "clicked", f"{at}.link", "only a click has one")
        case words.DateTrigger():
            _require(trigger.field, f"{at}.field", "is empty")
            _require(abs(trigger.days) <= LONGEST_OFFSET, f"{at}.days", f"must be within {LONGEST_OFFSET}")
            _require(trigger.at.tzinfo is None, f"{at}.at", "is a time of the contact's day: it has no zone")
        case words.ScheduleTrigger():
            _check_schedule(trigger, at)
        case _:
            pass
    check_where(getattr(trigger, "where", {}), f"{at}.where")
    return trigger


def _check_schedule(trigger: words.ScheduleTrigger, at: str) -> None:
    _require(1 <= trigger.day <= 31, f"{at}.day", "must be 1 to 31")
    _require(trigger.at.tzinfo is None, f"{at}.at", "has its zone in time_zone")
    if trigger.every == "once":
        try:
            date.fromisoformat(trigger.on)
        except ValueError:
            raise Invalid(f"{at}.on", "must be a day such as 2026-12-31") from None


def _rules(given: object) -> Rules:
    at = "definition.rules"
    rules = _converted(given, Rules, at)
    _require(rules.entry.again != "after" or 1 <= rules.entry.days <= 3660, f"{at}.entry.days", "must be 1 to 3660")
    _require(len(rules.exits) <= BRANCHES_LIMIT, f"{at}.exits", f"must be at most {BRANCHES_LIMIT}")
    for place, one in enumerate(rules.exits):
        _check_happening(one, f"{at}.exits.{place}")
    if rules.cap is not None:
        _require(1 <= rules.cap.messages <= 1000, f"{at}.cap.messages", "must be 1 to 1000")
        _require(1 <= rules.cap.days <= 90, f"{at}.cap.days", "must be 1 to 90")
    quiet = rules.quiet_hours
    _require(quiet is None or quiet.begin != quiet.end, f"{at}.quiet_hours", "must begin and end at different times")
    _require(0 <= rules.holdout <= 90, f"{at}.holdout", "must be 0 to 90 percent")
    _require(1 <= rules.conversion_days <= 90, f"{at}.conversion_days", "must be 1 to 90")
    return rules


def _check_happening(one: words.Exit | words.Goal, at: str) -> None:
    """An event, or a condition."""
    _require(bool(one.event_type.strip()) != bool(one.condition), at, "must have either event_type or condition")
    _require(not one.where or one.event_type, f"{at}.where", "only an event has parameters")
    check_where(one.where, f"{at}.where")


# ---------------------------------------------------------------- steps


def _steps(given: object) -> tuple[Step, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise Invalid("definition.steps", "must be a list of at least one step")
    listed = cast("Sequence[object]", given)
    if len(listed) > STEPS_LIMIT:
        raise Invalid("definition.steps", f"must be at most {STEPS_LIMIT}")
    steps: list[Step] = []
    names: set[str] = {END}
    for place, one in enumerate(listed):
        at = f"definition.steps.{place}"
        step = _step(one, at)
        if not step.id:
            step = msgspec.structs.replace(step, id=f"step-{place + 1}")
        _require(step.id != END, f"{at}.id", f"'{END}' is the name of no step")
        _require(step.id not in names, f"{at}.id", f"there is a step '{step.id}' already")
        _require(step.id.isprintable(), f"{at}.id", "must be printable characters")
        names.add(step.id)
        steps.append(step)
    return tuple(steps)


def _step(given: object, at: str) -> Step:
    kind = _type_of(given, at)
    known = _STEPS.get(kind)
    if known is None:
        raise Invalid(
            f"{at}.type", f"steps of the type '{kind}' cannot run here; there are {', '.join(sorted(_STEPS))}"
        )
    step = _converted(given, known, at)
    check_where(getattr(step, "where", {}), f"{at}.where")
    match step:
        case words.Wait() | words.WaitFor():
            _check_span(step, at)
            _require(not isinstance(step, words.WaitFor) or step.event_type.strip(), f"{at}.event_type", "is empty")
        case words.WaitUntil():
            _check_until(step, at)
        case words.SendFirst():
            _require(1 <= len(step.channels) <= CHANNELS_LIMIT, f"{at}.channels", f"must be 1 to {CHANNELS_LIMIT}")
        case words.Switch():
            _require(1 <= len(step.cases) <= BRANCHES_LIMIT, f"{at}.cases", f"must be 1 to {BRANCHES_LIMIT}")
        case words.Split():
            _check_split(step, at)
        case words.UpdateContact():
            _require(step.set or step.fields, at, "must set something")
        case words.AddToList() | words.RemoveFromList():
            _require((step.list_id is None) == bool(step.tag.strip()), at, "must have either list_id or tag")
        case words.GenerateEvent():
            _require(step.event_type.strip(), f"{at}.event_type", "is empty")
        case words.Goal():
            _check_happening(step, at)
        case _:
            pass
    return step


def _check_span(step: words.Wait | words.WaitFor, at: str) -> None:
    parts = (step.days, step.hours, step.minutes, step.seconds)
    if min(parts) < 0 or max(parts) > 100_000_000 or not timedelta() < step.span <= LONGEST_WAIT:
        raise Invalid(at, "must wait for more than nothing and at most 366 days")


def _check_until(step: words.WaitUntil, at: str) -> None:
    weekly = bool(step.weekdays) or (step.at is not None and not step.field)
    _require(
        (step.date is not None) + bool(step.field) + weekly == 1,
        at,
        "must have one of date, field, or weekdays and at",
    )
    _require(step.date is None or step.date.tzinfo is not None, f"{at}.date", "must have a zone, such as Z")
    _require(abs(step.days) <= LONGEST_OFFSET, f"{at}.days", f"must be within {LONGEST_OFFSET}")
    _require(
        bool(step.field) or not (step.days or step.yearly or step.missing),
        at,
        "only a field has days, yearly and missing",
    )


def _check_split(step: words.Split, at: str) -> None:
    _require(2 <= len(step.branches) <= BRANCHES_LIMIT, f"{at}.branches", f"must be 2 to {BRANCHES_LIMIT}")
    for place, branch in enumerate(step.branches):
        _require(1 <= branch.weight <= 1000, f"{at}.branches.{place}.weight", "must be 1 to 1000")
    _require(not step.next, f"{at}.next", "a split goes where its branches go")


def _check_ways(definition: Definition) -> None:
    """Every way leads somewhere, everything is come to, and no loop runs without a rest."""
    graph = Graph(definition)
    for number in range(len(definition.steps)):
        at = f"definition.steps.{number}"
        try:
            list(graph.ways(number))
        except KeyError as error:
            raise Invalid(
                f"{at}{_place_of(definition.steps[number], error.args[0])}", f"there is no step '{error.args[0]}'"
            ) from None
    for number in range(len(definition.steps)):
        _require(number in graph.reached, f"definition.steps.{number}", "nobody comes to it: no step leads here")
    loop = graph.hurried_loop()
    if loop:
        shown = " → ".join([*loop, loop[0]])
        raise Invalid("definition.steps", f"{shown} is a loop without a wait: put a wait into it")


def _place_of(step: Step, name: str) -> str:
    """The member of a step that names another one."""
    for place, part in enumerate((*getattr(step, "cases", ()), *getattr(step, "branches", ()))):
        if part.next == name:
            return f".{'cases' if isinstance(step, words.Switch) else 'branches'}.{place}.next"
    members = ("next", "otherwise", "timeout", "missing", "failed")
    return next((f".{member}" for member in members if getattr(step, member, "") == name), "")


# ---------------------------------------------------------------- reading


def _type_of(given: object, at: str) -> str:
    if not isinstance(given, Mapping):
        raise Invalid(at, "must be an object with a type")
    kind = cast("Mapping[str, Any]", given).get("type")
    if not isinstance(kind, str):
        raise Invalid(f"{at}.type", "is missing")
    return kind


def _converted(given: object, type_: type[Value], at: str) -> Value:
    try:
        return msgspec.convert(_with_seconds(given, type_), type_)
    except msgspec.ValidationError as error:
        text = str(error)
        path = _PATH.search(text)
        field = f"{at}.{path[1]}" if path and path[1] else at
        raise Invalid(field, _PATH.sub("", text)) from None


def _with_seconds(given: object, type_: Any) -> object:
    """The same with times of day as msgspec reads them: people leave the seconds out."""
    types = [one for one in (type_, *get_args(type_)) if isinstance(one, type)]
    if time in types and isinstance(given, str) and _MINUTE.fullmatch(given):
        return f"{given}:00"
    struct = next((one for one in types if issubclass(one, msgspec.Struct)), None)
    if struct is None or not isinstance(given, Mapping):
        return given
    known = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    members = cast("Mapping[str, object]", given)
    return {name: _with_seconds(value, known.get(name)) for name, value in members.items()}


def _require(true: object, field: str, reason: str) -> None:
    if not true:
        raise Invalid(field, reason)

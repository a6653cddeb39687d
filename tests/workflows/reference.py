"""Workflows read plainly, from docs/workflows.md alone: one journey at a time, in dictionaries, without a database.

It is told what happens and at which moments somebody looks. Only what chance decides is taken from whoever is compared
with it: the branch of a split, and who is held out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WAITING, FINISHED, EXITED, HELD_OUT = "waiting", "finished", "exited", "held out"
ACTIVE = (WAITING,)
#: What a path says of a step.
WAITS, PASSED, MATCHED, DID_NOT_MATCH, HAPPENED, TIMED_OUT, NOT_SENT, REACHED = range(8)
LEFT, HAD_NO_VALUE, JUMPED, BRANCH = 10, 12, 15, 100
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
END = "end"
MICROSECOND = timedelta(microseconds=1)
#: Where the rules say nothing of it.
CONVERSION = timedelta(days=7)


@dataclass(kw_only=True)
class Person:
    """A contact."""

    zone: str
    #: Whether messages are sent to it.
    is_mailed: bool
    city: str = ""
    #: A date that a field holds.
    day: str = ""
    lists: set[str] = field(default_factory=set[str])


@dataclass(kw_only=True)
class Event:
    name: str
    contact: int
    params: dict[str, Any]
    #: What its journeys are known by.
    key: Any
    at: datetime


@dataclass(kw_only=True)
class Journey:
    workflow: int
    contact: int
    key: Any
    params: dict[str, Any]
    entry_key: Any
    entered_at: datetime
    #: Since when it is at its step.
    due: datetime
    wake: datetime
    step: int = 0
    resting: bool = False
    state: str = WAITING
    converted: bool = False
    path: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])

    def did(self, step: int, outcome: int, now: datetime) -> None:
        self.path.append((step, outcome, round((now - self.entered_at).total_seconds())))


class Reading:
    """One definition."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.trigger: Mapping[str, Any] = definition["trigger"]
        self.rules: Mapping[str, Any] = definition.get("rules", {})
        self.steps: Sequence[Mapping[str, Any]] = definition["steps"]
        self._places = {step["id"]: place for place, step in enumerate(self.steps)}

    def place(self, name: str) -> int | None:
        return None if name == END else self._places[name]

    def after(self, place: int) -> int | None:
        """Where a step leads of itself."""
        step = self.steps[place]
        if "next" in step:
            return self.place(step["next"])
        if step["type"] in ("stop", "jump", "goal") or place + 1 == len(self.steps):
            return None
        return place + 1

    def other(self, place: int, member: str) -> int | None:
        """Where a second way leads: who has no such way is done, or goes where the others go."""
        step = self.steps[place]
        if member in step:
            return self.place(step[member])
        return None if member == "otherwise" else self.after(place)

    def leads(self, place: int) -> set[int]:
        """The steps that may come next."""
        step = self.steps[place]
        ways = [self.after(place)] if step["type"] != "split" else []
        ways += [self.place(one["next"]) for one in (*step.get("cases", ()), *step.get("branches", ()))]
        ways += [
            self.other(place, member)
            for kind, member in (
                ("condition", "otherwise"),
                ("goal", "otherwise"),
                ("wait_for", "timeout"),
                ("wait_until", "missing"),
            )
            if step["type"] == kind
        ]
        return {way for way in ways if way is not None}

    def behind(self, place: int) -> set[int]:
        found: set[int] = set()
        ahead = self.leads(place)
        while ahead:
            one = ahead.pop()
            if one not in found:
                found.add(one)
                ahead |= self.leads(one)
        return found

    def is_before(self, place: int, goal: int) -> bool:
        """Whether a goal is still ahead of who is at a place."""
        return goal in self.behind(place) or (place != goal and place not in self.behind(goal))


class Reference:
    """The workflows of some contacts."""

    def __init__(
        self,
        definitions: Sequence[Mapping[str, Any]],
        people: Sequence[Person],
        *,
        branch: Callable[[Journey], int],
        is_held_out: Callable[[int, int], bool],
    ) -> None:
        """``branch``: where a split leads a journey that is at it. ``is_held_out``: of workflow and contact."""
        self.workflows = [Reading(definition) for definition in definitions]
        self.people = people
        self.journeys: list[Journey] = []
        #: Messages by contact and template.
        self.messages: Counter[tuple[int, Any]] = Counter()
        #: Events that steps recorded, by contact and name.
        self.recorded: Counter[tuple[int, str]] = Counter()
        self._branch = branch
        self._is_held_out = is_held_out
        self._known: list[Event] = []
        self._unheard: list[Event] = []
        self._matches = {where: self._is_match(*where) for where in self._watched()}

    # ------------------------------------------------------------ time

    def look(self, now: datetime, events: Sequence[Event]) -> None:
        """These happened, and somebody looks."""
        self._unheard += events
        for _ in range(200):
            if self._unheard:
                heard, self._unheard = self._unheard, []
                self._known += heard
                for event in heard:
                    self._hear(event, now)
            elif any(one.state == WAITING and one.wake <= now for one in self.journeys):
                for contact in range(len(self.people)):
                    self._go_on(contact, now)
            elif not self._moves(now):
                return
        raise AssertionError("it never ends")

    # ------------------------------------------------------------ what happens

    def _hear(self, event: Event, now: datetime) -> None:
        for number, workflow in enumerate(self.workflows):
            for one in workflow.rules.get("exits", ()):
                if one.get("event_type") == event.name and fits(one.get("where", {}), event.params):
                    self._let_out(number, event.contact, now)
        for kind in ("goal", "wait_for"):
            for number, workflow in enumerate(self.workflows):
                for place in reversed(range(len(workflow.steps))):
                    step = workflow.steps[place]
                    if step["type"] != kind or step.get("event_type") != event.name:
                        continue
                    if fits(step.get("where", {}), event.params):
                        if kind == "goal":
                            self._reach(number, place, event.contact, now)
                        else:
                            self._wake(number, place, event, now)
        for number, workflow in enumerate(self.workflows):
            trigger = workflow.trigger
            if trigger.get("event_type") == event.name and fits(trigger.get("where", {}), event.params):
                self._enter(number, event.contact, event.key, event.params, min(event.at, now), now)

    def _of(self, workflow: int, contact: int) -> list[Journey]:
        return [one for one in self.journeys if (one.workflow, one.contact) == (workflow, contact)]

    def _let_out(self, workflow: int, contact: int, now: datetime) -> None:
        for one in self._of(workflow, contact):
            if one.state == WAITING:
                one.state = EXITED
                one.did(one.step, LEFT, now)

    def _reach(self, workflow: int, goal: int, contact: int, now: datetime) -> None:
        reading = self.workflows[workflow]
        for one in self._of(workflow, contact):
            if one.state == WAITING and reading.is_before(one.step, goal):
                one.converted = True
                one.did(goal, REACHED, now)
                self._put(one, reading.after(goal), now)
                one.due = one.wake = now
            elif not one.converted and one.entered_at >= now - CONVERSION:
                # Who is only watched, or is past it, or done: it is noted.
                one.converted = True
                one.did(goal, REACHED, now)

    def _wake(self, workflow: int, place: int, event: Event, now: datetime) -> None:
        for one in self._of(workflow, event.contact):
            if one.state == WAITING and one.step == place and one.resting and event.at <= one.wake:
                one.params = {**one.params, "awaited": event.params}
                one.did(place, HAPPENED, now)
                self._put(one, self.workflows[workflow].after(place), now)
                # Behind the event, so that the next step does not hear of it too.
                one.due = one.wake = max(now, event.at + MICROSECOND)

    # ------------------------------------------------------------ who comes to match

    def _watched(self) -> list[tuple[int, int, int]]:
        """Workflow, step (-1: lets out) and contact of what is to be noticed."""
        found: list[tuple[int, int]] = []
        for number, workflow in enumerate(self.workflows):
            found += [(number, -1) for one in workflow.rules.get("exits", ()) if "condition" in one]
            found += [
                (number, place)
                for place, step in enumerate(workflow.steps)
                if step["type"] == "goal" and "condition" in step
            ]
        return [(*one, contact) for one in found for contact in range(len(self.people))]

    def _is_match(self, workflow: int, place: int, contact: int) -> bool:
        reading = self.workflows[workflow]
        conditions = [one["condition"] for one in reading.rules.get("exits", ()) if "condition" in one]
        condition = conditions[0] if place < 0 else reading.steps[place]["condition"]
        return matches(condition, self.people[contact])

    def _moves(self, now: datetime) -> bool:
        """Whether anybody came to match anything that is noticed."""
        changed = False
        for where, matched in self._matches.items():
            self._matches[where] = self._is_match(*where)
            if self._matches[where] and not matched:
                changed = True
                workflow, place, contact = where
                if place < 0:
                    self._let_out(workflow, contact, now)
                else:
                    self._reach(workflow, place, contact, now)
        return changed

    # ------------------------------------------------------------ who comes in

    def _enter(
        self, workflow: int, contact: int, key: Any, params: Mapping[str, Any], due: datetime, now: datetime
    ) -> None:
        rules = self.workflows[workflow].rules
        entry = rules.get("entry", {})
        entry_key = params.get(entry["key"]) if entry.get("key") else ""
        before = self._of(workflow, contact)
        if any(one.key == key for one in before):
            return  # the same cause, once
        before = [one for one in before if one.entry_key == entry_key]
        again = entry.get("again", "always")
        if again == "never" and before:
            return
        if again == "after" and any(one.entered_at > now - timedelta(days=entry["days"]) for one in before):
            return
        if entry.get("one_active") and any(one.state in ACTIVE for one in before):
            return
        journey = Journey(
            workflow=workflow,
            contact=contact,
            key=key,
            params=dict(params),
            entry_key=entry_key,
            entered_at=now,
            due=due,
            wake=due,
        )
        if rules.get("holdout") and self._is_held_out(workflow, contact):
            journey.state = HELD_OUT
            # Who matches already has reached it.
            journey.converted = any(
                self._matches.get((workflow, place, contact), False)
                for place in range(len(self.workflows[workflow].steps))
            )
        self.journeys.append(journey)

    # ------------------------------------------------------------ steps

    def _go_on(self, contact: int, now: datetime) -> None:
        """All journeys of a contact whose time has come, the first workflow and step first."""
        going = [one for one in self.journeys if one.contact == contact and one.state == WAITING and one.wake <= now]
        for one in going:
            one.due = one.wake
        going.sort(key=lambda one: str(one.key))
        while going:
            # Workflows in the order in which they were made: those that others name are made before them.
            place = min((-one.workflow, one.step, one.resting) for one in going)
            for one in [one for one in going if (-one.workflow, one.step, one.resting) == place]:
                if not self._do(one, now):
                    going.remove(one)

    def _put(self, one: Journey, place: int | None, now: datetime) -> bool:
        """To a step; whether there is one."""
        del now
        one.resting = False
        if place is None:
            one.state = FINISHED
            return False
        one.step = place
        return True

    def _rest(self, one: Journey, until: datetime, now: datetime, *, begun: bool = True) -> bool:
        one.did(one.step, WAITS, now)
        one.wake, one.resting = until, begun
        return False

    def _do(self, one: Journey, now: datetime) -> bool:
        """The step at which it is; whether it goes on."""
        reading, place = self.workflows[one.workflow], one.step
        step = reading.steps[place]
        return getattr(self, f"_{step['type']}")(one, step, reading, now)

    def _pass(self, one: Journey, to: int | None, outcome: int, now: datetime) -> bool:
        one.did(one.step, outcome, now)
        return self._put(one, to, now)

    def _send_email(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        return self._send(one, {"channels": [step]}, reading, now)

    def _send(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        """The first message is a mail; the second, where there is one, a text, which reaches everybody."""
        person, to = self.people[one.contact], reading.after(one.step)
        mail, *texts = step["channels"]
        quiet = reading.rules.get("quiet_hours")
        if quiet:
            until = in_window(now, person.zone, quiet["end"], quiet["begin"], ())
            if until > now:
                return self._rest(one, until, now, begun=False)
        if not person.is_mailed and not texts:
            return self._pass(one, to, NOT_SENT, now)
        chosen = mail if person.is_mailed else texts[0]
        self.messages[one.contact, chosen["template_id"]] += 1
        return self._pass(one, to, PASSED, now)

    def _wait(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        if one.resting:
            return self._pass(one, reading.after(one.step), PASSED, now)
        until = now + span(step)
        window = step.get("within")
        if window is not None:
            zone = self.people[one.contact].zone
            begin, end = window.get("begin", "00:00"), window.get("end", "00:00")
            until = in_window(until, zone, begin, end, window.get("weekdays", ()))
        return self._rest(one, until, now)

    def _wait_until(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        after = reading.after(one.step)
        if one.resting:
            return self._pass(one, after, PASSED, now)
        person = self.people[one.contact]
        if "date" in step:
            until = datetime.fromisoformat(step["date"])
        elif "field" in step:
            if not person.day:
                return self._pass(one, reading.other(one.step, "missing"), HAD_NO_VALUE, now)
            until = day_of(date.fromisoformat(person.day), step, person.zone, now)
        else:
            until = next_time(now, person.zone, step.get("at", "00:00"), step.get("weekdays", ()))
        return self._rest(one, until, now) if until > now else self._pass(one, after, PASSED, now)

    def _wait_for(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        place, after = one.step, reading.after(one.step)
        if one.resting:
            return self._pass(one, reading.other(place, "timeout"), TIMED_OUT, now)
        self._rest(one, now + span(step), now)
        # Whoever was due here before it happened has seen it happen.
        come = [
            event
            for event in self._known
            if (event.contact, event.name) == (one.contact, step["event_type"])
            and event.at >= one.due
            and event.key != one.key
            and fits(step.get("where", {}), event.params)
        ]
        if not come:
            return False
        first = min(come, key=lambda event: event.at)
        one.params = {**one.params, "awaited": first.params}
        one.due = first.at + MICROSECOND
        return self._pass(one, after, HAPPENED, now)

    def _condition(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        if matches(step["condition"], self.people[one.contact]):
            return self._pass(one, reading.after(one.step), MATCHED, now)
        return self._pass(one, reading.other(one.step, "otherwise"), DID_NOT_MATCH, now)

    def _switch(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        for number, case in enumerate(step["cases"]):
            if matches(case["condition"], self.people[one.contact]):
                return self._pass(one, reading.place(case["next"]), BRANCH + number, now)
        return self._pass(one, reading.after(one.step), DID_NOT_MATCH, now)

    def _split(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        number = self._branch(one)
        return self._pass(one, reading.place(step["branches"][number]["next"]), BRANCH + number, now)

    def _goal(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        if "condition" in step and matches(step["condition"], self.people[one.contact]):
            one.converted = True
            return self._pass(one, reading.after(one.step), REACHED, now)
        return self._pass(one, reading.other(one.step, "otherwise"), DID_NOT_MATCH, now)

    def _update_contact(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        person = self.people[one.contact]
        person.city = step.get("set", {}).get("city", person.city)
        person.day = step.get("fields", {}).get("day", person.day)
        return self._pass(one, reading.after(one.step), PASSED, now)

    def _add_to_list(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        self.people[one.contact].lists.add(step.get("tag") or step["list_id"])
        return self._pass(one, reading.after(one.step), PASSED, now)

    def _remove_from_list(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        self.people[one.contact].lists.discard(step.get("tag") or step["list_id"])
        return self._pass(one, reading.after(one.step), PASSED, now)

    def _generate_event(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        name = step["event_type"]
        self.recorded[one.contact, name] += 1
        event = Event(name=name, contact=one.contact, params=dict(step["params"]), key=object(), at=now)
        self._unheard.append(event)
        return self._pass(one, reading.after(one.step), PASSED, now)

    def _jump(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        del reading
        self._enter(step["workflow_id"], one.contact, one.key, one.params, now, now)
        return self._pass(one, None, JUMPED, now)

    def _stop(self, one: Journey, step: Mapping[str, Any], reading: Reading, now: datetime) -> bool:
        del step, reading
        return self._pass(one, None, PASSED, now)


# ---------------------------------------------------------------- conditions and parameters


def matches(condition: Mapping[str, Any], person: Person) -> bool:
    if "not" in condition:
        return not matches(condition["not"], person)
    if "all" in condition:
        return all(matches(one, person) for one in condition["all"])
    if "any" in condition:
        return any(matches(one, person) for one in condition["any"])
    if "list" in condition:
        return condition["list"] in person.lists
    return person.city.lower() == condition["value"].lower()


def fits(where: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Of whole numbers only."""
    return all(name in params and _is_as(params[name], wanted) for name, wanted in where.items())


def _is_as(value: int, wanted: Any) -> bool:
    return value == wanted if isinstance(wanted, int) else value >= int(wanted["gte"])


# ---------------------------------------------------------------- times


def span(step: Mapping[str, Any]) -> timedelta:
    return timedelta(**{name: step[name] for name in ("days", "hours", "minutes", "seconds") if name in step})


def moment_of(day: date, at: time, zone: str) -> datetime:
    """A local time. One that is left out when the clocks change is an hour later; one that comes twice, the second."""
    local = datetime.combine(day, at, ZoneInfo(zone))
    return max(local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC))


def in_window(moment: datetime, zone: str, begin: str, end: str, weekdays: Sequence[str]) -> datetime:
    """The first moment from one on, between times of the day, on days of the week."""
    begins, ends = time.fromisoformat(begin), time.fromisoformat(end)
    today = moment.astimezone(ZoneInfo(zone)).date()
    for number in range(-1, 9):
        day = today + timedelta(days=number)
        if weekdays and DAYS[day.weekday()] not in weekdays:
            continue
        closes = moment_of(day if begins < ends else day + timedelta(days=1), ends, zone)
        if moment < closes:
            return max(moment, moment_of(day, begins, zone))
    raise AssertionError("no such day")


def next_time(moment: datetime, zone: str, at: str, weekdays: Sequence[str]) -> datetime:
    """The next moment after one at which it is this time on one of these days."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    for number in range(9):
        day = today + timedelta(days=number)
        if not weekdays or DAYS[day.weekday()] in weekdays:
            found = moment_of(day, time.fromisoformat(at), zone)
            if found > moment:
                return found
    raise AssertionError("no such day")


def day_of(given: date, step: Mapping[str, Any], zone: str, now: datetime) -> datetime:
    """So many days after a date, or after its next anniversary that is to come."""
    at, days = time.fromisoformat(step.get("at", "00:00")), timedelta(days=step.get("days", 0))
    if not step.get("yearly"):
        return moment_of(given + days, at, zone)
    found: list[datetime] = []
    for year in range(now.year - 3, now.year + 4):
        try:
            day = given.replace(year=year)
        except ValueError:
            day = date(year, 2, 28)
        found.append(moment_of(day + days, at, zone))
    return min(one for one in found if one > now)

"""Where a journey may go from each step. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from syncom.workflows.language import (
    END,
    Action,
    Condition,
    Definition,
    GenerateEvent,
    Goal,
    Jump,
    Split,
    Step,
    Stop,
    Switch,
    Wait,
    WaitFor,
    WaitUntil,
    Webhook,
)

#: The number of no step: the journey is over.
OVER: Final = -1


class Graph:
    """A definition whose steps know each other by their places in the list."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.steps = definition.steps
        self._numbers = {step.id: number for number, step in enumerate(self.steps)}

    def number(self, name: str) -> int:
        """Place of a step; :data:`OVER` for ``end``. Raises KeyError."""
        return OVER if name == END else self._numbers[name]

    def after(self, number: int) -> int:
        """Where a step leads when nothing else is said."""
        step = self.steps[number]
        if step.next:
            return self.number(step.next)
        if isinstance(step, Stop | Jump | Goal):
            return OVER
        return number + 1 if number + 1 < len(self.steps) else OVER

    def to(self, number: int, name: str) -> int:
        """Where a way out of a step leads; one that is not named goes where the step goes."""
        return self.number(name) if name else self.after(number)

    def ways(self, number: int) -> Iterator[tuple[str, int]]:
        """The ways out of a step: the member that names each (``next``, ``cases.0.next``), and where it leads."""
        step = self.steps[number]
        if isinstance(step, Split):
            for place, branch in enumerate(step.branches):
                yield f"branches.{place}.next", self.number(branch.next)
            return
        yield "next", self.after(number)
        if isinstance(step, Switch):
            for place, case in enumerate(step.cases):
                yield f"cases.{place}.next", self.number(case.next)
        for member, name in _named(step).items():
            yield member, self.to(number, name)

    @cached_property
    def reached(self) -> frozenset[int]:
        """Steps that somebody may come to. A goal is come to from anywhere before it."""
        found: set[int] = set()
        ahead = [0, *(number for number, step in enumerate(self.steps) if isinstance(step, Goal))]
        while ahead:
            number = ahead.pop()
            if number != OVER and number not in found:
                found.add(number)
                ahead += [to for _, to in self.ways(number)]
        return frozenset(found)

    def behind(self, number: int) -> frozenset[int]:
        """Steps that may follow a step, at any distance."""
        found: set[int] = set()
        ahead = [to for _, to in self.ways(number)]
        while ahead:
            one = ahead.pop()
            if one != OVER and one not in found:
                found.add(one)
                ahead += [to for _, to in self.ways(one)]
        return frozenset(found)

    def before(self, goal: int) -> list[int]:
        """Steps at which a goal is still ahead: all but those behind it; in a loop both are true, and it counts."""
        behind = self.behind(goal) | {goal}
        return [number for number in range(len(self.steps)) if number not in behind or goal in self.behind(number)]

    @cached_property
    def hurried(self) -> frozenset[int]:
        """Steps that somebody may come to without a rest since it came in."""
        found: set[int] = set()
        ahead = [0]
        while ahead:
            number = ahead.pop()
            if number != OVER and number not in found:
                found.add(number)
                ahead += [to for _, to in self.at_once(number)]
        return frozenset(found)

    def at_once(self, number: int) -> Iterator[tuple[str, int]]:
        """The ways on which no time passes.

        A wait for what the workflow records itself may be over at once; who records what a goal asks for is there,
        unless it is past that goal by then.
        """
        step = self.steps[number]
        if rests(step) and not (isinstance(step, WaitFor) and step.event_type in self._recorded):
            return
        yield from self.ways(number)
        if isinstance(step, GenerateEvent):
            behind = self.behind(number)
            for place, one in enumerate(self.steps):
                is_its = isinstance(one, Goal) and one.event_type == step.event_type
                if is_its and not behind.isdisjoint(self.before(place)):
                    yield "event_type", self.after(place)

    @cached_property
    def _recorded(self) -> frozenset[str]:
        return frozenset(step.event_type for step in self.steps if isinstance(step, GenerateEvent))

    def hurried_loop(self) -> list[str]:
        """The steps of a loop that nobody rests in, in order; empty: there is none."""
        done: set[int] = set()
        for start in range(len(self.steps)):
            trail: list[tuple[int, Iterator[tuple[str, int]]]] = []
            on_trail: dict[int, int] = {}

            def enter(
                number: int,
                trail: list[tuple[int, Iterator[tuple[str, int]]]] = trail,
                on_trail: dict[int, int] = on_trail,
            ) -> None:
                on_trail[number] = len(trail)
                trail.append((number, self.at_once(number)))

            if start not in done:
                enter(start)
            while trail:
                number, ways = trail[-1]
                way = next(ways, None)
                if way is None:
                    trail.pop()
                    del on_trail[number]
                    done.add(number)
                elif way[1] in on_trail:
                    return [self.steps[one].id for one, _ in trail[on_trail[way[1]] :]]
                elif way[1] != OVER and way[1] not in done:
                    enter(way[1])
        return []


def rests(step: Step) -> bool:
    """Whether time passes for everybody who goes through a step."""
    if isinstance(step, WaitUntil):
        return step.date is None and not step.field
    return isinstance(step, Wait | WaitFor)


def _named(step: Step) -> Mapping[str, str]:
    """Ways out that a step has besides ``next``, as they are written."""
    match step:
        case Condition() | Goal():
            return {"otherwise": step.otherwise}
        case WaitFor():
            return {"timeout": step.timeout}
        case WaitUntil():
            return {"missing": step.missing}
        case Webhook() | Action():
            return {"failed": step.failed} if step.failed else {}
        case _:
            return {}

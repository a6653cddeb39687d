"""Workflows that start each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncom.workflows.graph import Graph
from syncom.workflows.language import Definition, GenerateEvent, Jump
from syncom.workflows.watches import event_of


def circle_of(definitions: Mapping[int, Definition], workflow_id: int) -> list[int]:
    """Workflows from this one on that start each other in a circle, without time passing; empty: it is in none.

    Only what is certain to have no end: an event counts when it lets in whatever it says, and whoever was inside.
    """
    started: dict[str, list[int]] = {}
    for number, definition in definitions.items():
        if definition.rules.entry.again == "always" and not getattr(definition.trigger, "where", {}):
            started.setdefault(event_of(definition.trigger), []).append(number)
    before: dict[int, int] = {}
    ahead = [workflow_id]
    while ahead:
        number = ahead.pop()
        for to in _starts(definitions[number], started):
            if to == workflow_id:
                return _trail(before, workflow_id, number)
            if to in definitions and to not in before:
                before[to] = number
                ahead.append(to)
    return []


def _starts(definition: Definition, started: Mapping[str, list[int]]) -> Iterator[int]:
    """Workflows that somebody begins who came into this one a moment ago."""
    for number in sorted(Graph(definition).hurried):
        step = definition.steps[number]
        if isinstance(step, GenerateEvent):
            yield from started.get(step.event_type, ())
        elif isinstance(step, Jump):
            yield step.workflow_id


def _trail(before: Mapping[int, int], first: int, last: int) -> list[int]:
    trail = [last]
    while trail[-1] != first:
        trail.append(before[trail[-1]])
    return trail[::-1]

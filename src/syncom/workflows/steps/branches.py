"""Steps that lead to several places."""

from __future__ import annotations

from syncom.workflows.language import Condition, Goal, Split, Switch
from syncom.workflows.model import Outcome
from syncom.workflows.passing import Place
from syncom.workflows.steps.tools import Tools


async def condition(place: Place, step: Condition, _: Tools) -> None:
    graph, number = place.graph, place.where.step
    await place.go_matching(
        step.condition,
        (graph.after(number), Outcome.MATCHED),
        (graph.to(number, step.otherwise), Outcome.DID_NOT_MATCH),
    )


async def switch(place: Place, step: Switch, _: Tools) -> None:
    graph = place.graph
    for choice, case in enumerate(step.cases):
        await place.choose_matching(case.condition, choice)
    ways = [(graph.number(case.next), Outcome.BRANCH + choice) for choice, case in enumerate(step.cases)]
    await place.go_chosen(ways, (graph.after(place.where.step), Outcome.DID_NOT_MATCH))


async def split(place: Place, step: Split, _: Tools) -> None:
    await place.choose_by_chance([branch.weight for branch in step.branches])
    ways = [(place.graph.number(one.next), Outcome.BRANCH + choice) for choice, one in enumerate(step.branches)]
    await place.go_chosen(ways[:-1], ways[-1])


async def goal(place: Place, step: Goal, _: Tools) -> None:
    """Who comes here on foot. Who does what it asks for elsewhere is brought here (``watching``)."""
    graph, number = place.graph, place.where.step
    if step.condition:
        await place.choose_matching(step.condition, 0)
        await place.change("convert", now=place.now)
    await place.go_chosen(
        [(graph.after(number), Outcome.REACHED)], (graph.to(number, step.otherwise), Outcome.DID_NOT_MATCH)
    )

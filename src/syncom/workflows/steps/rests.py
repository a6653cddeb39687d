"""Steps at which time passes."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, Final
from uuid import UUID

import msgspec

from syncom.errors import Invalid
from syncom.messages.policy.model import WEEKDAYS
from syncom.postgres.columns import numbers, texts
from syncom.workflows.filters import fits
from syncom.workflows.language import Wait, WaitFor, WaitUntil
from syncom.workflows.model import Outcome
from syncom.workflows.passing import Failed, Place
from syncom.workflows.steps.tools import Tools

MIDNIGHT: Final = time(0, 0)


async def wait(place: Place, step: Wait, _: Tools) -> None:
    if place.where.resting:
        await place.go()
        return
    until = place.now + step.span
    if step.within is None:
        await place.change("rest", until=until)
        return
    within = step.within
    await place.change(
        "rest_within", until=until, begins=within.begin, ends=within.end, days=week_days(within.weekdays)
    )


async def wait_until(place: Place, step: WaitUntil, tools: Tools) -> None:
    if place.where.resting:
        await place.go()
    elif step.date is not None:
        if step.date > place.now:
            await place.change("rest", until=step.date)
        else:
            await place.go()
    elif step.field:
        await _until_field(place, step, tools)
    else:
        await place.change("rest_until_time", now=place.now, at=step.at or MIDNIGHT, days=week_days(step.weekdays))


async def _until_field(place: Place, step: WaitUntil, tools: Tools) -> None:
    fields = await tools.contacts.fields.by_key(place.where.account_id, wanted={step.field})
    field = fields.get(step.field)
    if field is None:
        raise Failed(f"step '{step.id}': there is no field '{step.field}'")
    await place.change(
        "rest_until_field",
        now=place.now,
        field=str(field.field_id),
        days=step.days,
        at=step.at,
        yearly=step.yearly,
    )
    missing = place.graph.to(place.where.step, step.missing)
    await place.go_chosen(
        [(place.graph.after(place.where.step), Outcome.PASSED), (missing, Outcome.HAS_NO_VALUE)],
        (missing, Outcome.HAS_NO_VALUE),
    )


async def wait_for(place: Place, step: WaitFor, tools: Tools) -> None:
    graph, number = place.graph, place.where.step
    try:
        event_type = await tools.events.types.made_in(place.connection, place.where.account_id, step.event_type)
    except Invalid as error:
        raise Failed(f"step '{step.id}': {error.message}") from None
    event_type_id = event_type.event_type_id
    if place.where.resting:
        await place.change("rest_on", event_type_id=event_type_id)
        await place.go(graph.to(number, step.timeout), Outcome.TIMED_OUT)
        return
    await place.change("rest", until=place.now + step.span)
    if graph.after(number) != number:  # else who waits for the same again is here already
        await _look_back(place, step, event_type_id)


async def _look_back(place: Place, step: WaitFor, event_type_id: int) -> None:
    """What happened since they were due here, but before they came, has happened."""
    found = await place.rows("happened", event_type_id=event_type_id)
    # The first that fits, of each.
    first: dict[tuple[int, int, UUID], tuple[datetime, Any]] = {}
    for bucket, contact_id, event_id, params, occurred_at in found:
        if fits(step.where, params):
            first.setdefault((bucket, contact_id, event_id), (occurred_at, params))
    if first:
        woken: dict[str, Any] = {
            "buckets": numbers(key[0] for key in first),
            "contact_ids": numbers(key[1] for key in first),
            "event_ids": [key[2] for key in first],
        }
        awaited = texts(msgspec.json.encode(params).decode() for _, params in first.values())
        await place.change("note_awaited", **woken, awaited=awaited)
        moments = [moment for moment, _ in first.values()]
        to = place.graph.after(place.where.step)
        await place.change_counted("wake_happened", to, **woken, moments=moments, outcome=Outcome.HAPPENED)


def week_days(names: tuple[str, ...]) -> list[int]:
    """Days of the week as ISO 8601 numbers them."""
    return [WEEKDAYS.index(name) + 1 for name in names]

"""The step that records an event."""

from __future__ import annotations

from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.ids import workflow_effect_id
from syncom.workflows.language import GenerateEvent
from syncom.workflows.passing import Failed, Place
from syncom.workflows.steps.filling import Filler, contacts_of
from syncom.workflows.steps.tools import Tools


async def generate_event(place: Place, step: GenerateEvent, tools: Tools) -> None:
    those = await place.those()
    filler = Filler(step.params)
    about = await contacts_of(place, tools, those) if filler.needs_contact else {}
    events = [
        EventInput(
            type_key=step.event_type,
            # Once for each turn of the journey, also when the same workflow records the same again.
            dedupe_key=workflow_effect_id(one.event_id, place.where.workflow_id, one.turn, one.who).hex,
            params=filler.filled(one, about.get(one.who)),
            contact_id=one.who,
        )
        for one in those
    ]
    try:
        await tools.events.write(place.connection, place.where.account_id, events)
    except Invalid as error:
        if len(those) < 2:
            raise Failed(f"step '{step.id}': {error.message}") from None
        raise
    await place.go()

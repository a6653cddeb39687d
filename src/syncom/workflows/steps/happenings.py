"""The step that records an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.ids import workflow_effect_id
from syncom.workflows.language import GenerateEvent
from syncom.workflows.passing import Failed, Place, Stood
from syncom.workflows.steps.filling import Filler, contacts_of
from syncom.workflows.steps.tools import Tools

#: So many events of workflows may lead from one to the next without time passing.
CHAIN_LIMIT: Final = 20


async def generate_event(place: Place, step: GenerateEvent, tools: Tools) -> None:
    those = await place.those()
    _check_chains(step, those)
    filler = Filler(step.params)
    about = await contacts_of(place, tools, those) if filler.needs_contact else {}
    events = [
        EventInput(
            type_key=step.event_type,
            # Once for each turn of the journey, also when the same workflow records the same again.
            dedupe_key=workflow_effect_id(one.event_id, place.where.workflow_id, one.turn, one.who).hex,
            params=filler.filled(one, about.get(one.who)),
            contact_id=one.who,
            # By the clock that journeys go by: waits look back from when they came.
            occurred_at=place.now,
        )
        for one in those
    ]
    try:
        chains = [one.chain + 1 for one in those]
        await tools.events.write(place.connection, place.where.account_id, events, chains=chains)
    except Invalid as error:
        if len(those) < 2:
            raise Failed(f"step '{step.id}': {error.message}") from None
        raise
    place.whole.begins_more = True
    await place.go()


def _check_chains(step: GenerateEvent, those: Sequence[Stood]) -> None:
    """Raises Invalid for those of many, Failed for one alone, with whom workflows started each other without an end."""
    if all(one.chain < CHAIN_LIMIT for one in those):
        return
    reason = f"events of workflows led to it {CHAIN_LIMIT} times in a row, without a wait: put a wait between them"
    if len(those) < 2:
        raise Failed(f"step '{step.id}': {reason}")
    raise Invalid("event_type", reason)

"""Steps that end a journey."""

from __future__ import annotations

from syncom.workflows import entering
from syncom.workflows.graph import OVER
from syncom.workflows.language import Jump, Stop
from syncom.workflows.model import Candidate, Outcome
from syncom.workflows.passing import Place
from syncom.workflows.steps.tools import Tools


async def stop(place: Place, step: Stop, _: Tools) -> None:
    await place.change("say_why", reason=f"step '{step.id}'")
    await place.go(OVER)


async def jump(place: Place, step: Jump, _: Tools) -> None:
    """Into the other workflow by its own rules of entry; the journey there has the id of this one."""
    those = await place.those()
    candidates = [
        Candidate(
            account_id=place.where.account_id,
            contact_id=one.who,
            workflow_id=step.workflow_id,
            event_id=one.event_id,
            params=one.params,
            chain=one.chain,
        )
        for one in those
    ]
    place.whole.begins_more = True
    await place.whole.put_back_ended()
    await entering.let_in(place.connection, candidates, now=place.now)
    await place.go(OVER, Outcome.JUMPED)

"""Steps that send messages.

The rule ``cap`` counts within the pass, which has the contact for itself: passes move a group of buckets one after the
other, whatever workflow it is, so two workflows of one contact count each other's messages. What it cannot see is what
a campaign sends at the same moment, and journeys of contacts that were merged, under numbers of another group.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from syncom.errors import Invalid, NotFound
from syncom.ids import workflow_effect_id
from syncom.messages.model import Exclusion
from syncom.messages.planned import PlannedSend
from syncom.workflows.language import Send
from syncom.workflows.model import Outcome
from syncom.workflows.passing import Failed, Place, Stood
from syncom.workflows.steps.tools import Tools
from syncom.workflows.store import SentBy, note_messages


async def send(place: Place, step: Send, tools: Tools) -> None:
    quiet = place.graph.definition.rules.quiet_hours
    if quiet is not None:
        await place.change("rest_in_quiet_hours", now=place.now, begins=quiet.begin, ends=quiet.end)
    those = await place.those()
    if not those:
        return
    capped = await _capped(place)
    those = [one for one in those if one.key not in capped]
    planned = [_planned(one, place.where.workflow_id) for one in those]
    where = place.where
    account_id = where.account_id
    try:
        outcomes = await tools.sends.queue(
            place.connection, account_id, step.template_id, planned, sender_id=step.sender_id
        )
    except (Invalid, NotFound) as error:
        raise Failed(f"step '{step.id}': {error.message}") from None
    await note_messages(
        place.connection,
        account_id,
        [
            SentBy(message_id, plan.contact_id, where.workflow_id, where.version, where.step, place_of_copy > 0)
            for plan, outcome in zip(planned, outcomes, strict=True)
            if not isinstance(outcome, Exclusion)
            for place_of_copy, message_id in enumerate(outcome)
        ],
        now=place.now,
    )
    passed_over = {one.key: 0 for one, outcome in zip(those, outcomes, strict=True) if isinstance(outcome, Exclusion)}
    await place.choose(passed_over | dict.fromkeys(capped, 1))
    to = place.graph.after(place.where.step)
    await place.go_chosen([(to, Outcome.NOT_SENT), (to, Outcome.CAPPED)], (to, Outcome.PASSED))


async def _capped(place: Place) -> set[tuple[int, int, UUID]]:
    """Those who got as many messages lately as the rule lets them get."""
    cap = place.graph.definition.rules.cap
    if cap is None:
        return set()
    since = place.now - timedelta(days=cap.days)
    return {(row[0], row[1], row[2]) for row in await place.rows("over_cap", since=since, messages=cap.messages)}


def _planned(one: Stood, workflow_id: int) -> PlannedSend:
    return PlannedSend(
        message_id=workflow_effect_id(one.event_id, workflow_id, one.turn, one.who),
        contact_id=one.who,
        data=one.params,
    )

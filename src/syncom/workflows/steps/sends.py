"""Steps that send messages.

Caps, the rule's and the account's, are claimed when the message is queued (``messages/policy/claims.py``): exact
whoever else sends to the contact at the same moment.
"""

from __future__ import annotations

from syncom.errors import Invalid, NotFound
from syncom.ids import workflow_effect_id
from syncom.messages.model import Exclusion
from syncom.messages.planned import PlannedSend
from syncom.messages.policy.model import Cap
from syncom.workflows.language import Send, messages_of
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
    planned = [_planned(one, place.where.workflow_id) for one in those]
    where = place.where
    account_id = where.account_id
    try:
        outcomes = await tools.sends.queue_first(
            place.connection,
            account_id,
            [(message.template_id, message.sender_id) for message in messages_of(step)],
            planned,
            now=place.now,
            caps=_caps(place),
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
    await place.choose(
        {
            one.key: int(outcome is Exclusion.CAPPED)
            for one, outcome in zip(those, outcomes, strict=True)
            if isinstance(outcome, Exclusion)
        }
    )
    to = place.graph.after(place.where.step)
    await place.go_chosen([(to, Outcome.NOT_SENT), (to, Outcome.CAPPED)], (to, Outcome.PASSED))


def _caps(place: Place) -> tuple[Cap, ...]:
    """The rule of the workflow."""
    cap = place.graph.definition.rules.cap
    return () if cap is None else (Cap(messages=cap.messages, days=cap.days),)


def _planned(one: Stood, workflow_id: int) -> PlannedSend:
    return PlannedSend(
        message_id=workflow_effect_id(one.event_id, workflow_id, one.turn, one.who),
        contact_id=one.who,
        data=one.params,
    )

"""The journey of one contact told before it happens: each step with its moment, and what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from syncom.contacts.model import Channel, Contact
from syncom.content.fields import contact_fields
from syncom.content.service import ContentService
from syncom.errors import Invalid
from syncom.ids import bucket_of
from syncom.workflows import language as words
from syncom.workflows.graph import OVER, Graph
from syncom.workflows.journeys import words_of
from syncom.workflows.language import END, Definition, Send, Split, Step, WaitFor, messages_of
from syncom.workflows.model import EnrolmentState
from syncom.workflows.passing import Stood
from syncom.workflows.simulation.walking import Almanac, Taken, Walk, Walker
from syncom.workflows.steps.calls import request_of
from syncom.workflows.steps.filling import Filler

#: How far ahead is looked: further than the longest wait.
HORIZON: Final = timedelta(days=400)
_ASKED_NOW: Final = "conditions are asked as of now: at that moment they may be answered otherwise"


class Chance(msgspec.Struct, frozen=True, kw_only=True):
    """How likely one branch of a split is."""

    next: str
    percent: float


class TracedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step as it would be taken."""

    step_id: str
    type: str
    at: datetime
    #: Until when it waits here; None: it does not.
    until: datetime | None
    #: What came of it, in words; empty: it is here still.
    what: str
    #: ``end``: it was done. None: it is here still.
    next: str | None
    #: What the step does, filled in: the template and subject, the values, the list, the event, the call.
    does: dict[str, Any]
    #: Of a split.
    chances: list[Chance]
    #: Why nothing would be sent, or what cannot be told.
    note: str


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A journey that nobody has begun."""

    #: None: of a definition that is not saved.
    workflow_id: int | None
    contact_id: int
    began_at: datetime
    #: When it ends; of one that goes on, when it would go on.
    ends_at: datetime
    #: finished, waiting or failed.
    state: str
    reason: str
    #: Why an event would not let the contact in now; empty: it would.
    refused: str
    steps: list[TracedStep]
    notes: list[str]


class Chosen(NamedTuple):
    """Ways that whoever asks has chosen, by number of the step."""

    #: The branch of a split.
    branches: Mapping[int, int]
    #: How long after the journey comes to it the awaited event happens; left out: it does not.
    happens: Mapping[int, timedelta]


def chosen(graph: Graph, branches: Mapping[str, str], happens: Mapping[str, timedelta | None]) -> Chosen:
    """Raises Invalid for steps and ways that there are not."""
    numbers = {step.id: number for number, step in enumerate(graph.steps)}
    places: dict[int, int] = {}
    for name, to in branches.items():
        step = graph.steps[numbers[name]] if name in numbers else None
        if not isinstance(step, Split):
            raise Invalid(f"branches.{name}", "is no split")
        ways = [branch.next for branch in step.branches]
        if to not in ways:
            raise Invalid(f"branches.{name}", f"leads to {', '.join(ways)}")
        places[numbers[name]] = ways.index(to)
    delays: dict[int, timedelta] = {}
    for name, delay in happens.items():
        step = graph.steps[numbers[name]] if name in numbers else None
        if not isinstance(step, WaitFor):
            raise Invalid(f"happens.{name}", "is no step that waits for an event")
        if delay is None:
            continue
        if not timedelta() <= delay <= step.span:
            raise Invalid(f"happens.{name}", "must happen while it is waited for")
        delays[numbers[name]] = delay
    return Chosen(places, delays)


class Tracer:
    """Walks one journey and tells of it."""

    def __init__(
        self, account_id: int, graph: Graph, almanac: Almanac, content: ContentService, contact: Contact
    ) -> None:
        self._account_id = account_id
        self._graph = graph
        self._almanac = almanac
        self._content = content
        self._contact = contact

    async def trace(
        self, workflow_id: int | None, walker: Walker, params: Mapping[str, Any], ways: Chosen, *, refused: str
    ) -> Trace:
        began_at = walker.now
        walk = Walk(self._graph, self._almanac, began_at + HORIZON, branches=ways.branches, happens=ways.happens)
        await walk.go([walker])
        known = dict(params)
        steps: list[TracedStep] = []
        for turn, taken in enumerate(walker.taken or ()):
            steps.append(await self._told(walker, turn, taken, known))
            if taken.step in ways.happens:
                # What a later step says of it cannot be known.
                known["awaited"] = {}
        state = EnrolmentState(walker.state)
        reason = walker.reason
        if state is EnrolmentState.WAITING and not reason:
            reason = f"more than {HORIZON.days} days ahead: no further was looked"
        return Trace(
            workflow_id=workflow_id,
            contact_id=self._contact.contact_id,
            began_at=began_at,
            ends_at=walker.now,
            state=state.name.lower(),
            reason=reason or ("the steps are done" if state is EnrolmentState.FINISHED else ""),
            refused=refused,
            steps=steps,
            notes=_notes(self._graph.definition, asked=walker.asked),
        )

    async def _told(self, walker: Walker, turn: int, taken: Taken, params: dict[str, Any]) -> TracedStep:
        step = self._graph.steps[taken.step]
        does, note = await self._does(step, walker, turn, params)
        following = None
        if taken.to is not None:
            following = END if taken.to == OVER else self._graph.steps[taken.to].id
        return TracedStep(
            step_id=step.id,
            type=str(step.__struct_config__.tag),
            at=taken.at,
            until=taken.until,
            what="" if taken.outcome is None else words_of(taken.outcome),
            next=following,
            does=does,
            chances=_chances(step),
            note=note,
        )

    async def _does(self, step: Step, walker: Walker, turn: int, params: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """What a step does, and what would hinder it."""
        match step:
            case words.SendEmail() | words.SendSms() | words.SendPush() | words.SendFirst():
                return await self._message(step, walker, params)
            case words.GenerateEvent():
                return self._filled({"event_type": step.event_type}, {"params": step.params}, walker, turn, params)
            case words.Webhook() | words.Action():
                document, plan = request_of(step)
                return self._filled(plan, document, walker, turn, params)
            case _:
                return _said(step), ""

    async def _message(self, step: Send, walker: Walker, params: dict[str, Any]) -> tuple[dict[str, Any], str]:
        place, _, why = (await self._almanac.choices([walker], step))[walker.who]
        template_id = messages_of(step)[place].template_id
        template = await self._content.get(self._account_id, template_id)
        does: dict[str, Any] = {"template_id": template_id, "template": template.name}
        note = "" if why is None else f"is not sent: {why.value}"
        try:
            fields = contact_fields(self._contact)
            shown = await self._content.preview(
                self._account_id, template_id, fields, template.dialect.params_of(params)
            )
        except Invalid as error:
            return does, note or f"cannot be made: {error.message}"
        is_mail = template.channel is Channel.EMAIL
        return {**does, **({"subject": shown.subject} if is_mail else {"text": shown.text})}, note

    def _filled(
        self, fixed: dict[str, Any], document: dict[str, Any], walker: Walker, turn: int, params: dict[str, Any]
    ) -> tuple[dict[str, Any], str]:
        """What is the same for everybody, with what is filled in for this one."""
        who = self._contact.contact_id
        one = Stood(bucket_of(who), who, walker.event_id, who, turn, params)
        try:
            return {**fixed, **Filler(document).filled(one, self._contact)}, ""
        except Invalid as error:
            return fixed, f"cannot be done: {error.message}"


def _said(step: Step) -> dict[str, Any]:
    """What stands in a step that does the same for everybody."""
    match step:
        case words.UpdateContact():
            return {"set": step.set, "fields": step.fields}
        case words.AddToList() | words.RemoveFromList():
            return {"tag": step.tag} if step.tag else {"list_id": step.list_id}
        case words.Condition():
            return {"condition": step.condition}
        case words.Goal() if step.condition:
            return {"condition": step.condition}
        case words.Goal() | words.WaitFor():
            return {"event_type": step.event_type, "where": step.where}
        case words.Switch():
            return {"cases": [{"condition": case.condition, "next": case.next} for case in step.cases]}
        case words.Jump():
            return {"workflow_id": step.workflow_id}
        case _:
            return {}


def _chances(step: Step) -> list[Chance]:
    if not isinstance(step, Split):
        return []
    total = sum(branch.weight for branch in step.branches)
    return [Chance(next=branch.next, percent=round(100 * branch.weight / total, 2)) for branch in step.branches]


def _notes(definition: Definition, *, asked: bool) -> list[str]:
    """What is true of the whole journey, and not to be seen in its steps."""
    notes = [_ASKED_NOW] if asked else []
    goals = [step for step in definition.steps if isinstance(step, words.Goal)]
    if goals:
        names = ", ".join(f"'{goal.id}'" for goal in goals)
        notes.append(f"whoever reaches the goal {names} before it goes on behind it at once")
    if definition.rules.exits:
        notes.append("whoever does what lets it out leaves at once, wherever it is")
    if definition.rules.holdout:
        notes.append(f"{definition.rules.holdout} % of contacts are held out: they come in and are only watched")
    if definition.rules.cap is not None:
        cap = definition.rules.cap
        notes.append(f"whoever gets {cap.messages} messages in {cap.days} days is passed over by steps that send")
    return notes

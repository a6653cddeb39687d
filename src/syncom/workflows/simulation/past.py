"""What a workflow would have done in a time that is over, by what really happened in it.

Contacts are taken batch by batch, each with all that it did in that time, so that memory does not grow with the number
of events. Of each contact the rules of entry see its journeys in their order, as when they are let in; the journeys
themselves are walked together (``walking``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel
from syncom.messages.model import Exclusion
from syncom.postgres.columns import moments, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.workflows import language as words
from syncom.workflows import store
from syncom.workflows.entering import key_of
from syncom.workflows.filters import fits
from syncom.workflows.graph import Graph
from syncom.workflows.journeys import VersionFigures, figures_of
from syncom.workflows.language import Definition, Entry, Where
from syncom.workflows.model import Arrival, Cause, EnrolmentState
from syncom.workflows.simulation.walking import Almanac, Happening, Walk, Walker

_SQL = load_sql("syncom.workflows.simulation", "simulation.sql")
#: Events that are fetched, and candidates that are walked, at a time: enough for sets.
BATCH: Final = 10_000
_SENDS: Final = {"send_email": Channel.EMAIL, "send_sms": Channel.SMS, "send_push": Channel.WEBPUSH}
NEVER_AGAIN: Final = "never again"
TOO_SOON: Final = "too soon again"
STILL_INSIDE: Final = "still inside"
GONE: Final = "contact is gone"


class SimulatedSends(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one step over one channel."""

    step_id: str
    channel: str
    sent: int
    #: Journeys that came here and would get nothing, by why, as contacts are now.
    held_back: dict[str, int]


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """What would have been. Nothing of it was."""

    #: None: of a definition that is not saved.
    workflow_id: int | None
    since: datetime
    until: datetime
    #: Events, or moves of a segment, that fit the trigger.
    events: int
    #: Those of them that nobody is known by.
    of_nobody: int
    #: Journeys that would have begun, those who are held out left out.
    enrolled: int
    held_out: int
    #: By rule, those that would have been refused.
    refused: dict[str, int]
    sent: int
    held_back: int
    finished: int
    exited: int
    failed: int
    #: Still on their way at the end of the time.
    inside: int
    #: Reached a goal; and how many of those who are held out did what it asks for.
    reached_goal: int
    held_out_reached_goal: int
    #: Journeys whose way hangs on a condition, which is answered as of now and not as of then.
    asked_as_of_now: int
    sends: list[SimulatedSends]
    #: How many came to each step, went on, left, and how many took each way.
    figures: VersionFigures
    #: What of it is not as it would have been.
    notes: list[str]


class Occurrence(NamedTuple):
    """What may let a contact in."""

    #: Who it is now; 0: nobody who is known.
    who: int
    #: Whom the event is about, as it was recorded.
    contact_id: int
    event_id: UUID
    at: datetime
    params: Mapping[str, Any]


class Watched(NamedTuple):
    """What an event of a type is for, when its parameters fit."""

    cause: Cause
    step: int
    where: Where


class Before:
    """What the rules of entry know of a contact (and a value of the key)."""

    __slots__ = ("entered_at", "inside_until")

    def __init__(self, entered_at: datetime | None = None, inside_until: datetime | None = None) -> None:
        self.entered_at = entered_at
        #: When its last journey was over.
        self.inside_until = inside_until


def refusal(entry: Entry, before: Before, at: datetime) -> str:
    """The rule that refuses an entry at a moment (entering.sql, enrol); empty: none does."""
    if entry.again != "always" and before.entered_at is not None:
        if entry.again == "never":
            return NEVER_AGAIN
        if before.entered_at > at - timedelta(days=entry.days):
            return TOO_SOON
    if entry.one_active and before.inside_until is not None and before.inside_until >= at:
        return STILL_INSIDE
    return ""


class _Candidate(NamedTuple):
    who: int
    contact_id: int
    event_id: UUID
    at: datetime
    key: str


class _Queue:
    """Candidates of one contact (and value of the key), in their order."""

    __slots__ = ("before", "candidates", "place")

    def __init__(self) -> None:
        self.before = Before()
        self.candidates: list[_Candidate] = []
        self.place = 0


class Past:
    """One simulation under way."""

    def __init__(
        self,
        connection: Connection,
        account_id: int,
        workflow_id: int,
        graph: Graph,
        almanac: Almanac,
        since: datetime,
        until: datetime,
        watched: Mapping[int, Sequence[Watched]],
    ) -> None:
        """``watched``: by type of events, what those inside do for them."""
        self._connection = connection
        self._account_id = account_id
        self._workflow_id = workflow_id
        self._graph = graph
        self._almanac = almanac
        self._since = since
        self._until = until
        self._watched = watched
        self._rules = graph.definition.rules
        self._where: Where = getattr(graph.definition.trigger, "where", {})
        self._takes_time = _takes_time(graph.definition)
        self._events = 0
        self._of_nobody = 0
        self._held_out = 0
        self._held_out_reached = 0
        self._reached = 0
        self._asked = 0
        self._refused: Counter[str] = Counter()
        self._ends: Counter[int] = Counter()
        self._ways: Counter[tuple[int, int]] = Counter()
        self._sends: Counter[tuple[int, Channel, Exclusion | None]] = Counter()

    async def run(self, occurrences: AsyncIterator[Sequence[Occurrence]]) -> None:
        """Take all of these, which come contact by contact and in their order."""
        waiting: list[_Candidate] = []
        async for some in occurrences:
            for one in some:
                if not fits(self._where, one.params):
                    continue
                self._events += 1
                if not one.who:
                    self._of_nobody += 1
                    continue
                if len(waiting) >= BATCH and one.who != waiting[-1].who:
                    await self._take(waiting)
                    waiting = []
                key = key_of(one.params, self._rules.entry)
                waiting.append(_Candidate(one.who, one.contact_id, one.event_id, one.at, key))
        if waiting:
            await self._take(waiting)

    def told(self, workflow_id: int | None, version: int, notes: list[str]) -> Simulation:
        """What came of it."""
        definition = self._graph.definition
        sent = sum(count for (_, _, why), count in self._sends.items() if why is None)
        return Simulation(
            workflow_id=workflow_id,
            since=self._since,
            until=self._until,
            events=self._events,
            of_nobody=self._of_nobody,
            enrolled=self._ways[Arrival.OUTSIDE, 0],
            held_out=self._held_out,
            refused=dict(sorted(self._refused.items())),
            sent=sent,
            held_back=self._sends.total() - sent,
            finished=self._ends[EnrolmentState.FINISHED],
            exited=self._ends[EnrolmentState.EXITED],
            failed=self._ends[EnrolmentState.FAILED],
            inside=self._ends[EnrolmentState.WAITING],
            reached_goal=self._reached,
            held_out_reached_goal=self._held_out_reached,
            asked_as_of_now=self._asked,
            sends=list(_sends(definition, self._sends)),
            figures=figures_of(definition, version, self._ways),
            notes=notes,
        )

    # ------------------------------------------------------------ a batch

    async def _take(self, candidates: Sequence[_Candidate]) -> None:
        shares = await self._shares({one.contact_id for one in candidates})
        there = [one for one in candidates if one.contact_id in shares]
        self._refused[GONE] += len(candidates) - len(there)
        if not self._refused[GONE]:
            del self._refused[GONE]
        if not there:
            return
        queues = await self._queues(there)
        happenings = await self._happenings(there)
        while queues:
            begun: list[tuple[_Queue, Walker]] = []
            for queue in queues:
                for one in self._entering(queue):
                    walker = Walker(one.who, one.event_id, one.at, happenings.get(one.who, ()))
                    if shares[one.contact_id] < self._rules.holdout:
                        self._hold_out(walker)
                        continue
                    begun.append((queue, walker))
                    if self._rules.entry.one_active and self._takes_time:
                        break  # whether the next one comes in hangs on when this one is over
            await self._walk(begun)
            queues = [queue for queue in queues if queue.place < len(queue.candidates)]

    def _entering(self, queue: _Queue) -> Iterator[_Candidate]:
        """Those whom the rules let in, one after another, each noted as having come in."""
        before = queue.before
        while queue.place < len(queue.candidates):
            one = queue.candidates[queue.place]
            queue.place += 1
            why = refusal(self._rules.entry, before, one.at)
            if why:
                self._refused[why] += 1
                continue
            before.entered_at = one.at
            yield one

    def _hold_out(self, walker: Walker) -> None:
        self._held_out += 1
        self._held_out_reached += self._reaches(walker)

    def _reaches(self, walker: Walker) -> bool:
        """Whether somebody who has just come in does what a goal asks for in time, wherever it is by then."""
        last = walker.now + timedelta(days=self._rules.conversion_days)
        ahead = walker.happenings[walker.heard :]
        return any(cause is Cause.GOAL and one.at <= last for one in ahead for cause, _ in one.causes)

    async def _walk(self, begun: Sequence[tuple[_Queue, Walker]]) -> None:
        walk = Walk(self._graph, self._almanac, self._until)
        reaching = [self._reaches(walker) for _, walker in begun]
        await walk.go([walker for _, walker in begun])
        self._ways[Arrival.OUTSIDE, 0] += len(begun)
        self._ways += walk.ways
        self._sends += walk.sends
        for (queue, walker), reaches in zip(begun, reaching, strict=True):
            self._ends[walker.state] += 1
            self._reached += walker.converted or reaches
            self._asked += walker.asked
            inside = walker.state in (EnrolmentState.WAITING, EnrolmentState.FAILED)
            # Exits are heard of before entries: what let a contact out may let it in again.
            just_before = timedelta(microseconds=walker.state is EnrolmentState.EXITED)
            queue.before.inside_until = store.FOREVER if inside else walker.now - just_before

    # ------------------------------------------------------------ what is known of contacts

    async def _shares(self, contact_ids: set[int]) -> dict[int, int]:
        """The share of the holdout of each contact that is there."""
        values = {
            "account_id": self._account_id,
            "workflow_id": self._workflow_id,
            "contact_ids": numbers(sorted(contact_ids)),
        }
        rows = await (await self._connection.execute(_SQL["about"], values)).fetchall()
        return {contact_id: share for contact_id, _, is_there, share in rows if is_there}

    async def _queues(self, candidates: Sequence[_Candidate]) -> list[_Queue]:
        queues: defaultdict[tuple[int, str], _Queue] = defaultdict(_Queue)
        for one in candidates:
            queues[one.who, one.key].candidates.append(one)
        entry = self._rules.entry
        if entry.again != "always" or entry.one_active:
            values = {
                "account_id": self._account_id,
                "workflow_id": self._workflow_id,
                "contact_ids": numbers(sorted({who for who, _ in queues})),
                "before": self._since,
                "forever": store.FOREVER,
            }
            for who, key, entered_at, inside_until in await self._rows("entered_before", values):
                if (who, key) in queues:
                    queues[who, key].before = Before(entered_at, inside_until)
        return list(queues.values())

    async def _happenings(self, candidates: Sequence[_Candidate]) -> dict[int, list[Happening]]:
        """What contacts did that somebody inside hears of, from the first event that may let them in on."""
        if not self._watched:
            return {}
        first: dict[int, datetime] = {}
        for one in candidates:
            first.setdefault(one.who, one.at)
        values = {
            "account_id": self._account_id,
            "contact_ids": numbers(first),
            "moments": moments(first.values()),
            "event_type_ids": numbers(self._watched),
            "until": self._until,
        }
        found: defaultdict[int, list[Happening]] = defaultdict(list)
        for who, event_type_id, at, event_id, params in await self._rows("happened", values):
            causes = [(one.cause, one.step) for one in self._watched[event_type_id] if fits(one.where, params)]
            if causes:
                found[who].append(Happening(at, event_id, causes))
        for those in found.values():
            those.sort(key=lambda one: (one.at, one.event_id))
        return found

    async def _rows(self, statement: str, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        return await (await self._connection.execute(_SQL[statement], values)).fetchall()


def watched_of(definition: Definition, event_type_ids: Mapping[str, int]) -> dict[int, list[Watched]]:
    """What those inside do for events, by type, in the order in which the engine tells them (watching)."""
    found = [(one.event_type, Watched(Cause.EXIT, -1, one.where)) for one in definition.rules.exits]
    for number, step in enumerate(definition.steps):
        if isinstance(step, words.Goal):
            found.append((step.event_type, Watched(Cause.GOAL, number, step.where)))
        elif isinstance(step, words.WaitFor):
            found.append((step.event_type, Watched(Cause.WAIT, number, step.where)))
    by_type: defaultdict[int, list[Watched]] = defaultdict(list)
    for key, one in sorted(found, key=lambda item: (-int(item[1].cause), -item[1].step)):
        if key in event_type_ids:
            by_type[event_type_ids[key]].append(one)
    return dict(by_type)


def _takes_time(definition: Definition) -> bool:
    """Whether a journey may last."""
    lasting = (words.Wait, words.WaitUntil, words.WaitFor)
    return definition.rules.quiet_hours is not None or any(isinstance(step, lasting) for step in definition.steps)


def _sends(definition: Definition, counts: Counter[tuple[int, Channel, Exclusion | None]]) -> Iterator[SimulatedSends]:
    """Of each step and channel; of a step with a fall-back order those of its channels that somebody came to."""
    for number, step in enumerate(definition.steps):
        own = _SENDS.get(str(step.__struct_config__.tag))
        for channel in [own] if own else sorted({one for at, one, _ in counts if at == number}):
            those = {why: count for (at, one, why), count in counts.items() if (at, one) == (number, channel)}
            held_back = {why.value: count for why, count in those.items() if why is not None}
            yield SimulatedSends(
                step_id=step.id,
                channel=channel.name.lower(),
                sent=those.get(None, 0),
                held_back=dict(sorted(held_back.items())),
            )

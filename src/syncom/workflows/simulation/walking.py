"""Walking through a workflow in thought: where journeys would go, and when, without anything being done.

What the engine does by statements over journeys is asked here over columns of contacts and moments, by the same SQL
functions and the same chance, so that both come to the same. Everybody walks on its own time: those who stand at one
step are asked about together, whenever each of them stands there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import DataError, sql

from syncom.contacts.model import Channel
from syncom.messages.model import Exclusion
from syncom.messages.planned import Choice, PlannedSends
from syncom.postgres.columns import moments, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.segments.service import SegmentsService
from syncom.workflows import language as words
from syncom.workflows.graph import OVER, Graph
from syncom.workflows.language import Send, messages_of
from syncom.workflows.model import GOING, Arrival, Cause, EnrolmentState, Outcome
from syncom.workflows.passing import chances
from syncom.workflows.steps.rests import MIDNIGHT, week_days
from syncom.workflows.watching import EXITED

_SQL = load_sql("syncom.workflows.simulation", "simulation.sql")
_THESE = sql.SQL("SELECT unnest(%(contact_ids)s::bigint[])")
#: Steps of one journey: a loop that rests for seconds would go on for very long.
TURNS_LIMIT: Final = 1_000
TOO_LONG: Final = f"it took {TURNS_LIMIT:,} steps: no further was looked"


class Happening(NamedTuple):
    """An event of a contact that a journey hears of."""

    at: datetime
    event_id: UUID
    #: What it is for, and of which step, as the engine tells it: exits, then goals (the furthest first), then waits.
    causes: Sequence[tuple[Cause, int]]


class Taken(NamedTuple):
    """A step that a journey came to."""

    step: int
    at: datetime
    #: Until when it rests there; None: it does not.
    until: datetime | None
    #: None: it is there still, or left by an exit or a goal.
    outcome: int | None
    to: int | None


class Walker:
    """One journey in thought."""

    __slots__ = (
        "asked",
        "converted",
        "event_id",
        "happenings",
        "heard",
        "now",
        "reason",
        "resting",
        "state",
        "step",
        "taken",
        "turn",
        "who",
    )

    def __init__(
        self, who: int, event_id: UUID, at: datetime, happenings: Sequence[Happening] = (), *, is_told: bool = False
    ) -> None:
        self.who = who
        self.event_id = event_id
        self.now = at
        self.step = 0
        self.resting = False
        self.turn = 0
        self.state: int = GOING
        self.reason = ""
        self.converted = False
        #: Whether its way hangs on what is true of the contact now, and may not have been then.
        self.asked = False
        self.happenings = happenings
        #: How many of them it has heard, or happened before it began.
        self.heard = bisect_right(happenings, (at, event_id), key=lambda one: (one.at, one.event_id))
        #: What it did; None: nobody wants to know.
        self.taken: list[Taken] | None = [] if is_told else None


class Almanac:
    """What steps ask: when moments come for contacts, how chance falls, who matches, who cannot be sent to."""

    def __init__(
        self,
        connection: Connection,
        account_id: int,
        workflow_id: int,
        segments: SegmentsService,
        sends: PlannedSends,
        fields: Mapping[str, int],
        *,
        now: datetime,
    ) -> None:
        """``fields``: ids of custom fields by key. ``now``: when conditions are asked."""
        self._connection = connection
        self._account_id = account_id
        self._workflow_id = workflow_id
        self._segments = segments
        self._sends = sends
        self._fields = fields
        self._now = now

    async def windows(self, those: Sequence[Walker], window: words.Window, after: timedelta) -> list[datetime]:
        """When, from so much later on, it is within a window of each."""
        days = week_days(window.weekdays)
        return await self._moments("windows", those, after, begins=window.begin, ends=window.end, days=days)

    async def loud(self, those: Sequence[Walker], quiet: words.QuietHours) -> list[datetime]:
        """When it is no quiet hour of each."""
        return await self._moments("windows", those, timedelta(), begins=quiet.end, ends=quiet.begin, days=[])

    async def times(self, those: Sequence[Walker], at: time, weekdays: tuple[str, ...]) -> list[datetime]:
        return await self._moments("times", those, timedelta(), at=at, days=week_days(weekdays))

    async def field_days(self, those: Sequence[Walker], step: words.WaitUntil) -> list[datetime | None]:
        """The days in a field. Raises DataError for a day that there is not."""
        values = {"field": str(self._fields[step.field]), "days": step.days, "at": step.at, "yearly": step.yearly}
        async with self._connection.transaction():
            return await self._moments("field_days", those, timedelta(), **values)

    async def branches(self, those: Sequence[Walker], step: int, weights: Sequence[int]) -> list[int]:
        """The branch of a split that each takes."""
        values = {
            "event_ids": [one.event_id for one in those],
            "turns": numbers(one.turn for one in those),
            **chances(self._workflow_id, step, weights),
        }
        return [row[0] for row in await (await self._connection.execute(_SQL["branches"], values)).fetchall()]

    async def matching(self, those: Sequence[Walker], condition: Mapping[str, Any]) -> set[int]:
        """Whoever of them matches now."""
        made = await self._segments.matching_of(self._connection, self._account_id, condition, _THESE, now=self._now)
        values = {**made.values, "account_id": self._account_id, "contact_ids": numbers({one.who for one in those})}
        rows = await (await self._connection.execute(made.text, values, prepare=False)).fetchall()
        return {row[0] for row in rows}

    async def choices(self, those: Sequence[Walker], step: Send) -> Mapping[int, Choice]:
        """What each of them would get of a step now, or why nothing."""
        return await self._sends.choices(
            self._connection,
            self._account_id,
            [message.template_id for message in messages_of(step)],
            [one.who for one in those],
        )

    async def _moments(self, statement: str, those: Sequence[Walker], after: timedelta, **values: Any) -> list[Any]:
        columns = {
            "account_id": self._account_id,
            "contact_ids": numbers(one.who for one in those),
            "moments": moments(one.now + after for one in those),
        }
        rows = await (await self._connection.execute(_SQL[statement], {**columns, **values})).fetchall()
        return [row[0] for row in rows]


class Walk:
    """Takes journeys through a graph until they are over, or simulated time is."""

    def __init__(
        self,
        graph: Graph,
        almanac: Almanac,
        until: datetime,
        *,
        branches: Mapping[int, int] | None = None,
        happens: Mapping[int, timedelta] | None = None,
    ) -> None:
        """``branches``: of splits (by number), to be taken by everybody. ``happens``: how long after a journey comes to
        it the event of a wait for one happens.
        """
        self._graph = graph
        self._almanac = almanac
        self._until = until
        self._branches = branches or {}
        self._happens = happens or {}
        self._befores = {
            number: frozenset(graph.before(number))
            for number, step in enumerate(graph.steps)
            if isinstance(step, words.Goal)
        }
        #: How many went from one step to another, as the engine counts them.
        self.ways: Counter[tuple[int, int]] = Counter()
        #: Messages of steps by channel and why they would not be sent; None: they would.
        self.sends: Counter[tuple[int, Channel, Exclusion | None]] = Counter()
        #: How many are at each step still.
        self.inside: Counter[int] = Counter()

    async def go(self, those: Sequence[Walker]) -> None:
        """All of them, from where they stand."""
        standing: defaultdict[int, list[Walker]] = defaultdict(list)
        for one in those:
            standing[one.step].append(one)
        while standing:
            # The first steps first, so that those who meet again go on together.
            number = min(standing)
            gone = standing.pop(number)
            await self._do(number, gone)
            for one in gone:
                if one.state != GOING:
                    continue
                if one.turn >= TURNS_LIMIT:
                    one.state, one.reason = EnrolmentState.WAITING, TOO_LONG
                    self.inside[one.step] += 1
                else:
                    standing[one.step].append(one)

    # ------------------------------------------------------------ steps

    async def _do(self, number: int, those: list[Walker]) -> None:
        step = self._graph.steps[number]
        match step:
            case words.SendEmail() | words.SendSms() | words.SendPush() | words.SendFirst():
                await self._send(step, those)
            case words.Wait():
                await self._wait(step, those)
            case words.WaitUntil():
                await self._wait_until(step, those)
            case words.WaitFor():
                self._wait_for(number, step, those)
            case words.Condition():
                await self._condition(number, step, those)
            case words.Switch():
                await self._switch(number, step, those)
            case words.Split():
                await self._split(number, step, those)
            case words.Goal():
                await self._goal(number, step, those)
            case words.Stop():
                self._all_go(those, OVER, reason=f"step '{step.id}'")
            case words.Jump():
                self._all_go(those, OVER, Outcome.JUMPED, reason=f"goes on in workflow {step.workflow_id}")
            case _:
                self._all_go(those, self._graph.after(number))

    async def _send(self, step: Send, those: list[Walker]) -> None:
        quiet = self._graph.definition.rules.quiet_hours
        if quiet is not None:
            loud = await self._almanac.loud(those, quiet)
            ready = [one for one, until in zip(those, loud, strict=True) if until <= one.now]
            for one, until in zip(those, loud, strict=True):
                if until > one.now:
                    self._rest(one, until, resting=False)
            those = ready
        if not those:
            return
        choices = await self._almanac.choices(those, step)
        for one in those:
            _, channel, why = choices[one.who]
            self.sends[one.step, channel, why] += 1
            # Suppressed addresses are held back by who sends, after the journey went on.
            outcome = Outcome.PASSED if why in (None, Exclusion.SUPPRESSED) else Outcome.NOT_SENT
            self._go(one, self._graph.after(one.step), outcome)

    async def _wait(self, step: words.Wait, those: list[Walker]) -> None:
        coming = self._wake(those)
        if step.within is not None and coming:
            ends = await self._almanac.windows(coming, step.within, step.span)
        else:
            ends = [one.now + step.span for one in coming]
        for one, until in zip(coming, ends, strict=True):
            self._rest(one, until)

    async def _wait_until(self, step: words.WaitUntil, those: list[Walker]) -> None:
        coming = self._wake(those)
        if not coming:
            return
        if step.field:
            await self._until_field(step, coming)
            return
        if step.date is not None:
            ends = [step.date] * len(coming)
        else:
            ends = await self._almanac.times(coming, step.at or MIDNIGHT, step.weekdays)
        for one, until in zip(coming, ends, strict=True):
            # A date that is over lets on; a time of day always lies ahead.
            if step.date is None or until > one.now:
                self._rest(one, until)
            else:
                self._go(one, self._graph.after(one.step))

    async def _until_field(self, step: words.WaitUntil, those: list[Walker]) -> None:
        try:
            days = await self._almanac.field_days(those, step)
        except DataError as error:
            if len(those) > 1:
                await self._until_field(step, those[: len(those) // 2])
                await self._until_field(step, those[len(those) // 2 :])
                return
            self._fail(those[0], f"step '{step.id}': {str(error).splitlines()[0]}")
            return
        for one, day in zip(those, days, strict=True):
            if day is None:
                self._go(one, self._graph.to(one.step, step.missing), Outcome.HAS_NO_VALUE)
            elif day > one.now:
                self._rest(one, day)
            else:
                self._go(one, self._graph.after(one.step))

    def _wait_for(self, number: int, step: words.WaitFor, those: list[Walker]) -> None:
        graph = self._graph
        delay = self._happens.get(number)
        for one in those:
            if one.resting:
                self._go(one, graph.to(number, step.timeout), Outcome.TIMED_OUT)
            elif delay is not None and delay <= step.span:
                self._note(one, one.now + delay)
                one.now += delay
                self._go(one, graph.after(number), Outcome.HAPPENED)
            else:
                self._rest(one, one.now + step.span)

    async def _condition(self, number: int, step: words.Condition, those: list[Walker]) -> None:
        found = await self._asked(those, step.condition)
        yes, no = self._graph.after(number), self._graph.to(number, step.otherwise)
        for one in those:
            if one.who in found:
                self._go(one, yes, Outcome.MATCHED)
            else:
                self._go(one, no, Outcome.DID_NOT_MATCH)

    async def _switch(self, number: int, step: words.Switch, those: list[Walker]) -> None:
        left = those
        for place, case in enumerate(step.cases):
            if not left:
                return
            found = await self._asked(left, case.condition)
            for one in left:
                if one.who in found:
                    self._go(one, self._graph.number(case.next), Outcome.BRANCH + place)
            left = [one for one in left if one.who not in found]
        self._all_go(left, self._graph.after(number), Outcome.DID_NOT_MATCH)

    async def _split(self, number: int, step: words.Split, those: list[Walker]) -> None:
        chosen = self._branches.get(number)
        if chosen is None:
            places = await self._almanac.branches(those, number, [branch.weight for branch in step.branches])
        else:
            places = [chosen] * len(those)
        for one, place in zip(those, places, strict=True):
            self._go(one, self._graph.number(step.branches[place].next), Outcome.BRANCH + place)

    async def _goal(self, number: int, step: words.Goal, those: list[Walker]) -> None:
        found = await self._asked(those, step.condition) if step.condition else set[int]()
        reached, missed = self._graph.after(number), self._graph.to(number, step.otherwise)
        for one in those:
            if one.who in found:
                one.converted = True
                self._go(one, reached, Outcome.REACHED)
            else:
                self._go(one, missed, Outcome.DID_NOT_MATCH)

    async def _asked(self, those: Sequence[Walker], condition: Mapping[str, Any]) -> set[int]:
        for one in those:
            one.asked = True
        return await self._almanac.matching(those, condition)

    # ------------------------------------------------------------ going on

    def _all_go(self, those: Sequence[Walker], to: int, outcome: int = Outcome.PASSED, *, reason: str = "") -> None:
        for one in those:
            one.reason = reason or one.reason
            self._go(one, to, outcome)

    def _wake(self, those: Sequence[Walker]) -> list[Walker]:
        """Those who rested go on; the others, who have just come."""
        coming = [one for one in those if not one.resting]
        self._all_go([one for one in those if one.resting], self._graph.after(those[0].step))
        return coming

    def _go(self, one: Walker, to: int, outcome: int = Outcome.PASSED) -> None:
        self._note(one, None, outcome, to)
        self._arrive(one, to, one.step)

    def _arrive(self, one: Walker, to: int, from_step: int) -> None:
        self.ways[from_step, to] += 1
        one.turn += 1
        one.resting = False
        if to == OVER:
            one.state = EnrolmentState.FINISHED
        else:
            one.step = to

    @staticmethod
    def _note(one: Walker, until: datetime | None, outcome: int | None = None, to: int | None = None) -> None:
        if one.taken is None:
            return
        last = one.taken[-1] if one.taken else None
        if last is not None and last.outcome is None:
            one.taken[-1] = last._replace(until=last.until or until, outcome=outcome, to=to)
        else:
            one.taken.append(Taken(one.step, one.now, until, outcome, to))

    def _fail(self, one: Walker, reason: str) -> None:
        self._note(one, None, Outcome.FAILED)
        self.ways[one.step, Arrival.FAILED] += 1
        one.state, one.reason = EnrolmentState.FAILED, reason

    # ------------------------------------------------------------ time

    def _rest(self, one: Walker, until: datetime, *, resting: bool = True) -> None:
        """Time passes for it until a moment, unless something happens before that takes it elsewhere."""
        one.resting = resting
        self._note(one, until)
        while one.heard < len(one.happenings) and one.happenings[one.heard].at <= until:
            happening = one.happenings[one.heard]
            one.heard += 1
            if self._hear(one, happening):
                return
        one.now = until
        if until > self._until:
            one.state = EnrolmentState.WAITING
            self.inside[one.step] += 1

    def _hear(self, one: Walker, happening: Happening) -> bool:
        """Whether it went elsewhere for it."""
        went = False
        for cause, step in happening.causes:
            if cause is Cause.EXIT:
                self.ways[one.step, Arrival.EXITED] += 1
                one.now, one.state, one.reason = happening.at, EnrolmentState.EXITED, EXITED
                return True
            if cause is Cause.GOAL and one.state == GOING and one.step in self._befores[step]:
                one.now, one.converted, went = happening.at, True, True
                self._arrive(one, self._graph.after(step), one.step)
            elif cause is Cause.WAIT and one.state == GOING and one.resting and one.step == step:
                one.now, went = happening.at, True
                self._go(one, self._graph.after(step), Outcome.HAPPENED)
        return went

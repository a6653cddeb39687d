"""Dry runs: what a workflow would do for one contact, and what it would have done in a time that is over.

Nothing is written: transactions are read-only, and nothing that a step says is done. It works for definitions that are
not saved, and for workflows of any status.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from psycopg import sql
from psycopg.rows import TupleRow

from syncom.clock import Clock
from syncom.contacts.service import ContactsService
from syncom.content.service import ContentService
from syncom.errors import Invalid
from syncom.events.service import EventsService
from syncom.ids import occurrence_id, uuid7
from syncom.messages.planned import PlannedSends
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.segments.model import OF_LIFE
from syncom.segments.service import SegmentsService
from syncom.workflows import language as words
from syncom.workflows import store
from syncom.workflows.checking import Checker
from syncom.workflows.definition import read_definition
from syncom.workflows.entering import key_of
from syncom.workflows.graph import Graph
from syncom.workflows.language import Definition
from syncom.workflows.moments import next_time, zone_of
from syncom.workflows.simulation.past import BATCH, Before, Occurrence, Past, Simulation, refusal, watched_of
from syncom.workflows.simulation.tracing import Trace, Tracer, chosen
from syncom.workflows.simulation.walking import Almanac, Walker
from syncom.workflows.timetable import in_segment, whose_day
from syncom.workflows.watches import event_of

_SQL = load_sql("syncom.workflows.simulation", "simulation.sql")
#: Stands for the workflow in what chance hangs on, while it is not saved.
_UNSAVED: Final = 0
_YEAR: Final = timedelta(days=365)
DEFAULT_SPAN: Final = timedelta(days=30)
#: Events of one simulation: a minute or two.
EVENTS_LIMIT: Final = 1_000_000


class _Source(NamedTuple):
    """Where what let contacts in is found."""

    #: The statement that counts it; empty: it is counted on the way.
    counted: str
    found: sql.SQL | sql.Composed
    values: dict[str, Any]
    notes: list[str]
    #: What a row lets in.
    made: Callable[[TupleRow], list[Occurrence]] = lambda row: [Occurrence(*row)]


class _Simulated(NamedTuple):
    """What is simulated."""

    #: None: it is not saved.
    workflow_id: int | None
    #: None: the definition is not the saved one.
    version: int | None
    definition: Definition

    @property
    def seed(self) -> int:
        return self.workflow_id or _UNSAVED


class SimulationsService:
    """Dry runs of an account's workflows."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        events: EventsService,
        segments: SegmentsService,
        content: ContentService,
        sends: PlannedSends,
        checker: Checker,
        clock: Clock,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._events = events
        self._segments = segments
        self._content = content
        self._sends = sends
        self._checker = checker
        self._clock = clock

    # ------------------------------------------------------------ one contact

    async def of_contact(
        self,
        account_id: int,
        contact_id: int,
        *,
        workflow_id: int | None = None,
        definition: object = None,
        params: Mapping[str, Any] | None = None,
        branches: Mapping[str, str] | None = None,
        happens: Mapping[str, timedelta | None] | None = None,
    ) -> Trace:
        """The journey of a contact that would come in now, step by step.

        ``definition``: instead of the saved one; without ``workflow_id`` of no workflow. ``params``: of the event.
        ``branches``: by step, where a split leads; left out, chance decides. ``happens``: by step, how long after the
        journey comes to it the awaited event happens; left out or None, it does not. Raises NotFound, and Invalid for
        what cannot run and for ways that there are not.
        """
        simulated = await self._simulated(account_id, workflow_id, definition)
        contact = await self._contacts.get(account_id, contact_id)
        graph = Graph(simulated.definition)
        ways = chosen(graph, branches or {}, happens or {})
        params = params or {}
        now = self._clock.now()
        walker = Walker(contact.contact_id, uuid7(), now, is_told=True)
        async with self._database.reading(account_id) as connection:
            refused = await self._refused(connection, account_id, simulated, contact.contact_id, params)
            almanac = await self._almanac(connection, account_id, simulated)
            tracer = Tracer(account_id, graph, almanac, self._content, contact)
            return await tracer.trace(workflow_id, walker, params, ways, refused=refused)

    async def _refused(
        self,
        connection: Connection,
        account_id: int,
        simulated: _Simulated,
        contact_id: int,
        params: Mapping[str, Any],
    ) -> str:
        """Why an event now would not let a contact in."""
        now = self._clock.now()
        rules = simulated.definition.rules
        values: dict[str, Any] = {
            "account_id": account_id,
            "workflow_id": simulated.seed,
            "contact_ids": numbers([contact_id]),
            "before": now,
            "forever": store.FOREVER,
        }
        rows = await (await connection.execute(_SQL["entered_before"], values)).fetchall()
        key = key_of(params, rules.entry)
        for _, entry_key, entered_at, inside_until in rows:
            why = refusal(rules.entry, Before(entered_at, inside_until), now) if entry_key == key else ""
            if why:
                return why
        row = await (await connection.execute(_SQL["about"], values)).fetchone()
        return "held out: only watched" if row is not None and row[3] < rules.holdout else ""

    # ------------------------------------------------------------ the past

    async def of_past(
        self,
        account_id: int,
        *,
        workflow_id: int | None = None,
        definition: object = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Simulation:
        """What would have been from ``since`` (30 days before ``until``, if left out) to ``until`` (now).

        ``definition``: instead of the saved one; without ``workflow_id`` of no workflow. Journeys that really began
        before ``since`` count for the rules of entry, those of the time itself do not. Raises NotFound, and Invalid for
        what cannot run, for a trigger of whose past nothing is known, and for more than 1,000,000 events.
        """
        simulated = await self._simulated(account_id, workflow_id, definition)
        now = self._clock.now()
        until = until or now
        since = since or until - DEFAULT_SPAN
        _check_span(since, until, now)
        graph = Graph(simulated.definition)
        async with self._database.reading(account_id) as connection:
            source = await self._source(connection, account_id, simulated, since, until)
            if source.counted:
                counting = {**source.values, "limit": EVENTS_LIMIT + 1}
                row = await (await connection.execute(_SQL[source.counted], counting)).fetchone()
                _check_count(row[0] if row is not None else 0)
            almanac = await self._almanac(connection, account_id, simulated)
            wanted = {one.event_type for one in (*graph.definition.rules.exits, *_that_wait(graph)) if one.event_type}
            types = await self._events.types.find_in(connection, account_id, wanted)
            watched = watched_of(graph.definition, {key: one.event_type_id for key, one in types.items()})
            past = Past(connection, account_id, simulated.seed, graph, almanac, since, until, watched)
            async with aclosing(_occurrences(connection, source)) as occurrences:
                await past.run(occurrences)
        return past.told(workflow_id, simulated.version or 0, [*source.notes, *_notes(simulated)])

    async def _source(
        self, connection: Connection, account_id: int, simulated: _Simulated, since: datetime, until: datetime
    ) -> _Source:
        """What let contacts in. Raises Invalid for a trigger of whose past nothing is known."""
        at = "definition.trigger.type"
        trigger = simulated.definition.trigger
        values: dict[str, Any] = {"account_id": account_id, "since": since, "until": until}
        event_type = event_of(trigger)
        if event_type:
            types = await self._events.types.find_in(connection, account_id, (event_type,))
            known = types.get(event_type)
            notes = [] if known is not None else [f"no event of the type '{event_type}' was ever recorded"]
            number = known.event_type_id if known is not None else None
            return _Source("count_events", sql.SQL(_SQL["events"]), {**values, "event_type_id": number}, notes)
        if isinstance(trigger, words.ApiTrigger):
            raise Invalid(at, "only calls let contacts in: nothing of the past says who; simulate it for one contact")
        if isinstance(trigger, words.DateTrigger | words.ScheduleTrigger):
            return await self._times(connection, account_id, simulated.seed, trigger, since, until)
        if isinstance(trigger, words.SegmentTrigger):
            segment_id, entered = trigger.segment_id, trigger.when == "enters"
            notes = [f"the past is what was recorded of who moved by itself into and out of segment {segment_id}"]
        else:
            # A segment that the saved version keeps for itself has what happened since.
            saved = {"workflow_id": simulated.workflow_id, "version": simulated.version}
            row = await (await connection.execute(_SQL["trigger_segment"], saved)).fetchone()
            if row is None:
                kind = trigger.__struct_config__.tag
                raise Invalid(at, f"of what lets in by '{kind}' there is no past before the workflow is saved")
            segment_id, entered = row
            notes = ["what let contacts in is known since this version was saved"]
        return _Source(
            "count_moves",
            sql.SQL(_SQL["moves"]),
            {**values, "segment_id": segment_id, "entered": entered, "causes": [one.code for one in OF_LIFE]},
            notes,
        )

    async def _times(
        self,
        connection: Connection,
        account_id: int,
        workflow_id: int,
        trigger: words.DateTrigger | words.ScheduleTrigger,
        since: datetime,
        until: datetime,
    ) -> _Source:
        """Whose time came, as fields and segments are now. Raises Invalid for days of more than a year."""
        if isinstance(trigger, words.DateTrigger):
            if until - since > _YEAR:
                raise Invalid("since", f"must be at most {_YEAR.days} days before: a day of the year comes once")
            fields = await self._contacts.fields.by_key(account_id, wanted={trigger.field})
            field = str(fields[trigger.field].field_id) if trigger.field in fields else ""
            statement, values = whose_day(trigger, field, since, until)
            notes = ["days are those that contacts have now"]

            def of_day(row: TupleRow) -> list[Occurrence]:
                _, who, moment, day = row
                event_id = occurrence_id(workflow_id, who, datetime.combine(day, time(), UTC))
                return [Occurrence(who, who, event_id, moment, {"date": day.isoformat()})]

            made = of_day
        else:
            moments = [
                (moment, {"date": moment.astimezone(zone_of(trigger)).date().isoformat()})
                for moment in _times_of(trigger, since, until)
            ]
            statement, values = in_segment(await self._segments.compiler(connection, account_id), trigger)
            notes = ["the segment has those in it who are in it now"]

            def of_schedule(row: TupleRow) -> list[Occurrence]:
                _, who = row
                return [
                    Occurrence(who, who, occurrence_id(workflow_id, who, moment), moment, params)
                    for moment, params in moments
                ]

            made = of_schedule
        place = {"account_id": account_id, "after_bucket": -1, "after_contact_id": 0, "limit": EVENTS_LIMIT + 1}
        return _Source("", statement, {**values, **place}, notes, made)

    # ------------------------------------------------------------ both

    async def _simulated(self, account_id: int, workflow_id: int | None, definition: object) -> _Simulated:
        """Raises NotFound, and Invalid for what cannot run."""
        read = None if definition is None else read_definition(definition)
        version: int | None = None
        async with self._database.reading(account_id) as connection:
            saved = None if workflow_id is None else await store.get(connection, account_id, workflow_id)
            if read is None:
                if saved is None:
                    raise Invalid("definition", "is missing")
                read, version = saved.definition, saved.version
            await self._checker.look(connection, account_id, read)
        return _Simulated(workflow_id, version, read)

    async def _almanac(self, connection: Connection, account_id: int, simulated: _Simulated) -> Almanac:
        wanted = {step.field for step in simulated.definition.steps if isinstance(step, words.WaitUntil) and step.field}
        fields = await self._contacts.fields.by_key(account_id, wanted=wanted)
        return Almanac(
            connection,
            account_id,
            simulated.seed,
            self._segments,
            self._sends,
            {key: field.field_id for key, field in fields.items()},
            now=self._clock.now(),
        )


async def _occurrences(connection: Connection, source: _Source) -> AsyncGenerator[Sequence[Occurrence]]:
    count = 0
    async with connection.cursor(name="simulated") as cursor:
        await cursor.execute(source.found, source.values)
        while rows := await cursor.fetchmany(BATCH):
            for row in rows:
                made = source.made(row)
                count += len(made)
                _check_count(count)
                yield made


def _times_of(trigger: words.ScheduleTrigger, since: datetime, until: datetime) -> Iterator[datetime]:
    moment = next_time(trigger, since - timedelta(microseconds=1))
    while moment is not None and moment < until:
        yield moment
        moment = next_time(trigger, moment)


def _check_count(count: int) -> None:
    if count > EVENTS_LIMIT:
        raise Invalid("since", f"more than {EVENTS_LIMIT:,} events since then: narrow the time")


def _that_wait(graph: Graph) -> list[words.Goal | words.WaitFor]:
    return [step for step in graph.steps if isinstance(step, words.Goal | words.WaitFor)]


def _check_span(since: datetime, until: datetime, now: datetime) -> None:
    for field, moment in (("since", since), ("until", until)):
        if moment.tzinfo is None:
            raise Invalid(field, "must say its offset, such as Z or +03:00")
    if until > now:
        raise Invalid("until", "must not lie ahead")
    if since >= until:
        raise Invalid("since", "must be before 'until'")


def _notes(simulated: _Simulated) -> list[str]:
    """What of a simulated past is not as it would have been."""
    definition = simulated.definition
    notes: list[str] = []
    kinds = {type(step) for step in definition.steps}
    if kinds & {words.Condition, words.Switch} or any(
        isinstance(step, words.Goal) and step.condition for step in definition.steps
    ):
        notes.append("conditions are answered as contacts are now")
    if any(
        one.condition
        for one in (*definition.rules.exits, *definition.steps)
        if isinstance(one, words.Exit | words.Goal)
    ):
        notes.append("who came to match a goal or an exit on the way is not known: a goal is asked for who comes to it")
    if words.GenerateEvent in kinds:
        notes.append("events that steps would have recorded start and wake nobody")
    if kinds & {words.Webhook, words.Action}:
        notes.append("calls are taken to have succeeded at once")
    if words.Jump in kinds:
        notes.append("other workflows that journeys go on in are not simulated")
    if definition.rules.cap is not None:
        notes.append("the cap is not looked at: who had got enough would have been passed over")
    if simulated.workflow_id is None and words.Split in kinds:
        notes.append("chance falls otherwise once the workflow is saved, by the same weights")
    return notes

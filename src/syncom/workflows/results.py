"""What came of a workflow: who came in, converted and bought, what its messages led to, and what it changed at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal

import msgspec
from psycopg.rows import TupleRow

from syncom.attribution.model import Revenue, Source
from syncom.attribution.service import AttributionService
from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql
from syncom.workflows import store
from syncom.workflows.graph import Graph
from syncom.workflows.language import Definition, Goal
from syncom.workflows.model import EnrolmentState
from syncom.workflows.uplift import Uplift, uplift

_SQL = load_sql("syncom.workflows", "results.sql")
#: Days of a period when none is said, and at most.
PERIOD_DAYS: Final = 90
LONGEST_PERIOD: Final = 731
_DAY: Final = timedelta(days=1)


class JourneyResults(msgspec.Struct, frozen=True, kw_only=True):
    """Journeys that came in within the period, and where they are now. Those held out are not among them."""

    entered: int
    waiting: int
    paused: int
    finished: int
    failed: int
    left: int
    exited: int
    converted: int
    #: Of those that entered.
    conversion_rate: float


class StepMessages(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the messages that a step queued within the period, in all versions that have a step of this id."""

    step_id: str
    queued: int
    sent: int
    #: The same by channel.
    channels: dict[str, int]
    failed: int
    #: Kept back when their turn came, such as for somebody who had unsubscribed meanwhile.
    excluded: int
    #: By people, not machines; a click is an open too.
    opened: int
    clicked: int
    unsubscribed: int


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """What contacts ordered in the days after they came in, less what was refunded, whatever message led to it."""

    currency: str
    orders: int
    revenue: Decimal
    #: Divided by all contacts of the group.
    per_contact: Decimal


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts by their first journey within the period."""

    contacts: int
    converted: int
    conversion_rate: float
    money: list[Money]


class Holdout(msgspec.Struct, frozen=True, kw_only=True):
    """Those who went in against those who were only watched: what the workflow changed."""

    went_in: Group
    held_out: Group
    #: None: nobody is in one of the groups.
    uplift: Uplift | None


class WorkflowResults(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a workflow within a period of days, UTC, both included."""

    workflow_id: int
    since: date
    until: date
    #: What counts as a conversion within so many days after coming in: the goal, where there is one, else an order.
    conversion: Literal["goal", "order"]
    conversion_days: int
    journeys: JourneyResults
    #: Orders on days of the period that were led back to its messages by the account's model.
    attributed: list[Revenue]
    messages: list[StepMessages]
    #: None: nobody was held out.
    holdout: Holdout | None


class ResultsService:
    """Results of an account's workflows."""

    def __init__(self, database: Database, attribution: AttributionService, clock: Clock) -> None:
        self._database = database
        self._attribution = attribution
        self._clock = clock

    async def of_workflow(
        self, account_id: int, workflow_id: int, *, since: date | None = None, until: date | None = None
    ) -> WorkflowResults:
        """Of a period (the last 90 days when nothing is said). What a conversion is, the newest version says.

        Raises NotFound, and Invalid for days that are not in order or more than two years apart.
        """
        since, until = self._period(since, until)
        async with self._database.tenant(account_id) as connection:
            workflow = await store.get(connection, account_id, workflow_id)
            by_goal = any(isinstance(step, Goal) for step in workflow.definition.steps)
            days = workflow.definition.rules.conversion_days
            values = {
                "account_id": account_id,
                "workflow_id": workflow_id,
                "since": datetime.combine(since, time(), UTC),
                "until": datetime.combine(until + _DAY, time(), UTC),
                "span": timedelta(days=days),
                "by_goal": by_goal,
            }
            rows = await (await connection.execute(_SQL["journeys"], values)).fetchall()
            messages = await (await connection.execute(_SQL["messages"], values)).fetchall()
            known = await store.graphs(connection, {(workflow_id, row[0]) for row in messages if row[0]})
            groups: Sequence[TupleRow] = ()
            if any(row[0] == EnrolmentState.HELD_OUT for row in rows):
                groups = await (await connection.execute(_SQL["groups"], values)).fetchall()
        attributed = await self._attribution.revenue(account_id, Source.WORKFLOW, workflow_id, since=since, until=until)
        return WorkflowResults(
            workflow_id=workflow_id,
            since=since,
            until=until,
            conversion="goal" if by_goal else "order",
            conversion_days=days,
            journeys=_journeys(rows),
            attributed=attributed,
            messages=_messages(
                messages, {version: graph for (_, version), graph in known.items()}, workflow.definition
            ),
            holdout=_holdout(groups) if groups else None,
        )

    def _period(self, since: date | None, until: date | None) -> tuple[date, date]:
        until = until or self._clock.now().astimezone(UTC).date()
        since = since or until - timedelta(days=PERIOD_DAYS - 1)
        if since > until:
            raise Invalid("since", "must not be after until")
        if (until - since).days >= LONGEST_PERIOD:
            raise Invalid("since", "must be at most two years before until")
        return since, until


def _journeys(rows: Sequence[TupleRow]) -> JourneyResults:
    walked = {EnrolmentState(row[0]): (row[1], row[2]) for row in rows if row[0] != EnrolmentState.HELD_OUT}
    entered = sum(count for count, _ in walked.values())
    converted = sum(count for _, count in walked.values())
    states = {state.name.lower(): walked.get(state, (0, 0))[0] for state in EnrolmentState if state.name != "HELD_OUT"}
    return JourneyResults(entered=entered, converted=converted, conversion_rate=_rate(converted, entered), **states)


def _messages(rows: Sequence[TupleRow], known: Mapping[int, Graph], newest: Definition) -> list[StepMessages]:
    """By the id of the step, in the order of the newest version, then steps of older ones."""
    order = {step.id: place for place, step in enumerate(newest.steps)}
    found: dict[str, list[int]] = {}
    channels: dict[str, dict[str, int]] = {}
    for version, step, channel, *counts in rows:
        name = _step_id(known, version, step)
        before = found.get(name, [0] * len(counts))
        found[name] = [one + other for one, other in zip(before, counts, strict=True)]
        sent = counts[1]
        if sent:
            by_channel, word = channels.setdefault(name, {}), Channel(channel).name.lower()
            by_channel[word] = by_channel.get(word, 0) + sent
    names = ("queued", "sent", "failed", "excluded", "opened", "clicked", "unsubscribed")
    return [
        StepMessages(
            step_id=name,
            channels=dict(sorted(channels.get(name, {}).items())),
            **dict(zip(names, found[name], strict=True)),
        )
        for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))
    ]


def _step_id(known: Mapping[int, Graph], version: int | None, step: int) -> str:
    """Empty: of a release that did not keep it."""
    return "" if version is None else known[version].steps[step].id


def _holdout(rows: Sequence[TupleRow]) -> Holdout:
    went_in, held_out = (_group([row for row in rows if row[0] is held]) for held in (False, True))
    return Holdout(
        went_in=went_in,
        held_out=held_out,
        uplift=uplift(went_in.converted, went_in.contacts, held_out.converted, held_out.contacts),
    )


def _group(rows: Sequence[TupleRow]) -> Group:
    contacts, converted = (rows[0][1], rows[0][2]) if rows else (0, 0)
    return Group(
        contacts=contacts,
        converted=converted,
        conversion_rate=_rate(converted, contacts),
        money=[
            Money(currency=row[3], orders=row[4], revenue=row[5], per_contact=round(row[5] / contacts, 4))
            for row in rows
            if row[3] is not None
        ],
    )


def _rate(some: int, all_: int) -> float:
    return some / all_ if all_ else 0.0

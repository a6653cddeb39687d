from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncom.clock import Clock
from syncom.connect.catalogue.service import CatalogueService
from syncom.connect.connections.service import ConnectionsService
from syncom.connect.runs.service import RunsService
from syncom.connect.transport.doubts import Doubts
from syncom.connect.transport.service import Transport
from syncom.contacts.model import Channel, ConsentChange, SubscriptionState
from syncom.contacts.service import set_consents
from syncom.content.model import TemplateInput
from syncom.events.model import EventInput
from syncom.events.service import EventsService
from syncom.messages.planned import PlannedSends
from syncom.messages.sending.loop import SendingLoop
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.segments.jobs import MembershipKeeper
from syncom.segments.membership import MembershipService
from syncom.segments.service import SegmentsService
from syncom.workflows.calls.actions import Actions
from syncom.workflows.calls.keeper import CallsKeeper
from syncom.workflows.checking import Checker
from syncom.workflows.jobs import Heard, WorkflowKeeper
from syncom.workflows.model import EnrolmentState, Workflow
from syncom.workflows.service import WorkflowsService
from syncom.workflows.steps.tools import Tools
from tests.clocks import ShiftedClock
from tests.messages.house import BASE_URL, SendingHouse


def _membership(database: Database, clock: Clock) -> MembershipService:
    return MembershipService(database, SegmentsService(database, clock), clock)


LETTER = TemplateInput(name="Hello", subject="Hello {{ first_name }}", source="<p>{{ data.city }}</p>")


@dataclass(kw_only=True)
class Journeys:
    """Workflows, and everything they need to run."""

    #: Of all but the senders, who go by the database's; :meth:`time_passes` moves it on.
    clock: ShiftedClock
    sending: SendingHouse
    events: EventsService
    workflows: WorkflowsService
    keeper: WorkflowKeeper
    #: Of calls; it reaches this machine.
    calls: CallsKeeper
    outbound: OutboundClient
    actions: Actions

    @classmethod
    def on(cls, database: Database, account_id: int, data_dir: Path, clock: ShiftedClock | None = None) -> Journeys:
        clock = clock or ShiftedClock()
        sending = SendingHouse.on(database, account_id, data_dir)
        events = EventsService(database, sending.contacts, clock)
        outbound = OutboundClient("127.0.0.0/8")
        actions = actions_of(database, sending, outbound, clock)
        return cls(
            clock=clock,
            sending=sending,
            events=events,
            workflows=WorkflowsService(
                database,
                sending.contacts,
                events,
                _membership(database, clock),
                sending.senders,
                checker_of(sending, actions),
                clock,
            ),
            keeper=another_keeper(database, events, sending, clock),
            calls=CallsKeeper(database, outbound, actions, clock),
            outbound=outbound,
            actions=actions,
        )

    @property
    def account_id(self) -> int:
        return self.sending.account_id

    @property
    def database(self) -> Database:
        return self.sending.database

    async def template(self, **members: Any) -> int:
        given: dict[str, Any] = {"name": "Hello", "subject": "Hi", "source": LETTER.source, **members}
        letter = TemplateInput(**given)
        return (await self.sending.content.create(self.account_id, letter)).template_id

    async def started(
        self, *steps: dict[str, Any], where: dict[str, Any] | None = None, event: str = "joined"
    ) -> Workflow:
        return await self.started_by({"type": "event", "event_type": event, "where": where or {}}, *steps)

    async def started_by(self, trigger: dict[str, Any], *steps: dict[str, Any]) -> Workflow:
        made = await self.workflows.create(self.account_id, "Welcome", {"trigger": trigger, "steps": list(steps)})
        return await self.workflows.start(self.account_id, made.workflow_id)

    def membership_keeper(self) -> MembershipKeeper:
        return MembershipKeeper(self.database, self.sending.segments, self.clock)

    async def happen(self, *contact_ids: int, event: str = "joined", key: str = "k", **params: Any) -> None:
        """An event of each contact."""
        await self.events.record(
            self.account_id,
            [EventInput(type_key=event, key=key, params=params, contact_id=contact_id) for contact_id in contact_ids],
        )

    async def unsubscribe(self, contact_id: int) -> None:
        """From email."""
        change = ConsentChange(
            account_id=self.account_id,
            contact_id=contact_id,
            channel=Channel.EMAIL,
            state=SubscriptionState.UNSUBSCRIBED,
            source="page",
            occurred_at=self.sending.clock.now(),
        )
        async with self.database.system() as connection:
            await set_consents(connection, [change])

    async def settle(self) -> None:
        """The keeper does what can be done."""
        while await self.keeper.step():
            pass
        if self.clock.ahead:
            async with self.database.system() as connection:
                await connection.execute("UPDATE messages SET due_at = now() WHERE due_at > now()")

    async def time_passes(self, seconds: float) -> None:
        self.clock.ahead += timedelta(seconds=seconds)
        await self.settle()

    async def called(self) -> None:
        """Calls that are due are made, and journeys go on, until nothing is due."""
        await self.settle()
        while await self.calls.step():
            await self.settle()

    async def queued(self) -> list[dict[str, Any]]:
        """Messages in the lane: contact and what the event said."""
        async with self.database.system() as connection:
            rows = await (
                await connection.execute(
                    "SELECT contact_id, lane, params, content_id FROM messages ORDER BY message_id"
                )
            ).fetchall()
        return [{"contact": row[0], "lane": row[1], "params": row[2], "content": row[3]} for row in rows]

    async def states(self, workflow_id: int) -> dict[EnrolmentState, int]:
        found = await self.workflows.counts(self.account_id, workflow_id)
        return {state: number for state, number in found.items() if number}

    def express(self) -> SendingLoop:
        from syncom.messages.model import SenderRole

        return self.sending.loop(SenderRole.EXPRESS)


def another_keeper(
    database: Database, events: EventsService, sending: SendingHouse, clock: Clock, *, heard: Heard | None = None
) -> WorkflowKeeper:
    tools = Tools(contacts=sending.contacts, events=events, sends=PlannedSends(sending.content, sending.senders))
    return WorkflowKeeper(database, tools, sending.segments, _membership(database, clock), clock, heard=heard)


def checker_of(sending: SendingHouse, actions: Actions) -> Checker:
    return Checker(sending.contacts, sending.segments, sending.content, sending.senders, actions)


def actions_of(database: Database, sending: SendingHouse, outbound: OutboundClient, clock: Clock) -> Actions:
    """Of an installation without connections."""
    catalogue = CatalogueService(database, clock)
    connections = ConnectionsService(database, catalogue, sending.keyring, outbound, clock, base_url=BASE_URL)
    transport = Transport(database, catalogue, clock)
    doubts = Doubts(connections, transport, clock)
    runs = RunsService(database, catalogue, connections, transport, doubts, sending.keyring, clock)
    return Actions(catalogue, connections, runs)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="syncom-home-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def journeys(emptied_database: Database, account_id: int, data_dir: Path) -> AsyncIterator[Journeys]:
    house = Journeys.on(emptied_database, account_id, data_dir)
    yield house
    await house.calls.abandon()
    await house.outbound.close()
    await house.events.close()
    await house.sending.contacts.close()


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database

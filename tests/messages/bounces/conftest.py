"""An account that has sent mails, and what takes reports about them in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from syncom.activity.service import ActivityService
from syncom.contacts.model import Channel, ContactInput, SubscriptionState, SuppressionEntry, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.ids import bucket_of, campaign_message_id
from syncom.messages.bounces.intake import Intake, Taken
from syncom.messages.bounces.model import Bounce, Received, Report
from syncom.messages.bounces.reading.mail import read_mail
from syncom.messages.bounces.service import BouncesService
from syncom.messages.bounces.spool import reports_of
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.tokens import MessageTokens
from tests.clocks import StandingClock

NOW = datetime.now(UTC)
CAMPAIGN = 7


@dataclass(kw_only=True)
class Post:
    """A house that sent mails to p1@example.com and so on, one hour ago."""

    database: Database
    account_id: int
    clock: StandingClock
    keyring: Keyring
    tokens: MessageTokens
    contacts: ContactsService
    activity: ActivityService
    intake: Intake
    bounces: BouncesService

    async def person(self, email: str) -> int:
        """A subscribed contact."""
        options = UpsertOptions(consent=SubscriptionState.SUBSCRIBED)
        return (await self.contacts.upsert_one(self.account_id, ContactInput(email=email), options)).contact_id

    async def sent(
        self, contact_id: int, email: str, *, campaign_id: int = CAMPAIGN, ago: timedelta = timedelta(hours=1)
    ) -> UUID:
        """A mail in the ledger that was handed over."""
        message_id = campaign_message_id(campaign_id, contact_id)
        at = self.clock.now() - ago
        async with self.database.system() as connection:
            await connection.execute(
                "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel,"
                " state, uncertain, attempts, launched_at, settled_at, address)"
                " VALUES (%s, %s, %s, %s, %s, 1, 1, 1, false, 1, %s, %s, %s)",
                (self.account_id, bucket_of(contact_id), message_id, contact_id, campaign_id, at, at, email),
            )
        return message_id

    async def mailed(self, email: str) -> tuple[int, UUID]:
        """Somebody who got a mail."""
        contact_id = await self.person(email)
        return contact_id, await self.sent(contact_id, email)

    def return_path(self, contact_id: int, message_id: UUID, account_id: int | None = None) -> str:
        """Local part of a mail's return path."""
        return self.tokens.bounce(account_id or self.account_id, contact_id, message_id, self.clock.now())

    async def take(self, *reports: Report, account_id: int | None = None) -> Taken:
        received = [Received(account_id=account_id or self.account_id, report=report) for report in reports]
        async with self.database.system() as connection:
            return await self.intake.take(connection, received)

    async def read(self, raw: bytes, *, envelope: str = "") -> Taken:
        """A mail came back."""
        return await self.take(*reports_of(read_mail(raw), self.tokens, self.clock.now(), envelope=envelope))

    async def suppressed(self) -> dict[str, SuppressionEntry]:
        found = await self.contacts.consents.suppressions(self.account_id, Channel.EMAIL, limit=1000)
        return {entry.address: entry for entry in found}

    async def kept(self) -> list[Bounce]:
        """Every report, newest first."""
        return await self.bounces.list(self.account_id, limit=1000)

    async def settled(self) -> None:
        """What was recorded is counted."""
        async with self.database.autocommit() as connection:
            await self.activity.settle(connection)

    async def state(self, contact_id: int) -> SubscriptionState:
        rows = await self.rows("SELECT email_state FROM contacts WHERE contact_id = %s", contact_id)
        return SubscriptionState(rows[0][0])

    async def counts(self) -> dict[str, int]:
        """Counters of the campaign."""
        await self.settled()
        return await self.activity.campaign_counts(self.account_id, CAMPAIGN)

    async def rows(self, statement: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        async with self.database.system() as connection:
            return await (await connection.execute(statement, values)).fetchall()  # pyright: ignore[reportArgumentType]


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    """One for the file."""
    return emptied_database


async def _post(database: Database, account_id: int, folder: Path) -> AsyncIterator[Post]:
    clock = StandingClock(NOW)
    keyring = Keyring.open(folder / "secret.key")
    tokens = MessageTokens(keyring)
    activity = ActivityService(database, clock)
    contacts = ContactsService(database, clock)
    yield Post(
        database=database,
        account_id=account_id,
        clock=clock,
        keyring=keyring,
        tokens=tokens,
        contacts=contacts,
        activity=activity,
        intake=Intake(activity, keyring, clock),
        bounces=BouncesService(database, tokens, clock),
    )
    await contacts.close()


@pytest.fixture
async def post(database: Database, account_id: int, tmp_path: Path) -> AsyncIterator[Post]:
    async for one in _post(database, account_id, tmp_path):
        yield one

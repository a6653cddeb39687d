"""An account whose numbers get texts: services on a database, a sender, people with numbers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from syncom.contacts.model import Channel, ConsentEvent, ContactInput, SubscriptionState, UpsertOptions
from syncom.contacts.model import IdentityKind as Kind
from syncom.events.service import EventsService
from syncom.inbound_texts.model import InboundFilter, InboundText
from syncom.inbound_texts.service import InboundTextsService
from syncom.messages.channels.sms.model import TextReplies
from syncom.messages.channels.sms.parts_received import PartsReceived
from syncom.messages.model import PartPrice, SenderConfig, SenderKind, SenderRole
from syncom.messages.senders import SenderInput
from syncom.postgres.pool import Database
from tests.messages.house import SendingHouse, sending

ANN, BOB, EVE = "+380671112233", "+380672223344", "+380673334455"
OURS = "4321"
_ids = count(1)


@dataclass(kw_only=True)
class TextHouse:
    """What a test of inbound texts needs."""

    house: SendingHouse
    events: EventsService
    inbound: InboundTextsService
    parts: PartsReceived
    sender_id: int

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, data_dir: Path) -> AsyncGenerator[TextHouse]:
        async with database.system() as connection:
            row = await (
                await connection.execute("INSERT INTO accounts (name) VALUES ('Acme') RETURNING account_id")
            ).fetchone()
        assert row is not None
        house = SendingHouse.on(database, row[0], data_dir)
        events = EventsService(database, house.contacts, house.clock)
        inbound = InboundTextsService(
            database,
            house.content,
            events,
            house.senders,
            house.messages,
            house.activity,
            house.clock,
            keep_days=30,
        )
        parts = PartsReceived(database, inbound, house.clock)
        texts = cls(house=house, events=events, inbound=inbound, parts=parts, sender_id=0)
        texts.sender_id = await texts.sender()
        try:
            yield texts
        finally:
            await events.close()
            await house.contacts.close()

    @property
    def account_id(self) -> int:
        return self.house.account_id

    async def sender(
        self, name: str = "Acme", account_id: int | None = None, price: PartPrice | None = None, **replies: Any
    ) -> int:
        given = SenderInput(
            name=name,
            from_name="Acme",
            kind=SenderKind.INBOX,
            channel=Channel.SMS,
            config=SenderConfig(replies=TextReplies(**replies), part_price=price),
        )
        return (await self.house.senders.add(account_id or self.account_id, given)).sender_id

    async def person(
        self, phone: str = ANN, state: SubscriptionState = SubscriptionState.SUBSCRIBED, **more: Any
    ) -> int:
        result = await self.house.contacts.upsert(
            self.account_id,
            [ContactInput(phone=phone, **more)],
            UpsertOptions(key=Kind.PHONE, consent=state, source="test"),
        )
        [contact_id] = result.contact_ids
        assert contact_id is not None
        return contact_id

    async def say(
        self,
        text: str,
        phone: str = ANN,
        *,
        peer_id: str | None = None,
        sender_id: int | None = None,
        answered: bool = False,
    ) -> None:
        """Somebody sends a text."""
        await self.inbound.receive(
            sender_id or self.sender_id,
            phone,
            OURS,
            text,
            datetime.now(UTC),
            f"peer-{next(_ids)}" if peer_id is None else peer_id,
            answered=answered,
        )

    async def kept(self, **wanted: Any) -> list[InboundText]:
        return await self.inbound.list(self.account_id, InboundFilter(**wanted))

    async def state(self, contact_id: int) -> SubscriptionState:
        return (await self.house.contacts.get(self.account_id, contact_id)).sms_state

    async def decisions(self, contact_id: int) -> list[ConsentEvent]:
        """Newest first."""
        return await self.house.contacts.proofs.history(self.account_id, contact_id)

    async def suppressed(self) -> dict[str, str]:
        found = await self.house.contacts.consents.suppressions(self.account_id, Channel.SMS)
        return {one.address: one.reason for one in found}

    async def queued(self) -> list[tuple[str, int]]:
        """Number and lane of what waits to be sent."""
        async with self.house.database.system() as connection:
            return await (
                await connection.execute("SELECT address, lane FROM messages ORDER BY created_at, message_id")
            ).fetchall()

    async def sent(self) -> list[tuple[str, str]]:
        """Send what waits; number and text of everything in the dev inbox, the oldest first."""
        async with sending(self.house.loop(SenderRole.EXPRESS)), asyncio.timeout(20):
            while await self.queued():
                await asyncio.sleep(0.02)
        async with self.house.database.system() as connection:
            return await (
                await connection.execute("SELECT recipient, subject FROM inbox_messages ORDER BY inbox_id")
            ).fetchall()

"""For any message ever sent: the consent that held at that second."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from syncom.contacts.model import Channel, ConsentEvent, SubscriptionState
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, NotFound
from syncom.ids import bucket_of_message
from syncom.messages.model import LedgerState
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages", "messages.sql")


class MessageConsent(msgspec.Struct, frozen=True, kw_only=True):
    """What held when a message was settled, and the decisions behind it."""

    message_id: UUID
    #: Whom it was made for; the decisions are of the contact that one was merged into since.
    contact_id: int
    campaign_id: int | None
    channel: Channel
    address: str
    outcome: LedgerState
    settled_at: datetime
    #: Keys of the categories it was sent under, as they were then; empty: none, so that no choice of them mattered.
    categories: tuple[str, ...]
    #: Of the channel; NONE when nothing was ever recorded.
    state: SubscriptionState
    #: Why it was not sent, or how it went; empty: nothing is to be said.
    reason: str
    #: The last about the channel, and the last about each category, until that second.
    decisions: tuple[ConsentEvent, ...]

    @property
    def rule(self) -> str:
        """The rule that the recipient's choice of categories was held against, in words."""
        if not self.categories:
            return "of no category: no choice of categories was asked"
        named = ", ".join(self.categories)
        return f"of {named}: not for who unsubscribed, declined one of these and chose none, or chose only others"


class MessageConsents:
    """Looks consent up by message."""

    def __init__(self, database: Database, contacts: ContactsService) -> None:
        self._database = database
        self._contacts = contacts

    async def of(self, account_id: int, message_id: UUID) -> MessageConsent:
        """Raises NotFound; Conflict for a message that still waits to be sent."""
        async with self._database.tenant(account_id) as connection:
            found = await _settled(connection, account_id, message_id)
            contact_id: int = found["contact_id"]
            into = await self._contacts.merged_into(connection, account_id, (contact_id,))
            decisions = await self._contacts.proofs.at(
                connection,
                account_id,
                into.get(contact_id, contact_id),
                Channel(found["channel"]),
                found["settled_at"],
                recorded_for=contact_id,
            )
        state = next((one.state for one in decisions if not one.category), SubscriptionState.NONE)
        return MessageConsent(
            message_id=message_id,
            contact_id=contact_id,
            campaign_id=found["campaign_id"] or None,
            channel=Channel(found["channel"]),
            address=found["address"],
            outcome=LedgerState(found["state"]),
            settled_at=found["settled_at"],
            categories=tuple(found["categories"] or ()),
            state=state,
            reason=found["reason"],
            decisions=tuple(decisions),
        )


async def _settled(connection: Connection, account_id: int, message_id: UUID) -> dict[str, Any]:
    values = {"account_id": account_id, "bucket": bucket_of_message(message_id), "message_id": message_id}
    cursor = connection.cursor(row_factory=dict_row)
    row = await (await cursor.execute(_SQL["settled_message"], values)).fetchone()
    if row is None:
        raise NotFound("message", message_id)
    if row["state"] is None:
        raise Conflict("this message still waits to be sent: ask again when it is settled")
    return row

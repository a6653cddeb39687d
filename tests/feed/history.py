"""A past for an account: contacts, a campaign and single messages in the ledger, and what people did with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.app import App
from syncom.contacts.model import Channel, ContactInput, UpsertOptions
from syncom.content.model import CompiledContent
from syncom.ids import bucket_of, campaign_message_id, single_message_id
from tests.settling import settle

#: Some time ago, in whole seconds.
NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A template's version, and the campaign that sends it."""

    template_id: int
    content_id: int
    campaign_id: int


class History:
    """Writes rows as sending processes and visitors do."""

    def __init__(self, app: App, account_id: int) -> None:
        self.app = app
        self.account_id = account_id

    async def contact(self, email: str, phone: str | None = None, external_id: str | None = None) -> int:
        given = ContactInput(email=email, phone=phone, external_id=external_id)
        return (await self.app.contacts.upsert_one(self.account_id, given, UpsertOptions())).contact_id

    async def content(self, name: str, *, tags: tuple[str, ...] = (), links: tuple[str, ...] = ()) -> Content:
        """A content of a template, and a campaign that was launched with it."""
        compiled = msgspec.json.encode(
            CompiledContent(subject="Hello", preheader="", html="<p>Hello</p>", text="Hello", links=links)
        ).decode()
        async with self.app.database.system() as connection:
            cursor = await connection.execute(
                "INSERT INTO contents (account_id, compiled, links, template_id, name, tags, language)"
                " VALUES (%s, %s, %s, 70, %s, %s, 'uk') RETURNING content_id",
                (self.account_id, compiled, list(links), name, list(tags)),
            )
            row = await cursor.fetchone()
            assert row is not None
            cursor = await connection.execute(
                "INSERT INTO campaigns (account_id, name, template_id, sender_id, audience, state, content_id,"
                " launched_at, finished_at) VALUES (%s, %s, 70, 1, '{}', 'finished', %s, %s, %s) RETURNING campaign_id",
                (self.account_id, name, row[0], NOON - timedelta(minutes=1), NOON + timedelta(minutes=5)),
            )
            campaign = await cursor.fetchone()
            assert campaign is not None
        return Content(template_id=70, content_id=row[0], campaign_id=campaign[0])

    async def sent(
        self,
        contact_id: int,
        address: str,
        at: datetime,
        content: Content | None = None,
        *,
        state: int = 1,
        single: bool = False,
        channel: Channel = Channel.EMAIL,
        reason: str = "",
        external_request_id: str = "",
    ) -> UUID:
        """A row of the ledger; the message's id."""
        campaign_id = content.campaign_id if content and not single else 0
        message_id = campaign_message_id(campaign_id, contact_id) if campaign_id else single_message_id(contact_id)
        launched_at = NOON - timedelta(minutes=1) if campaign_id else at - timedelta(milliseconds=300)
        async with self.app.database.system() as connection:
            await connection.execute(
                "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel,"
                " state, uncertain, attempts, launched_at, settled_at, address, reason, content_id,"
                " external_request_id)"
                " VALUES (%s, %s, %s, %s, %s, 1, %s, %s, false, 1, %s, %s, %s, %s, %s, %s)",
                (
                    self.account_id,
                    bucket_of(contact_id),
                    message_id,
                    contact_id,
                    campaign_id,
                    channel.value,
                    state,
                    launched_at,
                    at,
                    address,
                    reason,
                    content.content_id if content else 0,
                    external_request_id,
                ),
            )
        return message_id

    async def happened(
        self,
        kind: ActivityKind,
        message_id: UUID,
        contact_id: int,
        at: datetime,
        content: Content | None = None,
        *,
        single: bool = False,
        hit_class: HitClass = HitClass.HUMAN,
        link: int | None = None,
    ) -> None:
        hit = Hit(
            account_id=self.account_id,
            contact_id=contact_id,
            message_id=message_id,
            campaign_id=content.campaign_id if content and not single else 0,
            content_id=content.content_id if content else 0,
            kind=kind,
            hit_class=hit_class,
            occurred_at=at,
            link=link,
        )
        async with self.app.database.system() as connection:
            await self.app.activity.record(connection, [hit])
        await settle(self.app.database)

"""What short links lead to. A row is durable before its text leaves, and is never deleted: people keep texts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from syncom.contacts.model import Channel
from syncom.messages.channels.sms.model import ShortLink
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.channels.sms", "short_links.sql")


class ShortLinks:
    """Keeps and finds them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group: GroupCommit[ShortLink, None] = GroupCommit(self._write, max_batch=500)

    async def keep(self, link: ShortLink) -> None:
        """Durable on return. The same message again changes nothing."""
        await self._group.submit(link)

    async def find(self, code: str) -> ShortLink | None:
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["find"], {"code": code})).fetchone()
        if row is None:
            return None
        account_id, contact_id, content_id, message_id, channel, targets = row
        return ShortLink(
            code=code,
            account_id=account_id,
            contact_id=contact_id,
            content_id=content_id,
            message_id=message_id,
            channel=Channel(channel),
            targets={int(number): target for number, target in targets.items()},
        )

    async def _write(self, links: Sequence[ShortLink]) -> list[None]:
        ordered = sorted(links, key=lambda link: link.code)
        async with self._database.system() as connection:
            await connection.execute(
                _SQL["keep"],
                {
                    "codes": [link.code for link in ordered],
                    "account_ids": [link.account_id for link in ordered],
                    "contact_ids": [link.contact_id for link in ordered],
                    "content_ids": [link.content_id for link in ordered],
                    "message_ids": [link.message_id for link in ordered],
                    "channels": [link.channel.value for link in ordered],
                    "targets": [msgspec.json.encode(link.targets).decode() for link in ordered],
                },
            )
        return [None] * len(links)

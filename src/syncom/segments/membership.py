"""Kept members of segments: how many, who came and went, how a segment grew.

The keeper (:mod:`syncom.segments.jobs`) writes what is read here, within a second of what changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql

from syncom.clock import Clock
from syncom.errors import Conflict, NotFound
from syncom.postgres.pool import Connection, Database
from syncom.segments import membership_store as store
from syncom.segments import store as segments_store
from syncom.segments.model import Difference, FollowedMove, GrowthDay, Membership, Move
from syncom.segments.service import SegmentsService

_END = datetime(9999, 1, 1, tzinfo=UTC)


class MembershipService:
    """Use cases of kept membership."""

    def __init__(self, database: Database, segments: SegmentsService, clock: Clock) -> None:
        self._database = database
        self._segments = segments
        self._clock = clock

    async def many(self, account_id: int, segment_ids: Sequence[int] | None = None) -> dict[int, Membership]:
        """By segment; those that the keeper has not seen yet are missing."""
        async with self._database.tenant(account_id) as connection:
            found = await store.memberships(connection, account_id, segment_ids)
        return {one.segment_id: one for one in found}

    async def get(self, account_id: int, segment_id: int) -> Membership:
        """Of one segment. Raises NotFound."""
        await self._segments.get(account_id, segment_id)
        found = await self.many(account_id, [segment_id])
        return found.get(segment_id) or Membership(
            segment_id=segment_id, members=0, is_complete=False, progress=0, completed_at=None, problem=""
        )

    async def segments_of(self, account_id: int, contact_id: int) -> list[int]:
        """Ids of the segments that a contact is in; none for a contact that is not there."""
        async with self._database.tenant(account_id) as connection:
            return await store.segments_of(connection, account_id, contact_id)

    async def moves(
        self, account_id: int, segment_id: int, *, before: tuple[datetime, int] | None = None, limit: int = 100
    ) -> list[Move]:
        """Who entered and left, the newest first; ``before``: time and contact of the last one of the page before.

        The first filling of a segment is none. Raises NotFound.
        """
        await self._segments.get(account_id, segment_id)
        async with self._database.tenant(account_id) as connection:
            return await store.moves(connection, account_id, segment_id, before=before or (_END, 0), limit=limit)

    async def growth(self, account_id: int, segment_id: int, *, days: int) -> list[GrowthDay]:
        """The last days (UTC), today included, each with its size at its end. Raises NotFound."""
        await self._segments.get(account_id, segment_id)
        today = self._clock.now().astimezone(UTC).date()
        since = today - timedelta(days=days - 1)
        async with self._database.tenant(account_id) as connection:
            known = {one.day: one for one in await store.growth(connection, account_id, segment_id, since)}
        members = next((one.members for day, one in known.items() if day < since), 0)
        found: list[GrowthDay] = []
        for place in range(days):
            day = since + timedelta(days=place)
            one = known.get(day) or GrowthDay(day=day, entered=0, left=0, members=members)
            members = one.members
            found.append(one)
        return found

    async def follow(self, connection: Connection, account_id: int, segment_id: int, *, followed: bool) -> None:
        """Have the moves of a segment in the change log from now on, or no longer. In the caller's transaction.

        Raises NotFound.
        """
        if not await store.follow(connection, account_id, segment_id, followed=followed):
            raise NotFound("segment", segment_id)

    async def watch(self, connection: Connection, account_id: int, name: str, condition: dict[str, Any]) -> int:
        """A segment that nobody but the caller sees, kept live and followed under this name; its id.

        Who matches already when it is made does not move into it. Raises Conflict for a taken name.
        """
        segment_id = await segments_store.hide(connection, account_id, name, condition)
        if segment_id is None:
            raise Conflict(f"there is a segment named {name!r} already: rename it")
        return segment_id

    async def unwatch(self, connection: Connection, account_id: int, segment_ids: Sequence[int]) -> None:
        """Watch these no longer."""
        await segments_store.unhide(connection, account_id, segment_ids)

    async def exists(self, connection: Connection, account_id: int, segment_id: int) -> bool:
        """Whether there is such a segment. In the caller's transaction."""
        return bool(await segments_store.select(connection, account_id, [segment_id]))

    async def take_followed(self, connection: Connection, limit: int) -> list[FollowedMove]:
        """Moves out of the change log, the oldest first, for good when the caller's transaction commits."""
        return await store.take_followed(connection, limit)

    async def rebuild(self, account_id: int, segment_id: int | None = None) -> list[int]:
        """Have one segment, or all, worked out from the start; ids of those. Writers are not kept waiting.

        Raises NotFound.
        """
        if segment_id is not None:
            await self._segments.get(account_id, segment_id)
        async with self._database.tenant(account_id) as connection:
            return await store.rebuild(connection, account_id, segment_id)

    async def verify(self, account_id: int, segment_ids: Sequence[int] | None = None) -> list[Difference]:
        """Count segments plainly and compare: those whose kept members differ. A look at the whole account for each.

        What changed less than a second ago may show as a difference.
        """
        found: list[Difference] = []
        async with self._database.tenant(account_id) as connection:
            for kept in await store.memberships(connection, account_id, segment_ids):
                if kept.is_complete:
                    one = await self._difference(connection, account_id, kept)
                    if one.missing or one.surplus or one.size_off:
                        found.append(one)
        return found

    async def _difference(self, connection: Connection, account_id: int, kept: Membership) -> Difference:
        condition = {"segment": kept.segment_id}
        predicate = await self._segments.compile(connection, account_id, condition)
        statement = sql.SQL(
            "SELECT count(*) FILTER (WHERE o.contact_id IS NULL), count(*) FILTER (WHERE m.contact_id IS NULL),"
            " count(o.contact_id)"
            " FROM (SELECT c.bucket, c.contact_id FROM contacts c WHERE c.account_id = %(account_id)s AND {}) m"
            " FULL JOIN (SELECT bucket, contact_id FROM contact_segments"
            " WHERE account_id = %(account_id)s AND segment_ids @> ARRAY[%(segment_id)s::bigint]) o"
            " USING (bucket, contact_id)"
        ).format(predicate.text)
        values = {**predicate.values, "account_id": account_id, "segment_id": kept.segment_id}
        row = await (await connection.execute(statement, values, prepare=False)).fetchone()
        assert row is not None
        return Difference(
            segment_id=kept.segment_id, missing=row[0], surplus=row[1], size_off=kept.members - int(row[2])
        )

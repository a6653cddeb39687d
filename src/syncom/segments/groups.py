"""Groups: lists and segments as eSputnik's API sees them, under one range of numbers.

A list's number is its id, and so is a segment's, but for old segments whose id is also a list's: those have a number of
their own (``segments.group_id``).

>>> group = await app.segments.groups.get(account_id, 345)
>>> lists, segments = await app.segments.groups.resolve(account_id, [345, 346])
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.rows import TupleRow

from syncom.errors import NotFound
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql
from syncom.segments.model import Group, GroupKind

_SQL = load_sql("syncom.segments", "groups.sql")


class Groups:
    """The groups of an account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, account_id: int, *, name: str = "", offset: int, limit: int) -> tuple[list[Group], int]:
        """A part of the groups whose name contains this, by number, and how many there are."""
        values = {"account_id": account_id, "name": name, "offset": offset, "limit": limit}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["page"], values)).fetchall()
            if rows or not offset:
                return [_group(row) for row in rows], rows[0][4] if rows else 0
            counted = await (await connection.execute(_SQL["count"], values)).fetchone()
        return [], counted[0] if counted else 0

    async def many(self, account_id: int, group_ids: Sequence[int]) -> list[Group]:
        """These groups, in the order of the numbers given. Raises NotFound for the first unknown one."""
        values = {"account_id": account_id, "group_ids": list(group_ids)}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["by_number"], values)).fetchall()
        found = {row[0]: _group(row) for row in rows}
        for group_id in group_ids:
            if group_id not in found:
                raise NotFound("segment", group_id)
        return [found[group_id] for group_id in group_ids]

    async def get(self, account_id: int, group_id: int) -> Group:
        """One group. Raises NotFound."""
        return (await self.many(account_id, [group_id]))[0]

    async def resolve(self, account_id: int, group_ids: Sequence[int]) -> tuple[list[int], list[int]]:
        """Ids of the lists and of the segments behind these numbers. Raises NotFound for the first unknown one."""
        groups = await self.many(account_id, group_ids)
        return (
            [group.list_id for group in groups if group.list_id is not None],
            [group.segment_id for group in groups if group.segment_id is not None],
        )


def _group(row: TupleRow) -> Group:
    return Group(
        group_id=row[0],
        name=row[1],
        kind=GroupKind.STATIC if row[2] else GroupKind.DYNAMIC,
        list_id=row[3] if row[2] else None,
        segment_id=None if row[2] else row[3],
    )

"""Lists: static groups of contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString

import psycopg
from psycopg.rows import TupleRow

from syncom.contacts.model import ContactList, ListName
from syncom.contacts.normalise import NAME_LENGTH, normalise_text
from syncom.contacts.upsert import begin_batch
from syncom.contacts.usage import Usage
from syncom.errors import Conflict, Invalid, NotFound
from syncom.ids import BUCKETS, bucket_of
from syncom.postgres.columns import buckets, by_bucket, numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "lists.sql")
_BATCH_LIMIT: Final = 50_000


class Lists:
    """The lists of an account and who is on them."""

    def __init__(self, database: Database, usage: Usage) -> None:
        self._database = database
        self._usage = usage

    async def all(self, account_id: int) -> list[ContactList]:
        """Every list by name, with its size. Counting reads an index entry for each membership."""
        parameters = {"account_id": account_id}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["lists"], parameters)).fetchall()
            counted = await (await connection.execute(_SQL["list_sizes"], parameters)).fetchall()
        sizes = {row[0]: row[1] for row in counted}
        return [_list(row, sizes.get(row[0], 0)) for row in rows]

    async def get(self, account_id: int, list_id: int) -> ContactList:
        """One list. Raises NotFound."""
        parameters = {"account_id": account_id, "list_id": list_id}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["get_list"], parameters)).fetchone()
            if row is None:
                raise NotFound("list", list_id)
            size = await (await connection.execute(_SQL["list_size"], parameters)).fetchone()
        return _list(row, size[0] if size else 0)

    async def of(self, account_id: int, contact_id: int) -> list[ListName]:
        """The lists that a contact is on, by name."""
        parameters = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["lists_of"], parameters)).fetchall()
        return [ListName(list_id=list_id, name=name) for list_id, name in rows]

    async def create(self, account_id: int, name: str) -> ContactList:
        """Add an empty list. Raises Invalid for a bad name, Conflict when another list is called so."""
        parameters = {"account_id": account_id, "name": checked_name(name)}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["add_list"], parameters)).fetchone()
        if row is None:
            raise Conflict(f"there is a list {parameters['name']} already", field="name")
        return _list(row, 0)

    async def ensure(self, account_id: int, name: str) -> int:
        """Id of the list with this name (case does not matter), which is made when there is none."""
        parameters = {"account_id": account_id, "name": checked_name(name)}
        async with self._database.tenant(account_id) as connection:
            for statement in ("find_list", "add_list", "find_list"):  # another process may add it in between
                row = await (await connection.execute(_SQL[statement], parameters)).fetchone()
                if row is not None:
                    return row[0]
        raise Conflict(f"the list {parameters['name']} comes and goes; try again", field="name")

    async def rename(self, account_id: int, list_id: int, name: str) -> ContactList:
        """Change the name. Raises Invalid, NotFound, and Conflict when another list is called so."""
        parameters = {"account_id": account_id, "list_id": list_id, "name": checked_name(name)}
        try:
            async with self._database.tenant(account_id) as connection:
                row = await (await connection.execute(_SQL["rename_list"], parameters)).fetchone()
        except psycopg.errors.UniqueViolation:
            raise Conflict(f"there is a list {parameters['name']} already", field="name") from None
        if row is None:
            raise NotFound("list", list_id)
        return await self.get(account_id, list_id)

    async def delete(self, account_id: int, list_id: int) -> None:
        """Remove the list; its contacts stay. Raises NotFound, Conflict naming who uses it."""
        parameters = {"account_id": account_id, "list_id": list_id}
        async with self._database.tenant(account_id) as connection:
            await self._usage.require_none(connection, account_id, "list", list_id)
            row = await (await connection.execute(_SQL["delete_list"], parameters)).fetchone()
        if row is None:
            raise NotFound("list", list_id)
        # In short transactions: the list is gone for everybody already, its rows follow.
        for bucket in range(BUCKETS):
            async with self._database.tenant(account_id) as connection:
                await connection.execute(_SQL["empty_list"], parameters | {"bucket": bucket})

    async def empty(self, account_id: int, list_id: int) -> None:
        """Take everybody off the list. Raises NotFound."""
        parameters = {"account_id": account_id, "list_id": list_id}
        async with self._database.tenant(account_id) as connection:
            await require_list(connection, account_id, list_id)
            for bucket in range(BUCKETS):
                await connection.execute(_SQL["empty_list"], parameters | {"bucket": bucket})

    async def add(self, account_id: int, list_id: int, contact_ids: Sequence[int]) -> int:
        """Put contacts on the list; returns how many were not on it before. Unknown contacts are skipped."""
        return await self._change(account_id, list_id, contact_ids, "add_members")

    async def remove(self, account_id: int, list_id: int, contact_ids: Sequence[int]) -> int:
        """Take contacts off the list; returns how many were on it."""
        return await self._change(account_id, list_id, contact_ids, "remove_members")

    async def _change(self, account_id: int, list_id: int, contact_ids: Sequence[int], statement: str) -> int:
        if len(contact_ids) > _BATCH_LIMIT:
            raise Invalid("contact_ids", f"has more than {_BATCH_LIMIT:,} entries")
        chosen = by_bucket(set(contact_ids))
        parameters = {"account_id": account_id, "list_id": list_id}
        async with self._database.tenant(account_id) as connection:
            await require_list(connection, account_id, list_id)
            await begin_batch(connection, account_id)
            cursor = await connection.execute(
                _SQL[statement], parameters | {"buckets": buckets(chosen), "contact_ids": numbers(chosen)}
            )
        return cursor.rowcount


async def join_named(connection: Connection, account_id: int, contact_ids: Sequence[int], names: Sequence[str]) -> None:
    """Put contacts on lists by name, inside the caller's transaction; missing lists are made. Raises Invalid."""
    list_ids = await ensure_named(connection, account_id, names)
    await _change_named(connection, account_id, contact_ids, list_ids, "join_named")


async def ensure_named(connection: Connection, account_id: int, names: Sequence[str]) -> list[int]:
    """Ids of the lists with these names; those that are missing are made. Raises Invalid."""
    values = {"account_id": account_id, "names": [checked_name(name) for name in names]}
    if not names:
        return []
    await connection.execute(_SQL["ensure_lists"], values)
    return [row[0] for row in await (await connection.execute(_SQL["named_lists"], values)).fetchall()]


async def leave_named(
    connection: Connection, account_id: int, contact_ids: Sequence[int], names: Sequence[str]
) -> None:
    """Take contacts off lists by name, inside the caller's transaction; unknown names are nothing to leave."""
    values = {"account_id": account_id, "names": [name.strip() for name in names]}
    rows = await (await connection.execute(_SQL["named_lists"], values)).fetchall()
    await _change_named(connection, account_id, contact_ids, [row[0] for row in rows], "leave_named")


async def join(connection: Connection, account_id: int, contact_ids: Sequence[int], list_id: int) -> None:
    """Put contacts, who exist for sure, on a list that does, inside the caller's transaction."""
    await _change_named(connection, account_id, contact_ids, [list_id], "join_named")


async def leave(connection: Connection, account_id: int, contact_ids: Sequence[int], list_id: int) -> None:
    """Take contacts off a list, inside the caller's transaction."""
    await _change_named(connection, account_id, contact_ids, [list_id], "leave_named")


async def _change_named(
    connection: Connection,
    account_id: int,
    contact_ids: Sequence[int],
    list_ids: Sequence[int],
    statement: LiteralString,
) -> None:
    if contact_ids and list_ids:
        values = {
            "account_id": account_id,
            "contact_ids": numbers(by_bucket(contact_ids)),
            "list_ids": numbers(list_ids),
        }
        await connection.execute(_SQL[statement], values)


async def require_list(connection: Connection, account_id: int, list_id: int) -> None:
    """Raises NotFound. Inside the caller's transaction."""
    parameters = {"account_id": account_id, "list_id": list_id}
    if await (await connection.execute(_SQL["get_list"], parameters)).fetchone() is None:
        raise NotFound("list", list_id)


def _list(row: TupleRow, size: int) -> ContactList:
    return ContactList(list_id=row[0], name=row[1], created_at=row[2], size=size)


def checked_name(name: str) -> str:
    """A list's name as it is kept. Raises Invalid."""
    try:
        text = normalise_text(name, NAME_LENGTH)
    except ValueError as error:
        raise Invalid("name", str(error)) from None
    if not text:
        raise Invalid("name", "is empty")
    return text

"""Subscription categories: what an account's subscribers choose from, such as news and sales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from syncom.contacts.model import Category, CategoryChoice
from syncom.contacts.normalise import NAME_LENGTH, normalise_text
from syncom.contacts.usage import Usage
from syncom.errors import Invalid, NotFound
from syncom.ids import BUCKETS, bucket_of
from syncom.postgres.columns import buckets, by_bucket, numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "categories.sql")
#: Why a contact ``c`` gets no message of ``category_ids``: a text, or NULL. For statements of other rooms too.
REFUSAL: Final = sql.SQL(_SQL["refusal"])
_OPTED_OUT: Final = sql.SQL(_SQL["opted_out"]).format(refusal=REFUSAL)
#: Decisions about categories, applied as those about channels are (consents.py).
DECIDE: Final = _SQL["decide"]
_KEY_LENGTH: Final = 100
#: Categories of one call.
_LIMIT: Final = 200


async def add_categories(
    connection: Connection, account_id: int, contact_ids: Sequence[int], keys: Sequence[str]
) -> list[int]:
    """Give contacts these categories, inside the caller's transaction; missing ones are made. Their ids."""
    wanted = [_key(key) for key in keys]
    if len(wanted) > _LIMIT:
        raise Invalid("subscriptions", f"has more than {_LIMIT} entries")
    if not wanted:
        return []
    values = {"account_id": account_id, "keys": wanted}
    await connection.execute(_SQL["ensure_categories"], values)
    category_ids = [row[0] for row in await (await connection.execute(_SQL["named_categories"], values)).fetchall()]
    if contact_ids:
        chosen = {
            "account_id": account_id,
            "contact_ids": numbers(by_bucket(contact_ids)),
            "category_ids": numbers(category_ids),
        }
        await connection.execute(_SQL["take_back_declined"], chosen)
        await connection.execute(_SQL["add_contact_categories"], chosen)
    return category_ids


async def named(connection: Connection, account_id: int, keys: Sequence[str]) -> list[int]:
    """Ids of the categories with these keys, inside the caller's transaction; unknown ones are left out."""
    if not keys:
        return []
    values = {"account_id": account_id, "keys": [key.strip() for key in keys]}
    return [row[0] for row in await (await connection.execute(_SQL["named_categories"], values)).fetchall()]


async def require_known(connection: Connection, account_id: int, keys: Sequence[str], *, at: str) -> None:
    """Raises Invalid naming the first key, in the field ``at``, that the account has no category of.

    A slip in a key would reach those who declined the category that was meant: nobody can have declined one that is not
    there.
    """
    for number, key in enumerate(keys):
        if not await named(connection, account_id, [key]):
            raise Invalid(f"{at}.{number}", f"is no subscription category of this account: '{key.strip()[:100]}'")


class Categories:
    """The categories of an account, and which of them its contacts chose."""

    def __init__(self, database: Database, usage: Usage) -> None:
        self._database = database
        self._usage = usage

    async def all(self, account_id: int) -> list[Category]:
        """Every category, by key."""
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["categories"], {"account_id": account_id})).fetchall()
        return [Category(category_id=row[0], key=row[1], name=row[2]) for row in rows]

    async def put(self, account_id: int, key: str, name: str) -> Category:
        """Make a category, or rename it. Raises Invalid."""
        parameters = {"account_id": account_id, "key": _key(key), "name": _text("name", name, NAME_LENGTH)}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["put_category"], parameters)).fetchone()
        assert row is not None
        return Category(category_id=row[0], key=row[1], name=row[2])

    async def delete(self, account_id: int, category_id: int) -> None:
        """Remove a category from the account and from its contacts. Raises NotFound, Conflict naming who uses it."""
        parameters = {"account_id": account_id, "category_id": category_id}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["delete_category"], parameters)).fetchone()
            if row is not None:
                # What was done is undone when it is used.
                await self._usage.require_none(connection, account_id, "category", row[0])
        if row is None:
            raise NotFound("category", category_id)
        for bucket in range(BUCKETS):  # in short transactions: nobody sees the category any more
            async with self._database.tenant(account_id) as connection:
                await connection.execute(_SQL["forget_category"], parameters | {"bucket": bucket})
                await connection.execute(_SQL["forget_declined"], parameters | {"bucket": bucket})

    async def of(self, account_id: int, contact_id: int) -> list[str]:
        """Keys of a contact's categories. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await _require(connection, account_id, contact_id)
            rows = await connection.execute(_SQL["contact_categories"], _one(account_id, contact_id))
            return [row[0] for row in await rows.fetchall()]

    async def opted_out(
        self, connection: Connection, account_id: int, contact_ids: Sequence[int], keys: Sequence[str]
    ) -> dict[int, str]:
        """Of these contacts, those who get no message of these categories, and why, inside the caller's transaction.

        Who never chose and declined nothing gets everything. A category that the account does not have is one nobody
        could choose.
        """
        known = await named(connection, account_id, keys)
        if not known or not contact_ids:
            return {}
        parameters = {
            "account_ids": numbers(account_id for _ in contact_ids),
            "buckets": buckets(contact_ids),
            "contact_ids": numbers(contact_ids),
            "category_ids": numbers(known),
        }
        return dict(await (await connection.execute(_OPTED_OUT, parameters)).fetchall())

    async def ids(self, account_id: int, keys: Sequence[str]) -> list[int]:
        """Ids of the categories with these keys; unknown ones are left out."""
        async with self._database.tenant(account_id) as connection:
            return await named(connection, account_id, keys)

    async def names(self, account_id: int, category_ids: Sequence[int]) -> dict[int, str]:
        """Names of the categories that exist, by id."""
        values = {"account_id": account_id, "category_ids": numbers(category_ids)}
        async with self._database.tenant(account_id) as connection:
            return dict(await (await connection.execute(_SQL["named"], values)).fetchall())

    async def choices(self, account_id: int, contact_id: int) -> list[CategoryChoice]:
        """Every category, by name, and whether a contact gets it."""
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["choices"], _one(account_id, contact_id))).fetchall()
            chooses = await (await connection.execute(_SQL["chooses"], _one(account_id, contact_id))).fetchone()
        everything = chooses is None or not chooses[0]
        return [
            CategoryChoice(
                category=Category(category_id=row[0], key=row[1], name=row[2]),
                wanted=not row[4] and (row[3] or everything),
            )
            for row in rows
        ]

    async def replace(self, account_id: int, contact_id: int, keys: Sequence[str]) -> None:
        """Give a contact these categories and no others. Raises NotFound, Invalid."""
        async with self._database.tenant(account_id) as connection:
            await _require(connection, account_id, contact_id)
            kept = await add_categories(connection, account_id, [contact_id], keys)
            parameters = {**_one(account_id, contact_id), "category_ids": numbers(kept)}
            await connection.execute(_SQL["drop_contact_categories"], parameters)


async def _require(connection: Connection, account_id: int, contact_id: int) -> None:
    if await (await connection.execute(_SQL["lock_live"], _one(account_id, contact_id))).fetchone() is None:
        raise NotFound("contact", contact_id)


def _one(account_id: int, contact_id: int) -> dict[str, int]:
    return {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}


def _key(key: str) -> str:
    return _text("subscriptions", key, _KEY_LENGTH)


def _text(field: str, value: str, limit: int) -> str:
    try:
        text = normalise_text(value, limit)
    except ValueError as error:
        raise Invalid(field, str(error)) from None
    if not text:
        raise Invalid(field, "has an empty entry")
    return text

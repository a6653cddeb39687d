"""A table of contacts, however many there are: chosen by a condition and a few typed words, in an order, page by page.

Every order has an index (migration 0133), and a page begins where the one before ended, so a page costs the same
wherever it is. Words are looked up first, by indexes too: more than a thousand people who are called so are no answer
to anybody.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, LiteralString

import msgspec
from psycopg import sql

from syncom.contacts.model import Contact
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.segments.compile import Predicate
from syncom.segments.model import Count
from syncom.segments.service import SegmentsService

_SQL = load_sql("syncom.segments", "table.sql")
#: Contacts of each kind that words are looked up for.
CANDIDATES: Final = 1_000
_MAX_WORDS: Final = 200
_NOT_DIGITS: Final = re.compile(r"\D+")
#: Fewer digits are the beginning of every number of a country.
_FEWEST_DIGITS: Final = 4
_EVERYBODY: Final[dict[str, Any]] = {"all": []}


class Order(Enum):
    """In which order contacts come. Those without an address or a name come last, or first when reversed."""

    NEWEST = "newest"
    OLDEST = "oldest"
    EMAIL = "email"
    EMAIL_REVERSED = "-email"
    NAME = "name"
    NAME_REVERSED = "-name"


_EMAIL: Final[LiteralString] = "coalesce(c.email, U&'\\+10FFFF') COLLATE \"C\""
_NAME: Final[LiteralString] = (
    "coalesce(nullif(left(lower(c.last_name || ' ' || c.first_name), 200), ' '), U&'\\+10FFFF') COLLATE \"C\""
)
#: What a page is ordered by before the id, and which way.
_KEYS: Final[dict[Order, tuple[LiteralString | None, bool]]] = {
    Order.NEWEST: (None, True),
    Order.OLDEST: (None, False),
    Order.EMAIL: (_EMAIL, False),
    Order.EMAIL_REVERSED: (_EMAIL, True),
    Order.NAME: (_NAME, False),
    Order.NAME_REVERSED: (_NAME, True),
}
#: Where a page ended: the key it is ordered by (empty for ids alone), and the id.
Place = tuple[str, int]


class TablePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of the table."""

    contacts: list[Contact]
    #: Where the next page begins; None: these were the last.
    next: Place | None
    #: How many there are in all, if that was asked.
    total: Count | None
    #: Whether everybody the words may mean was looked at: more than a thousand begin so otherwise.
    is_complete: bool


class ContactTable:
    """Reads pages of the table."""

    def __init__(self, database: Database, contacts: ContactsService, segments: SegmentsService) -> None:
        self._database = database
        self._contacts = contacts
        self._segments = segments

    async def page(
        self,
        account_id: int,
        *,
        condition: dict[str, Any] | None = None,
        words: str = "",
        order: Order = Order.NEWEST,
        after: Place | None = None,
        limit: int = 100,
        with_total: bool = False,
    ) -> TablePage:
        """A page of those who match a condition and are meant by the words. Raises Invalid naming the part."""
        words = words.strip()
        if len(words) > _MAX_WORDS:
            raise Invalid("search", f"has more than {_MAX_WORDS} characters")
        if with_total and not words:
            page, total = await asyncio.gather(
                self._page(account_id, condition, "", order, after, limit, with_total=False),
                self._segments.estimate(account_id, condition or _EVERYBODY),
            )
            return msgspec.structs.replace(page, total=total)
        return await self._page(account_id, condition, words, order, after, limit, with_total=with_total)

    async def _page(
        self,
        account_id: int,
        condition: dict[str, Any] | None,
        words: str,
        order: Order,
        after: Place | None,
        limit: int,
        *,
        with_total: bool,
    ) -> TablePage:
        total, found, candidates = None, None, None
        # Not as the tenant: below row-level security a condition on lower() is none of an index, as the function is not
        # leakproof, and every page by name would read all rows before it. All statements name the account.
        async with self._database.system() as connection:
            predicate = await self._segments.compile(connection, account_id, condition or _EVERYBODY)
            if words:
                candidates = await _candidates(connection, account_id, words)
            if candidates is None or candidates:
                statement, values = page_statement(predicate, order, after, candidates)
                values |= {"account_id": account_id, "limit": limit + 1}
                cursor = await connection.execute(statement, values, prepare=False)
                found = await cursor.fetchall()
            if with_total and candidates is not None:
                total = await _counted(connection, account_id, predicate, candidates)
        rows = found or []
        ids = [row[1] for row in rows[:limit]]
        return TablePage(
            contacts=await self._contacts.get_many(account_id, ids),
            next=(rows[limit - 1][0], rows[limit - 1][1]) if len(rows) > limit else None,
            total=total,
            is_complete=candidates is None or len(candidates) < CANDIDATES,
        )


async def _candidates(connection: Connection, account_id: int, words: str) -> list[int]:
    """Those whom the words may mean."""
    lowered = words.lower()
    first, _, last = lowered.partition(" ")
    digits = _NOT_DIGITS.sub("", words)
    is_number = len(digits) >= _FEWEST_DIGITS and not re.search(r"[^\d\s()+.-]", words)
    values = {
        "account_id": account_id,
        "whole": " ".join(lowered.split()),
        "first": first,
        "last": last.strip(),
        "digits": digits if is_number else "",
        "exact": [words],
        "number": int(words) if words.isascii() and words.isdigit() and len(words) < 19 else None,
        "limit": CANDIDATES,
    }
    cursor = await connection.execute(_SQL["candidates"], values, prepare=False)
    return [row[0] for row in await cursor.fetchall()]


def page_statement(
    predicate: Predicate, order: Order, after: Place | None, candidates: Sequence[int] | None
) -> tuple[sql.Composed, dict[str, Any]]:
    """Keys and ids of a page. Indexes contacts_newest, contacts_email, contacts_name."""
    key, is_reversed = _KEYS[order]
    values = dict(predicate.values)
    direction = sql.SQL("DESC" if is_reversed else "ASC")
    sign = sql.SQL("<" if is_reversed else ">")
    tests = [sql.SQL("c.account_id = {}").format(sql.Placeholder("account_id")), predicate.text]
    if candidates is not None:
        values["candidates"] = list(candidates)
        values["candidate_buckets"] = sorted({one & 255 for one in candidates})
        tests.append(
            sql.SQL("c.bucket = ANY({}::smallint[]) AND c.contact_id = ANY({}::bigint[])").format(
                sql.Placeholder("candidate_buckets"), sql.Placeholder("candidates")
            )
        )
    if after is not None:
        values |= {"after_key": after[0], "after_id": after[1]}
        id_place = sql.Placeholder("after_id")
        if key is None:
            tests.append(sql.SQL("c.contact_id {} {}::bigint").format(sign, id_place))
        else:
            tests.append(
                sql.SQL("({}, c.contact_id) {} ({}::text, {}::bigint)").format(
                    sql.SQL(key), sign, sql.Placeholder("after_key"), id_place
                )
            )
    ordered = sql.SQL("c.contact_id {}").format(direction)
    if key is not None:
        ordered = sql.SQL("{} {}, ").format(sql.SQL(key), direction) + ordered
    statement = sql.SQL("SELECT {}, c.contact_id FROM contacts c WHERE {} ORDER BY {} LIMIT {}").format(
        sql.SQL(key or "''"), sql.SQL(" AND ").join(tests), ordered, sql.Placeholder("limit")
    )
    return statement, values


async def _counted(connection: Connection, account_id: int, predicate: Predicate, candidates: Sequence[int]) -> Count:
    """How many of the candidates match; at least so many when there are more than were looked at."""
    statement = sql.SQL(
        "SELECT count(*) FROM contacts c WHERE c.account_id = {} AND {} AND c.contact_id = ANY({}::bigint[])"
    ).format(sql.Placeholder("account_id"), predicate.text, sql.Placeholder("candidates"))
    values = {**predicate.values, "account_id": account_id, "candidates": list(candidates)}
    row = await (await connection.execute(statement, values, prepare=False)).fetchone()
    return Count(contacts=row[0] if row else 0, is_exact=len(candidates) < CANDIDATES)

"""What is told to those who follow an account's activity as it happens.

A position in the facts ("everything up to here was told") would miss what a transaction commits late under an earlier
time or number. So whoever writes facts writes them for each follower too, in the same transaction, and whoever told
them takes them away: nothing is missed, whatever commits when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import msgspec

from syncom.activity.model import News
from syncom.ids import bucket_of
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.activity", "activity.sql")
_encode = msgspec.json.Encoder().encode
#: Facts of one row: what one delivery carries.
MAX_NEWS: Final = 1000

Row = TypeVar("Row")


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that were written together."""

    news_id: int
    facts: list[News]


async def tell_followers(
    connection: Connection, rows: Sequence[Row], account_of: Callable[[Row], int], news_of: Callable[[Row], News | None]
) -> None:
    """Keep these facts for everybody who follows their accounts, inside the caller's (system) transaction.

    Without followers this is one look at a table that is nearly always empty; ``news_of`` is not called then, and says
    None for a row that is no news.
    """
    accounts = list({account_of(row) for row in rows})
    found = await (await connection.execute(_SQL["followers"], {"account_ids": accounts}, prepare=True)).fetchall()
    if not found:
        return
    followers: defaultdict[int, list[int]] = defaultdict(list)
    for account_id, follower_id in found:
        followers[account_id].append(follower_id)
    news: defaultdict[int, list[News]] = defaultdict(list)
    for row in rows:
        account_id = account_of(row)
        fact = news_of(row) if account_id in followers else None
        if fact is not None:
            news[account_id].append(fact)
    for account_id, facts in news.items():
        for start in range(0, len(facts), MAX_NEWS):
            part = facts[start : start + MAX_NEWS]
            values: dict[str, Any] = {"account_id": account_id, "facts": _encode(part).decode(), "size": len(part)}
            for follower_id in followers[account_id]:
                await connection.execute(_SQL["add_news"], {**values, "follower_id": follower_id})


async def follow(connection: Connection, account_id: int, follower_id: int) -> None:
    """Gather facts for this follower from now on."""
    await connection.execute(_SQL["follow"], {"follower_id": follower_id, "account_id": account_id})


async def unfollow(connection: Connection, follower_id: int) -> None:
    """Gather no more; what was gathered stays."""
    await connection.execute(_SQL["unfollow"], {"follower_id": follower_id})


async def read_news(connection: Connection, account_id: int, follower_id: int, *, rest: timedelta) -> list[Bundle]:
    """The oldest facts that wait, for one delivery: those written at least ``rest`` ago.

    What waits of a contact that was erased meanwhile is left out: its bundle is to be forgotten with the rest.
    """
    values = {"follower_id": follower_id, "rest": rest, "limit": 100}
    rows = await (await connection.execute(_SQL["news"], values)).fetchall()
    found: list[Bundle] = []
    total = 0
    for news_id, facts, size in rows:
        total += size
        if found and total > MAX_NEWS:
            break
        found.append(Bundle(news_id=news_id, facts=msgspec.convert(facts, list[News])))
    contact_ids = sorted({fact.contact_id for bundle in found for fact in bundle.facts})
    asked = {
        "account_id": account_id,
        "contact_ids": contact_ids,
        "buckets": [bucket_of(contact_id) for contact_id in contact_ids],
    }
    erased = {row[0] for row in await (await connection.execute(_SQL["erased"], asked)).fetchall()}
    if not erased:
        return found
    return [
        Bundle(news_id=bundle.news_id, facts=[fact for fact in bundle.facts if fact.contact_id not in erased])
        for bundle in found
    ]


async def forget_news(connection: Connection, news_ids: Sequence[int]) -> None:
    """They were told."""
    await connection.execute(_SQL["forget_news"], {"news_ids": list(news_ids)})


async def forget_follower(connection: Connection, follower_id: int) -> None:
    """Nobody waits for them any more."""
    await unfollow(connection, follower_id)
    await connection.execute(_SQL["forget_all_news"], {"follower_id": follower_id})


async def count_news(connection: Connection, follower_id: int) -> int:
    """Facts that wait."""
    row = await (await connection.execute(_SQL["count_news"], {"follower_id": follower_id})).fetchone()
    return int(row[0]) if row else 0

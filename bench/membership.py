"""Live membership: 10,000 changed contacts against 200 segments, and how soon one change shows.

Segments are of the kinds that marketers save, 20 of each with other values; half ask for history beyond what is kept
beside the contact. What is said to have changed is everything, so every segment is worked out for each of them; the
contacts have other cities, so they do move.
``SYNCOM_BENCH_SCALE`` makes the account smaller than a million contacts.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from typing import Any

import psycopg

from bench.figures import Figure, median
from bench.marketing import Marketing, marketing
from syncom.segments.jobs import MembershipKeeper

SCALE = float(os.environ.get("SYNCOM_BENCH_SCALE", "1"))
ROUNDS = 5
CHANGED = 10_000
SEGMENTS = 200
#: Single changes that are waited for, one after another.
LOOKS = 200


def _segments(made: Marketing) -> list[dict[str, Any]]:
    cities = ["Kyiv", "Lviv", "Odesa", "Dnipro", "Kharkiv", "Rivne"]
    found: list[dict[str, Any]] = []
    for n in range(SEGMENTS // 10):
        subscribed = {"subscription": "email", "is": "subscribed"}
        found += [
            {"all": [{"field": "city", "op": "equals", "value": cities[n % 6]}, subscribed]},
            {
                "all": [
                    {"field": "points", "op": "at_least", "value": 50 * n},
                    {"field": "vip", "op": "equals", "value": n % 2 == 0},
                ]
            },
            {"field": "birthday", "op": "anniversary_in_next_days", "value": n + 1},
            {"all": [{"list": made.list_id}, {"email_domain": ["gmail.com", "ukr.net"][n % 2]}]},
            {"all": [subscribed, {"activity": "opened", "in_last_days": 7 + n}]},
            {"activity": "opened", "at_least": 2 + n % 4, "in_last_days": 30 + n},
            {"all": [{"activity": "clicked", "campaign": 1 + n}, {"not": {"activity": "ordered", "in_last_days": 30}}]},
            {
                "event": "productViewed",
                "where": [{"param": "price", "op": "at_least", "value": 10 * n}],
                "in_last_days": 14 + n,
            },
            {"orders": "sum", "op": "at_least", "value": 200 + 50 * n, "in_last_days": 365},
            {
                "all": [
                    subscribed,
                    {
                        "any": [
                            {"activity": "opened", "in_last_days": 30 + n},
                            {"activity": "clicked", "in_last_days": 90 + n},
                        ]
                    },
                    {"not": {"orders": "count", "where": {"category": "Shoes"}}},
                    {"not": {"list": made.list_id}},
                ]
            },
        ]
    return found


async def run(*, scale: float = SCALE, rounds: int = ROUNDS, looks: int = LOOKS) -> list[Figure]:
    """The delta's seconds, and the p99 of a change that shows."""
    async with marketing(scale) as made:
        app, account_id = made.house.app, made.account_id
        for number, condition in enumerate(_segments(made)):
            await app.segments.create(account_id, f"Segment {number}", condition)
        keeper = MembershipKeeper(app.database, app.segments, app.clock)
        async with await psycopg.AsyncConnection.connect(app.database.dsn, autocommit=True) as connection:
            await connection.execute("DELETE FROM contact_changes")
            began = time.perf_counter()
            await keeper.settle()
            print(f"  filled {SEGMENTS} segments in {time.perf_counter() - began:.0f} s", flush=True)
            await connection.execute("VACUUM ANALYZE")
            deltas = [await _delta(connection, keeper, account_id, int(1_000_000 * scale)) for _ in range(rounds + 1)]
            shown = await _shown(connection, made, keeper, looks)
    contacts = f"{int(1_000_000 * scale):,} contacts"
    return [
        Figure(
            issue="04",
            name=f"delta: {CHANGED:,} changed contacts, {SEGMENTS} segments, {contacts}",
            # The first round only warms.
            measured=median(deltas[1:]),
            floor=None,
            unit="s",
            must=1.0,
            aim=0.3,
            better="lower",
        ),
        Figure(
            issue="04",
            name=f"a change shows in membership, p99, {contacts}",
            measured=sorted(shown)[int(len(shown) * 0.99) - 1],
            floor=None,
            unit="s",
            must=1.0,
            aim=0.3,
            better="lower",
        ),
    ]


async def _delta(connection: psycopg.AsyncConnection, keeper: MembershipKeeper, account_id: int, people: int) -> float:
    """Seconds from the commit of the changes until nothing is left to do."""
    chosen = random.sample(range(1, people + 1), CHANGED)
    await connection.execute(
        "UPDATE contacts SET city = CASE WHEN city = 'Kyiv' THEN 'Lviv' ELSE 'Kyiv' END"
        " WHERE account_id = %(account)s AND bucket = ANY (%(buckets)s) AND contact_id = ANY (%(chosen)s)",
        {"account": account_id, "buckets": list(range(256)), "chosen": chosen},
    )
    await connection.execute("UPDATE contact_changes SET facets = -1")
    began = time.perf_counter()
    while await keeper.step(everything=False):
        pass
    return time.perf_counter() - began


async def _shown(
    connection: psycopg.AsyncConnection, made: Marketing, keeper: MembershipKeeper, looks: int
) -> list[float]:
    """Seconds from each commit until the contact is in another segment."""
    stop = asyncio.Event()
    running = asyncio.create_task(keeper.run(stop))
    found: list[float] = []
    for contact_id in random.sample(range(1, 1000), looks):
        key = (made.account_id, contact_id & 255, contact_id)
        before = await _kept(connection, key)
        await connection.execute(
            "UPDATE contacts SET city = CASE WHEN city = 'Kyiv' THEN 'Lviv' ELSE 'Kyiv' END, email_state = 2"
            " WHERE account_id = %s AND bucket = %s AND contact_id = %s",
            key,
        )
        began = time.perf_counter()
        while await _kept(connection, key) == before:
            await asyncio.sleep(0.005)
        found.append(time.perf_counter() - began)
        await asyncio.sleep(random.random() * 0.1)
    stop.set()
    await running
    return found


async def _kept(connection: psycopg.AsyncConnection, key: tuple[int, int, int]) -> list[int]:
    cursor = await connection.execute(
        "SELECT segment_ids FROM contact_segments WHERE account_id = %s AND bucket = %s AND contact_id = %s", key
    )
    row = await cursor.fetchone()
    return row[0] if row else []

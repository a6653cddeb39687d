"""Ten typical segments, counted: the compiled statement against SQL by hand.

Both run on the same connection over the same indexes and statistics, in turns, and must give the same number. What is
written by hand is the best shape found for each. ``SYNCOM_BENCH_SCALE`` makes the account smaller than a million
contacts.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, timedelta
from typing import Any

import psycopg

from bench.figures import Figure, median
from bench.marketing import Marketing, marketing
from syncom.segments import store
from syncom.segments.anniversaries import days_of_year

ROUNDS = 5
SCALE = float(os.environ.get("SYNCOM_BENCH_SCALE", "1"))

_LIVING = "JOIN contacts c USING (account_id, bucket, contact_id)"


def _segments(made: Marketing) -> list[tuple[str, dict[str, Any], str]]:
    """Name, condition, and the count by hand."""
    points = "(fields ->> '{points}')::numeric"
    return [
        (
            "city",
            {"field": "city", "op": "equals", "value": "Kyiv"},
            "SELECT count(*) FROM contacts WHERE account_id = %(account)s AND city = 'Kyiv'",
        ),
        (
            "points and VIP",
            {
                "all": [
                    {"field": "points", "op": "at_least", "value": 500},
                    {"field": "vip", "op": "equals", "value": True},
                ]
            },
            (
                f"SELECT count(*) FROM contacts WHERE account_id = %(account)s AND {points} >= 500"
                " AND fields ->> '{vip}' = 'true'"
            ),
        ),
        (
            "birthday in the next 7 days",
            {"field": "birthday", "op": "anniversary_in_next_days", "value": 7},
            (
                "SELECT count(*) FROM contacts WHERE account_id = %(account)s"
                " AND substr(fields ->> '{birthday}', 6) = ANY(%(days)s)"
            ),
        ),
        (
            "list and subscribed",
            {"all": [{"list": made.list_id}, {"subscription": "email", "is": "subscribed"}]},
            (
                f"SELECT count(*) FROM list_members {_LIVING}"
                " WHERE account_id = %(account)s AND list_id = %(list)s AND c.email_state = 2"
            ),
        ),
        (
            "opened in 30 days",
            {"activity": "opened", "in_last_days": 30},
            (
                f"SELECT count(*) FROM contact_statistics s {_LIVING}"
                " WHERE account_id = %(account)s AND s.last_open_at >= %(d30)s"
            ),
        ),
        (
            "opened three in 30 days",
            {"activity": "opened", "at_least": 3, "in_last_days": 30},
            (
                "SELECT count(*) FROM (SELECT account_id, bucket, contact_id FROM"
                " (SELECT account_id, bucket, contact_id, message_id FROM activity"
                " WHERE account_id = %(account)s AND class = 0 AND kind IN (3, 4) AND occurred_at >= %(d30)s"
                " GROUP BY 1, 2, 3, 4) m"
                f" GROUP BY 1, 2, 3 HAVING count(*) >= 3) g {_LIVING}"
            ),
        ),
        (
            "clicked a campaign",
            {"activity": "clicked", "campaign": 7},
            (
                "SELECT count(*) FROM (SELECT account_id, bucket, contact_id FROM activity"
                " WHERE account_id = %(account)s AND campaign_id = 7 AND kind = 4 AND class = 0"
                f" GROUP BY 1, 2, 3) g {_LIVING}"
            ),
        ),
        (
            "viewed for 50 or more in 14 days",
            {
                "event": "productViewed",
                "where": [{"param": "price", "op": "at_least", "value": 50}],
                "in_last_days": 14,
            },
            (
                "SELECT count(*) FROM (SELECT account_id, bucket, contact_id FROM events"
                " WHERE account_id = %(account)s AND event_type_id = (SELECT event_type_id FROM event_types"
                " WHERE account_id = %(account)s AND key = 'productViewed') AND occurred_at >= %(d14)s"
                f" AND (params ->> 'price')::numeric >= 50 GROUP BY 1, 2, 3) g {_LIVING}"
            ),
        ),
        (
            "spent 1000 in a year, nothing for 60 days",
            {
                "all": [
                    {"orders": "sum", "op": "at_least", "value": 1000, "in_last_days": 365},
                    {"not": {"activity": "ordered", "in_last_days": 60}},
                ]
            },
            (
                "SELECT count(*) FROM (SELECT account_id, bucket, contact_id FROM orders WHERE account_id = %(account)s"
                " AND upper(status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART') AND ordered_at >= %(d365)s"
                " GROUP BY 1, 2, 3 HAVING sum(total - refunded) >= 1000"
                f" AND max(ordered_at) < %(d60)s) g {_LIVING}"
            ),
        ),
        (
            "nested",
            {
                "all": [
                    {"subscription": "email", "is": "subscribed"},
                    {
                        "any": [
                            {"activity": "opened", "in_last_days": 30},
                            {"activity": "clicked", "in_last_days": 90},
                        ]
                    },
                    {"not": {"activity": "ordered"}},
                    {"not": {"list": made.list_id}},
                ]
            },
            (
                f"SELECT count(*) FROM contact_statistics s {_LIVING} WHERE account_id = %(account)s"
                " AND c.email_state = 2 AND (s.last_open_at >= %(d30)s OR s.last_click_at >= %(d90)s) AND s.orders = 0"
                " AND NOT EXISTS (SELECT FROM list_members m WHERE m.account_id = c.account_id AND m.bucket = c.bucket"
                " AND m.list_id = %(list)s AND m.contact_id = c.contact_id)"
            ),
        ),
    ]


async def run(*, scale: float = SCALE, rounds: int = ROUNDS) -> list[Figure]:
    """Ten segments as one figure: the sum of their times."""
    ours: list[float] = []
    floor: list[float] = []
    async with marketing(scale) as made:
        app = made.house.app
        fields = {field.key: str(field.field_id) for field in await app.contacts.fields.all(made.account_id)}
        async with await psycopg.AsyncConnection.connect(app.database.dsn, autocommit=True) as connection:
            for name, condition, text in _segments(made):
                by_hand = text.format(**fields) if "{" in text else text
                mine, theirs = await _compared(connection, made, name, condition, by_hand, rounds)
                print(f"  {name}: {mine * 1000:.0f} ms, by hand {theirs * 1000:.0f} ms, {mine / theirs:.2f}")
                ours.append(mine)
                floor.append(theirs)
    return [
        Figure(
            issue="04",
            name=f"ten typical segments, count, {int(1_000_000 * scale):,} contacts",
            measured=sum(ours) * 1000,
            floor=sum(floor) * 1000,
            unit="ms",
            must=1.5,
            aim=1.1,
            better="lower",
        )
    ]


async def _compared(
    connection: psycopg.AsyncConnection,
    made: Marketing,
    name: str,
    condition: dict[str, Any],
    by_hand: str,
    rounds: int,
) -> tuple[float, float]:
    """Median seconds of ours and of the statement by hand, in turns."""
    now = made.house.app.clock.now()
    predicate = await made.house.app.segments.compile(connection, made.account_id, condition)
    values: dict[str, Any] = {"account": made.account_id, "list": made.list_id}
    values["days"] = [f"{day // 100:02}-{day % 100:02}" for day in days_of_year(now.astimezone(UTC).date(), 7)]
    values |= {f"d{days}": now - timedelta(days=days) for days in (14, 30, 60, 90, 365)}
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        counted = await store.count(connection, made.account_id, predicate)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        row = await (await connection.execute(by_hand, values)).fetchone()
        floor.append(time.perf_counter() - began)
        if row is None or abs(row[0] - counted) > 5:
            # A few facts may cross the edge of a window between the two clocks.
            raise RuntimeError(f"{name}: {counted} contacts, {row} by hand")
    # The first round only warms.
    return median(ours[1:]), median(floor[1:])

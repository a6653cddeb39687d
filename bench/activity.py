"""The thousandth page of an account's activity against its first, over ten million rows.

Twenty campaigns of the last two months with what people did with them, in the order in which it came in; a few hits
in a hundred came a day late, as they do after an outage. A page is what the API does without HTTP around it: two
pages of facts, merged, named and encoded.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bench.figures import Figure, median

if TYPE_CHECKING:
    from syncom.feed.model import FeedQuery
    from syncom.feed.service import FeedService

CAMPAIGNS = 20
CONTACTS = 200_000
HITS = 6_000_000
PAGE = 1_000
DEEP = 1_000
_REPEATS = 15

_PEOPLE = """
INSERT INTO contacts (account_id, bucket, contact_id, email, external_id)
SELECT 1, n & 255, n, 'person' || n || '@example.com', 'C-' || n FROM generate_series(1, %(contacts)s::bigint) n
"""
_CONTENTS = """
INSERT INTO contents (content_id, account_id, compiled, links, template_id, name, tags, language)
SELECT n, 1, '{}', ARRAY['https://shop.example/a', 'https://shop.example/b'], n, 'Letter ' || n, ARRAY['sale'], 'uk'
FROM generate_series(1, %(campaigns)s::bigint) n
"""
_CAMPAIGNS = """
INSERT INTO campaigns (campaign_id, account_id, name, template_id, sender_id, audience, state, content_id, launched_at,
                       finished_at)
SELECT n, 1, 'Letter ' || n, n, 1, '{}', 'finished', n, %(start)s + n * interval '3 days',
       %(start)s + n * interval '3 days 1 hour'
FROM generate_series(1, %(campaigns)s::bigint) n
"""
_MESSAGE = "(lpad(to_hex(campaign), 12, '0') || '8000' || to_hex(contact | (-9223372036854775808)))::uuid"
_LEDGER = f"""
INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
                    attempts, launched_at, settled_at, address, reason, content_id)
SELECT 1, contact & 255, {_MESSAGE}, contact, campaign, 1, 1, CASE WHEN contact %% 50 = 0 THEN 2 ELSE 1 END, false, 1,
       %(start)s + campaign * interval '3 days',
       %(start)s + campaign * interval '3 days' + contact * interval '6 ms', 'person' || contact || '@example.com',
       CASE WHEN contact %% 50 = 0 THEN '550 5.1.1 no such user' ELSE '' END, campaign
FROM generate_series(%(first)s::bigint, %(last)s::bigint) campaign, generate_series(1, %(contacts)s::bigint) contact
"""
_ACTIVITY = f"""
INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id, link,
                      content_id, ip, user_agent)
SELECT 1, contact & 255, contact, at, kind, class, 1, campaign, {_MESSAGE}, CASE kind WHEN 4 THEN n & 1 END, campaign,
       '203.0.113.7', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/129.0.0.0'
FROM (
    SELECT n, 1 + n %% %(campaigns)s AS campaign, 1 + (random() * (%(contacts)s - 1))::bigint AS contact,
           CASE WHEN n %% 4 = 0 THEN 4 ELSE 3 END AS kind, CASE WHEN n %% 9 = 0 THEN 1 ELSE 0 END AS class,
           %(start)s + (1 + n %% %(campaigns)s) * interval '3 days' - ln(1 - random()) * interval '6 hours' AS at,
           CASE WHEN random() < 0.03 THEN interval '1 day' ELSE interval '0' END AS late
    FROM generate_series(1, %(hits)s::bigint) n
) AS hit
ORDER BY at + late
"""


async def run() -> list[Figure]:
    from syncom.feed.service import FeedService
    from syncom.postgres.embedded import EmbeddedServer
    from syncom.postgres.migrate import migrate
    from syncom.postgres.pool import Database
    from syncom.security import Keyring
    from syncom.tokens import MessageTokens

    tokens = MessageTokens(Keyring(bytes(32)))
    with tempfile.TemporaryDirectory(prefix="syncom-bench-") as folder:
        Path(folder).chmod(0o755)
        async with EmbeddedServer(Path(folder) / "data") as server:
            await migrate(server.dsn)
            query = await _fill(server.dsn)
            async with Database(server.dsn) as database:
                first, deep = await _walk(FeedService(database, tokens, base_url="https://mail.example"), query)
    return [
        Figure(
            issue="02",
            name=f"activity of 10 million rows, page {DEEP:,} against page 1",
            measured=deep * 1000,
            floor=first * 1000,
            unit="ms",
            must=1.5,
            aim=1.1,
            better="lower",
        )
    ]


async def _fill(dsn: str) -> FeedQuery:
    """Ten million rows; the question that all pages answer."""
    import psycopg

    from syncom.feed.model import FeedQuery, FeedStatus
    from syncom.postgres.migrate import ensure_partitions

    now = datetime.now(UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3 * CAMPAIGNS + 5)
    values = {"contacts": CONTACTS, "campaigns": CAMPAIGNS, "hits": HITS, "start": start}
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await ensure_partitions(connection, now, before=3)
        await connection.execute("INSERT INTO accounts (account_id, name) VALUES (1, 'Bench')")
        for statement in (_PEOPLE, _CONTENTS, _CAMPAIGNS):
            await connection.execute(statement, values)
        for campaign in range(1, CAMPAIGNS + 1):
            await connection.execute(_LEDGER, {**values, "first": campaign, "last": campaign})
        await connection.execute("SET work_mem = '256MB'")
        await connection.execute(_ACTIVITY, values)
        await connection.execute("VACUUM (ANALYZE) ledger")
        await connection.execute("VACUUM (ANALYZE) activity")
        await connection.execute("VACUUM (ANALYZE) contacts")
        await connection.execute("CHECKPOINT")
    return FeedQuery(since=start, until=start + timedelta(days=90), statuses=frozenset(FeedStatus), limit=PAGE)


async def _walk(service: FeedService, query: FeedQuery) -> tuple[float, float]:
    """Seconds of page 1 and of page 1,000, the median of several times each."""
    import msgspec

    encode = msgspec.json.Encoder().encode
    zone = ZoneInfo("Europe/Kyiv")

    async def page(asked: FeedQuery) -> tuple[float, FeedQuery]:
        began = time.perf_counter()
        facts = await service.page(1, asked)
        encode(await service.tell(1, facts, zone))
        taken = time.perf_counter() - began
        assert len(facts) == PAGE
        return taken, msgspec.structs.replace(asked, after=facts[-1].place)

    deep = query
    for _ in range(DEEP - 1):
        _, deep = await page(deep)
    first_times: list[float] = []
    deep_times: list[float] = []
    # In turns, so that both have the same neighbours on the machine.
    for _ in range(_REPEATS):
        first_times.append((await page(query))[0])
        deep_times.append((await page(deep))[0])
    return median(first_times), median(deep_times)

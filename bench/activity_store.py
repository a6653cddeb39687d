"""The activity store: hits written with all counters against a plain COPY, and a campaign's charts over 20 million.

The history is that of a marketer: a campaign every nine days, most of what happens to it in the first two, few contacts
do most; people open and then click, machines open at once. Hits are written as the product does it: made durable in
the journal by one connection, counted by one for each lane, until the last one is in every counter. The floor is one
COPY of as many rows into the same table with its indexes, encoded beforehand, without the triggers that tell segments.
The charts are compared with a count of the raw rows. ``SYNCOM_BENCH_SCALE`` makes it smaller.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bench.figures import Figure, median
from bench.house import BY, House, house
from syncom.activity.agents import described
from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.activity.rollups import store as rollups
from syncom.activity.rollups.model import RollupKind
from syncom.activity.service import ActivityService
from syncom.content.model import Format, TemplateInput
from syncom.ids import campaign_message_id
from syncom.postgres.migrate import ensure_partitions

SCALE = float(os.environ.get("SYNCOM_BENCH_SCALE", "1"))
CONTACTS = 1_000_000
ACTIVITY = 20_000_000
CAMPAIGNS = 20
#: Hits of one round of writing.
WRITTEN = 200_000
ROUNDS = 3
#: Whose charts are asked for: one with much behind it.
CAMPAIGN = 3
_REPEATS = 11
_BATCH = 250

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (Linux; Android 14; SM-{}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/{}",
)
_MESSAGE = "(lpad(to_hex(campaign), 12, '0') || '8000' || to_hex(contact | (-9223372036854775808)))::uuid"
#: Without indexes and triggers, which are back before anything is measured.
_HISTORY = f"""
INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id, link,
    content_id, ip, user_agent, device, client, os, country)
SELECT %(account)s, (contact & 255)::smallint, contact, at + step * interval '20 s', kind, class, 1, campaign,
    {_MESSAGE}, CASE kind WHEN 4 THEN n %% 8 END,
    %(content)s, '77.120.' || n %% 200 || '.7', (%(agents)s::text[])[1 + who],
    (ARRAY['desktop', 'phone', '', 'phone', 'desktop'])[1 + who],
    (ARRAY['Chrome', 'App on iOS', 'Gmail', 'Chrome', 'Thunderbird'])[1 + who],
    (ARRAY['Windows', 'iOS', '', 'Android', 'Linux'])[1 + who],
    CASE who WHEN 2 THEN '' ELSE (ARRAY['UA', 'UA', 'UA', 'PL', 'DE', 'US'])[1 + n %% 6] END
FROM (
    SELECT n, n %% 5 AS who, 1 + n %% %(campaigns)s AS campaign,
        1 + floor(%(contacts)s * power(random(), 1.6))::bigint AS contact,
        CASE WHEN n %% 7 = 0 THEN 1 ELSE 0 END AS class,
        %(now)s - (n %% %(campaigns)s) * interval '9 days' - interval '8 days'
            + least(-ln(1 - random()) * interval '36 hours', interval '8 days') AS at
    FROM generate_series(1, %(visits)s::bigint) n
) AS visit,
LATERAL (
    SELECT 0 AS step, CASE WHEN n %% 60 = 0 THEN 5 ELSE 3 END AS kind
    UNION ALL SELECT 1, 4 WHERE n %% 4 = 0
    UNION ALL SELECT 2, 3 WHERE n %% 3 = 0
) AS done
ORDER BY at + step * interval '20 s'
"""
_ENGAGEMENTS = """
INSERT INTO engagements (account_id, bucket, message_id, contact_id, campaign_id, opens, clicks, machine_opens,
    machine_clicks, first_open_at, first_click_at, unsubscribed_at, domain)
SELECT %(account)s, bucket, message_id, min(contact_id), min(campaign_id),
    count(*) FILTER (WHERE kind = 3 AND class = 0), count(*) FILTER (WHERE kind = 4 AND class = 0),
    count(*) FILTER (WHERE kind = 3 AND class = 1), count(*) FILTER (WHERE kind = 4 AND class = 1),
    min(occurred_at) FILTER (WHERE kind IN (3, 4) AND class = 0),
    min(occurred_at) FILTER (WHERE kind = 4 AND class = 0),
    min(occurred_at) FILTER (WHERE kind = 5),
    (%(domains)s::text[])[1 + min(contact_id) * 7 %% 11 %% 5]
FROM activity WHERE account_id = %(account)s
GROUP BY bucket, message_id
"""
_STATISTICS = (
    """
INSERT INTO contact_statistics (account_id, bucket, contact_id, opened, clicked, last_open_at, last_click_at)
SELECT %(account)s, bucket, contact_id, count(first_open_at), count(first_click_at), max(first_open_at),
    max(first_click_at)
FROM engagements WHERE account_id = %(account)s GROUP BY bucket, contact_id
""",
    """
INSERT INTO campaign_statistics (account_id, campaign_id, hour, kind, shard, count)
SELECT %(account)s, campaign_id, hour, named.name, 99, count
FROM recounted JOIN unnest(%(kinds)s::smallint[], %(names)s::text[]) AS named (kind, name) USING (kind)
WHERE dimension = -1
""",
    """
INSERT INTO campaign_link_statistics (account_id, campaign_id, link, shard, clicks, machine_clicks)
SELECT %(account)s, campaign_id, link, 99, count(*) FILTER (WHERE class = 0), count(*) FILTER (WHERE class = 1)
FROM activity WHERE account_id = %(account)s AND kind = 4 GROUP BY campaign_id, link
""",
)
_COLUMNS = (
    "account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id, link, content_id, ip,"
    " user_agent, detail, device, client, os, country"
)


async def run(*, scale: float = SCALE, rounds: int = ROUNDS) -> list[Figure]:
    async with house() as made:
        history = _History(made, scale)
        await history.make()
        asked = await history.charts()
        ours, floor = await history.write(rounds)
        check = await made.app.rollups.verify(history.account_id)
        assert not check.differences, check.differences[:3]
        assert check.compared
    return [
        Figure(
            issue="04",
            name="activity written with rollups and statistics in the same transaction",
            measured=ours,
            floor=floor,
            unit="hits/s",
            must=0.4,
            aim=0.7,
        ),
        Figure(
            issue="04",
            name=f"campaign report with all charts, {int(ACTIVITY * scale):,} rows of activity",
            measured=asked * 1000,
            floor=None,
            unit="ms",
            must=100,
            aim=100,
            better="lower",
        ),
    ]


class _History:
    """An account with a past."""

    def __init__(self, made: House, scale: float) -> None:
        self.app = made.app
        self.dsn = made.app.database.dsn
        self.contacts = max(1000, int(CONTACTS * scale))
        # What one visit comes to in hits: 1 + 1/4 + 1/3.
        self.visits = int(ACTIVITY * scale * 12 / 19)
        #: Enough to tell a pace: the pauses between two rounds of counting are part of what is measured.
        self.written = max(100_000, int(WRITTEN * min(1.0, scale * 4)))
        self.now = datetime.now(UTC)
        self.account_id = 0
        self.other_id = 0

    async def make(self) -> None:
        """Contacts, campaigns, 20 million hits, and every counter as the product would have left it."""
        self.account_id = (await self.app.accounts.create_account(BY, name="Bench")).account_id
        self.other_id = (await self.app.accounts.create_account(BY, name="Floor")).account_id
        template = await self.app.content.create(self.account_id, _TEMPLATE)
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute("SET work_mem = '512MB'")
            await connection.execute("SET maintenance_work_mem = '1GB'")
            await connection.execute("SELECT setseed(0.42)")
            await ensure_partitions(connection, self.now, before=7)
            await connection.execute(
                "INSERT INTO contacts (account_id, bucket, contact_id, email)"
                " SELECT %(account)s, (n & 255)::smallint, n,"
                " 'person' || n || '@' || (%(domains)s::text[])[1 + n * 7 %% 11 %% 5]"
                " FROM generate_series(1, %(contacts)s::bigint) n",
                self._values(),
            )
            await connection.execute(
                "INSERT INTO campaigns (campaign_id, account_id, name, template_id, sender_id, audience, state,"
                " content_id, launched_at, finished_at, audience_size)"
                " SELECT n, %(account)s, 'Letter ' || n, %(template)s, 1, '{}', 'finished',"
                " (SELECT content_id FROM templates WHERE template_id = %(template)s),"
                " %(now)s - (n - 1) * interval '9 days' - interval '8 days', %(now)s, %(contacts)s"
                " FROM generate_series(1, %(campaigns)s::bigint) n",
                {**self._values(), "template": template.template_id},
            )
            await self._without_indexes(connection, _HISTORY)
            await connection.execute(_ENGAGEMENTS, self._values())
            async with connection.transaction():
                await rollups.prepare_recount(connection)
                span = (self.now - timedelta(days=400), self.now + timedelta(days=30))
                await rollups.recount_hits(connection, self.account_id, *span)
                await rollups.replace(connection, self.account_id, *span, hits=True)
                for statement in _STATISTICS:
                    await connection.execute(statement, self._values())
            await connection.execute("VACUUM ANALYZE")
            await connection.execute("CHECKPOINT")

    def _values(self) -> dict[str, Any]:
        return {
            "account": self.account_id,
            "contacts": self.contacts,
            "visits": self.visits,
            "campaigns": CAMPAIGNS,
            "content": 1,
            "now": self.now,
            "agents": [agent.format(9) for agent in _AGENTS],
            "domains": ["gmail.com", "ukr.net", "example.com", "mail.example", "shop.example"],
            "kinds": [kind.value for kind in RollupKind],
            "names": [kind.label for kind in RollupKind],
        }

    async def _without_indexes(self, connection: psycopg.AsyncConnection[Any], statement: str) -> None:
        """Fill the table first and index it then: a fraction of the time."""
        rows = await (
            await connection.execute(
                "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
                " WHERE i.indrelid = 'activity'::regclass"
            )
        ).fetchall()
        for name, _ in rows:
            await connection.execute(f"DROP INDEX {name}")
        await connection.execute(statement, self._values())
        for _, definition in rows:
            await connection.execute(definition.replace(" ON ONLY ", " ON "))

    # ------------------------------------------------------------ charts

    async def charts(self) -> float:
        """Median seconds of a campaign's report with its charts; they say what the raw rows say."""
        await self._compare()
        times: list[float] = []
        for _ in range(_REPEATS):
            began = time.perf_counter()
            await self.app.campaigns.report(self.account_id, CAMPAIGN)
            await self.app.rollups.heat(self.account_id, campaign_id=CAMPAIGN, zone="Europe/Kyiv")
            await self.app.rollups.domains(self.account_id, campaign_id=CAMPAIGN)
            for by in ("device", "client", "os", "country"):
                await self.app.rollups.audience(self.account_id, by, campaign_id=CAMPAIGN)
            times.append(time.perf_counter() - began)
        return median(times)

    async def _compare(self) -> None:
        report = await self.app.campaigns.report(self.account_id, CAMPAIGN)
        clients = await self.app.rollups.audience(self.account_id, "client", campaign_id=CAMPAIGN)
        domains = await self.app.rollups.domains(self.account_id, campaign_id=CAMPAIGN)
        async with self.app.database.system() as connection:
            cursor = await connection.execute(
                "SELECT count(*) FILTER (WHERE kind = 3), count(*) FILTER (WHERE kind = 4),"
                " count(DISTINCT message_id) FILTER (WHERE kind IN (3, 4)),"
                " count(*) FILTER (WHERE kind = 3 AND client = 'Gmail')"
                " FROM activity WHERE account_id = %s AND campaign_id = %s AND class = 0",
                (self.account_id, CAMPAIGN),
            )
            counted = await cursor.fetchone()
        gmail = next(share.opened for share in clients if share.value == "Gmail")
        told = (report.opened_total, report.clicked_total, report.opened, gmail)
        assert told == counted, f"the report says {told}, the rows {counted}"
        assert sum(row.opened for row in domains) == report.opened

    # ------------------------------------------------------------ writing

    async def write(self, rounds: int) -> tuple[float, float]:
        """Hits a second of ours and of the floor: those of the round in the middle by its ratio."""
        chance = random.Random(5)
        pairs: list[tuple[float, float]] = []
        for _ in range(rounds):
            floor = await self._copied(self._hits(self.other_id, chance))
            ours = await self._recorded(self._hits(self.account_id, chance))
            print(f"  {ours:,.0f} hits/s, COPY {floor:,.0f} rows/s, {ours / floor:.2f}")
            pairs.append((ours, floor))
        return sorted(pairs, key=lambda pair: pair[0] / pair[1])[rounds // 2]

    def _hits(self, account_id: int, chance: random.Random) -> list[Hit]:
        """What comes in within some minutes: mostly of the newest campaigns, people open and then click."""
        made: list[tuple[float, Hit]] = []
        begin = datetime.now(UTC)
        while len(made) < self.written:
            second = chance.random() * 1800
            contact = 1 + int(self.contacts * chance.random() ** 1.6)
            campaign = 1 + min(CAMPAIGNS - 1, int(chance.expovariate(1.2)))
            agent = chance.choice(_AGENTS).format(chance.randint(1, 40))
            ip = f"{chance.choice((8, 24, 46, 77, 91, 178, 185))}.{chance.randint(0, 200)}.{chance.randint(0, 200)}.7"
            machine = chance.random() < 1 / 7
            steps = [ActivityKind.OPENED]
            if chance.random() < 1 / 4:
                steps.append(ActivityKind.CLICKED)
            if chance.random() < 1 / 3:
                steps.append(ActivityKind.OPENED)
            for step, kind in enumerate(steps):
                hit = Hit(
                    account_id=account_id,
                    contact_id=contact,
                    message_id=campaign_message_id(campaign, contact),
                    campaign_id=campaign,
                    kind=kind,
                    occurred_at=begin - timedelta(seconds=1900 - second - 20 * step),
                    hit_class=HitClass.MACHINE if machine else HitClass.HUMAN,
                    link=chance.randint(0, 7) if kind is ActivityKind.CLICKED else None,
                    content_id=1,
                    ip=ip,
                    user_agent=agent,
                )
                made.append((second + 20 * step, hit))
        made.sort(key=lambda pair: pair[0])
        return [hit for _, hit in made]

    async def _copied(self, hits: list[Hit]) -> float:
        lines = [_line(hit) for hit in described(hits)]
        data = ["".join(lines[start : start + 5000]).encode() for start in range(0, len(lines), 5000)]
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            await connection.execute("SET session_replication_role = replica")
            began = time.perf_counter()
            async with connection.cursor().copy(f"COPY activity ({_COLUMNS}) FROM STDIN") as copy:
                for part in data:
                    await copy.write(part)
            return len(hits) / (time.perf_counter() - began)

    async def _recorded(self, hits: list[Hit]) -> float:
        service = ActivityService(self.app.database, self.app.clock)
        done = asyncio.Event()
        async with (
            await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as journal,
            await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as even,
            await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as odd,
        ):

            async def record() -> None:
                for start in range(0, len(hits), _BATCH):
                    await service.record(journal, hits[start : start + _BATCH])
                done.set()

            async def count(tally: psycopg.AsyncConnection[Any], lane: int) -> None:
                while not done.is_set():
                    await service.settle(tally, lane=lane)
                    await asyncio.sleep(0.25)
                await service.settle(tally, lane=lane)

            began = time.perf_counter()
            await asyncio.gather(record(), count(even, 0), count(odd, 1))
            taken = time.perf_counter() - began
            row = await (await journal.execute("SELECT count(*) FROM activity_journal")).fetchone()
        assert row == (0,)
        return len(hits) / taken


_TEMPLATE = TemplateInput(
    name="Letter",
    subject="News",
    format=Format.HTML,
    source="<body>" + "".join(f'<a href="https://shop.example/{n}">{n}</a>' for n in range(8)) + "</body>",
)


def _line(hit: Hit) -> str:
    link = "\\N" if hit.link is None else hit.link
    return (
        f"{hit.account_id}\t{hit.contact_id & 255}\t{hit.contact_id}\t{hit.occurred_at}\t{hit.kind.value}"
        f"\t{hit.hit_class.value}\t{hit.channel.value}\t{hit.campaign_id}\t{hit.message_id}\t{link}\t{hit.content_id}"
        f"\t{hit.ip}\t{hit.user_agent}\t\\N\t{hit.device}\t{hit.client}\t{hit.os}\t{hit.country}\n"
    )

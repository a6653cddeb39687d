"""A marketer's account: contacts, what was sent to them, what they did, what they bought. Skewed as life is.

At scale 1: a million contacts, 20 million rows of activity, 5 million messages in the ledger, 3 million orders, a
million events. Few contacts do most; most of it happened lately. Narrow statistics are what the facts say.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import psycopg

from bench.house import BY, House, house
from syncom.contacts.model import FieldType

CONTACTS = 1_000_000
ACTIVITY = 20_000_000
ORDERS = 3_000_000
EVENTS = 1_000_000
CAMPAIGNS = 20
SENT = 5

_MESSAGE = "(lpad(to_hex(campaign), 12, '0') || '8000' || to_hex(contact | (-9223372036854775808)))::uuid"
#: Somebody, of whom a few are met most often.
_SOMEBODY = "1 + floor(%(contacts)s * power(random(), 2.5))::bigint"
_STEPS = (
    """
INSERT INTO contacts (account_id, bucket, contact_id, email, first_name, country, city, language, email_state,
    sms_state, fields, created_at)
SELECT %(account)s, (n & 255)::smallint, n,
    'person' || n || '@' || (ARRAY['gmail.com', 'ukr.net', 'example.com', 'mail.example'])[1 + (n * 7 %% 11 %% 4)],
    'Name' || n %% 5000, 'UA',
    (ARRAY['Kyiv', 'Lviv', 'Odesa', 'Dnipro', 'Kharkiv', '', 'Rivne'])[1 + n * 13 %% 17 %% 7],
    (ARRAY['uk', 'en', 'ru'])[1 + n %% 3], CASE WHEN n %% 10 < 7 THEN 2 WHEN n %% 10 < 9 THEN 3 ELSE 0 END,
    CASE WHEN n %% 4 = 0 THEN 2 ELSE 0 END,
    jsonb_build_object(%(points)s::text, n * 31 %% 1000, %(vip)s::text, n %% 20 = 0,
        %(birthday)s::text, (date '1950-01-01' + (n * 37 %% 20000)::int)::text),
    %(now)s - n %% 1500 * interval '1 day'
FROM generate_series(1, %(contacts)s::bigint) n
""",
    """
INSERT INTO list_members (account_id, bucket, list_id, contact_id)
SELECT %(account)s, (n & 255)::smallint, %(list)s, n FROM generate_series(1, %(contacts)s::bigint, 3) n
""",
    f"""
INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
    attempts, launched_at, settled_at, address)
SELECT %(account)s, (contact & 255)::smallint, {_MESSAGE}, contact, campaign, 1, 1,
    CASE WHEN contact %% 50 = 0 THEN 2 ELSE 1 END, false, 1, %(now)s - campaign * interval '9 days',
    %(now)s - campaign * interval '9 days' + contact * interval '1 ms', 'person' || contact || '@gmail.com'
FROM generate_series(1, %(sent)s::bigint) campaign, generate_series(1, %(contacts)s::bigint) contact
""",
    f"""
INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id, link)
SELECT %(account)s, (contact & 255)::smallint, contact, %(now)s - power(luck, 1.5) * interval '180 days',
    CASE WHEN kind < 0.72 THEN 3 WHEN kind < 0.95 THEN 4 WHEN kind < 0.98 THEN 1 ELSE 5 END,
    CASE WHEN class < 0.85 THEN 0 ELSE 1 END, 1, campaign, {_MESSAGE}, CASE WHEN kind >= 0.72 THEN n %% 8 END
FROM (
    SELECT n, {_SOMEBODY} AS contact, random() AS luck, random() AS kind, random() AS class,
        1 + floor(%(campaigns)s * random())::bigint AS campaign
    FROM generate_series(1, %(activity)s::bigint) n
) AS made
""",
    f"""
INSERT INTO orders (account_id, bucket, contact_id, external_id, order_id, status, total, currency, ordered_at, items)
SELECT %(account)s, (contact & 255)::smallint, contact, 'o' || n, n,
    CASE WHEN luck < 0.8 THEN 'DELIVERED' WHEN luck < 0.9 THEN 'IN_PROGRESS' ELSE 'CANCELLED' END,
    round((20 + 400 * power(random(), 3))::numeric, 2), 'UAH', %(now)s - power(random(), 1.3) * interval '900 days',
    jsonb_build_array(jsonb_build_object('external_id', 'p' || n %% 5000,
        'category', (ARRAY['Shoes', 'Hats', 'Coats', 'Bags'])[1 + n %% 4]))
FROM (SELECT n, {_SOMEBODY} AS contact, random() AS luck FROM generate_series(1, %(orders)s::bigint) n) AS made
""",
    """
INSERT INTO event_types (account_id, key) VALUES (%(account)s, 'productViewed'), (%(account)s, 'cartUpdated')
""",
    f"""
INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at)
SELECT %(account)s, (contact & 255)::smallint, contact,
    (SELECT event_type_id FROM event_types
     WHERE account_id = %(account)s AND key = CASE WHEN n %% 4 = 0 THEN 'cartUpdated' ELSE 'productViewed' END),
    (lpad(to_hex(n), 16, '0') || '8000' || lpad(to_hex(contact), 12, '0'))::uuid, '',
    jsonb_build_object('price', (n * 17 %% 300)::text, 'category', (ARRAY['Shoes', 'Hats'])[1 + n %% 2]),
    %(now)s - power(random(), 1.5) * interval '90 days'
FROM (SELECT n, {_SOMEBODY} AS contact FROM generate_series(1, %(events)s::bigint) n) AS made
""",
    """
INSERT INTO contact_statistics (account_id, bucket, contact_id, sent, last_sent_at, opened, last_open_at, clicked,
    last_click_at, orders, last_order_at)
SELECT %(account)s, bucket, contact_id, coalesce(sent, 0), last_sent_at, coalesce(opened, 0), last_open_at,
    coalesce(clicked, 0), last_click_at, coalesce(orders, 0), last_order_at
FROM (
    SELECT bucket, contact_id, count(*) AS sent, max(settled_at) AS last_sent_at
    FROM ledger WHERE account_id = %(account)s AND state = 1 GROUP BY 1, 2
) AS sends
FULL JOIN (
    SELECT bucket, contact_id, count(DISTINCT message_id) AS opened, max(occurred_at) AS last_open_at,
        count(DISTINCT message_id) FILTER (WHERE kind = 4) AS clicked,
        max(occurred_at) FILTER (WHERE kind = 4) AS last_click_at
    FROM activity WHERE account_id = %(account)s AND class = 0 AND kind IN (3, 4) GROUP BY 1, 2
) AS done USING (bucket, contact_id)
FULL JOIN (
    SELECT bucket, contact_id, count(*) AS orders, max(ordered_at) AS last_order_at
    FROM orders WHERE account_id = %(account)s AND status <> 'CANCELLED' GROUP BY 1, 2
) AS bought USING (bucket, contact_id)
""",
)


class Marketing:
    """The house and what its conditions name."""

    def __init__(self, house: House, account_id: int, list_id: int, now: datetime) -> None:
        self.house = house
        self.account_id = account_id
        self.list_id = list_id
        self.now = now


@asynccontextmanager
async def marketing(scale: float = 1.0) -> AsyncGenerator[Marketing]:
    """Generated once a use; always the same but for the moment that is now."""
    async with house() as made:
        account = await made.app.accounts.create_account(BY, name="Marketing")
        account_id = account.account_id
        contacts = made.app.contacts
        points = await contacts.fields.create(account_id, key="points", name="Points", type=FieldType.NUMBER)
        vip = await contacts.fields.create(account_id, key="vip", name="VIP", type=FieldType.BOOLEAN)
        birthday = await contacts.fields.create(account_id, key="birthday", name="Birthday", type=FieldType.DATE)
        chosen = await contacts.lists.create(account_id, "Customers")
        now = made.app.clock.now() - timedelta(seconds=1)
        values = {
            "account": account_id,
            "now": now,
            "list": chosen.list_id,
            "points": str(points.field_id),
            "vip": str(vip.field_id),
            "birthday": str(birthday.field_id),
            "contacts": int(CONTACTS * scale),
            "activity": int(ACTIVITY * scale),
            "orders": int(ORDERS * scale),
            "events": int(EVENTS * scale),
            "campaigns": CAMPAIGNS,
            "sent": SENT,
        }
        async with await psycopg.AsyncConnection.connect(made.app.database.dsn, autocommit=True) as connection:
            await connection.execute("SET work_mem = '256MB'")
            # What is generated is nobody's change: no trigger has to tell of 20 million rows.
            await connection.execute("SET session_replication_role = replica")
            await connection.execute("SELECT setseed(0.42)")
            for step in _STEPS:
                await connection.execute(step, values)
            await connection.execute("SELECT setval('contact_ids', %s)", (int(CONTACTS * scale) + 1,))
            await connection.execute("VACUUM ANALYZE")
        yield Marketing(made, account_id, chosen.list_id, now)

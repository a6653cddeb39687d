"""Rollups equal a recount of the raw rows, whatever happens in whatever order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.activity.rollups.model import SINGLE_MESSAGES, Dimension, RollupKind, Span
from syncom.activity.rollups.service import RollupsService
from syncom.activity.service import ActivityService
from syncom.campaigns import store as campaigns
from syncom.clock import SystemClock
from syncom.contacts.model import Channel
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, Invalid
from syncom.ids import campaign_message_id, single_message_id
from syncom.messages import store as messages
from syncom.messages.model import Lane, LedgerState
from syncom.messages.sending.counting import count_settled
from syncom.messages.sending.work import Settled, Work
from syncom.postgres.pool import Connection, Database
from tests.settling import settle

DAY = date(2026, 3, 1)
LAST = date(2026, 3, 4)
START = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
LAUNCHED = START - timedelta(hours=1)
ACCOUNT = 1
CAMPAIGNS = (7, 8)
DOMAINS = ("gmail.com", "ukr.net", "own.example")
CONTACTS = range(1, 7)
SINGLES = {contact: single_message_id(contact) for contact in CONTACTS}
AGENTS = (
    None,
    "Mozilla/5.0",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
)


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


def message_id(campaign: int, contact: int) -> Any:
    return campaign_message_id(campaign, contact) if campaign else SINGLES[contact]


def _channel(campaign: int) -> Channel:
    return Channel.SMS if campaign == CAMPAIGNS[1] else Channel.EMAIL


def moments() -> st.SearchStrategy[datetime]:
    return st.integers(0, 60 * 30).map(lambda minutes: START + timedelta(minutes=minutes))


@st.composite
def hits(draw: st.DrawFn) -> Hit:
    campaign = draw(st.sampled_from((0, *CAMPAIGNS)))
    contact = draw(st.sampled_from(CONTACTS))
    return Hit(
        account_id=ACCOUNT,
        contact_id=contact,
        campaign_id=campaign,
        message_id=message_id(campaign, contact),
        kind=draw(st.sampled_from(ActivityKind)),
        hit_class=draw(st.sampled_from(HitClass)),
        channel=_channel(campaign),
        occurred_at=draw(moments()),
        ip=draw(st.sampled_from((None, "8.8.8.8", "77.88.55.60", "10.0.0.1"))),
        user_agent=draw(st.sampled_from(AGENTS)),
    )


@st.composite
def results(draw: st.DrawFn) -> Settled:
    """How one message ended."""
    campaign = draw(st.sampled_from((0, *CAMPAIGNS)))
    contact = draw(st.sampled_from(CONTACTS))
    state = draw(st.sampled_from(LedgerState))
    channel = _channel(campaign)
    made = message_id(campaign, contact)
    work = Work(
        account_id=ACCOUNT,
        contact_id=contact,
        channel=channel,
        campaign_id=campaign,
        content_id=1,
        message_id=made,
        message=made.bytes,
        address=_address(contact) if channel is Channel.EMAIL else f"+38050000000{contact}",
        contact=None,
        launched_at=LAUNCHED,
        deadline=LAUNCHED,
        lane=Lane.RETRY,
        lease=None,
        attempt=draw(st.integers(1, 3)),
        uncertain=draw(st.booleans()),
    )
    reason = "no email" if state is LedgerState.EXCLUDED else ""
    return Settled(work=work, state=state, reason=reason, at=draw(moments()))


def _address(contact: int) -> str:
    return f"person{contact}@{DOMAINS[contact % len(DOMAINS)]}"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hits"), st.lists(hits(), min_size=1, max_size=8)),
        st.tuples(st.just("results"), st.lists(results(), min_size=1, max_size=6)),
        st.tuples(st.just("erase"), st.sampled_from(CONTACTS)),
        st.tuples(st.just("retry"), st.sampled_from(CAMPAIGNS)),
        st.tuples(st.just("cancel"), st.lists(st.sampled_from(CONTACTS), min_size=1, max_size=3, unique=True)),
        st.tuples(st.just("rebuild"), st.dates(DAY, LAST)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_rollups_equal_a_recount_after_sends_hits_retries_cancellations_and_erasures(
    database: Database, steps: list[tuple[str, Any]]
) -> None:
    await _prepare(database)
    for name, given_ in steps:
        await _STEPS[name](database, given_)
    await _assert_equal(database)


async def _prepare(database: Database) -> None:
    async with database.system() as connection:
        for table in _TABLES:
            await connection.execute(f"DELETE FROM {table}")
        await connection.execute("INSERT INTO accounts (account_id, name) VALUES (%s, 'Acme')", (ACCOUNT,))
        for contact in CONTACTS:
            await connection.execute(
                "INSERT INTO contacts (account_id, bucket, contact_id, email) VALUES (%s, %s, %s, %s)",
                (ACCOUNT, contact, contact, _address(contact)),
            )
        for campaign in CAMPAIGNS:
            await connection.execute(
                "INSERT INTO campaigns (campaign_id, account_id, name, template_id, sender_id, audience, channel,"
                " state, content_id, launched_at) VALUES (%s, %s, 'Letter', 1, 1, '{}', %s, 'sending', 1, %s)",
                (campaign, ACCOUNT, _channel(campaign).value, LAUNCHED),
            )


_TABLES = (
    "activity_journal",
    "activity",
    "ledger",
    "engagements",
    "contact_statistics",
    "campaign_statistics",
    "campaign_link_statistics",
    "activity_rollups",
    "campaign_chunks",
    "messages",
    "campaigns",
    "contacts",
    "erased_contacts",
    "accounts",
)


async def _hits(database: Database, batch: list[Hit]) -> None:
    service = ActivityService(database, SystemClock())
    async with database.autocommit() as connection:
        await service.record(connection, batch)
        # A hit may be told twice: that is two hits.
        await service.record(connection, batch[:1])
        await service.settle(connection)


async def _results(database: Database, rows: list[Settled]) -> None:
    """The careful way in: what is there already stays."""
    once = {row.work.message_id: row for row in rows}
    async with database.system() as connection:
        fresh = await messages.merge_ledger(connection, 1, list(once.values()))
        await count_settled(connection, await _back_in_time(connection, fresh, once), 3)


async def _back_in_time(connection: Connection, fresh: Sequence[Settled], once: dict[Any, Settled]) -> list[Settled]:
    """The ledger's clock is the database's: put what was written where the test wants it."""
    for row in fresh:
        await connection.execute(
            "UPDATE ledger SET settled_at = %s WHERE message_id = %s",
            (once[row.work.message_id].at, row.work.message_id),
        )
    return [once[row.work.message_id] for row in fresh]


async def _erase(database: Database, contact: int) -> None:
    service = ContactsService(database, SystemClock())
    await service.erase_many(ACCOUNT, [contact])
    await service.close()


async def _retry(database: Database, campaign_id: int) -> None:
    async with database.system() as connection:
        campaign = await campaigns.get(connection, ACCOUNT, campaign_id)
        assert campaign is not None
        await campaigns.retry_failed(connection, campaign)
        # They are in the ledger again when they end; here they wait for ever.


async def _cancel(database: Database, contacts: list[int]) -> None:
    """Recipients of a cancelled campaign, in a chunk and in the retry lane."""
    async with database.system() as connection:
        await connection.execute("UPDATE campaigns SET state = 'cancelled' WHERE campaign_id = 7")
        await connection.execute(
            "INSERT INTO campaign_chunks (campaign_id, chunk_no, account_id, sender_id, contact_ids, size)"
            " VALUES (7, 1, %s, 1, %s, 9)",
            (ACCOUNT, contacts),
        )
        await campaigns.cancel_queue(connection)
        await connection.execute("UPDATE campaigns SET state = 'sending' WHERE campaign_id = 7")
        # The ledger's clock is the database's, and the days of the test are over: these are counted today.


async def _rebuild(database: Database, day: date) -> None:
    await RollupsService(database, SystemClock()).rebuild(ACCOUNT, day)


_STEPS = {
    "hits": _hits,
    "results": _results,
    "erase": _erase,
    "retry": _retry,
    "cancel": _cancel,
    "rebuild": _rebuild,
}


async def _assert_equal(database: Database) -> None:
    await settle(database)
    service = RollupsService(database, SystemClock())
    today = datetime.now(UTC).date()
    for since, until in ((DAY, LAST), (today - timedelta(days=1), today)):
        check = await service.verify(ACCOUNT, since, until)
        assert check.differences == []
    assert await _stored(database) == await _recounted(database)


async def _stored(database: Database) -> Counter[Any]:
    async with database.system() as connection:
        cursor = await connection.execute(
            "SELECT dimension, campaign_id, hour, value, kind, sum(count)::int FROM activity_rollups"
            " GROUP BY 1, 2, 3, 4, 5 HAVING sum(count) <> 0"
        )
        return Counter({tuple(row[:5]): row[5] for row in await cursor.fetchall()})


async def _recounted(database: Database) -> Counter[Any]:
    """As the documentation says, the slow and obvious way."""
    found: Counter[Any] = Counter()

    def add(dimension: Dimension, campaign: int, at: datetime, value: str, kind: int) -> None:
        by_hour = dimension is Dimension.CHANNEL
        start = at.replace(minute=0, second=0, microsecond=0)
        for whom in (-1, campaign):
            if not by_hour:
                found[dimension.value, whom, start.replace(hour=0), value, kind] += 1
            elif whom <= 0:
                found[dimension.value, whom, start, value, kind] += 1

    async with database.system() as connection:
        ledger = await (
            await connection.execute("SELECT campaign_id, channel, settled_at, state, address, attempts FROM ledger")
        ).fetchall()
        activity = await (
            await connection.execute(
                "SELECT message_id, campaign_id, channel, kind, class, occurred_at, device, client, os, country"
                " FROM activity WHERE kind <> 7"
            )
        ).fetchall()
        engagements = await (await connection.execute("SELECT message_id, domain FROM engagements")).fetchall()
    for campaign, channel, at, state, address, attempts in ledger:
        deferred = attempts > 1 and state in (1, 2, 5)
        for kind in (state, RollupKind.DEFERRED.value) if deferred else (state,):
            add(Dimension.CHANNEL, campaign, at, str(channel), kind)
            if channel == 1 and state in (1, 2, 5):
                add(Dimension.DOMAIN, campaign, at, address.partition("@")[2], kind)
    domains = dict(engagements)
    firsts: dict[Any, tuple[int, int, datetime]] = {}
    for message, campaign, channel, kind, hit_class, at, device, client, system, country in activity:
        if kind in (3, 4):
            number = 10 + kind + 10 * hit_class
            add(Dimension.CHANNEL, campaign, at, str(channel), number)
            for dimension, value in (
                (Dimension.DEVICE, device),
                (Dimension.CLIENT, client),
                (Dimension.OS, system),
                (Dimension.COUNTRY, country),
            ):
                add(dimension, campaign, at, value, number)
            if hit_class:
                continue
        # A click implies an open.
        for number in {1: (11,), 2: (12,), 3: (43,), 4: (43, 44), 5: (15,), 6: (16,), 8: (18,)}[kind]:
            known = firsts.get((message, number))
            if known is None or at < known[2]:
                firsts[message, number] = (campaign, channel, at)
    for (message, number), (campaign, channel, at) in firsts.items():
        add(Dimension.CHANNEL, campaign, at, str(channel), number)
        if channel == 1:
            add(Dimension.DOMAIN, campaign, at, domains.get(message) or "", number)
    return found


async def test_an_erasure_leaves_no_domain_of_the_person_and_keeps_the_totals(database: Database) -> None:
    await _prepare(database)
    own = next(contact for contact in CONTACTS if _address(contact).endswith("own.example"))
    sent = Settled(work=_work(own, attempt=2), state=LedgerState.SENT, reason="", at=START)
    await _results(database, [sent])
    await _hits(database, [_opened(own)])
    service = RollupsService(database, SystemClock())
    [before] = await service.domains(ACCOUNT, since=DAY, until=LAST)
    await _erase(database, own)
    [after] = await service.domains(ACCOUNT, since=DAY, until=LAST)
    assert (before.domain, before.sent, before.deferred, before.opened) == ("own.example", 1, 1, 1)
    assert (after.domain, after.sent, after.deferred, after.opened) == ("", 1, 1, 1)
    [campaign] = await service.domains(ACCOUNT, campaign_id=7)
    assert campaign == after
    await _assert_equal(database)


async def test_a_wrong_rollup_is_found_and_a_rebuild_repairs_it(database: Database) -> None:
    await _prepare(database)
    await _hits(database, [_opened(1), _opened(2)])
    async with database.system() as connection:
        await connection.execute(
            "UPDATE activity_rollups SET count = count + 1 WHERE dimension = 2 AND campaign_id = 7"
        )
        await connection.execute("DELETE FROM activity_rollups WHERE dimension = 1 AND kind = 43 AND campaign_id = -1")
    service = RollupsService(database, SystemClock())
    check = await service.verify(ACCOUNT, DAY, LAST)
    told = {(found.dimension, found.counter, found.counted, found.recounted) for found in check.differences}
    assert told == {("device", "opened", 4, 3), ("domain", "opened.first", 0, 1)}
    await service.rebuild(ACCOUNT, DAY)
    await _assert_equal(database)


async def test_old_facts_get_their_rollups_day_by_day_while_new_ones_come_in(database: Database) -> None:
    await _prepare(database)
    await _results(database, [Settled(work=_work(1), state=LedgerState.SENT, reason="", at=START)])
    await _hits(database, [_opened(1), _opened(2)])
    async with database.system() as connection:
        # As before the migration: facts without rollups, reactions without a domain.
        await connection.execute("DELETE FROM activity_rollups")
        await connection.execute("UPDATE engagements SET domain = NULL")
        await connection.execute("INSERT INTO rollup_rebuilds VALUES (%s, %s, %s)", (ACCOUNT, DAY, LAST))
    service = RollupsService(database, SystemClock())
    assert (await service.coverage(ACCOUNT)).next_day == DAY

    async def rebuild() -> None:
        while await service.rebuild_next():
            pass

    async def go_on() -> None:
        for contact in (3, 1, 4, 2):
            await _hits(database, [_opened(contact)])
            await _results(database, [Settled(work=_work(contact), state=LedgerState.FAILED, reason="", at=START)])

    await asyncio.gather(rebuild(), rebuild(), go_on())
    assert (await service.coverage(ACCOUNT)).next_day is None
    await _assert_equal(database)


async def test_a_day_whose_facts_are_not_kept_keeps_its_rollups_and_an_erasure_its_secrets(database: Database) -> None:
    await _prepare(database)
    own = next(contact for contact in CONTACTS if _address(contact).endswith("own.example"))
    await _hits(database, [_opened(own)])
    async with database.system() as connection:
        await connection.execute("UPDATE accounts SET keep_activity_days = 93, ledger_kept_from = '2026-06-01'")
        await connection.execute("DELETE FROM activity")
    service = RollupsService(database, SystemClock())
    with pytest.raises(Conflict, match="all that is left"):
        await service.rebuild(ACCOUNT, DAY)
    await _erase(database, own)
    [left] = await service.domains(ACCOUNT, since=DAY, until=LAST)
    assert (left.domain, left.opened) == ("", 1)


async def test_reports_are_told_in_the_zone_that_is_asked_for(database: Database) -> None:
    await _prepare(database)
    # Sunday evening in UTC is Monday in Kyiv.
    await _results(database, [Settled(work=_work(1, campaign=0), state=LedgerState.SENT, reason="", at=START)])
    await _hits(database, [_opened(1), _opened(2, campaign=0)])
    service = RollupsService(database, SystemClock())
    until = START + timedelta(days=1)
    [point] = (await service.series(ACCOUNT, since=LAUNCHED, until=until, zone="Europe/Kyiv")).points
    assert point.start.isoformat() == "2026-03-02T00:00:00+02:00"
    assert point.counts == {"sent": 1, "opened": 3, "opened.first": 2}
    singles = await service.series(ACCOUNT, since=LAUNCHED, until=until, campaign_id=SINGLE_MESSAGES, span=Span.HOUR)
    assert singles.total == {"sent": 1, "opened": 1, "opened.first": 1}
    heat = await service.heat(ACCOUNT, zone="Europe/Kyiv", since=LAUNCHED, until=until)
    assert heat.hours[0][0] == 3
    assert sum(map(sum, heat.hours)) == 3
    assert (await service.heat(ACCOUNT, campaign_id=7)).hours[6][22] == 2
    [own] = (await service.series(ACCOUNT, campaign_id=7, zone="Europe/Kyiv")).points
    assert own.start.isoformat() == "2026-03-02T00:00:00+02:00"
    assert own.counts == {"opened": 2, "opened.first": 1}
    texts = await service.heat(ACCOUNT, since=LAUNCHED, until=until, channel=Channel.SMS)
    mails = await service.heat(ACCOUNT, since=LAUNCHED, until=until, channel=Channel.EMAIL)
    assert (sum(map(sum, texts.hours)), sum(map(sum, mails.hours))) == (0, 3)
    [share] = await service.audience(ACCOUNT, "client", since=DAY, until=LAST)
    assert (share.value, share.opened) == ("Chrome", 3)
    [country] = await service.audience(ACCOUNT, "country", campaign_id=7)
    assert (country.value, country.opened) == ("US", 2)


async def test_questions_that_make_no_sense_are_refused(database: Database) -> None:
    service = RollupsService(database, SystemClock())
    with pytest.raises(Invalid, match="zone"):
        await service.series(ACCOUNT, zone="Mars/Olympus")
    with pytest.raises(Invalid, match="device, client, os, country"):
        await service.audience(ACCOUNT, "shoes")
    with pytest.raises(Invalid, match=r"opened\.first"):
        await service.heat(ACCOUNT, counter="looked")
    with pytest.raises(Invalid, match="before until"):
        await service.series(ACCOUNT, since=START, until=START)
    with pytest.raises(Invalid, match="after until"):
        await service.verify(ACCOUNT, LAST, DAY)


def _opened(contact: int, *, campaign: int = 7) -> Hit:
    return Hit(
        account_id=ACCOUNT,
        contact_id=contact,
        campaign_id=campaign,
        message_id=message_id(campaign, contact),
        kind=ActivityKind.OPENED,
        occurred_at=START,
        ip="8.8.8.8",
        user_agent=AGENTS[-1],
    )


def _work(contact: int, *, campaign: int = 7, attempt: int = 1) -> Work:
    made = message_id(campaign, contact)
    return Work(
        account_id=ACCOUNT,
        contact_id=contact,
        channel=Channel.EMAIL,
        campaign_id=campaign,
        content_id=1,
        message_id=made,
        message=made.bytes,
        address=_address(contact),
        contact=None,
        launched_at=LAUNCHED,
        deadline=LAUNCHED,
        lane=Lane.RETRY,
        lease=None,
        attempt=attempt,
    )

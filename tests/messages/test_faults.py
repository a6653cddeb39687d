"""What must hold when processes are killed and the database goes away in the middle of a campaign."""

from __future__ import annotations

import asyncio
import email
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from syncom.campaigns.model import Alternative, Audience, Campaign, CampaignInput, CampaignState
from syncom.contacts.model import Channel, ContactInput, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.errors import Unavailable
from syncom.messages.channels.sms.form import GatewayCall, GatewayForm
from syncom.messages.model import SenderConfig, SenderKind, SenderRole
from syncom.messages.senders import SenderInput
from syncom.messages.sending.journal import Journal, remains
from syncom.postgres.embedded import EmbeddedServer
from syncom.postgres.migrate import migrate
from syncom.postgres.pool import Database
from tests.messages.email.smtp_peer import STALL, SmtpPeer, running_peer
from tests.messages.house import LETTER, SendingHouse, sending, states
from tests.messages.push.browser import Browser
from tests.messages.sms.gateway_peer import Asked, Reply, running_gateway

CONNECTIONS = 4
#: Messages that a process may have in flight: 40 connections of web push, and those of mails and texts.
_IN_FLIGHT = 40 + 2 * CONNECTIONS
_PUSH = TemplateInput(name="Push", subject="Hello", source="News", channel=Channel.WEBPUSH)
_TEXT = TemplateInput(name="Text", subject="", source="Hello {{ first_name }}", channel=Channel.SMS)


def text_gateway(url: str) -> SenderInput:
    form = GatewayForm(sms=GatewayCall(url=f"{url}/sms"), names=("Acme",))
    config = SenderConfig(gateway=form, timeout=5.0, max_connections=CONNECTIONS)
    return SenderInput(name="Texts", kind=SenderKind.GATEWAY, config=config)


def _takes_its_time(asked: Asked, number: int) -> Reply:
    """So that there is always something in flight when a process is killed."""
    return Reply(status=201, body=b'{"id": "%d"}' % number, wait=0.01)


@asynccontextmanager
async def sender_process(
    house: SendingHouse, role: SenderRole = SenderRole.BULK
) -> AsyncGenerator[asyncio.subprocess.Process]:
    arguments = (house.database.dsn, str(house.account_id), str(house.data_dir), role.value)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.messages.sender_process", *arguments, cwd=Path(__file__).parents[2]
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await asyncio.wait_for(child.wait(), 30)


async def kill_while_sending(house: SendingHouse, *, recipients: int, kills: int, seed: int) -> None:
    dice = random.Random(seed)
    await house.people(recipients)
    async with running_peer() as peer:
        await house.sender(peer.port, max_connections=CONNECTIONS)
        campaign = await house.campaign()
        for number in range(1, kills + 1):
            goal = recipients * number // (kills + 2)
            async with sender_process(house) as child:
                async with asyncio.timeout(60):
                    while len(peer.accepted) < goal:
                        await asyncio.sleep(0.002)
                await asyncio.sleep(dice.random() * 0.05)
                child.kill()
                await child.wait()
        async with sender_process(house):
            async with asyncio.timeout(120):
                while (await house.campaigns.get(house.account_id, campaign.campaign_id)).state in (
                    CampaignState.SENDING,
                    CampaignState.EXPANDING,
                ):
                    await house.retries_are_due()
                    await house.keeper_rests()
                    await asyncio.sleep(0.05)
    finished = await house.campaigns.get(house.account_id, campaign.campaign_id)
    assert finished.state is CampaignState.FINISHED, finished.problem
    rows = await house.ledger(campaign.campaign_id)
    assert states(rows) == {"sent": recipients}

    received = Counter(email.message_from_bytes(mail.data)["Message-ID"] for mail in peer.accepted)
    by_id = {f"<{row.message_id.replace('-', '')}@brand.example>": row for row in rows}
    assert received.keys() == by_id.keys(), "everybody gets the mail"
    repeated = {message for message, count in received.items() if count > 1}
    doubtful = {message for message, row in by_id.items() if row.uncertain}
    assert repeated <= doubtful, "a duplicate is always marked"
    assert sum(received.values()) - recipients <= CONNECTIONS * kills
    assert len(doubtful) <= CONNECTIONS * kills


#: `make faults` asks for more rounds, each with kills at other moments.
ROUNDS = int(os.environ.get("SYNCOM_FAULT_ROUNDS", "1"))


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_ten_kills_leave_nobody_out_and_mark_every_duplicate(house: SendingHouse, seed: int) -> None:
    await kill_while_sending(house, recipients=10_000, kills=10, seed=seed)


async def kill_over_three_channels(house: SendingHouse, *, people: int, kills: int, seed: int) -> None:
    """Everybody can be reached by a browser, a mail or a text; of those with a browser every second one leaves web push
    after the audience is frozen, and of those with an address every third one mails."""
    dice = random.Random(seed)
    account_id, consents = house.account_id, house.contacts.consents
    async with (
        running_gateway(_takes_its_time) as push_peer,
        running_gateway(_takes_its_time) as texts,
        running_peer() as mails,
    ):
        ids = await house.people(people)
        rows = [
            ContactInput(email=f"p{number}@example.com", phone=f"+38067{number:07d}") for number in range(1, people + 1)
        ]
        await house.contacts.upsert(account_id, rows, UpsertOptions())
        for channel in (Channel.EMAIL, Channel.SMS):
            await consents.subscribe(account_id, ids, channel, source="test")
        with_browser = ids[: people // 2]
        browsers = {one: Browser(push_peer, f"b{one}") for one in with_browser}
        for one, browser in browsers.items():
            await browser.subscribe(house.contacts, account_id, one)
        await house.sender(mails.port, max_connections=CONNECTIONS)
        await house.senders.add(account_id, text_gateway(texts.url))
        push, letter, text = [
            (await house.content.create(account_id, one)).template_id for one in (_PUSH, LETTER, _TEXT)
        ]
        given = CampaignInput(
            name="News",
            template_id=push,
            audience=Audience(everyone=True),
            alternatives=(Alternative(template_id=letter), Alternative(template_id=text)),
        )
        campaign = await house.campaigns.create(account_id, given)
        await house.campaigns.start(account_id, campaign.campaign_id)
        await house.keeper_rests()
        await consents.unsubscribe(account_id, with_browser[::2], Channel.WEBPUSH, source="page")
        await consents.unsubscribe(account_id, ids[::3], Channel.EMAIL, source="page")

        def taken() -> int:
            return len(push_peer.accepted) + len(mails.accepted) + len(texts.accepted)

        for number in range(1, kills + 1):
            goal = people * number // (kills + 2)
            async with sender_process(house) as child:
                async with asyncio.timeout(60):
                    while taken() < goal:
                        await house.retries_are_due()
                        await asyncio.sleep(0.002)
                await asyncio.sleep(dice.random() * 0.05)
                child.kill()
                await child.wait()
        async with sender_process(house), asyncio.timeout(120):
            while (await house.campaigns.get(account_id, campaign.campaign_id)).state is not CampaignState.FINISHED:
                await house.retries_are_due()
                await house.keeper_rests()
                await asyncio.sleep(0.05)
    rows_by_contact = {row.contact_id: row for row in await house.ledger(campaign.campaign_id)}
    assert set(rows_by_contact) == set(ids), "nobody is lost"
    assert states(list(rows_by_contact.values())) == {"sent": people}

    address = {f"p{number}@example.com": one for number, one in enumerate(ids, 1)}
    phone = {f"+38067{number:07d}": one for number, one in enumerate(ids, 1)}
    got = Counter([one for one, browser in browsers.items() for _ in browser.got])
    got.update(address[mail.rcpt_to] for mail in mails.accepted)
    got.update(phone[asked.json()["to"]] for asked in texts.accepted)
    assert set(got) == set(ids), "everybody gets one"
    twice = {one for one, count in got.items() if count > 1}
    doubtful = {one for one, row in rows_by_contact.items() if row.uncertain}
    assert twice <= doubtful, "nobody gets two without a mark"
    assert len(doubtful) <= _IN_FLIGHT * kills
    report = await house.campaigns.report(account_id, campaign.campaign_id)
    assert sum(report.channels.values()) == report.sent == people


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_kills_during_a_campaign_over_three_channels_leave_nobody_out_and_give_nobody_two(
    house: SendingHouse, seed: int
) -> None:
    await kill_over_three_channels(house, people=600, kills=5, seed=seed)


async def test_a_sender_that_lost_its_leases_cannot_double_the_ledger(house: SendingHouse) -> None:
    """A stopped process comes back after another one took its chunks over: its results only add doubt."""
    await house.people(30)
    async with running_peer(
        SmtpPeer(disturb=lambda phase, number, _: STALL if number < 2 and phase == "after_dot" else None)
    ) as peer:
        await house.sender(peer.port, max_connections=2, timeout=3.0)
        campaign = await house.campaign()
        async with sending(house.loop()):
            async with asyncio.timeout(20):
                while peer.open_now < 2:
                    await asyncio.sleep(0.01)
            # Somebody believes this process dead and takes its chunks.
            async with house.database.system() as connection:
                await connection.execute("UPDATE campaign_chunks SET worker_id = NULL")
            async with sending(house.loop()), asyncio.timeout(60):
                while (
                    await house.campaigns.get(house.account_id, campaign.campaign_id)
                ).state is CampaignState.SENDING:
                    await house.retries_are_due()
                    await house.keeper_rests()
                    await asyncio.sleep(0.05)
    rows = await house.ledger(campaign.campaign_id)
    assert len(rows) == 30
    assert (await house.campaigns.get(house.account_id, campaign.campaign_id)).state is CampaignState.FINISHED
    repeated = {address for address, count in Counter(mail.rcpt_to for mail in peer.accepted).items() if count > 1}
    assert repeated <= {row.address for row in rows if row.uncertain}


async def test_work_goes_on_by_itself_when_the_database_is_killed_and_comes_back() -> None:
    folder = Path(tempfile.mkdtemp(prefix="syncom-outage-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder)
    try:
        dsn = await server.start()
        await migrate(dsn)
        async with Database(dsn, max_size=6) as database:
            async with database.system() as connection:
                row = await (
                    await connection.execute("INSERT INTO accounts (name) VALUES ('A') RETURNING account_id")
                ).fetchone()
            assert row is not None
            house = SendingHouse.on(database, row[0], folder)
            await house.people(600)
            async with running_peer() as peer:
                await house.sender(peer.port, rate_per_second=400)
                campaign = await house.campaign()
                async with sending(house.loop()):
                    while len(peer.accepted) < 100:
                        await asyncio.sleep(0.01)
                    await kill(server)
                    await asyncio.sleep(0.5)
                    await server.start()
                    finished = await patiently(house, campaign.campaign_id)
            assert finished.state is CampaignState.FINISHED, finished.problem
            rows = await house.ledger(campaign.campaign_id)
            assert states(rows) == {"sent": 600}
            assert set(Counter(mail.rcpt_to for mail in peer.accepted).values()) == {1}
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def patiently(house: SendingHouse, campaign_id: int) -> Campaign:
    """As ``until``, over an outage of the database."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await house.until(campaign_id, CampaignState.FINISHED, CampaignState.FAILED)
            except (psycopg.Error, Unavailable):
                await asyncio.sleep(0.1)


async def kill(server: EmbeddedServer) -> None:
    """kill -9 of the database server."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await server.wait_failed()


def test_a_journal_tells_accepted_from_open_and_forgets_what_is_settled(data_dir: Path) -> None:
    worker, folder = uuid4(), data_dir / "journal"
    first, second, third, fourth = (uuid4() for _ in range(4))
    journal = Journal(folder, worker)
    for message in (first, second, third, fourth):
        journal.begun(message.bytes)
    journal.accepted(first.bytes)
    journal.refused(second.bytes)
    journal.accepted(third.bytes)
    assert list(remains(folder)) == [], "its process is alive"
    journal.settled(third.bytes)
    journal.close()
    [left] = list(remains(folder))
    assert left.worker_id == worker
    assert left.accepted == {first, third}
    assert left.open == {fourth}


def test_a_record_cut_by_the_crash_is_ignored(data_dir: Path) -> None:
    folder, message = data_dir / "journal", uuid4()
    journal = Journal(folder, uuid4())
    journal.begun(message.bytes)
    journal.close()
    [path] = folder.glob("*.journal")
    with path.open("r+b") as file:
        file.seek(17)
        file.write(uuid4().bytes)  # no mark behind it
    [left] = list(remains(folder))
    assert (left.open, left.accepted) == ({message}, frozenset())


def test_a_generation_goes_when_its_messages_are_settled(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncom.messages.sending.journal._RECORDS", 10)
    folder = data_dir / "journal"
    journal = Journal(folder, uuid4())
    messages = [uuid4() for _ in range(40)]
    for message in messages:
        journal.begun(message.bytes)
        journal.accepted(message.bytes)
    assert len(list(folder.glob("*.journal"))) == 8
    for message in messages[:-1]:
        journal.settled(message.bytes)
    assert len(list(folder.glob("*.journal"))) == 1
    journal.close()
    [left] = list(remains(folder))
    # What was settled beside it is no harm: recovery looks into the ledger.
    assert messages[-1] in left.accepted
    assert len(left.accepted) <= 5

"""Outgoing webhooks: everything that happens is posted, in order, until it is taken."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.activity import news
from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.app import App, open_app
from syncom.contacts.model import Channel, ContactInput, UpsertOptions
from syncom.errors import Conflict, Invalid, NotFound
from syncom.feed.model import FeedStatus
from syncom.ids import single_message_id
from syncom.messages import store as messages
from syncom.messages.model import Lane, LedgerState
from syncom.messages.sending.work import Settled, Work
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Connection
from syncom.settings import Settings
from syncom.webhooks import store
from syncom.webhooks.jobs import WebhookPoster, wait_after
from syncom.webhooks.model import WebhookInput
from syncom.webhooks.service import MAX_WEBHOOKS, WebhooksService
from tests.clocks import StandingClock
from tests.settling import settle
from tests.webhooks.receiver import Receiver, receiver

NOW = datetime.now(UTC).replace(microsecond=0)


class Desk:
    """An account, its webhooks, and what happens in it."""

    def __init__(
        self, app: App, account_id: int, server: Receiver, clock: StandingClock, client: OutboundClient
    ) -> None:
        self.app = app
        self.account_id = account_id
        self.server = server
        self.clock = clock
        self.webhooks = WebhooksService(app.database, app.keyring, client)
        self.poster = WebhookPoster(app.database, app.feed, app.keyring, client, clock, rest=timedelta(0))

    async def hook(self, **given: Any) -> int:
        wanted = WebhookInput(**{"name": "CRM", "url": self.server.url, **given})
        return (await self.webhooks.add(self.account_id, wanted)).webhook.webhook_id

    async def contact(self, email: str = "olena@example.org") -> int:
        given = ContactInput(email=email, external_id=email.partition("@")[0])
        return (await self.app.contacts.upsert_one(self.account_id, given, UpsertOptions())).contact_id

    def settled(
        self, contact_id: int, *, state: LedgerState = LedgerState.SENT, seconds: float = 0, reason: str = ""
    ) -> Settled:
        message_id = single_message_id(contact_id)
        return Settled(
            work=Work(
                account_id=self.account_id,
                contact_id=contact_id,
                channel=Channel.EMAIL,
                campaign_id=0,
                content_id=0,
                message_id=message_id,
                message=message_id.bytes,
                address="olena@example.org",
                contact=None,
                launched_at=NOW,
                deadline=NOW + timedelta(hours=1),
                lane=Lane.TRANSACTIONAL,
                lease=None,
                external_request_id="rq-1",
            ),
            state=state,
            reason=reason,
            at=NOW + timedelta(seconds=seconds),
        )

    async def sent(self, contact_id: int, **given: Any) -> UUID:
        row = self.settled(contact_id, **given)
        async with self.app.database.system() as connection:
            await messages.copy_ledger(connection, 1, [row])
        return row.work.message_id

    async def happened(
        self,
        kind: ActivityKind,
        message_id: UUID,
        contact_id: int,
        *,
        seconds: float = 0,
        hit_class: HitClass = HitClass.HUMAN,
    ) -> None:
        hit = Hit(
            account_id=self.account_id,
            contact_id=contact_id,
            message_id=message_id,
            campaign_id=0,
            kind=kind,
            hit_class=hit_class,
            occurred_at=NOW + timedelta(seconds=seconds),
        )
        async with self.app.database.system() as connection:
            await self.app.activity.record(connection, [hit])
        await settle(self.app.database)

    async def post_all(self) -> None:
        while await self.poster.step():
            pass


@pytest.fixture
async def desk(dsn: str, tmp_path: Path) -> AsyncIterator[Desk]:
    settings = Settings(data_dir=tmp_path / "data", database_url=dsn)
    client = OutboundClient("127.0.0.1/32")
    # An hour ahead: the database has its own clock, and is slow under load.
    clock = StandingClock(datetime.now(UTC) + timedelta(hours=1))
    async with open_app(settings, pool_size=6) as app, receiver() as server:
        await app.accounts.first_run("admin@example.com", "correct horse battery")
        account = await app.accounts.default_account()
        yield Desk(app, account.account_id, server, clock, client)
        await client.close()


async def test_saving_asks_the_server_with_the_log_in_and_the_headers_and_shows_neither_again(desk: Desk) -> None:
    webhook_id = await desk.hook(username="crm", password="pass word", headers={"X-Token": "s3cret"})
    assert desk.server.gets[0]["authorization"] == "Basic " + b64encode(b"crm:pass word").decode()
    assert desk.server.gets[0]["x-token"] == "s3cret"
    found = await desk.webhooks.get(desk.account_id, webhook_id)
    assert (found.username, found.header_names, found.statuses) == ("crm", ["X-Token"], list(FeedStatus))
    assert "s3cret" not in repr(found)
    assert "pass word" not in repr(found)
    async with desk.app.database.system() as connection:
        row = await (await connection.execute("SELECT secret FROM webhooks")).fetchone()
    assert row is not None
    assert b"s3cret" not in row[0]


async def test_a_mail_and_what_follows_is_posted_in_order_without_empty_members(desk: Desk) -> None:
    await desk.hook(headers={"X-Token": "s3cret"})
    contact = await desk.contact()
    message = await desk.sent(contact)
    await desk.happened(ActivityKind.OPENED, message, contact, seconds=2)
    await desk.happened(ActivityKind.UNSUBSCRIBED, message, contact, seconds=1)
    await desk.post_all()
    assert [row["activityStatus"] for row in desk.server.rows] == ["DELIVERED", "UNSUBSCRIBED", "READ"]
    assert desk.server.rows[0] == {
        "iid": str(message),
        "contactId": contact,
        "externalCustomerId": "olena",
        "email": "olena@example.org",
        "mediaType": "email",
        "activityStatus": "DELIVERED",
        "activityDateTime": NOW.strftime("%Y-%m-%dT%H:%M:%S"),
        "externalRequestId": "rq-1",
    }
    assert desk.server.headers[0]["x-token"] == "s3cret"
    assert desk.server.headers[0]["content-type"] == "application/json;charset=UTF-8"
    found = (await desk.webhooks.list(desk.account_id))[0]
    assert (found.delivered, found.waiting, found.last_error) == (3, 0, "")
    assert found.last_delivered_at is not None


async def test_a_refused_mail_says_why_and_whether_the_address_is_dead(desk: Desk) -> None:
    await desk.hook()
    contact = await desk.contact()
    await desk.app.contacts.consents.suppress(
        desk.account_id, Channel.EMAIL, ["olena@example.org"], reason="hard bounce"
    )
    await desk.sent(contact, state=LedgerState.FAILED, reason="550 5.1.1 no such user")
    await desk.sent(contact, state=LedgerState.EXCLUDED, reason="unsubscribed")
    await desk.post_all()
    (row,) = desk.server.rows
    assert (row["activityStatus"], row["hardBounce"]) == ("UNDELIVERED", True)
    assert row["statusDescription"] == "550 5.1.1 no such user"


async def test_only_chosen_statuses_are_posted_and_machines_never(desk: Desk) -> None:
    await desk.hook(statuses=(FeedStatus.CLICKED,))
    contact = await desk.contact()
    message = await desk.sent(contact)
    await desk.happened(ActivityKind.CLICKED, message, contact)
    await desk.happened(ActivityKind.CLICKED, message, contact, hit_class=HitClass.MACHINE)
    await desk.happened(ActivityKind.OPENED, message, contact)
    await desk.post_all()
    assert desk.server.told == [("CLICKED", str(message))]
    found = (await desk.webhooks.list(desk.account_id))[0]
    assert (found.waiting, found.delivered) == (0, 1)


async def test_what_another_transaction_commits_late_is_not_missed(desk: Desk) -> None:
    """A row written first and committed last stands before a position that a reader has passed by then."""
    await desk.hook()
    contact = await desk.contact()
    early, late = desk.settled(contact, seconds=0), desk.settled(contact, seconds=5)
    async with desk.app.database.system() as slow:
        await messages.copy_ledger(slow, 1, [early])
        async with desk.app.database.system() as quick:
            await messages.copy_ledger(quick, 1, [late])
        await desk.post_all()
        assert desk.server.told == [("DELIVERED", str(late.work.message_id))]
    await desk.post_all()
    assert desk.server.told[1:] == [("DELIVERED", str(early.work.message_id))]


async def test_a_transaction_that_is_undone_leaves_no_news(desk: Desk) -> None:
    await desk.hook()
    row = desk.settled(await desk.contact())

    async def fail(connection: Connection) -> None:
        await messages.copy_ledger(connection, 1, [row])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        async with desk.app.database.system() as connection:
            await fail(connection)
    await desk.post_all()
    assert desk.server.posts == []


async def test_a_row_that_was_there_already_is_told_once(desk: Desk) -> None:
    await desk.hook()
    row = desk.settled(await desk.contact())
    for _ in range(2):
        async with desk.app.database.system() as connection:
            await messages.merge_ledger(connection, 1, [row])
    await desk.post_all()
    assert len(desk.server.rows) == 1


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 500, 503])
async def test_anything_but_200_is_tried_again_after_1_2_4_8_minutes_and_later_news_wait_behind(
    desk: Desk, status: int
) -> None:
    webhook_id = await desk.hook()
    contact = await desk.contact()
    first = await desk.sent(contact)
    desk.server.statuses = [status]
    desk.server.location = desk.server.url
    waits: list[float] = []
    for _ in range(8):
        await desk.post_all()
        found = await desk.webhooks.get(desk.account_id, webhook_id)
        assert found.last_error.startswith(f"answered {status}")
        waits.append((found.next_attempt_at - desk.clock.now()).total_seconds() / 60)
        desk.clock.time = found.next_attempt_at - timedelta(seconds=1)
        assert await desk.poster.step() == 0
        tried = len(desk.server.refused)
        desk.clock.time = found.next_attempt_at
        assert len(desk.server.refused) == tried
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    second = await desk.sent(contact, seconds=1)
    desk.server.statuses = [200]
    await desk.post_all()
    assert [iid for _, iid in desk.server.told] == [str(first), str(second)]
    found = await desk.webhooks.get(desk.account_id, webhook_id)
    assert (found.failures, found.last_error, found.waiting) == (0, "", 0)
    assert found.last_error_at is not None


async def test_a_process_that_dies_after_its_post_posts_again_and_its_late_answer_changes_nothing(desk: Desk) -> None:
    await desk.hook()
    message = await desk.sent(await desk.contact())
    async with desk.app.database.system() as connection:
        (dead,) = await store.lease(
            connection,
            now=desk.clock.now(),
            until=desk.clock.now() + timedelta(seconds=120),
            rest=timedelta(0),
            limit=8,
        )
    assert await desk.poster.step() == 0
    desk.clock.time += timedelta(seconds=121)
    await desk.post_all()
    assert desk.server.told == [("DELIVERED", str(message))]
    async with desk.app.database.system() as connection:
        assert not await store.delivered(connection, dead, 1, desk.clock.now())


async def test_a_webhook_that_is_switched_off_keeps_what_waits_and_goes_on_later(desk: Desk) -> None:
    webhook_id = await desk.hook()
    contact = await desk.contact()
    before = await desk.sent(contact)
    assert not (await desk.webhooks.deactivate(desk.account_id, webhook_id)).is_active
    await desk.sent(contact, seconds=1)
    await desk.post_all()
    assert desk.server.posts == []
    found = await desk.webhooks.activate(desk.account_id, webhook_id)
    assert (found.is_active, found.waiting) == (True, 1)
    after = await desk.sent(contact, seconds=2)
    await desk.post_all()
    assert [iid for _, iid in desk.server.told] == [str(before), str(after)]


async def test_each_webhook_gets_everything_and_a_removed_one_leaves_nothing_behind(desk: Desk) -> None:
    one, two = await desk.hook(), await desk.hook()
    await desk.sent(await desk.contact())
    await desk.webhooks.delete(desk.account_id, two)
    await desk.post_all()
    assert len(desk.server.rows) == 1
    async with desk.app.database.system() as connection:
        assert await news.count_news(connection, two) == 0
    with pytest.raises(NotFound):
        await desk.webhooks.get(desk.account_id, two)
    assert [found.webhook_id for found in await desk.webhooks.list(desk.account_id)] == [one]


async def test_a_thousand_rows_go_at_a_time(desk: Desk) -> None:
    await desk.hook()
    contact = await desk.contact()
    rows = [desk.settled(contact, seconds=number / 1000) for number in range(2300)]
    async with desk.app.database.system() as connection:
        await messages.copy_ledger(connection, 1, rows)
    await desk.post_all()
    assert [len(post) for post in desk.server.posts] == [1000, 1000, 300]
    assert [iid for _, iid in desk.server.told] == [str(row.work.message_id) for row in rows]


async def test_times_are_in_the_zone_of_the_account(desk: Desk) -> None:
    async with desk.app.database.system() as connection:
        await connection.execute("UPDATE accounts SET time_zone = 'Asia/Tokyo'")
    await desk.hook()
    await desk.sent(await desk.contact())
    await desk.post_all()
    local = NOW + timedelta(hours=9)
    assert desk.server.rows[0]["activityDateTime"] == local.strftime("%Y-%m-%dT%H:%M:%S")


async def test_another_accounts_activity_and_webhooks_are_out_of_reach(desk: Desk) -> None:
    webhook_id = await desk.hook()
    async with desk.app.database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Rival') RETURNING account_id")
        ).fetchone()
    assert row is not None
    rival = Desk(desk.app, row[0], desk.server, desk.clock, OutboundClient())
    await rival.sent(await rival.contact("rival@example.org"))
    await desk.post_all()
    assert desk.server.posts == []
    assert await rival.webhooks.list(rival.account_id) == []
    for use in (rival.webhooks.get, rival.webhooks.test, rival.webhooks.activate, rival.webhooks.deactivate):
        with pytest.raises(NotFound):
            await use(rival.account_id, webhook_id)
    with pytest.raises(NotFound):
        await rival.webhooks.delete(rival.account_id, webhook_id)
    assert len(await desk.webhooks.list(desk.account_id)) == 1


async def test_a_private_address_and_a_silent_server_are_refused_and_a_strange_answer_is_told(desk: Desk) -> None:
    guarded = WebhooksService(desk.app.database, desk.app.keyring, OutboundClient())
    with pytest.raises(Invalid, match="private network"):
        await guarded.add(desk.account_id, WebhookInput(name="x", url=desk.server.url))
    with pytest.raises(Invalid, match="gave no answer to a test GET"):
        await desk.hook(url="http://127.0.0.1:9/")
    assert await desk.webhooks.list(desk.account_id) == []
    assert desk.server.gets == []
    desk.server.statuses = [405]
    saved = await desk.webhooks.add(desk.account_id, WebhookInput(name="x", url=desk.server.url))
    assert (saved.test.status, saved.test.problem) == (405, "answered 405 to the test GET")
    desk.server.statuses = [200]
    assert (await desk.webhooks.test(desk.account_id, saved.webhook.webhook_id)).problem == ""


async def test_secrets_stay_when_they_are_left_out_and_never_move_to_another_host(desk: Desk) -> None:
    webhook_id = await desk.hook(username="crm", password="secret", headers={"X-Token": "s3cret"})
    await desk.webhooks.update(
        desk.account_id, webhook_id, WebhookInput(name="CRM 2", url=desk.server.url + "/x", username="crm")
    )
    assert desk.server.gets[1]["x-token"] == "s3cret"
    assert desk.server.gets[1]["authorization"] == desk.server.gets[0]["authorization"]
    async with receiver() as elsewhere:
        saved = await desk.webhooks.update(
            desk.account_id, webhook_id, WebhookInput(name="CRM 3", url=elsewhere.url, username="crm")
        )
        assert "x-token" not in elsewhere.gets[0]
        assert elsewhere.gets[0]["authorization"] == "Basic " + b64encode(b"crm:").decode()
        assert (saved.webhook.header_names, saved.webhook.name) == ([], "CRM 3")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "not an address"}, "url"),
        ({"url": "http://user:pass@127.0.0.1/"}, "url"),
        ({"username": "a:b"}, "username"),
        ({"headers": {f"X-{n}": "1" for n in range(6)}}, "headers"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"X Y": "x"}}, "headers.X Y"),
        ({"headers": {"X-Y": "a\nb"}}, "headers.X-Y"),
    ],
)
async def test_a_wrong_webhook_is_refused_by_name_and_nobody_is_asked(
    desk: Desk, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await desk.hook(**wrong)
    assert caught.value.fields[0].field == field
    assert desk.server.gets == []
    assert await desk.webhooks.list(desk.account_id) == []


async def test_an_account_has_a_few_webhooks_at_most(desk: Desk) -> None:
    for _ in range(MAX_WEBHOOKS):
        await desk.hook()
    with pytest.raises(Conflict, match="10 webhooks at most"):
        await desk.hook()


@given(st.integers(min_value=1, max_value=10_000))
def test_waits_double_and_never_pass_an_hour(failures: int) -> None:
    assert timedelta(minutes=1) <= wait_after(failures) <= timedelta(hours=1)
    assert wait_after(failures) <= wait_after(failures + 1) <= 2 * wait_after(failures)


async def test_nothing_is_told_of_a_contact_that_was_erased_meanwhile(desk: Desk) -> None:
    await desk.hook()
    gone, present = await desk.contact("gone@example.org"), await desk.contact("here@example.org")
    await desk.sent(gone)
    stays = await desk.sent(present)
    await desk.app.contacts.erase(desk.account_id, gone)
    await desk.post_all()
    assert desk.server.told == [("DELIVERED", str(stays))]
    assert (await desk.webhooks.list(desk.account_id))[0].waiting == 0

"""`contacts/activity` and `contacts/messages`: what an exporter of the account's history sees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest

from syncom.accounts.service import machine_principal
from syncom.activity.model import ActivityKind, HitClass
from syncom.contacts.model import Channel
from tests.feed.history import NOON, History
from tests.http.esputnik.conftest import Shop
from tests.settling import settle

FROM = (NOON - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
TO = (NOON + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
PATHS = ("/v2/contacts/activity", "/v1/contacts/activity", "/v1/contactActivity")


@pytest.fixture
def history(shop: Shop) -> History:
    return History(shop.app, shop.account_id)


async def _rows(shop: Shop, **query: Any) -> list[dict[str, Any]]:
    answer = await shop.get("/v2/contacts/activity", dateFrom=FROM, dateTo=TO, **query)
    assert answer.status == 200, answer.body
    return list(answer.json())


async def _a_mail_with_a_life(history: History) -> str:
    """Delivered, read, clicked and unsubscribed from; the message's id."""
    contact = await history.contact("olena@example.org", external_id="C-1001")
    content = await history.content("Autumn", tags=("sale", "autumn"), links=("https://shop.example/p/1",))
    message = await history.sent(contact, "olena@example.org", NOON, content)
    for number, (kind, link) in enumerate(
        ((ActivityKind.OPENED, None), (ActivityKind.CLICKED, 0), (ActivityKind.UNSUBSCRIBED, None)), start=1
    ):
        await history.happened(kind, message, contact, NOON + timedelta(seconds=number), content, link=link)
    return str(message)


async def test_a_mail_is_delivered_read_clicked_in_that_order_with_every_member(shop: Shop, history: History) -> None:
    iid = await _a_mail_with_a_life(history)
    rows = await _rows(shop)
    assert [row["activityStatus"] for row in rows] == ["DELIVERED", "READ", "CLICKED", "UNSUBSCRIBED"]
    assert {row["iid"] for row in rows} == {iid}
    clicked = rows[2]
    assert set(clicked) == {
        "iid", "contactId", "externalCustomerId", "email", "sms", "webPushToken", "mobPushToken", "mediaType",
        "activityStatus", "activityDateTime", "messageId", "messageInstanceId", "messageName", "messageTag",
        "messageLanguageCode", "clickEventLink", "broadcastId", "workflowId", "workflowInstanceId", "workflowBlockId",
        "sourceEventId", "sourceEventKey", "sourceEventTypeKey", "externalRequestId", "hardBounce", "statusDescription",
        "viewMessageLink", "statusData", "offset",
    }  # fmt: skip
    assert clicked["email"] == "olena@example.org"
    assert clicked["sms"] is None
    assert clicked["externalCustomerId"] == "C-1001"
    assert clicked["mediaType"] == "email"
    assert clicked["activityDateTime"] == (NOON + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    assert (clicked["messageId"], clicked["messageName"]) == (70, "Autumn")
    assert (clicked["messageTag"], clicked["messageLanguageCode"]) == ("sale,autumn", "uk")
    assert clicked["clickEventLink"] == "https://shop.example/p/1"
    assert clicked["externalRequestId"] is None
    assert clicked["hardBounce"] is False
    assert (await _page(clicked["viewMessageLink"])).startswith("<p>Hello</p>")
    assert isinstance(clicked["broadcastId"], int)
    assert isinstance(clicked["messageInstanceId"], int)
    assert [row["clickEventLink"] for row in rows if row is not clicked] == [None] * 3


async def _page(link: str) -> str:
    async with httpx.AsyncClient() as client:
        answer = await client.get(link)
    assert answer.status_code == 200
    return answer.text


async def test_older_paths_answer_the_same(shop: Shop, history: History) -> None:
    await _a_mail_with_a_life(history)
    bodies = [(await shop.get(path, dateFrom=FROM, dateTo=TO)).json() for path in PATHS]
    assert bodies[0] == bodies[1] == bodies[2]
    assert len(bodies[0]) == 4


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_offset_leads_through_everything_once_and_ends_with_an_empty_answer(
    shop: Shop, history: History, size: int
) -> None:
    """Also where many rows have the same time, and when rows come in out of order."""
    content = await history.content("Autumn")
    for number in (5, 1, 4, 2, 3, 0):
        contact = await history.contact(f"c{number}@example.org")
        at = NOON + timedelta(seconds=number // 3)
        message = await history.sent(contact, f"c{number}@example.org", at, content)
        await history.happened(ActivityKind.OPENED, message, contact, NOON + timedelta(seconds=1), content)
    found: list[dict[str, Any]] = []
    offset = None
    while page := await _rows(shop, maxrows=size, **({"offset": offset} if offset else {})):
        assert len(page) <= size
        found += page
        offset = page[-1]["offset"]
    assert len(found) == 12
    assert len({row["offset"] for row in found}) == 12
    places = [(row["activityDateTime"], row["iid"]) for row in found]
    assert places == sorted(places)


async def test_a_failed_mail_says_why_and_whether_the_address_is_dead(shop: Shop, history: History) -> None:
    dead = await history.contact("dead@example.org")
    full = await history.contact("full@example.org")
    await history.sent(dead, "dead@example.org", NOON, state=2, reason="550 5.1.1 no such user")
    await history.sent(full, "full@example.org", NOON, state=2, reason="452 4.2.2 mailbox full")
    await history.sent(full, "full@example.org", NOON, state=5)
    await history.sent(full, "full@example.org", NOON, state=3, reason="unsubscribed")
    await shop.app.contacts.consents.suppress(
        shop.account_id, Channel.EMAIL, ["dead@example.org"], reason="hard bounce"
    )
    rows = await _rows(shop)
    assert [row["activityStatus"] for row in rows] == ["UNDELIVERED"] * 3
    said = {row["statusDescription"]: row["hardBounce"] for row in rows}
    assert said == {
        "550 5.1.1 no such user": True,
        "452 4.2.2 mailbox full": False,
        "the connection broke before the server's answer: a copy may have arrived": False,
    }


async def test_filters_choose_a_contact_a_status_and_a_tag(shop: Shop, history: History) -> None:
    await _a_mail_with_a_life(history)
    other = await history.contact("petro@example.org", phone="+380671112233")
    letter = await history.content("Letter", tags=("service",), links=("https://shop.example/help",))
    single = await history.sent(other, "petro@example.org", NOON, letter, single=True, external_request_id="rq-77")
    await history.happened(ActivityKind.CLICKED, single, other, NOON, letter, single=True, link=0)
    assert len(await _rows(shop)) == 6
    assert len(await _rows(shop, email="Olena@Example.org")) == 4
    assert len(await _rows(shop, email="nobody@example.org")) == 0
    for phone in ("380671112233", "+380671112233"):
        assert {row["email"] for row in await _rows(shop, sms=phone)} == {"petro@example.org"}
    assert len(await _rows(shop, email="petro@example.org", sms="380671112233")) == 2
    assert len(await _rows(shop, email="olena@example.org", sms="380671112233")) == 0
    assert {row["activityStatus"] for row in await _rows(shop, activityStatus="CLICKED")} == {"CLICKED"}
    assert len(await _rows(shop, activityStatus="clicked")) == 2
    assert len(await _rows(shop, activityStatus="SPAM")) == 0
    assert {row["messageName"] for row in await _rows(shop, messageTag="autumn")} == {"Autumn"}
    assert len(await _rows(shop, messageTag="autumn")) == 4
    service = await _rows(shop, messageTag="service")
    assert [row["activityStatus"] for row in service] == ["DELIVERED", "CLICKED"]
    assert [row["broadcastId"] for row in service] == [None, None]
    assert [row["externalRequestId"] for row in service] == ["rq-77", "rq-77"]
    assert len(await _rows(shop, messageTag="service", email="petro@example.org")) == 2
    assert len(await _rows(shop, messageTag="autumn", email="petro@example.org")) == 0
    assert len(await _rows(shop, messageTag="unknown")) == 0


async def test_machines_are_left_out_and_doubtful_visitors_are_marked(shop: Shop, history: History) -> None:
    contact = await history.contact("olena@example.org")
    content = await history.content("Autumn", links=("https://shop.example/p/1",))
    message = await history.sent(contact, "olena@example.org", NOON, content)
    for hit_class in HitClass:
        await history.happened(
            ActivityKind.CLICKED, message, contact, NOON + timedelta(seconds=1), content, hit_class=hit_class, link=0
        )
    clicks = await _rows(shop, activityStatus="CLICKED")
    assert sorted(str(row["statusData"]) for row in clicks) == ["{'class': 'unknown'}", "{}"]


async def test_a_visit_of_a_real_link_shows_its_target(shop: Shop, history: History) -> None:
    contact = await history.contact("olena@example.org")
    content = await history.content("Autumn", links=("https://shop.example/p/1", "https://shop.example/p/2"))
    message = await history.sent(contact, "olena@example.org", NOON, content)
    token = shop.app.tokens.track(shop.account_id, content.content_id, contact, message)
    async with httpx.AsyncClient(base_url=shop.url) as client:
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/129.0.0.0 Safari/537.36"
        visit = await client.get(f"/t/c/{token}/1", headers={"User-Agent": agent})
        assert visit.status_code == 302
    await settle(shop.app.database)
    rows = await _rows(shop, activityStatus="CLICKED")
    assert [row["clickEventLink"] for row in rows] == ["https://shop.example/p/2"]


async def test_who_leaves_and_comes_back_by_the_link_in_the_mail_changes_a_subscription(
    shop: Shop, history: History
) -> None:
    contact = await history.contact("olena@example.org")
    content = await history.content("Autumn")
    message = await history.sent(contact, "olena@example.org", NOON, content)
    token = shop.app.tokens.unsubscribe(shop.account_id, content.content_id, contact, message)
    async with httpx.AsyncClient(base_url=shop.url) as client:
        for action in ("unsubscribe", "resubscribe"):
            assert (await client.post(f"/t/u/{token}", data={"action": action})).status_code == 200
    await settle(shop.app.database)
    rows = await _rows(shop)
    assert [row["activityStatus"] for row in rows] == ["DELIVERED", "UNSUBSCRIBED", "SUBSCRIPTION_CHANGED"]


async def test_who_chooses_other_categories_leaves_a_row_and_the_same_ones_none(shop: Shop, history: History) -> None:
    contact = await history.contact("olena@example.org")
    for _ in range(2):
        assert (await shop.put(f"/v1/contact/{contact}/subscriptions", ["news"])).status == 200
    await settle(shop.app.database)
    until = (NOON + timedelta(days=1)).strftime("%Y-%m-%d")
    answer = await shop.get("/v2/contacts/activity", dateFrom=NOON.strftime("%Y-%m-%d"), dateTo=until)
    (row,) = answer.json()
    assert (row["activityStatus"], row["contactId"]) == ("SUBSCRIPTION_CHANGED", contact)
    assert (row["email"], row["messageId"]) == ("olena@example.org", None)


async def test_times_are_in_the_zone_of_the_account(shop: Shop, history: History) -> None:
    await shop.app.accounts.update_account(machine_principal(shop.account_id), time_zone="Asia/Tokyo")
    contact = await history.contact("olena@example.org")
    await history.sent(contact, "olena@example.org", NOON)
    local = NOON + timedelta(hours=9)
    day = local.strftime("%Y-%m-%d")
    answer = await shop.get("/v2/contacts/activity", dateFrom=day, dateTo=day)
    assert [row["activityDateTime"] for row in answer.json()] == [local.strftime("%Y-%m-%dT%H:%M:%S")]
    second = local.strftime("%Y-%m-%dT%H:%M:%S")
    assert len((await shop.get("/v2/contacts/activity", dateFrom=second, dateTo=second)).json()) == 1
    later = (local + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    assert (await shop.get("/v2/contacts/activity", dateFrom=later, dateTo=later)).json() == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "'dateFrom' is missing"),
        ({"dateFrom": "2026-01-01"}, "'dateTo' is missing"),
        ({"dateFrom": "yesterday", "dateTo": "2026-01-02"}, "'dateFrom' is not a date"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-02-30"}, "'dateTo' is not a date"),
        ({"dateFrom": "2026-01-03", "dateTo": "2026-01-01"}, "'dateTo' must not be before 'dateFrom'"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-05-01"}, "three months"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "activityStatus": "SEEN"}, "must be one of SENT, DELIV"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "maxrows": "many"}, "'maxrows'"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "maxrows": "0"}, "'maxrows'"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "offset": "x"}, "offset"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "offset": "é"}, "offset"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "offset": "f" * 44}, "offset"),
    ],
)
async def test_a_wrong_question_is_refused_by_name(shop: Shop, query: dict[str, str], message: str) -> None:
    answer = await shop.get("/v2/contacts/activity", **query)
    assert answer.status == 400
    assert message in answer.message


async def test_nobody_sees_the_activity_of_another_account(shop: Shop, history: History) -> None:
    await _a_mail_with_a_life(history)
    offset = (await _rows(shop))[0]["offset"]
    assert await _rows(shop.other) == []
    assert await _rows(shop.other, offset=offset) == []
    assert await _rows(shop.other, email="olena@example.org") == []
    assert await _rows(shop.other, messageTag="autumn") == []


async def test_a_page_has_a_thousand_rows_unless_more_are_wanted(shop: Shop, history: History) -> None:
    contact = await history.contact("olena@example.org")
    async with shop.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state,"
            " uncertain, attempts, launched_at, settled_at, address) SELECT %(account)s, %(contact)s & 255,"
            " (lpad(to_hex(n), 12, '0') || '8000' || to_hex(%(contact)s::bigint | (-9223372036854775808)))::uuid,"
            " %(contact)s, n, 1, 1, 1, false, 1, %(at)s, %(at)s, 'olena@example.org' FROM generate_series(1, 6100) n",
            {"account": shop.account_id, "contact": contact, "at": NOON},
        )
    assert len(await _rows(shop)) == 1000
    assert len({row["offset"] for row in await _rows(shop, maxrows=25_000)}) == 6100
    assert len(await _rows(shop, maxrows=9_999_999)) == 6100
    assert len(await _rows(shop, maxrows=5_001)) == 5001


# ---------------------------------------------------------------- contacts/messages


async def _messages(shop: Shop, **query: Any) -> list[dict[str, Any]]:
    answer = await shop.get("/v2/contacts/messages", dateFrom=FROM, dateTo=TO, **query)
    assert answer.status == 200, answer.body
    return list(answer.json())


async def test_the_messages_of_a_contact_newest_first_with_how_far_each_came(shop: Shop, history: History) -> None:
    contact = await history.contact("olena@example.org", phone="+380671112233", external_id="C-1001")
    content = await history.content("Autumn")
    first = await history.sent(contact, "olena@example.org", NOON, content)
    await history.happened(ActivityKind.OPENED, first, contact, NOON + timedelta(seconds=5), content)
    await history.sent(contact, "olena@example.org", NOON + timedelta(minutes=1), state=2, reason="550 no")
    await history.sent(contact, "+380671112233", NOON + timedelta(minutes=2), channel=Channel.SMS)
    found = await _messages(shop, contactId=contact)
    assert [(row["mediaType"], row["status"], row["locator"]) for row in found] == [
        ("sms", "DELIVERED", "380671112233"),
        ("email", "UNDELIVERED", "olena@example.org"),
        ("email", "READ", "olena@example.org"),
    ]
    assert found[2] == {
        "iid": str(first),
        "contactId": contact,
        "mediaType": "email",
        "messageId": 70,
        "messageInstanceId": content.content_id,
        "broadcastId": content.campaign_id,
        "name": "Autumn",
        "subject": "Hello",
        "locator": "olena@example.org",
        "status": "READ",
        "sentDate": NOON.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    for criterion in ({"externalCustomerId": "C-1001"}, {"email": "OLENA@example.org"}, {"phone": "380671112233"}):
        assert await _messages(shop, **criterion) == found
    assert await _messages(shop, contactId=contact, mediaTypes="Email") == found[1:]
    assert await _messages(shop, contactId=contact, mediaTypes="sms,webpush") == [found[0]]
    assert await _messages(shop, contactId=contact, offset=1, limit=1) == [found[1]]
    assert await _messages(shop, contactId=contact + 1) == []
    assert await _messages(shop, email="nobody@example.org") == []
    assert await _messages(shop.other, contactId=contact) == []


async def test_ten_messages_come_unless_more_are_wanted_and_a_hundred_at_most(shop: Shop, history: History) -> None:
    contact = await history.contact("olena@example.org")
    for number in range(12):
        await history.sent(contact, "olena@example.org", NOON + timedelta(seconds=number))
    assert len(await _messages(shop, contactId=contact)) == 10
    assert len(await _messages(shop, contactId=contact, limit=5000)) == 12


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02"}, "One of the parameters"),
        ({"contactId": "1"}, "'dateFrom' is missing"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "contactId": "x"}, "'contactId'"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "contactId": "1", "mediaTypes": "fax"}, "'mediaTypes'"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "contactId": "1", "offset": "-1"}, "'offset'"),
        ({"dateFrom": "2026-01-01", "dateTo": "2026-01-02", "contactId": "1", "limit": "0"}, "'limit'"),
        ({"dateFrom": "2026-01-01", "dateTo": "soon", "contactId": "1"}, "'dateTo'"),
        ({"dateFrom": "2026-01-02", "dateTo": "2026-01-01", "contactId": "1"}, "must not be before"),
    ],
)
async def test_a_wrong_question_about_messages_is_refused_by_name(
    shop: Shop, query: dict[str, str], message: str
) -> None:
    answer = await shop.get("/v2/contacts/messages", **query)
    assert answer.status == 400
    assert message in answer.message

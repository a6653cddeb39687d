"""SMS and Viber over eSputnik's API: to phones and to groups, into the dev inbox and through a real gateway."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest

from syncom.accounts.model import Compat, KeyScope
from syncom.campaigns.model import CampaignState
from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.ids import campaign_of_message
from syncom.messages.channels.sms.form import GatewayAnswers, GatewayCall, GatewayForm
from syncom.messages.model import LedgerState, SenderConfig, SenderKind, SenderRole
from syncom.messages.receipts.model import Receipt, ReceiptState
from syncom.messages.senders import SenderInput
from tests.http.esputnik.conftest import Reply, Shop
from tests.messages.house import sending
from tests.messages.sms.gateway_peer import OK, GatewayPeer, running_gateway
from tests.messages.sms.gateway_peer import Reply as GatewayReply

ANN, BOB, EVE = "380671112233", "380672223344", "380673334455"
SMS = {"from": "Acme", "text": "Order A-500 is on its way", "phoneNumbers": [ANN]}
VIBER = {"text": "Sale", "phoneNumbers": [ANN]}


async def through(shop: Shop, peer: GatewayPeer, *, viber: bool = True) -> int:
    form = GatewayForm(
        sms=GatewayCall(url=f"{peer.url}/sms"),
        viber=GatewayCall(
            url=f"{peer.url}/viber",
            fields={
                "to": "{to}",
                "text": "{text}",
                "image": "{image}",
                "button": "{caption}",
                "link": "{action}",
                "ttl": "{ttl}",
                "ios": "{ios_text}",
            },
        )
        if viber
        else None,
        names=("Acme", "Shop"),
        answers=GatewayAnswers(id="id"),
    )
    given = SenderInput(name="Gateway", kind=SenderKind.GATEWAY, config=SenderConfig(gateway=form, timeout=5.0))
    return (await shop.app.senders.add(shop.account_id, given)).sender_id


def rows(answer: Reply) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer.json()["id"] == 0
    return answer.json()["results"]


def request_ids(answer: Reply) -> list[str]:
    assert all(row["status"] == "OK" and "message" not in row for row in rows(answer)), answer.body
    return [row["requestId"] for row in rows(answer)]


@asynccontextmanager
async def delivery(shop: Shop, role: SenderRole = SenderRole.EXPRESS) -> AsyncIterator[None]:
    async with sending(shop.app.sending_loop(role)):
        yield


async def settled(shop: Shop, ids: Sequence[str], path: str = "/v1/message/status") -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        while True:
            found = (await shop.get(path, ids=",".join(ids))).json()["results"]
            if all(row["status"] not in ("IN_QUEUE", "PENDING") for row in found):
                return found
            await asyncio.sleep(0.02)


async def inbox(shop: Shop, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What the dev inbox has of these messages."""
    page = await shop.app.inbox.list(limit=1000)
    return [
        {"channel": one.channel, "to": one.to, "from": one.mail_from, "text": one.subject, "id": one.inbox_id}
        for one in page.entries
        if one.message_id in ids
    ]


async def person(shop: Shop, phone: str, **more: Any) -> int:
    result = await shop.app.contacts.upsert(
        shop.account_id, [ContactInput(phone=f"+{phone}", **more)], UpsertOptions(key=IdentityKind.PHONE)
    )
    [contact_id] = result.contact_ids
    assert contact_id is not None
    return contact_id


async def nothing_is_queued(shop: Shop) -> None:
    async with shop.app.database.tenant(shop.account_id) as connection:
        row = await (
            await connection.execute(
                "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM campaigns),"
                " (SELECT count(*) FROM contacts)"
            )
        ).fetchone()
    assert row == (0, 0, 0)


# ------------------------------------------------------------------ message/sms


async def test_an_sms_is_in_the_dev_inbox_and_its_status_says_delivered(shop: Shop) -> None:
    answer = await shop.post("/v1/message/sms", SMS)
    [row] = rows(answer)
    assert row == {"id": 0, "locator": ANN, "status": "OK", "requestId": row["requestId"]}
    UUID(row["requestId"])
    async with delivery(shop):
        [status] = await settled(shop, [row["requestId"]], "/v1/message/sms/status")
    assert (status["status"], status["delivered"], status["failed"]) == ("DELIVERED", True, False)
    [entry] = await inbox(shop, [row["requestId"]])
    assert entry["channel"] == "sms"
    assert (entry["to"], entry["from"], entry["text"]) == (f"+{ANN}", "Acme", "Order A-500 is on its way")


async def test_an_sms_goes_through_the_gateway_under_a_name_of_the_account(shop: Shop) -> None:
    await person(shop, ANN, first_name="Ann")
    async with running_gateway() as peer, delivery(shop):
        await through(shop, peer)
        body = {
            **SMS,
            "from": "SHOP",
            "text": "Hi %FIRSTNAME|friend%",
            "phoneNumbers": [f"+{ANN}", "+38 (067) 222-33-44"],
            "tags": ["orders"],
            "externalRequestId": "rq-1",
        }
        ids = request_ids(await shop.post("/v1/message/sms", body))
        await settled(shop, ids)
    assert {(one.json()["to"], one.json()["from"], one.json()["text"]) for one in peer.asked} == {
        (f"+{ANN}", "Shop", "Hi Ann"),
        (f"+{BOB}", "Shop", "Hi friend"),
    }
    assert {one.json()["id"] for one in peer.asked} == set(ids)
    found = await shop.app.messages.status(shop.account_id, [UUID(ids[0])])
    assert found[0].external_request_id == "rq-1"
    assert found[0].reason == "200 id=gw-1", "the gateway's own id is kept"


async def test_an_unknown_phone_becomes_a_contact_with_that_channel_alone(shop: Shop) -> None:
    request_ids(await shop.post("/v1/message/sms", SMS))
    found = await shop.app.contacts.find(shop.account_id, IdentityKind.PHONE, f"+{ANN}")
    assert found is not None
    assert (found.email, found.sms_state, found.email_state) == (
        None,
        SubscriptionState.SUBSCRIBED,
        SubscriptionState.NONE,
    )
    assert await shop.app.contacts.find(shop.other.account_id, IdentityKind.PHONE, f"+{ANN}") is None


async def test_each_recipient_has_an_answer_and_a_bad_one_stops_nobody(shop: Shop) -> None:
    answer = await shop.post("/v1/message/sms", {**SMS, "phoneNumbers": ["12", ANN, "not a phone", "", ANN]})
    found = rows(answer)
    assert [row["status"] for row in found] == ["ERROR", "OK", "ERROR", "ERROR", "OK"]
    assert found[0]["message"] == "'12' is not valid phone number"
    assert found[1]["requestId"] != found[4]["requestId"], "one row, one message"


async def test_one_phone_may_stand_for_a_list_and_one_row_for_the_results(shop: Shop) -> None:
    collapsing = await shop.with_key(compat=(Compat.COLLAPSE_SINGLE,))
    answer = await collapsing.post("/v1/message/sms", {**SMS, "phoneNumbers": ANN})
    assert answer.json()["results"]["status"] == "OK"


async def test_links_are_short_only_when_asked(shop: Shop) -> None:
    words = {**SMS, "text": "See https://shop.example/sale"}
    plain = request_ids(await shop.post("/v1/message/sms", words))
    tracked = request_ids(await shop.post("/v1/message/sms", {**words, "trackUrls": True}))
    async with delivery(shop):
        await settled(shop, [*plain, *tracked])
    [before] = await inbox(shop, plain)
    [after] = await inbox(shop, tracked)
    assert before["text"] == "See https://shop.example/sale"
    assert "/t/s/" in after["text"]
    assert "shop.example/sale" not in after["text"]


async def test_a_gateways_refusal_is_the_status(shop: Shop) -> None:
    def behave(asked: Any, number: int) -> GatewayReply:
        del number
        return GatewayReply(status=400, body=b"blocked") if asked.json()["to"] == f"+{BOB}" else OK

    async with running_gateway(behave) as peer, delivery(shop):
        await through(shop, peer)
        ids = request_ids(await shop.post("/v1/message/sms", {**SMS, "phoneNumbers": [ANN, BOB]}))
        found = await settled(shop, ids)
    assert [(row["status"], row["failed"]) for row in found] == [("DELIVERED", False), ("UNDELIVERED", True)]


async def test_a_receipt_tells_a_phone_that_was_not_reached_in_time_from_a_text_that_was_rejected(shop: Shop) -> None:
    ends = {ANN: ReceiptState.EXPIRED, BOB: ReceiptState.REJECTED}

    def behave(asked: Any, number: int) -> GatewayReply:
        del number
        return GatewayReply(body=b'{"id": "gw-%s"}' % asked.json()["to"].removeprefix("+").encode())

    async with running_gateway(behave) as peer, delivery(shop):
        sender_id = await through(shop, peer)
        ids = request_ids(await shop.post("/v1/message/sms", {**SMS, "phoneNumbers": list(ends)}))
        assert [row["status"] for row in await settled(shop, ids)] == ["DELIVERED", "DELIVERED"]
    for phone, state in ends.items():
        await shop.app.receipts.receive(Receipt(sender_id=sender_id, peer_id=f"gw-{phone}", state=state, reason="23"))
    async with shop.app.database.system() as connection:
        await shop.app.activity.settle(connection)
    found = await settled(shop, ids)
    assert [(row["status"], row["failed"], row["delivered"]) for row in found] == [
        ("EXPIRED", True, False),
        ("UNDELIVERED", True, False),
    ]


async def test_a_suppressed_phone_is_blacklisted(shop: Shop) -> None:
    await shop.app.contacts.consents.suppress(shop.account_id, Channel.SMS, [f"+{ANN}"])
    ids = request_ids(await shop.post("/v1/message/sms", SMS))
    async with delivery(shop):
        [found] = await settled(shop, ids)
    assert (found["status"], found["failed"]) == ("BLACKLISTED", True)
    assert not await inbox(shop, ids)


async def test_who_unsubscribed_still_gets_single_texts_but_none_of_a_category(shop: Shop) -> None:
    contact_id = await person(shop, ANN)
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [contact_id], Channel.SMS, source="test")
    single = request_ids(await shop.post("/v1/message/sms", SMS))
    of_category = request_ids(await shop.post("/v1/message/sms", {**SMS, "subscriptionsKeys": ["news"]}))
    async with delivery(shop):
        found = await settled(shop, [*single, *of_category])
    assert [row["status"] for row in found] == ["DELIVERED", "UNSUBSCRIBED"]


async def test_a_name_that_is_not_the_accounts_is_an_error_of_each_recipient(shop: Shop) -> None:
    async with running_gateway() as peer:
        await through(shop, peer)
        answer = await shop.post("/v1/message/sms", {**SMS, "from": "Other", "phoneNumbers": [ANN, BOB]})
    assert [row["status"] for row in rows(answer)] == ["ERROR", "ERROR"]
    assert "'Other' is not one of the senders" in rows(answer)[0]["message"]


async def test_a_name_that_no_network_takes_is_an_error_too(shop: Shop) -> None:
    [row] = rows(await shop.post("/v1/message/sms", {**SMS, "from": "A very long sender name"}))
    assert row["status"] == "ERROR"
    assert "sender name" in row["message"]


async def test_a_text_that_cannot_be_made_is_an_error(shop: Shop) -> None:
    [row] = rows(await shop.post("/v1/message/sms", {**SMS, "text": "Hello #if($a"}))
    assert row["status"] == "ERROR"
    assert row["message"].startswith("the message cannot be made")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"from": ""}, "Required field 'from' is empty"),
        ({"from": None}, "Required field 'from' is missing"),
        ({"text": "  "}, "Required field 'text' is empty"),
        ({"text": None}, "Required field 'text' is missing"),
        ({"text": {"a": 1}}, "Field 'text' is wrong"),
        ({"phoneNumbers": None}, "One of 'phoneNumbers' and 'groupId' is needed"),
        ({"phoneNumbers": []}, "One of 'phoneNumbers' and 'groupId' is needed"),
        ({"phoneNumbers": [["x"]]}, "Field 'phoneNumbers.0' is wrong"),
        ({"groupId": 1}, "Use either 'phoneNumbers' or 'groupId'"),
        ({"phoneNumbers": None, "groupId": "x"}, "Field 'groupId' is wrong"),
        ({"phoneNumbers": [ANN] * 1001}, "Maximum 1000 recipients per request"),
        ({"trackUrls": "perhaps"}, "Field 'trackUrls' is wrong"),
    ],
)
async def test_a_wrong_sms_is_refused_and_nothing_is_changed(shop: Shop, change: dict[str, Any], message: str) -> None:
    answer = await shop.post("/v1/message/sms", {**SMS, **change})
    assert answer.status == 400
    assert answer.message.startswith(message)
    await nothing_is_queued(shop)


async def test_sending_texts_needs_the_right_to_send(shop: Shop) -> None:
    narrow = await shop.with_key(scope=KeyScope.EVENTS)
    for path, body in (("/v1/message/sms", SMS), ("/v1/message/viber", VIBER)):
        assert (await narrow.post(path, body)).status == 403
    await nothing_is_queued(shop)


# ------------------------------------------------------------------ message/viber


async def test_a_viber_message_takes_its_members_to_the_gateway(shop: Shop) -> None:
    body = {
        **VIBER,
        "ttlSeconds": 3600,
        "img": "https://shop.example/i.png",
        "caption": "Buy",
        "action": "https://shop.example/sale",
        "iosExpirityText": "Open Viber",
    }
    async with running_gateway() as peer, delivery(shop):
        await through(shop, peer)
        ids = request_ids(await shop.post("/v1/message/viber", body))
        [found] = await settled(shop, ids, "/v1/message/viber/status")
    assert found["status"] == "DELIVERED"
    [asked] = peer.asked
    assert asked.path == "/viber"
    assert asked.json() == {
        "to": f"+{ANN}",
        "text": "Sale",
        "image": "https://shop.example/i.png",
        "button": "Buy",
        "link": "https://shop.example/sale",
        "ttl": 3600,
        "ios": "Open Viber",
    }


async def test_a_viber_message_is_in_the_dev_inbox_with_its_members(shop: Shop) -> None:
    ids = request_ids(
        await shop.post("/v1/message/viber", {**VIBER, "caption": "Купити", "action": "https://a.example"})
    )
    async with delivery(shop):
        await settled(shop, ids)
    [entry] = await inbox(shop, ids)
    assert entry["channel"] == "viber"
    headers = dict((await shop.app.inbox.parse(entry["id"])).headers)
    assert (headers["X-Button"], headers["X-Action"]) == ("Купити", "https://a.example")


async def test_a_gateway_without_viber_says_so(shop: Shop) -> None:
    async with running_gateway() as peer:
        await through(shop, peer, viber=False)
        [row] = rows(await shop.post("/v1/message/viber", VIBER))
    assert (row["status"], row["message"]) == ("ERROR", "no sender for channel viber; add one")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": "x" * 1001}, "1,000 characters"),
        ({"img": "not an address"}, "img"),
        ({"action": "javascript:alert(1)"}, "action"),
        ({"ttlSeconds": -5}, "ttlSeconds"),
    ],
)
async def test_what_viber_does_not_take_is_an_error_of_each_recipient(
    shop: Shop, change: dict[str, Any], words: str
) -> None:
    [row] = rows(await shop.post("/v1/message/viber", {**VIBER, **change}))
    assert row["status"] == "ERROR"
    assert words in row["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": ""}, "Required field 'text' is empty"),
        ({"phoneNumbers": []}, "One of 'phoneNumbers' and 'groupId' is needed"),
        ({"ttlSeconds": "soon"}, "Field 'ttlSeconds' is wrong"),
    ],
)
async def test_a_wrong_viber_message_is_refused(shop: Shop, change: dict[str, Any], message: str) -> None:
    answer = await shop.post("/v1/message/viber", {**VIBER, **change})
    assert answer.status == 400
    assert answer.message.startswith(message)
    await nothing_is_queued(shop)


# ------------------------------------------------------------------ to a group


async def finished(shop: Shop, campaign_id: int) -> None:
    keeper = shop.app.keeper()
    async with asyncio.timeout(30):
        while True:
            while await keeper.step():
                pass
            campaign = await shop.app.campaigns.get(shop.account_id, campaign_id)
            if campaign.state is CampaignState.FINISHED:
                return
            assert campaign.state in (CampaignState.EXPANDING, CampaignState.SENDING), campaign.problem
            await asyncio.sleep(0.05)


async def test_a_group_becomes_a_campaign_of_texts_to_those_who_may_get_it(shop: Shop) -> None:
    group = (await shop.app.contacts.lists.create(shop.account_id, "Buyers")).list_id
    options = UpsertOptions(key=IdentityKind.PHONE, list_ids=(group,))
    await shop.app.contacts.upsert(
        shop.account_id,
        [
            ContactInput(phone=f"+{phone}", first_name=name)
            for phone, name in ((ANN, "Ann"), (BOB, "Bob"), (EVE, "Eve"))
        ],
        options,
    )
    await shop.app.contacts.upsert(
        shop.account_id, [ContactInput(email="nophone@example.org")], UpsertOptions(list_ids=(group,))
    )
    gone = await shop.app.contacts.find(shop.account_id, IdentityKind.PHONE, f"+{EVE}")
    assert gone is not None
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [gone.contact_id], Channel.SMS, source="test")
    async with running_gateway() as peer, delivery(shop, SenderRole.BULK):
        await through(shop, peer)
        body = {"from": "Acme", "text": "Sale, %FIRSTNAME|%!", "groupId": group}
        [row] = rows(await shop.post("/v1/message/sms", body))
        assert (row["locator"], row["status"]) == (str(group), "OK")
        campaign_id = campaign_of_message(UUID(row["requestId"]))
        assert campaign_id is not None
        [before] = (await shop.get("/v1/message/status", ids=row["requestId"])).json()["results"]
        assert (before["status"], before["failed"], before["delivered"]) == ("PENDING", False, False)
        await finished(shop, campaign_id)
    [after] = await settled(shop, [row["requestId"]])
    assert (after["status"], after["delivered"]) == ("DELIVERED", True)
    [elsewhere] = (await shop.other.get("/v1/message/status", ids=row["requestId"])).json()["results"]
    assert elsewhere["status"] == "MESSAGE_NOT_FOUND"
    assert {(one.json()["to"], one.json()["text"]) for one in peer.asked} == {
        (f"+{ANN}", "Sale, Ann!"),
        (f"+{BOB}", "Sale, Bob!"),
    }
    excluded = await shop.app.campaigns.recipients(shop.account_id, campaign_id, state=LedgerState.EXCLUDED)
    assert sorted(one.reason for one in excluded) == ["no phone", "unsubscribed"]
    [callout] = (await shop.get("/v1/callouts/sms")).json()
    assert callout == {
        "calloutName": "Sale, %FIRSTNAME|%!",
        "groupId": group,
        "groupName": "Buyers",
        "date": callout["date"],
        "sent": 2,
        "delivered": 2,
        "errors": 0,
    }
    report = await shop.app.campaigns.report(shop.account_id, campaign_id)
    assert (report.audience, report.sent, report.excluded) == (4, 2, {"no phone": 1, "unsubscribed": 1})
    async with shop.app.database.system() as connection:
        channels = await (
            await connection.execute("SELECT DISTINCT channel FROM ledger WHERE campaign_id = %s", (campaign_id,))
        ).fetchall()
    assert channels == [(Channel.SMS.value,)]


async def test_an_unknown_group_and_another_accounts_group_are_not_found(shop: Shop) -> None:
    theirs = (await shop.app.contacts.lists.create(shop.other.account_id, "Theirs")).list_id
    for group in (theirs, 987654321):
        for path, body in (("/v1/message/sms", SMS), ("/v1/message/viber", VIBER)):
            answer = await shop.post(path, {**body, "phoneNumbers": None, "groupId": group})
            assert answer.status == 404
            assert "not found" in answer.message
    await nothing_is_queued(shop)


async def test_a_group_send_that_cannot_be_made_is_one_error_row(shop: Shop) -> None:
    group = (await shop.app.contacts.lists.create(shop.account_id, "Buyers")).list_id
    [row] = rows(await shop.post("/v1/message/sms", {"from": "much too long a name", "text": "x", "groupId": group}))
    assert (row["locator"], row["status"]) == (str(group), "ERROR")
    await nothing_is_queued(shop)


# ------------------------------------------------------------------ callouts, interfaces


async def test_callouts_are_paged_newest_first_and_are_the_accounts_own(shop: Shop) -> None:
    group = (await shop.app.contacts.lists.create(shop.account_id, "Buyers")).list_id
    for number in range(3):
        request_ids(await shop.post("/v1/message/sms", {"from": "Acme", "text": f"Text {number}", "groupId": group}))
    answer = await shop.get("/v1/callouts/sms", startindex=2, maxrows=1)
    assert answer.headers["TotalCount"] == "3"
    assert [one["calloutName"] for one in answer.json()] == ["Text 1"]
    assert (await shop.other.get("/v1/callouts/sms")).json() == []


@pytest.mark.parametrize("query", [{"startindex": 0}, {"maxrows": "many"}, {"startindex": -3}])
async def test_wrong_pages_of_callouts_are_refused(shop: Shop, query: dict[str, Any]) -> None:
    assert (await shop.get("/v1/callouts/sms", **query)).status == 400


async def test_interfaces_are_the_names_that_may_be_used(shop: Shop) -> None:
    assert (await shop.get("/v1/interfaces/sms")).json() == [{"type": "sms", "value": "Syncom"}]
    async with running_gateway() as peer:
        await through(shop, peer)
    found = (await shop.get("/v1/interfaces/sms")).json()
    assert {"type": "sms", "value": "Acme"} in found
    assert {"type": "sms", "value": "Shop"} in found
    assert all(one["type"] == "email" for one in (await shop.get("/v1/interfaces/email")).json())
    assert (await shop.other.get("/v1/interfaces/sms")).json() == [{"type": "sms", "value": "Syncom"}]


# ------------------------------------------------------------------ sms/unsubscribed


async def test_unsubscribed_phones_get_no_bulk_texts_until_it_is_lifted(shop: Shop) -> None:
    known = await person(shop, ANN, email="ann@example.org")
    assert (await shop.post("/v1/sms/unsubscribed/add", {"phones": [ANN, BOB]})).status == 200
    contact = await shop.app.contacts.get(shop.account_id, known)
    assert (contact.sms_state, contact.email_state) == (SubscriptionState.UNSUBSCRIBED, SubscriptionState.SUBSCRIBED)
    remembered = await shop.app.contacts.find(shop.account_id, IdentityKind.PHONE, f"+{BOB}")
    assert remembered is not None
    assert remembered.sms_state is SubscriptionState.UNSUBSCRIBED
    answer = await shop.post("/v1/sms/unsubscribed/delete", {"phoneNumbers": [ANN, EVE]})
    assert answer.status == 200
    contact = await shop.app.contacts.get(shop.account_id, known)
    assert contact.sms_state is SubscriptionState.SUBSCRIBED
    assert await shop.app.contacts.find(shop.account_id, IdentityKind.PHONE, f"+{EVE}") is None


@pytest.mark.parametrize("path", ["/v1/sms/unsubscribed/add", "/v1/sms/unsubscribed/delete"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Required field 'phones' is missing"),
        ({"phones": []}, "Required field 'phones' is missing"),
        ({"phones": ["12"]}, "'12' is not valid phone number"),
        ({"phones": [{"a": 1}]}, "Field 'phones.0' is wrong"),
        ({"phones": [ANN] * 3001}, "Maximum 3000 phones per request"),
    ],
)
async def test_wrong_lists_of_phones_are_refused(shop: Shop, path: str, body: Any, message: str) -> None:
    answer = await shop.post(path, body)
    assert answer.status == 400
    assert answer.message.startswith(message)
    await nothing_is_queued(shop)


async def test_an_unknown_request_id_is_said_to_be_unknown(shop: Shop) -> None:
    [row] = await settled(shop, [str(uuid4())], "/v1/message/sms/status")
    assert row["status"] == "MESSAGE_NOT_FOUND"


# ------------------------------------------------------------------ short links


async def test_a_click_on_a_short_link_leads_on_and_counts_for_the_text(shop: Shop) -> None:
    contact_id = await person(shop, ANN, first_name="Ann")
    words = {**SMS, "text": "See https://shop.example/sale https://shop.example/%FIRSTNAME|%", "trackUrls": True}
    ids = request_ids(await shop.post("/v1/message/sms", words))
    async with delivery(shop):
        await settled(shop, ids)
    [entry] = await inbox(shop, ids)
    static, personal = re.findall(r"(/t/s/\S+)", entry["text"])
    async with httpx.AsyncClient(base_url=shop.url) as client:
        browser = {"User-Agent": "Mozilla/5.0 (iPhone) Safari/604.1", "Accept-Language": "uk"}
        answers = [await client.get(path, headers=browser) for path in (static, personal)]
        wrong = [await client.get(path) for path in ("/t/s/aaaaaaaaaaaa", f"{static}/9", "/t/s/x", f"{static}/-1")]
    assert [(one.status_code, one.headers["location"]) for one in answers] == [
        (302, "https://shop.example/sale"),
        (302, "https://shop.example/Ann"),
    ]
    assert [one.status_code for one in wrong] == [404] * 4
    async with asyncio.timeout(20):
        while True:
            async with shop.app.database.system() as connection:
                rows = await (
                    await connection.execute(
                        "SELECT channel, link, contact_id FROM activity WHERE message_id = %s ORDER BY link", (ids[0],)
                    )
                ).fetchall()
            if len(rows) == 2:
                break
            await asyncio.sleep(0.05)
    assert rows == [(Channel.SMS.value, 0, contact_id), (Channel.SMS.value, 1, contact_id)]
    [found] = await settled(shop, ids)
    assert found["status"] == "READ"

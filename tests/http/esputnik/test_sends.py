"""Single messages over eSputnik's API: they arrive, each has an answer of its own, and its status can be asked."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from syncom.accounts.model import Compat
from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.messages.channels.email.model import Security
from syncom.messages.model import SenderConfig, SenderRole
from syncom.messages.senders import SenderInput
from tests.http.esputnik.conftest import Reply, Shop
from tests.messages.email.smtp_peer import SmtpPeer, running_peer
from tests.messages.house import sending

LETTER = {
    "name": "Order",
    "subject": "Order ${number|'?'}",
    "htmlText": (
        "<html><body><p>Dear %FIRSTNAME|friend%, ${data.get('number')|'?'}</p>"
        '<a href="https://shop.example/o">See</a></body></html>'
    ),
}


@pytest.fixture
async def peer(shop: Shop) -> AsyncIterator[SmtpPeer]:
    """A mail server, and a sender of the shop into it: "Shop" <info@shop.example>."""
    async with running_peer(SmtpPeer(unknown=re.compile(r"gone@"))) as peer:
        await add_sender(shop, peer, "info@shop.example", "Shop")
        yield peer


async def add_sender(shop: Shop, peer: SmtpPeer, address: str, name: str) -> int:
    config = SenderConfig(host="127.0.0.1", port=peer.port, security=Security.PLAIN, max_connections=4, timeout=5.0)
    given = SenderInput(name=name or address, from_email=address, from_name=name, config=config)
    return (await shop.app.senders.add(shop.account_id, given)).sender_id


async def prepared(shop: Shop, **changes: Any) -> int:
    answer = await shop.post("/v1/messages/email", {**LETTER, **changes})
    assert answer.status == 200, answer.body
    return answer.json()["id"]


async def smartsend(shop: Shop, message: int, *recipients: Any, **more: Any) -> Reply:
    return await shop.post(f"/v1/message/{message}/smartsend", {"recipients": list(recipients), **more})


def rows(answer: Reply) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer.json()["id"] == 0
    return answer.json()["results"]


def request_ids(answer: Reply) -> list[str]:
    found = [row["requestId"] for row in rows(answer)]
    assert all(row["status"] == "OK" and "message" not in row for row in rows(answer))
    return found


async def status(shop: Shop, ids: Sequence[str], path: str = "/v1/message/status") -> list[dict[str, Any]]:
    answer = await shop.get(path, ids=",".join(ids))
    assert answer.status == 200, answer.body
    return answer.json()["results"]


@asynccontextmanager
async def delivery(shop: Shop) -> AsyncIterator[None]:
    """The express sender of the installation at work."""
    async with sending(shop.app.sending_loop(SenderRole.EXPRESS)):
        yield


async def settled(shop: Shop, ids: Sequence[str]) -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        while True:
            found = await status(shop, ids)
            if all(row["status"] not in ("IN_QUEUE", "PENDING") for row in found):
                return found
            await asyncio.sleep(0.02)


def letters(peer: SmtpPeer) -> list[EmailMessage]:
    return [
        cast("EmailMessage", email.message_from_bytes(mail.data, policy=email.policy.default)) for mail in peer.accepted
    ]


def html_of(letter: EmailMessage) -> str:
    part = letter.get_body(("html",))
    assert part is not None
    return str(part.get_content())


# ------------------------------------------------------------------ smartsend


async def test_a_prepared_message_arrives_personal_tracked_and_under_the_name_asked(shop: Shop, peer: SmtpPeer) -> None:
    await shop.app.contacts.upsert(
        shop.account_id, [ContactInput(email="olena@example.org", first_name="Олена")], UpsertOptions()
    )
    message = await prepared(shop)
    answer = await shop.call(
        "POST",
        f"/v1/message/{message}/smartsend",
        raw=json.dumps(
            {
                "recipients": [
                    {"locator": "olena@example.org", "jsonParam": '{"number":"A-500"}', "externalRequestId": "rq-77"},
                    {"locator": "new@example.org", "jsonParam": {"number": 7}, "fromName": "Support", "email": True},
                ],
                "email": True,
                "fromName": "The Shop",
                "unknownMember": 1,
            }
        ).encode(),
    )
    assert [row["locator"] for row in rows(answer)] == ["olena@example.org", "new@example.org"]
    assert all(row["id"] == 0 and UUID(row["requestId"]) for row in rows(answer))
    ids = request_ids(answer)
    assert [row["status"] for row in await status(shop, ids)] == ["IN_QUEUE", "IN_QUEUE"]
    async with delivery(shop):
        found = await settled(shop, ids)
    assert found == [
        {"id": 0, "requestId": one, "status": "DELIVERED", "failed": False, "delivered": True} for one in ids
    ]
    by_address = {letter["To"]: letter for letter in letters(peer)}
    first, second = by_address["olena@example.org"], by_address["new@example.org"]
    assert (first["From"], first["Subject"]) == ("The Shop <info@shop.example>", "Order A-500")
    assert (second["From"], second["Subject"]) == ("Support <info@shop.example>", "Order 7")
    assert "Dear Олена, A-500" in html_of(first)
    assert "Dear friend, 7" in html_of(second)
    for letter in (first, second):
        assert re.search(r"/t/c/[\w-]+/0", html_of(letter))
        assert re.search(r"/t/o/[\w-]+\.gif", html_of(letter))
    statuses = await shop.app.messages.status(shop.account_id, [UUID(one) for one in ids])
    assert sorted(one.external_request_id for one in statuses) == ["", "rq-77"]


async def test_every_recipient_has_a_row_in_the_order_asked_good_or_bad(shop: Shop) -> None:
    await shop.app.contacts.upsert(shop.account_id, [ContactInput(email="known@example.org")], UpsertOptions())
    known = await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "known@example.org")
    assert known is not None
    other = await shop.app.contacts.upsert(
        shop.other.account_id, [ContactInput(email="theirs@example.org")], UpsertOptions()
    )
    answer = await smartsend(
        shop,
        await prepared(shop),
        {"locator": "ok@example.org"},
        {"locator": "ann@"},
        {"contactId": known.contact_id},
        {"contactId": str(known.contact_id), "locator": "elsewhere@example.org"},
        {},
        {"contactId": other.contact_ids[0]},
        {"locator": "x@example.org", "jsonParam": "{bad"},
        {"locator": "x@example.org", "jsonParam": [1]},
        {"locator": "x@example.org", "jsonParam": '"text"'},
        {"locator": "x@example.org", "languageCode": "??"},
        {"locator": "ok@example.org", "jsonParam": None},
    )
    found = rows(answer)
    assert [row["status"] for row in found] == [
        "OK", "ERROR", "OK", "OK", "ERROR", "ERROR", "ERROR", "ERROR", "ERROR", "ERROR", "OK",
    ]  # fmt: skip
    assert found[1] == {"id": 0, "locator": "ann@", "status": "ERROR", "message": "'ann@' is not valid email"}
    assert all(row["message"] and "requestId" not in row for row in found if row["status"] == "ERROR")
    assert "not found" in found[5]["message"]
    assert found[0]["requestId"] != found[10]["requestId"]
    # The contact id decides who it is, the locator where it goes.
    (both,) = await shop.app.messages.status(shop.account_id, [UUID(found[3]["requestId"])])
    assert (both.contact_id, both.address) == (known.contact_id, "elsewhere@example.org")
    created = await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "ok@example.org")
    assert created is not None
    assert created.email_state is SubscriptionState.SUBSCRIBED
    assert await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "x@example.org") is None


async def test_one_recipient_may_stand_without_its_list_and_numbers_be_texts(shop: Shop) -> None:
    message = await prepared(shop)
    body = {"recipients": {"locator": "one@example.org"}, "email": "true", "campaignId": "5", "fromName": None}
    assert len(rows(await shop.post(f"/v1/message/{message}/smartsend/", body))) == 1


async def test_a_key_can_have_its_single_results_without_a_list(shop: Shop) -> None:
    message = await prepared(shop)
    old = await shop.with_key(compat=(Compat.COLLAPSE_SINGLE,))
    answer = await smartsend(old, message, {"locator": "one@example.org"})
    result = answer.json()["results"]
    assert (result["status"], result["locator"]) == ("OK", "one@example.org")
    single = await old.get("/v1/message/status", ids=result["requestId"])
    assert single.json()["results"]["requestId"] == result["requestId"]
    both = await smartsend(old, message, {"locator": "one@example.org"}, {"locator": "two@example.org"})
    assert len(both.json()["results"]) == 2


async def test_a_thousand_recipients_are_taken_and_one_more_is_not(shop: Shop) -> None:
    message = await prepared(shop)
    recipients = [{"locator": f"p{number}@many.example", "jsonParam": "{}"} for number in range(1001)]
    refused = await smartsend(shop, message, *recipients)
    assert (refused.status, refused.message) == (400, "Maximum 1000 recipients per request")
    assert await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "p1@many.example") is None
    answer = await smartsend(shop, message, *recipients[:1000])
    assert [row["locator"] for row in rows(answer)] == [one["locator"] for one in recipients[:1000]]
    assert len(set(request_ids(answer))) == 1000


async def test_what_is_wrong_with_the_whole_request_is_refused(shop: Shop) -> None:
    message = await prepared(shop)
    theirs = await prepared(shop.other)
    one = {"locator": "nobody@example.org"}
    for asked, body, expected in (
        (10**9, {"recipients": [one]}, 404),
        (theirs, {"recipients": [one]}, 404),
        (message, {"recipients": []}, 400),
        (message, {}, 400),
        (message, {"recipients": [{"locator": {"a": 1}}]}, 400),
        (message, {"recipients": [{"contactId": "many"}]}, 400),
        (message, {"recipients": [one], "allowUnconfirmed": "perhaps"}, 400),
        (0, {"recipients": [one]}, 400),
    ):
        answer = await shop.post(f"/v1/message/{asked}/smartsend", body)
        assert answer.status == expected, (asked, body, answer.body)
        if expected == 404:
            assert "not found" in answer.message
    assert await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "nobody@example.org") is None


async def test_languages_of_a_message_go_to_their_readers(shop: Shop, peer: SmtpPeer) -> None:
    message = await prepared(shop, languageCode="en", subject="Hello", htmlText="<p>Hello</p>")
    added = await shop.put(f"/v1/messages/email/{message}/uk", {"subject": "Вітаю", "htmlText": "<p>Вітаю</p>"})
    assert added.status == 200, added.body
    row = ContactInput(email="reader@example.org", language="uk-UA")
    await shop.app.contacts.upsert(shop.account_id, [row], UpsertOptions())
    answer = await smartsend(
        shop,
        message,
        {"locator": "reader@example.org"},
        {"locator": "named@example.org", "languageCode": "UK"},
        {"locator": "other@example.org", "languageCode": "de"},
    )
    async with delivery(shop):
        await settled(shop, request_ids(answer))
    assert {letter["To"]: letter["Subject"] for letter in letters(peer)} == {
        "reader@example.org": "Вітаю",
        "named@example.org": "Вітаю",
        "other@example.org": "Hello",
    }


# ------------------------------------------------------------------ send, the old form


async def test_the_old_form_sends_the_same_data_to_locators_a_contact_and_a_small_group(
    shop: Shop, peer: SmtpPeer
) -> None:
    message = await prepared(shop)
    people = [ContactInput(email=f"g{number}@example.org") for number in range(3)]
    made = await shop.app.contacts.upsert(shop.account_id, people, UpsertOptions())
    ids = [one for one in made.contact_ids if one is not None]
    group = await shop.app.contacts.lists.create(shop.account_id, "Friends")
    await shop.app.contacts.lists.add(shop.account_id, group.list_id, ids[:2])
    path = f"/v1/message/{message}/send"
    params = [{"key": "number", "value": "N-9"}]
    condition = {"field": "email", "op": "equals", "value": "g2@example.org"}
    segment = await shop.app.segments.create(shop.account_id, "Third", condition)
    answers = [
        await shop.post(path, {"recipients": ["a@example.org", "bad@"], "params": params, "email": True}),
        await shop.post(path, {"contactId": ids[2], "params": {"key": "number", "value": "N-9"}}),
        await shop.post(path, {"groupId": group.list_id, "params": params, "externalRequestId": "old-1"}),
        await shop.post(path, {"groupId": segment.segment_id, "params": params}),
    ]
    assert [[row["status"] for row in rows(answer)] for answer in answers] == [
        ["OK", "ERROR"], ["OK"], ["OK", "OK"], ["OK"],
    ]  # fmt: skip
    sent = [row["requestId"] for answer in answers for row in rows(answer) if row["status"] == "OK"]
    async with delivery(shop):
        await settled(shop, sent)
    assert {letter["To"] for letter in letters(peer)} == {
        "a@example.org", "g0@example.org", "g1@example.org", "g2@example.org",
    }  # fmt: skip
    assert {letter["Subject"] for letter in letters(peer)} == {"Order N-9"}


async def test_the_old_form_wants_somebody_and_knows_its_limits(shop: Shop) -> None:
    path = f"/v1/message/{await prepared(shop)}/send"
    assert (await shop.post(path, {})).status == 400
    assert (await shop.post(path, {"recipients": []})).status == 400
    assert (await shop.post(path, {"params": [{"value": "x"}], "recipients": ["a@example.org"]})).status == 400
    theirs = await shop.app.contacts.lists.create(shop.other.account_id, "Theirs")
    for unknown in (10**9, theirs.list_id):
        answer = await shop.post(path, {"groupId": unknown})
        assert answer.status == 404, answer.body
    empty = await shop.app.contacts.lists.create(shop.account_id, "Empty")
    assert (await shop.post(path, {"groupId": empty.list_id})).status == 400
    people = [ContactInput(email=f"big{number}@example.org") for number in range(1001)]
    made = await shop.app.contacts.upsert(shop.account_id, people, UpsertOptions())
    big = await shop.app.contacts.lists.create(shop.account_id, "Big")
    ids = [one for one in made.contact_ids if one is not None]
    await shop.app.contacts.lists.add(shop.account_id, big.list_id, ids)
    answer = await shop.post(path, {"groupId": big.list_id})
    assert answer.status == 400
    assert "broadcast" in answer.message
    answer = await shop.post("/v1/message/999999/send", {"recipients": ["a@example.org"]})
    assert (answer.status, "not found" in answer.message) == (404, True)


# ------------------------------------------------------------------ message/email


def mail(*emails: str, **more: Any) -> dict[str, Any]:
    return {
        "from": '"Shop" <info@shop.example>',
        "subject": "Receipt for %EMAIL%",
        "htmlText": '<p>Dear %FIRSTNAME|friend%</p><a href="https://shop.example/r">See</a>',
        "emails": list(emails),
        **more,
    }


async def test_a_mail_in_the_request_arrives(shop: Shop, peer: SmtpPeer) -> None:
    body = mail(
        "a@example.org",
        "b@",
        "a@example.org",
        **{"from": '"Other Name" <INFO@shop.example>'},
        plainText="Plain for %EMAIL%",
        tags=["receipt"],
        externalRequestId="rq-1",
        ampHtmlText=None,
    )
    answer = await shop.post("/v1/message/email/", body)
    assert [row["status"] for row in rows(answer)] == ["OK", "ERROR", "OK"]
    ids = [row["requestId"] for row in rows(answer) if row["status"] == "OK"]
    async with delivery(shop):
        await settled(shop, ids)
    first, second = letters(peer)
    assert first["From"] == second["From"] == "Other Name <info@shop.example>"
    assert first["Subject"] == "Receipt for a@example.org"
    assert "Dear friend" in html_of(first)
    assert re.search(r"/t/c/[\w-]+/0", html_of(first))
    plain = first.get_body(("plain",))
    assert plain is not None
    assert "Plain for a@example.org" in str(plain.get_content())
    known = await shop.app.messages.status(shop.account_id, [UUID(one) for one in ids])
    assert {(one.external_request_id, one.template_id) for one in known} == {("rq-1", None)}


async def test_links_of_a_mail_lead_straight_to_their_targets_when_asked(shop: Shop, peer: SmtpPeer) -> None:
    answer = await shop.post("/v1/message/email", mail("a@example.org", trackUrls=False))
    async with delivery(shop):
        await settled(shop, request_ids(answer))
    (letter,) = letters(peer)
    assert 'href="https://shop.example/r"' in html_of(letter)
    assert "/t/c/" not in html_of(letter)


async def test_a_sender_that_is_not_one_of_the_accounts_is_an_error_of_each_recipient(
    shop: Shop, peer: SmtpPeer
) -> None:
    body = mail("a@example.org", "b@example.org", **{"from": "Fake <fake@bank.example>"})
    answer = await shop.post("/v1/message/email", body)
    assert [row["status"] for row in rows(answer)] == ["ERROR", "ERROR"]
    assert "fake@bank.example" in rows(answer)[0]["message"]
    assert await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "a@example.org") is None
    broken = await shop.post("/v1/message/email", mail("a@example.org", htmlText="<p>#if($oops)</p>"))
    assert rows(broken)[0]["status"] == "ERROR"
    assert not peer.accepted


@pytest.mark.parametrize("missing", ["from", "subject", "htmlText", "emails"])
async def test_a_mail_needs_its_parts(shop: Shop, missing: str) -> None:
    body = {name: value for name, value in mail("a@example.org").items() if name != missing}
    answer = await shop.post("/v1/message/email", body)
    assert answer.status == 400
    assert missing in answer.message
    answer = await shop.post("/v1/message/email", body | {missing: None})
    assert answer.status == 400
    empty = await shop.post("/v1/message/email", mail("a@example.org") | {missing: [] if missing == "emails" else " "})
    assert empty.status == 400


async def test_a_mail_to_more_than_a_thousand_is_refused(shop: Shop) -> None:
    answer = await shop.post("/v1/message/email", mail(*(f"p{number}@example.org" for number in range(1001))))
    assert (answer.status, answer.message) == (400, "Maximum 1000 recipients per request")


async def test_marketing_leaves_out_who_unsubscribed(shop: Shop, peer: SmtpPeer) -> None:
    made = await shop.app.contacts.upsert(shop.account_id, [ContactInput(email="no@example.org")], UpsertOptions())
    ids = [one for one in made.contact_ids if one is not None]
    await shop.app.contacts.consents.unsubscribe(shop.account_id, ids, Channel.EMAIL, source="test")
    for member in ("subscriptionsKeys", "subscriptionKeys"):
        answer = await shop.post("/v1/message/email", mail("no@example.org", **{member: ["news"]}))
        (row,) = await status(shop, request_ids(answer))
        assert (row["status"], row["failed"], row["delivered"]) == ("UNSUBSCRIBED", True, False)
    answer = await shop.post("/v1/message/email", mail("no@example.org"))
    async with delivery(shop):
        (row,) = await settled(shop, request_ids(answer))
    assert row["status"] == "DELIVERED"
    assert len(peer.accepted) == 1


# ------------------------------------------------------------------ status


async def test_every_end_of_a_message_has_its_word(shop: Shop, peer: SmtpPeer) -> None:
    app, account_id = shop.app, shop.account_id
    unconfirmed = UpsertOptions(consent=SubscriptionState.UNCONFIRMED)
    await app.contacts.upsert(account_id, [ContactInput(email="maybe@example.org")], unconfirmed)
    await app.contacts.consents.suppress(account_id, Channel.EMAIL, ["black@example.org"], reason="manual")
    message = await prepared(shop, subject="#set($none = [])#if($needed)$needed#{else}$none.get(0)#end")
    good = {"jsonParam": '{"needed":"x"}'}
    answer = await smartsend(
        shop,
        message,
        {"locator": "ok@example.org", **good},
        {"locator": "gone@example.org", **good},
        {"locator": "maybe@example.org", **good},
        {"locator": "black@example.org", **good},
        {"locator": "nodata@example.org"},
        {"locator": "read@example.org", **good},
        {"locator": "bounced@example.org", **good},
    )
    ids = request_ids(answer)
    async with delivery(shop):
        await settled(shop, ids)
    for place, kind in ((5, ActivityKind.OPENED), (6, ActivityKind.BOUNCED)):
        await happened(shop, ids[place], kind)
    unknown = str(uuid4())
    asked = [*ids, unknown, "nonsense", ids[0]]
    found = await status(shop, asked)
    assert [row["requestId"] for row in found] == asked
    assert [row["status"] for row in found] == [
        "DELIVERED", "UNDELIVERED", "NOT_CONFIRMED", "BLACKLISTED", "ERROR", "READ", "UNDELIVERED",
        "MESSAGE_NOT_FOUND", "MESSAGE_NOT_FOUND", "DELIVERED",
    ]  # fmt: skip
    arrived = ("DELIVERED", "READ")
    assert all(row["delivered"] is (row["status"] in arrived) for row in found)
    assert all(row["failed"] is (row["status"] not in arrived) for row in found)
    for path in ("/v1/message/email/status", "/v1/message/sms/status", "/v1/message/viber/status"):
        assert await status(shop, asked, path) == found
    assert {row["status"] for row in await status(shop.other, ids)} == {"MESSAGE_NOT_FOUND"}


async def happened(shop: Shop, request_id: str, kind: ActivityKind) -> None:
    """Something was done with a message that was sent."""
    (found,) = await shop.app.messages.status(shop.account_id, [UUID(request_id)])
    hit = Hit(
        account_id=shop.account_id,
        contact_id=found.contact_id,
        campaign_id=0,
        message_id=found.message_id,
        kind=kind,
        hit_class=HitClass.HUMAN,
        occurred_at=shop.app.clock.now(),
    )
    async with shop.app.database.system() as connection:
        await shop.app.activity.record(connection, [hit])
        await shop.app.activity.settle(connection)


async def test_a_recipient_that_is_tried_again_is_pending(shop: Shop) -> None:
    async with running_peer(SmtpPeer(greylist=True)) as peer:
        await add_sender(shop, peer, "info@shop.example", "Shop")
        ids = request_ids(await smartsend(shop, await prepared(shop), {"locator": "later@example.org"}))
        async with delivery(shop), asyncio.timeout(30):
            while not (await shop.app.messages.status(shop.account_id, [UUID(ids[0])]))[0].attempts:
                await asyncio.sleep(0.02)
        (row,) = await status(shop, ids)
    assert (row["status"], row["failed"], row["delivered"]) == ("PENDING", False, False)
    assert not peer.accepted


async def test_a_question_about_statuses_has_limits(shop: Shop) -> None:
    assert (await shop.get("/v1/message/status")).status == 400
    assert (await shop.get("/v1/message/status", ids=" , ")).status == 400
    many = ",".join(str(uuid4()) for _ in range(501))
    answer = await shop.get("/v1/message/status", ids=many)
    assert (answer.status, answer.message) == (400, "Maximum 500 ids per request")
    assert (await shop.get("/v1/message/status", ids=many.rpartition(",")[0])).status == 200


# ------------------------------------------------------------------ the language of eSputnik's templates


async def test_a_prepared_message_in_velocity_is_made_from_merge_tags_and_jsonparam(shop: Shop, peer: SmtpPeer) -> None:
    await shop.app.contacts.upsert(
        shop.account_id, [ContactInput(email="olena@example.org", first_name="O'Neil")], UpsertOptions()
    )
    message = await prepared(
        shop,
        subject="№$!data.get('orderNumber') for %FIRSTNAME|you%",
        htmlText=(
            "<table><!--#foreach($i in $!data.get('items'))--><tr><td>$foreach.count. <a"
            ' href="https://shop.example/$i.id?n=%FIRSTNAME%">$i.name</a></td></tr><!--#end--></table>'
            "#if($discount)Minus $discount#{else}No discount#end"
            '<a id="unsubscribe" href="https://esputnik.com/unsubscribe">Bye</a>'
        ),
    )
    items = [{"id": 1, "name": "<b>Lamp</b>"}, {"id": 2, "name": "Desk"}]
    data = json.dumps({"orderNumber": "A-500", "discount": "5%", "items": items})
    answer = await smartsend(
        shop, message, {"locator": "olena@example.org", "jsonParam": data}, {"locator": "new@example.org"}
    )
    async with delivery(shop):
        assert [row["status"] for row in await settled(shop, request_ids(answer))] == ["DELIVERED", "DELIVERED"]
    first, second = sorted(letters(peer), key=lambda letter: str(letter["to"]), reverse=True)
    assert first["subject"] == "№A-500 for O'Neil"
    html = html_of(first)
    assert re.search(r"1\. <a href=\"[^\"]+/t/r/[^\"]+\"><b>Lamp</b></a>", html)
    assert "2. <a" in html
    assert "Minus 5%" in html
    assert "/t/u/" in html
    assert "esputnik.com" not in html
    assert second["subject"] == "№ for you"
    assert "<table><!----></table>No discount" in html_of(second)


async def test_a_velocity_message_that_fails_for_one_recipient_is_an_error_of_that_one(
    shop: Shop, peer: SmtpPeer
) -> None:
    message = await prepared(shop, htmlText="<p>$items[1].name</p>")
    two, one = ('{"items":[{"name":"a"},{"name":"b"}]}', '{"items":[{"name":"a"}]}')
    answer = await smartsend(
        shop, message, {"locator": "a@example.org", "jsonParam": two}, {"locator": "b@example.org", "jsonParam": one}
    )
    async with delivery(shop):
        assert [row["status"] for row in await settled(shop, request_ids(answer))] == ["DELIVERED", "ERROR"]
    assert len(peer.accepted) == 1


async def test_a_mail_without_personalisation_goes_as_it_is(shop: Shop, peer: SmtpPeer) -> None:
    texts = {"subject": "%FIRSTNAME% $x #end", "htmlText": "<p>%FIRSTNAME|friend% $data.get('x') {{ y }} #if</p>"}
    answer = await shop.post("/v1/message/email", mail("a@example.org", skipPersonalisation=True, **texts))
    async with delivery(shop):
        assert [row["status"] for row in await settled(shop, request_ids(answer))] == ["DELIVERED"]
    (letter,) = letters(peer)
    assert letter["subject"] == "%FIRSTNAME% $x #end"
    assert texts["htmlText"] in html_of(letter)
    personal = await shop.post("/v1/message/email", mail("a@example.org", **texts))
    assert rows(personal)[0]["status"] == "ERROR"

"""Prepared messages of every channel but email: stored, read back, sent or honestly refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncom.accounts.model import KeyScope
from syncom.http.esputnik.channel_messages import CHANNELS
from syncom.messages.model import SenderRole
from tests.http.esputnik.conftest import Shop
from tests.messages.house import sending

#: What a message of each channel may have beside its text.
MEMBERS: dict[str, dict[str, Any]] = {
    "sms": {"from": "Acme", "trackUrls": True},
    "viber": {
        "img": "https://shop.example/i.png",
        "caption": "Buy",
        "action": "https://shop.example/sale",
        "ttlSeconds": 3600,
        "iosExpirityText": "Open Viber",
    },
    "mobilepush": {
        "title": "Sale",
        "image": "https://shop.example/i.png",
        "link": "shop://sale",
        "payload": {"a": [1]},
    },
    "webpush": {
        "title": "Sale",
        "icon": "https://shop.example/icon.png",
        "link": "https://shop.example/sale",
        "actions": [{"title": "See", "url": "https://shop.example/see"}],
    },
    "appinbox": {"title": "Sale", "image": "https://shop.example/i.png"},
    "telegram": {"image": "https://shop.example/i.png", "buttons": [{"text": "See", "url": "https://shop.example"}]},
    "inapp": {"title": "Sale", "layout": "bottom"},
}
every_channel = pytest.mark.parametrize("word", sorted(CHANNELS))


def body(word: str, **changes: Any) -> dict[str, Any]:
    return {"name": "Sale", "text": "Hello, %FIRSTNAME|%!", "tags": ["sale", "autumn"], **MEMBERS[word], **changes}


async def added(shop: Shop, word: str, **changes: Any) -> int:
    answer = await shop.post(f"/v1/messages/{word}", body(word, **changes))
    assert answer.status == 200, answer.body
    return answer.json()["id"]


@every_channel
async def test_a_message_is_read_back_as_it_was_stored(shop: Shop, word: str) -> None:
    ident = await added(shop, word)
    answer = await shop.get(f"/v1/messages/{word}/{ident}")
    assert answer.status == 200
    assert answer.json() == {"id": ident, "from": "", **body(word)}


@every_channel
async def test_a_change_touches_what_it_names(shop: Shop, word: str) -> None:
    ident = await added(shop, word)
    assert (await shop.put(f"/v1/messages/{word}/{ident}", {"text": "Other", "note": "new"})).json() == {"id": ident}
    assert (await shop.post(f"/v1/messages/{word}", {"id": ident, "name": "Renamed"})).json() == {"id": ident}
    assert (await shop.get(f"/v1/messages/{word}/{ident}")).json() == {
        "id": ident,
        "from": "",
        **body(word, text="Other", name="Renamed", note="new"),
    }


@every_channel
async def test_a_deleted_message_is_gone(shop: Shop, word: str) -> None:
    ident = await added(shop, word)
    assert (await shop.delete(f"/v1/messages/{word}/{ident}")).status == 200
    for verb, given in (("GET", None), ("PUT", {"text": "x"}), ("DELETE", None)):
        answer = await shop.call(verb, f"/v1/messages/{word}/{ident}", given)
        assert answer.status == 404
        assert "not found" in answer.message


@every_channel
async def test_languages_are_versions_of_their_own(shop: Shop, word: str) -> None:
    ident = await added(shop, word, languageCode="en")
    one = f"/v1/messages/{word}/{ident}/uk"
    assert (await shop.put(one, {"text": "Привіт", "caption": "Купити"})).status == 200
    found = (await shop.get(one)).json()
    assert (found["text"], found["caption"], found["languageCode"]) == ("Привіт", "Купити", "uk")
    assert (await shop.get(f"/v1/messages/{word}/{ident}")).json()["languages"] == ["uk"]
    assert (await shop.get(f"/v1/messages/{word}/{ident}")).json()["text"] == "Hello, %FIRSTNAME|%!"
    assert (await shop.delete(one)).status == 200
    assert (await shop.get(one)).status == 404
    assert (await shop.delete(one)).status == 404
    assert (await shop.put(f"/v1/messages/{word}/{ident}/not-a-language-code-at-all", {"text": "x"})).status == 400


@every_channel
async def test_messages_are_searched_by_name_and_tag_and_paged(shop: Shop, word: str) -> None:
    ids = [await added(shop, word, name=f"Letter {number}", tags=[f"tag{number}"]) for number in range(3)]
    other = next(one for one in CHANNELS if one != word)
    await added(shop, other, name="Letter of another channel")
    answer = await shop.get(f"/v1/messages/{word}", search="letter", startindex=2, maxrows=1)
    assert answer.headers["TotalCount"] == "3"
    assert [one["id"] for one in answer.json()] == [ids[1]]
    assert [one["id"] for one in (await shop.get(f"/v1/messages/{word}", search="TAG2")).json()] == [ids[2]]
    assert (await shop.get(f"/v1/messages/{word}", search="nothing")).json() == []
    assert (await shop.other.get(f"/v1/messages/{word}")).json() == []


@every_channel
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": None}, "Required field 'text' is missing"),
        ({"text": " "}, "Required field 'text' is missing"),
        ({"text": ["a", "b"]}, "Field 'text' is wrong"),
        ({"name": {"a": 1}}, "Field 'name' is wrong"),
        ({"tags": [{"a": 1}]}, "Field 'tags.0' is wrong"),
        ({"text": "#if($a"}, ""),
        ({"blob": "x" * 40_000}, "members"),
        ({"id": "x"}, "Field 'id' is wrong"),
    ],
)
async def test_a_wrong_message_is_refused_and_not_stored(
    shop: Shop, word: str, changes: dict[str, Any], message: str
) -> None:
    answer = await shop.post(f"/v1/messages/{word}", body(word, **changes))
    assert answer.status == 400, answer.body
    assert answer.message.startswith(message)
    assert (await shop.get(f"/v1/messages/{word}")).json() == []


@pytest.mark.parametrize(
    ("word", "member", "value"),
    [
        ("viber", "img", "nowhere"),
        ("viber", "action", "javascript:alert(1)"),
        ("viber", "ttlSeconds", 0),
        ("viber", "caption", 5),
        ("viber", "text", "x" * 1001),
        ("sms", "trackUrls", "perhaps"),
        ("sms", "from", "much too long a name"),
        ("webpush", "icon", "icon.png"),
        ("webpush", "ttlSeconds", "soon"),
        ("inapp", "image", 1),
    ],
)
async def test_members_of_a_channel_are_checked_by_name(shop: Shop, word: str, member: str, value: Any) -> None:
    answer = await shop.post(f"/v1/messages/{word}", body(word, **{member: value}))
    assert answer.status == 400
    assert member in answer.message


@every_channel
async def test_another_accounts_message_and_another_channels_are_not_found(shop: Shop, word: str) -> None:
    theirs = await added(shop.other, word)
    other = next(one for one in CHANNELS if one != word)
    elsewhere = await added(shop, other)
    mail = {"name": "M", "subject": "S", "htmlText": "<p>x</p>"}
    email = (await shop.post("/v1/messages/email", mail)).json()["id"]
    for ident in (theirs, elsewhere, email, 987654321):
        path = f"/v1/messages/{word}/{ident}"
        assert (await shop.get(path)).status == 404
        assert (await shop.put(path, {"text": "x"})).status == 404
        assert (await shop.delete(path)).status == 404
        assert (await shop.put(f"{path}/uk", {"text": "x"})).status == 404
        assert (await shop.post(f"/v1/messages/{word}", body(word, id=ident))).status == 404
    assert (await shop.other.get(f"/v1/messages/{word}/{theirs}")).json()["text"] == "Hello, %FIRSTNAME|%!"
    assert (await shop.get(f"/v1/messages/email/{elsewhere}")).status == 404
    assert (await shop.get(f"/v1/messages/{word}/0")).status == 400


@every_channel
async def test_writing_messages_needs_the_right_to(shop: Shop, word: str) -> None:
    narrow = await shop.with_key(scope=KeyScope.EVENTS)
    assert (await narrow.post(f"/v1/messages/{word}", body(word))).status == 403
    assert (await shop.get(f"/v1/messages/{word}")).json() == []


@pytest.mark.parametrize("word", ["sms", "viber"])
async def test_smartsend_sends_a_prepared_text_in_each_ones_language(shop: Shop, word: str) -> None:
    ident = await added(shop, word, text="Order $!number", languageCode="en")
    await shop.put(f"/v1/messages/{word}/{ident}/uk", {"text": "Замовлення $!number"})
    recipients = [
        {"locator": "380671112233", "jsonParam": '{"number": "A-1"}'},
        {"locator": "380672223344", "jsonParam": '{"number": "A-2"}', "languageCode": "uk", "fromName": "Shop"},
        {"locator": "nobody", "jsonParam": "{}"},
    ]
    answer = await shop.post(f"/v1/message/{ident}/smartsend", {"recipients": recipients, "email": False})
    rows = answer.json()["results"]
    assert [row["status"] for row in rows] == ["OK", "OK", "ERROR"]
    ids = [row["requestId"] for row in rows[:2]]
    async with sending(shop.app.sending_loop(SenderRole.EXPRESS)), asyncio.timeout(30):
        while True:
            found = (await shop.get("/v1/message/status", ids=",".join(ids))).json()["results"]
            if all(row["status"] == "DELIVERED" for row in found):
                break
            await asyncio.sleep(0.02)
    entries = [one for one in (await shop.app.inbox.list(limit=1000)).entries if one.message_id in ids]
    name = "Acme" if word == "sms" else "Syncom"
    assert {(one.channel, one.to, one.mail_from, one.subject) for one in entries} == {
        (word, "+380671112233", name, "Order A-1"),
        (word, "+380672223344", "Shop", "Замовлення A-2"),
    }


@pytest.mark.parametrize("word", ["mobilepush", "appinbox", "telegram", "inapp"])
async def test_channels_without_a_sender_say_so_for_each_recipient(shop: Shop, word: str) -> None:
    ident = await added(shop, word)
    answer = await shop.post(f"/v1/message/{ident}/smartsend", {"recipients": [{"locator": "a"}, {"locator": "b"}]})
    assert answer.status == 200
    assert [(row["status"], row["message"]) for row in answer.json()["results"]] == [
        ("ERROR", f"no sender for channel {word}; add one")
    ] * 2

"""Prepared emails over eSputnik's API, and what an account says about itself."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from syncom import __version__
from syncom.campaigns.model import Audience, CampaignInput
from syncom.messages.model import SenderKind
from syncom.messages.senders import SenderInput
from tests.http.esputnik.conftest import Shop

BODY = {
    "name": "Spring sale",
    "subject": "Dear %FIRSTNAME|friend%",
    "htmlText": "<p>Hello</p>",
    "plainText": "Hello",
    "tags": ["spring", "sale"],
}


async def add(shop: Shop, **changes: Any) -> int:
    answer = await shop.post("/v1/messages/email", {**BODY, **changes})
    assert answer.status == 200, answer.body
    assert set(answer.json()) == {"id"}
    return answer.json()["id"]


async def read(shop: Shop, message: int) -> dict[str, Any]:
    answer = await shop.get(f"/v1/messages/email/{message}")
    assert answer.status == 200, answer.body
    return answer.json()


async def senders(shop: Shop) -> None:
    for address, name in (("info@shop.example", "Shop"), ("sale@shop.example", "")):
        given = SenderInput(name=address, from_email=address, from_name=name, kind=SenderKind.INBOX)
        await shop.app.senders.add(shop.account_id, given)


async def test_an_email_is_added_read_changed_and_deleted(shop: Shop) -> None:
    await senders(shop)
    message = await add(shop, **{"from": '"The Sale" <sale@shop.example>'})
    assert await read(shop, message) == {
        "id": message,
        "name": "Spring sale",
        "from": '"The Sale" <sale@shop.example>',
        "subject": "Dear %FIRSTNAME|friend%",
        "htmlText": "<p>Hello</p>",
        "plainText": "Hello",
        "tags": ["spring", "sale"],
    }
    changed = await shop.put(f"/v1/messages/email/{message}", {"subject": "New", "tags": [], "from": None})
    assert (changed.status, changed.json()) == (200, {"id": message})
    found = await read(shop, message)
    assert (found["subject"], found["tags"], found["name"]) == ("New", [], "Spring sale")
    assert found["from"] == '"The Sale" <sale@shop.example>'
    again = await shop.post("/v1/messages/email", {"id": str(message), "name": "Renamed", "from": "info@shop.example"})
    assert again.json() == {"id": message}
    found = await read(shop, message)
    assert (found["name"], found["subject"], found["from"]) == ("Renamed", "New", '"Shop" <info@shop.example>')
    deleted = await shop.delete(f"/v1/messages/email/{message}")
    assert (deleted.status, deleted.body) == (200, b"")
    assert (await shop.get(f"/v1/messages/email/{message}")).status == 404


async def test_an_email_without_a_sender_comes_from_the_default_one(shop: Shop) -> None:
    message = await add(shop, tags="one")
    assert (await read(shop, message))["from"] == ""
    await senders(shop)
    found = await read(shop, message)
    assert (found["from"], found["tags"]) == ("sale@shop.example", ["one"])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"subject": None}, "subject"),
        ({"htmlText": None}, "htmlText"),
        ({"htmlText": "  "}, "htmlText"),
        ({"htmlText": "#if($broken)"}, "html"),
        ({"subject": "a\nb"}, "subject"),
        ({"name": "x" * 201}, "name"),
        ({"from": "who@elsewhere.example"}, "senders"),
        ({"tags": ["x" * 101]}, "tags"),
        ({"tags": {"a": 1}}, "tags"),
        ({"languageCode": "no language"}, "language"),
        ({"id": "many"}, "id"),
    ],
)
async def test_a_wrong_email_is_refused_and_nothing_is_added(shop: Shop, changes: dict[str, Any], word: str) -> None:
    answer = await shop.post("/v1/messages/email", {**BODY, **changes})
    assert answer.status == 400, answer.body
    assert word in answer.message
    assert (await shop.get("/v1/messages/email")).headers["TotalCount"] == "0"


async def test_unknown_emails_and_those_of_others_are_not_found(shop: Shop) -> None:
    theirs = await add(shop.other)
    for message in (10**9, theirs):
        path = f"/v1/messages/email/{message}"
        answers = [
            await shop.get(path),
            await shop.put(path, BODY),
            await shop.delete(path),
            await shop.post("/v1/messages/email", {"id": message, **BODY}),
            await shop.get(f"{path}/uk"),
            await shop.put(f"{path}/uk", BODY),
            await shop.delete(f"{path}/uk"),
            await shop.get(f"{path}/viewLink"),
        ]
        assert [answer.status for answer in answers] == [404] * len(answers)
        assert all("not found" in answer.message for answer in answers)
    assert (await read(shop.other, theirs))["name"] == "Spring sale"
    for wrong in ("0", "-1", "abc", str(2**63)):
        assert (await shop.get(f"/v1/messages/email/{wrong}")).status == 400


async def test_an_email_that_a_campaign_needs_stays(shop: Shop) -> None:
    message = await add(shop)
    given = CampaignInput(name="News", template_id=message, audience=Audience(everyone=True))
    await shop.app.campaigns.create(shop.account_id, given)
    answer = await shop.delete(f"/v1/messages/email/{message}")
    assert answer.status == 400
    assert "News" in answer.message
    assert (await read(shop, message))["name"] == "Spring sale"


async def test_emails_are_paged_and_found_by_name_or_tag(shop: Shop) -> None:
    ids = [
        await add(shop, name=f"Letter {number}", tags=["even"] if number % 2 else ["ODD one"]) for number in range(5)
    ]
    await add(shop.other, name="Letter of another")

    async def page(**query: Any) -> tuple[list[int], str]:
        answer = await shop.get("/v1/messages/email", **query)
        assert answer.status == 200, answer.body
        return [one["id"] for one in answer.json()], answer.headers["TotalCount"]

    assert await page() == (ids, "5")
    assert await page(startindex=2, maxrows=2) == (ids[1:3], "5")
    assert await page(startindex=9) == ([], "5")
    assert await page(maxrows=100_000) == (ids, "5")
    assert await page(search="odd") == (ids[0::2], "3")
    assert await page(search="LETTER 3") == ([ids[3]], "1")
    assert await page(search="50%") == ([], "0")
    for wrong in ({"startindex": 0}, {"maxrows": "x"}, {"maxrows": -1}):
        assert (await shop.get("/v1/messages/email", **wrong)).status == 400


async def test_an_email_has_versions_in_other_languages(shop: Shop) -> None:
    message = await add(shop, languageCode="EN")
    path = f"/v1/messages/email/{message}"
    assert (await shop.put(f"{path}/uk_UA", {"subject": "Вітаю", "htmlText": "<p>Вітаю</p>"})).json() == {"id": message}
    added = await shop.post("/v1/messages/email", {"id": message, "languageCode": "pl", "subject": "Cześć"})
    assert added.json() == {"id": message}
    found = await read(shop, message)
    assert (found["languageCode"], found["languages"], found["subject"]) == ("en", ["pl", "uk-UA"], BODY["subject"])
    polish = (await shop.get(f"{path}/PL")).json()
    assert (polish["subject"], polish["htmlText"], polish["languageCode"]) == ("Cześć", "<p>Hello</p>", "pl")
    assert (await shop.put(f"{path}/pl", {"htmlText": "<p>Hej</p>"})).status == 200
    polish = (await shop.get(f"{path}/pl")).json()
    assert (polish["subject"], polish["htmlText"]) == ("Cześć", "<p>Hej</p>")
    # A change of the email itself leaves its versions as they are.
    assert (await shop.put(path, {"tags": ["new"], "languageCode": "en", "subject": "Base"})).status == 200
    assert (await read(shop, message))["subject"] == "Base"
    assert (await shop.get(f"{path}/pl")).json()["tags"] == ["new"]
    assert (await shop.delete(f"{path}/pl")).status == 200
    assert (await shop.delete(f"{path}/pl")).status == 404
    assert (await shop.get(f"{path}/pl")).status == 404
    assert (await read(shop, message))["languages"] == ["uk-UA"]


async def test_a_wrong_version_is_refused_and_the_email_stays_as_it_was(shop: Shop) -> None:
    message = await add(shop, languageCode="en")
    path = f"/v1/messages/email/{message}"
    before = await read(shop, message)
    for language, body in (
        ("uk", {"subject": "${broken"}),
        ("uk", {"htmlText": ""}),
        ("not a language", {"subject": "x"}),
        ("en", {"subject": "x"}),
        ("uk", {"subject": {"a": 1}}),
    ):
        answer = await shop.put(f"{path}/{language}", body)
        assert answer.status == 400, (language, answer.body)
    assert await read(shop, message) == before


async def opened(link: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(link)


async def test_an_email_can_be_seen_in_the_browser(shop: Shop) -> None:
    message = await add(shop, htmlText="<p>Dear %FIRSTNAME%, order $number</p>")
    answer = await shop.get(f"/v1/messages/email/{message}/viewLink")
    assert answer.status == 200, answer.body
    link = answer.json()["link"]
    assert link.startswith(shop.url)
    page = await opened(link)
    assert page.status_code == 200
    assert "Dear , order" in page.text
    assert "/t/c/" not in page.text
    assert (await opened(link[:-3] + "xxx")).status_code == 404


# ------------------------------------------------------------------ the account


async def test_senders_are_listed_as_name_and_address(shop: Shop) -> None:
    await senders(shop)
    answer = await shop.get("/v1/interfaces/email")
    assert (answer.status, answer.json()) == (
        200,
        [
            {"type": "email", "value": '"Shop" <info@shop.example>'},
            {"type": "email", "value": "sale@shop.example"},
        ],
    )
    # Whoever has no sender yet has the dev inbox.
    (inbox,) = (await shop.other.get("/v1/interfaces/email")).json()
    assert inbox["value"].startswith('"Syncom dev inbox"')


async def test_modules_that_look_at_the_balance_may_send(shop: Shop) -> None:
    answer = await shop.get("/v1/balance")
    assert answer.status == 200
    assert set(answer.json()) == {"currentBalance", "creditLimit", "currency", "bonusEmails", "bonusSmses"}
    assert answer.json()["currentBalance"] > 0


async def test_the_version_is_told_to_who_checks_a_key(shop: Shop) -> None:
    assert (await shop.get("/v1/version")).json() == {"version": __version__, "protocolVersion": "1.0"}
    assert (await shop.get("/v2/version")).json() == {"version": __version__, "protocolVersion": "2.0"}
    assert (await shop.call("GET", "/v2/version", auth=("x", "wrong"))).status == 401

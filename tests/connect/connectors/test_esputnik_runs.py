"""The sixteen actions of the eSputnik connector, run against this installation's own API over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.connect.runs.model import RunFailed
from syncom.errors import Invalid
from syncom.inbox.server import InboxServer
from tests.connect.connectors.conftest import Desk
from tests.connect.connectors.mailroom import delivery, inbox_of

NOWHERE = "00000000-0000-4000-8000-000000000000"
LETTER = {
    "name": "Order",
    "from": '"Shop" <info@shop.example>',
    "subject": "Order $!data.get('number')",
    "htmlText": "<p>Dear %FIRSTNAME|friend%, $!data.get('lines').get(0).get('name')</p>",
}


def channel(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "value": value}


def order(number: str, **more: Any) -> dict[str, Any]:
    return {
        "externalOrderId": number,
        "totalCost": 1000,
        "status": "INITIALIZED",
        "date": "2026-03-08T09:30:00+02:00",
        "currency": "UAH",
        **more,
    }


@pytest.fixture
async def inbox(desk: Desk) -> AsyncIterator[InboxServer]:
    async with inbox_of(desk.app, desk.account_id) as server:
        yield server


async def settled(desk: Desk, ids: Sequence[str]) -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        while True:
            found = (await desk.run("get-message-status", ids=list(ids)))["results"]
            if all(row["status"] not in ("IN_QUEUE", "PENDING") for row in found):
                return found
            await asyncio.sleep(0.05)


async def refused(desk: Desk, key: str, **given: Any) -> str:
    """What the run of an action says when the app refuses it."""
    with pytest.raises(RunFailed) as caught:
        await desk.run(key, **given)
    assert caught.value.run_id
    return caught.value.fault.message


# ------------------------------------------------------------------ contacts


async def test_a_contact_is_added_found_read_updated_and_deleted(desk: Desk) -> None:
    olena = {
        "firstName": "Olena",
        "lastName": "Bondar",
        "channels": [channel("email", "olena@example.org"), channel("sms", "380671112233")],
        "address": {"town": "Lviv", "countryCode": "UA"},
        "externalCustomerId": "C-1001",
        "languageCode": "uk",
    }
    made = await desk.run("add-update-contact", olena)
    assert set(made) == {"id"}
    [found] = await desk.run("search-contacts", email="OLENA@example.org")
    assert (found["id"], found["externalCustomerId"]) == (made["id"], "C-1001")
    assert await desk.run("search-contacts", sms="067 111 22 33", lastName="bond") == [found]
    assert await desk.run("search-contacts", externalCustomerId="C-1001") == [found]
    card = await desk.run("get-contact", contactId=made["id"])
    assert card["address"]["town"] == "Lviv"
    assert (await desk.run("add-update-contact", {**olena, "firstName": "Lena"}))["id"] == made["id"]
    assert (await desk.run("get-contact", contactId=made["id"]))["firstName"] == "Lena"
    assert await desk.run("delete-contact", contactId=made["id"]) == {
        "message": f"Contact with id='{made['id']}' has been deleted"
    }
    assert "not found" in await refused(desk, "get-contact", contactId=made["id"])
    assert "not found" in await refused(desk, "delete-contact", contactId=made["id"])


@pytest.mark.parametrize(
    "name",
    [
        {"externalCustomerId": "C-1"},
        {"email": "Ann@example.org"},
        {"phone": "+380671112233"},
        {"phone": "380671112233"},
    ],
)
async def test_a_contact_is_known_by_each_of_its_identities(desk: Desk, name: dict[str, str]) -> None:
    ann = await desk.run(
        "add-update-contact",
        channels=[channel("email", "ann@example.org"), channel("sms", "380671112233")],
        externalCustomerId="C-1",
    )
    # Others whose addresses and numbers contain those of Ann.
    await desk.run(
        "add-update-contact",
        channels=[channel("email", "joann@example.org"), channel("sms", "3806711122339")],
        externalCustomerId="C-11",
    )
    assert (await desk.run("get-contact", name))["id"] == ann["id"]
    assert "has been deleted" in (await desk.run("delete-contact", name))["message"]
    assert [row["externalCustomerId"] for row in await desk.run("search-contacts")] == ["C-11"]
    for key in ("get-contact", "delete-contact"):
        assert "no contact" in await refused(desk, key, **name) or "not found" in await refused(desk, key, **name)


async def test_looking_up_by_id_takes_one_request_and_by_email_two(desk: Desk) -> None:
    made = await desk.run("add-update-contact", channels=[channel("email", "ann@example.org")])
    by_id = await desk.result("get-contact", {"contactId": made["id"]})
    assert await desk.exchanges(by_id.run_id) == [f"GET /v1/contact/{made['id']}"]
    by_email = await desk.result("get-contact", {"email": "ann@example.org"})
    assert await desk.exchanges(by_email.run_id) == [
        "GET /v1/contacts?email=ann%40example.org&maxrows=500",
        f"GET /v1/contact/{made['id']}",
    ]


async def test_a_contact_is_erased_for_good_by_its_external_id(desk: Desk) -> None:
    await desk.run("add-update-contact", channels=[channel("email", "ann@example.org")], externalCustomerId="C-1")
    done = await desk.run("delete-contact", externalCustomerId="C-1", erase=True)
    assert done == {"message": "Contact with externalCustomerId='C-1' has been deleted"}
    assert "not found" in await refused(desk, "delete-contact", externalCustomerId="C-1", erase=True)


async def test_what_is_wrong_with_a_contact_is_said_in_the_words_of_the_api(desk: Desk) -> None:
    assert "'ann@' is not valid email" in await refused(desk, "add-update-contact", channels=[channel("email", "ann@")])
    assert "is not valid phone" in await refused(desk, "add-update-contact", channels=[channel("sms", "12")])
    both = await refused(desk, "search-contacts", externalCustomerId="C-1", email="ann")
    assert "cannot be combined" in both
    again = {"channels": [channel("email", "twice@example.org")]}
    await desk.run("add-update-contact", again)
    assert "Duplicated request" in await refused(desk, "add-update-contact", **again)


async def test_wrong_input_is_refused_before_anything_is_sent(desk: Desk) -> None:
    with pytest.raises(Invalid) as caught:
        await desk.run("add-update-contact", channels=[{"type": "mail", "value": ""}])
    assert {field.field for field in caught.value.fields} == {"$.channels[0].type", "$.channels[0].value"}


async def test_a_form_subscribes_an_unconfirmed_contact_and_makes_its_segment(desk: Desk) -> None:
    made = await desk.run(
        "subscribe-contact",
        contact={"channels": [channel("email", "lena@example.org")], "firstName": "Lena"},
        groups=["Subscribers"],
        formType="footer",
    )
    [segment] = await desk.run("get-segments", name="subscr")
    assert (segment["name"], segment["type"]) == ("Subscribers", "Static")
    [member] = await desk.run("get-segment-contacts", segmentId=segment["id"])
    assert member["id"] == made["id"]
    assert "not found" in await refused(desk, "get-segment-contacts", segmentId=segment["id"] + 1000)
    assert await desk.run("get-segments", name="nothing like that") == []


async def test_lists_are_gathered_page_by_page_or_a_page_is_asked_for(desk: Desk) -> None:
    for number in range(0, 1100, 550):
        rows = [
            {"channels": [channel("email", f"c{place}@example.org")], "externalCustomerId": f"C-{place}"}
            for place in range(number, number + 550)
        ]
        answer = await desk.run("add-contacts", contacts=rows, dedupeOn="email", groupNames=["Everybody"])
        assert answer["failedContacts"] == []
    everybody = await desk.result("search-contacts", {})
    assert len({row["id"] for row in everybody.output}) == 1100
    assert len(await desk.exchanges(everybody.run_id)) == 3, "two full pages and the rest"
    page = await desk.run("search-contacts", startIndex=1098, maxRows=10)
    assert [row["id"] for row in page] == [row["id"] for row in everybody.output[1097:]]
    [segment] = await desk.run("get-segments", name="Everybody")
    assert len(await desk.run("get-segment-contacts", segmentId=segment["id"])) == 1100
    assert len(await desk.run("get-segment-contacts", segmentId=segment["id"], maxRows=7)) == 7


async def test_unsubscribed_addresses_are_gathered_behind_the_last_one(desk: Desk) -> None:
    addresses = [f"c{number:04}@example.org" for number in range(1001)]
    await desk.run("unsubscribe-emails", emails=addresses)
    assert [row["email"] for row in await desk.run("get-unsubscribed-emails")] == addresses
    await desk.run("resubscribe-emails", emails=addresses[1:])
    assert [row["email"] for row in await desk.run("get-unsubscribed-emails")] == addresses[:1]


# ------------------------------------------------------------------ sending


async def test_a_prepared_message_is_sent_into_the_inbox_and_its_status_is_told(desk: Desk, inbox: InboxServer) -> None:
    await desk.run("add-update-contact", channels=[channel("email", "olena@example.org")], firstName="Olena")
    message = await desk.run("add-email-message", LETTER)
    sent = await desk.run(
        "send-prepared-message",
        messageId=message["id"],
        recipients=[
            {"locator": "olena@example.org", "jsonParam": {"number": "A-500", "lines": [{"name": "Lamp"}]}},
            {"locator": "new@example.org", "jsonParam": '{"number":"A-501","lines":[{"name":"Desk"}]}'},
            {"locator": "ann@"},
        ],
    )
    assert [row["status"] for row in sent["results"]] == ["OK", "OK", "ERROR"]
    assert sent["results"][2]["message"] == "'ann@' is not valid email"
    ids = [row["requestId"] for row in sent["results"][:2]]
    async with delivery(desk.app):
        assert [row["status"] for row in await settled(desk, ids)] == ["DELIVERED", "DELIVERED"]
    page = await desk.app.inbox.list(recipient="olena@example.org")
    assert [entry.subject for entry in page.entries] == ["Order A-500"]
    assert "Dear Olena, Lamp" in (await desk.app.inbox.parse(page.entries[0].inbox_id)).html
    today = datetime.now(UTC).date()
    rows = await desk.run(
        "get-contacts-activity",
        dateFrom=str(today - timedelta(days=1)),
        dateTo=str(today + timedelta(days=1)),
        email="olena@example.org",
        activityStatus="DELIVERED",
    )
    assert [row["iid"] for row in rows] == ids[:1]


async def test_an_email_is_sent_from_one_of_the_senders_only(desk: Desk, inbox: InboxServer) -> None:
    letter = {"subject": "Hi", "htmlText": "<p>Hello</p>", "emails": ["olena@example.org"]}
    assert '"Shop" <info@shop.example>' in [row["value"] for row in await desk.run("get-email-senders")]
    sent = await desk.run("send-email", {"from": "info@shop.example", **letter})
    async with delivery(desk.app):
        [row] = await settled(desk, [sent["results"][0]["requestId"]])
    assert (row["status"], row["delivered"], row["failed"]) == ("DELIVERED", True, False)
    [stranger] = (await desk.run("send-email", {"from": "ceo@bank.example", **letter}))["results"]
    assert stranger["status"] == "ERROR"
    assert "requestId" not in stranger


async def test_a_text_is_sent_under_a_name_of_the_account(desk: Desk) -> None:
    [sender, *_] = await desk.run("get-sms-senders")
    sent = await desk.run("send-sms", {"from": sender["value"], "text": "On its way", "phoneNumbers": ["380671112233"]})
    [row] = (await desk.run("get-message-status", ids=[sent["results"][0]["requestId"]]))["results"]
    assert row["status"] in ("IN_QUEUE", "PENDING", "DELIVERED")
    assert "not found" in await refused(desk, "send-sms", **{"from": sender["value"], "text": "Hi", "groupId": 987654})


async def test_a_message_that_is_not_there_is_said_to_be(desk: Desk) -> None:
    unknown = await refused(desk, "send-prepared-message", messageId=987654, recipients=[{"locator": "a@example.org"}])
    assert "Message with id='987654' not found" in unknown
    [row] = (await desk.run("get-message-status", ids=[NOWHERE]))["results"]
    assert (row["status"], row["failed"]) == ("MESSAGE_NOT_FOUND", True)
    rows = (await desk.run("get-message-status", ids=[NOWHERE, "what,ever"]))["results"]
    assert {row["status"] for row in rows} == {"MESSAGE_NOT_FOUND"}


# ------------------------------------------------------------------ events, orders, the account


@pytest.mark.parametrize("version", [None, "v1", "v2", "v3"])
async def test_an_event_is_recorded_in_every_version(desk: Desk, version: str | None) -> None:
    contact = await desk.run("add-update-contact", channels=[channel("email", "olena@example.org")])
    lines = [{"name": 'Lamp "old"', "sum": 120.5}]
    given = {
        "eventTypeKey": "invoicePaid",
        "keyValue": "inv-9001",
        "params": [{"name": "EmailAddress", "value": "olena@example.org"}, {"name": "lines", "value": lines}],
    }
    assert await desk.run("generate-event", given if version is None else {**given, "version": version}) == {}
    [event] = (await desk.app.events.of_contact(desk.account_id, contact["id"])).events
    assert (event.type_key, event.key) == ("invoicePaid", "inv-9001")
    assert event.params["lines"] == ('[{"name":"Lamp \\"old\\"","sum":120.5}]' if version == "v1" else lines)
    assert "Duplicated request" in await refused(desk, "generate-event", **given, version=version or "v2")


async def test_an_event_that_names_nobody_or_breaks_the_rules_of_its_type_is_refused(desk: Desk) -> None:
    nobody = await refused(desk, "generate-event", eventTypeKey="invoicePaid", params=[{"name": "sum", "value": 1}])
    assert "keyValue" in nobody
    with pytest.raises(Invalid):
        await desk.run("generate-event", eventTypeKey="invoice<Paid", params=[])
    with pytest.raises(Invalid):
        await desk.run("generate-event", eventTypeKey="invoicePaid", version="v1", params=[])


async def test_orders_are_added_updated_and_refused_one_by_one(desk: Desk) -> None:
    taken = await desk.run("add-orders", orders=[order("A-500", email="olena@example.org"), order("A-501", email="no")])
    [failed] = taken["failedOrders"]
    assert failed["externalOrderId"] == "A-501"
    assert "email" in failed["errorMessage"]
    await desk.run("add-orders", orders=[order("A-500", email="olena@example.org", status="DELIVERED")])
    [contact] = await desk.run("search-contacts", email="olena@example.org")
    card = await desk.run("get-contact", contactId=contact["id"])
    assert card["ordersInfo"]["count"] == 1
    with pytest.raises(Invalid):
        await desk.run("add-orders", orders=[order("A-502")])


async def test_activity_must_be_of_a_period_that_makes_sense(desk: Desk) -> None:
    assert await desk.run("get-contacts-activity", dateFrom="2026-09-14", dateTo="2026-09-15") == []
    assert "dateTo" in await refused(desk, "get-contacts-activity", dateFrom="2026-09-15", dateTo="2026-09-01")
    assert "dateFrom" in await refused(desk, "get-contacts-activity", dateFrom="yesterday", dateTo="2026-09-01")


async def test_workflows_and_the_account_are_told(desk: Desk) -> None:
    assert await desk.run("get-workflows") == []
    assert await desk.run("get-workflows", startIndex=2, maxRows=1) == []
    info = await desk.run("get-account-info")
    assert (info["orgId"], info["organisationName"]) == (desk.account_id, "Shop")


# ------------------------------------------------------------------ generated actions


async def test_sentences_of_the_api_are_answers_of_generated_actions_too(desk: Desk) -> None:
    made = await desk.run("add-update-contact", channels=[channel("email", "ann@example.org")])
    changed = await desk.run("update-contact", contactId=made["id"], firstName="Ann")
    assert changed == f"Contact with id='{made['id']}' has been updated"
    await desk.run("subscribe-contact", contact={"channels": [channel("email", "bob@example.org")]}, groups=["List"])
    [segment] = await desk.run("get-segments", name="List")
    attached = await desk.run("add-contacts-to-segment", segmentId=segment["id"], contactIds=[made["id"]])
    assert attached == "Contacts were attached"
    detached = await desk.run("remove-contacts-from-segment", segmentId=segment["id"])
    assert detached == "Contacts were detached"
    assert await desk.run("get-segment-contacts", segmentId=segment["id"]) == []


async def test_promo_codes_and_broadcasts_go_through(desk: Desk) -> None:
    added = await desk.run("add-promocodes", promocodes=[{"code": "AUTUMN-1", "discount": 10}, {"code": "AUTUMN-2"}])
    assert added == {"added": 2, "updated": 0}
    assert await desk.run("count-promocodes", inUse=False) == {"count": 2}
    refusal = await refused(desk, "add-broadcast", title="Sale", messageId=987654, groups=[1])
    assert "not found" in refusal


async def test_a_dry_run_shows_the_request_and_sends_nothing(desk: Desk) -> None:
    given = {"messageId": 5, "recipients": [{"locator": "olena@example.org", "jsonParam": {"number": 7}}]}
    result = await desk.result("send-prepared-message", given, dry_run=True)
    assert result.preview is not None
    [request] = result.preview
    assert request["method"] == "POST"
    assert request["url"].endswith("/api/v1/message/5/smartsend")
    assert request["body"]["recipients"] == [{"locator": "olena@example.org", "jsonParam": '{"number":7}'}]

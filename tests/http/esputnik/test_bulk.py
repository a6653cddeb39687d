"""Many contacts in one call: how they are recognised, what is written, what becomes of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.contacts.model import Channel, FieldType, SubscriptionState
from tests.http.esputnik.conftest import Reply, Shop
from tests.http.esputnik.test_contacts import add, by_email, read


def person(email: str = "", sms: str = "", **more: Any) -> dict[str, Any]:
    channels = [{"type": "email", "value": email}] if email else []
    channels += [{"type": "sms", "value": sms}] if sms else []
    return {"channels": channels, **more}


async def send(shop: Shop, contacts: list[dict[str, Any]], dedupe: str = "email", **more: Any) -> Reply:
    return await shop.post("/v1/contacts", {"contacts": contacts, "dedupeOn": dedupe, **more})


async def save(shop: Shop, contacts: list[dict[str, Any]], dedupe: str = "email", **more: Any) -> list[int]:
    """Ids of the contacts that were written, as the session tells them."""
    answer = await send(shop, contacts, dedupe, **more)
    assert answer.status == 200, answer.body
    assert answer.json()["failedContacts"] == []
    session = await shop.get(f"/v1/importstatus/{answer.json()['asyncSessionId']}")
    assert session.json()["status"] == "FINISHED"
    return [one["id"] for one in session.json()["contacts"]]


#: A call that is right.
GOOD: dict[str, Any] = {"contacts": [person("a@example.org")], "dedupeOn": "email"}


async def count(shop: Shop) -> str:
    return (await shop.get("/v1/contacts")).headers["totalcount"]


# ---------------------------------------------------------------- the session


async def test_a_call_is_answered_with_a_session_that_tells_the_contacts(shop: Shop) -> None:
    answer = await send(
        shop, [person("ihor@example.org", firstName="Ihor", externalCustomerId="C-1002"), person("b@example.org")]
    )
    assert answer.status == 200
    body = answer.json()
    assert (body["id"], body["failedContacts"]) == (0, [])
    session = (await shop.get(f"/v1/importstatus/{body['asyncSessionId']}")).json()
    assert (session["status"], session["description"]) == ("FINISHED", "")
    assert [one.get("externalCustomerId") for one in session["contacts"]] == ["C-1002", None]
    assert (await read(shop, session["contacts"][0]["id"]))["firstName"] == "Ihor"
    assert len(session["timestamps"]) == len("2026-09-14T08:30:51")
    assert (await shop.other.get(f"/v1/importstatus/{body['asyncSessionId']}")).status == 404


async def test_unknown_sessions_are_not_found(shop: Shop) -> None:
    answer = await shop.get("/v1/importstatus/6a1f0e6e-2f3d-4a52-9d0c-6c2b8f0b1a77")
    assert (answer.status, "not found" in answer.message) == (404, True)
    assert (await shop.get("/v1/importstatus/abc")).status == 400


async def test_refused_contacts_come_back_with_the_reason_and_the_rest_is_written(shop: Shop) -> None:
    answer = await send(
        shop,
        [
            person("ann@", firstName="Ann"),
            person("good@example.org"),
            person(sms="380671112233"),
            person("x@example.org", timeZone="Mars"),
            {"channels": [{"type": "fax", "value": "1"}]},
        ],
    )
    assert answer.status == 200
    failed = answer.json()["failedContacts"]
    assert failed[0] == {
        "firstName": "Ann",
        "channels": [{"type": "email", "value": "ann@"}],
        "errorMessage": "'ann@' is not valid email",
    }
    assert [one["errorMessage"] for one in failed[1:]] == [
        "Field 'externalCustomerId' is wrong: is missing: contacts of this batch are recognised by it or email",
        "Field 'timeZone' is wrong: is not a time zone such as Europe/Kyiv",
        "Field 'channels' is wrong: 'fax' is not a type of channel",
    ]
    session = (await shop.get(f"/v1/importstatus/{answer.json()['asyncSessionId']}")).json()
    assert (session["description"], len(session["contacts"])) == ("1 of 5 contacts were written", 1)
    assert await count(shop) == "1"


# ---------------------------------------------------------------- recognising


@pytest.mark.parametrize(
    ("dedupe", "first", "second"),
    [
        ("email", person("a@example.org", "380671112233"), person("A@example.org", firstName="X")),
        ("sms", person("a@example.org", "380671112233"), person("", "+380671112233", firstName="X")),
        (
            "email_or_sms",
            person("a@example.org", "380671112233"),
            person("b@example.org", "380671112233", firstName="X"),
        ),
        ("email_or_sms", person("a@example.org"), person("a@example.org", "380671112233", firstName="X")),
        (
            "externalCustomerId",
            person("a@example.org", externalCustomerId="C"),
            person("b@example.org", externalCustomerId="C", firstName="X"),
        ),
        ("contactKey", person("a@example.org", contactKey="K"), person(contactKey="K", firstName="X")),
    ],
)
async def test_contacts_are_recognised_by_what_dedupe_on_names(
    shop: Shop, dedupe: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    (one,) = await save(shop, [first], dedupe)
    assert await save(shop, [second], dedupe) == [one]
    assert (await read(shop, one))["firstName"] == "X"
    assert await count(shop) == "1"


@pytest.mark.parametrize(
    ("dedupe", "kind"), [("push", "mobilepush"), ("mobilepush", "mobilepush"), ("webpush", "webpush")]
)
async def test_contacts_are_recognised_by_push_tokens(shop: Shop, dedupe: str, kind: str) -> None:
    body = {"channels": [{"type": kind, "value": "token"}]}
    one, same = await save(shop, [body, body | {"firstName": "X"}], dedupe)
    assert one == same
    assert await save(shop, [body | {"lastName": "Y"}], dedupe) == [one]
    found = await read(shop, one)
    assert (found["firstName"], found["lastName"]) == ("X", "Y")
    other = {"channels": [{"type": kind, "value": "other"}]}
    assert await save(shop, [other], dedupe) != [one]


async def test_contacts_are_recognised_by_our_id(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org")])
    assert await save(shop, [{"id": one, "channels": [], "firstName": "X"}], "id") == [one]
    assert (await read(shop, one))["firstName"] == "X"
    theirs = await add(shop.other, by_email("theirs@example.org"))
    answer = await send(
        shop, [{"id": 999_999_999, "firstName": "X"}, {"id": theirs, "firstName": "X"}, {"firstName": "X"}], "id"
    )
    assert [one["errorMessage"] for one in answer.json()["failedContacts"]] == [
        "Contact with id='999999999' not found",
        f"Contact with id='{theirs}' not found",
        "Field 'id' is wrong: is missing: contacts of this batch are recognised by it",
    ]


async def test_contacts_are_recognised_by_a_field_of_their_own(shop: Shop) -> None:
    card = await shop.app.contacts.fields.create(shop.account_id, key="card", name="Card", type=FieldType.NUMBER)

    def with_card(number: Any, **more: Any) -> dict[str, Any]:
        return {"fields": [{"id": card.field_id, "value": number}], **more}

    found = await save(
        shop,
        [
            with_card("100", channels=[{"type": "email", "value": "a@example.org"}]),
            with_card("100", firstName="X"),
            with_card(200),
        ],
        "fieldId",
        fieldId=card.field_id,
    )
    assert found[0] == found[1] != found[2]
    assert await save(shop, [with_card("100", lastName="Y")], "fieldId", fieldId=card.field_id) == found[:1]
    seen = await read(shop, found[0])
    assert (seen["firstName"], seen["lastName"], seen["fields"]) == ("X", "Y", [{"id": card.field_id, "value": "100"}])
    assert (await send(shop, [with_card("1")], "fieldId")).status == 400
    assert (await send(shop, [with_card("1")], "fieldId", fieldId=999_999)).status == 400
    answer = await send(shop, [person("b@example.org"), with_card("many")], "fieldId", fieldId=card.field_id)
    assert len(answer.json()["failedContacts"]) == 2


async def test_the_external_id_comes_first_whatever_dedupe_on_says(shop: Shop) -> None:
    one, two = await save(shop, [person("a@example.org", externalCustomerId="C-1"), person("b@example.org")])
    assert await save(shop, [person("b@example.org", externalCustomerId="C-1")]) == [one]
    assert (await read(shop, one))["channels"] == [{"type": "email", "value": "b@example.org"}]
    assert (await read(shop, two))["channels"] == []
    for dedupe in ("id", "push"):
        more = {"id": two} if dedupe == "id" else {}
        assert await save(shop, [person(externalCustomerId="C-1", firstName=dedupe, **more)], dedupe) == [one]


async def test_an_unknown_external_id_goes_to_the_known_address(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org")])
    assert await save(shop, [person("a@example.org", externalCustomerId="C-1")]) == [one]
    assert (await read(shop, one))["externalCustomerId"] == "C-1"


async def test_an_address_of_somebody_with_another_external_id_makes_a_new_contact(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org", externalCustomerId="C-1")])
    (two,) = await save(shop, [person("a@example.org", externalCustomerId="C-2")])
    assert one != two
    assert (await read(shop, two))["channels"] == [{"type": "email", "value": "a@example.org"}]


async def test_of_two_who_share_the_one_without_an_external_id_is_updated(shop: Shop) -> None:
    (with_id,) = await save(shop, [person("a@example.org", externalCustomerId="C-1")])
    (without,) = await save(shop, [person(sms="380671112233")], "sms")
    assert await save(shop, [person("a@example.org", "380671112233", externalCustomerId="C-2")], "email_or_sms") == [
        without
    ]
    assert (await read(shop, with_id))["externalCustomerId"] == "C-1"
    assert (await read(shop, without))["externalCustomerId"] == "C-2"


async def test_rows_of_one_person_act_in_their_order(shop: Shop) -> None:
    ids = await save(shop, [person("a@example.org", firstName=name) for name in ("A", "B", "C")])
    assert len(set(ids)) == 1
    assert (await read(shop, ids[0]))["firstName"] == "C"


# ---------------------------------------------------------------- what is written


async def test_only_named_members_are_written_and_named_ones_without_data_are_cleared(shop: Shop) -> None:
    full = person("a@example.org", "380671112233", firstName="A", lastName="B", address={"town": "Lviv", "region": "R"})
    (one,) = await save(shop, [full])
    change = person("a@example.org", "380509998877", firstName="X", lastName="Y", address={"town": "Kyiv"})
    await save(shop, [change], contactFields=["firstName", "region"])
    found = await read(shop, one)
    assert (found["firstName"], found["lastName"]) == ("X", "B")
    assert (found["address"]["town"], found["address"]["region"]) == ("Lviv", "")
    assert found["channels"][1]["value"] == "380671112233"


async def test_a_phone_is_wiped_by_naming_it_without_data(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org", "380671112233")])
    await save(shop, [person("a@example.org")], contactFields=["sms"])
    assert (await read(shop, one))["channels"] == [{"type": "email", "value": "a@example.org"}]


async def test_without_named_members_all_that_are_given_are_written_and_others_stay(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org", firstName="A", lastName="B")])
    await save(shop, [person("a@example.org", firstName="X", lastName=None)])
    found = await read(shop, one)
    assert (found["firstName"], found["lastName"]) == ("X", "B")


async def test_an_address_that_is_not_named_stays_and_nobody_loses_theirs(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org", externalCustomerId="C-1")])
    (two,) = await save(shop, [person("b@example.org")])
    await save(shop, [person("b@example.org", externalCustomerId="C-1", firstName="X")], contactFields=["firstName"])
    assert (await read(shop, one))["channels"][0]["value"] == "a@example.org"
    assert (await read(shop, two))["channels"][0]["value"] == "b@example.org"


async def test_additional_fields_are_written_when_they_are_named(shop: Shop) -> None:
    fields = shop.app.contacts.fields
    one, two = [await fields.create(shop.account_id, key=key, name=key, type=FieldType.TEXT) for key in ("one", "two")]
    values = [{"id": one.field_id, "value": "1"}, {"id": two.field_id, "value": "2"}]
    (contact,) = await save(shop, [person("a@example.org", fields=values)], customFieldsIDs=[one.field_id])
    assert (await read(shop, contact))["fields"] == values[:1]
    await save(shop, [person("a@example.org", fields=values, firstName="No")])
    assert (await read(shop, contact))["fields"] == values[:1]
    await save(shop, [person("a@example.org", fields=values[1:])], customFieldsIDs=[one.field_id, two.field_id])
    assert (await read(shop, contact))["fields"] == values[1:]
    assert (await send(shop, [person("a@example.org")], customFieldsIDs=[999_999])).status == 400


async def test_groups_are_joined_made_and_left(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org")], groupNames=["Leads", "News"])
    await save(
        shop,
        [person("a@example.org", firstName="X")],
        groupNames=["news", "Customers"],
        groupNamesExclude=["LEADS", "none"],
    )
    assert [group["name"] for group in (await read(shop, one))["groups"]] == ["Customers", "News"]
    names = [group["name"] for group in (await shop.get("/v1/groups")).json()]
    assert sorted(names) == ["Customers", "Leads", "News"]


async def test_deleted_contacts_are_skipped_or_restored(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org", externalCustomerId="C-1", firstName="A")])
    (two,) = await save(shop, [person("b@example.org", firstName="B")])
    for contact_id in (one, two):
        await shop.delete(f"/v1/contact/{contact_id}")
    rows = [person("new@example.org", externalCustomerId="C-1"), person("b@example.org", lastName="L")]
    answer = await send(shop, rows)
    assert [one["errorMessage"] for one in answer.json()["failedContacts"]] == [
        "Field 'externalCustomerId' is wrong: belongs to a deleted contact: ask to restore deleted ones",
        "Field 'email' is wrong: belongs to a deleted contact: ask to restore deleted ones",
    ]
    assert await count(shop) == "0"
    assert await save(shop, rows, restoreDeleted=True, eventKeyForNewContacts="newContact") == [one, two]
    found = await read(shop, one)
    assert (found["firstName"], found["channels"][0]["value"]) == ("A", "new@example.org")
    assert (await read(shop, two))["lastName"] == "L"
    assert await events(shop) == []


async def events(shop: Shop) -> list[Any]:
    async with shop.app.database.system() as connection:
        rows = await connection.execute(
            "SELECT t.key, e.key, e.params, e.contact_id FROM events e JOIN event_types t USING (event_type_id)"
            " WHERE e.account_id = %s ORDER BY e.contact_id",
            (shop.account_id,),
        )
        return await rows.fetchall()


async def test_new_contacts_make_an_event_and_known_ones_do_not(shop: Shop) -> None:
    await save(shop, [person("known@example.org")])
    rows = [
        person("known@example.org", firstName="K"),
        person("new@example.org"),
        person(sms="380671112233", externalCustomerId="C-9"),
    ]
    ids = await save(shop, rows, eventKeyForNewContacts="newContact")
    assert await events(shop) == [
        ("newContact", "new@example.org", {"contactId": ids[1], "EmailAddress": "new@example.org"}, ids[1]),
        ("newContact", "380671112233", {"contactId": ids[2], "SMS": "380671112233"}, ids[2]),
    ]


async def test_nobody_who_left_is_subscribed_again(shop: Shop) -> None:
    (one,) = await save(shop, [person("a@example.org")])
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [one], Channel.EMAIL, source="page")
    await save(shop, [person("a@example.org", firstName="X")])
    assert (await shop.app.contacts.get(shop.account_id, one)).email_state is SubscriptionState.UNSUBSCRIBED


async def test_blank_values_and_blank_channels_do_not_fail(shop: Shop) -> None:
    body = person("a@example.org", firstName=" ", lastName=" ", address={"town": " ", "postcode": " "})
    body["channels"].append({"type": "sms", "value": " "})
    (one,) = await save(shop, [body])
    assert (await read(shop, one))["channels"] == [{"type": "email", "value": "a@example.org"}]


async def test_three_thousand_contacts_are_taken_and_one_more_is_not(shop: Shop) -> None:
    rows = [person(f"p{n}@example.org") for n in range(3001)]
    answer = await send(shop, rows)
    assert (answer.status, answer.message) == (400, "Maximum 3000 contacts per request")
    assert await count(shop) == "0"
    assert len(set(await save(shop, rows[:3000]))) == 3000


# ---------------------------------------------------------------- refusing


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"dedupeOn": "email"}, "Required field 'contacts' is missing"),
        ({"contacts": [], "dedupeOn": "email"}, "Field 'contacts' is empty"),
        ({"contacts": [person("a@example.org")]}, "Required field 'dedupeOn' is missing"),
        ({"contacts": [person("a@example.org")], "dedupeOn": "shoe"}, "'shoe' is none of email, sms"),
        (GOOD | {"contactFields": ["shoe"]}, "'shoe' is none of"),
        (GOOD | {"eventKeyForNewContacts": "a<b"}, "eventKeyForNewContacts"),
        (GOOD | {"eventKeyForNewContacts": "x" * 101}, "eventKeyForNewContacts"),
        (GOOD | {"groupNames": ["x" * 300]}, "groupNames"),
        ({"contacts": "x", "dedupeOn": "email"}, "contacts"),
        ({"contacts": [5], "dedupeOn": "email"}, "contacts.0"),
        (GOOD | {"customFieldsIDs": ["x"]}, "customFieldsIDs"),
    ],
)
async def test_a_wrong_call_is_refused_and_nothing_is_kept(shop: Shop, body: dict[str, Any], message: str) -> None:
    answer = await shop.post("/v1/contacts", body)
    assert answer.status == 400, answer.body
    assert message in answer.message
    assert await count(shop) == "0"
    assert (await shop.get("/v1/groups")).json() == []


async def test_the_same_call_within_a_minute_is_a_duplicate(shop: Shop) -> None:
    rows = [person("a@example.org")]
    assert (await send(shop, rows)).status == 200
    assert (await send(shop, rows)).status == 409


async def test_one_contact_may_come_without_its_list_and_null_members_are_absent(shop: Shop) -> None:
    body = {
        "contacts": person("a@example.org", firstName=None, fields=None, address=None),
        "dedupeOn": "email",
        "fieldId": None,
        "contactFields": None,
        "customFieldsIDs": None,
        "groupNames": "Single",
        "groupNamesExclude": None,
        "restoreDeleted": "false",
        "eventKeyForNewContacts": None,
    }
    answer = await shop.post("/v1/contacts", body)
    assert (answer.status, answer.json()["failedContacts"]) == (200, [])
    assert [group["name"] for group in (await shop.get("/v1/groups")).json()] == ["Single"]

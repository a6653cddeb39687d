"""Single contacts and the search for them, as clients of eSputnik's API write and read them."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.contacts.model import Channel, FieldType, IdentityKind, SubscriptionState
from tests.http.esputnik.conftest import Shop

OLENA: dict[str, Any] = {
    "firstName": "Olena",
    "lastName": "Bondar",
    "channels": [{"type": "email", "value": "olena@example.org"}, {"type": "sms", "value": "380671112233"}],
    "address": {"town": "Lviv", "region": "Lvivska", "address": "Rynok 1", "postcode": "79000"},
    "languageCode": "uk",
    "timeZone": "Europe/Kyiv",
    "externalCustomerId": "C-1001",
}


def by_email(address: str, /, **more: Any) -> dict[str, Any]:
    return {"channels": [{"type": "email", "value": address}], **more}


async def add(shop: Shop, body: dict[str, Any]) -> int:
    answer = await shop.post("/v1/contact", body)
    assert answer.status == 200, answer.body
    return int(answer.json()["id"])


async def read(shop: Shop, contact_id: int) -> dict[str, Any]:
    answer = await shop.get(f"/v1/contact/{contact_id}")
    assert answer.status == 200, answer.body
    shown: dict[str, Any] = answer.json()
    return shown


# ---------------------------------------------------------------- adding and reading


async def test_a_contact_is_added_and_comes_back_as_it_was(shop: Shop) -> None:
    birthday = await shop.app.contacts.fields.create(
        shop.account_id, key="birthday", name="Birthday", type=FieldType.DATE
    )
    contact_id = await add(shop, OLENA | {"fields": [{"id": str(birthday.field_id), "value": "1991-04-02"}]})
    answer = await shop.get(f"/v1/contact/{contact_id}")
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert answer.json() == OLENA | {
        "id": contact_id,
        "addressBookId": shop.account_id,
        "fields": [{"id": birthday.field_id, "value": "1991-04-02"}],
    }
    stored = await shop.app.contacts.get(shop.account_id, contact_id)
    assert (stored.email_state, stored.sms_state) == (SubscriptionState.SUBSCRIBED, SubscriptionState.SUBSCRIBED)


async def test_a_contact_that_matches_a_channel_is_updated_and_absent_members_stay(shop: Shop) -> None:
    contact_id = await add(shop, OLENA)
    assert await add(shop, by_email("OLENA@example.org", firstName="Olha", lastName=None, address=None)) == contact_id
    found = await read(shop, contact_id)
    assert (found["firstName"], found["lastName"], found["address"]["town"]) == ("Olha", "Bondar", "Lviv")
    by_phone = {"channels": [{"type": "sms", "value": "+38 067 111-22-33"}], "firstName": "Oksana"}
    assert await add(shop, by_phone) == contact_id


async def test_the_external_id_is_stronger_than_any_channel(shop: Shop) -> None:
    one = await add(shop, by_email("one@example.org", externalCustomerId="C-1"))
    two = await add(shop, by_email("two@example.org", externalCustomerId="C-2"))
    assert one != two
    assert await add(shop, by_email("two@example.org", externalCustomerId="C-1")) == one
    # Addresses are unique in an account: what is said last holds.
    assert (await read(shop, one))["channels"] == [{"type": "email", "value": "two@example.org"}]
    assert (await read(shop, two))["channels"] == []


async def test_a_known_address_with_an_unknown_external_id_gets_the_id(shop: Shop) -> None:
    contact_id = await add(shop, by_email("plain@example.org"))
    assert await add(shop, by_email("plain@example.org", externalCustomerId="C-3")) == contact_id
    assert (await read(shop, contact_id))["externalCustomerId"] == "C-3"


async def test_a_known_address_with_another_external_id_is_another_person(shop: Shop) -> None:
    one = await add(shop, by_email("shared@example.org", externalCustomerId="C-1"))
    two = await add(shop, by_email("shared@example.org", externalCustomerId="C-2"))
    assert one != two
    assert (await read(shop, one))["externalCustomerId"] == "C-1"
    assert (await read(shop, two))["channels"] == [{"type": "email", "value": "shared@example.org"}]


async def test_of_two_contacts_the_external_id_then_email_then_phone_decides(shop: Shop) -> None:
    by_address = await add(shop, by_email("a@example.org", firstName="A"))
    by_phone = await add(shop, {"channels": [{"type": "sms", "value": "380501112233"}], "firstName": "B"})
    both = [{"type": "email", "value": "a@example.org"}, {"type": "sms", "value": "380501112233"}]
    assert await add(shop, {"channels": both, "firstName": "C"}) == by_address
    assert (await read(shop, by_address))["channels"] == both
    assert (await read(shop, by_phone))["firstName"] == "B"


async def test_an_address_that_changes_hands_keeps_its_refusal(shop: Shop) -> None:
    one = await add(shop, by_email("quiet@example.org", externalCustomerId="C-1"))
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [one], Channel.EMAIL, source="page")
    two = await add(shop, by_email("quiet@example.org", externalCustomerId="C-2"))
    stored = await shop.app.contacts.get(shop.account_id, two)
    assert stored.email_state is SubscriptionState.UNSUBSCRIBED


async def test_adding_again_never_subscribes_somebody_who_left(shop: Shop) -> None:
    contact_id = await add(shop, by_email("left@example.org"))
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [contact_id], Channel.EMAIL, source="page")
    await add(shop, by_email("left@example.org", firstName="Again"))
    stored = await shop.app.contacts.get(shop.account_id, contact_id)
    assert stored.email_state is SubscriptionState.UNSUBSCRIBED


async def test_channels_of_the_body_replace_those_of_the_same_type(shop: Shop) -> None:
    contact_id = await add(shop, OLENA)
    await add(shop, by_email("new@example.org", externalCustomerId="C-1001"))
    assert (await read(shop, contact_id))["channels"] == [
        {"type": "email", "value": "new@example.org"},
        {"type": "sms", "value": "380671112233"},
    ]


async def test_blank_values_are_empty_and_blank_channels_are_dropped(shop: Shop) -> None:
    contact_id = await add(
        shop,
        {
            "firstName": " ",
            "lastName": "  ",
            "channels": [{"type": "email", "value": "blank@example.org"}, {"type": "sms", "value": " "}],
            "address": {"town": " ", "postcode": ""},
            "contactKey": " ",
        },
    )
    assert await read(shop, contact_id) == {
        "id": contact_id,
        "channels": [{"type": "email", "value": "blank@example.org"}],
        "addressBookId": shop.account_id,
    }


async def test_further_channels_and_order_counts_come_back(shop: Shop) -> None:
    device = {"appId": "5b0f", "deviceModel": "Pixel 8", "os": "Android", "locale": "en_UK", "appVersion": "4.1.6"}
    push = {"appId": 7, "userAgent": "Firefox", "ip": "203.0.113.9", "subscriptionPage": "https://shop.example/"}
    body = by_email(
        "wide@example.org",
        contactKey="key-1",
        ordersInfo={"lastDate": "2026-03-08T09:30:00", "count": "3"},
    )
    body["channels"] += [
        {"type": "viber", "value": "380671112244"},
        {"type": "telegram", "value": "wide_person"},
        {"type": "mobilepush", "value": "token-1", "device": device},
        {"type": "webpush", "value": "https://push.example/abc", "webPushSubscription": push},
        {"type": "email", "value": "second@example.org"},
    ]
    contact_id = await add(shop, body)
    found = await read(shop, contact_id)
    assert found["channels"] == [
        {"type": "email", "value": "wide@example.org"},
        {"type": "email", "value": "second@example.org"},
        {"type": "webpush", "value": "https://push.example/abc", "webPushSubscription": push},
        {"type": "mobilepush", "value": "token-1", "device": device | {"active": True}},
        {"type": "viber", "value": "380671112244"},
        {"type": "telegram", "value": "wide_person"},
    ]
    assert found["contactKey"] == "key-1"
    assert found["ordersInfo"] == {"lastDate": "2026-03-08T09:30:00", "count": 3}


async def test_a_push_token_alone_says_who_a_contact_is(shop: Shop) -> None:
    body = {"channels": [{"type": "mobilepush", "value": "token-9"}], "firstName": "Phone"}
    contact_id = await add(shop, body)
    assert await add(shop, body | {"firstName": "Tablet"}) == contact_id
    other = await add(shop, by_email("owner@example.org"))
    body = by_email("owner@example.org")
    body["channels"].append({"type": "mobilepush", "value": "token-9"})
    assert await add(shop, body) == other
    assert (await read(shop, contact_id))["channels"] == []
    assert [one["type"] for one in (await read(shop, other))["channels"]] == ["email", "mobilepush"]


async def test_fields_are_texts_of_their_types(shop: Shop) -> None:
    fields = shop.app.contacts.fields
    made = {
        kind: await fields.create(
            shop.account_id,
            key=f"f_{kind.value}",
            name=kind.value,
            type=kind,
            choices=("red", "green") if kind in (FieldType.CHOICE, FieldType.MULTICHOICE) else (),
        )
        for kind in FieldType
    }
    async with shop.app.database.system() as connection:
        await connection.execute(
            "UPDATE accounts SET time_zone = 'Europe/Kyiv' WHERE account_id = %s", (shop.account_id,)
        )
    given: dict[FieldType, tuple[Any, str]] = {
        FieldType.TEXT: (5, "5"),
        FieldType.NUMBER: ("12,50", "12.5"),
        FieldType.DATE: ("27.10.2026", "2026-10-27"),
        FieldType.DATETIME: ("2026-07-01T10:00", "2026-07-01T10:00:00"),
        FieldType.BOOLEAN: ("yes", "true"),
        FieldType.CHOICE: ("RED", "red"),
        FieldType.MULTICHOICE: ("red,green", "red;green"),
        FieldType.JSON: ('{"a": 1}', '{"a":1}'),
    }
    values = [{"id": made[kind].field_id, "value": value} for kind, (value, _) in given.items()]
    contact_id = await add(shop, by_email("typed@example.org", fields=values))
    found = (await read(shop, contact_id))["fields"]
    assert {one["id"]: one["value"] for one in found} == {
        made[kind].field_id: shown for kind, (_, shown) in given.items()
    }
    stored = await shop.app.contacts.get(shop.account_id, contact_id)
    assert stored.fields["f_datetime"] == "2026-07-01T07:00:00Z"


async def test_static_segments_of_a_contact_are_shown(shop: Shop) -> None:
    contact_id = await add(shop, by_email("listed@example.org", groups=[{"name": "Customers"}]))
    group = (await read(shop, contact_id))["groups"]
    assert [(one["name"], one["type"]) for one in group] == [("Customers", "Static")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Required field 'channels' is missing"),
        ({"contact": by_email("x@example.org")}, "Required field 'channels' is missing"),
        ({"channels": []}, "Field 'channels' is empty"),
        ({"channels": [{"type": "email", "value": " "}]}, "no channel with a value"),
        (by_email("ann@"), "'ann@' is not valid email"),
        ({"channels": [{"type": "sms", "value": "12"}]}, "'12' is not valid phone"),
        ({"channels": [{"type": "fax", "value": "1"}]}, "'fax' is not a type of channel"),
        ({"channels": "x"}, "channels"),
        (by_email("x@example.org", timeZone="Mars/Base"), "'timeZone' is wrong"),
        (by_email("x@example.org", languageCode="42"), "'languageCode' is wrong"),
        (by_email("x@example.org", address={"countryCode": "UAH"}), "'address.countryCode' is wrong"),
        (by_email("x@example.org", firstName="x" * 300), "'firstName' is wrong"),
        (by_email("x@example.org", firstName={"a": 1}), "firstName"),
        (
            by_email("x@example.org", fields=[{"id": 999_999, "value": "1"}]),
            "Additional field with id='999999' not found",
        ),
        (by_email("x@example.org", fields=[{"value": "1"}]), "fields.0.id"),
        (by_email("x@example.org", ordersInfo={"lastDate": "soon"}), "ordersInfo.lastDate"),
        (by_email("x@example.org", ordersInfo={"count": -1}), "ordersInfo.count"),
        ({"channels": [{"type": "telegram", "value": "x"}]}, "recognised by"),
    ],
)
async def test_a_wrong_contact_is_refused_and_nothing_is_kept(shop: Shop, body: dict[str, Any], message: str) -> None:
    answer = await shop.post("/v1/contact", body)
    assert answer.status == 400, answer.body
    assert message in answer.message
    assert (await shop.get("/v1/contacts")).headers["totalcount"] == "0"


async def test_the_same_contact_within_a_minute_is_a_duplicate(shop: Shop) -> None:
    await add(shop, by_email("twice@example.org"))
    answer = await shop.post("/v1/contact", by_email("twice@example.org"))
    assert answer.status == 409
    assert "Duplicated request" in answer.message


async def test_another_account_has_the_same_address_for_itself(shop: Shop) -> None:
    mine = await add(shop, by_email("both@example.org", externalCustomerId="C-1"))
    theirs = await add(shop.other, by_email("both@example.org", externalCustomerId="C-1"))
    assert mine != theirs
    assert (await shop.get(f"/v1/contact/{theirs}")).status == 404
    foreign = await shop.app.contacts.fields.create(
        shop.other.account_id, key="secret", name="Secret", type=FieldType.TEXT
    )
    answer = await shop.post(
        "/v1/contact", by_email("both@example.org", fields=[{"id": foreign.field_id, "value": "x"}])
    )
    assert answer.status == 400


# ---------------------------------------------------------------- updating by id


async def test_an_update_clears_what_is_null_or_empty_and_leaves_the_rest(shop: Shop) -> None:
    field = await shop.app.contacts.fields.create(shop.account_id, key="gender", name="Gender", type=FieldType.TEXT)
    contact_id = await add(shop, OLENA | {"fields": [{"id": field.field_id, "value": "F"}]})
    answer = await shop.put(
        f"/v1/contact/{contact_id}",
        {
            "id": 7,
            "firstName": None,
            "lastName": "",
            "address": {"town": None, "postcode": "80000"},
            "externalCustomerId": None,
            "channels": [{"type": "email", "value": "changed@example.org"}],
            "fields": [{"id": field.field_id, "value": None}],
        },
    )
    assert answer.status == 200
    assert answer.body.decode() == f"Contact with id='{contact_id}' has been updated"
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert await read(shop, contact_id) == {
        "id": contact_id,
        "channels": [{"type": "email", "value": "changed@example.org"}, {"type": "sms", "value": "380671112233"}],
        "address": {"region": "Lvivska", "town": "", "address": "Rynok 1", "postcode": "80000"},
        "addressBookId": shop.account_id,
        "languageCode": "uk",
        "timeZone": "Europe/Kyiv",
    }


async def test_an_update_in_a_wrong_wrapper_changes_nothing(shop: Shop) -> None:
    contact_id = await add(shop, OLENA)
    before = await read(shop, contact_id)
    assert (await shop.put(f"/v1/contact/{contact_id}", {"contact": {"firstName": "X"}})).status == 200
    assert await read(shop, contact_id) == before


async def test_an_update_does_not_take_anothers_external_id(shop: Shop) -> None:
    one = await add(shop, by_email("one@example.org", externalCustomerId="C-1"))
    two = await add(shop, by_email("two@example.org", externalCustomerId="C-2"))
    before = await read(shop, two)
    answer = await shop.put(f"/v1/contact/{two}", {"externalCustomerId": "C-1", "firstName": "X"})
    assert answer.status == 400
    assert f"contact {one}" in answer.message
    assert await read(shop, two) == before
    assert (await shop.put(f"/v1/contact/{two}", {"externalCustomerId": "C-3"})).status == 200
    assert (await read(shop, two))["externalCustomerId"] == "C-3"


@pytest.mark.parametrize("path", ["/v1/contact/abc", "/v1/contact/0", "/v1/contact/-1", "/v1/contact/1.5"])
async def test_an_id_that_is_no_number_is_refused(shop: Shop, path: str) -> None:
    for answer in (await shop.get(path), await shop.put(path, {"firstName": "x"}), await shop.delete(path)):
        assert answer.status == 400


async def test_unknown_deleted_and_foreign_ids_are_not_found(shop: Shop) -> None:
    gone = await add(shop, by_email("gone@example.org"))
    await shop.delete(f"/v1/contact/{gone}")
    theirs = await add(shop.other, by_email("theirs@example.org"))
    before = await read(shop.other, theirs)
    for contact_id in (999_999_999, gone, theirs):
        for answer in (
            await shop.get(f"/v1/contact/{contact_id}"),
            await shop.put(f"/v1/contact/{contact_id}", {"firstName": "x"}),
            await shop.delete(f"/v1/contact/{contact_id}"),
        ):
            assert answer.status == 404
            assert answer.message == f"Contact with id='{contact_id}' not found"
    assert await read(shop.other, theirs) == before


# ---------------------------------------------------------------- deleting


async def test_a_deleted_contact_comes_back_with_its_external_id(shop: Shop) -> None:
    contact_id = await add(shop, OLENA | {"groups": [{"name": "Customers"}]})
    answer = await shop.delete(f"/v1/contact/{contact_id}")
    assert answer.body.decode() == f"Contact with id='{contact_id}' has been deleted"
    assert (await shop.get("/v1/contacts", email="olena")).json() == []
    again = {"channels": [{"type": "email", "value": "later@example.org"}], "externalCustomerId": "C-1001"}
    assert await add(shop, again) == contact_id
    found = await read(shop, contact_id)
    assert (found["firstName"], found["channels"][0]["value"]) == ("Olena", "later@example.org")
    assert [one["name"] for one in found["groups"]] == ["Customers"]


async def test_an_address_of_a_deleted_contact_without_its_id_makes_a_new_one(shop: Shop) -> None:
    contact_id = await add(shop, by_email("reborn@example.org", externalCustomerId="C-1"))
    await shop.delete(f"/v1/contact/{contact_id}")
    new = await add(shop, by_email("reborn@example.org", firstName="New"))
    assert new != contact_id
    # The deleted one comes back without what somebody else has now.
    restored = await shop.app.contacts.restore(shop.account_id, contact_id)
    assert (restored.email, restored.external_id) == (None, "C-1")


async def test_an_unsubscribe_of_a_deleted_contact_holds_when_it_is_restored(shop: Shop) -> None:
    contact_id = await add(shop, by_email("late@example.org"))
    await shop.delete(f"/v1/contact/{contact_id}")
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [contact_id], Channel.EMAIL, source="one-click")
    restored = await shop.app.contacts.restore(shop.account_id, contact_id)
    assert restored.email_state is SubscriptionState.UNSUBSCRIBED


async def test_deleting_by_external_id_moves_aside_or_erases(shop: Shop) -> None:
    one = await add(shop, by_email("one@example.org", externalCustomerId="C-1"))
    assert (await shop.delete("/v1/contact", externalCustomerId="C-1")).status == 200
    find = shop.app.contacts.find_deleted
    assert await find(shop.account_id, IdentityKind.EXTERNAL_ID, "C-1") == one
    again = await shop.delete("/v1/contact", externalCustomerId="C-1")
    assert (again.status, "not found" in again.message) == (404, True)
    assert (await shop.delete("/v1/contact", externalCustomerId="C-1", erase="true")).status == 200
    assert await find(shop.account_id, IdentityKind.EXTERNAL_ID, "C-1") is None
    two = await add(shop, by_email("one@example.org", externalCustomerId="C-1", firstName="Two"))
    assert two != one
    assert (await shop.delete("/v1/contact", externalCustomerId="C-1", erase="true")).status == 200
    async with shop.app.database.system() as connection:
        for table in ("contacts", "identities", "deleted_contacts", "deleted_identities", "consent_events"):
            cursor = await connection.execute(f"SELECT count(*) FROM {table} WHERE account_id = %s", (shop.account_id,))
            assert await cursor.fetchone() == (0,), table


async def test_deleting_by_external_id_wants_one_and_a_flag(shop: Shop) -> None:
    await add(shop.other, by_email("theirs@example.org", externalCustomerId="C-9"))
    assert (await shop.delete("/v1/contact")).status == 400
    assert (await shop.delete("/v1/contact", externalCustomerId="C-1", erase="maybe")).status == 400
    assert (await shop.delete("/v1/contact", externalCustomerId="C-9", erase="true")).status == 404
    assert (await shop.other.get("/v1/contacts")).headers["totalcount"] == "1"


# ---------------------------------------------------------------- searching


async def test_search_finds_parts_and_counts_all(shop: Shop) -> None:
    ann = await add(shop, by_email("ann@example.org", firstName="Ann", lastName="Koval"))
    joann = await add(shop, by_email("joann@example.org", firstName="Joann", lastName="Bondar"))
    phone = {"channels": [{"type": "sms", "value": "380671112233"}], "firstName": "Юлія"}
    yulia = await add(shop, phone)
    found = {
        "email": ("ANN@example.org", [ann, joann]),
        "sms": ("+38 (067) 111", [yulia]),
        "firstname": ("ann", [ann, joann]),
        "lastname": ("kov", [ann]),
    }
    for name, (value, expected) in found.items():
        answer = await shop.get("/v1/contacts", **{name: value})
        assert [one["id"] for one in answer.json()] == expected, name
        assert answer.headers["totalcount"] == str(len(expected))
    assert [one["id"] for one in (await shop.get("/v1/contacts", firstname="юлі")).json()] == [yulia]
    both = await shop.get("/v1/contacts", email="ann", lastname="bond")
    assert [one["id"] for one in both.json()] == [joann]
    assert [one["id"] for one in (await shop.get("/v1/contacts", email="ann", sms="067")).json()] == []
    assert [one["id"] for one in (await shop.get("/v1/contacts")).json()] == [ann, joann, yulia]
    assert {"id", "firstName", "lastName", "channels", "addressBookId"} <= (await shop.get("/v1/contacts")).json()[
        0
    ].keys()


async def test_search_pages_with_a_true_count(shop: Shop) -> None:
    ids = [await add(shop, by_email(f"p{n}@example.org")) for n in range(5)]
    answer = await shop.get("/v1/contacts", startindex=2, maxrows=2)
    assert ([one["id"] for one in answer.json()], answer.headers["totalcount"]) == (ids[1:3], "5")
    beyond = await shop.get("/v1/contacts", startindex=100)
    assert (beyond.json(), beyond.headers["totalcount"]) == ([], "5")
    assert len((await shop.get("/v1/contacts", maxrows=100_000)).json()) == 5


async def test_search_by_external_id_is_exact_and_alone(shop: Shop) -> None:
    contact_id = await add(shop, by_email("id@example.org", externalCustomerId="C-1001"))
    answer = await shop.get("/v1/contacts", externalCustomerId="C-1001")
    assert ([one["id"] for one in answer.json()], answer.headers["totalcount"]) == ([contact_id], "1")
    assert (await shop.get("/v1/contacts", externalCustomerId="C-100")).json() == []
    assert (await shop.get("/v1/contacts", externalCustomerId="C-1001", email="id")).status == 400


async def test_search_without_a_hit_is_an_empty_list(shop: Shop) -> None:
    await add(shop.other, by_email("theirs@example.org"))
    for query in ({"email": "theirs"}, {"sms": "abc"}, {"externalCustomerId": "x"}, {"email": "%"}):
        answer = await shop.get("/v1/contacts", **query)
        assert (answer.status, answer.json(), answer.headers["totalcount"]) == (200, [], "0")


@pytest.mark.parametrize("query", [{"startindex": 0}, {"startindex": -1}, {"startindex": "x"}, {"maxrows": 0}])
async def test_search_refuses_wrong_pages(shop: Shop, query: dict[str, Any]) -> None:
    assert (await shop.get("/v1/contacts", **query)).status == 400

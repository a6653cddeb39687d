"""Sign-up forms, subscription categories, the unsubscribed list, the catalog of fields."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.contacts.model import Channel, FieldType, SubscriptionState
from tests.http.esputnik.conftest import Shop
from tests.http.esputnik.test_bulk import count, events
from tests.http.esputnik.test_contacts import add, by_email, read


async def subscribe(shop: Shop, contact: dict[str, Any], **more: Any) -> int:
    answer = await shop.post("/v1/contact/subscribe", {"contact": contact, **more})
    assert answer.status == 200, answer.body
    return int(answer.json()["id"])


async def state(shop: Shop, contact_id: int) -> SubscriptionState:
    return (await shop.app.contacts.get(shop.account_id, contact_id)).email_state


# ---------------------------------------------------------------- subscribing


async def test_a_new_subscriber_is_unconfirmed_listed_and_makes_an_event(shop: Shop) -> None:
    contact_id = await subscribe(
        shop, by_email("Lena@example.org", firstName="Lena"), groups=["Subscribers"], formType="footer"
    )
    assert await state(shop, contact_id) is SubscriptionState.UNCONFIRMED
    found = await read(shop, contact_id)
    assert (found["firstName"], [one["name"] for one in found["groups"]]) == ("Lena", ["Subscribers"])
    params = {"ContactId": contact_id, "EmailAddress": "lena@example.org"}
    assert await events(shop) == [("subscribeFromApi-footer", str(contact_id), params, contact_id)]


async def test_a_known_subscriber_is_updated_and_keeps_channels_and_state(shop: Shop) -> None:
    contact_id = await add(shop, by_email("olena@example.org", externalCustomerId="C-1", firstName="Olena"))
    contact = by_email("other@example.org", externalCustomerId="C-1", firstName="Olha")
    contact["channels"].append({"type": "sms", "value": "380671112233"})
    assert await subscribe(shop, contact) == contact_id
    found = await read(shop, contact_id)
    assert found["firstName"] == "Olha"
    assert found["channels"] == [
        {"type": "email", "value": "olena@example.org"},
        {"type": "sms", "value": "380671112233"},
    ]
    assert await state(shop, contact_id) is SubscriptionState.SUBSCRIBED
    stored = await shop.app.contacts.get(shop.account_id, contact_id)
    assert stored.sms_state is SubscriptionState.UNCONFIRMED
    assert [row[0] for row in await events(shop)] == ["subscribeUpdateFromApi"]


async def test_a_form_takes_nothing_from_anybody_else(shop: Shop) -> None:
    one = await add(shop, by_email("one@example.org", externalCustomerId="C-1"))
    two = await add(shop, {"channels": [{"type": "sms", "value": "380671112233"}]})
    contact = by_email("one@example.org")
    contact["channels"].append({"type": "sms", "value": "380671112233"})
    assert await subscribe(shop, contact | {"externalCustomerId": "C-2"}) == one
    assert (await read(shop, one))["externalCustomerId"] == "C-1"
    assert (await read(shop, two))["channels"] == [{"type": "sms", "value": "380671112233"}]
    # The second id leads to the same person from then on.
    assert await subscribe(shop, by_email("else@example.org", externalCustomerId="C-2")) == one


async def test_a_phone_alone_makes_an_event_without_an_address(shop: Shop) -> None:
    contact_id = await subscribe(shop, {"channels": [{"type": "sms", "value": "380671112233"}]})
    assert (await events(shop))[0][2] == {"ContactId": contact_id}


async def test_a_form_never_subscribes_somebody_who_left(shop: Shop) -> None:
    contact_id = await subscribe(shop, by_email("left@example.org"))
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [contact_id], Channel.EMAIL, source="page")
    await subscribe(shop, by_email("left@example.org", firstName="X"))
    assert await state(shop, contact_id) is SubscriptionState.UNSUBSCRIBED


async def test_categories_of_a_form_are_added(shop: Shop) -> None:
    contact_id = await subscribe(shop, by_email("a@example.org"), subscriptions=["news"])
    await subscribe(shop, by_email("a@example.org"), subscriptions=["NEWS", "sales"])
    assert (await shop.get(f"/v1/contact/{contact_id}/subscriptions")).json() == ["news", "sales"]
    assert (await shop.get("/v1/subscriptions")).json() == [
        {"key": "news", "name": "news"},
        {"key": "sales", "name": "sales"},
    ]


async def test_null_members_of_a_form_are_absent(shop: Shop) -> None:
    await subscribe(shop, by_email("n@example.org"), groups=None, formType=None, subscriptions=None)
    assert [row[0] for row in await events(shop)] == ["subscribeFromApi"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Required field 'contact' is missing"),
        (by_email("x@example.org"), "Required field 'contact' is missing"),
        ({"contact": {}}, "Required field 'channels' is missing"),
        ({"contact": {"channels": []}}, "Field 'channels' is empty"),
        ({"contact": by_email("ann@")}, "'ann@' is not valid email"),
        ({"contact": by_email("x@example.org"), "formType": "a<b"}, "formType"),
        ({"contact": by_email("x@example.org"), "formType": "x" * 120}, "formType"),
        ({"contact": by_email("x@example.org"), "groups": ["x" * 300]}, "'groups'"),
        ({"contact": by_email("x@example.org"), "subscriptions": ["x" * 300]}, "'subscriptions'"),
        ({"contact": by_email("x@example.org"), "groups": {"a": 1}}, "groups"),
    ],
)
async def test_a_wrong_form_is_refused_and_nothing_is_kept(shop: Shop, body: dict[str, Any], message: str) -> None:
    answer = await shop.post("/v1/contact/subscribe", body)
    assert answer.status == 400, answer.body
    assert message in answer.message
    assert (await count(shop), await events(shop), (await shop.get("/v1/groups")).json()) == ("0", [], [])


async def test_the_same_form_within_a_minute_is_a_duplicate(shop: Shop) -> None:
    await subscribe(shop, by_email("twice@example.org"))
    answer = await shop.post("/v1/contact/subscribe", {"contact": by_email("twice@example.org")})
    assert (answer.status, "Duplicated request" in answer.message) == (409, True)
    assert len(await events(shop)) == 1


# ---------------------------------------------------------------- categories of a contact


@pytest.mark.parametrize("wrap", [lambda keys: keys, lambda keys: {"subscriptions": keys}])
async def test_categories_of_a_contact_are_replaced(shop: Shop, wrap: Any) -> None:
    contact_id = await add(shop, by_email("a@example.org"))
    path = f"/v1/contact/{contact_id}/subscriptions"
    assert (await shop.put(path, wrap(["news", "sales"]))).json() == ["news", "sales"]
    assert (await shop.put(path, wrap(["sales", "trips"]))).json() == ["sales", "trips"]
    assert (await shop.put(path, wrap([]))).json() == []
    assert (await shop.get(path)).json() == []


async def test_categories_of_unknown_contacts_and_wrong_bodies(shop: Shop) -> None:
    theirs = await add(shop.other, by_email("theirs@example.org"))
    mine = await add(shop, by_email("mine@example.org"))
    for contact_id in (999_999_999, theirs):
        path = f"/v1/contact/{contact_id}/subscriptions"
        assert (await shop.get(path)).status == 404
        assert (await shop.put(path, ["news"])).status == 404
    for body in ({}, [""], [5, {}], "x", {"subscriptions": "x" * 300}):
        assert (await shop.put(f"/v1/contact/{mine}/subscriptions", body)).status == 400
    assert (await shop.get("/v1/subscriptions")).json() == []
    assert (await shop.other.get("/v1/subscriptions")).json() == []


# ---------------------------------------------------------------- the unsubscribed list


async def test_an_unsubscribed_address_gets_no_mailings_whoever_has_it(shop: Shop) -> None:
    known = await add(shop, by_email("known@example.org"))
    answer = await shop.post("/v1/emails/unsubscribed/add", {"emails": ["KNOWN@example.org", "later@example.org"]})
    assert (answer.status, answer.body) == (200, b"")
    later = await add(shop, by_email("later@example.org"))
    assert await state(shop, known) is SubscriptionState.UNSUBSCRIBED
    listed = await shop.app.contacts.consents.suppressions(shop.account_id, Channel.EMAIL)
    assert [(one.address, one.reason) for one in listed] == [
        ("known@example.org", "unsubscribed"),
        ("later@example.org", "unsubscribed"),
    ]
    assert (await shop.app.contacts.get(shop.account_id, known)).sms_state is SubscriptionState.NONE
    preview = {"all": []}
    assert await shop.app.segments.count(shop.account_id, preview) == 2
    answer = await shop.post("/v1/emails/unsubscribed/delete", {"emails": ["known@example.org", "later@example.org"]})
    assert answer.status == 200
    assert await state(shop, known) is SubscriptionState.SUBSCRIBED
    assert await state(shop, later) is SubscriptionState.SUBSCRIBED
    assert await shop.app.contacts.consents.suppressions(shop.account_id, Channel.EMAIL) == []


async def test_lifting_does_not_forget_a_bounce(shop: Shop) -> None:
    consents = shop.app.contacts.consents
    await shop.post("/v1/emails/unsubscribed/add", {"emails": ["dead@example.org"]})
    await consents.suppress(shop.account_id, Channel.EMAIL, ["dead@example.org"], reason="hard bounce")
    await shop.post("/v1/emails/unsubscribed/add", {"emails": ["dead@example.org"]})
    await shop.post("/v1/emails/unsubscribed/delete", {"emails": ["dead@example.org"]})
    listed = await consents.suppressions(shop.account_id, Channel.EMAIL)
    assert [(one.address, one.reason) for one in listed] == [("dead@example.org", "hard bounce")]


@pytest.mark.parametrize("verb", ["add", "delete"])
@pytest.mark.parametrize("body", [{}, {"emails": []}, {"emails": ["ann@", "good@example.org"]}, {"emails": [{}]}, []])
async def test_wrong_addresses_are_refused_and_nothing_changes(shop: Shop, verb: str, body: Any) -> None:
    contact_id = await add(shop, by_email("good@example.org"))
    answer = await shop.post(f"/v1/emails/unsubscribed/{verb}", body)
    assert answer.status == 400
    assert await state(shop, contact_id) is SubscriptionState.SUBSCRIBED


async def test_another_accounts_subscribers_are_left_alone(shop: Shop) -> None:
    theirs = await add(shop.other, by_email("both@example.org"))
    await shop.post("/v1/emails/unsubscribed/add", {"emails": "both@example.org"})
    assert await state(shop.other, theirs) is SubscriptionState.SUBSCRIBED


# ---------------------------------------------------------------- addresses by id, the catalog


async def test_addresses_are_found_by_contact_ids(shop: Shop) -> None:
    one = await add(shop, by_email("one@example.org"))
    phone = await add(shop, {"channels": [{"type": "sms", "value": "380671112233"}]})
    theirs = await add(shop.other, by_email("theirs@example.org"))
    answer = await shop.get("/v1/contacts/email", ids=f"{one}, {phone},{theirs},999999999")
    assert answer.json() == {"results": [{"contactId": one, "email": "one@example.org"}]}
    assert (await shop.get("/v1/contacts/email")).status == 400
    assert (await shop.get("/v1/contacts/email", ids="x")).status == 400
    assert (await shop.get("/v1/contacts/email", ids=",".join(map(str, range(1, 502))))).status == 400


async def test_the_catalog_tells_fields_with_their_types(shop: Shop) -> None:
    fields = shop.app.contacts.fields
    made = [
        await fields.create(
            shop.account_id,
            key=f"f_{kind.value}",
            name=kind.value.title(),
            type=kind,
            choices=("M", "F") if kind in (FieldType.CHOICE, FieldType.MULTICHOICE) else (),
        )
        for kind in FieldType
    ]
    await fields.create(shop.other.account_id, key="theirs", name="Theirs", type=FieldType.TEXT)
    book = (await shop.get("/v1/addressbooks")).json()["addressBook"]
    assert (book["addressBookId"], book["name"]) == (shop.account_id, "Shop")
    (group,) = book["fieldGroups"]
    assert (group["name"], group["profileKey"]) == ("Personal", "personal")
    assert [one["id"] for one in group["fields"]] == [field.field_id for field in made]
    assert [one["description"]["type"] for one in group["fields"]] == [
        "textfield", "decimal", "date", "datetime", "combobox", "combobox", "checkboxlist", "textarea",
    ]  # fmt: skip
    assert group["fields"][5] == {
        "id": made[5].field_id,
        "name": "Choice",
        "fieldKey": "F_CHOICE",
        "description": {
            "type": "combobox",
            "required": False,
            "readonly": False,
            "allowedValues": {"possibleValues": ["M", "F"]},
        },
    }

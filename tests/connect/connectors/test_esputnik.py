"""The eSputnik connector: what it says of its sixteen actions."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
import yaml

from syncom.connect.catalogue.model import Draft
from syncom.connect.runs.formula import GivenUp, evaluate_path
from tests.connect.connectors.conftest import FOLDER

#: The keys that callers know (membrane-api; the public skill of this app).
KEYS = {
    "get-contacts-activity",
    "get-workflows",
    "get-account-info",
    "add-orders",
    "get-segment-contacts",
    "get-segments",
    "generate-event",
    "send-prepared-message",
    "get-message-status",
    "send-sms",
    "send-email",
    "subscribe-contact",
    "delete-contact",
    "search-contacts",
    "get-contact",
    "add-update-contact",
}


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


ACTIONS: dict[str, dict[str, Any]] = {action["key"]: action for action in read("connector.yaml")["actions"]}
RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("search-contacts", {"email": "olena@example.org", "maxRows": 10}),
    ("get-contact", {"contactId": 60100200}),
    ("get-contact", {"phone": "+380671112233"}),
    ("add-update-contact", {"channels": [{"type": "email", "value": "olena@example.org"}], "firstName": "Olena"}),
    ("delete-contact", {"externalCustomerId": "C-1001", "erase": True}),
    ("subscribe-contact", {"contact": {"channels": [{"type": "sms", "value": "380671112233"}]}, "formType": "footer"}),
    ("get-segments", {}),
    ("get-segment-contacts", {"segmentId": 345}),
    ("send-email", {"from": "a@b.example", "subject": "Hi", "htmlText": "<p>Hi</p>", "emails": ["o@example.org"]}),
    ("send-sms", {"from": "Acme", "text": "Hi", "groupId": 345}),
    ("send-prepared-message", {"messageId": 1, "recipients": [{"contactId": 2, "jsonParam": {"discount": 5}}]}),
    ("get-message-status", {"ids": ["3c1d5a70-9b1e-4f0a-8d55-2a7f0e6b9c11"]}),
    ("generate-event", {"eventTypeKey": "invoicePaid", "params": [{"name": "sum", "value": 120.5}]}),
    (
        "add-orders",
        {
            "orders": [
                {
                    "externalOrderId": "A-500",
                    "totalCost": 1000,
                    "status": "INITIALIZED",
                    "date": "2026-03-08T09:30:00+02:00",
                    "currency": "UAH",
                    "email": "olena@example.org",
                }
            ]
        },
    ),
    ("get-contacts-activity", {"dateFrom": "2026-09-14", "dateTo": "2026-09-15", "activityStatus": "CLICKED"}),
    ("get-workflows", {}),
    ("get-account-info", {}),
]
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("search-contacts", {"mail": "olena@example.org"}),
    ("search-contacts", {"maxRows": 501}),
    ("get-contact", {}),
    ("get-contact", {"contactId": 1, "email": "olena@example.org"}),
    ("get-contact", {"contactId": "1"}),
    ("add-update-contact", {"firstName": "Olena"}),
    ("add-update-contact", {"channels": []}),
    ("add-update-contact", {"channels": [{"type": "mail", "value": "olena@example.org"}]}),
    ("delete-contact", {}),
    ("delete-contact", {"contactId": 1, "erase": True}),
    ("subscribe-contact", {"contact": {"channels": [{"type": "email", "value": "o@e.org"}]}, "formType": "a<b"}),
    ("get-segment-contacts", {}),
    ("send-email", {"from": "a@b.example", "subject": "Hi", "htmlText": "<p>Hi</p>", "emails": []}),
    ("send-sms", {"from": "Acme", "text": "Hi"}),
    ("send-prepared-message", {"messageId": 1, "recipients": [{"languageCode": "uk"}]}),
    ("get-message-status", {"ids": []}),
    ("generate-event", {"eventTypeKey": "invoice?", "params": []}),
    ("generate-event", {"eventTypeKey": "invoicePaid", "params": [], "version": "v1"}),
    ("add-orders", {"orders": [{"externalOrderId": "A-500"}]}),
    ("get-contacts-activity", {"dateFrom": "2026-09-14"}),
    ("get-workflows", {"name": "Welcome"}),
    ("get-account-info", {"id": 1}),
]


def test_the_catalogue_takes_it_as_it_is(draft: Draft) -> None:
    assert draft.notes == ()
    assert draft.connector.own
    assert draft.connector.base_url == "https://esputnik.com/api"
    assert draft.connector.hosts == (), "credentials of one installation go to no other"
    assert [option.base_url for option in draft.connector.auth] == ["{baseUri}"]
    assert all(action.written for action in draft.actions), "found by words that somebody wrote"
    assert {action.key for action in draft.actions if action.shape is not None} == KEYS
    made = {action.key: action for action in draft.actions if action.operation is not None}
    assert len(made) > 100
    assert {"add-promocodes", "add-broadcast", "get-custom-fields", "add-contacts", "unsubscribe-emails"} <= set(made)
    assert all("body" not in action.input_schema.get("properties", {}) for action in made.values())


def test_generated_sends_and_deletions_are_destructive(draft: Draft) -> None:
    for action in draft.actions:
        if action.operation is not None and action.operation.method == "DELETE":
            assert action.effect.value == "destructive", action.key
        if action.key in ("add-broadcast", "start-campaign", "send-viber", "send-prepared-message-to-all"):
            assert (action.effect.value, action.idempotent) == ("destructive", False), action.key


def test_the_sixteen_actions_have_the_keys_that_callers_know() -> None:
    assert set(ACTIONS) == KEYS


@pytest.mark.parametrize(("key", "given"), RIGHT)
def test_right_input_is_taken(key: str, given: dict[str, Any]) -> None:
    jsonschema_rs.validate(ACTIONS[key]["inputSchema"], given)


@pytest.mark.parametrize(("key", "given"), WRONG)
def test_wrong_input_is_refused(key: str, given: dict[str, Any]) -> None:
    assert not jsonschema_rs.is_valid(ACTIONS[key]["inputSchema"], given)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_examples_fit_their_own_schemas(key: str) -> None:
    schema = ACTIONS[key]["inputSchema"]
    for example in schema.get("examples", ()):
        jsonschema_rs.validate(schema, example)
    for name, member in schema.get("properties", {}).items():
        assert member["description"], name
        for example in member.get("examples", ()):
            jsonschema_rs.validate({**member, "$defs": schema.get("$defs", {})}, example)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_an_action_says_how_people_ask_for_it_in_several_languages(key: str) -> None:
    intents: list[str] = ACTIONS[key]["intents"]
    english = [intent for intent in intents if intent.isascii()]
    assert len(english) >= 5
    assert len([intent for intent in intents if re.search("[а-яіїєґё]", intent)]) >= 4, "Ukrainian and Russian"
    assert any(re.search("[\u4e00-\u9fff]", intent) for intent in intents), "Chinese"
    assert len(set(intents)) == len(intents)


def test_of_several_contacts_with_one_address_none_is_deleted() -> None:
    """eSputnik's cloud has such duplicates; our own API has not, so this is asked of the formulas."""
    found = [{"id": number, "channels": [{"type": "email", "value": "ann@example.org"}]} for number in (1, 2)]
    near = [{"id": 3, "channels": [{"type": "email", "value": "joann@example.org"}]}]
    asked = {"email": "Ann@example.org"}
    deleting = ACTIONS["delete-contact"]["steps"][2]["path"]
    with pytest.raises(GivenUp) as caught:
        evaluate_path(deleting, {"input": asked, "steps": {"search": found}})
    assert caught.value.code == "conflict"
    assert evaluate_path(deleting, {"input": asked, "steps": {"search": found[1:] + near}}) == "/v1/contact/2"
    with pytest.raises(GivenUp) as caught:
        evaluate_path(deleting, {"input": asked, "steps": {"search": near}})
    assert (caught.value.code, caught.value.message) == ("not_found", "Contact Ann@example.org not found")
    reading = ACTIONS["get-contact"]["steps"][1]["path"]
    assert evaluate_path(reading, {"input": asked, "steps": {"search": near + found}}) == "/v1/contact/1"


def test_what_cannot_be_called_back_is_destructive() -> None:
    destructive = {key for key, action in ACTIONS.items() if action["effect"] == "destructive"}
    assert destructive == {"delete-contact", "send-email", "send-sms", "send-prepared-message"}
    assert {key for key, action in ACTIONS.items() if action["effect"] == "read"} == {
        key for key in KEYS if key.startswith(("get-", "search-"))
    }
    assert not any(ACTIONS[key]["idempotent"] for key in destructive - {"delete-contact"})


def test_every_other_operation_has_words_to_be_found_by() -> None:
    document = read("openapi.yaml")
    replaced = {name for action in ACTIONS.values() for name in action["replaces"]}
    known = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    assert replaced <= known
    changes = {change["target"]: change for change in read("overlay.yaml")["actions"]}
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            target = f"$.paths['{path}'].{verb}"
            if operation["operationId"] in replaced:
                assert target not in changes, target
                continue
            change = changes.pop(target)
            if change.get("remove"):
                continue
            search = change["update"]["x-search"]
            assert len(search["keywords"]) >= 4, target
            assert len(search["intents"]) >= 3, target
            cyrillic = [intent for intent in search["intents"] if re.search("[а-яіїєґё]", intent)]
            assert len(cyrillic) >= 2, f"{target}: Ukrainian and Russian"
    assert not changes

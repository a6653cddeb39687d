"""Tokens of contacts, of callers and of devices."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.accounts.model import KeyScope
from syncom.accounts.service import machine_principal
from syncom.errors import Unauthorized
from tests.http.esputnik.conftest import Shop
from tests.http.esputnik.test_contacts import add, by_email


async def push(shop: Shop, token: str = "token-1", **device: Any) -> int:
    channel = {"type": "mobilepush", "value": token} | ({"device": device} if device else {})
    return await add(shop, {"channels": [channel]})


@pytest.mark.parametrize(
    "named",
    [
        {"externalCustomerId": "C-1"},
        {"email": "OLENA@example.org"},
        {"phone": "380671112233"},
        {"phone": None, "email": "olena@example.org"},
    ],
)
async def test_a_contact_gets_a_token_that_changes_with_each_use(shop: Shop, named: dict[str, Any]) -> None:
    body = by_email("olena@example.org", externalCustomerId="C-1")
    body["channels"].append({"type": "sms", "value": "380671112233"})
    contact_id = await add(shop, body)
    answer = await shop.post("/v1/auth/contact/token", named)
    assert answer.status == 200, answer.body
    token = answer.json()["token"]
    tokens = shop.app.contacts.tokens
    used = await tokens.use(token)
    assert (used.account_id, used.contact_id) == (shop.account_id, contact_id)
    assert used.fresh != token
    assert (await tokens.use(token)).contact_id == contact_id  # within its grace
    async with shop.app.database.system() as connection:
        await connection.execute("UPDATE contact_tokens SET expires_at = now() WHERE contact_id = %s", (contact_id,))
    for old in (token, used.fresh, "ct_nothing", "", "x" * 300):
        with pytest.raises(Unauthorized):
            await tokens.use(old)
    await tokens.forget_old()
    await shop.app.contacts.erase(shop.account_id, contact_id)


async def test_a_token_for_nobody_is_not_found(shop: Shop) -> None:
    await add(shop.other, by_email("theirs@example.org"))
    assert (await shop.post("/v1/auth/contact/token", {})).status == 400
    assert (await shop.post("/v1/auth/contact/token", {"email": " "})).status == 400
    for body in ({"email": "theirs@example.org"}, {"email": "ann@"}, {"cookie": "sc"}, {"phone": "12"}):
        answer = await shop.post("/v1/auth/contact/token", body)
        assert (answer.status, answer.message) == (404, "Contact not found")


async def test_a_token_stands_for_its_key_and_ends_with_it(shop: Shop) -> None:
    narrow = await shop.with_key(scope=KeyScope.EVENTS)
    answer = await narrow.post("/v1/auth/token")
    assert answer.status == 200
    assert answer.json()["expires_in"] == 86_400
    token = answer.json()["token"]
    assert (await shop.call("GET", "/v1/account/info", auth=("any", token))).json()["orgId"] == shop.account_id
    assert (await shop.call("GET", "/v1/contacts", auth=("any", token))).status == 403
    by = machine_principal(shop.account_id)
    keys = await shop.app.accounts.list_api_keys(by)
    await shop.app.accounts.revoke_api_key(by, max(key.api_key_id for key in keys))
    assert (await shop.call("GET", "/v1/account/info", auth=("any", token))).status == 401
    assert (await shop.call("GET", "/v1/account/info", auth=("any", "st_nothing"))).status == 401
    await shop.app.accounts.forget_tokens()


async def test_a_push_token_is_switched_off_and_on(shop: Shop) -> None:
    contact_id = await push(shop, appId="5b0f", os="Android")
    path = "/v1/contact/token/activated/5B0F/token-1"
    assert (await shop.get(path)).json() == {"active": True}
    for body, after in (({"active": False}, False), ({"activated": "true"}, True), (False, False)):
        assert (await shop.put(path, body)).status == 200
        assert (await shop.get(path)).json() == {"active": after}
    shown = (await shop.get(f"/v1/contact/{contact_id}")).json()["channels"]
    assert shown[0]["device"] == {"appId": "5b0f", "os": "Android", "active": False}
    assert (await shop.get("/v1/contact/token/5b0f/token-1")).json() == {"contactId": contact_id}


async def test_unknown_and_foreign_push_tokens_are_not_found(shop: Shop) -> None:
    await push(shop, appId="5b0f")
    await push(shop.other, "token-2")
    for app, token in (("5b0f", "none"), ("other", "token-1"), ("5b0f", "token-2")):
        assert (await shop.get(f"/v1/contact/token/activated/{app}/{token}")).status == 404
        assert (await shop.put(f"/v1/contact/token/activated/{app}/{token}", {"active": False})).status == 404
        assert (await shop.get(f"/v1/contact/token/{app}/{token}")).status == 404
    for body in ({}, {"active": "maybe"}, [], "x"):
        assert (await shop.put("/v1/contact/token/activated/5b0f/token-1", body)).status == 400
    assert (await shop.other.get("/v1/contact/token/activated/x/token-2")).json() == {"active": True}

"""The eSputnik connector is connected: with an API key, and to this installation with one click."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.accounts.model import Role
from syncom.accounts.service import machine_principal
from syncom.connect.connections.model import Agreed, ConnectionWish
from syncom.connect.model import Caller, CallerKind, ConnectionState
from syncom.connect.runs.model import RunFailed
from syncom.errors import Invalid
from tests.http.running_site import PASSWORD, Site


@pytest.fixture
async def caller(site: Site) -> Caller:
    await site.app.catalogue.sync()
    account_id = site.owner.account_id
    tenant = await site.app.tenants.tenant(account_id, "acme", create=True)
    return Caller(
        account_id=account_id,
        kind=CallerKind.TENANT,
        workspace_key="workspace",
        tenant_id=tenant.tenant_id,
        tenant_key="acme",
        actor="user:1",
    )


async def account_info(site: Site, caller: Caller, selector: str) -> dict[str, object]:
    connection = await site.app.connections.get(caller, selector)
    action = await site.app.catalogue.action(
        caller.account_id, "get-account-info", connector_id=connection.connector_id
    )
    return (await site.app.runs.run(caller, connection, action, {})).output


async def test_an_api_key_and_an_address_are_enough(site: Site, caller: Caller) -> None:
    """The key is of another account of another place; here that place is this server again."""
    wish = ConnectionWish(
        connector="esputnik", key="by-key", input={"apiKey": site.other_key, "baseUri": f"{site.url}/api"}
    )
    made = await site.app.connections.create(caller, wish)
    assert (made.state, made.auth_key) == (ConnectionState.READY, "api-key")
    assert made.input == {"baseUri": f"{site.url}/api"}, "the address may be seen, the key may not"
    info = await account_info(site, caller, "by-key")
    assert (info["orgId"], info["organisationName"]) == (site.other.account_id, "Other")


async def test_a_key_that_is_refused_and_an_address_that_is_none_connect_nothing(site: Site, caller: Caller) -> None:
    for typed in (
        {"apiKey": "wrong", "baseUri": f"{site.url}/api"},
        {"apiKey": site.key, "baseUri": "not an address"},
        {"baseUri": f"{site.url}/api"},
    ):
        with pytest.raises(Invalid):
            await site.app.connections.create(caller, ConnectionWish(connector="esputnik", key="bad", input=typed))
    assert "bad" not in {one.key for one in await site.app.connections.list(caller)}


async def test_one_click_connects_this_installation(site: Site, caller: Caller) -> None:
    app = site.app
    waiting = await app.connections.create(caller, ConnectionWish(connector="esputnik", key="own"))
    assert waiting.state is ConnectionState.CLIENT_ACTION_REQUIRED
    assert waiting.action_url is not None
    request_id = waiting.action_url.rpartition("=")[2]
    page = await app.connections.requests.page(request_id)
    assert [(choice.key, choice.own) for choice in page.choices] == [("own", True), ("api-key", False)]
    made = await app.accounts.create_user(site.owner, email="ann@example.com", password=PASSWORD, role=Role.ADMIN)
    by = Agreed(account_id=caller.account_id, user_id=made.user.user_id, role=Role.ADMIN.value)
    await app.connections.requests.agree(request_id, by)
    assert (await account_info(site, caller, "own"))["orgId"] == caller.account_id
    # The key that was made for it ends with it.
    await app.connections.disconnect(caller, "own")
    keys = await app.accounts.list_api_keys(machine_principal(caller.account_id))
    assert not [key for key in keys if key.name.startswith("Connection:") and key.revoked_at is None]


async def test_a_key_that_was_revoked_says_so(site: Site, caller: Caller) -> None:
    app = site.app
    made = await app.accounts.create_api_key(site.other, name="short", role=Role.ADMIN)
    wish = ConnectionWish(connector="esputnik", key="short", input={"apiKey": made.key, "baseUri": f"{site.url}/api"})
    await app.connections.create(caller, wish)
    await app.accounts.revoke_api_key(site.other, made.api_key.api_key_id)
    with pytest.raises(RunFailed) as caught:
        await account_info(site, caller, "short")
    assert caught.value.cause is not None
    assert "Authentication error" in caught.value.fault.message


async def test_the_whole_way_goes_through_the_api_of_the_integration_layer(site: Site) -> None:
    await site.app.catalogue.sync()
    async with site.client() as client:
        wish = {"connectorKey": "esputnik", "input": {"apiKey": site.key, "baseUri": f"{site.url}/api"}}
        made = (await client.post("/membrane/connections", json=wish)).json()
        assert (made["state"], made["connected"]) == ("READY", True)

        async def run(key: str, **given: object) -> tuple[int, dict[str, Any]]:
            where = {"connectionId": made["id"]}
            answer = await client.post(f"/membrane/actions/{key}/run", params=where, json={"input": given})
            return answer.status_code, answer.json()

        olena = {"type": "email", "value": "olena@example.org"}
        status, added = await run("add-update-contact", channels=[olena], firstName="Olena")
        assert (status, set(added)) == (200, {"output", "actionRunId"})
        status, card = await run("get-contact", email="olena@example.org")
        assert (status, card["output"]["id"]) == (200, added["output"]["id"])
        status, missing = await run("get-contact", email="nobody@example.org")
        assert (status, missing["type"]) == (400, "action_run")
        assert missing["message"] == "Contact nobody@example.org not found"
        status, wrong = await run("get-contact", contactId="five")
        assert status == 400
        assert "contactId" in str(wrong)
        status, gone = await run("delete-contact", email="olena@example.org")
        assert gone["output"] == {"message": f"Contact with id='{added['output']['id']}' has been deleted"}

"""Connecting an app with credentials that are given, looking, changing, disconnecting."""

from __future__ import annotations

import msgspec
import pytest
from psycopg import sql

from syncom.connect.connections.model import ConnectionPatch, ConnectionWish, Defunct
from syncom.connect.model import AuthKind, AuthOption, ConnectionState, Restrictions
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, Upstream
from tests.connect.connections.provider import API_KEY, CLIENT_ID, CLIENT_SECRET
from tests.connect.connections.rig import KEY, Rig

GOOD = {"apiKey": API_KEY, "account": "acme"}


async def rows(rig: Rig, table: str) -> int:
    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    async with rig.database.system() as connection:
        row = await (await connection.execute(count)).fetchone()
    assert row is not None
    return int(row[0])


async def test_given_credentials_are_tested_at_once_and_the_connection_is_ready(rig: Rig) -> None:
    connector = await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD, name="My shop"))
    assert (made.state, made.connected, made.key, made.connector_id) == (
        ConnectionState.READY,
        True,
        "my-shop",
        connector.connector_id,
    )
    assert made.input == {"account": "acme"}
    assert rig.app.calls
    authorisation = await rig.connections.authorise(made)
    assert authorisation.base_url == f"{rig.app.url}/api"
    assert authorisation.headers == {"X-Api-Key": API_KEY}
    assert API_KEY in authorisation.secrets
    assert API_KEY not in repr(authorisation) + repr(made)


async def test_credentials_that_the_app_refuses_are_an_error_and_nothing_stays(rig: Rig) -> None:
    await rig.connector()
    with pytest.raises(Invalid, match="refused them: it answered 401") as caught:
        await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input={"apiKey": "canary-wrong"}))
    assert caught.value.fields[0].field == "credentials"
    assert "canary-wrong" not in str(caught.value)
    assert await rows(rig, "connections") == await rows(rig, "connection_credentials") == 0


@pytest.mark.parametrize(
    ("typed", "field", "reason"),
    [
        ({}, "input.apiKey", "is missing"),
        ({"apiKey": "canary"}, "input.apiKey", "shorter than 8"),
        ({"apiKey": 12345678}, "input.apiKey", "not of type"),
    ],
)
async def test_a_form_that_is_filled_in_wrongly_names_the_field_and_no_value(
    rig: Rig, typed: dict[str, object], field: str, reason: str
) -> None:
    await rig.connector()
    with pytest.raises(Invalid, match=reason) as caught:
        await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", credentials=typed))
    assert caught.value.fields[0].field == field
    assert "canary" not in str(caught.value)
    assert not rig.app.calls


async def test_an_app_that_does_not_answer_says_nothing_about_credentials(rig: Rig) -> None:
    await rig.connector()
    rig.app.status = 503
    with pytest.raises(Upstream):
        await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    assert await rows(rig, "connections") == 0


async def test_a_connection_without_credentials_waits_for_a_person_at_its_link(rig: Rig) -> None:
    await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop"))
    assert made.state is ConnectionState.CLIENT_ACTION_REQUIRED
    assert made.client_action == "connect"
    assert made.action_url is not None
    assert "/membrane/screens/connections?connectionRequestId=" in made.action_url
    again = await rig.connections.get(rig.caller(), made.connection_id)
    assert again.action_url == made.action_url
    with pytest.raises(Defunct, match="connect it at"):
        await rig.connections.authorise(made)


async def test_a_connection_is_found_by_id_key_and_connector_when_it_is_the_only_one(rig: Rig) -> None:
    connector = await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    for selector in (made.connection_id, made.key, connector.connector_id, "shop"):
        assert (await rig.connections.get(rig.caller(), selector)).connection_id == made.connection_id
    second = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    assert second.key == "shop-2"
    with pytest.raises(Conflict, match="several"):
        await rig.connections.get(rig.caller(), connector.connector_id)


async def test_what_belongs_to_others_is_not_found(rig: Rig, other_account_id: int) -> None:
    await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    stranger = msgspec.structs.replace(rig.caller(), account_id=other_account_id)
    limited = rig.caller(restrictions=Restrictions(connections=frozenset({"0" * 24})))
    for caller in (rig.caller(1), stranger, limited):
        for selector in (made.connection_id, made.key, "shop"):
            with pytest.raises(NotFound):
                await rig.connections.get(caller, selector)
        assert await rig.connections.list(caller) == []
    assert await rig.connections.get(rig.manager(), made.connection_id)
    with pytest.raises(Forbidden):
        await rig.connections.archive(limited, made.connection_id)


async def test_parameters_make_the_address_and_cannot_lead_elsewhere(rig: Rig) -> None:
    schema = {"type": "object", "required": ["shop"], "properties": {"shop": {"type": "string"}}}
    host = rig.app.url.removeprefix("http://127.0.0.1")
    await rig.connector(base_url="http://{shop}.0.0.1" + host + "/api", parameters_schema=schema)
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input={**GOOD, "shop": "127"}))
    assert made.parameters == {"shop": "127"}
    for evil in ("evil.example/", "a@evil.example", "a:80@b", "evil.example#", "evil.example?", "", "a b"):
        with pytest.raises(Invalid):
            await rig.connections.create(
                rig.caller(), ConnectionWish(connector="shop", input=GOOD, parameters={"shop": evil})
            )


async def test_names_keys_and_notes_change_and_keys_stay_unique(rig: Rig) -> None:
    await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD, meta={"a": 1}))
    other = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    patched = await rig.connections.patch(
        rig.caller(), made.connection_id, ConnectionPatch(name="Main", key="main", meta={"b": 2, "a": None})
    )
    assert (patched.name, patched.key, patched.meta, patched.state) == ("Main", "main", {"b": 2}, made.state)
    with pytest.raises(Conflict):
        await rig.connections.patch(rig.caller(), other.connection_id, ConnectionPatch(key="main"))
    with pytest.raises(Conflict):
        await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD, key="main"))


async def test_an_archived_connection_is_hidden_and_comes_back_with_its_credentials(rig: Rig) -> None:
    await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    archived = await rig.connections.archive(rig.caller(), made.key)
    assert archived.archived_at is not None
    assert await rig.connections.list(rig.caller()) == []
    assert len(await rig.connections.list(rig.caller(), include_archived=True)) == 1
    with pytest.raises(Conflict, match="archived"):
        await rig.connections.authorise(made)
    second = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    assert second.key == made.key
    back = await rig.connections.restore(rig.caller(), made.connection_id)
    assert (back.key, back.connected) == (f"{made.key}-2", True)
    assert (await rig.connections.authorise(back)).headers


async def test_disconnecting_erases_the_credentials_and_keeps_the_record(rig: Rig) -> None:
    await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    await rig.connections.authorise(made)
    gone = await rig.connections.disconnect(rig.caller(), made.connection_id)
    assert (gone.state, gone.connected) == (ConnectionState.CLIENT_ACTION_REQUIRED, False)
    assert gone.action_url
    assert await rows(rig, "connection_credentials") == 0
    with pytest.raises(Defunct):
        await rig.connections.authorise(made)
    again = await rig.connections.reconnect(rig.caller(), made.connection_id, ConnectionWish(input=GOOD))
    assert (again.connection_id, again.connected) == (made.connection_id, True)


async def test_connecting_again_uses_the_connection_that_waits(rig: Rig) -> None:
    await rig.connector()
    first = await rig.connections.connect(rig.caller(), ConnectionWish(connector="shop"))
    second = await rig.connections.connect(rig.caller(), ConnectionWish(connector="shop"))
    assert first.connection_id == second.connection_id
    third = await rig.connections.connect(rig.caller(), ConnectionWish(connector="shop", input=GOOD))
    assert (third.connection_id, third.connected) == (first.connection_id, True)
    other = await rig.connections.connect(rig.caller(), ConnectionWish(connector="shop"))
    assert other.connection_id != first.connection_id


async def test_a_new_address_does_not_get_the_stored_secrets(rig: Rig) -> None:
    schema = {"type": "object", "required": ["baseUrl"], "properties": {"baseUrl": {"type": "string"}}}
    await rig.connector("http", base_url="{baseUrl}", parameters_schema=schema, test=None)
    made = await rig.connections.create(
        rig.caller(), ConnectionWish(connector="http", input=GOOD, parameters={"baseUrl": f"{rig.app.url}/api"})
    )
    with pytest.raises(Invalid, match="apiKey"):
        await rig.connections.patch(
            rig.caller(), made.connection_id, ConnectionPatch(parameters={"baseUrl": "http://evil.example"})
        )
    same = await rig.connections.patch(
        rig.caller(), made.connection_id, ConnectionPatch(parameters={"baseUrl": f"{rig.app.url}/api/v2"})
    )
    assert (await rig.connections.authorise(same)).headers == {"X-Api-Key": API_KEY}


async def test_ensure_finds_the_connection_then_the_connector_then_asks_for_the_address(rig: Rig) -> None:
    schema = {"type": "object", "required": ["baseUrl"], "properties": {"baseUrl": {"type": "string"}}}
    await rig.connector()
    await rig.connector("http", base_url="{baseUrl}", parameters_schema=schema, test=None, domains=())
    made = await rig.connections.ensure(rig.caller(), "https://www.shop.example/products?x=1")
    assert (made.connector_key, made.client_action) == ("shop", "connect")
    assert (await rig.connections.ensure(rig.caller(), "shop.example")).connection_id == made.connection_id
    unknown = await rig.connections.ensure(rig.caller(), "https://api.unknown.example", name="Unknown")
    assert (unknown.connector_key, unknown.client_action, unknown.name) == ("http", "provide-input", "Unknown")
    assert (await rig.connections.ensure(rig.caller(), "api.unknown.example")).connection_id == unknown.connection_id
    provided = await rig.connections.patch(
        rig.caller(),
        unknown.connection_id,
        ConnectionPatch(input={"apiKey": API_KEY}, parameters={"baseUrl": rig.app.url}),
    )
    assert provided.connected
    assert (await rig.connections.ensure(rig.caller(), "Shop")).connection_id == made.connection_id


async def test_a_client_with_a_secret_gets_a_token_for_itself(rig: Rig) -> None:
    option = msgspec.structs.replace(
        rig.oauth(), key="client", kind=AuthKind.CLIENT_CREDENTIALS, headers={"Authorization": "Bearer {access_token}"}
    )
    await rig.connector("robot", auth=(option,))
    typed = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="robot", credentials=typed))
    assert made.connected
    assert made.refresh_at is not None
    assert (await rig.connections.authorise(made)).headers["Authorization"].startswith("Bearer canary-access-")
    wrong = {"clientId": CLIENT_ID, "clientSecret": "canary-no"}
    with pytest.raises(Invalid, match="invalid_client") as caught:
        await rig.connections.create(rig.caller(), ConnectionWish(connector="robot", credentials=wrong))
    assert "canary" not in str(caught.value)


async def test_an_app_without_credentials_is_connected_at_once(rig: Rig) -> None:
    rig.app.status = 200
    await rig.connector("open", auth=(AuthOption(key="none", kind=AuthKind.NONE),), test=None)
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="open"))
    assert made.connected
    assert (await rig.connections.authorise(made)).headers == {}


async def test_a_test_call_to_the_private_network_is_refused(rig: Rig) -> None:
    await rig.connector(base_url="http://169.254.169.254/latest", auth=(KEY,))
    with pytest.raises(Invalid, match="private network"):
        await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=GOOD))

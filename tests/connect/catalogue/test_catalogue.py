"""The catalogue in the database: synchronised with the release, added to by accounts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from syncom.clock import SystemClock
from syncom.connect.catalogue.compile import read_settings
from syncom.connect.catalogue.model import ActionChange, NewAction
from syncom.connect.catalogue.service import CatalogueService
from syncom.connect.model import AuthKind, Effect, Place
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Database
from tests.connect.folders import DOCUMENT, SHOPKIT, shopkit


async def keys(catalogue: CatalogueService, account_id: int) -> list[str]:
    connector = await catalogue.connector(account_id, "shopkit")
    return [one.key for one in await catalogue.actions(account_id, connector_id=connector.connector_id)]


async def test_a_folder_becomes_a_connector_and_its_actions(catalogue: CatalogueService, account_id: int) -> None:
    found = await catalogue.connector(account_id, "shopkit")
    assert (found.name, found.base_url, found.version) == ("Shopkit", "https://{shop}.shopkit.example/admin/api", 1)
    assert found.test == ("GET", "/shop.json")
    assert found.auth[0].kind is AuthKind.API_KEY
    assert found.pagination is not None
    assert found.account_id is None
    assert await catalogue.connector(account_id, found.connector_id) == found
    assert await keys(catalogue, account_id) == ["create-customer", "customers-delete", "customers-list", "shop-get"]
    deleting = await catalogue.action(account_id, "customers-delete", connector_id=found.connector_id)
    assert (deleting.effect, deleting.idempotent, deleting.connector_key) == (Effect.DESTRUCTIVE, True, "shopkit")
    assert deleting.operation is not None
    assert [(one.input, one.place) for one in deleting.operation.arguments] == [("id", Place.PATH)]
    shaped = await catalogue.action(account_id, "create-customer", connector_id=found.connector_id)
    assert shaped.shape is not None
    assert shaped.shape.steps[0].body == {"customer": {"$var": "$.input"}}
    assert list(shaped.input_schema["properties"]) == ["email", "first_name"]
    listing = await catalogue.action(account_id, "customers-list", connector_id=found.connector_id)
    assert listing.intents == ("show all customers", "who bought from us", "list clients")


async def test_connectors_are_found_by_name_alias_and_domain(catalogue: CatalogueService, account_id: int) -> None:
    for search in ("shopkit", "Shop", "shop kit", "shopkit.example"):
        assert [one.key for one in await catalogue.connectors(account_id, search=search)] == ["shopkit"], search
    assert await catalogue.connectors(account_id, search="100%") == []
    assert len(await catalogue.connectors(account_id)) == 1
    assert await catalogue.connectors(account_id, offset=1) == []
    for domain in ("shopkit.example", "anna.SHOPKIT.example."):
        found = await catalogue.find_by_domain(account_id, domain)
        assert found is not None, domain
    assert await catalogue.find_by_domain(account_id, "example") is None
    assert await catalogue.find_by_domain(account_id, "") is None
    with pytest.raises(NotFound):
        await catalogue.connector(account_id, "nothing")


async def test_nothing_is_read_again_when_nothing_changed(
    catalogue: CatalogueService, database: Database, account_id: int, tmp_path: Path
) -> None:
    folder = tmp_path / "connectors"
    before = await catalogue.connector(account_id, "shopkit")
    await asyncio.gather(*(CatalogueService(database, SystemClock()).sync(folder) for _ in range(4)))
    assert await catalogue.connector(account_id, "shopkit") == before


async def test_what_stays_keeps_its_id_and_what_goes_is_archived(
    catalogue: CatalogueService, account_id: int, tmp_path: Path
) -> None:
    before = await catalogue.connector(account_id, "shopkit")
    ids = {one.key: one for one in await catalogue.actions(account_id, connector_id=before.connector_id)}
    changed = DOCUMENT.replace("summary: List customers", "summary: Show the customers").replace(
        "    delete:\n      operationId: customers_delete", "    put:\n      operationId: customers_put"
    )
    folder = shopkit(tmp_path / "connectors", document=changed)
    await asyncio.gather(*(catalogue.sync(folder) for _ in range(4)))
    after = await catalogue.connector(account_id, "shopkit")
    assert (after.connector_id, after.version) == (before.connector_id, 2)
    found = {one.key: one for one in await catalogue.actions(account_id, connector_id=after.connector_id)}
    assert set(found) == {"create-customer", "customers-list", "customers-put", "shop-get"}
    assert found["customers-list"].action_id == ids["customers-list"].action_id
    assert found["customers-list"].name == "Show the customers"
    assert found["shop-get"] == ids["shop-get"], "nothing about it changed, its time neither"
    gone = await catalogue.action(account_id, ids["customers-delete"].action_id)
    assert gone.archived_at is not None
    with pytest.raises(NotFound):
        await catalogue.action(account_id, "customers-delete", connector_id=after.connector_id)
    await catalogue.sync(shopkit(tmp_path / "connectors"))
    again = await catalogue.action(account_id, "customers-delete", connector_id=after.connector_id)
    assert again.action_id == gone.action_id
    assert again.archived_at is None


async def test_a_connector_that_the_release_has_no_more_is_archived(
    catalogue: CatalogueService, account_id: int, tmp_path: Path
) -> None:
    before = await catalogue.connector(account_id, "shopkit")
    (tmp_path / "none").mkdir()
    await catalogue.sync(tmp_path / "none")
    assert await catalogue.connectors(account_id) == []
    assert await catalogue.actions(account_id) == []
    assert (await catalogue.connector(account_id, before.connector_id)).archived_at is not None


async def test_a_mistake_in_a_folder_leaves_its_connector_as_it_was(
    catalogue: CatalogueService, account_id: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = await catalogue.connector(account_id, "shopkit")
    await catalogue.sync(shopkit(tmp_path / "connectors", settings=SHOPKIT + "\ncolour: red\n"))
    assert "colour" in caplog.text
    assert await catalogue.connector(account_id, "shopkit") == before


async def test_an_account_adds_a_connector_that_nobody_else_sees(
    catalogue: CatalogueService, account_id: int, other_account_id: int
) -> None:
    settings = read_settings(b"key: mine\nbaseUrl: https://api.mine.example\n")
    added = await catalogue.add(account_id, document=DOCUMENT.encode(), settings=settings)
    assert (added.key, added.name, added.account_id, added.domains) == (
        "mine",
        "Shopkit",
        account_id,
        ("mine.example",),
    )
    assert {one.key for one in await catalogue.connectors(account_id)} == {"mine", "shopkit"}
    assert {one.key for one in await catalogue.connectors(other_account_id)} == {"shopkit"}
    actions = await catalogue.actions(account_id, connector_id=added.connector_id)
    assert len(actions) == 4
    assert all(one.keywords and len(one.intents) >= 3 for one in actions)
    with pytest.raises(NotFound):
        await catalogue.connector(other_account_id, added.connector_id)
    with pytest.raises(NotFound):
        await catalogue.action(other_account_id, actions[0].action_id)
    with pytest.raises(NotFound):
        await catalogue.remove(other_account_id, "mine")
    again = await catalogue.add(account_id, document=DOCUMENT.encode(), settings=settings)
    assert (again.connector_id, again.version) == (added.connector_id, 2)
    await catalogue.remove(account_id, "mine")
    assert {one.key for one in await catalogue.connectors(account_id)} == {"shopkit"}
    with pytest.raises(NotFound):
        await catalogue.remove(account_id, "mine")
    with pytest.raises(Conflict):
        await catalogue.remove(account_id, "shopkit")
    back = await catalogue.add(account_id, document=DOCUMENT.encode(), settings=settings)
    assert back.connector_id == added.connector_id
    now = await catalogue.actions(account_id, connector_id=added.connector_id)
    assert {one.action_id for one in now} == {one.action_id for one in actions}


async def test_an_own_connector_with_the_key_of_a_shipped_one_is_found_first(
    catalogue: CatalogueService, account_id: int, other_account_id: int
) -> None:
    own = await catalogue.add(account_id, document=DOCUMENT.encode(), settings=read_settings(SHOPKIT.encode()))
    assert (await catalogue.connector(account_id, "shopkit")).connector_id == own.connector_id
    assert (await catalogue.connector(other_account_id, "shopkit")).account_id is None


async def test_an_own_connector_can_not_claim_to_be_this_installation(
    catalogue: CatalogueService, account_id: int
) -> None:
    settings = read_settings(b"key: mine\nown: true\nbaseUrl: https://api.mine.example\n")
    with pytest.raises(Invalid, match="own"):
        await catalogue.add(account_id, document=DOCUMENT.encode(), settings=settings)


async def test_a_caller_makes_changes_and_removes_an_action(
    catalogue: CatalogueService, account_id: int, other_account_id: int
) -> None:
    connector = await catalogue.connector(account_id, "shopkit")
    wish = NewAction(
        connector_id=connector.connector_id,
        name="Tag a customer",
        config={"request": {"method": "post", "path": {"$concat": ["/customers/", {"$var": "$.input.id"}]}}},
        input_schema={"type": "object", "properties": {"id": {"type": "integer"}}},
    )
    made = await catalogue.add_action(account_id, wish)
    assert (made.key, made.effect, made.idempotent, made.made) == ("tag-a-customer", Effect.WRITE, False, True)
    assert (await catalogue.add_action(account_id, wish)).key == "tag-a-customer-2"
    assert (await catalogue.add_action(other_account_id, wish)).key == "tag-a-customer"
    with pytest.raises(NotFound):
        await catalogue.change_action(other_account_id, made.action_id, ActionChange(name="x"))
    changed = await catalogue.change_action(
        account_id, made.action_id, ActionChange(name="Label", config={"request": {"method": "GET", "path": "/x"}})
    )
    assert (changed.action_id, changed.name, changed.effect) == (made.action_id, "Label", Effect.READ)
    # What the release brings does not touch it.
    assert "tag-a-customer" in await keys(catalogue, account_id)
    await catalogue.remove_action(account_id, made.action_id)
    assert "tag-a-customer" not in await keys(catalogue, account_id)
    assert (await catalogue.restore_action(account_id, made.action_id)).archived_at is None
    shipped = await catalogue.action(account_id, "shop-get", connector_id=connector.connector_id)
    with pytest.raises(Conflict):
        await catalogue.remove_action(account_id, shipped.action_id)
    with pytest.raises(NotFound):
        await catalogue.remove_action(account_id, "0" * 24)


@pytest.mark.parametrize(
    ("member", "config"),
    [
        ("config.request", {}),
        ("config.request", {"request": "GET /x"}),
        ("config.request.method", {"request": {"method": "TRACE", "path": "/x"}}),
        ("config.request.path", {"request": {"method": "GET"}}),
        ("config.request.code", {"request": {"method": "GET", "path": "/x", "code": "1"}}),
    ],
)
async def test_a_wrong_action_is_refused_by_its_member(
    catalogue: CatalogueService, account_id: int, member: str, config: dict[str, object]
) -> None:
    connector = await catalogue.connector(account_id, "shopkit")
    with pytest.raises(Invalid) as refused:
        await catalogue.add_action(account_id, NewAction(connector_id=connector.connector_id, name="x", config=config))
    assert refused.value.fields[0].field == member


async def test_an_own_action_stands_before_the_one_of_the_release_with_its_key(
    catalogue: CatalogueService, account_id: int, other_account_id: int
) -> None:
    connector = await catalogue.connector(account_id, "shopkit")
    mine = await catalogue.add_action(
        account_id,
        NewAction(
            connector_id=connector.connector_id,
            key="shop-get",
            name="Mine",
            config={"request": {"method": "GET", "path": "/mine"}},
        ),
    )
    assert (await catalogue.action(account_id, "shop-get", connector_id=connector.connector_id)) == mine
    found = await catalogue.actions(account_id, connector_id=connector.connector_id)
    assert [one.name for one in found if one.key == "shop-get"] == ["Mine"]
    other = await catalogue.action(other_account_id, "shop-get", connector_id=connector.connector_id)
    assert other.name == "Get the shop"


async def test_a_copy_of_a_shipped_action_can_be_changed_and_stands_before_it_until_it_is_archived(
    catalogue: CatalogueService, account_id: int, other_account_id: int
) -> None:
    connector = await catalogue.connector(account_id, "shopkit")
    shipped = await catalogue.action(account_id, "shop-get", connector_id=connector.connector_id)
    copy = await catalogue.clone_action(account_id, shipped, change=ActionChange(name="Copied"))
    assert (copy.key, copy.name, copy.made, copy.operation, copy.shape) == (
        "shop-get",
        "Copied",
        True,
        shipped.operation,
        shipped.shape,
    )
    assert (await catalogue.action(account_id, "shop-get", connector_id=connector.connector_id)) == copy
    assert (await catalogue.action(other_account_id, "shop-get", connector_id=connector.connector_id)) == shipped
    with pytest.raises(Conflict):
        await catalogue.clone_action(account_id, shipped)
    changed = await catalogue.change_action(
        account_id, copy.action_id, ActionChange(config={"request": {"method": "GET", "path": "/other"}})
    )
    assert changed.operation is None
    await catalogue.remove_action(account_id, copy.action_id)
    assert (await catalogue.action(account_id, "shop-get", connector_id=connector.connector_id)) == shipped
    everything = await catalogue.actions(account_id, connector_id=connector.connector_id, include_archived=True)
    assert [one.action_id for one in everything if one.key == "shop-get"].count(copy.action_id) == 1
    assert shipped in everything
    again = await catalogue.clone_action(account_id, shipped)
    assert (again.action_id, again.name, again.archived_at) == (copy.action_id, shipped.name, None)


async def test_what_is_searched_is_written_with_the_action(
    catalogue: CatalogueService, database: Database, account_id: int
) -> None:
    async with database.tenant(account_id) as connection:
        cursor = await connection.execute(
            "SELECT a.key, a.plain, length(a.document_hash) FROM actions a"
            " JOIN connectors c USING (connector_id) WHERE c.key = 'shopkit'"
            " AND a.words @@ websearch_to_tsquery('english', 'customers') ORDER BY a.key"
        )
        rows = await cursor.fetchall()
    assert [row[0] for row in rows] == ["create-customer", "customers-delete", "customers-list"]
    assert "who bought from us" in rows[2][1]
    assert {row[2] for row in rows} == {16}
    found = await catalogue.actions(account_id, search="bought")
    assert [one.key for one in found] == ["customers-list"]

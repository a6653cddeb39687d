"""``syncom connector``: any OpenAPI document becomes a connector with one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from tests.cli.command import Command
from tests.connect.folders import DOCUMENT, SHOPKIT, shopkit


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "shop api.yaml"
    path.write_text(DOCUMENT.replace("paths:", "servers: [{url: 'https://api.mine.example'}]\npaths:"), "utf-8")
    return path


async def test_a_document_becomes_a_connector_is_listed_shown_and_removed(syncom: Command, document: Path) -> None:
    added = await syncom.json("connector", "add", document, "--key", "mine")
    assert (added["actions"], added["operations"]) == (4, 4)
    connector = added["connector"]
    assert (connector["key"], connector["version"]) == ("mine", 1)
    listed = await syncom.json("connector", "list", "--search", "mine")
    assert [one["connector_id"] for one in listed] == [connector["connector_id"]]
    shown = await syncom.json("connector", "show", "mine")
    assert {one["key"] for one in shown["actions"]} == {
        "shop-get",
        "customers-list",
        "customers-create",
        "customers-delete",
    }
    human = await syncom("connector", "show", connector["connector_id"])
    assert "https://api.mine.example" in human.out
    assert "customers-list" in human.out
    again = await syncom("connector", "add", document, "--key", "mine")
    assert "--connectorKey=mine" in again.out
    assert (await syncom.json("connector", "show", "mine"))["version"] == 2
    assert await syncom.json("connector", "remove", "mine") == {"removed": "mine"}
    assert (await syncom("connector", "show", "mine")).code == 3
    assert (await syncom("connector", "remove", "mine")).code == 3


async def test_settings_and_an_overlay_come_with_it(syncom: Command, document: Path, tmp_path: Path) -> None:
    settings, overlay = tmp_path / "connector.yaml", tmp_path / "overlay.yaml"
    settings.write_text(SHOPKIT, "utf-8")
    overlay.write_text(
        "overlay: 1.0.0\ninfo: {title: x}\nactions:\n  - {target: \"$.paths['/shop.json']\", remove: true}\n",
        "utf-8",
    )
    added = await syncom.json("connector", "add", document, "--settings", settings, "--overlay", overlay)
    assert added["connector"]["key"] == "shopkit"
    assert added["actions"] == 3
    wrong = await syncom("connector", "add", document, "--settings", overlay)
    assert (wrong.code, "overlay.yaml" in wrong.err, "unknown field" in wrong.err) == (4, True, True)


async def test_a_folder_is_added_as_it_is_and_linted(syncom: Command, tmp_path: Path) -> None:
    folder = shopkit(tmp_path / "own") / "shopkit"
    assert (await syncom.json("connector", "add", folder))["connector"]["name"] == "Shopkit"
    report = await syncom("connector", "lint", folder)
    assert report.code == 1
    assert "actions.shop-get: has no keywords" in report.out
    assert (await syncom("connector", "lint", tmp_path)).code == 1


async def test_a_document_is_fetched_by_the_guarded_client(
    syncom: Command, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/moved":
            raise web.HTTPFound("/v1/openapi.yaml")
        if request.path != "/v1/openapi.yaml":
            return web.Response(status=404)
        return web.Response(text=DOCUMENT.replace("paths:", "servers: [{url: ../v2}]\npaths:"))

    server = web.Application()
    server.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", free_port).start()
    address = f"http://127.0.0.1:{free_port}"
    try:
        refused = await syncom("connector", "add", f"{address}/v1/openapi.yaml")
        assert (refused.code, "private network" in refused.err) == (4, True)
        monkeypatch.setenv("SYNCOM_OUTBOUND_ALLOW", "127.0.0.1/32")
        added = await syncom.json("connector", "add", f"{address}/v1/openapi.yaml")
        assert added["connector"]["base_url"] == f"{address}/v2"
        assert (await syncom("connector", "add", f"{address}/nothing")).code == 4
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "[]", "is not an object"),
        ("a.json", "{}", "is neither an OpenAPI 3 document nor Swagger 2.0"),
        ("a.yaml", "openapi: [", "is not YAML"),
        ("a.yaml", "openapi: 3.0.0\ninfo: {title: A}\npaths: {}", "it has no operations"),
    ],
)
async def test_what_is_no_document_is_refused_by_name(
    syncom: Command, tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    answer = await syncom("connector", "add", path)
    assert answer.code == 4
    assert name in answer.err
    assert said in answer.err


async def test_a_file_that_is_not_there_is_named(syncom: Command) -> None:
    answer = await syncom("connector", "add", "nothing.yaml")
    assert (answer.code, "nothing.yaml" in answer.err) == (4, True)

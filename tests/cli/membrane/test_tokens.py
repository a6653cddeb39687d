"""With which token a command asks: renewed, derived, made here, taken from the environment; and where it may go."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.cli.membrane.command import Membrane
from tests.cli.membrane.simulator import CONNECTION_ID, Simulator

_SECRET = "s" * 40


def bearer(simulator: Simulator) -> str:
    return simulator.last.headers["authorization"].removeprefix("Bearer ")


def age(membrane: Membrane, simulator: Simulator) -> None:
    """The access token ends now."""
    stored = membrane.stored
    stored["profiles"][simulator.url]["expiresAt"] = "2026-01-01T00:00:00+00:00"
    membrane.credentials.write_text(json.dumps(stored))


async def test_a_token_that_ends_is_renewed_once_by_commands_at_once(logged_in: Membrane, simulator: Simulator) -> None:
    before = logged_in.stored["profiles"][simulator.url]
    age(logged_in, simulator)
    answers = await asyncio.gather(*(logged_in("connection", "list", "--json") for _ in range(5)))
    assert [answer.code for answer in answers] == [0] * 5, [answer.err for answer in answers]
    assert simulator.refreshes == 1
    after = logged_in.stored["profiles"][simulator.url]
    assert after["refreshToken"] != before["refreshToken"]
    assert (after["email"], after["tenantKey"]) == ("anna@example.com", "t1")
    assert stat.S_IMODE(logged_in.credentials.stat().st_mode) == 0o600
    assert not [file for file in logged_in.credentials.parent.iterdir() if file.name.startswith("credentials.tmp")]


async def test_a_token_that_the_server_refuses_is_renewed_and_the_call_made_again(
    logged_in: Membrane, simulator: Simulator
) -> None:
    simulator.tokens.clear()
    answer = await logged_in("connection", "list", "--json")
    assert answer.code == 0, answer.err
    assert simulator.refreshes == 1


async def test_a_login_that_ended_says_so(logged_in: Membrane, simulator: Simulator) -> None:
    age(logged_in, simulator)
    simulator.refresh_tokens.clear()
    answer = await logged_in("connection", "list", "--json")
    assert (answer.code, answer.json["error"]["key"]) == (1, "not_authenticated")
    assert "has ended: run `membrane login --tenant`" in answer.err


async def test_without_a_tenant_its_tokens_are_derived_and_kept(
    membrane: Membrane, simulator: Simulator, browser: str
) -> None:
    assert (await membrane.at_a_terminal("login", BROWSER=browser)).code == 0
    assert (await membrane("connection", "list")).code == 0
    assert (await membrane("connection", "list")).code == 0
    assert simulator.derived == 1
    first = bearer(simulator)
    assert (await membrane("connection", "list", "--tenantKey=other", "--workspaceKey", "w2")).code == 0
    assert simulator.derived == 2
    assert bearer(simulator) != first
    wish = simulator.calls("POST", "/org-workspaces/w2/access-token")[0]
    assert wish.body == {"tenantKey": "other"}
    assert set(membrane.stored["profiles"][simulator.url]["derived"]) == {"w1/t1", "w2/other"}
    printed = await membrane("token")
    assert printed.out.strip() == first
    manager = await membrane("token", "--manager", "--json")
    assert manager.code == 0
    assert simulator.last.body == {"isAdmin": True}
    # A derived token that is refused is made anew.
    answer = await membrane("status", "--json")
    assert (answer.json["scope"], answer.json["workspaceKey"]) == ("platform-user", "w1")


async def test_a_login_for_one_tenant_is_not_used_for_another(logged_in: Membrane, simulator: Simulator) -> None:
    answer = await logged_in("connection", "list", "--tenantKey=other")
    assert (answer.code, "this login is for the tenant t1" in answer.err) == (2, True)
    assert simulator.asked == []


async def test_with_the_workspaces_secret_tokens_are_made_here(membrane: Membrane, simulator: Simulator) -> None:
    keys = {"MEMBRANE_WORKSPACE_KEY": "w1", "MEMBRANE_WORKSPACE_SECRET": _SECRET}
    answer = await membrane("connection", "list", "--tenantKey", "shop", "--json", **keys)
    assert answer.code == 0, answer.err
    claims = jwt.decode(bearer(simulator), OctKey.import_key(_SECRET), algorithms=["HS256"]).claims
    assert (claims["workspaceKey"], claims["iss"], claims["tenantKey"], claims["id"]) == ("w1", "w1", "shop", "shop")
    assert claims["exp"] - claims["iat"] == 3600
    printed = await membrane("token", "--manager", "--expiresIn", "7d", **keys)
    claims = jwt.decode(printed.out.strip(), OctKey.import_key(_SECRET), algorithms=["HS256"]).claims
    assert (claims["isAdmin"], claims["exp"] - claims["iat"], "id" in claims) == (True, 7 * 86400, False)
    nobody = await membrane("connection", "list", **keys)
    assert (nobody.code, "--tenantKey" in nobody.err) == (2, True)
    assert (await membrane("token", "--expiresIn", "soon", **keys)).code == 2
    shown = await membrane("credentials", "--json", MEMBRANE_TEST_CUSTOMER_ID="shop", **keys)
    assert shown.json == {
        "apiUri": simulator.url,
        "workspaceKey": "w1",
        "workspaceSecret": _SECRET,
        "tenantKey": "shop",
    }
    shell = await membrane("credentials", "--shell", MEMBRANE_TENANT_KEY="o'hara", **keys)
    assert "export MEMBRANE_TENANT_KEY='o'\"'\"'hara'\n" in shell.out
    assert not membrane.credentials.exists()


@pytest.mark.parametrize("variable", ["MEMBRANE_ACCESS_TOKEN", "MEMBRANE_TOKEN"])
async def test_a_token_of_the_environment_wins_over_the_login(
    logged_in: Membrane, simulator: Simulator, variable: str
) -> None:
    simulator.tokens["given"] = "tenant"
    assert (await logged_in("connection", "list", **{variable: "given"})).code == 0
    assert bearer(simulator) == "given"


async def test_the_nearest_word_on_the_server_wins(membrane: Membrane, simulator: Simulator) -> None:
    project = membrane.home / "shop" / "deep" / "er"
    project.mkdir(parents=True)
    membrane.folder = project
    (membrane.home / "shop" / "membrane.config.yml").write_text("apiUri: http://yaml.example\nworkspaceKey: wy\n")
    own = {"MEMBRANE_API_URI": "", "HOME": str(membrane.home / "elsewhere")}
    assert (await membrane("credentials", "--json", **own)).json["apiUri"] == "http://yaml.example"
    folder = membrane.home / "shop" / ".membrane"
    folder.mkdir()
    (folder / "config.json").write_text('{"apiUri": "http://json.example/", "tenantKey": "tj"}')
    found = (await membrane("credentials", "--json", **own)).json
    assert (found["apiUri"], found["workspaceKey"], found["tenantKey"]) == ("http://json.example", "wy", "tj")
    found = (await membrane("credentials", "--json", **{**own, "MEMBRANE_API_URL": simulator.url})).json
    assert found["apiUri"] == simulator.url
    found = (await membrane("credentials", "--json", "--apiUri=http://flag.example", **own)).json
    assert found["apiUri"] == "http://flag.example"
    (folder / "config.json").write_text("{")
    broken = await membrane("credentials", **own)
    assert (broken.code, "config.json is not JSON" in broken.err) == (1, True)
    (folder / "config.json").unlink()
    assert (await membrane("credentials", "--apiUri=ftp://x", **own)).code == 2


async def test_no_folder_sends_the_environments_token_to_a_server_of_its_own(
    membrane: Membrane, simulator: Simulator
) -> None:
    folder = membrane.home / ".membrane"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"apiUri": simulator.url}))
    for secret in (
        {"MEMBRANE_TOKEN": "given"},
        {"MEMBRANE_WORKSPACE_KEY": "w", "MEMBRANE_WORKSPACE_SECRET": _SECRET, "MEMBRANE_TENANT_KEY": "t"},
    ):
        answer = await membrane("connection", "list", "--json", MEMBRANE_API_URI="", **secret)
        assert (answer.code, answer.json["error"]["key"]) == (1, "server_not_trusted")
    assert simulator.asked == []


async def test_where_there_is_a_keyring_the_tokens_are_in_it(
    membrane: Membrane, simulator: Simulator, browser: str, tmp_path: Path
) -> None:
    (tmp_path / "keyring.py").write_text(
        "import json, os, pathlib\n"
        "_FILE = pathlib.Path(os.environ['HOME'], 'ring')\n"
        "def _all():\n    return json.loads(_FILE.read_text()) if _FILE.exists() else {}\n"
        "class _Ring:\n    priority = 5\n"
        "def get_keyring():\n    return _Ring()\n"
        "def get_password(service, name):\n    return _all().get(service + name)\n"
        "def set_password(service, name, value):\n"
        "    _FILE.write_text(json.dumps(_all() | {service + name: value}))\n"
        "def delete_password(service, name):\n"
        "    kept = _all(); kept.pop(service + name, None); _FILE.write_text(json.dumps(kept))\n"
    )
    membrane.environment |= {"PYTHONPATH": str(tmp_path), "MEMBRANE_NO_KEYRING": ""}
    assert (await membrane.at_a_terminal("login", "--tenant", BROWSER=browser)).code == 0
    token = next(iter(simulator.tokens))
    assert token not in membrane.credentials.read_text()
    assert token in (membrane.home / "ring").read_text()
    assert (await membrane("connection", "list")).code == 0
    assert (await membrane("logout")).code == 0
    assert token not in (membrane.home / "ring").read_text()
    assert CONNECTION_ID not in membrane.credentials.read_text()

"""Logging in and out: with a browser, without one, and everything that may go wrong with a code."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.membrane.command import Membrane
from tests.cli.membrane.simulator import Simulator


async def code_of(url: str) -> str:
    """A person opens the address, agrees, and copies the code."""
    return (await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())).decode()


async def test_the_browser_brings_the_code_back(membrane: Membrane, simulator: Simulator, browser: str) -> None:
    answer = await membrane.at_a_terminal("login", "--tenant", "--clientName=claude", "--json", BROWSER=browser)
    assert answer.code == 0, answer.err
    assert answer.json == {
        "status": "success",
        "apiUri": simulator.url,
        "workspaceKey": "w1",
        "tenantKey": "t1",
        "email": "anna@example.com",
    }
    asked = simulator.calls("GET", "/oauth/authorize")[0].query
    assert (asked["client_id"], asked["scope"], asked["client_name"]) == ("membrane-cli", "tenant", "claude")
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert stat.S_IMODE(membrane.credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(membrane.credentials.parent.stat().st_mode) == 0o700
    assert membrane.stored["version"] == 1
    assert membrane.stored["current"] == simulator.url
    assert "pendingLogin" not in membrane.stored
    # The server is remembered.
    status = await membrane("status", "--json", MEMBRANE_API_URI="")
    assert (status.code, status.json["tenantKey"], status.json["scope"]) == (0, "t1", "tenant")
    human = await membrane("status")
    assert "anna@example.com" in human.out


async def test_without_a_browser_the_address_is_printed_and_the_code_pasted(
    membrane: Membrane, simulator: Simulator
) -> None:
    begun = await membrane("login", "--tenant", "--json")
    assert begun.code == 3
    assert set(begun.json) == {"status", "url", "expiresAt"}
    assert begun.json["status"] == "pending"
    query = parse_qs(urlsplit(begun.json["url"]).query)
    assert query["redirect_uri"] == [f"{simulator.url}/oauth/code"]
    assert query["code_challenge_method"] == ["S256"]
    kept = membrane.stored["pendingLogin"]
    assert kept["codeVerifier"] not in begun.out
    code = await code_of(begun.json["url"])
    done = await membrane("login", "complete", code)
    assert (done.code, "Logged in as anna@example.com" in done.out) == (0, True), done.err
    assert (await membrane("connection", "list", "--json")).code == 0
    # The same code again: here nothing waits for it any more.
    again = await membrane("login", "complete", code, "--json")
    assert (again.code, again.json["error"]["key"]) == (1, "no_pending_login")
    assert "membrane login --tenant" in again.err


async def test_a_code_is_good_once_and_only_where_the_login_began(membrane: Membrane, tmp_path: Path) -> None:
    begun = await membrane("login", "start", "--tenant", "--json")
    other = Membrane(tmp_path / "other", membrane.environment["MEMBRANE_API_URI"])
    other.home.mkdir()
    assert (await other("login", "start", "--tenant")).code == 3
    code = await code_of(begun.json["url"])
    # Somebody else saw the code: their verifier is another one.
    stolen = await other("login", "complete", code, "--json")
    assert (stolen.code, stolen.json["error"]["key"]) == (1, "invalid_grant")
    assert "profiles" not in other.stored
    # The server burned it; the login that began goes on with a new one.
    assert (await membrane("login", "complete", code)).code == 1
    again = await membrane("login", "complete", await code_of(begun.json["url"]))
    assert again.code == 0, again.err


async def test_the_same_login_in_two_places_gets_in_once(membrane: Membrane, tmp_path: Path) -> None:
    begun = await membrane("login", "start", "--tenant", "--json")
    code = await code_of(begun.json["url"])
    copy = tmp_path / "copy"
    shutil.copytree(membrane.home, copy)
    twice = Membrane(copy, membrane.environment["MEMBRANE_API_URI"])
    answers = await asyncio.gather(membrane("login", "complete", code), twice("login", "complete", code))
    assert sorted(answer.code for answer in answers) == [0, 1]


async def test_the_address_of_the_page_may_be_pasted_and_another_logins_is_refused(membrane: Membrane) -> None:
    begun = await membrane("login", "start", "--tenant", "--json")
    code = await code_of(begun.json["url"])
    state = parse_qs(urlsplit(begun.json["url"]).query)["state"][0]
    wrong = await membrane("login", "complete", f"http://x.example/oauth/code?code={code}&state=another", "--json")
    assert (wrong.code, wrong.json["error"]["key"]) == (1, "state_mismatch")
    assert (await membrane("login", "complete", f"http://x.example/oauth/code?code={code}&state={state}")).code == 0


async def test_an_answer_with_another_state_does_not_count(
    membrane: Membrane, simulator: Simulator, tmp_path: Path
) -> None:
    script = tmp_path / "attacked.py"
    script.write_text(
        "import sys, urllib.request, urllib.error, urllib.parse as p\n"
        "url = sys.argv[1]\n"
        "back = p.parse_qs(p.urlsplit(url).query)['redirect_uri'][0]\n"
        "for query in ('?code=evil&state=guessed', '?error=access_denied', '/elsewhere'):\n"
        "    try:\n        urllib.request.urlopen(back + query)\n"
        "    except urllib.error.HTTPError as error:\n        print(error.code, file=open(sys.argv[2], 'a'))\n"
        "urllib.request.urlopen(url).read()\n"
    )
    seen = tmp_path / "seen"
    answer = await membrane.at_a_terminal("login", "--tenant", BROWSER=f"{sys.executable} {script} %s {seen}")
    assert answer.code == 0, answer.err
    assert seen.read_text() == "400\n400\n404\n"
    assert [one.body["code"] for one in simulator.calls("POST", "/oauth/token")] != ["evil"]


async def test_a_refusal_ends_the_login(membrane: Membrane, tmp_path: Path) -> None:
    script = tmp_path / "refusing.py"
    script.write_text(
        "import sys, urllib.request, urllib.error, urllib.parse as p\n"
        "query = p.parse_qs(p.urlsplit(sys.argv[1]).query)\n"
        "said = {'error': 'access_denied', 'error_description': 'no\\x1b[2J', 'state': query['state'][0]}\n"
        "answer = p.urlencode(said)\n"
        "try:\n    urllib.request.urlopen(query['redirect_uri'][0] + '?' + answer)\n"
        "except urllib.error.HTTPError:\n    pass\n"
    )
    answer = await membrane.at_a_terminal("login", "--tenant", "--json", BROWSER=f"{sys.executable} {script} %s")
    assert (answer.code, answer.json["error"]["key"]) == (1, "access_denied")
    assert "\x1b" not in answer.err
    assert not membrane.credentials.exists()


async def test_the_flags_of_login_may_stand_anywhere(membrane: Membrane, simulator: Simulator) -> None:
    uri = simulator.url
    for line in (
        ("login", "--apiUri", uri, "start", "--tenant", "--json"),
        (f"--apiUri={uri}", "--json", "login", "--tenant", "start"),
        ("login", "start", "--json", "--api-uri", uri, "--tenant"),
        ("login", "--tenant", "--non-interactive", "--json", "--apiUri", uri),
    ):
        answer = await membrane(*line, MEMBRANE_API_URI="")
        assert answer.code == 3, answer.err
        assert answer.json["url"].startswith(f"{uri}/oauth/authorize?")
        assert parse_qs(urlsplit(answer.json["url"]).query)["scope"] == ["tenant"]


async def test_logging_out_ends_the_login_here_and_there(logged_in: Membrane, simulator: Simulator) -> None:
    refresh = logged_in.stored["profiles"][simulator.url]["refreshToken"]
    assert (await logged_in("logout")).code == 0
    assert simulator.revoked == [refresh]
    assert refresh not in logged_in.credentials.read_text()
    lost = await logged_in("connection", "list", "--json")
    assert (lost.code, lost.json["error"]["key"]) == (1, "not_authenticated")
    assert lost.err.count("\n") == 1
    assert "membrane login --tenant" in lost.err


async def test_one_is_logged_out_even_where_the_server_is_away(logged_in: Membrane) -> None:
    stored = logged_in.stored
    stored["profiles"] = {"http://127.0.0.1:9/membrane": next(iter(stored["profiles"].values()))}
    logged_in.credentials.write_text(json.dumps(stored))
    answer = await logged_in("logout", MEMBRANE_API_URI="http://127.0.0.1:9/membrane")
    assert (answer.code, "not told" in answer.err) == (0, True)
    assert logged_in.stored["profiles"] == {}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 99}'])
async def test_a_broken_file_is_not_overwritten(membrane: Membrane, content: str) -> None:
    membrane.credentials.parent.mkdir(mode=0o700)
    membrane.credentials.write_text(content)
    membrane.credentials.chmod(0o600)
    answer = await membrane("login", "start", "--tenant")
    assert (answer.code, "move it away" in answer.err) == (1, True)
    assert membrane.credentials.read_text() == content


async def test_a_file_that_others_could_read_is_closed_with_a_warning(logged_in: Membrane) -> None:
    logged_in.credentials.chmod(0o644)
    answer = await logged_in("connection", "list", "--json")
    assert answer.code == 0
    assert "could be read by others" in answer.err
    assert stat.S_IMODE(logged_in.credentials.stat().st_mode) == 0o600

"""The commands of the integration layer as they stand in the documentation, with a person at a real browser who lets
them in and connects this installation's own eSputnik."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import MARKS, PASSWORD
from tests.installation import Installation

pytestmark = [MARKS[0], pytest.mark.timeout(240)]
#: Patience only.
_PATIENCE = 60.0


class Shell:
    """A terminal of somebody whose home is empty; what their browser is to open is in ``pages``."""

    def __init__(self, installation: Installation, home: Path) -> None:
        self.home = home
        self.home.mkdir()
        self._pages = home.parent / f"{home.name}.pages"
        opener = home.parent / f"{home.name}.py"
        opener.write_text("import sys\nprint(sys.argv[1], file=open(sys.argv[2], 'a'))\n", "utf-8")
        kept = {name: value for name, value in installation.environment.items() if not name.startswith("MEMBRANE_")}
        self._environment = {
            **kept,
            "HOME": str(home),
            "MEMBRANE_API_URI": f"{installation.url}/membrane",
            "MEMBRANE_NO_KEYRING": "1",
            "BROWSER": f"{sys.executable} {opener} %s {self._pages}",
        }

    def run(self, line: str) -> Any:
        """The JSON of a command that must succeed."""
        return json.loads(self.ends(line, 0).stdout)

    def ends(self, line: str, code: int) -> subprocess.CompletedProcess[str]:
        """A command that must end with this code."""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.home,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
        assert done.returncode == code, f"$ {line}\n{done.stdout}\n{done.stderr}"
        return done

    def begin(self, line: str) -> tuple[subprocess.Popen[str], str]:
        """A command that waits for a person at the page it opened: the process, and the page's address."""
        ours, theirs = os.openpty()
        self._pages.unlink(missing_ok=True)
        process = subprocess.Popen(
            ["sh", "-c", line],
            cwd=self.home,
            env=self._environment,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(theirs)
        self._terminal = ours
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            if self._pages.exists() and (page := self._pages.read_text("utf-8").strip()):
                return process, page
            time.sleep(0.05)
        process.kill()
        raise AssertionError(f"$ {line}\nno page was opened\n{process.communicate()}")

    def finish(self, process: subprocess.Popen[str]) -> str:
        """What it printed, once it ended well."""
        out, err = process.communicate(timeout=_PATIENCE)
        os.close(self._terminal)
        assert process.returncode == 0, f"{out}\n{err}"
        return out


@pytest.fixture
def shell(installation: Installation, tmp_path: Path) -> Shell:
    return Shell(installation, tmp_path / "home")


def sign_in_where_asked(page: Page) -> None:
    """The page that was wanted comes after the password."""
    expect(page.locator("input[name=password], main")).not_to_have_count(0)
    if page.locator("input[name=password]").count():
        page.fill("input[name=email]", "admin@localhost.localdomain")
        page.fill("input[name=password]", PASSWORD)
        page.click("main form button")


def let_in(page: Page, url: str) -> None:
    page.goto(url)
    sign_in_where_asked(page)
    page.click("button[value=approve]")


def test_from_an_empty_home_to_a_contact_in_the_account(shell: Shell, page: Page, installation: Installation) -> None:
    login, url = shell.begin("membrane login --tenant")
    let_in(page, url)
    expect(page.locator("body")).to_contain_text("Done")
    assert "Logged in as admin@localhost.localdomain" in shell.finish(login)

    found = shell.run("membrane search esputnik --elementType=connector --json")
    connector_id = found["items"][0]["element"]["id"]
    assert found["output"]["items"][0]["element"]["id"] == connector_id

    connecting, url = shell.begin(f"membrane connect --connectorId={connector_id} --json")
    page.goto(url)
    sign_in_where_asked(page)
    page.get_by_role("button", name=re.compile("Connect this installation")).click()
    expect(page.locator("body")).to_contain_text(re.compile("connected", re.IGNORECASE))
    connection = json.loads(shell.finish(connecting))
    assert connection["state"] == "READY"
    connection_id = connection["id"]

    listed = shell.run("membrane connection list --json")
    assert [one["id"] for one in listed["items"]] == [connection_id]
    actions = shell.run(f'membrane action list --intent="add a contact" --connectionId={connection_id} --json')["items"]
    action = next(one for one in actions if one["key"] == "add-update-contact")
    assert action["inputSchema"]["type"] == "object"
    person = '{"channels": [{"type": "email", "value": "anna@example.com"}], "firstName": "Anna"}'
    ran = shell.run(f"membrane action run --connectionId={connection_id} {action['id']} --json --input '{person}'")
    assert ran["actionRunId"]
    in_account = subprocess.run(
        ["syncom", "contact", "find", "--email", "anna@example.com", "--json"],
        env=installation.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(in_account.stdout)["first_name"] == "Anna"
    run = shell.run(f"membrane action-run-log get {ran['actionRunId']} --json")
    assert run["status"] == "success"
    account = shell.run(f"membrane request {connection_id} /v1/account/info")
    assert account
    again = shell.run(f"membrane act --connectionId={connection_id} --key=get-account-info --json")
    assert again["output"]
    shell.ends(f"membrane request {connection_id} /v1/nothing/here --json", 1)
    shell.ends("membrane connection get 65f0c0ffee0000000000c001 --json", 1)
    stored = (shell.home / ".membrane" / "credentials.json").read_text("utf-8")
    assert "apiKey" not in stored
    assert shell.run("membrane status --json")["tenantKey"]
    assert shell.run("membrane logout --json")["status"] == "success"
    shell.ends("membrane connection list --json", 1)


def test_without_a_browser_the_page_shows_a_code(shell: Shell, page: Page) -> None:
    begun = json.loads(shell.ends("membrane login --tenant --json", 3).stdout)
    let_in(page, begun["url"])
    code = page.locator("#code").inner_text()
    done = shell.run(f"membrane login complete {code} --json")
    assert done["status"] == "success"
    assert shell.run("membrane connection list --json")["items"] is not None
    refused = shell.ends(f"membrane login complete {code} --json", 1)
    assert json.loads(refused.stdout)["error"]["key"] == "no_pending_login"


def test_a_code_is_of_no_use_where_no_login_began(shell: Shell, page: Page, installation: Installation) -> None:
    other = Shell(installation, shell.home.parent / "other")
    begun = json.loads(shell.ends("membrane login start --tenant --json", 3).stdout)
    other.ends("membrane login start --tenant --json", 3)
    let_in(page, begun["url"])
    code = page.locator("#code").inner_text()
    stolen = other.ends(f"membrane login complete {code} --json", 1)
    assert json.loads(stolen.stdout)["error"]["key"] == "invalid_grant"


def test_a_person_logs_in_without_a_tenant_and_works_for_several(shell: Shell, page: Page) -> None:
    begun = json.loads(shell.ends("membrane login start --json", 3).stdout)
    let_in(page, begun["url"])
    code = page.locator("#code").inner_text()
    shell.run(f"membrane login complete {code} --json")
    assert shell.run("membrane status --json")["scope"] == "platform-user"
    assert shell.run("membrane connection list --tenantKey=shop-7 --json")["items"] == []
    assert shell.run("membrane connection list --json")["items"] is not None


def test_refusing_ends_the_login(shell: Shell, page: Page) -> None:
    login, url = shell.begin("membrane login --tenant --json")
    page.goto(url)
    sign_in_where_asked(page)
    page.click("button[value=deny]")
    out, _ = login.communicate(timeout=_PATIENCE)
    assert (login.returncode, json.loads(out)["error"]["key"]) == (1, "access_denied")

"""``syncom up --demo`` from an empty folder to Ctrl-C, as a newcomer lives it."""

from __future__ import annotations

import email
import email.policy
import html
import http.client
import json
import re
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.installation import Installation

_BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"}


@pytest.mark.timeout(300)
def test_the_demo_sends_a_campaign_that_works_and_stops_cleanly() -> None:
    with Installation("--demo") as installation:
        printed = installation.wait_for("This report again")
        assert re.search(r"sent +\d{3} ", printed)
        assert "sample readers: " in printed
        assert "The demo stopped" not in printed

        report = _syncom(installation, "campaign", "show", "1")
        assert report["campaign"]["state"] == "finished"
        settled = report["sent"] + report["failed"] + sum(report["excluded"].values())
        assert (report["audience"], settled) == (1000, 1000)
        assert report["opened"] > report["clicked"] > report["unsubscribed"] == 3
        assert report["machine_opens"] > 0

        mails = _syncom(installation, "inbox", "list")
        assert len(mails) == report["sent"]
        contact = next(one for one in _syncom(installation, "contact", "list") if _is_named(one, mails))
        mail = next(mail for mail in mails if mail["to"] == contact["email"])
        assert mail["subject"].startswith(f"{contact['first_name']}, your ")
        message = _message(installation, mail["id"])
        text = message.get_body(("html",)).get_content()
        assert f"Hello {contact['first_name']}," in text
        assert re.search(r"/t/r/[^\"]+\">(?:Bowl|Mug|Teapot|Moka|Beans|Green|Pour)", text)

        links = [html.unescape(link) for link in re.findall(r'href="([^"]*/t/c/[^"]+)"', text)]
        assert _request(installation, "GET", links[0]) == (302, "https://shop.example/autumn")
        page = re.search(r'href="([^"]*/t/v/[^"]+)"', text)
        assert page is not None
        assert _request(installation, "GET", html.unescape(page[1])) == (200, None)
        assert contact["email_state"] == "subscribed"
        unsubscribe = re.search(r"<(http[^>]+)>", message["List-Unsubscribe"])
        assert unsubscribe is not None
        assert _request(installation, "POST", unsubscribe[1], "List-Unsubscribe=One-Click")[0] == 200
        left = _syncom(installation, "contact", "get", str(contact["contact_id"]))
        assert left["email_state"] == "unsubscribed"

        processes = installation.processes()
        assert len(processes) > 6
        assert installation.stop() == 0
        gone, alive = psutil.wait_procs(processes, timeout=10)
        assert not alive
        assert gone
        installation.wait_for("Stopped.")


def _is_named(contact: dict[str, Any], mails: list[dict[str, Any]]) -> bool:
    """Somebody who told their name, got the mail, and has not left."""
    reached = {mail["to"] for mail in mails}
    return bool(contact["first_name"]) and contact["email"] in reached and contact["email_state"] == "subscribed"


def _syncom(installation: Installation, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "syncom", *arguments, "--json"],
        env=installation.environment,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def _message(installation: Installation, inbox_id: int) -> Any:
    raw = _syncom(installation, "inbox", "show", str(inbox_id), "--raw")["raw"]
    return email.message_from_bytes(raw.encode(), policy=email.policy.default)


def _request(installation: Installation, method: str, url: str, form: str | None = None) -> tuple[int, str | None]:
    assert url.startswith(f"{installation.url}/t/")
    headers = dict(_BROWSER)
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=30)
    try:
        connection.request(method, urlsplit(url).path, form, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location")
    finally:
        connection.close()

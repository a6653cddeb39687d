"""Programs written for eSputnik, run as they are: only their host is another one."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from tests.http.esputnik.conftest import Shop

_EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
_ACTIONS = (
    "get-account-info", "add-update-contact", "get-contact", "search-contacts", "subscribe-contact", "get-segments",
    "get-segment-contacts", "generate-event", "add-orders", "send-email", "send-sms", "send-prepared-message",
    "get-message-status", "get-contacts-activity", "get-workflows", "delete-contact",
)  # fmt: skip


async def _run(shop: Shop, *command: str) -> str:
    environment = {"PATH": os.environ["PATH"], "API": f"{shop.url}/api", "KEY": shop.key}
    running = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await running.communicate()
    assert running.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_the_sixteen_actions_by_curl(shop: Shop) -> None:
    out = await _run(shop, "sh", str(_EXAMPLES / "shop.sh"))
    sections = dict(re.findall(r"^# (\S+)\n(.*?)(?=^# |\Z)", out, re.DOTALL | re.MULTILINE))
    assert set(_ACTIONS) <= set(sections), sections.keys()
    assert '"organisationName":"Shop"' in sections["get-account-info"]
    contact = msgspec.json.decode(sections["get-contact"])
    assert (contact["firstName"], contact["address"]["town"], contact["externalCustomerId"]) == (
        "Olena",
        "Lviv",
        "C-1001",
    )
    (hit,) = msgspec.json.decode(sections["search-contacts"])
    assert hit["id"] == contact["id"]
    assert [one["firstName"] for one in msgspec.json.decode(sections["get-segment-contacts"])] == ["Lena"]
    assert sections["generate-event"].strip() == ""
    assert msgspec.json.decode(sections["add-orders"])["failedOrders"] == []
    for action in ("send-email", "send-sms"):
        (result,) = msgspec.json.decode(sections[action])["results"]
        assert result["status"] == "OK", sections[action]
    good, bad = msgspec.json.decode(sections["send-prepared-message"])["results"]
    assert (good["status"], bad["status"]) == ("OK", "ERROR")
    assert "requestId" not in bad
    (status,) = msgspec.json.decode(sections["get-message-status"])["results"]
    assert status["requestId"] == good["requestId"]
    assert status["status"] == "IN_QUEUE"  # no sender runs beside this server
    assert isinstance(msgspec.json.decode(sections["get-contacts-activity"]), list)
    assert isinstance(msgspec.json.decode(sections["get-workflows"]), list)
    assert sections["delete-contact"].strip() == f"Contact with id='{contact['id']}' has been deleted"


async def test_a_nightly_export_in_python(shop: Shop) -> None:
    out = await _run(shop, sys.executable, str(_EXAMPLES / "shop.py"))
    assert out.splitlines() == [
        "imported: FINISHED 250",
        "in the segment: 100 50",
        "failed orders: []",
        "contact 3: Customer 3",
    ]


#: What PHP's json_encode makes of the same data: escaped slashes and letters, empty arrays for empty objects, a slash
#: at the end of the path, members that are null.
_PHP = [
    (
        "POST",
        "/v1/contact/",
        (
            rb'{"firstName":"\u041e\u043b\u0435\u043d\u0430","channels":[{"type":"email","value":"php@example.org"}],'
            rb'"address":[],"fields":[],"contactKey":null,"groups":[]}'
        ),
    ),
    (
        "POST",
        "/v1/contact/subscribe/",
        (
            rb'{"contact":{"channels":[{"type":"email","value":"php2@example.org"}],"firstName":null},'
            rb'"groups":null,"formType":null}'
        ),
    ),
    (
        "POST",
        "/v1/event/",
        (
            rb'{"eventTypeKey":"orderPaid","keyValue":"17","params":[{"name":"email","value":"php@example.org"},'
            rb'{"name":"link","value":"https:\/\/shop.example\/o\/17"},{"name":"json","value":"{\"items\":[]}"}]}'
        ),
    ),
    (
        "POST",
        "/v1/contacts/",
        (
            rb'{"contacts":[{"channels":[{"type":"email","value":"php@example.org"}],"firstName":" ","fields":[],'
            rb'"ordersInfo":{"count":"2","lastDate":"2026-11-20T10:00:00"}}],"dedupeOn":"email","fieldId":null,'
            rb'"contactFields":["firstName"],"customFieldsIDs":[],"groupNames":["PHP"],"groupNamesExclude":null,'
            rb'"restoreDeleted":"false","eventKeyForNewContacts":null}'
        ),
    ),
    ("GET", "/v1/addressbooks/", None),
    ("GET", "/v1/contacts/?startindex=1&maxrows=500&email=php@example.org", None),
    ("GET", "/v1/version/", None),
    ("GET", "/v1/balance/", None),
]


async def test_what_php_sends_is_understood(shop: Shop) -> None:
    for verb, path, body in _PHP:
        answer = await shop.call(verb, path, raw=body, headers={"Content-Type": "application/json"})
        assert answer.status == 200, f"{verb} {path}: {answer.status} {answer.body!r}"

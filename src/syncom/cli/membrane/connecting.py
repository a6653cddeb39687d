"""Connecting apps: a person does it on the server's page, and the command waits (membrane-api, 6.5 and 6.6).

What a person types there goes to the server and never through this command.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from syncom.cli.membrane.browser import has_browser, show_page
from syncom.cli.membrane.client import Client, part
from syncom.cli.membrane.document import object_of
from syncom.cli.membrane.errors import DONE, FAILED, PENDING, Failed, Misuse
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.output import lines, member, one_line, remark, show_thing, show_unfinished
from syncom.cli.membrane.resources import CONNECTION, thing
from syncom.cli.membrane.session import Session
from syncom.cli.membrane.standing import ended, page_of

#: Seconds between two looks, and altogether (membrane-api, 15 item 14).
_PAUSE, _PATIENCE = 2.0, 300
_TARGETS = ("connectorId", "connectorKey", "integrationId", "integrationKey", "connectionId")
_REQUEST = ("requestId", "status", "url", "connectorKey", "resultConnectionId", "createdAt")


#: Looks how a connection is now: the server, the connection as it was, its page.
Look = Callable[[Client, dict[str, Any], str], dict[str, Any]]


def connect(given: Given) -> int:
    """``connect``: begins the connection, shows the page, waits until the app is connected, prints the connection."""
    patience = given.number("timeout", least=1, most=3600) or _PATIENCE
    wish = _wish(given)
    client = Session(given).tenant()
    begun = thing(client.post("connections/ensure" if "appUrl" in wish else "connect", wish))
    if given.on("non-interactive"):
        return _shown(given, begun, told=True)
    # What is connected anew may go on working meanwhile: being READY does not say that somebody was there.
    look = _look_at_request if "connectionId" in wish else _look
    return _shown(given, _waited(client, begun, time.monotonic() + patience, look), told=False)


def create_request(given: Given) -> int:
    """``connection-request create``."""
    wish: dict[str, Any] = dict(given.chosen((*_TARGETS, "connectionKey", "name")))
    _one_target(given, [name for name in _TARGETS if name in wish])
    if given.on("allowMultipleConnections"):
        wish["allowMultipleConnections"] = True
    made = Session(given).tenant().post("connection-requests", wish)
    show_thing(given, made, _REQUEST)
    return DONE


def get_request(given: Given) -> int:
    """``connection-request get``; with ``--wait`` until a person has decided."""
    client, path = Session(given).tenant(), f"connection-requests/{part(given.word())}"
    ends = time.monotonic() + (given.number("timeout", least=1, most=3600) or _PATIENCE)
    found = thing(client.get(path))
    while given.on("wait") and found.get("status") == "pending" and time.monotonic() < ends:
        time.sleep(min(_PAUSE, max(ends - time.monotonic(), 0)))
        found = thing(client.get(path))
    show_thing(given, found, _REQUEST)
    if found.get("status") == "pending":
        return PENDING if given.on("wait") else DONE
    return DONE if found.get("status") == "success" else FAILED


def _wish(given: Given) -> dict[str, Any]:
    targets = given.chosen((*_TARGETS, "intent"))
    words = {"appUrl": given.word()} if given.words else {}
    # A key alone names the connection to connect anew; beside a connector it names the new one.
    key = given.text("connectionKey")
    if key and not targets and not words:
        targets["connectionId"] = key
        key = None
    _one_target(given, [*targets, *words])
    wish: dict[str, Any] = {**targets, **words, **given.chosen(("name",))}
    if key:
        wish["connectionKey"] = key
    if given.on("allowMultipleConnections"):
        wish["allowMultipleConnections"] = True
    return wish


def _one_target(given: Given, named: list[str]) -> None:
    if len(named) != 1:
        which = "name one app" if not named else f"name one app only, not {' and '.join(named)}"
        raise Misuse(
            f"{which}: --connectorId=ID, which `{given.program} search APP --elementType=connector` tells,"
            f" as in: {given.verb.example}"
        )


def _waited(client: Client, connection: dict[str, Any], deadline: float, look: Look) -> dict[str, Any]:
    """The connection when a person is done with its page, or the time is over, or it cannot be."""
    shown = ""
    while True:
        state, page = connection.get("state"), page_of(connection)
        if state not in ("BUILDING", "CLIENT_ACTION_REQUIRED"):
            return connection
        if page and not shown:
            shown = page
            _tell(connection, page)
        if time.monotonic() >= deadline:
            return connection
        time.sleep(min(_PAUSE, max(deadline - time.monotonic(), 0)))
        connection = look(client, connection, shown)


def _look(client: Client, connection: dict[str, Any], page: str) -> dict[str, Any]:
    """The connection as it is now. The request of its page tells more than its state: whether somebody gave up.

    Raises Failed when the person cancelled.
    """
    found = _look_at_request(client, connection, page)
    return found if found is not connection else thing(client.get(f"connections/{part(str(connection.get('id')))}"))


def _look_at_request(client: Client, connection: dict[str, Any], page: str) -> dict[str, Any]:
    """The connection that came of its page, or the same one while nothing did. Raises Failed as above."""
    request = parse_qs(urlsplit(page).query).get("connectionRequestId")
    if request:
        found = thing(client.get(f"connection-requests/{part(request[0])}"))
        if found.get("status") == "cancelled":
            raise Failed("the person cancelled; the connection stays as it was", key="cancelled")
        if found.get("status") == "error":
            raise _failed(found.get("resultError"))
        if found.get("status") == "success" and found.get("resultConnectionId"):
            return thing(client.get(f"connections/{part(str(found['resultConnectionId']))}"))
    else:
        return thing(client.get(f"connections/{part(str(connection.get('id')))}"))
    return connection


def _tell(connection: dict[str, Any], page: str) -> None:
    name = one_line(str(connection.get("name") or "the app"))
    if has_browser():
        remark(f"Connect {name} in the browser. If none opens, go to:\n{page}")
        show_page(page)
    else:
        remark(f"Open this page to connect {name}; waiting for it:\n{page}")


def _shown(given: Given, connection: dict[str, Any], *, told: bool) -> int:
    code = ended(given, connection)
    if code == PENDING and told and not given.json and (page := page_of(connection)):
        print(page)
    if code == DONE:
        show_thing(given, connection, CONNECTION)
    else:
        show_unfinished(given, connection, lines((name, member(connection, name)) for name in CONNECTION))
    return code


def _failed(error: object) -> Failed:
    return Failed.answered(object_of(error) or {"message": "the app was not connected"}, 400)

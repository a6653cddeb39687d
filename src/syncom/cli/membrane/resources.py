"""Connections, actions, runs, and what can be found: one call each (membrane-api, 6 and 7.3)."""

from __future__ import annotations

from typing import Any

from syncom.cli.membrane.client import Query, part
from syncom.cli.membrane.document import list_of, object_of, text
from syncom.cli.membrane.errors import DONE, Failed, Misuse
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.output import remark, show, show_list, show_thing, write_json
from syncom.cli.membrane.session import Session
from syncom.cli.membrane.standing import ended

#: What people see of one thing.
CONNECTION = (
    *("id", "key", "name", "state", "connectorId", "integrationKey", "connected"),
    *("clientAction.description", "clientAction.uiUrl", "error.message", "createdAt", "lastActiveAt"),
)
_ACTION = ("id", "key", "name", "description", "type", "state", "integration.name", "connectionId")
_RUN = (
    *("id", "status", "name", "createdAt", "duration", "connectionId"),
    *("input", "output", "error.message", "error.data"),
)
_SCOPE = ("connectionId", "connectionKey", "integrationId", "integrationKey")


def thing(answer: Any) -> dict[str, Any]:
    """An answer that must be an object. Raises Failed."""
    found = object_of(answer)
    if found is None:
        raise Failed("the server's answer is not what was asked for", key="server_unreachable", kind="internal")
    return found


# ---------------------------------------------------------------- search


def search(given: Given) -> int:
    """``search``. The member ``output`` repeats the answer: scripts read either (membrane-api, 15 item 1)."""
    query: Query = {
        "q": given.word(),
        "elementType": given.text("elementType"),
        "limit": given.number("limit", least=1, most=100),
        "cursor": given.text("cursor"),
    }
    answer = thing(Session(given).tenant().get("search", query))
    if given.json:
        write_json({**answer, "output": answer})
        return DONE
    columns = {"type": "elementType", "id": "element.id", "key": "element.key", "name": "element.name"}
    show_list(given, answer, columns, empty="Nothing found. Try fewer letters, or `membrane connect APP.COM`.")
    return DONE


def list_integrations(given: Given) -> int:
    """``integration list``."""
    more = {"connectors": given.on("connectors") or None, "externalApps": given.on("externalApps") or None}
    answer = thing(
        Session(given).tenant().get("integrations", {"search": given.text("search"), **more, **_page(given)})
    )
    columns = {"id": "id", "key": "key", "name": "name", "connector": "connectorId"}
    show_list(given, answer, columns, empty="No integrations. Look among connectors: --connectors 1.")
    return DONE


def list_apps(given: Given) -> int:
    """``external-app list``."""
    answer = thing(Session(given).tenant().get("external-apps", {"search": given.text("search"), **_page(given)}))
    show_list(given, answer, {"id": "id", "key": "key", "name": "name"}, empty="No apps.")
    return DONE


# ---------------------------------------------------------------- connections


def list_connections(given: Given) -> int:
    """``connection list``."""
    query: Query = {**given.chosen(("integrationKey", "integrationId", "connectorId", "search")), **_page(given)}
    answer = thing(Session(given).tenant().get("connections", query))
    columns = {
        "id": "id",
        "key": "key",
        "name": "name",
        "app": "integrationKey integration.key connectorId",
        "state": "state",
        "problem": "error.message",
    }
    show_list(given, answer, columns, empty="No connections. Make one: `membrane connect --connectorId=ID`.")
    return DONE


def get_connection(given: Given) -> int:
    """``connection get``; with ``--wait`` the server answers when it is built, or the time is over."""
    found = thing(Session(given).tenant().get(f"connections/{part(given.word())}", _waiting(given)))
    show_thing(given, found, CONNECTION)
    return ended(given, found) if given.on("wait") else DONE


def ensure_connection(given: Given) -> int:
    """``connection ensure``."""
    wish = {"appUrl": given.word(), **given.chosen(("name",))}
    show_thing(given, thing(Session(given).tenant().post("connections/ensure", wish)), CONNECTION)
    return DONE


def create_connection(given: Given) -> int:
    """``connection create``."""
    wish = {"intent": given.word(), **given.chosen(("name",))}
    show_thing(given, thing(Session(given).tenant().post("connections", wish)), CONNECTION)
    return DONE


def patch_connection(given: Given) -> int:
    """``connection patch``."""
    change = _data(given)
    found = thing(Session(given).tenant().call("PATCH", f"connections/{part(given.word())}", body=change))
    show_thing(given, found, CONNECTION)
    return DONE


def delete_connection(given: Given) -> int:
    """``connection delete`` and ``connection archive``."""
    answer = Session(given).tenant().call("DELETE", f"connections/{part(given.word())}")
    gone = object_of(answer) or {"id": given.word()}
    show(given, gone, lambda: print(f"The connection {given.word()} is deleted."))
    return DONE


# ---------------------------------------------------------------- actions


def list_actions(given: Given) -> int:
    """``action list``."""
    query: Query = {**given.chosen((*_SCOPE, "externalAppId", "intent", "search")), **_page(given)}
    answer = thing(Session(given).tenant().get("actions", query))
    if not given.json:
        # A list is to be looked over: the rest of the description is told by `action get`.
        answer = {**answer, "items": [_briefly(one) for one in list_of(answer.get("items"))]}
    columns = {"id": "id", "key": "key", "name": "name", "description": "description"}
    show_list(given, answer, columns, empty="No actions. Which apps are connected? `membrane connection list`.")
    if text(answer, "note") and not given.json:
        remark(text(answer, "note"))
    return DONE


def _briefly(action: object) -> dict[str, Any]:
    found = object_of(action) or {}
    return {**found, "description": text(found, "description").partition(". ")[0]}


def get_action(given: Given) -> int:
    """``action get``."""
    query: Query = {**given.chosen(_SCOPE), **_waiting(given)}
    found = thing(Session(given).tenant().get(f"actions/{part(given.word())}", query))
    show_thing(given, found, _ACTION)
    if not given.json:
        for name in ("inputSchema", "outputSchema"):
            if found.get(name):
                print(f"\n{name}:")
                write_json(found[name])
    return DONE


def create_action(given: Given) -> int:
    """``action create``: by words, or by specification."""
    wish: dict[str, Any] = given.chosen((*_SCOPE, "name", "key", "type"))
    wish |= {name: value for name in ("config", "inputSchema") if (value := given.parsed(name)) is not None}
    if given.words:
        wish["intent"] = given.word()
    elif "type" not in wish:
        raise Misuse(f"say what it is to do, in words or by --key, --type and --config, as in: {given.verb.example}")
    show_thing(given, thing(Session(given).tenant().post("actions", wish)), _ACTION)
    return DONE


def update_action(given: Given) -> int:
    """``action update``."""
    return _change_action(given, "PATCH")


def replace_action(given: Given) -> int:
    """``action replace``."""
    return _change_action(given, "PUT")


def _change_action(given: Given, method: str) -> int:
    path, change = f"actions/{part(given.word())}", _data(given)
    found = thing(Session(given).tenant().call(method, path, query=given.chosen(_SCOPE), body=change))
    show_thing(given, found, _ACTION)
    return DONE


def delete_action(given: Given) -> int:
    """``action delete``."""
    path = f"actions/{part(given.word())}"
    answer = Session(given).tenant().call("DELETE", path, query=given.chosen(_SCOPE))
    gone = object_of(answer) or {"id": given.word()}
    show(given, gone, lambda: print(f"The action {given.word()} is deleted."))
    return DONE


# ---------------------------------------------------------------- runs


def run_action(given: Given) -> int:
    """``action run``."""
    scope = given.chosen(_SCOPE)
    if not scope:
        raise Misuse(f"on which connection? Name it with --connectionId, as in: {given.verb.example}")
    path = f"actions/{part(given.word())}/run"
    _show_run(given, Session(given).tenant().post(path, _input(given), scope))
    return DONE


def act(given: Given) -> int:
    """``act``."""
    chosen = [name for name in ("api", "code", "key", "id") if given.text(name) is not None]
    if len(chosen) != 1:
        raise Misuse(f"one of --api, --code, --key and --id says what to do, as in: {given.verb.example}")
    wish: dict[str, Any] = {**given.chosen((*_SCOPE, "code", "key", "id")), **_input(given)}
    if chosen == ["api"]:
        wish["api"] = given.parsed("api")
    _show_run(given, Session(given).tenant().post("act", wish))
    return DONE


def get_run(given: Given) -> int:
    """``action-run-log get``."""
    path = f"action-run-logs/{part(given.word())}" + ("/details" if given.on("details") else "")
    show_thing(given, thing(Session(given).tenant().get(path)), _RUN)
    return DONE


def _input(given: Given) -> dict[str, Any]:
    return {name: value for name in ("input", "meta") if (value := given.parsed(name)) is not None}


def _show_run(given: Given, answer: Any) -> None:
    """``{"output", "actionRunId"}``; people see the output, and where more is to be found."""
    found = object_of(answer)
    if given.json or found is None:
        write_json(answer)
        return
    write_json(found.get("output"))
    if run := text(found, "actionRunId"):
        remark(f"Next: {given.program} action-run-log get {run}")


# ---------------------------------------------------------------- flags that several verbs have


def _page(given: Given) -> Query:
    return {"limit": given.number("limit", least=1, most=1000), "cursor": given.text("cursor")}


def _waiting(given: Given) -> Query:
    """A long poll (membrane-api, 6.4 and 15 item 14)."""
    seconds = given.number("timeout", least=1, most=60)
    return {"wait": True, "timeout": seconds or 30} if given.on("wait") else {}


def _data(given: Given) -> dict[str, Any]:
    found = object_of(given.parsed("data"))
    if found is None:
        raise Misuse(f"--data must be a JSON object, as in: {given.verb.example}")
    return found

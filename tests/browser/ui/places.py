"""Every page of the application, with addresses that lead to things of the sample data."""

from __future__ import annotations

import re
from typing import Final

import httpx2

from tests.browser.ui.looking import ROOT

_ROUTES: Final = sorted((ROOT / "ui/src/features").glob("*/routes.ts*"))


def declared() -> set[str]:
    """The paths that the application's routes declare, such as ``/contacts/$id``."""
    found: set[str] = set()
    for file in _ROUTES:
        found.update(re.findall(r'path: "(/[^"]*)"', file.read_text("utf-8")))
    return found


def addresses(api: httpx2.Client) -> dict[str, str]:
    """An address for each declared path."""
    return {path: address(path, api) for path in declared()}


def address(path: str, api: httpx2.Client) -> str:
    """An address for a declared path; what it needs is made where the sample data has none."""
    if "$" not in path:
        return path
    if path == "/integrations/connections/$id":
        return path.replace("$id", _connection(api))
    pieces = path.split("/")
    kind = pieces[2] if pieces[1] == "settings" else pieces[1]
    resource, name = _RESOURCES[kind]
    items = api.get(resource).raise_for_status().json()["items"]
    if not items and kind == "workflows":
        recipe = api.get("/workflow-recipes").raise_for_status().json()["items"][0]["key"]
        api.post(f"/workflow-recipes/{recipe}/install", json={}).raise_for_status()
        items = api.get(resource).raise_for_status().json()["items"]
    if not items and kind in _MADE:
        items = [api.post(resource, json=_MADE[kind]).raise_for_status().json()]
    assert items, f"{path}: the sample data has none"
    return re.sub(r"\$\w+", str(items[0][name]), path, count=1)


def _connection(api: httpx2.Client) -> str:
    """A connection, made on its page when there is none."""
    listed = "/integrations/connections"
    if not api.get(listed).raise_for_status().json()["items"]:
        asked = api.post(listed, json={"app_key": "http", "name": "Own server"}).raise_for_status().json()
        page = httpx2.URL(asked["url"])
        form = {"connectionRequestId": asked["request_id"], "auth": "none", "f.baseUrl": f"{page.scheme}://{page.host}"}
        answer = api.post(str(page.copy_with(query=None)), data=form)
        assert answer.status_code < 400, answer.text
    return str(api.get(listed).raise_for_status().json()["items"][0]["connection_id"])


#: By the first piece of the path: where such things are listed, and what names one.
_RESOURCES: Final = {
    "contacts": ("/contacts", "contact_id"),
    "lists": ("/lists", "list_id"),
    "segments": ("/segments", "segment_id"),
    "templates": ("/templates", "template_id"),
    "campaigns": ("/campaigns", "campaign_id"),
    "workflows": ("/workflows", "workflow_id"),
    "imports": ("/imports", "import_id"),
    "forms": ("/forms", "form_id"),
    "events": ("/event-types", "event_type_id"),
    "orders": ("/orders", "external_id"),
    "products": ("/products", "product_id"),
    "integrations": ("/integrations/apps", "key"),
    "senders": ("/senders", "sender_id"),
}

#: What is made where the sample data has none.
_MADE: Final = {"forms": {"name": "Newsletter", "title": "News about tea", "consent_text": "I want the newsletter."}}

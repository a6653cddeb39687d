"""Overlays: changes to a document that are kept beside it."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from syncom.connect.catalogue.overlay import apply_overlay
from syncom.connect.catalogue.tree import Document
from syncom.errors import Invalid

ROOT: dict[str, Any] = {
    "info": {"title": "A", "tags": ["x"]},
    "paths": {
        "/a": {"get": {"tags": ["one"], "parameters": [{"name": "p"}, {"name": "q"}, {"name": "r"}]}},
        "/b": {"get": {"tags": ["two"]}, "post": {"x-internal": True}},
    },
}


def overlaid(*actions: dict[str, Any], version: str = "1.0.0") -> tuple[Any, list[str]]:
    document = Document("a.yaml", copy.deepcopy(ROOT))
    overlay = {"overlay": version, "info": {"title": "t", "version": "1"}, "x-own": 1, "actions": list(actions)}
    apply_overlay(document, msgspec.json.encode(overlay))
    return document.root, document.notes


def test_objects_are_merged_lists_are_appended_to_and_the_rest_is_replaced() -> None:
    root, notes = overlaid({"target": "$.info", "update": {"title": "B", "tags": ["y"], "new": {"a": 1}}})
    assert root["info"] == {"title": "B", "tags": ["x", "y"], "new": {"a": 1}}
    assert notes == []
    root, _ = overlaid({"target": "$.paths['/a'].get.parameters", "update": {"name": "s"}})
    assert [one["name"] for one in root["paths"]["/a"]["get"]["parameters"]] == ["p", "q", "r", "s"]
    root, _ = overlaid({"target": "$", "update": {"servers": [{"url": "/"}]}})
    assert root["servers"] == [{"url": "/"}]
    root, _ = overlaid({"target": "$.info.title", "update": "C"}, version="1.1.0")
    assert root["info"]["title"] == "C"


def test_every_match_is_changed_and_none_shares_with_another() -> None:
    root, _ = overlaid({"target": "$.paths.*.get", "update": {"x-search": {"keywords": []}}})
    root["paths"]["/a"]["get"]["x-search"]["keywords"].append("a")
    assert root["paths"]["/b"]["get"]["x-search"]["keywords"] == []


def test_matches_are_removed_from_objects_and_from_lists() -> None:
    root, _ = overlaid(
        {"target": "$.paths.*[?@['x-internal'] == true]", "remove": True},
        {"target": "$..parameters[?@.name != 'q']", "remove": True},
    )
    assert root["paths"]["/b"] == {"get": {"tags": ["two"]}}
    assert root["paths"]["/a"]["get"]["parameters"] == [{"name": "q"}]


def test_what_matches_nothing_is_noted() -> None:
    root, notes = overlaid({"target": "$.paths['/nothing']", "remove": True})
    assert root == ROOT
    assert notes == ["overlay.yaml: actions[0]: $.paths['/nothing'] matches nothing"]


@pytest.mark.parametrize(
    ("action", "version", "said"),
    [
        ({"target": "$.[", "remove": True}, "1.0.0", "actions\\[0\\].target: .* is not a JSONPath"),
        ({"target": "$", "remove": True}, "1.0.0", "remove the whole document"),
        ({"update": {}}, "1.0.0", "missing required field `target`"),
        ({"target": "$"}, "2.0.0", "is of version 2.0.0"),
    ],
)
def test_a_wrong_overlay_is_refused(action: dict[str, Any], version: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        overlaid(action, version=version)

"""All wrong members of a body are told at once, nested ones too."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import msgspec
import pytest

from syncom.http.faults import MOST, faults
from tests.http.running_site import Site


class Colour(Enum):
    RED = "red"


class Inner(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    count: int
    at: datetime | None = None


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    colour: Colour = Colour.RED
    size: Annotated[int, msgspec.Meta(ge=1)] = 1
    inner: Inner | None = None
    items: list[Inner] = []
    named: dict[str, Inner] = {}
    texts: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"name": "x"}, []),
        ([], ["body"]),
        (None, ["body"]),
        ({}, ["name"]),
        ({"colour": "blue", "size": 0, "more": 1}, ["name", "colour", "size", "more"]),
        ({"name": "x", "inner": {"at": "yesterday", "x": 1}}, ["inner.count", "inner.at", "inner.x"]),
        ({"name": "x", "inner": 5}, ["inner"]),
        ({"name": 5, "items": [{"count": 1}, {}, {"count": "x"}]}, ["name", "items.1.count", "items.2.count"]),
        ({"name": "x", "items": {}}, ["items"]),
        ({"name": "x", "named": {"a": {"count": []}, "b": {}}}, ["named.a.count", "named.b.count"]),
        ({"name": "x", "texts": ["a", 5, "b", None]}, ["texts.1", "texts.3"]),
    ],
    ids=["good", "list", "null", "empty", "flat", "nested", "number", "items", "dict", "named", "texts"],
)
def test_every_wrong_member_is_named_by_its_path(value: Any, fields: list[str]) -> None:
    assert [fault.field for fault in faults(value, Body)] == fields


def test_a_long_list_of_wrong_items_is_told_by_its_first_ones() -> None:
    assert len(faults({"name": "x", "items": [{}] * 5000}, Body)) == MOST


async def test_a_route_tells_all_wrong_members_with_codes_and_pointers(site: Site) -> None:
    async with site.client() as owner:
        refused = await owner.post("/syncom/v1/users", json={"role": "king", "name": 5, "more": 1})
        assert refused.status_code == 422
        assert [(one["pointer"], one["code"]) for one in refused.json()["errors"]] == [
            ("/email", "missing"),
            ("/role", "not_a_choice"),
            ("/name", "wrong_type"),
            ("/more", "unknown_field"),
        ]
        sender = {"name": "x", "from_email": 1, "config": {"host": 5, "port": "x"}}
        refused = await owner.post("/syncom/v1/senders", json=sender)
        assert [one["field"] for one in refused.json()["errors"]] == ["from_email", "config.host", "config.port"]
        refused = await owner.post("/syncom/v1/campaigns", json={"audience": {"lists": ["x"], "everyone": 7}})
        told = {one["field"]: one["code"] for one in refused.json()["errors"]}
        assert told["name"] == "missing"
        assert {"audience.lists.0", "audience.everyone"} <= set(told)
        refused = await owner.patch("/syncom/v1/account", content=b"[]", headers={"Content-Type": "application/json"})
        assert [(one["field"], one["pointer"]) for one in refused.json()["errors"]] == [("body", "")]

"""Conditions that nobody can match are refused where the contradiction is, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import FieldType
from syncom.errors import Invalid
from syncom.segments.possible import require_possible
from tests.segments import world
from tests.segments.trees import LEAVES, TREES

TYPES = {field.key: field.type for field in world.FIELDS}
EVERYBODY = world.people(400)


def refused_at(tree: dict[str, Any]) -> str | None:
    try:
        require_possible(tree, TYPES, at="condition")
    except Invalid as refusal:
        return refusal.fields[0].field
    return None


def _part(tree: Any, place: str) -> tuple[Any, bool]:
    """The part at this place, and whether it must hold for the whole to hold."""
    wanted = True
    for step in place.split(".")[1:]:
        wanted ^= step == "not"
        tree = tree[int(step)] if isinstance(tree, list) else tree[step]
    return tree, wanted


@st.composite
def _quarrels(draw: st.DrawFn) -> dict[str, Any]:
    """Trees over a few leaves that are likely to speak of the same things."""
    one = draw(LEAVES)
    same = LEAVES.filter(lambda leaf: _about(leaf) == _about(one))
    pool = [one, *draw(st.lists(same, min_size=1, max_size=3))]
    leaves = st.sampled_from(pool)
    return draw(
        st.recursive(
            st.one_of(leaves, leaves.map(lambda leaf: {"not": leaf})),
            lambda children: st.one_of(
                st.lists(children, min_size=2, max_size=3).map(lambda parts: {"all": parts}),
                st.lists(children, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
                children.map(lambda part: {"not": part}),
            ),
            max_leaves=6,
        )
    )


def _about(leaf: dict[str, Any]) -> object:
    return leaf.get("field") or next(iter(leaf))


@settings(max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(_quarrels(), TREES))
def test_what_is_refused_matches_nobody(tree: dict[str, Any]) -> None:
    place = refused_at(tree)
    if place is not None:
        part, wanted = _part(tree, place)
        assert not [one.contact_id for one in EVERYBODY if world.holds(part, one) is wanted], place


NUMBER = {"field": "shoe_size"}
BORN = {"field": "birthday"}
CITY = {"field": "city"}


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        ({"all": [NUMBER | {"op": "greater", "value": 5}, NUMBER | {"op": "less", "value": 3}]}, "condition"),
        ({"all": [NUMBER | {"op": "equals", "value": 5}, NUMBER | {"op": "equals", "value": 6.5}]}, "condition"),
        ({"all": [NUMBER | {"op": "is_empty"}, NUMBER | {"op": "at_least", "value": 0}]}, "condition"),
        ({"all": [CITY | {"op": "equals", "value": "Kyiv"}, CITY | {"op": "equals", "value": "Lviv"}]}, "condition"),
        ({"all": [CITY | {"op": "in", "value": ["Kyiv"]}, CITY | {"op": "starts_with", "value": "L"}]}, "condition"),
        ({"all": [{"list": 1}, {"field": "vip", "op": "is_set"}, {"not": {"list": 1}}]}, "condition"),
        ({"not": {"any": [{"list": 1}, {"not": {"list": 1}}]}}, "condition.not"),
        ({"any": [{"list": 1}, {"all": [{"segment": 4}, {"all": [{"not": {"segment": 4}}]}]}]}, "condition.any.1"),
        (
            {
                "all": [
                    {"any": [CITY | {"op": "equals", "value": "a"}, CITY | {"op": "equals", "value": "b"}]},
                    CITY | {"op": "is_empty"},
                ]
            },
            "condition",
        ),
        (
            {
                "all": [
                    BORN | {"op": "greater", "value": "2001-02-28"},
                    BORN | {"op": "less", "value": "2001-03-01"},
                ]
            },
            "condition",
        ),
        (
            {"all": [BORN | {"op": "in_last_days", "value": 7}, BORN | {"op": "more_than_days_ago", "value": 30}]},
            "condition",
        ),
        ({"all": [{"subscription": "sms", "is": "none"}, {"subscription": "sms", "is": "subscribed"}]}, "condition"),
        ({"all": [{"email_domain": "a.com"}, {"email_domain": ["b.com", "c.com"]}]}, "condition"),
        ({"rfm": {"class": ["champions"], "recency": {"at_most": 3}}}, "condition"),
        ({"engagement": {"at_least": 5, "at_most": 4.5}}, "condition"),
        ({"engagement": {"band": ["warm", "inactive"], "at_least": 2.1}}, "condition"),
        ({"not": {"engagement": {"band": ["active", "warm", "cooling", "inactive"]}}}, "condition.not"),
        ({"all": [{"engagement": {"band": ["active"]}}, {"engagement": {"band": ["warm"]}}]}, "condition"),
        ({"all": [{"engagement": {"at_least": 2}}, {"not": {"engagement": {"band": ["active"]}}}]}, "condition"),
        ({"all": [{"engagement": {"at_most": 0}}, {"not": {"engagement": {"band": ["inactive"]}}}]}, "condition"),
        ({"all": [{"activity": "opened"}, {"activity": "opened", "at_most": 0}]}, "condition"),
        ({"orders": "count", "op": "less", "value": 0}, "condition"),
        (
            {
                "all": [
                    {"orders": "sum", "op": "greater", "value": 100, "in_last_days": 30},
                    {"not": {"orders": "sum", "op": "greater", "value": 50, "in_last_days": 30}},
                ]
            },
            "condition",
        ),
    ],
)
def test_a_plain_contradiction_is_refused_with_its_place(tree: dict[str, Any], place: str) -> None:
    assert refused_at(tree) == place


@pytest.mark.parametrize(
    "tree",
    [
        {"any": []},
        {"all": [{"any": []}, {"list": 1}]},
        {"any": [NUMBER | {"op": "greater", "value": 5}, NUMBER | {"op": "less", "value": 3}]},
        {"not": {"all": [NUMBER | {"op": "greater", "value": 5}, NUMBER | {"op": "less", "value": 3}]}},
        {"all": [NUMBER | {"op": "greater", "value": 3}, NUMBER | {"op": "at_most", "value": 3.0}]},
        {"engagement": {"at_least": 2, "at_most": 2}},
        {"engagement": {"band": ["active"], "at_most": 2}},
        {"all": [{"engagement": {"at_least": 2.000000001}}, {"engagement": {"at_most": 1.999999999}}]},
        {"not": {"engagement": {"at_least": 0.1, "at_most": 1e299}}},
        {"all": [CITY | {"op": "contains", "value": "k"}, CITY | {"op": "equals", "value": "Kyiv"}]},
        {"all": [{"activity": "opened", "in_last_days": 7}, {"activity": "opened", "at_most": 0, "in_last_days": 3}]},
        {"all": [{"field": "tags", "op": "contains", "value": "a"}, {"field": "tags", "op": "contains", "value": "b"}]},
    ],
)
def test_what_somebody_could_match_is_let_through(tree: dict[str, Any]) -> None:
    assert refused_at(tree) is None


def test_many_parts_are_looked_through_soon() -> None:
    """As many leaves as a tree may have, on as many levels, all about the same few things."""
    tree: dict[str, Any] = {"all": []}
    for level in range(19):
        leaves = [NUMBER | {"op": "greater", "value": -level * 26 - place} for place in range(26)]
        tree = {"all": [tree, *leaves, {"list": level % 3}]}
    assert refused_at(tree) is None


def test_every_type_of_field_is_understood() -> None:
    for kind in FieldType:
        require_possible({"field": "x", "op": "is_set"}, {"x": kind}, at="condition")

"""Hostile conditions at the door: refused soon, by name, with the place in the tree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http.running_site import Site

PATH = "/syncom/v1/segments"


def _nested(levels: int) -> str:
    return '{"not":' * levels + '{"list":1}' + "}" * levels


@pytest.mark.parametrize("door", ["/count", "/sentence", "/explain", "/contacts", ""])
async def test_fifty_levels_and_ten_thousand_parts_are_refused_with_their_place(site: Site, door: str) -> None:
    wide = json.dumps({"any": [{"list": number} for number in range(10_000)]})
    empty = json.dumps({"any": [{"all": []} for _ in range(10_000)]})
    name = "" if door else '"name": "Wrong", '
    async with site.client() as client:
        for condition, place, words in (
            (_nested(50), "condition" + ".not" * 21, "nested deeper than 20 levels"),
            (wide, "condition.any.500", "more than 500 parts"),
            (empty, "condition.any.1999", "more than 2,000 groups and parts"),
        ):
            answer = await client.post(
                PATH + door,
                content=f'{{{name}"condition": {condition}}}',
                headers={"content-type": "application/json"},
            )
            assert answer.status_code == 422, answer.text
            (wrong,) = answer.json()["errors"]
            assert wrong["field"] == place
            assert words in wrong["reason"]


async def test_json_of_a_million_levels_cannot_be_read_and_says_so(site: Site) -> None:
    async with site.client() as client:
        for levels in (2_000, 1_000_000):
            answer = await client.post(
                f"{PATH}/count",
                content=f'{{"condition": {_nested(levels)}}}',
                headers={"content-type": "application/json"},
            )
            assert answer.status_code in (400, 413), answer.text


async def test_a_contradiction_and_words_that_look_like_sql_are_refused_where_they_stand(site: Site) -> None:
    hostile = "1'; DROP TABLE contacts; --"
    conditions: list[tuple[dict[str, Any], str]] = [
        ({"all": [{"list": 1}, {"not": {"list": 1}}]}, "condition"),
        ({"any": [{"field": hostile, "op": "is_set"}]}, "condition.any.0.field"),
        ({"not": {"list": hostile}}, "condition.not.list"),
        ({"all": [{"field": "created_at", "op": hostile, "value": 1}]}, "condition.all.0.op"),
    ]
    async with site.client() as client:
        for condition, place in conditions:
            answer = await client.post(PATH, json={"name": "Wrong", "condition": condition})
            assert answer.status_code == 422, answer.text
            assert [wrong["field"] for wrong in answer.json()["errors"]] == [place]

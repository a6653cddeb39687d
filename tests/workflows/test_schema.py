"""The JSON Schema of definitions says what the reader reads."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.errors import Invalid
from syncom.workflows.definition import read_definition
from syncom.workflows.language import Definition
from syncom.workflows.recipes.service import recipes
from syncom.workflows.schema import definition_schema

SCHEMA = jsonschema_rs.validator_for(definition_schema())
KYIV = {"field": "city", "op": "equals", "value": "Kyiv"}
#: Every kind of trigger, rule and step.
TRIGGERS: list[dict[str, Any]] = [
    {"type": "event", "event_type": "joined", "where": {"city": "Lviv", "total": {"gte": 5, "in": [1, "2"]}}},
    {"type": "page", "what": "cart"},
    {"type": "order", "status": "DELIVERED", "where": {"paid": True}},
    {"type": "segment", "segment_id": 3, "when": "leaves"},
    {"type": "list", "list_id": 3},
    {"type": "activity", "did": "clicked", "campaign_id": 7, "link": 2},
    {"type": "date", "field": "birthday", "days": -3, "at": "09:30:00"},
    {"type": "schedule", "segment_id": 3, "every": "week", "weekday": "fri"},
    {"type": "api"},
]
RULES: list[dict[str, Any]] = [
    {},
    {
        "entry": {"again": "after", "days": 30, "one_active": True, "key": "cart"},
        "exits": [{"event_type": "paid"}, {"condition": KYIV}],
        "cap": {"messages": 3},
        "quiet_hours": {"begin": "21:00:00", "end": "09:00:00"},
        "holdout": 10,
        "conversion_days": 14,
    },
]
STEPS: list[dict[str, Any]] = [
    {"type": "send_email", "id": "mail", "template_id": 1, "sender_id": 2},
    {"type": "send_sms", "template_id": 1},
    {"type": "send", "channels": [{"template_id": 1}, {"template_id": 2, "sender_id": 3}]},
    {"type": "wait", "days": 1, "within": {"begin": "09:00:00", "end": "18:00:00", "weekdays": ["mon"]}},
    {"type": "wait_until", "field": "birthday", "days": -1, "yearly": True, "missing": "end"},
    {"type": "wait_until", "date": "2026-12-31T10:00:00Z"},
    {"type": "wait_for", "event_type": "paid", "days": 2, "timeout": "end"},
    {"type": "condition", "condition": KYIV, "otherwise": "end"},
    {"type": "switch", "cases": [{"condition": {"all": [KYIV]}, "next": "end"}]},
    {"type": "update_contact", "set": {"city": "Lviv"}, "fields": {"points": 5}},
    {"type": "add_to_list", "list_id": 5},
    {"type": "remove_from_list", "tag": "fresh"},
    {"type": "generate_event", "event_type": "greeted", "params": {"a": [1]}},
    {"type": "webhook", "url": "https://shop.example/", "headers": {"X": "y"}, "body": {"a": 1}, "failed": "end"},
    {"type": "action", "connection": "c", "action": "a", "input": {"b": 2}},
    {"type": "goal", "event_type": "paid", "where": {"total": 1}, "next": "last"},
    {"type": "split", "id": "last", "branches": [{"weight": 1, "next": "end"}, {"weight": 9, "next": "end"}]},
]


def definitions() -> Iterator[dict[str, Any]]:
    for place, trigger in enumerate(TRIGGERS):
        yield {"format": 2, "trigger": trigger, "rules": RULES[place % 2], "steps": copy.deepcopy(STEPS)}


def reads(definition: object) -> bool:
    try:
        read_definition(definition)
    except Invalid:
        return False
    return True


def is_of_the_structs(definition: object) -> bool:
    """Whether every part has the members and types that the language says."""
    try:
        msgspec.convert(definition, Definition)
    except msgspec.ValidationError:
        return False
    return True


def test_every_part_of_the_language_is_in_the_schema_and_described() -> None:
    schema = definition_schema()
    assert schema["$id"].endswith(":2")
    assert jsonschema_rs.meta.is_valid(schema)
    assert {one["type"] for one in TRIGGERS} == set(_kinds(schema, "trigger"))
    missing = set(_kinds(schema, "steps")) - {one["type"] for one in STEPS}
    assert missing <= {"send_push", "stop", "jump"}
    for name in ("EventTrigger", "SendEmail", "Split", "Rules"):
        assert schema["$defs"][name]["description"]
    assert schema["$defs"]["Rules"]["properties"]["holdout"]["description"].startswith("Percent")


def _kinds(schema: Mapping[str, Any], member: str) -> list[str]:
    said = schema["$defs"]["Definition"]["properties"][member]
    return list(said.get("items", said)["discriminator"]["mapping"])


@pytest.mark.parametrize("place", range(len(TRIGGERS)))
def test_definitions_of_all_kinds_are_valid(place: int) -> None:
    definition = list(definitions())[place]
    assert reads(definition)
    assert [str(error) for error in SCHEMA.iter_errors(definition)] == []
    # As it is kept: with ids, without what is left out.
    kept = json.loads(msgspec.json.encode(read_definition(definition)))
    assert [str(error) for error in SCHEMA.iter_errors(kept)] == []


def test_times_of_day_need_no_seconds() -> None:
    definition = {
        "trigger": {"type": "api"},
        "rules": {"quiet_hours": {"begin": "21:30", "end": "08:00:00"}},
        "steps": STEPS,
    }
    assert reads(definition)
    assert SCHEMA.is_valid(definition)
    assert not SCHEMA.is_valid({**definition, "rules": {"quiet_hours": {"begin": "late"}}})


@pytest.mark.parametrize("key", list(recipes()))
def test_recipes_are_valid_with_their_templates_and_segments_in_place(key: str) -> None:
    def placed(value: Any) -> Any:
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            found = {name: placed(one) for name, one in members.items()}
            for name in ("template", "segment"):
                if isinstance(found.get(name), str):
                    found[f"{name}_id"] = found.pop(name) and 1
            return found
        return [placed(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value

    definition = placed(recipes()[key].definition)
    assert [str(error) for error in SCHEMA.iter_errors(definition)] == []


def test_examples_of_the_docs_are_valid() -> None:
    docs = Path(__file__).parents[2] / "docs"
    found = 0
    for page in (docs / "workflows.md", *sorted((docs / "steps").glob("*.md"))):
        for block in re.findall(r"```json\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            example = json.loads(block)
            if isinstance(example, dict) and "trigger" in example and "steps" in example:
                found += 1
                assert [str(error) for error in SCHEMA.iter_errors(example)] == [], page
    assert found


_ODD = st.sampled_from([None, True, -1, 0, 7, 10**6, "", "x", "mon", [], [1], {}, {"a": 1}, {"type": "stop"}])


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_the_schema_refuses_what_the_structs_refuse_and_takes_what_is_read(data: st.DataObject) -> None:
    definition = copy.deepcopy(data.draw(st.sampled_from(list(definitions()))))
    place = data.draw(st.sampled_from(list(_places(definition))))
    holder: Any = definition
    for key in place[:-1]:
        holder = holder[key]
    change = data.draw(st.sampled_from(["drop", "replace", "add"]))
    if change == "drop" and isinstance(holder, dict):
        del holder[place[-1]]
    elif change == "add" and isinstance(holder, dict):
        holder["surplus"] = 1
    else:
        holder[place[-1]] = data.draw(_ODD)
    valid = SCHEMA.is_valid(definition)
    # The text of times and dates is checked by the reader alone.
    if not is_of_the_structs(definition) and place[-1] not in ("at", "begin", "end", "date"):
        assert not valid, definition
    if reads(definition):
        assert valid, (definition, [str(error) for error in SCHEMA.iter_errors(definition)])


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something may be changed: everywhere but inside conditions, which have a schema and a test of their own."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
    elif isinstance(value, list):
        items = enumerate(cast("list[Any]", value))
    for key, one in items:
        if key not in ("condition", "params", "input", "body", "set", "fields"):
            yield (*above, key)
            yield from _places(one, (*above, key))

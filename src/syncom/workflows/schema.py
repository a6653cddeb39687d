"""The JSON Schema (2020-12) of definitions, made of the language's own structs.

It says what a definition looks like. What the reader knows besides (that steps lead somewhere, that what they name is
there) shows when one is saved.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from syncom.segments.schema import CONDITION_SCHEMA
from syncom.workflows import language
from syncom.workflows.definition import BRANCHES_LIMIT, CHANNELS_LIMIT, FORMATS, LONGEST_OFFSET, STEPS_LIMIT
from syncom.workflows.filters import COMPARISONS, WHERE_LIMIT
from syncom.workflows.language import Definition

Json = dict[str, Any]

_MEMBER = re.compile(r"(\w+): ")
_PLAIN: Final[Json] = {"type": ["string", "number", "boolean"]}
_WHERE: Final[Json] = {
    "description": "What parameters of an event must be, by name: a value, or comparisons.",
    "type": "object",
    "maxProperties": WHERE_LIMIT,
    "additionalProperties": {
        "anyOf": [
            _PLAIN,
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {
                    **dict.fromkeys(COMPARISONS, _PLAIN),
                    "in": {"type": "array", "items": _PLAIN},
                    "exists": {"type": "boolean"},
                },
            },
        ]
    },
}
_NO_CONDITION: Final[Json] = {"type": "object", "maxProperties": 0}
_TIME: Final[Json] = {"type": "string", "pattern": r"^[0-2]\d:[0-5]\d"}
#: What the reader asks of members besides their types: by struct and member.
_LIMITS: Final[Mapping[tuple[str, str], Json]] = {
    ("Definition", "format"): {"enum": list(FORMATS)},
    ("Definition", "steps"): {"minItems": 1, "maxItems": STEPS_LIMIT},
    ("DateTrigger", "days"): {"minimum": -LONGEST_OFFSET, "maximum": LONGEST_OFFSET},
    ("ScheduleTrigger", "day"): {"minimum": 1, "maximum": 31},
    ("Rules", "exits"): {"maxItems": BRANCHES_LIMIT},
    ("Rules", "holdout"): {"minimum": 0, "maximum": 90},
    ("Rules", "conversion_days"): {"minimum": 1, "maximum": 90},
    ("Cap", "messages"): {"minimum": 1, "maximum": 1000},
    ("Cap", "days"): {"minimum": 1, "maximum": 90},
    ("WaitUntil", "days"): {"minimum": -LONGEST_OFFSET, "maximum": LONGEST_OFFSET},
    ("SendFirst", "channels"): {"minItems": 1, "maxItems": CHANNELS_LIMIT},
    ("Switch", "cases"): {"minItems": 1, "maxItems": BRANCHES_LIMIT},
    ("Split", "branches"): {"minItems": 2, "maxItems": BRANCHES_LIMIT},
    ("Branch", "weight"): {"minimum": 1, "maximum": 1000},
    **{
        (wait, part): {"minimum": 0} for wait in ("Wait", "WaitFor") for part in ("days", "hours", "minutes", "seconds")
    },
    **{(kind, "event_type"): {"minLength": 1} for kind in ("EventTrigger", "WaitFor", "GenerateEvent")},
    ("OrderTrigger", "status"): {"minLength": 1},
    ("DateTrigger", "field"): {"minLength": 1},
}


@lru_cache(maxsize=1)
def definition_schema() -> Json:
    """All of it; its ``$id`` names the format."""
    (reference,), parts = msgspec.json.schema_components([Definition], ref_template="#/$defs/{name}")
    for name, part in parts.items():
        _describe(name, cast("Json", part))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:syncom:workflow-definition:{FORMATS[-1]}",
        "title": "Syncom workflow",
        "description": "What a workflow does: what lets contacts in, rules, and steps",
        "version": FORMATS[-1],
        **reference,
        "$defs": {**parts, "Where": _WHERE, **CONDITION_SCHEMA["$defs"]},
    }


def _describe(name: str, part: Json) -> None:
    """What the structs do not say of a part: words for members, limits, conditions."""
    kind: type[msgspec.Struct] = getattr(language, name)
    # msgspec reads the whole and its parts by themselves, and knows no other members of either.
    part["additionalProperties"] = False
    if kind.__doc__:
        part["description"] = inspect.cleandoc(kind.__doc__)
    words = dict(_words(kind))
    members: dict[str, Json] = part["properties"]
    for member, says in members.items():
        if member == "where":
            says = {"$ref": "#/$defs/Where"}
        elif member == "condition":
            condition: Json = {"$ref": "#/$defs/condition"}
            says = {"anyOf": [condition, _NO_CONDITION]} if "default" in says else condition
        elif member in ("at", "begin", "end"):
            optional = any(one.get("type") == "null" for one in says.get("anyOf", ()))
            says = {"anyOf": [_TIME, {"type": "null"}]} if optional else dict(_TIME)
        members[member] = {**says, **_LIMITS.get((name, member), {})}
        if member in words:
            members[member]["description"] = words[member]


def _words(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Members of a struct and the comments above them."""
    for one in reversed(kind.__mro__):
        if one.__module__ != language.__name__:
            continue
        said: list[str] = []
        for line in inspect.getsource(one).splitlines():
            text = line.strip()
            if text.startswith("#:"):
                said.append(text[2:].strip())
                continue
            member = _MEMBER.match(text)
            if member and said:
                yield member[1], " ".join(said)
            said = []

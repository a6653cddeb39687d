"""The JSON Schema (2020-12) of the condition language. The compiler knows more: an account's own fields."""

from __future__ import annotations

from typing import Any, Final

from syncom.activity.engagement import Band
from syncom.segments.model import (
    ACTIVITIES,
    CHANNELS,
    DATE_OPERATORS,
    LANGUAGE_VERSION,
    MAX_DAYS,
    MESSAGE_CHANNELS,
    NEXT_ORDER_OPERATORS,
    ORDER_MEASURES,
    ORDER_OPERATORS,
    PARAMETER_OPERATORS,
    PREDICTIONS,
    STATES,
    STATISTICS,
    TEXT_OPERATORS,
)
from syncom.segments.rfm_classes import RFM_CLASSES, RFM_SCORES

_FIELD_OPERATORS = list(dict.fromkeys([*TEXT_OPERATORS, *ORDER_OPERATORS, *DATE_OPERATORS]))
_TEXT: Final = {"type": "string"}
_ID: Final = {"type": "integer", "minimum": 0}
_DAYS: Final = {"type": "integer", "minimum": 0, "maximum": MAX_DAYS}
_MOMENT: Final = {"type": "string", "description": "a time with its offset: 2026-09-14T08:30:00Z"}
_WINDOW: Final = {
    "in_last_days": {**_DAYS, "description": "from so many days ago on"},
    "from": {**_MOMENT, "description": "from this time on"},
    "to": {**_MOMENT, "description": "before this time"},
}
_SCORE: Final = {"type": "integer", "minimum": 1, "maximum": 5}
_COUNTS: Final = {
    "at_least": {"type": "integer", "minimum": 1, "default": 1},
    "at_most": {"type": "integer", "minimum": 0},
}


def _leaf(title: str, required: tuple[str, ...], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def _words(words: Any) -> dict[str, Any]:
    return {"enum": list(words)}


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


_CONDITION: Final = {"$ref": "#/$defs/condition"}
_LEAVES: Final = {
    "all": _leaf("All of them hold", ("all",), {"all": {"type": "array", "items": _CONDITION}}),
    "any": _leaf("At least one holds", ("any",), {"any": {"type": "array", "items": _CONDITION}}),
    "not": _leaf("It does not hold", ("not",), {"not": _CONDITION}),
    "field": _leaf(
        "A field of the contact",
        ("field", "op"),
        {
            "field": {**_TEXT, "description": "a standard field, or a custom one by its key"},
            "op": _words(_FIELD_OPERATORS),
            "value": {},
        },
    ),
    "email_domain": _leaf(
        "Where the email address is", ("email_domain",), {"email_domain": {"anyOf": [_TEXT, _list_of(_TEXT)]}}
    ),
    "list": _leaf("Member of a list", ("list",), {"list": _ID}),
    "segment": _leaf("In another segment", ("segment",), {"segment": _ID}),
    "subscription": _leaf(
        "State of a channel", ("subscription", "is"), {"subscription": _words(CHANNELS), "is": _words(STATES)}
    ),
    "category": _leaf("A chosen subscription category", ("category",), {"category": _TEXT}),
    "activity": _leaf(
        "What happened to messages",
        ("activity",),
        {
            "activity": _words(dict.fromkeys([*ACTIVITIES, *STATISTICS])),
            "campaign": _ID,
            "channel": _words(MESSAGE_CHANNELS),
            "link": {**_ID, "description": "place of the link in the campaign's content"},
            **_COUNTS,
            **_WINDOW,
        },
    ),
    "event": _leaf(
        "An event of another system",
        ("event",),
        {
            "event": _TEXT,
            "where": _list_of(
                _leaf(
                    "A parameter",
                    ("param", "op"),
                    {"param": _TEXT, "op": _words(PARAMETER_OPERATORS), "value": {}},
                )
            ),
            "which": _words(("first", "last")),
            **_COUNTS,
            **_WINDOW,
        },
    ),
    "orders": _leaf(
        "Orders",
        ("orders",),
        {
            "orders": _words(ORDER_MEASURES),
            "op": _words(operator for operator in ORDER_OPERATORS if not operator.startswith("is_")),
            "value": {"type": ["number", "string"]},
            "where": {
                "type": "object",
                "properties": {"status": _list_of(_TEXT), "item": _TEXT, "category": _TEXT, "currency": _TEXT},
                "additionalProperties": False,
            },
            **_COUNTS,
            **_WINDOW,
        },
    ),
    "prediction": _leaf(
        "What is foreseen of a customer",
        ("prediction", "op"),
        {
            "prediction": _words(PREDICTIONS),
            "op": _words(NEXT_ORDER_OPERATORS),
            "value": {"type": ["number", "string"]},
        },
    ),
    "rfm": _leaf(
        "RFM class and scores of a customer",
        ("rfm",),
        {
            "rfm": {
                "type": "object",
                "properties": {
                    "class": _list_of(_words(RFM_CLASSES)),
                    **{
                        name: {
                            "type": "object",
                            "properties": {"at_least": _SCORE, "at_most": _SCORE},
                            "additionalProperties": False,
                            "minProperties": 1,
                        }
                        for name in RFM_SCORES
                    },
                },
                "additionalProperties": False,
                "minProperties": 1,
            }
        },
    ),
    "engagement": _leaf(
        "Engagement score of the contact",
        ("engagement",),
        {
            "engagement": {
                "type": "object",
                "properties": {
                    "band": _list_of(_words(band.value for band in Band)),
                    "at_least": {"type": "number", "exclusiveMinimum": 0},
                    "at_most": {"type": "number", "minimum": 0},
                },
                "additionalProperties": False,
                "minProperties": 1,
            }
        },
    ),
}

#: The whole of it.
CONDITION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Syncom condition",
    "description": "Which contacts are meant: segments, audiences of campaigns and searches",
    "version": LANGUAGE_VERSION,
    "$ref": "#/$defs/condition",
    "$defs": {
        "condition": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in _LEAVES]},
        **_LEAVES,
    },
}

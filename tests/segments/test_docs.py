"""The examples of docs/segments.md are right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs

from syncom.contacts.model import CustomField, FieldType
from syncom.segments.compile import Compiler
from syncom.segments.schema import CONDITION_SCHEMA
from syncom.segments.sentence import Names, sentence
from tests.segments.world import NOW

_PAGE = Path(__file__).parents[2] / "docs" / "segments.md"
_FIELDS = [
    CustomField(field_id=1, key="points", name="Points", type=FieldType.NUMBER),
    CustomField(field_id=2, key="birthday", name="Birthday", type=FieldType.DATE),
    CustomField(field_id=3, key="vip", name="VIP", type=FieldType.BOOLEAN),
    CustomField(field_id=4, key="tags", name="Tags", type=FieldType.MULTICHOICE),
]


def test_thirty_examples_compile_and_read_as_they_say() -> None:
    examples = re.findall(r"^(\d+)\. (.+)\n   ```json\n   (.+)\n   ```$", _PAGE.read_text(), re.MULTILINE)
    assert [int(number) for number, _, _ in examples] == list(range(1, len(examples) + 1))
    assert len(examples) >= 30
    schema = jsonschema_rs.validator_for(CONDITION_SCHEMA)
    for _, said, text in examples:
        tree = json.loads(text)
        compiler = Compiler(
            _FIELDS,
            {3: {"list": 1}},
            now=NOW,
            account_id=1,
            categories={"news": 1},
            event_types={"productViewed": 1, "cartUpdated": 2},
        )
        assert compiler.compile(tree).leaves
        schema.validate(tree)
        assert sentence(tree, Names()) == said

"""The docs have a page for each step, with an example that can be saved and all its members."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from syncom.workflows.definition import read_definition
from syncom.workflows.language import Step

_DOCS = Path(__file__).parents[2] / "docs"
_EXAMPLE = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STEPS: dict[str, type[msgspec.Struct]] = {str(one.__struct_config__.tag): one for one in get_args(Step)}


@pytest.mark.parametrize("kind", sorted(_STEPS))
def test_every_step_has_a_page_with_an_example(kind: str) -> None:
    page = (_DOCS / "steps" / f"{kind.replace('_', '-')}.md").read_text()
    assert page.startswith(f"# `{kind}`\n")
    read = [read_definition(json.loads(example)) for example in _EXAMPLE.findall(page)]
    assert any(isinstance(step, _STEPS[kind]) for definition in read for step in definition.steps)
    for field in msgspec.structs.fields(_STEPS[kind]):
        named = rf"`{field.encode_name}[`.]" if kind != "stop" else ".*"
        assert field.name in {"id", "next"} or re.search(named, page), f"{field.name} is not told of"


@pytest.mark.parametrize("page", ["workflows.md"])
def test_examples_of_a_page_can_be_saved(page: str) -> None:
    for example in _EXAMPLE.findall((_DOCS / page).read_text()):
        read_definition(json.loads(example))


def test_the_overview_leads_to_every_page() -> None:
    overview = (_DOCS / "workflows.md").read_text()
    for kind in _STEPS:
        assert f"](steps/{kind.replace('_', '-')}.md)" in overview

"""Help that teaches, quickly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncom.cli.membrane.guide import guide
from syncom.cli.membrane.verbs import GRAMMAR, GROUPS, VERBS
from tests.cli.membrane.command import Membrane

_DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


@pytest.mark.parametrize("verb", [verb for verb in VERBS if not verb.hidden], ids=lambda verb: verb.name)
def test_every_verb_has_help_with_an_example(verb: object) -> None:
    assert hasattr(verb, "name")
    text = guide(GRAMMAR, verb.name, program="syncom")
    assert f"Usage: syncom {verb.name}" in text
    assert "Example:  syncom " in text
    assert "--apiUri=URL" in text


async def test_help_is_an_answer_and_not_an_error(membrane: Membrane) -> None:
    for line in ((), ("--help",), ("connection",), ("action", "run", "--help"), ("login", "-h")):
        answer = await membrane(*line)
        assert (answer.code, answer.err) == (0, "")
        assert "Usage: membrane" in answer.out or "Commands of `membrane connection`" in answer.out
    version = await membrane("--version")
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", version.out)


async def test_nothing_heavy_is_loaded_for_help(membrane: Membrane) -> None:
    for line in ("--help", "search x"):
        listed = await membrane.line(
            f"python -X importtime -m syncom.cli.membrane {line} 2>&1 | sed -n 's/.*| *//p'", MEMBRANE_TOKEN="t"
        )
        loaded = set(listed.out.split())
        assert "syncom.cli.membrane.verbs" in loaded
        assert not loaded & {"cyclopts", "rich", "asyncio", "msgspec", "yaml", "http.server", "webbrowser", "inspect"}


def test_every_verb_is_in_the_documentation() -> None:
    text = _DOCS.read_text("utf-8")
    assert [verb.name for verb in VERBS if not verb.hidden and f"membrane {verb.name}" not in text] == []
    assert [name for name in GROUPS if f"syncom {name}" not in text] == []

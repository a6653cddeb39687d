"""The list of what mailbox providers ask for names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_PAGE = (ROOT / "docs" / "deliverability.md").read_text("utf-8")
_NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
#: Members of a line: whose, what they ask, what holds it, the test.
_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in _PAGE.splitlines()
    if line.startswith("|") and not re.match(r"\|(---|\s*whose)", line)
]


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: f"{row[0]}: {row[1]}"[:80])
def test_each_line_names_whose_it_is_and_a_test_that_exists(row: list[str]) -> None:
    whose, _, holds, test = row
    assert re.fullmatch(r"[GYMA]\*?( [GYMA]\*?)*", whose)
    assert holds
    [(file, name)] = _NAMED.findall(test)
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_provider_has_lines_and_every_source_is_linked() -> None:
    assert len(_ROWS) > 30
    named = {mark.strip("*") for row in _ROWS for mark in row[0].split()}
    assert named == set("GYMA")
    for mark in ("G", "GA", "GF", "Y", "YA", "M", "MP", "A"):
        assert f"][{mark}]" in _PAGE
        assert re.search(rf"^\[{mark}\]: https://", _PAGE, re.MULTILINE)

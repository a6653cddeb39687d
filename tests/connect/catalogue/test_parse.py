"""YAML and JSON from outside: as they are written, and never larger than they look."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.connect.catalogue.parse import MAX_DEPTH, parse
from syncom.errors import Invalid


def read(text: str | bytes, limit: int = 1_000_000) -> dict[str, Any]:
    return parse("a.yaml", text.encode() if isinstance(text, str) else text, limit=limit)


def test_words_of_other_versions_of_yaml_stay_words() -> None:
    text = (
        "a: no\nb: yes\nc: 2024-01-31\nd: 12:30\ne: 0777\nf: .5\ng: 1e3\nh: ~\ni: null\nj: true\nk: on\nl: 0x1F\nm: 1.0"
    )
    assert read(text) == {
        "a": "no",
        "b": "yes",
        "c": "2024-01-31",
        "d": "12:30",
        "e": "0777",
        "f": 0.5,
        "g": 1000.0,
        "h": None,
        "i": None,
        "j": True,
        "k": "on",
        "l": "0x1F",
        "m": 1.0,
    }


def test_keys_are_text_as_it_is_written() -> None:
    assert read("200: a\ntrue: b\n1.0: c\n~: d\nno: e") == {"200": "a", "true": "b", "1.0": "c", "~": "d", "no": "e"}


def test_json_in_flow_style_and_with_a_mark_in_front() -> None:
    assert read('{"a": 1}') == {"a": 1}
    assert read(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert read("{a: 1, b: [x, y]}") == {"a": 1, "b": ["x", "y"]}


def test_anchors_and_merges_are_followed() -> None:
    assert read("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}") == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [*a]", "inside its own anchor"),
        ("a: *b", "or without one"),
        ("- 1", "is not an object"),
        ("", "is not an object"),
        ("a: [1", "is not YAML"),
        ("a: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("? [a, b]\n: 1", "a key must be text"),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested deeper"),
        ('{"a": ' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}", "nested deeper"),
        ('{"a": ' * 100_000, "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ("a: '" + "x" * 1_000_000 + "'", "more than"),
        ("a: 1\n---\nb: 2", "is not YAML"),
    ],
    ids=lambda value: value[:30],
)
def test_what_cannot_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        read(text)
    assert refused.value.fields[0].field == "a.yaml"


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(Invalid, match="UTF-8"):
        read(b"a: \xff")


def test_aliases_that_explode_are_refused_before_anything_is_built() -> None:
    levels = "\n".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 12))
    with pytest.raises(Invalid, match="aliases counted"):
        read(f"l0: &l0 [x, x, x]\n{levels}")

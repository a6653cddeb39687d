"""How a command line is read: in any order and spelling, and what is refused."""

from __future__ import annotations

import contextlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.cli.membrane.errors import Misuse
from syncom.cli.membrane.grammar import Given, Kind
from syncom.cli.membrane.verbs import FLAGS, GRAMMAR, GROUPS, VERBS

_KINDS = {flag.name: flag.kind for flag in FLAGS}
#: Words and values as people write them, flags apart.
_WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(
    lambda text: not text.startswith("-")
)


def read(*tokens: str) -> Given:
    found = GRAMMAR.read(tokens, program="membrane")
    assert isinstance(found, Given)
    return found


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, list[str], dict[str, str], list[str]]:
    """A verb, its arguments, values of flags, and a line that says them: shuffled, in any spelling."""
    verb = draw(st.sampled_from([verb for verb in VERBS if not verb.hidden and not verb.sends_json]))
    words = [draw(_WORD) for _ in range(verb.required)]
    values = {
        name: draw(_WORD)
        for name in draw(st.sets(st.sampled_from(sorted({*verb.flags, "tenantKey", "apiUri"})), max_size=4))
        if _KINDS[name] in (Kind.VALUE, Kind.MANY)
    }
    groups = [[_spelled(draw, name), value] for name, value in values.items()]
    groups = [[f"{name}={value}"] if draw(st.booleans()) else [name, value] for name, value in groups]
    groups += [["--json"]] if draw(st.booleans()) else []
    places = sorted(draw(st.integers(0, len(groups))) for _ in [*verb.name.split(), *words])
    line: list[str] = []
    left = [*verb.name.split(), *words]
    for index in range(len(groups) + 1):
        line += [left.pop(0) for _ in range(places.count(index))]
        line += groups[index] if index < len(groups) else []
    return verb.name, words, values, line


def _spelled(draw: st.DrawFn, name: str) -> str:
    kebab = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return "--" + draw(st.sampled_from([name, kebab, name.lower()]))


@given(command_lines())
def test_order_and_spelling_do_not_matter(line: tuple[str, list[str], dict[str, str], list[str]]) -> None:
    verb, words, values, tokens = line
    # A first argument may itself be the second word of another verb: `login start`.
    found = read(*tokens)
    if found.verb.name == verb:
        assert list(found.words) == words
        assert {name: found.text(name) for name in values} == values
    else:
        assert found.verb.name == f"{verb} {words[0]}"


def test_both_forms_of_the_wild_are_one() -> None:
    first = read("action", "run", "--connectionId=C", "A", "--json", "--input", '{"key":"value"}')
    second = read("action", "run", "A", "--connectionId", "C", "--input", '{"key":"value"}', "--json")
    for found in (first, second):
        assert (found.verb.name, found.words, found.text("connectionId")) == ("action run", ("A",), "C")
        assert found.parsed("input") == {"key": "value"}
        assert found.json


@pytest.mark.parametrize(
    ("tokens", "json_text", "words"),
    [
        (["request", "C", "/x", "--json"], "true", ("C", "/x")),
        (["request", "--json", "C", "/x"], "true", ("C", "/x")),
        (["request", "C", "--json", '{"a": 1}', "/x"], '{"a": 1}', ("C", "/x")),
        (["--json", "[1]", "request", "C", "/x"], "[1]", ("C", "/x")),
        (["request", "C", "/x", '--json="text"'], '"text"', ("C", "/x")),
    ],
)
def test_json_of_request_may_have_a_value(tokens: list[str], json_text: str, words: tuple[str, ...]) -> None:
    found = read(*tokens)
    assert (found.text("json"), found.words, found.json) == (json_text, words, True)


def test_json_of_every_other_verb_takes_no_value() -> None:
    assert read("search", "--json", '"exact words"').words == ('"exact words"',)


def test_short_flags_may_have_their_value_attached() -> None:
    found = read("request", "C", "/x", "-XPOST", "-H", "A: b", "-HC: d", "-d", "-5", "--query", "a=b=c", "-v")
    assert (found.text("method"), found.many("header"), found.text("data")) == ("POST", ("A: b", "C: d"), "-5")
    assert found.pairs("query") == [("a", "b=c")]
    assert found.on("verbose")


def test_of_repeated_flags_the_last_counts_and_two_dashes_end_them() -> None:
    found = read("search", "--limit", "5", "--limit=6", "--", "--json")
    assert (found.number("limit", least=1, most=100), found.words, found.json) == (6, ("--json",), False)


def test_truths_may_be_written_as_words() -> None:
    found = read("integration", "list", "--connectors", "1", "--externalApps", "--search", "x")
    assert found.on("connectors")
    assert found.on("externalApps")
    assert not read("integration", "list", "--connectors=0").on("connectors")
    assert not read("connection", "list", "--json=false").json


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["fly"], "there is no command 'fly'"),
        (["conection", "list"], "did you mean connection?"),
        (["connection", "lst"], "did you mean list?"),
        (["search", "x", "--elementTyp", "y"], "did you mean --elementType?"),
        (["search", "x", "-q"], "there is no flag -q"),
        (["search", "x", "--connectionId", "y"], "`search` has no --connectionId"),
        (["search"], "`search` needs QUERY"),
        (["search", "two", "words"], "put quotes around"),
        (["search", "x", "--limit"], "--limit needs a value"),
        (["action", "list", "--intent", "--json"], "write --intent=--json"),
        (["action", "run", "A", "--json={}"], "did you mean --input?"),
        (["login", "--tenant=shop"], "--tenant takes no value"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_was_meant(tokens: list[str], words: str) -> None:
    with pytest.raises(Misuse) as refused:
        read(*tokens)
    assert words in refused.value.message


@given(st.lists(st.text(max_size=8), max_size=6))
def test_no_line_breaks_the_reader(tokens: list[str]) -> None:
    with contextlib.suppress(Misuse):
        GRAMMAR.read(tokens, program="membrane")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_values_come_through_whole(value: object) -> None:
    assert read("action", "run", "A", "--input", json.dumps(value)).parsed("input") == value


def test_the_tables_agree() -> None:
    names = {flag.name for flag in FLAGS}
    assert len(names) == len(FLAGS)
    assert all(name in names for verb in VERBS for name in verb.flags)
    assert {verb.name.split()[0] for verb in VERBS if not verb.hidden} == set(GROUPS)
    shuffled = random.Random(1).sample(VERBS, len(VERBS))
    assert all(verb.help.endswith(".") and verb.example.startswith("membrane ") for verb in shuffled)

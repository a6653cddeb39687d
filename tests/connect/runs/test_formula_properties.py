"""Formulas never raise anything but their own errors, and never run away."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.connect.runs.formula import (
    OPERATORS,
    FormulaError,
    GivenUp,
    evaluate,
    evaluate_path,
    read_path,
)

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PATHS = st.sampled_from(
    ["$.input", "$.input.a", "$.input.list[0]", "$.input.list[*].a", "$.nothing", "$", "", "[[", "."]
)
_NAMES = (
    *("list", "item", "value", "values", "mapping", "default", "cases", "when", "then", "condition", "else", "where"),
    *("delimiter", "from", "path", "key", "message", "to", "filter", "$x", "a"),
)
_MEMBERS = st.sampled_from(_NAMES)
_NAME = st.sampled_from(sorted(OPERATORS))


def _made_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arguments = inner | st.lists(inner, max_size=3) | st.dictionaries(_MEMBERS, inner, max_size=4)
    return st.dictionaries(_NAME, arguments, min_size=1, max_size=1) | st.dictionaries(_MEMBERS, inner, max_size=3)


_FORMULAS = st.recursive(
    _PLAIN
    | _PATHS.map(lambda path: {"$var": path})
    | st.text(max_size=20).map(lambda text: {"$tpl": "{{" + text + "}}"}),
    _made_of,
    max_leaves=12,
)


@given(formula=_FORMULAS, given_input=_PLAIN)
def test_any_formula_gives_json_or_a_formula_error(formula: Any, given_input: Any) -> None:
    scope = {"input": {"a": given_input, "list": [given_input, {"a": given_input}]}}
    with suppress(FormulaError, GivenUp):
        msgspec.json.encode(evaluate(formula, scope))


@given(value=st.text(max_size=40))
def test_a_value_in_a_path_is_one_segment(value: str) -> None:
    scope = {"input": {"id": value}}
    for formula in ({"$tpl": "/a/{{$.input.id}}/b"}, {"$concat": ["/a/", {"$var": "$.input.id"}, "/b"]}, "/a/{id}/b"):
        try:
            path = evaluate_path(formula, scope)
        except FormulaError:
            assert not value
            continue
        if value:
            assert path.count("/") == 3
            assert not {"?", "#", "\\", "@", " "} & set(path)


@given(text=st.text(max_size=60))
def test_any_text_is_a_path_or_is_none(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(read_path(text), tuple)


def test_a_formula_without_end_is_stopped() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"$not": deep}
    with pytest.raises(FormulaError, match="nested"):
        evaluate(deep, {})
    rows = list(range(1000))
    wide = {"$map": {"list": {"$var": "$.r"}, "item": {"$map": {"list": {"$var": "$.r"}, "item": {"$var": "$.item"}}}}}
    with pytest.raises(FormulaError, match="more than 200000 values"):
        evaluate(wide, {"r": rows})
    long: Any = {"$var": "$.t"}
    for _ in range(6):
        long = {"$concat": [long] * 10}
    with pytest.raises(FormulaError, match=r"characters|values"):
        evaluate(long, {"t": "x" * 1000})


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ({"$var": "$.input.people[*].name"}, ["Olena Bondar", "Ivan"]),
        ({"$var": "input['a b']"}, 1),
        ({"$plain": {"$var": "x"}}, {"$var": "x"}),
        ({"$concat": {"values": ["a", None, "", 2], "delimiter": "-"}}, "a-2"),
        ({"$tpl": "Hi {{ $.input.name }}{{$.input.gone}}!"}, "Hi Olena!"),
        ({"$firstNotEmpty": [{"$var": "$.input.gone"}, "", [], 0]}, 0),
        ({"$case": {"value": {"$var": "$.input.n"}, "cases": [{"when": 2, "then": "two"}], "default": "no"}}, "two"),
        ({"$case": {"cases": [{"filter": {"$eq": [1, True]}, "value": "a"}], "default": "b"}}, "b"),
        ({"$map": {"value": "a", "mapping": [{"from": "a", "to": 1}]}}, 1),
        ({"$map": {"list": ["a b", "c"], "item": {"$firstName": {"$var": "$.item"}}}}, ["a", "c"]),
        ({"$lastName": "Olena Maria Bondar"}, "Maria Bondar"),
        ({"$domainFromEmail": "Ann <ann@Shop.Example>"}, "shop.example"),
        ({"$extractDate": "2026-01-05T10:00:00Z"}, "2026-01-05"),
        ({"$extractTime": "2026-01-05T10:00:00Z"}, "10:00:00"),
        ({"$mergeObjects": [{"a": 1}, None, {"a": 2, "b": 3}]}, {"a": 2, "b": 3}),
        ({"$and": [1, "x", []]}, False),
        ({"$or": [0, "x"]}, True),
        ({"a": {"$var": "$.input.gone"}, "b": None}, {"b": None}),
        ([{"$var": "$.input.gone"}, 1], [1]),
        ({"$filter": {"list": [1, 2, 3], "where": {"$gte": [{"$var": "$.item"}, 2]}}}, [2, 3]),
        ({"$number": "12.5"}, 12.5),
        ({"$split": {"value": "a, b", "delimiter": ","}}, ["a", "b"]),
    ],
)
def test_operators_give_what_the_docs_say(formula: Any, value: Any) -> None:
    given_input = {"name": "Olena", "n": 2, "a b": 1, "people": [{"name": "Olena Bondar"}, {"name": "Ivan"}, {}]}
    assert evaluate(formula, {"input": given_input}) == value

"""Formulas that look into what was made, make objects of lists, and give up."""

from __future__ import annotations

import pytest

from syncom.connect.runs.formula import FormulaError, GivenUp, evaluate

PAIRS = [{"name": "sum", "value": 120.5}, {"name": "lines", "value": [1]}, {"name": "none", "value": None}]


def test_a_path_leads_into_a_value_that_was_made() -> None:
    large = {"$filter": {"list": {"$var": "$.input"}, "where": {"$gt": [{"$var": "$.item.sum"}, 5]}}}
    found = {"id": {"$get": {"from": large, "path": "[0].id"}}}
    assert evaluate(found, {"input": [{"id": 1, "sum": 5}, {"id": 2, "sum": 6}, {"id": 3, "sum": 7}]}) == {"id": 2}
    assert evaluate(found, {"input": []}) == {}
    with pytest.raises(FormulaError):
        evaluate({"$get": {"from": large, "path": "[["}}, {"input": []})


def test_a_list_becomes_an_object() -> None:
    formula = {"$object": {"list": {"$var": "$.p"}, "key": {"$var": "$.item.name"}, "value": {"$var": "$.item.value"}}}
    assert evaluate(formula, {"p": PAIRS}) == {"sum": 120.5, "lines": [1], "none": None}
    assert evaluate(formula, {"p": []}) == {}
    assert evaluate([formula], {}) == []
    assert evaluate(formula, {"p": [{"name": "a"}, {"value": 1}]}) == {}


def test_a_formula_gives_up_with_a_reason_and_only_where_it_is_reached() -> None:
    nobody = {
        "$fail": {"key": "not_found", "message": {"$concat": ["Contact ", {"$var": "$.input.email"}, " not found"]}}
    }
    formula = {"$firstNotEmpty": [{"$var": "$.input.id"}, nobody]}
    assert evaluate(formula, {"input": {"id": 5}}) == 5
    with pytest.raises(GivenUp) as caught:
        evaluate(formula, {"input": {"email": "olena@example.org"}})
    assert (caught.value.code, caught.value.message) == ("not_found", "Contact olena@example.org not found")

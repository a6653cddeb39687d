"""Every connector of the release has what agents need to find and to call its actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncom.connect.catalogue.lint import lint
from syncom.connect.catalogue.service import SHIPPED
from tests.connect.folders import DOCUMENT, OVERLAY, SHOPKIT, shopkit

FOLDERS = sorted(path for path in SHIPPED.iterdir() if path.is_dir() and not path.name.startswith("_"))


@pytest.mark.parametrize("folder", FOLDERS, ids=[path.name for path in FOLDERS])
def test_a_shipped_connector_lacks_nothing(folder: Path) -> None:
    report = lint(folder)
    assert report.problems == ()
    assert report.actions > 0


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    report = lint(shopkit(tmp_path) / "shopkit")
    assert sorted(report.problems) == [
        "actions.customers-delete: has fewer than 3 example intents",
        "actions.customers-delete: has no description of its own",
        "actions.customers-delete: has no keywords",
        "actions.customers-list: has no description of its own",
        "actions.shop-get: has fewer than 3 example intents",
        "actions.shop-get: has no description of its own",
        "actions.shop-get: has no keywords",
    ]
    assert (report.actions, report.operations) == (4, 4)


#: What is said, and what is put in place of what.
LACKS = [
    ("description: is missing", ("description: A shop.\n", "")),
    ("categories: are missing", ("categories: [shop]\n", "")),
    ("connector.yaml: object contains unknown field `colour`", ("name: Shopkit", "name: Shopkit\ncolour: red")),
    ("connector.yaml: auth[0].kind: invalid enum value 'magic'", ("kind: api-key", "kind: magic")),
    ("connector.yaml: key: must be the folder's name, shopkit", ("key: shopkit", "key: shop")),
    ("connector.yaml: test: must be a method and a path, such as GET /me", ("test: GET /shop.json", "test: shop")),
    (
        "connector.yaml: logo: logo.svg is not an SVG, PNG, JPEG or WebP file of the folder",
        ("name:", "logo: logo.svg\nname:"),
    ),
    ("connector.yaml: generate: the document has no operation buy", ("key: shopkit", "key: shopkit\ngenerate: [buy]")),
    (
        "connector.yaml: actions[0].replaces: the document has no operation buy",
        ("replaces: [customers_create]", "replaces: [buy]"),
    ),
]


@pytest.mark.parametrize(("problem", "change"), LACKS, ids=[problem for problem, _ in LACKS])
def test_problems_of_the_settings_are_named(tmp_path: Path, problem: str, change: tuple[str, str]) -> None:
    settings = SHOPKIT.replace(*change, 1)
    assert problem in lint(shopkit(tmp_path, settings=settings) / "shopkit").problems


def test_hosts_that_nobody_can_know_are_named(tmp_path: Path) -> None:
    settings = SHOPKIT.replace("hosts: [files.shopkit.example]\n", "").replace(
        "{shop}.shopkit.example", "{shop}.example"
    )
    assert "hosts: are missing" in lint(shopkit(tmp_path, settings=settings) / "shopkit").problems


def test_a_target_of_the_overlay_that_matches_nothing_is_named(tmp_path: Path) -> None:
    overlay = OVERLAY.replace("$.paths['/customers.json'].get", "$.paths['/x']")
    problems = lint(shopkit(tmp_path, overlay=overlay) / "shopkit").problems
    assert "overlay.yaml: actions[0]: $.paths['/x'] matches nothing" in problems


def test_input_schemas_that_cost_too_much_are_named(tmp_path: Path) -> None:
    many = "".join(f", {{name: parameter{number}, in: query, schema: {{type: string}}}}" for number in range(60))
    wordy = DOCUMENT.replace("schema: {type: integer}}]", f"schema: {{type: integer}}}}{many}]")
    settings = SHOPKIT.replace("key: shopkit", "key: shopkit\ngenerate: [customersList]").partition("actions:")[0]
    report = lint(shopkit(tmp_path, settings=settings, document=wordy) / "shopkit")
    assert any("tokens" in problem for problem in report.problems)

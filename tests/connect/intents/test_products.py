from __future__ import annotations

import pytest

from syncom.connect.intents.products import distance, find_products
from syncom.connect.intents.shelves import Product


def product(name: str, *aliases: str) -> Product:
    key = name.lower().replace(" ", "-")
    return Product(connector_id=key, key=key, name=name, aliases=aliases)


PRODUCTS = [
    product("eSputnik", "yespo", "єспутнік"),
    product("Google Sheets"),
    *map(
        product,
        ("Slack", "Stripe", "Shopify", "HubSpot", "Zendesk", "Typeform", "Salesforce", "Monday", "Orders", "HTTP"),
    ),
]


@pytest.mark.parametrize(
    ("intent", "key", "rest"),
    [
        ("send a message on Slack", "slack", "send a message"),
        ("надішли повідомлення в слак", "slack", "надішли повідомлення"),
        ("add a row in Google Sheets", "google-sheets", "add a row"),
        ("add a row to google sheet", "google-sheets", "add a row"),
        ("додай рядок у гугл шітс", "google-sheets", "додай рядок"),
        ("поверни гроші в страйпі", "stripe", "поверни гроші"),
        ("orders in shopfy", "shopify", "orders"),
        ("замовлення з шопіфай", "shopify", "замовлення"),
        ("hubspto: new deal", "hubspot", "new deal"),
        ("відправ смс через єспутнік", "esputnik", "відправ смс"),
        ("deals in sales force", "salesforce", "deals"),
        ("task in monday", "monday", "task"),
        ("list orders in Orders", "orders", "list orders"),
        ("slack", "slack", "slack"),
    ],
)
def test_a_product_is_found_and_taken_out_of_the_intent(intent: str, key: str, rest: str) -> None:
    found, left = find_products(intent, PRODUCTS)
    assert ([one.key for one in found], left) == ([key], rest)


@pytest.mark.parametrize(
    "intent",
    [
        "create a contact",
        "list all orders",
        "what happened last monday",
        "a typo form",
        "notify slacker",
        "на сайт",
        "слон",
        "",
    ],
)
def test_ordinary_words_are_no_products(intent: str) -> None:
    assert find_products(intent, PRODUCTS) == ([], intent)


def test_several_products_may_be_named() -> None:
    found, _ = find_products("copy customers from Shopify to HubSpot", PRODUCTS)
    assert {one.key for one in found} == {"shopify", "hubspot"}


@pytest.mark.parametrize(
    ("one", "other", "wrong"),
    [
        ("stripe", "stripe", 0),
        ("strpie", "stripe", 1),
        ("strip", "stripe", 1),
        ("stirpes", "stripe", 2),
        ("x", "stripe", 3),
    ],
)
def test_swapped_letters_count_as_one(one: str, other: str, wrong: int) -> None:
    assert distance(one, other, 2) == wrong

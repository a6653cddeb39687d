"""The catalogue itself: put, found, taken out; and in any order of writers, what was applied last."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.errors import Invalid, NotFound
from syncom.postgres.pool import Database
from syncom.products.feeds.model import FeedInput
from syncom.products.model import Availability, Product, ProductCategory, ProductInput, ProductQuery
from tests.conftest import _add_account  # pyright: ignore[reportPrivateUsage]
from tests.products.shop import Shelves, offer, pieces, yml


async def test_products_are_put_and_only_what_changed_is_written(shelves: Shelves) -> None:
    account, products = shelves.account_id, shelves.products
    given = [{"product_id": "a", "name": "A", "price": "5"}, {"product_id": "b", "name": "B"}]
    assert (await products.put(account, given)).created == 2
    rows = await shelves.rows()
    done = await products.put(
        account, [{"product_id": "a", "name": " A ", "price": 5}, {"product_id": "b", "name": "C"}]
    )
    assert (done.created, done.changed, done.unchanged, done.problems) == (0, 1, 1, [])
    assert (await shelves.rows())["a"] == rows["a"]
    found = await products.get(account, "b")
    assert (found.name, found.feed_id) == ("C", None)
    assert found.added_at < found.changed_at
    assert await products.delete(account, ["a", "nothing"]) == 1
    with pytest.raises(NotFound):
        await products.get(account, "a")


async def test_bad_products_of_a_batch_are_told_and_the_rest_is_taken(shelves: Shelves) -> None:
    given: list[dict[str, Any]] = [
        {"product_id": "a", "name": "A"},
        {"product_id": " ", "name": "A"},
        {"product_id": "b", "name": "B", "price": "cheap"},
        {"product_id": "b", "name": "B", "price": -1},
        {"product_id": "b", "name": "B", "url": "javascript:alert(1)"},
        {"product_id": "b", "name": "B", "colour": "red"},
        {"product_id": "b", "name": "B", "currency": "hryvnia"},
        {"product_id": "b", "name": "B", "availability": "soon"},
        {"product_id": "b", "name": "N\x00UL\ud800", "description": "\x00", "attributes": {"\x00": "x", "y": "\x00z"}},
    ]
    done = await shelves.products.put(shelves.account_id, given)
    assert done.created == 2
    assert [(one.index, one.field) for one in done.problems] == [
        (1, "product_id"),
        (2, "price"),
        (3, "price"),
        (4, "url"),
        (5, "product"),
        (6, "currency"),
        (7, "availability"),
    ]
    kept = await shelves.products.get(shelves.account_id, "b")
    assert (kept.name, kept.attributes) == ("NUL", {"y": "z"})
    with pytest.raises(Invalid):
        await shelves.products.put(shelves.account_id, given * 200)


async def test_products_are_found_by_words_ids_and_categories(shelves: Shelves) -> None:
    account, products = shelves.account_id, shelves.products
    await products.put(
        account,
        [
            ProductInput(product_id="1", name="Зимові чоботи Acme", categories=("Clothes", "Shoes")),
            ProductInput(product_id="2", name="Winter boots", categories=("Clothes", "Shoes")),
            ProductInput(product_id="3", name="Hat", categories=("Clothes",), availability=Availability.OUT_OF_STOCK),
            ProductInput(product_id="4", name="Shoes: a book", categories=("Books", "Shoes")),
        ],
    )

    async def ids(**query: Any) -> list[str]:
        return [one.product_id for one in await products.search(account, ProductQuery(**query))]

    assert await ids() == ["1", "2", "3", "4"]
    assert await ids(words="чобо acm") == ["1"]
    assert await ids(words="3") == ["3"], "by its id"
    assert await ids(words="' | !") == ["1", "2", "3", "4"], "no words"
    assert await ids(category="shoes") == ["1", "2", "4"]
    assert await ids(category="CLOTHES>shoes") == ["1", "2"]
    assert await ids(category="clothes", available=True) == ["1", "2"]
    assert await ids(category="Shoe") == []
    page = await products.search(account, ProductQuery(), after=("2", ""), limit=1)
    assert [one.product_id for one in page] == ["3"]
    assert await products.categories(account) == [
        ProductCategory(path=("Books", "Shoes"), products=1),
        ProductCategory(path=("Clothes",), products=1),
        ProductCategory(path=("Clothes", "Shoes"), products=2),
    ]


async def test_a_reader_gets_the_version_in_their_language(shelves: Shelves) -> None:
    account, products = shelves.account_id, shelves.products
    names = {"": "For everybody", "uk": "Українською", "pt-BR": "Brasil", "pt": "Portugal"}
    await products.put(account, [ProductInput(product_id="a", name=name, language=one) for one, name in names.items()])
    await products.put(account, [ProductInput(product_id="b", name="Nur Deutsch", language="de")])
    for language, name in (("uk-UA", "uk"), ("pt-BR", "pt-BR"), ("pt-AO", "pt"), ("fr", ""), ("", "")):
        assert (await products.get(account, "a", language)).name == names[name], language
    assert (await products.get(account, "b", "fr")).name == "Nur Deutsch"


def test_a_sale_has_its_time() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)

    def product(**members: Any) -> Product:
        return Product(
            product_id="a", name="A", price=Decimal(10), feed_id=None, added_at=now, changed_at=now, **members
        )

    day = timedelta(days=1)
    assert product().price_at(now) == (Decimal(10), None)
    assert product(sale_price=Decimal(8)).price_at(now) == (Decimal(8), Decimal(10))
    assert product(sale_price=Decimal(8), sale_from=now + day).price_at(now) == (Decimal(10), None)
    assert product(sale_price=Decimal(8), sale_until=now - day).price_at(now) == (Decimal(10), None)
    assert product(sale_price=Decimal(12)).price_at(now) == (Decimal(12), None)


async def test_an_account_sees_its_own_products_only(shelves: Shelves, emptied_database: Database) -> None:
    other = await _add_account(emptied_database, "Other")
    await shelves.products.put(shelves.account_id, [ProductInput(product_id="a", name="Mine")])
    await shelves.products.put(other, [ProductInput(product_id="a", name="Theirs")])
    assert (await shelves.products.get(shelves.account_id, "a")).name == "Mine"
    assert await shelves.products.delete(other, ["a"]) == 1
    assert await shelves.all() == {"a": "Mine"}


_IDS = st.sampled_from(["a", "b", "c", "d"])
_SHELF = st.dictionaries(_IDS, st.sampled_from(["x", "y"]), max_size=4)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _SHELF),
        st.tuples(st.just("delete"), st.lists(_IDS, max_size=2)),
        st.tuples(st.just("one"), _SHELF),
        st.tuples(st.just("two"), _SHELF),
    ),
    max_size=8,
)


async def test_in_any_order_of_feeds_and_programs_the_last_one_to_speak_of_a_product_is_right(
    shelves: Shelves, tmp_path: Path
) -> None:
    """A model in a dictionary: a product is what was said last, and a feed takes away only what it said last."""
    account = shelves.account_id
    feeds = {name: (await shelves.feeds.add(account, FeedInput(name=name))).feed_id for name in ("one", "two")}

    async def play(steps: list[tuple[str, Any]]) -> None:
        await shelves.products.delete(account, ["a", "b", "c", "d"])
        model: dict[str, tuple[str, str]] = {}
        for kind, said in steps:
            if kind == "put":
                await shelves.products.put(account, [ProductInput(product_id=one, name=said[one]) for one in said])
                model |= {one: (said[one], "") for one in said}
            elif kind == "delete":
                await shelves.products.delete(account, said)
                model = {one: known for one, known in model.items() if one not in said}
            else:
                file = yml(offer(one, said[one]) for one in said)
                await shelves.feeds.take_file(account, feeds[kind], pieces(file), confirm=True)
                model = {one: known for one, known in model.items() if known[1] != kind or one in said}
                model |= {one: (said[one], kind) for one in said}
            assert await shelves.all() == {one: name for one, (name, _) in model.items()}, steps

    loop = asyncio.get_running_loop()

    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(_STEPS)
    def examples(steps: list[tuple[str, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(play(steps), loop).result(60)

    await asyncio.to_thread(examples)

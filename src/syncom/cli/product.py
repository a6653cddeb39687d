"""``syncom product``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Switch, read_bytes
from syncom.cli.output import facts, show, table
from syncom.cli.product_feed import app as feed
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.products.model import Product, ProductQuery

app = App(name="product", help="The product catalogue, and the feeds that fill it.")
app.command(feed)
_DEFAULT = Options()


@app.command(name="list")
async def list_products(
    *,
    search: str = "",
    category: str = "",
    available: Switch = False,
    limit: int = 100,
    options: Options = _DEFAULT,
) -> None:
    """List products, or find some.

    Parameters
    ----------
    search
        Words that begin words of the name, or a whole id.
    category
        A category's name, or its path: "Clothes > Shoes".
    available
        Only those that can be had.
    limit
        How many at most, up to 1,000.
    """
    query = ProductQuery(words=search, category=category, available=available)
    async with here(options) as services:
        found = await services.app.products.search(services.account_id, query, limit=limit)
    rows = [
        (one.product_id, one.language, one.name, one.price, one.sale_price, one.currency, one.availability)
        for one in found
    ]
    columns = ("id", "language", "name", "price", "sale", "currency", "availability")
    empty = "No products. Read a feed: `syncom product feed add NAME --url URL`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_product(product: str, *, language: str = "", options: Options = _DEFAULT) -> None:
    """Show one product.

    Parameters
    ----------
    product
        The shop's id of it.
    language
        The version for a reader of this language (BCP 47).
    """
    async with here(options) as services:
        found = await services.app.products.get(services.account_id, product, language)
    show(found, json=options.json, human=lambda: _describe(found))


@app.command
async def put(file: Path, *, options: Options = _DEFAULT) -> None:
    """Add or replace products. Those that are wrong are told, the others are taken.

    Parameters
    ----------
    file
        JSON: a list of up to 1,000 products, each as `syncom product show --json` prints it, without feed and times.
    """
    try:
        given = msgspec.json.decode(read_bytes("file", file), type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise Invalid("file", f"is not a JSON list of objects: {error}") from None
    async with here(options) as services:
        done = await services.app.products.put(services.account_id, given)

    def human() -> None:
        print(f"{done.created} created, {done.changed} changed, {done.unchanged} as they were.")
        for problem in done.problems:
            print(f"product {problem.index}: {problem.field} {problem.reason}")

    show(done, json=options.json, human=human)


@app.command
async def delete(*products: Annotated[str, Parameter(required=True)], options: Options = _DEFAULT) -> None:
    """Remove products in all their languages. A feed that has one brings it again.

    Parameters
    ----------
    products
        The shop's ids of them.
    """
    async with here(options) as services:
        gone = await services.app.products.delete(services.account_id, products)
    show({"deleted": gone}, json=options.json, human=lambda: print(f"{gone} deleted."))


@app.command
async def categories(*, options: Options = _DEFAULT) -> None:
    """Show the tree of categories, with how many products are right in each."""
    async with here(options) as services:
        found = await services.app.products.categories(services.account_id)
    rows = [(" > ".join(one.path), one.products) for one in found]
    empty = "No categories: no product has one."
    show(found, json=options.json, human=lambda: table(("category", "products"), rows, empty=empty))


def _describe(product: Product) -> None:
    facts(
        [
            ("id", product.product_id),
            ("language", product.language or "for everybody"),
            ("name", product.name),
            ("url", product.url),
            ("image", product.image_url),
            ("category", " > ".join(product.categories)),
            ("brand", product.brand),
            ("price", product.price),
            ("sale price", product.sale_price),
            ("currency", product.currency),
            ("availability", product.availability),
            ("group", product.group_id),
            ("feed", product.feed_id),
            ("added", product.added_at),
            ("changed", product.changed_at),
        ]
    )
    for name, value in product.attributes.items():
        print(f"  {name}: {value}")

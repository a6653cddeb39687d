"""/products: what the shop sells (docs/products.md)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Products
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs
from syncom.products.model import Product, ProductCategory, ProductQuery, ProductsPut

_TAGS = ["Products"]


class ProductBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 products. The same id (and language) again replaces one."""

    #: Each as in the answer of `GET /products/{product_id}`, without feed and times. Those that are wrong are told.
    products: list[dict[str, Any]]


class ProductIds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 ids."""

    product_ids: list[str]


class ProductsDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """How many went; a product in three languages counts three times."""

    deleted: int


@get("/products", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_products(
    by: By,
    products: Products,
    search: Annotated[str, QueryParameter(description="Words that begin words of the name, or a whole id.")] = "",
    category: Annotated[str, QueryParameter(description="A category's name, or its path: Clothes > Shoes.")] = "",
    available: Annotated[bool, QueryParameter(description="Only those that can be had.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Product]:
    """The catalogue by id, or what is found in it."""
    after = read_cursor(cursor, tuple[str, str]) or ("", "")
    query = ProductQuery(words=search, category=category, available=available)
    found = await products.search(by.account_id, query, after=after, limit=limit + 1)
    return page_of(found, limit, lambda one: (one.product_id, one.language))


@post("/products", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTENT))
async def put_products(by: By, products: Products, data: JSONBody[ProductBatch]) -> ProductsPut:
    """Add or replace products. Those that are wrong are told, the others are taken."""
    return await products.put(by.account_id, data.products)


@get("/products/{product_id:str}", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def get_product(
    by: By,
    products: Products,
    product_id: FromPath[str],
    language: Annotated[str, QueryParameter(description="BCP 47; the version for a reader of it.")] = "",
) -> Product:
    """The product with this id of the shop."""
    return await products.get(by.account_id, product_id, language)


@delete("/products/{product_id:str}", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CONTENT))
async def delete_product(by: By, products: Products, product_id: FromPath[str]) -> None:
    """Remove a product in all its languages. A feed that has it brings it again."""
    await products.get(by.account_id, product_id)
    await products.delete(by.account_id, [product_id])


@post("/products/delete", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTENT))
async def delete_products(by: By, products: Products, data: JSONBody[ProductIds]) -> ProductsDeleted:
    """Remove products in all their languages. Those that are not there are passed over."""
    return ProductsDeleted(deleted=await products.delete(by.account_id, data.product_ids))


@get("/product-categories", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_product_categories(by: By, products: Products) -> Page[ProductCategory]:
    """The tree of categories, each by its path, with how many products are right there."""
    return Page(items=await products.categories(by.account_id), next_cursor=None)


HANDLERS: list[Any] = [
    list_products,
    put_products,
    get_product,
    delete_product,
    delete_products,
    list_product_categories,
]

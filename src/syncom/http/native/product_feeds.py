"""/product-feeds: where products are read from (docs/products.md)."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.http.native.given import By, ProductFeeds
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.products.feeds.model import Feed, FeedInput
from syncom.products.feeds.service import MAX_FILE

_TAGS = ["Products"]

Confirm = Annotated[
    bool, QueryParameter(description="Apply it however many products go, and though the file is the same.")
]


@get("/product-feeds", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_product_feeds(by: By, product_feeds: ProductFeeds) -> Page[Feed]:
    """All feeds and how they go."""
    return Page(items=await product_feeds.list(by.account_id), next_cursor=None)


@post("/product-feeds", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def create_product_feed(by: By, product_feeds: ProductFeeds, data: JSONBody[FeedInput]) -> Feed:
    """Read a feed from now on. Its format is found out: YML, or Google product data as RSS, Atom or a table."""
    return await product_feeds.add(by.account_id, data)


@get("/product-feeds/{feed_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_product_feed(by: By, product_feeds: ProductFeeds, feed_id: FromPath[int]) -> Feed:
    """One feed and how it goes."""
    return await product_feeds.get(by.account_id, feed_id)


@put("/product-feeds/{feed_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def update_product_feed(
    by: By, product_feeds: ProductFeeds, feed_id: FromPath[int], data: JSONBody[FeedInput]
) -> Feed:
    """Replace its settings. A password left out stays, unless the feed moves to another host."""
    return await product_feeds.update(by.account_id, feed_id, data)


@delete("/product-feeds/{feed_id:int}", tags=_TAGS, status_code=204, opt=needs(Permission.MANAGE_SETTINGS))
async def delete_product_feed(by: By, product_feeds: ProductFeeds, feed_id: FromPath[int]) -> None:
    """Forget it, and the products that it wrote last."""
    await product_feeds.remove(by.account_id, feed_id)


@post(
    "/product-feeds/{feed_id:int}/run",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.MANAGE_SETTINGS, replay=False),
)
async def run_product_feed(
    by: By, product_feeds: ProductFeeds, feed_id: FromPath[int], confirm: Confirm = False
) -> Feed:
    """Read it now, and wait for it. When more than half of its products would go, nothing changes until confirmed."""
    return await product_feeds.run(by.account_id, feed_id, confirm=confirm)


@post(
    "/product-feeds/{feed_id:int}/file",
    tags=_TAGS,
    status_code=200,
    request_max_body_size=MAX_FILE,
    opt=needs(Permission.MANAGE_SETTINGS, media=None, replay=False),
)
async def upload_product_feed(
    request: Request[Any, Any, Any],
    by: By,
    product_feeds: ProductFeeds,
    feed_id: FromPath[int],
    confirm: Confirm = False,
) -> Feed:
    """Apply a file: its bytes are the body, of up to 1 GB, packed by gzip or not. Waits for it."""
    return await product_feeds.take_file(by.account_id, feed_id, request.stream(), confirm=confirm)


@post("/product-feeds/{feed_id:int}/pause", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def pause_product_feed(by: By, product_feeds: ProductFeeds, feed_id: FromPath[int]) -> Feed:
    """Read it no more until it is resumed."""
    return await product_feeds.set_enabled(by.account_id, feed_id, enabled=False)


@post("/product-feeds/{feed_id:int}/resume", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def resume_product_feed(by: By, product_feeds: ProductFeeds, feed_id: FromPath[int]) -> Feed:
    """Go on reading it."""
    return await product_feeds.set_enabled(by.account_id, feed_id, enabled=True)


HANDLERS: list[Any] = [
    list_product_feeds,
    create_product_feed,
    get_product_feed,
    update_product_feed,
    delete_product_feed,
    run_product_feed,
    upload_product_feed,
    pause_product_feed,
    resume_product_feed,
]

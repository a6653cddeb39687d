"""``syncom product feed``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from cyclopts import App

from syncom.cli.given import Switch
from syncom.cli.output import facts, show, table
from syncom.cli.scheduled import Scheduled
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.products.feeds.model import Feed, FeedInput

app = App(name="feed", help="Where products are read from: YML, or Google product data as RSS, Atom or a table.")
_DEFAULT = Options()
_PIECE = 1 << 16


@app.command
async def add(
    name: str,
    *,
    url: str = "",
    username: str = "",
    password: str = "",
    language: str = "",
    every: int = 6 * 3600,
    options: Options = _DEFAULT,
) -> None:
    """Read a feed from now on.

    Parameters
    ----------
    name
        What to call it.
    url
        Where it is. Left out: files are handed in by `syncom product feed run ID --file FILE`.
    username
        Of the Basic log-in, when there is one.
    password
        Its password. It is sealed and never shown.
    language
        BCP 47: the language of its texts. Left out: they are for everybody.
    every
        Seconds between two looks, at least 300; 0: only `syncom product feed run`.
    """
    given = FeedInput(name=name, url=url, username=username, password=password, language=language, every=every)
    async with here(options) as services:
        added = await services.app.product_feeds.add(services.account_id, given)
    show(added, json=options.json, human=lambda: _describe(added))


@app.command(name="list")
async def list_feeds(*, options: Options = _DEFAULT) -> None:
    """List the feeds and how they go."""
    async with here(options) as services:
        found = await services.app.product_feeds.list(services.account_id)
    rows = [
        (
            one.feed_id,
            one.name,
            one.url or "files",
            one.enabled,
            one.last_run_at,
            one.last_result.outcome if one.last_result else None,
            one.next_at,
            one.last_error,
        )
        for one in found
    ]
    columns = ("id", "name", "from", "on", "last", "outcome", "next", "problem")
    empty = "No product feeds. Add one: `syncom product feed add NAME --url URL`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command
async def run(feed: int, *, file: Path | None = None, confirm: Switch = False, options: Options = _DEFAULT) -> None:
    """Read a feed now, or apply a file, and wait for it.

    Parameters
    ----------
    feed
        Its id.
    file
        Apply this file instead of reading the feed's address. It may be packed by gzip.
    confirm
        Apply it though more than half of the feed's products would go, and though the file is the same as before.
    """
    async with here(options) as services:
        feeds = services.app.product_feeds
        if file is None:
            done = await feeds.run(services.account_id, feed, confirm=confirm)
        elif not file.is_file():
            raise Invalid("file", f"there is no file {file}")
        else:
            done = await feeds.take_file(services.account_id, feed, _pieces(file), confirm=confirm)
    show(done, json=options.json, human=lambda: _describe(done))


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _describe(feed: Feed) -> None:
    result = feed.last_result
    facts(
        [
            ("id", feed.feed_id),
            ("name", feed.name),
            ("from", feed.url or "files"),
            ("language", feed.language or "for everybody"),
            ("every", f"{feed.every} s" if feed.every else "on demand"),
            ("on", feed.enabled),
            ("last", feed.last_run_at),
            ("outcome", result.outcome if result else None),
            ("format", result.format if result else None),
            ("products", result.products if result else None),
            ("created", result.created if result else None),
            ("changed", result.changed if result else None),
            ("unchanged", result.unchanged if result else None),
            ("removed", result.removed if result else None),
            ("refused", result.refused if result else None),
            ("next", feed.next_at),
            ("problem", feed.last_error),
        ]
    )
    for problem in result.problems if result else ():
        print(f"line {problem.line}, {problem.product_id or 'no id'}: {problem.field} {problem.reason}")


Scheduled(
    service=lambda app: app.product_feeds,
    describe=_describe,
    shows="Show one feed, how its last run went, and the products that were refused.",
    pauses="Read a feed no more until it is resumed.",
    resumes="Go on reading a feed.",
    removes="Forget a feed, and the products that it wrote last.",
    removed=lambda ident, gone: ({"products": gone}, f"Feed {ident} is removed, and {gone} products with it."),
).add_commands(app)

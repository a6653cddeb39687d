"""Feeds of a shop on a real server, read into the catalogue."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from syncom.errors import Conflict, Invalid, NotFound, SyncomError, Upstream
from syncom.keys.service import KeysService
from syncom.outbound import OutboundClient, Unreachable
from syncom.postgres.pool import Database
from syncom.products.feeds.model import Feed, FeedFormat, FeedInput, FeedOutcome, FeedResult
from syncom.products.feeds.service import FeedsService
from syncom.products.model import ProductInput
from syncom.security import Keyring
from tests.clocks import HurriedClock
from tests.products.shop import Shelves, Shop, offer, pieces, yml


async def added(shelves: Shelves, server: Shop, **members: object) -> Feed:
    given = {"name": "Shop", "url": server.url} | members
    return await shelves.feeds.add(shelves.account_id, FeedInput(**given))  # pyright: ignore[reportArgumentType]


async def result(shelves: Shelves, feed: Feed, *, confirm: bool = False) -> FeedResult:
    done = await shelves.feeds.run(shelves.account_id, feed.feed_id, confirm=confirm)
    assert done.last_error is None
    assert done.last_result is not None
    return done.last_result


async def test_a_feed_is_read_and_then_only_what_changed_is_written(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer("a"), offer("b"), offer("c")])
    feed = await added(shelves, server)
    assert (await shelves.feeds.run_due(), await shelves.feeds.run_due()) == (1, 0), "once, when it is due"
    found = (await shelves.feeds.get(shelves.account_id, feed.feed_id)).last_result
    assert found is not None
    assert (found.outcome, found.format, found.created) == (FeedOutcome.APPLIED, FeedFormat.YML, 3)
    assert await shelves.all() == {"a": "The a", "b": "The b", "c": "The c"}
    before = await shelves.rows()
    server.file = yml([offer("a"), offer("b", "Another b"), offer("d")])
    found = await result(shelves, feed)
    assert (found.created, found.changed, found.unchanged, found.removed) == (1, 1, 1, 1)
    assert await shelves.all() == {"a": "The a", "b": "Another b", "d": "The d"}
    after = await shelves.rows()
    assert after["a"] == before["a"], "what is the same is not written"
    assert after["b"] != before["b"]


async def test_a_file_that_the_server_says_is_the_same_is_not_sent_again(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer("a")])
    feed = await added(shelves, server)
    await result(shelves, feed)
    assert (await result(shelves, feed)).outcome is FeedOutcome.SAME_FILE
    assert "if-none-match" not in server.asked[0]
    assert server.asked[1]["if-none-match"]
    server.etag = None
    assert (await result(shelves, feed)).outcome is FeedOutcome.SAME_FILE, "by its digest"
    assert (await result(shelves, feed, confirm=True)).outcome is FeedOutcome.APPLIED


async def test_a_server_that_knows_only_when_its_file_changed_is_asked_by_that(shelves: Shelves, server: Shop) -> None:
    server.file, server.etag, server.changed_at = yml([offer("a")]), None, "Thu, 26 Nov 2026 12:00:00 GMT"
    feed = await added(shelves, server)
    await result(shelves, feed)
    assert (await result(shelves, feed)).outcome is FeedOutcome.SAME_FILE
    assert server.asked[1]["if-modified-since"] == server.changed_at
    assert "if-none-match" not in server.asked[1]
    server.file, server.changed_at = yml([offer("a"), offer("b")]), "Thu, 26 Nov 2026 13:00:00 GMT"
    assert (await result(shelves, feed)).created == 1
    assert (await result(shelves, feed, confirm=True)).outcome is FeedOutcome.APPLIED
    assert "if-modified-since" not in server.asked[-1], "who confirms wants the file"


async def test_the_same_file_under_another_name_is_asked_for_by_that_from_then_on(
    shelves: Shelves, server: Shop
) -> None:
    server.file, server.etag = yml([offer("a")]), 'W/"of the first machine"'
    feed = await added(shelves, server)
    await result(shelves, feed)
    server.etag, server.changed_at = 'W/"of the second machine"', "Thu, 26 Nov 2026 12:00:00 GMT"
    assert (await result(shelves, feed)).outcome is FeedOutcome.SAME_FILE
    await result(shelves, feed)
    assert server.asked[-1]["if-none-match"] == server.etag
    assert server.asked[-1]["if-modified-since"] == server.changed_at


async def test_what_was_not_applied_is_asked_for_again(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer(str(number)) for number in range(20)])
    feed = await added(shelves, server)
    await result(shelves, feed)
    whole = server.file
    for broken in (yml([offer("1")]), b"<yml_catalog><shop><offers>"):
        server.file = broken
        for _ in range(2):
            with pytest.raises(SyncomError):
                await result(shelves, feed)
    server.file = whole
    assert (await result(shelves, feed)).outcome is FeedOutcome.SAME_FILE
    await shelves.feeds.update(shelves.account_id, feed.feed_id, FeedInput(name="Shop", url=server.url, every=900))
    assert (await result(shelves, feed)).outcome is FeedOutcome.APPLIED, "who changes a feed wants it read again"
    assert "if-none-match" not in server.asked[-1]


async def test_the_login_outlives_the_key_that_it_was_sealed_with(
    shelves: Shelves, server: Shop, tmp_path: Path
) -> None:
    server.login, server.file = "Basic c2hvcDpz4oKsY3JldA==", yml([offer("a")])
    feed = await added(shelves, server, username="shop", password="s€cret")
    ring = Keyring.open(tmp_path / "secret.key")
    old = ring.current.key_id

    done = await KeysService(shelves.database, ring, HurriedClock()).rotate()
    async with shelves.database.system() as connection:
        row = await (await connection.execute("SELECT secret FROM product_feeds")).fetchone()
    assert row is not None
    assert bytes(row[0])[:8] == bytes.fromhex(ring.current.key_id) != bytes.fromhex(old), done
    ring.forget(old)
    again = Shelves(shelves.database, shelves.account_id, tmp_path)
    assert (await result(again, feed)).outcome is FeedOutcome.APPLIED
    await again.client.close()


async def test_bad_offers_are_told_with_line_and_id_and_the_rest_is_taken(shelves: Shelves, server: Shop) -> None:
    server.file = yml(
        [
            offer("a"),
            "\n",
            offer("b", price="cheap"),
            "\n",
            offer("", "nameless"),
            offer("c", url="ftp://x"),
            offer("d"),
        ]
    )
    found = await result(shelves, await added(shelves, server))
    assert (found.offers, found.products, found.refused) == (5, 2, 3)
    assert [(one.line, one.product_id, one.field) for one in found.problems] == [
        (2, "b", "price"),
        (3, "", "product_id"),
        (3, "c", "url"),
    ]
    assert "15.00 USD" in found.problems[0].reason
    assert sorted(await shelves.all()) == ["a", "d"]


async def test_of_two_offers_with_one_id_the_later_one_counts(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer("a", "First"), offer("b"), offer("a", "Second")])
    found = await result(shelves, await added(shelves, server))
    assert (found.offers, found.products) == (3, 2)
    assert (await shelves.all())["a"] == "Second"


async def test_a_feed_that_lost_most_of_its_products_waits_for_a_word(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer(str(number)) for number in range(20)])
    feed = await added(shelves, server)
    await result(shelves, feed)
    server.file = yml([offer(str(number)) for number in range(9)])
    with pytest.raises(Conflict, match="11 of the 20 products"):
        await result(shelves, feed)
    assert len(await shelves.all()) == 20
    shown = await shelves.feeds.get(shelves.account_id, feed.feed_id)
    assert shown.last_result is not None
    assert (shown.last_result.outcome, shown.last_result.removed) == (FeedOutcome.HELD, 11)
    assert "confirm" in (shown.last_error or "")
    with pytest.raises(Conflict):
        await result(shelves, feed)
    assert (await result(shelves, feed, confirm=True)).removed == 11
    assert len(await shelves.all()) == 9
    server.file = yml([offer(str(number)) for number in range(5)])
    assert (await result(shelves, feed)).removed == 4, "of a small feed anything may go"


async def test_an_empty_feed_does_not_empty_the_catalogue(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer(str(number)) for number in range(10)])
    feed = await added(shelves, server)
    await result(shelves, feed)
    server.file = yml([])
    with pytest.raises(Conflict, match="10 of the 10"):
        await result(shelves, feed)
    assert len(await shelves.all()) == 10


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (yml([offer(str(number)) for number in range(30)])[:-40], "line 1: the XML cannot be read: unclosed token"),
        (b"<html><body>Not found</body></html>", "begins with <html>"),
        (b"<yml_catalog><shop>", "no element found"),
        (b"", "is empty"),
        (b"just some words\nand more words\n", "no column id"),
        (gzip.compress(yml([offer("a")]))[:-30], "cannot be unpacked"),
        (b"\x1f\x8bnothing", "cannot be unpacked"),
    ],
)
async def test_a_file_that_breaks_off_or_is_no_feed_changes_nothing(
    shelves: Shelves, server: Shop, file: bytes, reason: str
) -> None:
    server.file = yml([offer("a"), offer("b")])
    feed = await added(shelves, server)
    await result(shelves, feed)
    server.file = file
    with pytest.raises(Invalid, match=reason):
        await result(shelves, feed)
    assert sorted(await shelves.all()) == ["a", "b"]
    shown = await shelves.feeds.get(shelves.account_id, feed.feed_id)
    assert reason in (shown.last_error or "")
    assert shown.failures == 1
    async with shelves.database.system() as connection:
        assert await (await connection.execute("SELECT FROM staged_products")).fetchall() == []


async def test_a_server_that_fails_is_asked_again_sooner_and_then_later(shelves: Shelves, server: Shop) -> None:
    server.status = 503
    feed = await added(shelves, server)
    waits: list[timedelta] = []
    for _ in range(3):
        with pytest.raises(Upstream, match="answered 503"):
            await result(shelves, feed)
        shown = await shelves.feeds.get(shelves.account_id, feed.feed_id)
        assert shown.next_at is not None
        assert shown.last_run_at is not None
        waits.append(shown.next_at - shown.last_run_at)
    assert waits[0] < waits[1] < waits[2] < timedelta(minutes=10)


async def test_the_login_is_sent_and_never_shown(shelves: Shelves, server: Shop) -> None:
    server.login = "Basic c2hvcDpz4oKsY3JldA=="
    server.file = yml([offer("a")])
    feed = await added(shelves, server, username="shop", password="s€cret")
    await result(shelves, feed)
    async with shelves.database.system() as connection:
        row = await (await connection.execute("SELECT product_feeds::text FROM product_feeds")).fetchone()
    assert "crét" not in str(row)
    assert "cret" not in str(row)
    given = FeedInput(name="Shop", url=server.url, username="shop")
    await shelves.feeds.update(shelves.account_id, feed.feed_id, given)
    assert (await result(shelves, feed)).outcome is FeedOutcome.APPLIED, "the password stays, the file is read again"
    moved = FeedInput(name="Shop", url=server.url.replace("127.0.0.1", "localhost"), username="shop")
    await shelves.feeds.update(shelves.account_id, feed.feed_id, moved)
    with pytest.raises(Upstream, match="401: check the login"):
        await result(shelves, feed)


async def test_a_packed_file_is_unpacked_up_to_a_limit(
    shelves: Shelves, server: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.file = gzip.compress(yml([offer("a")]))
    feed = await added(shelves, server)
    assert (await result(shelves, feed)).created == 1
    assert not list(shelves.feeds._folder.glob("*")), "nothing is left behind"  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr("syncom.products.feeds.service.MAX_FILE", 100)
    server.file = yml([offer("b")])
    with pytest.raises(Unreachable, match="longer than 100 bytes"):
        await result(shelves, feed)


async def test_feeds_lead_into_no_private_network(shelves: Shelves, server: Shop, tmp_path: Path) -> None:
    feed = await added(shelves, server)
    client = OutboundClient()
    guarded = FeedsService(
        shelves.database,
        shelves.feeds._keyring,
        client,
        shelves.feeds._clock,
        tmp_path,  # pyright: ignore[reportPrivateUsage]
    )
    with pytest.raises(Invalid, match="private network"):
        await guarded.run(shelves.account_id, feed.feed_id)
    await client.close()
    assert server.asked == []


async def test_a_file_is_handed_in(shelves: Shelves, server: Shop) -> None:
    feed = await shelves.feeds.add(shelves.account_id, FeedInput(name="Files"))
    assert feed.next_at is None
    with pytest.raises(Invalid, match="hand in a file"):
        await shelves.feeds.run(shelves.account_id, feed.feed_id)
    done = await shelves.feeds.take_file(shelves.account_id, feed.feed_id, pieces(yml([offer("a"), offer("b")])))
    assert done.last_result is not None
    assert done.last_result.created == 2
    assert await shelves.feeds.run_due() == 0


async def test_one_reads_a_feed_at_a_time_and_who_was_given_up_applies_nothing(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer("a")])
    feed = await added(shelves, server)
    gate = asyncio.Event()

    async def slow() -> object:
        await gate.wait()
        async for piece in pieces(yml([offer("late")])):
            yield piece

    running = asyncio.create_task(
        shelves.feeds.take_file(shelves.account_id, feed.feed_id, slow())  # pyright: ignore[reportArgumentType]
    )
    await asyncio.sleep(0.2)
    with pytest.raises(Conflict, match="being read already"):
        await result(shelves, feed)
    async with shelves.database.system() as connection:
        await connection.execute("UPDATE product_feeds SET lease_until = now() - interval '1 minute'")
    await result(shelves, feed)
    gate.set()
    with pytest.raises(SyncomError, match="given up for dead"):
        await running
    assert await shelves.all() == {"a": "The a"}
    assert (await shelves.feeds.get(shelves.account_id, feed.feed_id)).last_error is None


async def test_readers_see_the_catalogue_before_a_feed_or_after_it(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer(str(number), "Old") for number in range(1_200)])
    feed = await added(shelves, server)
    await result(shelves, feed)
    server.file = yml([offer(str(number), "New") for number in range(1_200)])
    run = asyncio.create_task(result(shelves, feed))
    seen: set[frozenset[str]] = set()
    while not run.done():
        seen.add(frozenset((await shelves.all()).values()))
        await asyncio.sleep(0)
    await run
    seen.add(frozenset((await shelves.all()).values()))
    assert seen == {frozenset({"Old"}), frozenset({"New"})}


async def test_what_two_feeds_have_stays_when_one_drops_it(shelves: Shelves, server: Shop) -> None:
    server.file = yml([offer("a", "From one"), offer("b", "From one")])
    one = await added(shelves, server)
    await result(shelves, one)
    two = await shelves.feeds.add(shelves.account_id, FeedInput(name="Two"))
    await shelves.feeds.take_file(shelves.account_id, two.feed_id, pieces(yml([offer("b", "From two"), offer("c")])))
    assert await shelves.all() == {"a": "From one", "b": "From two", "c": "The c"}
    await shelves.feeds.take_file(shelves.account_id, two.feed_id, pieces(yml([offer("c")])))
    assert await shelves.all() == {"a": "From one", "c": "The c"}
    assert (await result(shelves, one)).outcome is FeedOutcome.APPLIED, "its file is the same, and is read again"
    assert await shelves.all() == {"a": "From one", "b": "From one", "c": "The c"}
    assert await shelves.feeds.remove(shelves.account_id, two.feed_id) == 1
    assert sorted(await shelves.all()) == ["a", "b"]


async def test_a_programs_product_belongs_to_no_feed_until_one_has_it(shelves: Shelves, server: Shop) -> None:
    await shelves.products.put(shelves.account_id, [ProductInput(product_id="a", name="Mine")])
    server.file = yml([offer("b")])
    feed = await added(shelves, server)
    await result(shelves, feed)
    assert sorted(await shelves.all()) == ["a", "b"]
    server.file = yml([offer("a")])
    await result(shelves, feed)
    assert await shelves.all() == {"a": "The a"}


async def test_settings_of_feeds_are_checked(shelves: Shelves, server: Shop) -> None:
    feed = await added(shelves, server)
    with pytest.raises(Conflict):
        await added(shelves, server)
    for field, wrong in (
        ("name", {"name": " "}),
        ("url", {"name": "x", "url": "ftp://shop.example/"}),
        ("url", {"name": "x", "url": "https://me:pass@shop.example/"}),
        ("every", {"name": "x", "every": 10}),
        ("username", {"name": "x", "username": "a:b"}),
        ("username", {"name": "x", "password": "secret"}),
        ("language", {"name": "x", "language": "no language"}),
    ):
        with pytest.raises(Invalid) as caught:
            await shelves.feeds.add(shelves.account_id, FeedInput(**wrong))
        assert caught.value.fields[0].field == field
    paused = await shelves.feeds.set_enabled(shelves.account_id, feed.feed_id, enabled=False)
    assert (paused.enabled, paused.next_at) == (False, None)
    assert (await shelves.feeds.set_enabled(shelves.account_id, feed.feed_id, enabled=True)).next_at is not None
    with pytest.raises(NotFound):
        await shelves.feeds.run(shelves.account_id, feed.feed_id + 1)


async def test_a_feed_of_another_account_is_not_there(
    shelves: Shelves, server: Shop, emptied_database: Database
) -> None:
    feed = await added(shelves, server)
    with pytest.raises(NotFound):
        await shelves.feeds.run(shelves.account_id + 1, feed.feed_id)
    with pytest.raises(NotFound):
        await shelves.feeds.remove(shelves.account_id + 1, feed.feed_id)

"""The SMTP server of our return paths, spoken to over real connections."""

from __future__ import annotations

import asyncio
import resource
import smtplib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncom.jobs.keeping import keep
from syncom.messages.bounces.listener import LARGEST_MAIL, BounceListener
from syncom.messages.bounces.reading.mail import READ_BYTES
from syncom.messages.bounces.spool import Spool, SpoolReader, waiting
from tests.messages.bounces import corpus
from tests.messages.bounces.conftest import Post


@asynccontextmanager
async def listening(post: Post, *, most_waiting: int = 1000, **more: Any) -> AsyncGenerator[BounceListener]:
    spool = Spool(post.database, post.clock, most_waiting=most_waiting)
    listener = BounceListener(spool, post.tokens, post.clock, **more)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


def reader(post: Post) -> SpoolReader:
    return SpoolReader(post.database, post.intake, post.tokens, post.clock)


async def hand_in(port: int, recipients: Sequence[str], raw: bytes) -> dict[str, tuple[int, bytes]]:
    """Hand a mail in as any server would; what was said to recipients that were refused."""

    def talk() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            return client.sendmail("", recipients, raw)

    return await asyncio.to_thread(talk)


async def test_a_bounce_goes_all_the_way(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    address = f"{post.return_path(contact_id, message_id)}@bounce.brand.example"
    async with listening(post) as listener:
        assert not await hand_in(listener.port, [address], corpus.postfix())
    assert not await reader(post).step()
    assert set(await post.suppressed()) == {"p1@example.com"}
    assert not await post.rows("SELECT 1 FROM bounce_spool")


async def test_complaints_have_an_address_of_their_own(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    headers = f"Return-Path: <{post.return_path(contact_id, message_id)}@bounce.brand.example>"
    address = f"{post.bounces.feedback_address(post.account_id)}@bounce.brand.example"
    async with listening(post) as listener:
        assert not await hand_in(listener.port, [address.upper()], corpus.complaint(headers=headers))
    await reader(post).step()
    assert (await post.suppressed())["p1@example.com"].reason == "complaint"


async def test_nobody_else_is_written_to_and_nothing_is_sent_on(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    good = post.return_path(contact_id, message_id)
    refused = [
        "postmaster@bounce.brand.example",
        "somebody@elsewhere.example",
        f"{good[:-1]}@bounce.brand.example",
        f"x{good}@bounce.brand.example",
        "b+@bounce.brand.example",
        "f+aaaa@bounce.brand.example",
    ]
    async with listening(post) as listener:
        for address in refused:
            with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                await hand_in(listener.port, [address], corpus.postfix())
            assert caught.value.recipients[address][0] == 550
        told = await hand_in(listener.port, [*refused, f"{good}@bounce.brand.example"], corpus.postfix())
    assert set(told) == set(refused)
    assert len(await post.rows("SELECT 1 FROM bounce_spool")) == 1


async def test_only_the_beginning_of_a_large_mail_is_kept_and_a_huge_one_is_refused(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    address = f"{post.return_path(contact_id, message_id)}@bounce.brand.example"
    async with listening(post) as listener:
        await hand_in(listener.port, [address], corpus.postfix() + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 9000)
        with pytest.raises(smtplib.SMTPException):
            await hand_in(listener.port, [address], corpus.postfix() + (b"y" * 70 + b"\r\n") * (LARGEST_MAIL // 70))
    [(size,)] = await post.rows("SELECT length(raw) FROM bounce_spool")
    assert size == READ_BYTES
    await reader(post).step()
    assert await post.suppressed()


async def test_a_full_spool_asks_to_come_later_and_a_read_one_takes_again(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    address = f"{post.return_path(contact_id, message_id)}@bounce.brand.example"
    async with listening(post, most_waiting=2) as listener:
        for number in range(2):
            await hand_in(listener.port, [address], corpus.postfix(identity=f"{number}@x"))
        with pytest.raises(smtplib.SMTPSenderRefused) as caught:
            await hand_in(listener.port, [address], corpus.postfix(identity="3@x"))
        assert caught.value.smtp_code == 452
        async with post.database.system() as connection:
            assert await waiting(connection) == 2
        await reader(post).step()
    async with listening(post, most_waiting=2) as listener:
        assert not await hand_in(listener.port, [address], corpus.postfix(identity="3@x"))
    await reader(post).step()
    assert len(await post.kept()) == 3


async def test_connections_are_bounded(post: Post) -> None:
    async with listening(post, most_connections=2) as listener:
        held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]
        for stream, _ in held:
            assert (await stream.readline()).startswith(b"220")
        stream, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        assert (await stream.readline()).startswith(b"421")
        assert not await stream.read()
        writer.close()
        held[0][1].close()
        async with asyncio.timeout(10):
            while True:
                stream, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                greeting = await stream.readline()
                writer.close()
                if greeting.startswith(b"220"):
                    break
                await asyncio.sleep(0.02)
        held[1][1].close()


async def test_while_the_database_is_away_mails_have_to_come_again(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    address = f"{post.return_path(contact_id, message_id)}@bounce.brand.example"
    async with listening(post) as listener:
        async with post.database.system() as connection:
            await connection.execute("ALTER TABLE bounce_spool RENAME TO away")
        with pytest.raises(smtplib.SMTPException):
            await hand_in(listener.port, [address], corpus.postfix())
        async with post.database.system() as connection:
            await connection.execute("ALTER TABLE away RENAME TO bounce_spool")
        assert not await hand_in(listener.port, [address], corpus.postfix())


async def test_a_mail_that_cannot_be_dealt_with_is_set_aside_and_its_neighbours_are_read(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    address = f"{post.return_path(contact_id, message_id)}@bounce.brand.example"
    spool = Spool(post.database, post.clock)
    for number in range(3):
        await spool.add([address], corpus.postfix(identity=f"{number}@x"))
    await spool.close()
    await post.rows(
        "UPDATE bounce_spool SET recipient = 'poison'"
        " WHERE spool_id = (SELECT min(spool_id) + 1 FROM bounce_spool) RETURNING 1"
    )

    class Poisoned(SpoolReader):
        def _reports(self, recipient: str, raw: bytes, received_at: Any) -> Any:
            if recipient == "poison":
                raise ValueError("as a fault in our own code would")
            return super()._reports(recipient, raw, received_at)

    poisoned = Poisoned(post.database, post.intake, post.tokens, post.clock)
    while await poisoned.step():
        pass
    assert len(await post.kept()) == 2
    assert await post.rows("SELECT refused FROM bounce_spool") == [("as a fault in our own code would",)]


async def test_a_storm_of_bounces_is_counted_exactly_and_memory_stays_flat(post: Post) -> None:
    """Fifteen hundred here; the bench sends a hundred thousand."""
    people = [await post.mailed(f"p{number}@example.com") for number in range(20)]
    spool = Spool(post.database, post.clock, most_waiting=10_000)
    padding = "\n".join(f"X-Padding-{number}: {'x' * 60}" for number in range(200))
    stop = asyncio.Event()
    keeping = [asyncio.create_task(keep("bounces", reader(post).step, stop, rest=0.05)) for _ in range(2)]

    async def send(start: int) -> None:
        for number in range(start, start + 500):
            contact_id, message_id = people[number % len(people)]
            address = f"{post.return_path(contact_id, message_id)}@bounce.brand.example"
            # Each comes twice.
            await spool.add([address], corpus.postfix(identity=f"{number // 40 * 20 + number % 20}@x", headers=padding))

    await send(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await asyncio.gather(*(send(start) for start in range(500, 1500, 500)))
    await spool.close()
    async with asyncio.timeout(60):
        while await post.rows("SELECT 1 FROM bounce_spool LIMIT 1"):
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*keeping)
    # 1,500 mails of 15 KB are 22 MB; kilobytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    assert len(await post.rows("SELECT 1 FROM bounces")) == 760
    assert len(await post.suppressed()) == 20
    assert (await post.counts())["bounced"] == 20

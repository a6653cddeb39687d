"""The SMTP server of our return paths, spoken to over real connections."""

from __future__ import annotations

import asyncio
import resource
import smtplib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.x509 import load_der_x509_certificate

from syncom.clock import Clock, SystemClock
from syncom.errors import Invalid
from syncom.jobs.keeping import keep
from syncom.listening import ServerCertificate
from syncom.messages.bounces.listener import LARGEST_MAIL, BounceListener
from syncom.messages.bounces.reading.mail import READ_BYTES
from syncom.messages.bounces.spool import Spool, SpoolReader, waiting
from syncom.settings import load_settings
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


class Files:
    """A certificate for localhost, and its key, as an operator has them."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "chain.pem", folder / "key.pem"
        self.authority = trustme.CA()
        self.issue()

    def issue(self) -> None:
        issued = self.authority.issue_cert("localhost")
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())

    def trusted(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    def opened(self, clock: Clock) -> ServerCertificate:
        return ServerCertificate(self.certificate, self.key, clock, setting="SYNCOM_BOUNCE_CERTIFICATE")


class PatientClock(SystemClock):
    """The machine's clock, that can be put forward."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def presented(port: int, context: ssl.SSLContext) -> int:
    """Serial number of the certificate that the server shows."""
    with smtplib.SMTP("localhost", port, timeout=20) as client:
        client.starttls(context=context)
        client.ehlo()
        assert not client.has_extn("starttls")
        secured = client.sock
        assert isinstance(secured, ssl.SSLSocket)
        found = secured.getpeercert(binary_form=True)
    assert found is not None
    return load_der_x509_certificate(found).serial_number


async def test_without_a_certificate_encryption_is_not_offered(post: Post) -> None:
    def talk(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo()
            assert not client.has_extn("starttls")
            assert client.docmd("STARTTLS")[0] in (454, 500, 502)

    async with listening(post) as listener:
        await asyncio.to_thread(talk, listener.port)


async def test_a_bounce_comes_encrypted(post: Post, files: Files) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    address = f"{post.return_path(contact_id, message_id)}@bounce.brand.example"

    def talk(port: int) -> None:
        with smtplib.SMTP("localhost", port, timeout=20) as client:
            client.starttls(context=files.trusted())
            # RFC 3207, 4.2: what was said before counts no more.
            assert client.docmd("MAIL", "FROM:<>")[0] == 503
            assert not client.sendmail("", [address], corpus.postfix())

    async with listening(post, certificate=files.opened(post.clock)) as listener:
        await asyncio.to_thread(talk, listener.port)
    await reader(post).step()
    assert set(await post.suppressed()) == {"p1@example.com"}


async def test_what_is_slipped_in_before_the_handshake_is_not_heard(post: Post, files: Files) -> None:
    """A command in the same packet as STARTTLS, from somebody on the way, is no command of the encrypted part."""

    def talk(port: int) -> bytes:
        with socket.create_connection(("localhost", port), timeout=20) as plain:
            plain.recv(1000)
            plain.sendall(b"EHLO x\r\n")
            plain.recv(1000)
            plain.sendall(b"STARTTLS\r\nRSET\r\n")
            assert plain.recv(1000).startswith(b"220")
            with files.trusted().wrap_socket(plain, server_hostname="localhost") as secured:
                secured.sendall(b"QUIT\r\n")
                said = b""
                while more := secured.recv(1000):
                    said += more
                return said

    async with listening(post, certificate=files.opened(post.clock)) as listener:
        answer = await asyncio.to_thread(talk, listener.port)
    assert answer.startswith(b"221")
    assert answer.count(b"\r\n") == 1


async def test_handshakes_that_fail_or_end_leave_no_connection_behind(post: Post, files: Files) -> None:
    def begin(port: int, ending: str) -> None:
        with socket.create_connection(("localhost", port), timeout=20) as plain:
            plain.recv(1000)
            plain.sendall(b"EHLO x\r\n")
            plain.recv(1000)
            plain.sendall(b"STARTTLS\r\n")
            plain.recv(1000)
            if ending == "garbage":
                plain.sendall(b"this is no handshake\r\n")
                with suppress(OSError):
                    while plain.recv(1000):
                        pass
            elif ending == "reset":
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async with listening(post, certificate=files.opened(post.clock), most_connections=2) as listener:
        for ending in ("garbage", "hang up", "reset", "garbage", "hang up", "reset"):
            await asyncio.to_thread(begin, listener.port, ending)
            async with asyncio.timeout(20):
                while listener.connections:
                    await asyncio.sleep(0.01)
        # Whoever knows how is served, as often as it likes.
        for _ in range(4):
            assert await asyncio.to_thread(presented, listener.port, files.trusted())


async def test_a_renewed_certificate_is_taken_up_and_a_broken_one_is_not(post: Post, files: Files) -> None:
    clock = PatientClock()
    async with listening(post, certificate=files.opened(clock)) as listener:
        first = await asyncio.to_thread(presented, listener.port, files.trusted())
        files.certificate.write_text("half of a fi")
        clock.ahead += 100
        assert await asyncio.to_thread(presented, listener.port, files.trusted()) == first
        files.issue()
        clock.ahead += 100
        assert await asyncio.to_thread(presented, listener.port, files.trusted()) != first


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda files: files.key.unlink(), "key.pem cannot be read: No such file"),
        (lambda files: files.certificate.write_text("x"), "are no PEM certificate and key"),
        (
            lambda files: files.key.write_bytes(trustme.CA().issue_cert("localhost").private_key_pem.bytes()),
            "is not the key of the certificate",
        ),
    ],
    ids=["no key", "no certificate", "another key"],
)
def test_a_wrong_certificate_is_refused_under_its_setting(
    files: Files, spoil: Callable[[Files], object], words: str
) -> None:
    spoil(files)
    with pytest.raises(Invalid, match=f"SYNCOM_BOUNCE_CERTIFICATE: .*{words}"):
        files.opened(SystemClock())


def test_a_key_without_a_certificate_is_refused_and_one_file_may_hold_both() -> None:
    with pytest.raises(Invalid, match="SYNCOM_BOUNCE_KEY: needs the certificate too"):
        _ = load_settings({"SYNCOM_BOUNCE_KEY": "/etc/key.pem"}).bounce_files
    both = Path("/etc/both.pem")
    assert load_settings({"SYNCOM_BOUNCE_CERTIFICATE": str(both)}).bounce_files == (both, both)
    assert load_settings({}).bounce_files is None


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

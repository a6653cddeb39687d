"""Mails of a verified domain on their whole way: through the sending loop into a server, read by a verifier."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

import dkim
from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.ids import campaign_message_id
from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.dns import DnsNames
from syncom.messages.identity.model import DomainChange, DomainInput, DomainView
from syncom.messages.identity.service import DomainsService
from syncom.messages.identity.signing import Identities
from syncom.messages.model import Lane
from syncom.messages.senders import InboxAddress
from syncom.messages.sending.compose import MailComposer
from syncom.messages.sending.work import Work
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.tokens import BounceRef, MessageTokens
from tests.clocks import ShiftedClock
from tests.messages.email.smtp_peer import Received, SmtpPeer, running_peer
from tests.messages.house import BASE_URL, LETTER, SendingHouse, sending
from tests.messages.identity.dns_server import DnsServer
from tests.messages.test_sending import DONE

HOST = "mail.host.example"
CYRILLIC = TemplateInput(
    name="Letter",
    subject="Привіт, {{ first_name }}",
    source=(
        "<html><body>\n\n<p>Ціна  впала,\t{{ first_name }}</p>\n.\n"
        '<a href="https://shop.example/a">A</a> <a href="{{ unsubscribe_url }}">Відписатися</a>\n</body></html>\n\n\n'
    ),
)


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


async def verified(
    house: SendingHouse, dns: DnsServer, names: DnsNames, **more: object
) -> tuple[DomainsService, DomainView]:
    """The domain of the house's sender, with every record."""
    certificates = Certificates(OutboundClient())
    domains = DomainsService(house.database, house.keyring, names, certificates, house.clock, public_host=HOST)
    given: dict[str, object] = {
        "domain": "brand.example",
        "return_path": "bounce.brand.example",
        "tracking_host": "go.brand.example",
        **more,
    }
    view = await domains.add(house.account_id, DomainInput(**given))  # pyright: ignore[reportArgumentType]
    dns.publish(view)
    dns.set(HOST, "A", "203.0.113.7")
    done = await domains.check(house.account_id, view.domain_id)
    assert done.signs, done.findings
    return domains, done


def verdicts(mail: bytes, dns: DnsServer) -> list[bool]:
    """What a verifier that asks the zone says to each signature."""

    def record(name: bytes, timeout: int = 5) -> bytes | None:
        del timeout
        values = dns.zone.get((name.decode().rstrip("."), "TXT"))
        return values[0].replace('" "', "").strip('"').encode() if values else None

    count = mail.count(b"DKIM-Signature:")
    return [dkim.DKIM(mail).verify(idx=place, dnsfunc=record) for place in range(count)]


async def delivered(house: SendingHouse, letter: TemplateInput = CYRILLIC, **peer: object) -> Received:
    """The one mail of a campaign, as the server has it."""
    options = UpsertOptions(key=IdentityKind.EMAIL)
    given = [ContactInput(email="anna@example.com", first_name="Анна")]
    assert not (await house.contacts.upsert(house.account_id, given, options)).problems
    async with running_peer(SmtpPeer(**peer)) as server:  # pyright: ignore[reportArgumentType]
        await house.sender(server.port)
        campaign = await house.campaign(letter=letter)
        async with sending(house.loop()):
            done = await house.until(campaign.campaign_id, *DONE)
        assert server.accepted, done
        return server.accepted[0]


async def test_a_mail_is_signed_twice_and_comes_back_to_a_return_path_that_names_it(
    house: SendingHouse, dns_server: DnsServer, names: DnsNames
) -> None:
    await verified(house, dns_server, names)
    got = await delivered(house)
    assert verdicts(got.data, dns_server) == [True, True]
    local, _, host = got.mail_from.partition("@")
    assert host == "bounce.brand.example"
    reference = MessageTokens(house.keyring).read_bounce(local, datetime.now(UTC))
    async with house.database.system() as connection:
        row = await (await connection.execute("SELECT account_id, contact_id, message_id FROM ledger")).fetchone()
    assert row is not None
    assert reference == BounceRef(account_id=row[0], contact_id=row[1], message_id=row[2])
    assert MessageTokens(house.keyring).read_bounce(local, datetime.now(UTC) + timedelta(days=32)) is None
    mail = email.message_from_bytes(got.data, policy=email.policy.default)
    html = mail.get_body(("html",)).get_content()  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    assert re.search(r'"http://go\.brand\.example/t/c/[\w-]+/0"', html)
    assert re.search(r'"http://go\.brand\.example/t/o/[\w-]+\.gif"', html)
    # One click wants https, which the tracking host does not have: the installation's address stays.
    assert re.fullmatch(r"<http://127\.0\.0\.1:8080/t/u/[\w-]+>", mail["List-Unsubscribe"])


async def test_a_server_without_8bitmime_gets_what_was_signed(
    house: SendingHouse, dns_server: DnsServer, names: DnsNames
) -> None:
    await verified(house, dns_server, names)
    got = await delivered(house, extensions=("PIPELINING",))
    assert got.data.isascii()
    assert verdicts(got.data, dns_server) == [True, True]


async def test_links_begin_with_https_when_the_operator_says_so(
    house: SendingHouse, dns_server: DnsServer, names: DnsNames
) -> None:
    await verified(house, dns_server, names, tracking_https=True, return_path="")
    got = await delivered(house, LETTER)
    assert got.mail_from == "news@brand.example"
    assert b"https://go.brand.example/t/c/" in got.data.replace(b"=\r\n", b"")
    assert re.search(rb"List-Unsubscribe: <https://go\.brand\.example/t/u/[\w-]+>", got.data.replace(b"\r\n ", b" "))
    assert verdicts(got.data, dns_server) == [True, True]


async def test_without_a_verified_domain_nothing_changes(
    house: SendingHouse, dns_server: DnsServer, names: DnsNames
) -> None:
    domains, view = await verified(house, dns_server, names)
    await domains.remove(house.account_id, view.domain_id)
    got = await delivered(house)
    assert b"DKIM-Signature" not in got.data
    assert got.mail_from == "news@brand.example"
    assert b"go.brand.example" not in got.data


async def test_a_name_that_breaks_out_of_its_header_is_not_sent(
    house: SendingHouse, dns_server: DnsServer, names: DnsNames
) -> None:
    await verified(house, dns_server, names)
    letter = TemplateInput(name="L", subject="Hi {{ first_name }}", source="<p>Hi</p>")
    given = [ContactInput(email="eve@example.com", first_name="x\r\nBcc: all@example.com")]
    await house.contacts.upsert(house.account_id, given, UpsertOptions(key=IdentityKind.EMAIL))
    got = await delivered(house, letter)
    assert b"\r\nBcc:" not in got.data
    assert verdicts(got.data, dns_server) == [True, True]


async def test_the_test_of_a_sender_is_signed_too(house: SendingHouse, dns_server: DnsServer, names: DnsNames) -> None:
    await verified(house, dns_server, names)
    async with running_peer() as server:
        sender_id = await house.sender(server.port)
        await house.senders.test(house.account_id, sender_id, "anna@example.com", InboxAddress())
    assert verdicts(server.accepted[0].data, dns_server) == [True, True]


async def test_a_composer_that_is_at_work_takes_up_changes(
    house: SendingHouse, dns_server: DnsServer, names: DnsNames
) -> None:
    """Rotation and changed hosts reach the mails of a campaign that is under way."""
    domains, view = await verified(house, dns_server, names)
    clock = ShiftedClock()
    identities = Identities(house.database, house.keyring, clock)
    await identities.refresh({house.account_id})
    letter = TemplateInput(name="L", subject="Hi", source='<p>Hi <a href="https://shop.example/">there</a></p>')
    content_id = (await house.content.create(house.account_id, letter)).content_id
    sender = await house.senders.get(house.account_id, await house.sender(1))
    composer = MailComposer(
        sender=sender,
        compiled=await house.content.compiled(house.account_id, content_id),
        content_id=content_id,
        campaign_id=1,
        custom_fields={},
        attachments=(),
        base_url=BASE_URL,
        tokens=MessageTokens(house.keyring),
        identity=partial(identities.of, sender),
        clock=clock.now,
    )
    work = letter_to(house.account_id, content_id)
    before = composer.compose(work)
    assert before.mail_from.endswith("@bounce.brand.example")
    await domains.change(house.account_id, view.domain_id, DomainChange(tracking_host="", return_path=""))
    rotated = await domains.rotate(house.account_id, view.domain_id)
    dns_server.publish(rotated)
    await domains.check(house.account_id, view.domain_id)
    clock.ahead = timedelta(seconds=6)
    await identities.refresh({house.account_id})
    after = composer.compose(work)
    assert after.mail_from == "news@brand.example"
    assert rotated.keys[2].selector.encode() in after.data
    assert rotated.keys[0].selector.encode() not in after.data
    assert (b"go.brand.example" in before.data, b"go.brand.example" in after.data) == (True, False)
    assert verdicts(before.data, dns_server) == verdicts(after.data, dns_server) == [True, True]


def letter_to(account_id: int, content_id: int) -> Work:
    message_id = campaign_message_id(1, 513)
    return Work(
        account_id=account_id,
        contact_id=513,
        channel=Channel.EMAIL,
        campaign_id=1,
        content_id=content_id,
        message_id=message_id,
        message=message_id.bytes,
        address="anna@example.com",
        contact=(),
        launched_at=datetime.now(UTC),
        deadline=datetime.now(UTC),
        lane=Lane.RETRY,
        lease=None,
    )

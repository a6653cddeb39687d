"""What a check says about each thing that can be wrong, out of a real DNS server's answers."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime

import msgspec
import pytest
import trustme

from syncom.errors import Invalid
from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.check import examine, problem_of
from syncom.messages.identity.checking.dns import DnsNames, NoAnswer
from syncom.messages.identity.keys import new_key
from syncom.messages.identity.model import Algorithm, DkimKey, Finding, SendingDomain, Subject, Verdict
from syncom.messages.identity.records import records_of
from syncom.outbound import OutboundClient
from tests.messages.identity.dns_server import DnsServer, spelled

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOST = "mail.host.example"
KEY = new_key(Algorithm.ED25519, NOW)
DOMAIN = SendingDomain(
    domain_id=1,
    account_id=1,
    domain="brand.example",
    token="5a7d",
    return_path="bounce.brand.example",
    tracking_host="go.brand.example",
    tracking_https=False,
    sending_ips=("203.0.113.7", "2001:db8::7"),
    created_at=NOW,
    verified_at=None,
    return_path_at=None,
    tracking_at=None,
    checked_at=None,
    problem="",
    keys=(
        DkimKey(
            key_id=7,
            selector=KEY.selector,
            # Told as RSA, which is the one that must be there.
            algorithm=Algorithm.RSA,
            public_key=KEY.public_key,
            created_at=NOW,
            verified_at=None,
            replaced_at=None,
        ),
    ),
    findings=(),
)
DKIM_NAME = f"{KEY.selector}._domainkey.brand.example"


#: Tests reach this machine alone, which is a private network.
UNKNOWN = Certificates(OutboundClient())


@pytest.fixture
def zone(dns_server: DnsServer) -> DnsServer:
    """A zone in which everything is right."""
    for record in records_of(DOMAIN, HOST):
        dns_server.zone.setdefault((record.name, record.type), []).append(spelled(record.type, record.value))
    dns_server.set(HOST, "A", "203.0.113.7")
    dns_server.set(HOST, "AAAA", "2001:db8::7")
    dns_server.set("7.113.0.203.in-addr.arpa", "PTR", f"{HOST}.")
    dns_server.set("7." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa", "PTR", f"{HOST}.")
    return dns_server


async def found(
    names: DnsNames,
    subject: Subject,
    domain: SendingDomain = DOMAIN,
    host: str = HOST,
    certificates: Certificates = UNKNOWN,
) -> list[Finding]:
    return [one for one in (await examine(names, certificates, domain, host)).findings if one.subject is subject]


async def test_where_everything_is_right_nothing_is_found_wrong(zone: DnsServer, names: DnsNames) -> None:
    done = await examine(names, UNKNOWN, DOMAIN, HOST)
    assert {one.verdict for one in done.findings} == {Verdict.OK}, done.findings
    assert (done.tokens, done.published) == (("5a7d",), (7,))
    assert (done.return_path_ok, done.tracking_ok) == (True, True)
    assert problem_of(done.findings) == ""


TXT = "TXT"
WRONGS: list[tuple[Subject, str, str, tuple[str, ...], Verdict, str]] = [
    (Subject.OWNERSHIP, "_syncom.brand.example", TXT, (), Verdict.MISSING, "syncom-domain=5a7d"),
    (Subject.OWNERSHIP, "_syncom.brand.example", TXT, ("syncom-domain=other",), Verdict.WRONG, "syncom-domain=5a7d"),
    (Subject.OWNERSHIP, "_syncom.brand.example", TXT, ("hello",), Verdict.MISSING, "Set a TXT record"),
    (Subject.DKIM, DKIM_NAME, TXT, (), Verdict.MISSING, "Set a TXT record"),
    (Subject.DKIM, DKIM_NAME, TXT, ("v=DKIM1; k=rsa; p=AAAA",), Verdict.WRONG, "not ours"),
    (Subject.DKIM, DKIM_NAME, TXT, (f"k=ed25519; p={KEY.public_key}",), Verdict.WRONG, "k= must be rsa"),
    (Subject.DKIM, DKIM_NAME, TXT, (f"p={KEY.public_key}", "p=AAAA"), Verdict.WRONG, "one TXT record"),
    (Subject.SPF, "bounce.brand.example", TXT, (), Verdict.MISSING, "v=spf1 ip4:203.0.113.7 ip6:2001:db8::7 ~all"),
    (Subject.SPF, "bounce.brand.example", TXT, ("v=spf1 +all",), Verdict.WRONG, "everybody"),
    (Subject.SPF, "bounce.brand.example", TXT, ("v=spf1 ip4:203.0.113.7 -all",), Verdict.WRONG, "ip6:2001:db8::7"),
    (Subject.SPF, "bounce.brand.example", TXT, ("v=spf1 -all", "v=spf1 ~all"), Verdict.WRONG, "2 SPF records"),
    (Subject.SPF, "bounce.brand.example", TXT, ("v=spf1 include:gone.example -all",), Verdict.WRONG, "gone.example"),
    (Subject.DMARC, "_dmarc.brand.example", TXT, (), Verdict.MISSING, "v=DMARC1; p=none"),
    (Subject.DMARC, "_dmarc.brand.example", TXT, ("p=none",), Verdict.WRONG, "begins with v=DMARC1"),
    (Subject.DMARC, "_dmarc.brand.example", TXT, ("v=DMARC1; p=reject",), Verdict.OK, "rua="),
    (Subject.DMARC, "_dmarc.brand.example", TXT, ("v=DMARC1; p=reject; aspf=s",), Verdict.OK, "SPF does not"),
    (Subject.DMARC, "_dmarc.brand.example", TXT, ("v=DMARC1; p=reject; adkim=s",), Verdict.OK, "by themselves"),
    (Subject.RETURN_PATH, "bounce.brand.example", "MX", (), Verdict.MISSING, f"10 {HOST}."),
    (Subject.RETURN_PATH, "bounce.brand.example", "MX", ("0 .",), Verdict.WRONG, "None of its mail servers"),
    (Subject.RETURN_PATH, "bounce.brand.example", "MX", ("10 gone.example.",), Verdict.WRONG, "None of its mail"),
    (Subject.TRACKING, "go.brand.example", "CNAME", (), Verdict.MISSING, f"{HOST}."),
    (Subject.TRACKING, "go.brand.example", "CNAME", ("shop.example.",), Verdict.MISSING, f"{HOST}."),
    (Subject.PTR, "7.113.0.203.in-addr.arpa", "PTR", (), Verdict.MISSING, "PTR"),
    (Subject.PTR, "7.113.0.203.in-addr.arpa", "PTR", ("shop.example.",), Verdict.WRONG, "does not lead back"),
]


# Keys are made at random: names of tests must not hold them.
@pytest.mark.parametrize(("subject", "name", "kind", "values", "verdict", "words"), WRONGS, ids=range(len(WRONGS)))
async def test_what_is_wrong_is_said_with_the_next_step(
    zone: DnsServer,
    names: DnsNames,
    subject: Subject,
    name: str,
    kind: str,
    values: tuple[str, ...],
    verdict: Verdict,
    words: str,
) -> None:
    zone.set(name, kind, *values)
    done = await examine(names, UNKNOWN, DOMAIN, HOST)
    one = next(one for one in done.findings if one.subject is subject)
    assert (one.verdict, words in one.words) == (verdict, True), one
    others = {other.subject for other in done.findings if other.is_bad}
    assert others <= {subject}, "nothing else is wrong"
    assert bool(problem_of(done.findings)) == one.is_bad


async def test_a_tracking_host_with_an_address_of_its_own_leads_here_or_elsewhere(
    zone: DnsServer, names: DnsNames
) -> None:
    zone.set("go.brand.example", "CNAME")
    zone.set("go.brand.example", "A", "203.0.113.7")
    assert [one.verdict for one in await found(names, Subject.TRACKING)] == [Verdict.OK]
    zone.set("go.brand.example", "A", "198.51.100.1")
    [elsewhere] = await found(names, Subject.TRACKING)
    assert (elsewhere.verdict, elsewhere.found) == (Verdict.WRONG, "198.51.100.1")
    [unnamed] = await found(names, Subject.TRACKING, host="")
    assert "SYNCOM_PUBLIC_URL" in unnamed.words


class Said(Certificates):
    """Certificates of which a test knows what is wrong."""

    def __init__(self, words: str) -> None:
        super().__init__(OutboundClient())
        self.words = words

    async def fault(self, host: str) -> str:
        assert host == "go.brand.example"
        return self.words


async def test_links_begin_with_https_only_where_nothing_speaks_against_it(zone: DnsServer, names: DnsNames) -> None:
    assert zone.port
    secure = msgspec.structs.replace(DOMAIN, tracking_https=True)
    for certificates, verdict, words in (
        (Said(""), Verdict.OK, "by https"),
        (Said("It has no certificate."), Verdict.WRONG, "It has no certificate. Give"),
        (UNKNOWN, Verdict.NOTE, "cannot be told"),
    ):
        [one] = await found(names, Subject.TRACKING, secure, certificates=certificates)
        assert (one.verdict, words in one.words) == (verdict, True), one


async def test_a_certificate_is_looked_at_as_a_browser_does() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    host = f"localhost:{server.sockets[0].getsockname()[1]}"
    own = OutboundClient("127.0.0.0/8,::1/128", tls=trusting)
    stranger, guarded = OutboundClient("127.0.0.0/8,::1/128"), OutboundClient()
    try:
        assert await Certificates(own).fault(host) == ""
        assert "certificate" in await Certificates(stranger).fault(host)
        with pytest.raises(NoAnswer, match="private network"):
            await Certificates(guarded).fault(host)
        server.close()
        with pytest.raises(NoAnswer):
            await Certificates(own).fault("localhost:1")
    finally:
        server.close()
        for client in (own, stranger, guarded):
            await client.close()


async def test_a_return_path_that_somebody_elses_server_takes_is_noted(zone: DnsServer, names: DnsNames) -> None:
    zone.set("bounce.brand.example", "MX", "10 mx.provider.example.")
    zone.set("mx.provider.example", "A", "198.51.100.9")
    done = await examine(names, UNKNOWN, DOMAIN, HOST)
    assert done.return_path_ok
    assert "mx.provider.example" in next(one.words for one in done.findings if one.subject is Subject.RETURN_PATH)


async def test_a_server_that_is_silent_or_fails_is_not_taken_for_an_empty_zone(dns_server: DnsServer) -> None:
    names = DnsNames([f"127.0.0.1:{dns_server.port}"], patience=0.3)
    dns_server.silent.add("silent.example")
    dns_server.failing.add("failing.example")
    for name in ("silent.example", "failing.example"):
        with pytest.raises(NoAnswer, match=name):
            await names.txt(name)
    assert await names.txt("nothing.example") == []
    with pytest.raises(NoAnswer):
        await DnsNames(["127.0.0.1:1"], patience=0.3).txt("brand.example")


@pytest.mark.parametrize(
    "name", ["", "..", "a" * 64 + ".example", "a." * 200 + "example", "\udce4.example", "a b.example"]
)
async def test_what_is_no_name_has_no_records(names: DnsNames, name: str) -> None:
    assert await names.txt(name) == []
    assert await names.addresses(name, 4) == []
    assert await names.pointers(name) == []


@pytest.mark.parametrize("server", ["dns.example", "9.9.9.9:x", "9.9.9.9:", "1.2.3.4.5"])
def test_a_dns_server_is_named_by_its_address(server: str) -> None:
    with pytest.raises(Invalid, match="SYNCOM_DNS_SERVERS"):
        DnsNames([server])


@pytest.mark.parametrize("server", ["9.9.9.9", "9.9.9.9:5353", "::1", "[::1]:5353"])
def test_addresses_of_both_kinds_are_taken(server: str) -> None:
    DnsNames([server])

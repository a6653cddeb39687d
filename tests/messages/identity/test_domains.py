"""Sending domains: who holds them, what DNS must have, and which keys sign."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncom.clock import SystemClock
from syncom.contacts.model import Channel
from syncom.errors import Conflict, Invalid, NotFound
from syncom.keys.service import KeysService, open_keyring
from syncom.messages.channels.email.dkim import DkimSigner
from syncom.messages.identity import store
from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.dns import DnsNames
from syncom.messages.identity.model import Algorithm, DomainChange, DomainInput, DomainView, KeyState, Subject, Verdict
from syncom.messages.identity.service import DomainsService
from syncom.messages.identity.signing import NO_IDENTITY, Identities
from syncom.messages.model import Sender, SenderConfig, SenderKind
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.clocks import HurriedClock, TurnedClock
from tests.messages.identity.dns_server import DnsServer

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOST = "mail.host.example"
GIVEN = DomainInput(
    domain="Brand.Example.",
    return_path="bounce.brand.example",
    tracking_host="go.brand.example",
    sending_ips=("203.0.113.7",),
)


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(bytes(range(32)))


@pytest.fixture
def domains(
    database: Database, keyring: Keyring, names: DnsNames, certificates: Certificates, clock: TurnedClock
) -> DomainsService:
    return DomainsService(database, keyring, names, certificates, clock, public_host=HOST)


@pytest.fixture
def identities(database: Database, keyring: Keyring, clock: TurnedClock) -> Identities:
    return Identities(database, keyring, clock)


def sender(account_id: int, from_email: str = "news@brand.example") -> Sender:
    return Sender(
        sender_id=1,
        account_id=account_id,
        name="Peer",
        kind=SenderKind.SMTP,
        channel=Channel.EMAIL,
        from_email=from_email,
        from_name="",
        reply_to="",
        config=SenderConfig(),
        is_default=True,
        paused_until=None,
        problem="",
    )


def set_up(dns: DnsServer, view: DomainView) -> None:
    """The world in which everything is as it should be."""
    dns.publish(view)
    dns.set(HOST, "A", "203.0.113.7")
    dns.set("7.113.0.203.in-addr.arpa", "PTR", f"{HOST}.")


def verdicts(view: DomainView) -> dict[Subject, set[Verdict]]:
    found: dict[Subject, set[Verdict]] = {}
    for one in view.findings:
        found.setdefault(one.subject, set()).add(one.verdict)
    return found


def selectors(signer: DkimSigner | None) -> list[str]:
    assert signer is not None
    made = signer.sign(b"From: a\r\n\r\n", NOW).decode()
    return [part.split(";")[0] for part in made.replace("\r\n", "").split(" s=")[1:]]


async def test_a_domain_says_which_records_to_set_and_signs_once_they_are_there(
    domains: DomainsService, identities: Identities, dns_server: DnsServer, account_id: int, clock: TurnedClock
) -> None:
    view = await domains.add(account_id, GIVEN)
    assert view.domain == "brand.example"
    assert [(record.subject, record.type, record.name) for record in view.records] == [
        (Subject.OWNERSHIP, "TXT", "_syncom.brand.example"),
        (Subject.DKIM, "TXT", f"{view.keys[0].selector}._domainkey.brand.example"),
        (Subject.DKIM, "TXT", f"{view.keys[1].selector}._domainkey.brand.example"),
        (Subject.RETURN_PATH, "MX", "bounce.brand.example"),
        (Subject.SPF, "TXT", "bounce.brand.example"),
        (Subject.DMARC, "TXT", "_dmarc.brand.example"),
        (Subject.TRACKING, "CNAME", "go.brand.example"),
    ]
    values = {record.subject: record.value for record in view.records}
    assert values[Subject.RETURN_PATH] == f"10 {HOST}."
    assert values[Subject.SPF] == "v=spf1 ip4:203.0.113.7 ~all"
    assert all(
        f'{record.name}. IN TXT "' in record.zone_line and len(max(record.zone_line.split('" "'), key=len)) < 330
        for record in view.records
        if record.type == "TXT"
    )

    nothing = await domains.check(account_id, view.domain_id)
    assert not nothing.verified
    assert not nothing.problem, "nobody sends from it yet"
    assert verdicts(nothing)[Subject.OWNERSHIP] == {Verdict.MISSING}
    assert all(one.words for one in nothing.findings)
    await identities.refresh({account_id})
    assert identities.of(sender(account_id)) is NO_IDENTITY

    set_up(dns_server, view)
    done = await domains.check(account_id, view.domain_id)
    assert verdicts(done) == {subject: {Verdict.OK} for subject in Subject}, done.findings
    assert done.verified
    assert done.signs
    assert done.return_path_in_use
    assert done.tracking_in_use
    clock.ahead = timedelta(seconds=5)
    await identities.refresh({account_id})
    identity = identities.of(sender(account_id))
    assert selectors(identity.signer) == [view.keys[0].selector, view.keys[1].selector], "RSA first"
    assert (identity.return_path, identity.tracking_url) == ("bounce.brand.example", "http://go.brand.example")
    assert identities.of(sender(account_id, "a@shop.brand.example")) is identity, "a domain below"
    assert identities.of(sender(account_id, "a@Brand.Example")) is identity
    assert identities.of(sender(account_id, "a@otherbrand.example")) is NO_IDENTITY
    assert identities.of(sender(account_id + 1)) is NO_IDENTITY
    covered = await domains.covering(
        [sender(account_id, "a@shop.brand.example"), sender(account_id + 1), sender(account_id, "a@b.example")]
    )
    assert [one and (one.domain, one.signs) for one in covered] == [("brand.example", True), None, None]


async def test_an_identity_stays_the_same_object_while_nothing_changes(
    domains: DomainsService, identities: Identities, dns_server: DnsServer, account_id: int, clock: TurnedClock
) -> None:
    view = await domains.add(account_id, GIVEN)
    set_up(dns_server, view)
    await domains.check(account_id, view.domain_id)
    await identities.refresh({account_id})
    first = identities.of(sender(account_id))
    clock.ahead += timedelta(seconds=6)
    await identities.refresh({account_id})
    assert identities.of(sender(account_id)) is first
    await domains.remove(account_id, view.domain_id)
    clock.ahead += timedelta(seconds=6)
    await identities.refresh({account_id})
    assert identities.of(sender(account_id)) is NO_IDENTITY


async def test_a_new_key_signs_once_dns_has_it_and_the_old_record_stays_for_a_week(
    domains: DomainsService, identities: Identities, dns_server: DnsServer, account_id: int, clock: TurnedClock
) -> None:
    view = await domains.add(account_id, GIVEN)
    set_up(dns_server, view)
    await domains.check(account_id, view.domain_id)
    old = [key.selector for key in view.keys]
    first = await domains.rotate(account_id, view.domain_id)
    rotated = await domains.rotate(account_id, view.domain_id)
    assert [key.state for key in rotated.keys] == [KeyState.ACTIVE] * 2 + [KeyState.PENDING] * 2
    assert {key.selector for key in rotated.keys}.isdisjoint({first.keys[2].selector}), "never published, so forgotten"
    new = [key.selector for key in rotated.keys[2:]]

    async def signing() -> list[str]:
        clock.ahead += timedelta(seconds=6)
        await identities.refresh({account_id})
        return selectors(identities.of(sender(account_id)).signer)

    checked = await domains.check(account_id, view.domain_id)
    assert not checked.problem
    assert await signing() == old, "the new records are not there"
    set_up(dns_server, rotated)
    checked = await domains.check(account_id, view.domain_id)
    assert [key.state for key in checked.keys] == [KeyState.REPLACED] * 2 + [KeyState.ACTIVE] * 2
    assert [key.record_until for key in checked.keys[:2]] == [NOW + timedelta(days=7)] * 2
    assert await signing() == new
    assert not {f"{one}._domainkey.brand.example" for one in old} & {record.name for record in checked.records}
    clock.time += timedelta(days=6)
    assert len((await domains.check(account_id, view.domain_id)).keys) == 4
    clock.time += timedelta(days=1, seconds=1)
    assert [key.selector for key in (await domains.check(account_id, view.domain_id)).keys] == new


async def test_ed25519_alone_is_not_asked_for(
    domains: DomainsService, identities: Identities, dns_server: DnsServer, account_id: int
) -> None:
    view = await domains.add(account_id, GIVEN)
    set_up(dns_server, view)
    edwards = next(key for key in view.keys if key.algorithm is Algorithm.ED25519)
    dns_server.set(f"{edwards.selector}._domainkey.brand.example", "TXT")
    done = await domains.check(account_id, view.domain_id)
    assert verdicts(done)[Subject.DKIM] == {Verdict.OK, Verdict.NOTE}
    assert not done.problem
    await identities.refresh({account_id})
    assert selectors(identities.of(sender(account_id)).signer) == [view.keys[0].selector]


async def test_two_accounts_never_hold_one_domain(
    domains: DomainsService,
    identities: Identities,
    dns_server: DnsServer,
    account_id: int,
    other_account_id: int,
    clock: TurnedClock,
) -> None:
    mine = await domains.add(account_id, GIVEN)
    theirs = await domains.add(other_account_id, GIVEN)
    set_up(dns_server, mine)
    assert (await domains.check(account_id, mine.domain_id)).verified
    # They set no record: mine proves nothing for them.
    assert not (await domains.check(other_account_id, theirs.domain_id)).verified
    # Both records are there: the holder keeps it.
    dns_server.publish(theirs)
    refused = await domains.check(other_account_id, theirs.domain_id)
    assert not refused.verified
    assert "holds the domain" in next(one.words for one in refused.findings if one.subject is Subject.OWNERSHIP)
    await identities.refresh({account_id, other_account_id})
    assert identities.of(sender(other_account_id)) is NO_IDENTITY
    assert identities.of(sender(account_id)).signer is not None
    # The domain was sold: whoever runs its DNS now decides.
    dns_server.set("_syncom.brand.example", "TXT", f"syncom-domain={token_of(theirs)}")
    assert (await domains.check(other_account_id, theirs.domain_id)).verified
    lost = await domains.get(account_id, mine.domain_id)
    assert not lost.verified
    assert "Another account" in lost.problem
    clock.ahead = timedelta(seconds=6)
    await identities.refresh({account_id, other_account_id})
    assert identities.of(sender(account_id)) is NO_IDENTITY


def token_of(view: DomainView) -> str:
    return next(record.value for record in view.records if record.subject is Subject.OWNERSHIP).partition("=")[2]


async def test_two_accounts_that_check_at_once_do_not_both_get_it(
    domains: DomainsService, dns_server: DnsServer, account_id: int, other_account_id: int
) -> None:
    views = {account: await domains.add(account, GIVEN) for account in (account_id, other_account_id)}
    for view in views.values():
        set_up(dns_server, view)
    done = await asyncio.gather(
        *(domains.check(account, view.domain_id) for account, view in views.items() for _ in range(4))
    )
    assert {one.verified for one in done} == {True, False}
    found = [await domains.get(account, view.domain_id) for account, view in views.items()]
    assert sorted(one.verified for one in found) == [False, True]


async def test_an_account_sees_and_touches_no_other_accounts_domain(
    domains: DomainsService, account_id: int, other_account_id: int
) -> None:
    view = await domains.add(account_id, GIVEN)
    assert await domains.list(other_account_id) == []
    for attempt in (
        domains.get(other_account_id, view.domain_id),
        domains.check(other_account_id, view.domain_id),
        domains.rotate(other_account_id, view.domain_id),
        domains.remove(other_account_id, view.domain_id),
        domains.change(other_account_id, view.domain_id, DomainChange()),
        domains.named(other_account_id, "brand.example"),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await domains.named(account_id, "BRAND.example") == view


async def test_what_breaks_is_told_beside_the_domain_and_hosts_that_are_gone_are_not_used(
    domains: DomainsService, identities: Identities, dns_server: DnsServer, account_id: int, clock: TurnedClock
) -> None:
    view = await domains.add(account_id, GIVEN)
    set_up(dns_server, view)
    await domains.check(account_id, view.domain_id)
    clock.time += timedelta(days=1)
    dns_server.set("bounce.brand.example", "MX")
    dns_server.set("go.brand.example", "CNAME")
    dns_server.set(f"{view.keys[0].selector}._domainkey.brand.example", "TXT", "v=DKIM1; p=")
    broken = await domains.check(account_id, view.domain_id)
    assert broken.verified
    assert "bounce.brand.example" in broken.problem
    assert view.keys[0].selector in broken.problem
    gone = next(one for one in broken.findings if one.subject is Subject.RETURN_PATH)
    assert (gone.verdict, gone.since) == (Verdict.MISSING, clock.time)
    await identities.refresh({account_id})
    identity = identities.of(sender(account_id))
    assert (identity.return_path, identity.tracking_url) == ("", "")
    clock.time += timedelta(days=1)
    again = await domains.check(account_id, view.domain_id)
    assert next(one for one in again.findings if one.subject is Subject.RETURN_PATH).since == gone.since
    set_up(dns_server, view)
    dns_server.set(f"{view.keys[0].selector}._domainkey.brand.example", "TXT", view.records[1].value)
    assert not (await domains.check(account_id, view.domain_id)).problem


async def test_a_dns_that_fails_changes_nothing_that_is_in_use(
    domains: DomainsService, dns_server: DnsServer, account_id: int
) -> None:
    view = await domains.add(account_id, GIVEN)
    set_up(dns_server, view)
    await domains.check(account_id, view.domain_id)
    dns_server.failing |= {record.name for record in view.records} | {HOST, "7.113.0.203.in-addr.arpa"}
    shaken = await domains.check(account_id, view.domain_id)
    assert verdicts(shaken) == {subject: {Verdict.UNKNOWN} for subject in Subject}
    assert shaken.verified
    assert shaken.signs
    assert shaken.return_path_in_use
    assert shaken.tracking_in_use
    assert not shaken.problem


async def test_the_keeper_checks_what_is_due_and_comes_back_the_next_day(
    domains: DomainsService, dns_server: DnsServer, account_id: int, clock: TurnedClock
) -> None:
    view = await domains.add(account_id, GIVEN)
    assert await domains.check_due(4) == 0, "somebody is just setting the records"
    set_up(dns_server, view)
    clock.time += timedelta(hours=1)
    assert await domains.check_due(4) == 1
    assert (await domains.get(account_id, view.domain_id)).verified
    clock.time += timedelta(hours=21)
    assert await domains.check_due(4) == 0
    clock.time += timedelta(hours=6)
    assert await domains.check_due(4) == 1


async def test_hosts_and_addresses_can_be_changed_and_are_in_use_once_checked(
    domains: DomainsService, dns_server: DnsServer, account_id: int
) -> None:
    view = await domains.add(account_id, GIVEN)
    set_up(dns_server, view)
    await domains.check(account_id, view.domain_id)
    change = DomainChange(return_path="b.brand.example", tracking_https=True)
    changed = await domains.change(account_id, view.domain_id, change)
    assert (changed.return_path, changed.return_path_in_use) == ("b.brand.example", False)
    assert (changed.tracking_host, changed.tracking_https, changed.tracking_in_use) == ("go.brand.example", True, True)
    dns_server.publish(changed)
    assert (await domains.check(account_id, view.domain_id)).return_path_in_use
    cleared = await domains.change(account_id, view.domain_id, DomainChange(return_path="", sending_ips=()))
    assert (cleared.return_path, cleared.sending_ips) == ("", ())
    noted = await domains.check(account_id, view.domain_id)
    assert verdicts(noted)[Subject.RETURN_PATH] == {Verdict.NOTE}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("domain", {"domain": "localhost"}),
        ("domain", {"domain": ""}),
        ("domain", {"domain": "brand.example/x"}),
        ("domain", {"domain": "[127.0.0.1]"}),
        ("domain", {"domain": "203.0.113.7"}),
        ("domain", {"domain": "a b.example"}),
        ("domain", {"domain": "brand..example"}),
        ("domain", {"domain": f"{'a' * 64}.example"}),
        ("domain", {"domain": f"{'a.' * 110}example"}),
        ("domain", {"domain": "_dmarc.brand.example"}),
        ("return_path", {"return_path": "bounce.other.example"}),
        ("return_path", {"return_path": "brand.example"}),
        ("return_path", {"return_path": "xbrand.example"}),
        ("tracking_host", {"tracking_host": "go.brand.example\r\nBcc"}),
        ("tracking_host", {"tracking_host": "x.brand.example", "return_path": "x.brand.example"}),
        ("sending_ips.1", {"sending_ips": ("203.0.113.7", "mail.brand.example")}),
        ("sending_ips", {"sending_ips": ("203.0.113.7",) * 17}),
    ],
)
async def test_wrong_input_is_named(field: str, given: dict[str, object]) -> None:
    never_asked = Database("")
    certificates = Certificates(OutboundClient())
    domains = DomainsService(never_asked, Keyring(bytes(32)), DnsNames(), certificates, SystemClock(), public_host=HOST)
    values: dict[str, object] = {"domain": "brand.example", **given}
    with pytest.raises(Invalid) as refused:
        await domains.add(1, DomainInput(**values))  # pyright: ignore[reportArgumentType]
    assert [one.field for one in refused.value.fields] == [field]


async def test_a_domain_is_added_once_and_names_of_all_scripts_are_taken(
    domains: DomainsService, account_id: int
) -> None:
    assert (await domains.add(account_id, DomainInput(domain="Бренд.example"))).domain == "xn--90agc6an.example"
    with pytest.raises(Conflict, match="already"):
        await domains.add(account_id, DomainInput(domain="xn--90agc6an.EXAMPLE"))
    await domains.add(account_id, DomainInput(domain="a.example"))
    assert [one.domain for one in await domains.list(account_id, limit=1)] == ["a.example"]
    assert [one.domain for one in await domains.list(account_id, after="a.example")] == ["xn--90agc6an.example"]


async def test_private_keys_are_sealed_and_move_to_a_new_master_key(
    database: Database, names: DnsNames, certificates: Certificates, account_id: int, tmp_path: Path
) -> None:
    keyring = await open_keyring(database, tmp_path / "secret.key")
    domains = DomainsService(database, keyring, names, certificates, SystemClock(), public_host=HOST)
    view = await domains.add(account_id, GIVEN)
    done = await KeysService(database, keyring, HurriedClock()).rotate()
    assert (done.sealed_again, done.unreadable, done.left) == (2, 0, 0)
    async with database.system() as connection:
        sealed = await (await connection.execute("SELECT key_id, private_key FROM dkim_keys")).fetchall()
        keys = await store.private_keys(connection, [row[0] for row in sealed])
    assert {key.selector for key in keys} == {key.selector for key in view.keys}
    assert all(keyring.key_id_of(row[1]) == keyring.current.key_id for row in sealed)


async def test_a_key_that_no_master_key_opens_signs_nothing_and_is_told_once(
    database: Database,
    domains: DomainsService,
    dns_server: DnsServer,
    account_id: int,
    clock: TurnedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    view = await domains.add(account_id, GIVEN)
    set_up(dns_server, view)
    await domains.check(account_id, view.domain_id)
    elsewhere = Identities(database, Keyring(bytes(32)), clock)
    for _ in range(3):
        clock.ahead += timedelta(seconds=6)
        await elsewhere.refresh({account_id})
    assert elsewhere.of(sender(account_id)).signer is None
    told = [one.getMessage() for one in caplog.records if "not signed" in one.getMessage()]
    assert len(told) == len(view.keys)
    assert all("key file" in one for one in told)

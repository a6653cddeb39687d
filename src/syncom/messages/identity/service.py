"""Use cases of sending domains: add, show the DNS records, check them, rotate keys."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

import msgspec

from syncom.clock import Clock
from syncom.errors import Conflict, Invalid, NotFound
from syncom.messages.channels.email.address import normalise_domain
from syncom.messages.identity import store
from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.check import Examination, examine, problem_of, since
from syncom.messages.identity.checking.dns import Names
from syncom.messages.identity.keys import NewKey, new_key
from syncom.messages.identity.model import (
    Algorithm,
    DomainChange,
    DomainInput,
    DomainView,
    Finding,
    KeyState,
    KeyView,
    SendingDomain,
    Subject,
    Verdict,
)
from syncom.messages.identity.records import records_of
from syncom.messages.identity.signing import domain_of, names_above, seal_key
from syncom.messages.identity.store import Standing
from syncom.messages.model import Sender
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring

#: A record of a replaced key stays: servers keep mails for five days (RFC 5321 4.5.4.1).
KEY_STAYS: Final = timedelta(days=7)
_DAILY: Final = timedelta(days=1)
_OFTEN: Final = timedelta(hours=1)
#: For so long somebody is probably still setting records.
_NEWS: Final = timedelta(days=3)
_MOST_DOMAINS: Final = 200
_MOST_IPS: Final = 16
_TAKEN_OVER: Final = (
    "Another account of this installation proved that the domain is its own, and your record is gone. Mails from it "
    "are not signed any more."
)


class DomainsService:
    """The sending domains of accounts."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        names: Names,
        certificates: Certificates,
        clock: Clock,
        *,
        public_host: str,
    ) -> None:
        """``public_host``: how the world calls this server; empty: not known."""
        self._database = database
        self._keyring = keyring
        self._names = names
        self._certificates = certificates
        self._clock = clock
        self._public_host = public_host

    async def add(self, account_id: int, given: DomainInput) -> DomainView:
        """Add a domain, with keys that will sign once their records are set. Raises Invalid, Conflict."""
        name = _domain_name(given.domain)
        checked = msgspec.structs.replace(
            given,
            domain=name,
            return_path=_host_below(name, "return_path", given.return_path),
            tracking_host=_host_below(name, "tracking_host", given.tracking_host),
            sending_ips=_addresses(given.sending_ips),
        )
        _differ(checked.return_path, checked.tracking_host)
        now = self._clock.now()
        pair = await _new_pair(now)
        async with self._database.system() as connection:
            domain_id = await store.add(
                connection,
                account_id,
                checked,
                # Small letters and digits: some panels of DNS change the others.
                token=secrets.token_hex(16),
                now=now,
                next_at=now + _OFTEN,
                most=_MOST_DOMAINS,
            )
            if domain_id is None:
                if await store.exists(connection, account_id, name):
                    raise Conflict(f"the domain {name} is there already", field="domain")
                raise Invalid("domain", f"is one too many: an account has at most {_MOST_DOMAINS}")
            await self._add_keys(connection, account_id, domain_id, pair, now)
            return self._view(await self._read(connection, account_id, domain_id))

    async def list(self, account_id: int, *, after: str = "", limit: int = 100) -> list[DomainView]:
        """A page of the account's domains, by their names."""
        async with self._database.system() as connection:
            found = await store.domains(connection, account_id, after=after, limit=limit)
        return [self._view(one) for one in found]

    async def get(self, account_id: int, domain_id: int) -> DomainView:
        """One domain with its records and what the last check found. Raises NotFound."""
        async with self._database.system() as connection:
            return self._view(await self._read(connection, account_id, domain_id))

    async def named(self, account_id: int, name: str) -> DomainView:
        """The same by its name. Raises NotFound."""
        async with self._database.system() as connection:
            found = await store.domain(connection, account_id, name=_domain_name(name))
        if found is None:
            raise NotFound("domain", name)
        return self._view(found)

    async def change(self, account_id: int, domain_id: int, change: DomainChange) -> DomainView:
        """Change hosts and addresses. A new host is in use once a check found it. Raises NotFound, Invalid."""
        async with self._database.system() as connection:
            before = await self._read(connection, account_id, domain_id)
            values = {
                name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET
            }
            for host in ("return_path", "tracking_host"):
                if host in values:
                    values[host] = _host_below(before.domain, host, values[host])
            if "sending_ips" in values:
                values["sending_ips"] = _addresses(values["sending_ips"])
            changed = msgspec.structs.replace(before, **values)
            _differ(changed.return_path, changed.tracking_host)
            await store.change(connection, changed, self._clock.now())
            return self._view(await self._read(connection, account_id, domain_id))

    async def remove(self, account_id: int, domain_id: int) -> None:
        """Forget a domain and its keys: its mails are not signed any more. Raises NotFound."""
        async with self._database.system() as connection:
            if not await store.remove(connection, account_id, domain_id):
                raise NotFound("domain", domain_id)

    async def rotate(self, account_id: int, domain_id: int) -> DomainView:
        """Make new keys. Those before them sign until a check finds the new records. Raises NotFound."""
        now = self._clock.now()
        pair = await _new_pair(now)
        async with self._database.system() as connection:
            await self._read(connection, account_id, domain_id)
            await store.drop_pending(connection, account_id, domain_id)
            await self._add_keys(connection, account_id, domain_id, pair, now)
            return self._view(await self._read(connection, account_id, domain_id))

    async def check(self, account_id: int, domain_id: int) -> DomainView:
        """Ask DNS, and take what it has into use: the domain itself, keys, hosts. Raises NotFound."""
        async with self._database.system() as connection:
            before = await self._read(connection, account_id, domain_id)
        found = await examine(self._names, self._certificates, before, self._public_host)
        async with self._database.system() as connection:
            held = await store.lock(connection, before)
            if held is None:
                raise NotFound("domain", domain_id)
            await self._settle(connection, before, found, held=held)
            return self._view(await self._read(connection, account_id, domain_id))

    async def check_due(self, limit: int) -> int:
        """Check domains whose time has come; returns how many there were."""
        now = self._clock.now()
        async with self._database.system() as connection:
            due = await store.lease_due(connection, now=now, until=now + _OFTEN, limit=limit)
        for account_id, domain_id in due:
            try:
                await self.check(account_id, domain_id)
            except NotFound:
                continue  # somebody removed it meanwhile
        return len(due)

    async def covering(self, senders: Sequence[Sender]) -> list[Standing | None]:
        """The verified domain that each of these senders' mails are from, for the operator; None: there is none."""
        async with self._database.system() as connection:
            known = {(one.account_id, one.domain): one for one in await store.standings(connection)}
        found: list[Standing | None] = []
        for sender in senders:
            names = names_above(domain_of(sender.from_email))
            found.append(next((known[key] for name in names if (key := (sender.account_id, name)) in known), None))
        return found

    # ------------------------------------------------------------ steps

    async def _settle(self, connection: Connection, before: SendingDomain, found: Examination, *, held: bool) -> None:
        now = self._clock.now()
        findings = list(found.findings)
        if found.tokens is not None and before.token in found.tokens:
            held = await store.hold(connection, before, tokens=found.tokens, now=now, problem=_TAKEN_OVER)
            if not held:
                findings = [_taken(one) if one.subject is Subject.OWNERSHIP else one for one in findings]
        if held:
            await store.settle_keys(
                connection, before.domain_id, found.published, now=now, forget_before=now - KEY_STAYS
            )
        dated = since(findings, before.findings, now)
        await store.checked(
            connection,
            before,
            findings=dated,
            problem=problem_of(dated) if held else before.problem,
            return_path_ok=found.return_path_ok,
            tracking_ok=found.tracking_ok,
            now=now,
            next_at=now + self._rest(before, found.published, held=held, now=now),
        )

    def _rest(self, before: SendingDomain, published: Sequence[int], *, held: bool, now: datetime) -> timedelta:
        """Until the next check: soon while records are being set, else a day, not all at the same moment."""
        newest = max([before.created_at, *(key.created_at for key in before.keys)])
        waiting = not held or any(key.state is KeyState.PENDING and key.key_id not in published for key in before.keys)
        return _OFTEN if waiting and now - newest < _NEWS else _DAILY * self._clock.jitter(0.9, 1.1)

    async def _add_keys(
        self, connection: Connection, account_id: int, domain_id: int, pair: Sequence[NewKey], now: datetime
    ) -> None:
        for key in pair:
            await store.add_key(
                connection,
                account_id,
                domain_id,
                selector=key.selector,
                algorithm=key.algorithm.value,
                public_key=key.public_key,
                sealed=seal_key(self._keyring, domain_id, key),
                now=now,
            )

    async def _read(self, connection: Connection, account_id: int, domain_id: int) -> SendingDomain:
        found = await store.domain(connection, account_id, domain_id=domain_id)
        if found is None:
            raise NotFound("domain", domain_id)
        return found

    def _view(self, of: SendingDomain) -> DomainView:
        return DomainView(
            domain_id=of.domain_id,
            domain=of.domain,
            verified=of.verified_at is not None,
            signs=of.signs,
            return_path=of.return_path,
            return_path_in_use=of.return_path_at is not None,
            tracking_host=of.tracking_host,
            tracking_https=of.tracking_https,
            tracking_in_use=of.tracking_at is not None,
            sending_ips=of.sending_ips,
            created_at=of.created_at,
            checked_at=of.checked_at,
            problem=of.problem,
            keys=tuple(
                KeyView(
                    selector=key.selector,
                    algorithm=key.algorithm,
                    state=key.state,
                    created_at=key.created_at,
                    verified_at=key.verified_at,
                    record_until=None if key.replaced_at is None else key.replaced_at + KEY_STAYS,
                )
                for key in of.keys
            ),
            records=records_of(of, self._public_host),
            findings=of.findings,
        )


async def _new_pair(now: datetime) -> list[NewKey]:
    return [await asyncio.to_thread(new_key, algorithm, now) for algorithm in (Algorithm.RSA, Algorithm.ED25519)]


def _taken(finding: Finding) -> Finding:
    words = (
        "Another account of this installation holds the domain, and its record is there too: take that one out first."
    )
    return msgspec.structs.replace(finding, verdict=Verdict.WRONG, words=words)


def _domain_name(given: str) -> str:
    try:
        name = normalise_domain(given.strip().rstrip("."))
    except Invalid:
        raise Invalid("domain", "must look like brand.example") from None
    labels = name.split(".")
    if len(labels) < 2 or labels[-1].isdecimal() or not set(name).isdisjoint("_[]"):
        raise Invalid("domain", "must look like brand.example")
    # The longest name that is made of it: selector._domainkey.
    if len(name) > 200:
        raise Invalid("domain", "is longer than 200 characters")
    return name


def _host_below(domain: str, field: str, given: str) -> str:
    """A host of the domain: who proved the domain has it too, and it aligns with the From address."""
    if not given.strip():
        return ""
    try:
        name = _domain_name(given)
    except Invalid:
        name = ""
    if not name.endswith(f".{domain}"):
        raise Invalid(field, f"must be a host below {domain}, such as {field.partition('_')[0]}.{domain}")
    return name


def _differ(return_path: str, tracking_host: str) -> None:
    if return_path and return_path == tracking_host:
        # RFC 1034 3.6.2: beside a CNAME there may be nothing else, no MX either.
        raise Invalid("tracking_host", "must be another host than return_path")


def _addresses(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > _MOST_IPS:
        raise Invalid("sending_ips", f"must be at most {_MOST_IPS}")
    found: list[str] = []
    for place, one in enumerate(given):
        try:
            address = ip_address(one.strip())
        except ValueError:
            raise Invalid(f"sending_ips.{place}", "must be an address such as 203.0.113.7") from None
        if str(address) not in found:
            found.append(str(address))
    return tuple(found)

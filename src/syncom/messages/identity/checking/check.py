"""The check of a sending domain: what DNS has, what it should have, and the next step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.dmarc import aligned, walk
from syncom.messages.identity.checking.dns import Names, NoAnswer
from syncom.messages.identity.checking.spf import SpfCheck, SpfResult, check_spf
from syncom.messages.identity.keys import fault_of, same_key
from syncom.messages.identity.model import Algorithm, DkimKey, Finding, KeyState, SendingDomain, Subject, Verdict
from syncom.messages.identity.records import (
    dkim_name,
    mail_from_domain,
    ownership_name,
    ownership_token,
    records_of,
    spf_terms,
)

#: Seconds for one subject, however many questions it takes.
_PATIENCE: Final = 20.0
_MAX_FOUND: Final = 1000
#: An address nobody sends from: a check of it goes through the whole record and counts its look-ups.
_NOBODY: Final = "0.0.0.0"  # noqa: S104 - not an address to listen on


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found."""

    findings: tuple[Finding, ...]
    #: Every account's tokens that DNS has for the domain; None: not known.
    tokens: tuple[str, ...] | None
    #: Keys whose records DNS has.
    published: tuple[int, ...]
    #: Whether the hosts can be used; None: not known, or there are none.
    return_path_ok: bool | None
    tracking_ok: bool | None


async def examine(names: Names, certificates: Certificates, domain: SendingDomain, public_host: str) -> Examination:
    """Ask DNS everything about a domain, side by side. Never raises: what DNS does not answer is not known."""
    steps = _Steps(names, certificates, domain, public_host)
    keys = [key for key in domain.keys if key.state is not KeyState.REPLACED]
    asked: list[Awaitable[Finding]] = [
        _bounded(Subject.OWNERSHIP, ownership_name(domain.domain), steps.ownership),
        *(
            _bounded(Subject.DKIM, dkim_name(domain.domain, key.selector), lambda key=key: steps.dkim(key))
            for key in keys
        ),
        _bounded(Subject.SPF, mail_from_domain(domain), steps.spf),
        _bounded(Subject.DMARC, f"_dmarc.{domain.domain}", steps.dmarc),
        _bounded(Subject.RETURN_PATH, domain.return_path or domain.domain, steps.return_path),
        *([_bounded(Subject.TRACKING, domain.tracking_host, steps.tracking)] if domain.tracking_host else []),
        *(_bounded(Subject.PTR, one, lambda one=one: steps.pointer(one)) for one in domain.sending_ips),
    ]
    findings = await asyncio.gather(*asked)
    return Examination(
        findings=tuple(findings),
        tokens=steps.tokens,
        published=tuple(steps.published),
        return_path_ok=_usable(findings, Subject.RETURN_PATH) if domain.return_path else None,
        tracking_ok=_usable(findings, Subject.TRACKING) if domain.tracking_host else None,
    )


def since(findings: Sequence[Finding], before: Sequence[Finding], now: datetime) -> tuple[Finding, ...]:
    """The findings with the time since when each verdict has been the same."""
    known = {(one.subject, one.name, one.verdict): one.since for one in before}
    return tuple(
        msgspec.structs.replace(one, since=known.get((one.subject, one.name, one.verdict)) or now) for one in findings
    )


def problem_of(findings: Sequence[Finding]) -> str:
    """What keeps mails of a domain in use from arriving, for people; empty: nothing known."""
    return " ".join(f"{one.name}: {one.words}" for one in findings if one.is_bad)[:2000]


class _Steps:
    """One question after another about one domain."""

    def __init__(self, names: Names, certificates: Certificates, domain: SendingDomain, public_host: str) -> None:
        self._names = names
        self._certificates = certificates
        self._domain = domain
        self._public_host = public_host
        self._records = {(record.subject, record.name): record for record in records_of(domain, public_host)}
        self.tokens: tuple[str, ...] | None = None
        self.published: list[int] = []

    def _found(self, subject: Subject, name: str, verdict: Verdict, words: str, found: str = "") -> Finding:
        return Finding(subject=subject, name=name, verdict=verdict, found=found[:_MAX_FOUND], words=words)

    def _to_set(self, subject: Subject, name: str) -> str:
        record = self._records[subject, name]
        article = "an" if record.type == "MX" else "a"
        return f'Set {article} {record.type} record {record.name} with the value "{record.value}".'

    async def ownership(self) -> Finding:
        name = ownership_name(self._domain.domain)
        texts = await self._names.txt(name)
        self.tokens = tuple(token for token in map(ownership_token, texts) if token is not None)
        if self._domain.token in self.tokens:
            return self._found(Subject.OWNERSHIP, name, Verdict.OK, "The domain is yours.", " | ".join(texts))
        verdict = Verdict.WRONG if self.tokens else Verdict.MISSING
        words = self._to_set(Subject.OWNERSHIP, name)
        return self._found(Subject.OWNERSHIP, name, verdict, words, " | ".join(texts))

    async def dkim(self, key: DkimKey) -> Finding:
        name = dkim_name(self._domain.domain, key.selector)
        texts = await self._names.txt(name)
        words = self._to_set(Subject.DKIM, name)
        if not texts:
            if key.algorithm is Algorithm.ED25519:
                return self._found(
                    Subject.DKIM, name, Verdict.NOTE, f"Optional, a second signature by Ed25519. {words}"
                )
            if key.state is KeyState.PENDING and self._domain.signs:
                words = f"{words} Until then the key before it signs."
                return self._found(Subject.DKIM, name, Verdict.NOTE, words)
            return self._found(Subject.DKIM, name, Verdict.MISSING, words)
        found = " | ".join(texts)
        if len(texts) > 1:
            return self._found(Subject.DKIM, name, Verdict.WRONG, "Leave one TXT record there: ours.", found)
        if not same_key(texts[0], key.public_key):
            return self._found(Subject.DKIM, name, Verdict.WRONG, f"The key there is not ours. {words}", found)
        fault = fault_of(texts[0], key.algorithm)
        if fault:
            return self._found(Subject.DKIM, name, Verdict.WRONG, f"Receivers cannot use it: {fault}. {words}", found)
        self.published.append(key.key_id)
        return self._found(Subject.DKIM, name, Verdict.OK, "The key is published.", found)

    async def spf(self) -> Finding:
        name = mail_from_domain(self._domain)
        addresses = self._domain.sending_ips
        checks = [(one, await check_spf(self._names, one, name, f"b@{name}")) for one in (_NOBODY, *addresses)]
        general = checks[0][1]
        for _, check in checks:
            if check.result is SpfResult.TEMPERROR:
                raise NoAnswer(check.reason)
            if check.result is SpfResult.PERMERROR:
                words = f"Receivers cannot use the record: {check.reason}."
                return self._found(Subject.SPF, name, Verdict.WRONG, words, check.record)
        if general.result is SpfResult.NONE:
            return self._found(Subject.SPF, name, Verdict.MISSING, self._to_set(Subject.SPF, name))
        if general.result is SpfResult.PASS:
            words = "The record lets everybody send in your name: end it with ~all or -all."
            return self._found(Subject.SPF, name, Verdict.WRONG, words, general.record)
        refused = [one for one, check in checks[1:] if check.result is not SpfResult.PASS]
        if refused:
            words = f"The record does not allow {', '.join(refused)}: put {' '.join(spf_terms(refused))} into it."
            return self._found(Subject.SPF, name, Verdict.WRONG, words, general.record)
        return self._spf_fine(name, general, known=bool(addresses))

    def _spf_fine(self, name: str, check: SpfCheck, *, known: bool) -> Finding:
        if not known:
            words = (
                "There is a record. Say which addresses mails leave from (sending_ips) to have them checked; a relay "
                "tells you what to include."
            )
            return self._found(Subject.SPF, name, Verdict.NOTE, words, check.record)
        words = f"The sending addresses are allowed ({check.lookups} of 10 look-ups)."
        return self._found(Subject.SPF, name, Verdict.OK, words, check.record)

    async def dmarc(self) -> Finding:
        own = self._domain.domain
        name = f"_dmarc.{own}"
        found = await walk(self._names, own)
        record = found.applied
        if record is None:
            if found.useless:
                words = f"There must be one record that begins with v=DMARC1. {self._to_set(Subject.DMARC, name)}"
                return self._found(Subject.DMARC, name, Verdict.WRONG, words, " | ".join(found.useless))
            return self._found(Subject.DMARC, name, Verdict.MISSING, self._to_set(Subject.DMARC, name))
        words = f"The policy is {record.policy(own)}, of {record.domain}. DKIM aligns with it."
        if self._domain.return_path:
            other = await walk(self._names, self._domain.return_path)
            spf = aligned(found, other, strict=record.strict_spf)
            words += " SPF aligns too." if spf else " SPF does not, which DKIM makes up for."
        if record.strict_dkim:
            words += " It asks for the very domain (adkim=s): add domains below this one by themselves."
        if "rua" not in record.tags:
            words += " Add rua=mailto:... to get reports."
        return self._found(Subject.DMARC, name, Verdict.OK, words, record.text)

    async def return_path(self) -> Finding:
        name = self._domain.return_path
        if not name:
            words = (
                "Mails that cannot be delivered come back to the sender's own address. Set a return path, such as "
                f"bounce.{self._domain.domain}, to have them counted here."
            )
            return self._found(Subject.RETURN_PATH, self._domain.domain, Verdict.NOTE, words)
        hosts = [host for _, host in await self._names.mx(name)]
        words = self._to_set(Subject.RETURN_PATH, name)
        if not hosts:
            return self._found(Subject.RETURN_PATH, name, Verdict.MISSING, words)
        found = ", ".join(hosts)
        if not await self._any_address(hosts):
            words = f"None of its mail servers has an address. {words}"
            return self._found(Subject.RETURN_PATH, name, Verdict.WRONG, words, found)
        if self._public_host and self._public_host not in hosts:
            words = (
                f"Reports arrive at {hosts[0]}, not at this server: have that mailbox read, or change the MX record."
            )
            return self._found(Subject.RETURN_PATH, name, Verdict.NOTE, words, found)
        return self._found(Subject.RETURN_PATH, name, Verdict.OK, "Reports come back to it.", found)

    async def _any_address(self, hosts: Sequence[str]) -> bool:
        for host in hosts[:10]:
            if host != "." and await self._all_addresses(host):
                return True
        return False

    async def _all_addresses(self, host: str) -> set[str]:
        return {*await self._names.addresses(host, 4), *await self._names.addresses(host, 6)}

    async def tracking(self) -> Finding:
        name = self._domain.tracking_host
        if not self._public_host:
            words = "Set SYNCOM_PUBLIC_URL first: it says what this server is called."
            return self._found(Subject.TRACKING, name, Verdict.WRONG, words)
        words = self._to_set(Subject.TRACKING, name)
        alias = await self._names.cname(name)
        if alias == self._public_host:
            return await self._led_here(name, alias)
        addresses = await self._all_addresses(name)
        found = alias or ", ".join(sorted(addresses))
        if not addresses:
            return self._found(Subject.TRACKING, name, Verdict.MISSING, words, found)
        if addresses & await self._all_addresses(self._public_host):
            return await self._led_here(name, found)
        return self._found(Subject.TRACKING, name, Verdict.WRONG, f"It leads elsewhere. {words}", found)

    async def _led_here(self, name: str, found: str) -> Finding:
        """The host leads here; with https it needs a certificate too."""
        if not self._domain.tracking_https:
            return self._found(Subject.TRACKING, name, Verdict.OK, "Links lead here.", found)
        try:
            fault = await self._certificates.fault(name)
        except NoAnswer as error:
            words = f"Links lead here. Whether https works there cannot be told from this server: {error}."
            return self._found(Subject.TRACKING, name, Verdict.NOTE, words, found)
        if fault:
            words = f"{fault} Give the proxy one for this name, or take https back (tracking_https)."
            return self._found(Subject.TRACKING, name, Verdict.WRONG, words, found)
        return self._found(Subject.TRACKING, name, Verdict.OK, "Links lead here, by https.", found)

    async def pointer(self, address: str) -> Finding:
        hosts = await self._names.pointers(address)
        if not hosts:
            words = "The address has no name: ask whoever rents it to you to set one (PTR), which leads back to it."
            return self._found(Subject.PTR, address, Verdict.MISSING, words)
        found = ", ".join(hosts)
        for host in hosts[:10]:
            if address in await self._all_addresses(host):
                return self._found(Subject.PTR, address, Verdict.OK, "The name leads back to the address.", found)
        words = f"The name {hosts[0]} does not lead back to {address}: give it an address record with it."
        return self._found(Subject.PTR, address, Verdict.WRONG, words, found)


async def _bounded(subject: Subject, name: str, step: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await step()
    except (NoAnswer, TimeoutError) as error:
        words = f"{str(error) or 'DNS took too long'}. It is asked again later."
        return Finding(subject=subject, name=name, verdict=Verdict.UNKNOWN, words=words)


def _usable(findings: Sequence[Finding], subject: Subject) -> bool | None:
    verdict = next(one.verdict for one in findings if one.subject is subject)
    return None if verdict is Verdict.UNKNOWN else verdict in (Verdict.OK, Verdict.NOTE)

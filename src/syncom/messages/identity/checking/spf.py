"""Whether an address may send for a domain: Sender Policy Framework (RFC 7208)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from syncom.messages.identity.checking.dns import Names, NoAnswer

#: RFC 7208 4.6.4: terms that ask DNS, questions without an answer, names of one mx or ptr.
MAX_LOOKUPS: Final = 10
MAX_VOIDS: Final = 2
_MAX_NAMES: Final = 10
_MAX_NAME: Final = 253

Address = IPv4Address | IPv6Address
Item = TypeVar("Item")

_TERM = re.compile(r"([+?~-]?)([a-z][a-z0-9_.-]*)(?:([:=])(.*)|(/.*))?", re.IGNORECASE | re.DOTALL).fullmatch
_CIDR = re.compile(r"(.*?)(?:/(\d{1,3}))?(?://(\d{1,3}))?", re.DOTALL).fullmatch
_MACRO = re.compile(r"%(?:%|_|-|\{([slodiphcrtv])(\d{0,3})(r?)([.\-+,/_=]*)\}|)", re.IGNORECASE)
_VISIBLE = re.compile(r"[\x21-\x7e]*").fullmatch
#: A name ends in a label of its own, or in a macro (RFC 7208 7.1).
_DOMAIN_END = re.compile(
    r"(?:.*\.)?(?:[a-z0-9-]*[a-z][a-z0-9-]*|[0-9]+-[a-z0-9-]*[a-z0-9]|.*%\{[^}]*\})\.?", re.IGNORECASE | re.DOTALL
).fullmatch


class SpfResult(Enum):
    """What an SPF check ends with (RFC 7208 2.6)."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - the name of a result
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A result, and how it came about."""

    result: SpfResult
    #: The record of the domain; empty: none.
    record: str = ""
    #: Terms that asked DNS.
    lookups: int = 0
    #: For people: why it is an error.
    reason: str = ""


_QUALIFIERS: Final = {
    "": SpfResult.PASS, "+": SpfResult.PASS, "-": SpfResult.FAIL, "~": SpfResult.SOFTFAIL, "?": SpfResult.NEUTRAL,
}  # fmt: skip


class _PermanentError(Exception):
    """The record cannot be used."""


async def check_spf(names: Names, address: str, domain: str, sender: str) -> SpfCheck:
    """May this address send mail from ``sender`` (MAIL FROM) at ``domain``?"""
    check = _Check(names, ip_address(address), sender)
    try:
        result = await check.host(domain, depth=0)
    except NoAnswer as error:
        result, check.reason = SpfResult.TEMPERROR, str(error)
    except _PermanentError as error:
        result, check.reason = SpfResult.PERMERROR, str(error)
    return SpfCheck(result=result, record=check.record, lookups=check.lookups, reason=check.reason)


def spf_records(texts: list[str]) -> list[str]:
    """Those TXT records that are SPF's (RFC 7208 4.5)."""
    return [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


class _Term(msgspec.Struct, frozen=True):
    """A mechanism or modifier, taken apart."""

    qualifier: str
    name: str
    value: str
    #: Lengths of the network in IPv4 and IPv6.
    length4: int = 32
    length6: int = 128


class _Check:
    """One check_host() with its counters (RFC 7208 4)."""

    def __init__(self, names: Names, address: Address, sender: str) -> None:
        # RFC 7208 5: an IPv4 address inside an IPv6 one is the IPv4 address.
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        self._names = names
        self._address: Address = mapped or address
        local, _, host = sender.rpartition("@")
        self._local, self._sender_host = local or "postmaster", host
        self.lookups = 0
        self._voids = 0
        self.record = ""
        self.reason = ""

    async def host(self, domain: str, *, depth: int) -> SpfResult:
        if not _is_name(domain):
            return SpfResult.NONE
        records = spf_records(await self._names.txt(domain))
        if not records:
            return SpfResult.NONE
        if len(records) > 1:
            raise _PermanentError(f"{domain} has {len(records)} SPF records; there may be one")
        if not depth:
            self.record = records[0]
        terms, redirect = _parsed(records[0])
        for term in terms:
            if await self._matches(term, domain, depth):
                return _QUALIFIERS[term.qualifier]
        if redirect is None:
            return SpfResult.NEUTRAL
        self._count()
        target = await self._expanded(redirect, domain)
        result = await self.host(target, depth=depth + 1)
        if result is SpfResult.NONE:
            raise _PermanentError(f"redirect={redirect} leads to no SPF record")
        return result

    async def _matches(self, term: _Term, domain: str, depth: int) -> bool:
        if term.name == "all":
            return True
        if term.name in ("ip4", "ip6"):
            return self._inside(ip_network(term.value, strict=False))
        self._count()
        target = await self._expanded(term.value, domain) if term.value else domain
        if term.name == "include":
            return await self._included(target, depth)
        if term.name == "a":
            return self._any(await self._addresses(target), term)
        if term.name == "mx":
            return await self._exchanged(target, term)
        if term.name == "exists":
            return bool(await self._answered(self._names.addresses(target, 4)))
        return await self._pointed(target)

    async def _included(self, target: str, depth: int) -> bool:
        result = await self.host(target, depth=depth + 1)
        if result is SpfResult.NONE:
            raise _PermanentError(f"include:{target} leads to no SPF record")
        return result is SpfResult.PASS

    async def _exchanged(self, target: str, term: _Term) -> bool:
        hosts = [host for _, host in await self._answered(self._names.mx(target))]
        if len(hosts) > _MAX_NAMES:
            raise _PermanentError(f"mx of {target} has more than {_MAX_NAMES} hosts")
        for host in hosts:
            if host != "." and self._any(await self._addresses(host), term):
                return True
        return False

    async def _pointed(self, target: str) -> bool:
        target = target.lower().rstrip(".")
        return any(name == target or name.endswith("." + target) for name in await self._validated())

    async def _validated(self) -> list[str]:
        """Names of the address that lead back to it (RFC 7208 5.5)."""
        try:
            found = (await self._answered(self._names.pointers(str(self._address))))[:_MAX_NAMES]
        except NoAnswer:
            return []
        valid: list[str] = []
        for name in found:
            try:
                if str(self._address) in await self._names.addresses(name, self._address.version):
                    valid.append(name)
            except NoAnswer:
                continue
        return valid

    async def _addresses(self, host: str) -> list[str]:
        return await self._answered(self._names.addresses(host, self._address.version))

    async def _answered(self, question: Awaitable[list[Item]]) -> list[Item]:
        found = await question
        if not found:
            self._voids += 1
            if self._voids > MAX_VOIDS:
                raise _PermanentError(f"more than {MAX_VOIDS} of its names are not there")
        return found

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise _PermanentError(f"it takes more than {MAX_LOOKUPS} look-ups (include, a, mx, ptr, exists, redirect)")

    def _any(self, addresses: list[str], term: _Term) -> bool:
        length = term.length4 if self._address.version == 4 else term.length6
        return any(self._inside(ip_network(f"{one}/{length}", strict=False)) for one in addresses)

    def _inside(self, network: IPv4Network | IPv6Network) -> bool:
        return self._address.version == network.version and self._address in network

    async def _expanded(self, spec: str, domain: str) -> str:
        """A domain-spec with its macros (RFC 7208 7); what is too long loses labels at its left."""
        pointer = await self._pointer(domain) if re.search(r"%\{p", spec, re.IGNORECASE) else ""
        values: dict[str, Callable[[], str]] = {
            "s": lambda: f"{self._local}@{self._sender_host}",
            "l": lambda: self._local,
            "o": lambda: self._sender_host,
            "d": lambda: domain,
            "i": lambda: _dotted(self._address),
            "p": lambda: pointer,
            "h": lambda: self._sender_host,
            "v": lambda: "in-addr" if self._address.version == 4 else "ip6",
        }

        def one(found: re.Match[str]) -> str:
            if found[1] is None:
                return {"%%": "%", "%_": " ", "%-": "%20"}[found[0]]
            value = values[found[1].lower()]()
            parts = re.split("[" + re.escape(found[4] or ".") + "]", value)
            if found[3]:
                parts.reverse()
            if found[2]:
                parts = parts[-int(found[2]) :]
            made = ".".join(parts)
            return quote(made, safe="-._~") if found[1].isupper() else made

        name = _MACRO.sub(one, spec).rstrip(".")
        while len(name) > _MAX_NAME and "." in name:
            name = name.partition(".")[2]
        return name

    async def _pointer(self, domain: str) -> str:
        """What %{p} stands for: a validated name, of this domain if there is one."""
        valid = await self._validated()
        own = [name for name in valid if name == domain or name.endswith("." + domain)]
        return (own or valid or ["unknown"])[0]


def _parsed(record: str) -> tuple[list[_Term], str | None]:
    """The mechanisms up to ``all`` and the target of redirect=, which only counts without ``all``. The whole record is
    read first: an error anywhere makes all of it useless (RFC 7208 4.6)."""
    terms: list[_Term] = []
    modifiers: dict[str, str] = {}
    for word in record.split(" ")[1:]:
        if not word:
            continue
        found = _TERM(word)
        if found is None:
            raise _PermanentError(f'"{word[:80]}" is no term of SPF')
        name = found[2].lower()
        if found[3] == "=":
            if found[1]:
                raise _PermanentError(f'"{word[:80]}" is no term of SPF')
            if name in ("redirect", "exp"):
                if name in modifiers:
                    raise _PermanentError(f"{name}= stands there twice")
                _check_spec(found[4], word)
            modifiers.setdefault(name, found[4])
            continue
        terms.append(_mechanism(found[1], name, found[3], found[4] if found[3] else found[5] or "", word))
    for place, term in enumerate(terms):
        if term.name == "all":
            return terms[: place + 1], None
    return terms, modifiers.get("redirect")


def _mechanism(qualifier: str, name: str, colon: str | None, value: str, word: str) -> _Term:
    wrong = _PermanentError(f'"{word[:80]}" is no term of SPF')
    if name == "all":
        if colon or value:
            raise wrong
        return _Term(qualifier, name, "")
    if name in ("ip4", "ip6"):
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            raise wrong from None
        if (
            not colon
            or network.version != int(name[2])
            or not re.fullmatch(r"[0-9a-f.:]+(/(0|[1-9]\d{0,2}))?", value, re.IGNORECASE)
        ):
            raise wrong
        return _Term(qualifier, name, value)
    if name in ("include", "exists"):
        _check_spec(value, word)
        return _Term(qualifier, name, value)
    if name == "ptr":
        if colon or value:
            _check_spec(value, word)
        return _Term(qualifier, name, value)
    if name not in ("a", "mx"):
        raise wrong
    parts = _CIDR(value)
    assert parts is not None, "it matches everything"
    if colon or parts[1]:
        _check_spec(parts[1], word)
    length4, length6 = parts[2] or "32", parts[3] or "128"
    if int(length4) > 32 or int(length6) > 128 or any(len(one) > 1 and one[0] == "0" for one in (length4, length6)):
        raise wrong
    return _Term(qualifier, name, parts[1], int(length4), int(length6))


def _check_spec(spec: str, word: str) -> None:
    """Raise for what is no domain-spec (RFC 7208 7.1)."""
    if not spec or not _VISIBLE(spec) or not _DOMAIN_END(spec):
        raise _PermanentError(f'"{word[:80]}" names no domain')
    for found in _MACRO.finditer(spec):
        if found[0] == "%" or (found[2] and int(found[2]) == 0):
            raise _PermanentError(f'"{word[:80]}" has a macro that does not exist')
        if found[1] and found[1].lower() in "crt":
            raise _PermanentError(f'"{word[:80]}" has a macro that is for explanations only')


def _is_name(domain: str) -> bool:
    """Whether it can have a record (RFC 7208 4.3)."""
    labels = domain.rstrip(".").split(".")
    return len(labels) > 1 and all(0 < len(label) <= 63 for label in labels) and len(domain) <= _MAX_NAME


def _dotted(address: Address) -> str:
    """An address for %{i}: nibbles with dots in IPv6."""
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))

"""Questions to DNS, each with an end."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdata
import dns.resolver
import dns.reversename
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from syncom.errors import Invalid

#: Seconds for one question with its repeats, and for one server's answer.
_LIFETIME: Final = 5.0
_TIMEOUT: Final = 2.0


class NoAnswer(Exception):
    """DNS could not say (no server answered, or it failed): nothing is known."""


class Names(Protocol):
    """What may be asked. Each raises NoAnswer; a name that is not there, or is none, has nothing."""

    async def txt(self, name: str) -> list[str]:
        """TXT records, the strings of each joined."""
        ...

    async def mx(self, name: str) -> list[tuple[int, str]]:
        """Preference and host, the preferred ones first; ``.`` is a null MX (RFC 7505)."""
        ...

    async def addresses(self, name: str, version: int) -> list[str]:
        """Addresses of IP version 4 or 6."""
        ...

    async def cname(self, name: str) -> str:
        """What the name is an alias of; empty: of nothing."""
        ...

    async def pointers(self, address: str) -> list[str]:
        """Names of an address."""
        ...


class DnsNames:
    """The DNS of this machine, or of given servers."""

    def __init__(self, servers: Sequence[str] = (), *, patience: float = _LIFETIME) -> None:
        """``servers``: addresses with or without a port, such as 9.9.9.9 or 127.0.0.1:5353; none: the system's.
        ``patience``: seconds for one question.

        Raises Invalid for what is no address.
        """
        self._patience = patience
        self._servers = [_endpoint(server) for server in servers]
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def txt(self, name: str) -> list[str]:
        found = await self._ask(name, RdataType.TXT)
        return [b"".join(record.strings).decode("utf-8", "replace") for record in found if isinstance(record, TXT)]

    async def mx(self, name: str) -> list[tuple[int, str]]:
        found = await self._ask(name, RdataType.MX)
        return sorted((record.preference, _host(record.exchange)) for record in found if isinstance(record, MX))

    async def addresses(self, name: str, version: int) -> list[str]:
        found = await self._ask(name, RdataType.A if version == 4 else RdataType.AAAA)
        return [record.address for record in found if isinstance(record, A | AAAA)]

    async def cname(self, name: str) -> str:
        found = await self._ask(name, RdataType.CNAME)
        return next((_host(record.target) for record in found if isinstance(record, CNAME)), "")

    async def pointers(self, address: str) -> list[str]:
        try:
            name = dns.reversename.from_address(address).to_text()
        except (dns.exception.DNSException, ValueError):
            return []
        found = await self._ask(name, RdataType.PTR)
        return [_host(record.target) for record in found if isinstance(record, PTR)]

    async def _ask(self, name: str, kind: RdataType) -> list[dns.rdata.Rdata]:
        try:
            asked = dns.name.from_text(name)
        except (dns.exception.DNSException, ValueError):
            return []
        try:
            answer = await self._asker().resolve(asked, kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NoAnswer(f"DNS did not answer for {name} ({type(error).__name__})") from None
        return [] if answer.rrset is None else list(answer.rrset)

    def _asker(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            made = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = [host for host, _ in self._servers]
                made.nameserver_ports = dict(self._servers)
            made.lifetime, made.timeout = self._patience, min(_TIMEOUT, self._patience)
            self._resolver = made
        return self._resolver


def _host(name: dns.name.Name) -> str:
    """In small letters without the dot at the end, but for the root."""
    return name.to_text(omit_final_dot=True).lower()


def _endpoint(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":") if server.count(":") == 1 or "]:" in server else (server, "", "53")
    try:
        return str(ip_address(host.strip("[]"))), int(port)
    except ValueError:
        raise Invalid("SYNCOM_DNS_SERVERS", f"{server} is not an address such as 9.9.9.9 or 127.0.0.1:5353") from None

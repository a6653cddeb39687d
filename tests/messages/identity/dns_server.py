"""A DNS server on the loopback, with the zone that a test writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from syncom.messages.identity.model import DomainView


@dataclass(kw_only=True)
class DnsServer(asyncio.DatagramProtocol):
    """Answers by UDP from :attr:`zone`; use :func:`running_dns`."""

    #: Values as in a zone file, by name without a dot at the end and type.
    zone: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    #: Names that are not answered at all, and those that fail (SERVFAIL).
    silent: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    transport: asyncio.DatagramTransport | None = None

    def set(self, name: str, kind: str, *values: str) -> None:
        """Replace the records of a name and type; no values: take them out."""
        self.zone.pop((name, kind), None)
        if values:
            self.zone[name, kind] = [spelled(kind, value) for value in values]

    def publish(self, view: DomainView) -> None:
        """Every record that the domain asks for, beside what is there."""
        for record in view.records:
            present = self.zone.setdefault((record.name, record.type), [])
            value = spelled(record.type, record.value)
            if value not in present:
                present.append(value)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name in self.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(answer, name, kind)
        assert self.transport is not None
        self.transport.sendto(answer.to_wire(max_size=65_000), addr)

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(8):
            alias = self.zone.get((name, "CNAME"))
            values = self.zone.get((name, kind))
            if values:
                answer.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", kind, values))
                return
            if not alias:
                break
            answer.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", "CNAME", alias))
            name = alias[0].rstrip(".")
        if not any(known == name or known.endswith(f".{name}") for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)


def spelled(kind: str, value: str) -> str:
    """A value as a zone file has it."""
    if kind != "TXT" or value.startswith('"'):
        return value
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(f'"{quoted[at : at + 255]}"' for at in range(0, len(quoted), 255))


@asynccontextmanager
async def running_dns() -> AsyncGenerator[DnsServer]:
    server = DnsServer()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()

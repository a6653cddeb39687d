from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.dns import DnsNames
from syncom.outbound import OutboundClient
from tests.messages.identity.dns_server import DnsServer, running_dns


@pytest.fixture
async def dns_server() -> AsyncIterator[DnsServer]:
    async with running_dns() as server:
        yield server


@pytest.fixture
def names(dns_server: DnsServer) -> DnsNames:
    return DnsNames([f"127.0.0.1:{dns_server.port}"])


@pytest.fixture
async def certificates() -> AsyncIterator[Certificates]:
    """Nothing but this machine is reached from tests, and it is a private network: nothing is known of https."""
    client = OutboundClient()
    yield Certificates(client)
    await client.close()

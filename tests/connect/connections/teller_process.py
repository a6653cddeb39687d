"""What tells owners, for tests that kill it: `python -m tests.connect.connections.teller_process DSN`."""

from __future__ import annotations

import asyncio
import sys

from syncom.clock import SystemClock
from syncom.connect.connections.telling import OwnerTeller
from syncom.connect.tenants.service import TenantsService
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.security import Keyring


async def main(dsn: str) -> None:
    clock = SystemClock()
    async with Database(dsn, max_size=4) as database:
        tenants = TenantsService(database, Keyring(b"k" * 32), clock)
        teller = OwnerTeller(database, tenants.sign_event, OutboundClient("127.0.0.1/32"), clock)
        await teller.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""A sending process for tests that kill it: `python -m tests.messages.sender_process DSN ACCOUNT DATA_DIR ROLE`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from syncom.messages.model import SenderRole
from syncom.postgres.pool import Database
from tests.messages.house import SendingHouse


async def main(dsn: str, account_id: int, data_dir: Path, role: SenderRole) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Database(dsn, max_size=6) as database:
        await SendingHouse.on(database, account_id, data_dir).loop(role).run(stop)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), SenderRole(sys.argv[4])))

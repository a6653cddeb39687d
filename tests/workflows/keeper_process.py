"""A keeper of workflows for tests that kill it: `python -m tests.workflows.keeper_process DSN ACCOUNT DATA_DIR`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from syncom.postgres.pool import Database
from tests.workflows.conftest import Journeys


async def main(dsn: str, account_id: int, data_dir: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Database(dsn, max_size=4) as database:
        await Journeys.on(database, account_id, data_dir).keeper.run(stop)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))

"""A process that records clicks until it is killed: prints the number of each contact whose click was answered."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from syncom.activity.model import ActivityKind, Hit
from syncom.activity.recorder import Entry, Recorder
from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.ids import campaign_message_id
from syncom.postgres.pool import Database

CLIENTS = 16


async def main(dsn: str, spool: str, first: int) -> None:
    clock = SystemClock()
    async with Database(dsn, max_size=2) as database:
        recorder = Recorder(dsn, ActivityService(database, clock), clock, spool_dir=Path(spool))
        await recorder.start()

        async def click(start: int) -> None:
            for contact in range(start, start + 1_000_000, CLIENTS):
                hit = Hit(
                    account_id=1,
                    contact_id=contact,
                    campaign_id=7,
                    message_id=campaign_message_id(7, contact),
                    kind=ActivityKind.CLICKED,
                    link=contact % 4,
                    occurred_at=clock.now(),
                )
                await recorder.record(Entry(hit=hit))
                print(contact, flush=True)

        await asyncio.gather(*(click(first + number) for number in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

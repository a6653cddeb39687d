"""A lone caller that submits again at once is never left waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from syncom.postgres.group_commit import GroupCommit


async def test_an_item_submitted_right_after_the_last_answer_is_written() -> None:
    async def write(items: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        return list(items)

    group: GroupCommit[int, int] = GroupCommit(write)
    for number in range(50):
        assert await asyncio.wait_for(group.submit(number), 5) == number
    await group.close()

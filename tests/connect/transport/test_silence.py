"""Waits that have an end."""

from __future__ import annotations

import asyncio

import pytest

from syncom.connect.transport.silence import Silence


async def test_a_wait_that_is_over_is_a_time_out_and_the_next_one_begins_anew() -> None:
    silence = Silence(0.01)
    for _ in range(2):
        with pytest.raises(TimeoutError), silence:
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with silence:
        await asyncio.sleep(0)


async def test_whoever_cancels_the_task_means_it() -> None:
    async def waits() -> None:
        with Silence(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_together_with_the_end_is_not_swallowed() -> None:
    async def waits() -> None:
        with Silence(0):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                # The end has come; now somebody cancels too.
                task.cancel()
                raise

    task = asyncio.create_task(waits())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_heard_begins_the_time_anew() -> None:
    silence = Silence(0.05)
    with silence:
        for _ in range(10):
            await asyncio.sleep(0.02)
            silence.broken()
    silence.broken()

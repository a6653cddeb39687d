"""Writes of the web server that are joined."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from syncom.http.joined import JoinedWrites


class Wire:
    """What a transport would send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
async def wire() -> Wire:
    return Wire()


def _over(wire: Wire) -> JoinedWrites:
    return JoinedWrites(cast("asyncio.Transport", wire), asyncio.get_running_loop())


async def test_a_head_and_a_small_body_are_one_write(wire: Wire) -> None:
    transport = _over(wire)
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.sent == [b"head body"]
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]


async def test_a_head_alone_leaves_at_the_next_turn(wire: Wire) -> None:
    transport = _over(wire)
    transport.write(b"head")
    assert wire.sent == []
    await asyncio.sleep(0)
    assert wire.sent == [b"head"]


async def test_large_pieces_are_not_copied_and_keep_their_place(wire: Wire) -> None:
    transport = _over(wire)
    large = b"x" * 100_000
    transport.write(b"head")
    transport.write(large)
    transport.write(large)
    transport.write(b"tail")
    await asyncio.sleep(0)
    assert wire.sent == [b"head", large, large, b"tail"]


async def test_what_waits_is_sent_before_the_end_and_never_after_it(wire: Wire) -> None:
    transport = _over(wire)
    transport.write(b"last")
    transport.close()
    assert (wire.sent, transport.is_closing()) == ([b"last"], True)
    gone = _over(wire)
    wire.closed = False
    gone.write(b"lost")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.sent == [b"last"]

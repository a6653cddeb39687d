"""Texts over one bind, against a bare loop of submit_sm with the same library into the same SMSC.

Ours: the carrier that the sending processes use: personal texts put into their alphabet, the window, the pace, each
text told of with the SMSC's id. Floor: the client of ``smpp34``, whose codec ours uses, with the same window kept full
and one text that is ready. The SMSC is a process of its own that answers each submit_sm with an id, and reads nothing
else.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import struct
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final, cast
from uuid import UUID

import smpp34
import uvloop

from bench import house as at
from bench.figures import Figure, median
from syncom.clock import SystemClock
from syncom.contacts.model import Channel
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.sms.model import TextParcel
from syncom.messages.channels.sms.smpp import pdu
from syncom.messages.channels.sms.smpp.model import SmppAnswer, SmppBind
from syncom.messages.channels.sms.smpp.pool import SmppPool

TEXTS: Final = 50_000
WINDOW: Final = 50
ROUNDS: Final = 5
_TEXT: Final = "Order {} is on its way and will be with you today between 14:00 and 16:00. Shop"
_HEADER: Final = struct.Struct("!IIII")


async def run(texts: int = TEXTS) -> list[Figure]:
    port = at.free_port()
    ours: list[float] = []
    theirs: list[float] = []
    async with at.process(sys.executable, "-m", "bench.smpp", str(port)):
        await at.listening(port)
        for _ in range(ROUNDS):
            theirs.append(await _bare_loop(port, texts))
            ours.append(await _carried(port, texts))
    return [
        Figure(
            issue="06",
            name="SMS over SMPP, one bind",
            measured=median(ours),
            floor=median(theirs),
            unit="texts/s",
            must=0.5,
            aim=0.9,
        )
    ]


async def _bare_loop(port: int, texts: int) -> float:
    """Texts a second of the library's own client."""
    client = smpp34.Client("127.0.0.1", port, "acme", "secret", bind_type="TRX", window_size=WINDOW)
    smsc = await client.connect()
    left = itertools.count()
    text = _TEXT.format(1).encode()

    async def submit() -> None:
        while (number := next(left)) < texts:
            answer = await smsc.submit_sm(
                f"38067{number:07d}",
                text,
                source_addr="Acme",
                source_addr_ton=5,
                dest_addr_ton=1,
                dest_addr_npi=1,
                registered_delivery=1,
            )
            assert answer.is_success

    started = time.perf_counter()
    await asyncio.gather(*(submit() for _ in range(WINDOW)))
    rate = texts / (time.perf_counter() - started)
    await client.stop()
    return rate


class _Texts:
    """A source of personal texts."""

    def __init__(self, texts: int) -> None:
        self._parcels = self._made(texts)
        self._left = texts
        self.done = asyncio.Event()

    def next_parcel(self) -> TextParcel | None:
        return next(self._parcels, None)

    def handing_over(self, parcel: TextParcel, /) -> None:
        """The journal is the loop's."""

    def finished(self, parcel: TextParcel, outcome: Outcome, answer: SmppAnswer, /) -> None:
        assert outcome is Outcome.ACCEPTED, answer
        assert answer.peer_ids
        self._left -= 1
        if not self._left:
            self.done.set()

    def _made(self, texts: int) -> Iterator[TextParcel]:
        for number in range(texts):
            yield TextParcel(
                key=None,
                channel=Channel.SMS,
                message_id=UUID(int=number),
                sender="Acme",
                to=f"+38067{number:07d}",
                text=_TEXT.format(number),
                parts=1,
            )


class _Nothing:
    async def take(self, octets: bytes) -> int:
        del octets
        return pdu.ROK


async def _carried(port: int, texts: int) -> float:
    """Texts a second of our carrier."""
    source = _Texts(texts)
    pool = SmppPool(
        SmppBind(host="127.0.0.1", port=port, system_id="acme", names=("Acme",), window=WINDOW),
        "secret",
        source,
        deliveries=_Nothing(),
        short_links=None,
        allowed=[ip_network("127.0.0.0/8")],
        listening=True,
        timeout=30,
        clock=SystemClock(),
    )
    started = time.perf_counter()
    pool.start()
    await source.done.wait()
    rate = texts / (time.perf_counter() - started)
    await pool.drain()
    return rate


class _Smsc(asyncio.Protocol):
    """Answers and keeps nothing."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._numbers = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        buffer = self._buffer + data if self._buffer else data
        start, answers = 0, []
        while len(buffer) - start >= pdu.HEADER_SIZE:
            length, command, _, sequence = _HEADER.unpack_from(buffer, start)
            if len(buffer) - start < length:
                break
            start += length
            if not command & 0x80000000:
                body = b"%d\0" % next(self._numbers) if command == pdu.Command.SUBMIT_SM else b"smsc\0"
                bare = command in (pdu.Command.UNBIND, pdu.Command.ENQUIRE_LINK)
                answers.append(pdu.bare(command | 0x80000000, sequence, body=b"" if bare else body))
        self._buffer = buffer[start:]
        self._transport.write(b"".join(answers))


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.get_running_loop().create_server(_Smsc, "127.0.0.1", port)
    at.warm()
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))

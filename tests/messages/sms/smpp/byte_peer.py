"""An SMSC of octets, for what the other one cannot do: it answers in the same turn, breaks rules, and is quick."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

from smpp34 import SubmitSm, decode

HEADER = struct.Struct("!IIII")
BINDS = (0x01, 0x02, 0x09)
SUBMIT, UNBIND, ENQUIRE = 0x04, 0x06, 0x15


def pdu(command: int, sequence: int, *, status: int = 0, body: bytes = b"") -> bytes:
    return HEADER.pack(16 + len(body), command, status, sequence) + body


def taken(sequence: int, peer_id: str) -> bytes:
    """The answer to a submit_sm that was taken."""
    return pdu(SUBMIT | 0x80000000, sequence, body=peer_id.encode() + b"\0")


def refused(sequence: int, status: int) -> bytes:
    return pdu(SUBMIT | 0x80000000, sequence, status=status)


class Connection(asyncio.Protocol):
    """One connection. What it got is in ``got``: command, sequence, octets."""

    def __init__(self, peer: BytePeer) -> None:
        self._peer = peer
        self._buffer = b""
        self.got: list[tuple[int, int, bytes]] = []
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._peer.connections.append(self)
        self._peer.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost.set()
        self._peer.news.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 16:
            length, command, _, sequence = HEADER.unpack_from(self._buffer)
            if len(self._buffer) < length:
                return
            octets, self._buffer = self._buffer[:length], self._buffer[length:]
            self.got.append((command, sequence, octets))
            self._peer.news.set()
            self._answer(command, sequence, octets)

    def write(self, octets: bytes) -> None:
        if self.transport is not None:
            self.transport.write(octets)

    def cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _answer(self, command: int, sequence: int, octets: bytes) -> None:
        if command in BINDS and self._peer.answers_binds:
            self.write(pdu(command | 0x80000000, sequence, body=b"smsc\0"))
        elif command == SUBMIT:
            answer = self._peer.submitted(self, sequence, cast("SubmitSm", decode(octets)))
            if answer:
                self.write(answer)
        elif command in (UNBIND, ENQUIRE):
            self.write(pdu(command | 0x80000000, sequence))


#: Answers a submit_sm; None: nothing now.
Submitted = Callable[[Connection, int, SubmitSm], bytes | None]


class BytePeer:
    """What all connections have in common."""

    def __init__(self, submitted: Submitted | None = None) -> None:
        self.submitted = submitted or (lambda connection, sequence, text: taken(sequence, f"id-{sequence}"))
        self.answers_binds = True
        self.connections: list[Connection] = []
        self.news = asyncio.Event()
        self.port = 0

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.news.clear()
                await self.news.wait()

    def commands(self) -> list[int]:
        """Every command that came, over all connections."""
        return [command for connection in self.connections for command, _, _ in connection.got]


@asynccontextmanager
async def running_bytes(peer: BytePeer, port: int = 0) -> AsyncGenerator[BytePeer]:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(peer), "127.0.0.1", port)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for connection in peer.connections:
            connection.cut()
        await server.wait_closed()
